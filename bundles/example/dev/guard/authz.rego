# METADATA
# scope: package
# title: Who may use OPA's own API
# description: |
#   A policy put into the API before the bundles are active would decide. So the API answers health and metrics, and the guarded
#   decisions, and nothing else.
# schemas:
#   - input: schema.request
package system.authz

# METADATA
# title: Allow
# description: OPA asks this for each request to its API; `input.path` is the path in parts.
default allow := false

allow if {
	input.method == "GET"
	input.path in [["health"], ["metrics"]]
}

allow if {
	input.method == "POST"
	input.path in [
		["v1", "data", "weighbridge", "guard", "decision"],
		["v1", "data", "weighbridge", "guard", "workload"],
	]
}
