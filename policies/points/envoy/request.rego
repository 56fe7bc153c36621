# METADATA
# scope: package
# title: The request as Envoy's authorizer sees it
# description: |
#   `input` is Envoy's ext_authz v3 CheckRequest as opa-envoy-plugin hands it on. The body never comes here: Envoy reads a few
#   fields of it into the metadata namespace `weighbridge.call`.
# schemas:
#   - input: schema.input
#   - data.weighbridge.registry: schema.registry
#   - data.weighbridge.live: schema.live
package lib.weighbridge.request

import data.lib.weighbridge.compiled
import data.lib.weighbridge.enforcement
import data.weighbridge.live
import data.weighbridge.registry

now_ns := time.now_ns()

environment := registry.environment

# METADATA
# title: The subject
# description: |
#   Method, raw path up to the query, and what Envoy read from the body: what `points/request.json` declares, and no headers, among
#   which are credentials. The union hides the object's keys from the compiler: a user's requirement, linked at every point, asks
#   for `kind` first.
subject := object.union(
	{
		"kind": "call",
		"method": text(http, "method"),
		"path": split(text(http, "path"), "?")[0],
		"call": call,
	},
	{},
)

default http := {}

http := input.attributes.request.http if is_object(input.attributes.request.http)

# METADATA
# title: The headers
# description: For our own requirements alone. Credentials are among them, and a user's message goes to logs and to the caller.
default headers := {}

headers := http.headers if is_object(http.headers)

default call := {}

call := input.attributes.metadataContext.filterMetadata["weighbridge.call"] if {
	is_object(input.attributes.metadataContext.filterMetadata["weighbridge.call"])
}

default text(_, _) := ""

text(object_, key) := object_[key] if is_string(object_[key])

# METADATA
# title: Policy data is there
# description: The registry is this point's and can be read.
data_readable if {
	registry.point == "envoy"
	compiled.registry_readable
	is_object(registry.orders.suspended)
	is_object(registry.orders.keys)
	is_object(registry.grants)
	is_object(registry.routes)
	is_object(registry.calls.paths)
	is_number(registry.calls.body_limit)
}

# METADATA
# title: Live data is fresh
# description: This environment's, not past its end, and nothing that is looked up in it is missing.
fresh if {
	compiled.live_fresh(now_ns)
	is_object(live.suspended)
	is_object(live.keys)
	is_object(live.active)
	is_object(live.exhausted)
}

body_limit := registry.calls.body_limit

# METADATA
# title: What a method and path is
# description: The entry of the table of calls; either its model is named in the body, or the gate answers by itself.
endpoint := registry.calls.paths[concat(" ", [subject.method, subject.path])]

# METADATA
# title: The path exists for another method
# description: Tells 405 from 404; asked only once the call is denied.
path_known if {
	some method in ["GET", "POST", "PUT", "PATCH", "DELETE"]
	registry.calls.paths[concat(" ", [method, subject.path])]
}

grant(hash) := registry.grants[hash]

record(name) := registry.records[name]

route(alias) := registry.routes[alias]

active(alias) := live.active[alias]

revocations(digest) := compiled.orders("revoked", digest, now_ns)

freezes(name) := compiled.orders("frozen", name, now_ns)

suspensions(tenant) := compiled.orders("suspended", tenant, now_ns)

key_orders(id) := compiled.orders("keys", id, now_ns)

exhaustions(tenant) := compiled.live_orders("exhausted", tenant, now_ns)

# For requirements of the user's own: ours on calls are always enforced.
mode(code) := enforcement.mode(registry.modes, code, now_ns)

# A waiver speaks of an artifact or a workload that is deployed, never of calls.
# regal ignore:argument-always-wildcard
waivers(_) := set()
