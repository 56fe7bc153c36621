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
	"dynamic_metadata": {
		"codes": "INF-022",
		"error": {
			"message": "The call could not be judged. Try again later.",
			"type": "server_error",
			"code": "INF-022",
			"param": null,
			"codes": ["INF-022"],
		},
	},
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
	to_number(object.get(http, "size", 0)) <= registry.calls.body_limit
	call := input.attributes.metadataContext.filterMetadata["weighbridge.call"]
	call.body == "json"

	# A stream says what it used, and one answer is asked for; what else is fine takes the full rules.
	stream := object.get(call, "stream", false)
	is_boolean(stream)
	object.get(call, "include_usage", false) == stream
	object.get(call, "n", 1) == 1

	# The key, its tenant and their limits in one entry.
	["Bearer", key] = split(http.headers.authorization, " ")
	regex.match(inf.key_form, key)
	grant := registry.grants[crypto.sha256(key)]
	startswith(key, concat("_", ["wb", registry.environment, grant.key, ""]))
	inf.bounded(grant, call, 1)
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

	# Requirements of the user's own are judged in full, always.
	not data.lib.weighbridge.user.requirements
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
	"body": json.marshal({"error": error}),
	"dynamic_metadata": object.union(facts, {"codes": concat(",", error.codes), "error": error}),
} if {
	count(violations) > 0
}

violations := requirements.violations

satisfied if {
	is_set(inf.deny)
	count(violations) == 0
}

# What the access log may know: nothing that the caller alone claims.
facts := object.union_n([caller, named, resolved])

default caller := {}

caller := {"tenant": inf.grant.tenant, "key": inf.grant.key}

default named := {}

named := {"alias": inf.model_name} if inf.route

default resolved := {}

resolved := {"model": inf.record.model, "version": inf.record.version, "digest": inf.record.digest}
