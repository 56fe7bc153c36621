package weighbridge.points.envoy

import data.lib.weighbridge.requirements.inf
import data.weighbridge.live
import data.weighbridge.registry

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
