package weighbridge.guard_test

import data.weighbridge.guard

bundles := {
	"live": {"manifest": {"revision": "l1", "roots": ["weighbridge/live"]}},
	"release": {"manifest": {"revision": "r1", "roots": ["weighbridge/registry", "lib/weighbridge", "weighbridge/points/envoy"]}},
}

workload_bundles := object.union(bundles, {"release": {"manifest": {"roots": ["lib/weighbridge", "weighbridge/points/workload", "weighbridge/registry"]}}})

registry := {"environment": "prod", "point": "envoy"}

live := {"environment": "prod", "releases": [{"revision": "r0", "until": 900}, {"revision": "r1"}]}

answer := {"allowed": true, "marker": "the point's own"}

guarded(bundles_, registry_, live_) := decided if {
	decided := guard.decision with data.system.bundles as bundles_
		with data.weighbridge.registry as registry_
		with data.weighbridge.live as live_
		with data.weighbridge.guard.settings as {"environment": "prod"}
		with data.weighbridge.points.envoy.decision as answer
		with data.weighbridge.guard.now_ns as 1000
}

workload(bundles_, registry_, live_) := decided if {
	decided := guard.workload with data.system.bundles as bundles_
		with data.weighbridge.registry as registry_
		with data.weighbridge.live as live_
		with data.weighbridge.guard.settings as {"environment": "prod"}
		with data.weighbridge.points.workload.decision as answer
		with data.weighbridge.guard.now_ns as 1000
}

test_sound if {
	guarded(bundles, registry, live) == answer
	workload(workload_bundles, object.union(registry, {"point": "workload"}), live) == answer
}

patched(document, operations) := json.patch(document, operations)

set_(path, value) := [{"op": "add", "path": path, "value": value}]

gone(path) := [{"op": "remove", "path": path}]

# Name, changes to bundles, registry and live data, and the one code that must come of it.
cases := [
	["no live bundle", gone("/live"), [], [], "INF-022"],
	["no release", gone("/release"), [], [], "INF-022"],
	["no manifest", set_("/live", {}), [], [], "INF-022"],
	["empty registry", [], gone("/environment"), [], "INF-022"],
	["empty live data", [], [], gone("/environment"), "INF-022"],
	["live claims the entry", set_("/live/manifest/roots", ["weighbridge/live", "weighbridge/points"]), [], [], "INF-028"],
	["live claims everything", set_("/live/manifest/roots", [""]), [], [], "INF-028"],
	["live claims its root twice", set_("/live/manifest/roots", ["weighbridge/live", "weighbridge/live"]), [], [], "INF-028"],
	["live claims text", set_("/live/manifest/roots", "weighbridge/live"), [], [], "INF-028"],
	["live is a program", set_("/live/manifest/wasm", [{"entrypoint": "x", "module": "y"}]), [], [], "INF-028"],
	["release claims more", set_("/release/manifest/roots/-", "weighbridge/other"), [], [], "INF-028"],
	["release claims less", gone("/release/manifest/roots/0"), [], [], "INF-028"],
	["release claims one twice", set_("/release/manifest/roots/0", "lib/weighbridge"), [], [], "INF-028"],
	["the workload release", set_("/release/manifest/roots", guard.roots.workload), [], [], "INF-028"],
	["another environment's registry", [], set_("/environment", "dev"), [], "INF-029"],
	["another environment's live data", [], [], set_("/environment", "dev"), "INF-029"],
	["another point's registry", [], set_("/point", "workload"), [], "INF-029"],
	["not announced", set_("/release/manifest/revision", "r9"), [], [], "INF-023"],
	["announced until now", set_("/release/manifest/revision", "r0"), [], set_("/releases/0/until", 1000), "INF-023"],
	["announced until some text", set_("/release/manifest/revision", "r0"), [], set_("/releases/0/until", "9999"), "INF-023"],
	["announced until null", set_("/release/manifest/revision", "r0"), [], set_("/releases/0/until", null), "INF-023"],
	["no revision", gone("/release/manifest/revision"), [], [], "INF-023"],
	["an empty revision", set_("/release/manifest/revision", ""), [], set_("/releases", [{"revision": ""}]), "INF-023"],
	["a revision that is a number", set_("/release/manifest/revision", 7), [], set_("/releases", [{"revision": 7}]), "INF-023"],
	["releases are text", [], [], set_("/releases", "r1"), "INF-023"],
	["releases are missing", [], [], gone("/releases"), "INF-023"],
	["releases are the revisions themselves", [], [], set_("/releases", ["r1"]), "INF-023"],
]

