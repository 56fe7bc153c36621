package system.authz_test

import data.system.authz

allowed(method, path) if {
	authz.allow with input as {"method": method, "path": path, "identity": ""}
}

test_allowed if {
	allowed("GET", ["health"])
	allowed("GET", ["metrics"])
	allowed("POST", ["v1", "data", "weighbridge", "guard", "decision"])
	allowed("POST", ["v1", "data", "weighbridge", "guard", "workload"])
}

test_denied if {
	every request in [
		["PUT", ["v1", "policies", "evil"]],
		["DELETE", ["v1", "policies", "evil"]],
		["GET", ["v1", "policies"]],
		["PATCH", ["v1", "data", "weighbridge", "live"]],
		["PUT", ["v1", "data", "weighbridge", "live"]],
		["GET", ["v1", "data", "weighbridge", "registry"]],
		["POST", ["v1", "data", "weighbridge", "registry", "grants"]],
		["POST", ["v1", "data"]],
		["POST", ["v1", "data", "weighbridge", "guard"]],
		["POST", ["v1", "data", "weighbridge", "guard", "decision", "allowed"]],
		["POST", ["v1", "query"]],
		["GET", ["v1", "query"]],
		["POST", ["v1", "compile"]],
		["GET", ["v1", "config"]],
		["GET", ["v1", "status"]],
		["POST", []],
		["GET", ["health", "live"]],
		["HEAD", ["health"]],
		["DELETE", ["health"]],
		["PUT", ["v1", "data", "weighbridge", "guard", "decision"]],
		["PATCH", ["v1", "data", "weighbridge", "guard", "workload"]],
		["DELETE", ["v1", "data", "weighbridge", "guard", "decision"]],
	] {
		not allowed(request[0], request[1])
	}
}

test_odd_requests if {
	every request in [null, "x", {}, {"method": 7, "path": "health"}, {"method": "GET"}, {"path": ["health"]}] {
		allowed_ := authz.allow with input as request
		allowed_ == false
	}
}
