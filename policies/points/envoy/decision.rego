# METADATA
# scope: package
# title: The envoy point
# description: |
#   One call, in the form of opa-envoy-plugin's result object. The first body of the decision is the hot path: one flat rule over
#   compiled grants that allows only where every requirement provably holds. Whatever it does not allow, the requirements in full
#   decide; they may still allow, and they explain every denial.
# schemas:
#   - input: schema.input
#   - data.weighbridge.registry: schema.registry
#   - data.weighbridge.live: schema.live
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
	# The registry is there, the call is in its table (with a query it takes the full rules), and Envoy has read the body.
	registry.point == "envoy"
	http := input.attributes.request.http
	registry.calls.paths[concat(" ", [http.method, http.path])].model == "body"
	http.headers["content-type"] == "application/json"
	to_number(http.headers["content-length"]) <= registry.calls.body_limit
	call := input.attributes.metadataContext.filterMetadata["weighbridge.call"]
	call.body == "json"

	# One key of our form, in its place; its tenant and their limits stand in one entry.
	not http.headers["x-api-key"]
	not http.headers["api-key"]
	["Bearer", key] = split(http.headers.authorization, " ")
	regex.match(`^wb_[a-z0-9.-]+_[a-z0-9]{8}_[A-Za-z0-9_-]{43}$`, key)
	grant := registry.grants[crypto.sha256(key)]
	startswith(key, concat("_", ["wb", registry.environment, grant.key, ""]))
	grant.clear == true
	is_number(grant.not_after)
	grant.not_after > request.now_ns

	# The version that is asked for: what the alias points to, among the models that the release allows it, or the version itself.
	version := object.get(live.active, call.model, call.model)
	record := registry.records[version]

	# regal ignore:superfluous-object-get
	object.get(registry.routes, [call.model, "models", record.model], version == call.model) == true
	grant.models[record.model] == true
	record.clear == true
	record.approved == true

	record.served == true
	is_number(record.not_after)
	record.not_after > request.now_ns

	# One answer, streamed only with usage, within the limit where there is one.
	object.get(call, "n", 1) == 1
	stream := object.get(call, "stream", false)
	is_boolean(stream)
	stream in {false, object.get(call, "include_usage", false)}
	[] == [limit | limit := grant.max_tokens; not within(call, limit)]

	# Fresh live data, whose maps are maps, blocks nothing. No JSON value equals a set, so "not there" is unmistakable.
	live.environment == registry.environment
	is_number(live.not_after)
	live.not_after > request.now_ns
	_ := concat("", [grant.tenant, record.digest]) # both are strings, or this fails
	object.get(live.revoked, record.digest, set()) == set()
	object.get(live.frozen, version, set()) == set()
	object.get(live.suspended, grant.tenant, set()) == set()
	object.get(live.keys, grant.key, set()) == set()
	object.get(live.exhausted, grant.tenant, set()) == set()

	# Requirements of the user's own are judged in full, always.
	not data.lib.weighbridge.user.requirements
} else := explained

# METADATA
# title: The decision of the requirements in full
# description: What the hot path must agree with, and what explains a denial.
explained := {
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

# What denies; a requirement of the user's own may be softened by its mode, and then is only told.
violations := {violation | some violation in requirements.violations; not requirements.softened({violation})}

warned := sort({violation.code | some violation in requirements.violations; requirements.softened({violation})})

# Exactly one of the two is a positive integer within the limit; the rest is for the requirements in full.
within(call, limit) if {
	[asked] = [call[name] | some name in ["max_tokens", "max_completion_tokens"]]
	is_number(asked)
	asked > 0
	asked % 1 == 0
	is_number(limit)
	asked <= limit
}

satisfied if {
	is_set(inf.deny)
	count(violations) == 0
}

# What the access log may know: nothing that the caller alone claims.
facts := object.union_n([caller, named, resolved, softened])

default softened := {}

softened := {"warned": concat(",", warned)} if count(warned) > 0

default caller := {}

caller := {"tenant": inf.grant.tenant, "key": inf.grant.key}

default named := {}

named := {"alias": inf.model_name} if inf.known

default resolved := {}

resolved := {"model": inf.record.model, "version": inf.record.version, "digest": inf.record.digest}