test_cases if {
	found := [[name, code] |
		some [name, bundles_, registry_, live_, _] in cases
		decided := guarded(patched(bundles, bundles_), patched(registry, registry_), patched(live, live_))
		decided.allowed == false
		decided.http_status == 503
		decided.dynamic_metadata.error.codes == [decided.dynamic_metadata.codes]
		json.unmarshal(decided.body) == {"error": decided.dynamic_metadata.error}
		decided.dynamic_metadata.error.type == "server_error"
		decided.headers == {"content-type": "application/json"}
		code := decided.dynamic_metadata.codes
	]
	found == [[name, code] | some [name, _, _, _, code] in cases]
}

same := {"INF-022": "MOD-013", "INF-023": "MOD-015", "INF-028": "MOD-016", "INF-029": "MOD-017"}

test_the_workload_point_fails_alike if {
	found := [[name, code] |
		some [name, bundles_, registry_, live_, _] in cases
		not name in {"the workload release", "another point's registry"}
		decided := workload(patched(workload_bundles, bundles_), patched(object.union(registry, {"point": "workload"}), registry_), patched(live, live_))
		decided.allowed == false
		[violation] = decided.violations
		violation.effect == "deny"
		code := violation.code
	]
	found == [[name, same[code]] |
		some [name, _, _, _, code] in cases
		not name in {"the workload release", "another point's registry"}
	]
	workload(bundles, registry, live).violations[0].code == "MOD-016"
}

test_until_lies_ahead if {
	guarded(patched(bundles, set_("/release/manifest/revision", "r0")), registry, patched(live, set_("/releases/0/until", 1001))) == answer
}

test_nothing_is_there if {
	decided := guard.decision with data.system as {} with data.weighbridge.registry as null with data.weighbridge.live as null
	decided.dynamic_metadata.codes == "INF-022"
	other := guard.workload with data.system as {} with data.weighbridge.registry as null with data.weighbridge.live as null
	other.violations[0].code == "MOD-013"
}

test_a_point_that_answers_nothing if {
	decided := guard.decision with data.system.bundles as bundles
		with data.weighbridge.registry as registry
		with data.weighbridge.live as live
		with data.weighbridge.guard.settings as {"environment": "prod"}
		with data.weighbridge.points as {}
		with data.weighbridge.guard.now_ns as 1000
	decided.allowed == false
}

# What stands in for an answer is whole, as Envoy sends it on.
test_a_fault_without_a_name if {
	decided := guard.decision with data.system as {}
		with data.weighbridge.guard.fault_of as {}
	decided.allowed == false
	decided.http_status == 503
	decided.headers == {"content-type": "application/json"}
	decided.dynamic_metadata.codes == "INF-022"
	error := json.unmarshal(decided.body).error
	error == decided.dynamic_metadata.error
	[error.code, error.type, error.codes] == ["INF-022", "server_error", ["INF-022"]]
}

test_a_guard_without_settings if {
	decided := guard.workload with data.system as {}
		with data.weighbridge.guard.settings as {}
	decided == {
		"allowed": false,
		"environment": "",
		"subject": nobody,
		"violations": [{
			"code": "MOD-013",
			"severity": "critical",
			"effect": "deny",
			"message": "Policy data is missing.",
			"field": [],
		}],
	}
}

nobody := {"kind": "", "name": "", "namespace": "", "model": "", "version": ""}

test_a_guarded_workload_is_told_its_environment if {
	decided := workload({}, registry, live)
	[decided.allowed, decided.environment, decided.subject] == [false, "prod", nobody]
	[[violation.severity, violation.field] | some violation in decided.violations] == [["critical", []]]
}

test_no_settings if {
	decided := guard.decision with data.system.bundles as bundles
		with data.weighbridge.registry as registry
		with data.weighbridge.live as live
		with data.weighbridge.guard.settings as {}
		with data.weighbridge.points.envoy.decision as answer
	decided.allowed == false
}
