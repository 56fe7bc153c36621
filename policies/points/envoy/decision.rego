# METADATA
# scope: package
# title: The envoy point
# description: |
#   One call, in the form of opa-envoy-plugin's result object. The first body of the decision is the hot path: one flat rule over
#   compiled grants that allows only where every requirement provably holds. Whatever it does not allow, the requirements in full
#   decide; they may still allow, and they explain every denial.
package weighbridge.points.envoy

import data.lib.weighbridge.decision as requirements
import data.lib.weighbridge.request
import data.lib.weighbridge.requirements.inf
import data.weighbridge.live
import data.weighbridge.registry

# METADATA
# title: Decision
# description: Allowed with a route, answered by the gate itself, or denied with every reason.
# entrypoint: true
default decision := {
	"allowed": false,
	"http_status": 503,
	"headers": {"content-type": "application/json"},
	"body": `{"error":{"message":"The call could not be judged. Try again later.","type":"server_error","code":"INF-022","param":null,"codes":["INF-022"]}}`,
	"dynamic_metadata": {"codes": "INF-022"},
}

decision := {
	"allowed": true,
	"headers": {"x-weighbridge-route": version},
	"request_headers_to_remove": ["authorization"],
	"dynamic_metadata": {
		"tenant": grant.tenant,
		"key": grant.key,
		"model": record.model,
		"version": record.version,
		"digest": record.digest,
		"codes": "",
		"alias": call.model,
	},
} if {
	# The table of calls, and a body that Envoy has read.
	http := input.attributes.request.http
	registry.calls.paths[concat(" ", [http.method, split(http.path, "?")[0]])].model == "body"
	http.headers["content-type"] == "application/json"
	call := input.attributes.metadataContext.filterMetadata["weighbridge.call"]
	call.body == "json"

	# The key, its tenant and their limits in one entry.
	["Bearer", key] = split(http.headers.authorization, " ")
	grant := registry.grants[crypto.sha256(key)]
	grant.clear == true
	is_number(grant.not_after)
	grant.not_after > request.now_ns

	# The version that the alias stands for.
	version := live.active[call.model]
	record := registry.records[version]
	registry.routes[call.model].models[record.model] == true
	grant.models[record.model] == true
	record.clear == true
	record.approved == true
	record.served == true
	is_number(record.not_after)
	record.not_after > request.now_ns

	# Fresh live data blocks nothing.
	live.environment == registry.environment
	is_number(live.not_after)
	live.not_after > request.now_ns
	not live.revoked[record.digest]
	not live.frozen[version]
	not live.suspended[grant.tenant]
	not live.keys[grant.key]
	not live.exhausted[grant.tenant]
} else := {
	"allowed": true,
	"headers": {"x-weighbridge-route": inf.version},
	"request_headers_to_remove": ["authorization"],
	"dynamic_metadata": object.union(facts, {"codes": ""}),
} if {
	satisfied
	inf.endpoint.model == "body"
	inf.approved
	inf.entitled
} else := {
	"allowed": false,
	"http_status": 200,
	"headers": {"content-type": "application/json"},
	"body": json.marshal({"object": "list", "data": entitlements}),
	"dynamic_metadata": object.union(facts, {"codes": ""}),
} if {
	satisfied
	inf.endpoint.answer == "entitlements"
	inf.judged
} else := {
	"allowed": false,
	"http_status": status,
	"headers": {"content-type": "application/json"},
	"body": json.marshal({"error": {
		"message": first.message,
		"type": error_types[status],
		"code": first.code,
		"param": null,
		"codes": codes,
	}}),
	"dynamic_metadata": object.union(facts, {"codes": concat(",", codes)}),
} if {
	count(violations) > 0
}

violations := requirements.violations

satisfied if {
	is_set(inf.deny)
	count(violations) == 0
}

codes := sort({violation.code | some violation in violations})

# Which status answers a call that violates several requirements: the first of this list. Who calls comes before what is asked.
precedence := [
	["INF-022", 503],
	["INF-008", 401],
	["INF-007", 401],
	["INF-009", 401],
	["INF-011", 401],
	["INF-010", 401],
	["INF-006", 404],
	["INF-005", 413],
	["INF-002", 415],
	["INF-001", 400],
	["INF-003", 400],
	["INF-004", 400],
	["INF-027", 400],
	["INF-020", 400],
	["INF-021", 400],
	["INF-024", 503],
	["INF-013", 403],
	["INF-016", 404],
	["INF-012", 403],
	["INF-014", 403],
	["INF-018", 403],
	["INF-015", 403],
	["INF-019", 403],
	["INF-026", 429],
	["INF-017", 503],
	["INF-025", 503],
]

ranked := [[i, violation, entry[1]] |
	some i, entry in precedence
	some violation in violations
	violation.code == entry[0]
]

first := ranked[0][1] if {
	count(ranked) > 0
} else := sort([[violation.code, violation] | some violation in violations])[0][1]

# What a user's own requirement denies is forbidden.
default status := 403

status := 405 if {
	first.code == "INF-006"
	request.path_known
} else := ranked[0][2]

error_types := {
	400: "invalid_request_error",
	401: "authentication_error",
	403: "permission_error",
	404: "not_found_error",
	405: "invalid_request_error",
	413: "invalid_request_error",
	415: "invalid_request_error",
	429: "rate_limit_error",
	503: "server_error",
}

# What the access log may know: nothing that the caller alone claims.
facts := object.union_n([caller, named, resolved])

default caller := {}

caller := {"tenant": inf.grant.tenant, "key": inf.grant.key}

default named := {}

named := {"alias": inf.model_name} if inf.route

default resolved := {}

resolved := {"model": inf.record.model, "version": inf.record.version, "digest": inf.record.digest}

# What the tenant may name right now: versions that are approved, served and not blocked, and aliases that point to one of them.
entitlements := [{"id": id, "object": "model", "created": 0, "owned_by": "weighbridge", "root": version} |
	some [id, version] in sort(answerable)
]

answerable contains [version, version] if {
	some model, allowed in inf.grant.models
	allowed == true
	some version, _ in registry.models[model].versions
	inf.answers_now(version)
}

answerable contains [alias, version] if {
	some model, allowed in inf.grant.models
	allowed == true
	some alias, _ in registry.models[model].aliases
	version := live.active[alias]
	registry.routes[alias].models[registry.records[version].model] == true
	inf.grant.models[registry.records[version].model] == true
	inf.answers_now(version)
}
