package weighbridge.guard_test

import data.weighbridge.guard

manifests := {
	"live": {"manifest": {"roots": ["weighbridge/live"], "revision": "l"}},
	"release": {"manifest": {
		"revision": "r",
		"roots": ["weighbridge/points/envoy", "lib/weighbridge", "weighbridge/registry"],
	}},
}

program := {"live": {"manifest": {"wasm": [{"entrypoint": "weighbridge/live/releases", "module": "policy.wasm"}]}}}

decided(bundles) := decision if {
	decision := guard.decision with data.system.bundles as bundles
		with data.weighbridge.guard.settings as {"environment": "prod"}
		with data.weighbridge.registry as {"environment": "prod", "point": "envoy"}
		with data.weighbridge.live as {"environment": "prod", "releases": [{"revision": "r"}]}
		with data.weighbridge.points.envoy.decision as {"allowed": true}
}

test_sound_bundles_let_the_point_decide if {
	decided(manifests).allowed
}

test_live_data_that_is_a_program_denies if {
	decision := decided(object.union(manifests, program))
	not decision.allowed
	decision.dynamic_metadata.codes == "INF-028"
}
