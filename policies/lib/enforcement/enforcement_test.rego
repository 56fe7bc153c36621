package lib.weighbridge.enforcement_test

import data.lib.weighbridge.enforcement

announced := {"POD-022": [{"mode": "dry-run", "from": 0}, {"mode": "warn", "from": 100}, {"mode": "enforce", "from": 200}]}

test_the_step_that_began_last if {
	enforcement.mode(announced, "POD-022", 0) == "dry-run"
	enforcement.mode(announced, "POD-022", 99) == "dry-run"
	enforcement.mode(announced, "POD-022", 100) == "warn"
	enforcement.mode(announced, "POD-022", 199) == "warn"
	enforcement.mode(announced, "POD-022", 200) == "enforce"
	enforcement.mode(announced, "POD-022", 1795468800000000000) == "enforce"
}

test_their_order_says_nothing if {
	turned := {"POD-022": [{"mode": "enforce", "from": 200}, {"mode": "warn", "from": 0}]}
	enforcement.mode(turned, "POD-022", 199) == "warn"
	enforcement.mode(turned, "POD-022", 200) == "enforce"
}

test_enforced_where_nobody_said_anything if {
	enforcement.mode(announced, "POD-021", 100) == "enforce"
	enforcement.mode({}, "POD-022", 100) == "enforce"
	enforcement.mode(null, "POD-022", 100) == "enforce"
}

test_enforced_where_it_cannot_be_read if {
	every steps in [
		null,
		"warn",
		"POD",
		[],
		{},
		{"mode": "warn", "from": 0},
		{"a": {"mode": "warn", "from": 0}},
		[{"mode": "warn"}],
		[{"from": 0}],
		[{"mode": "warn", "from": null}],
		[{"mode": "warn", "from": "0"}],
		[{"mode": "warn", "from": false}],
		[{"mode": "Warn", "from": 0}],
		[{"mode": "waived", "from": 0}],
		[{"mode": "warn", "from": 0}, {"mode": "off", "from": 50}],
		[{"mode": "warn", "from": 101}],
		["warn"],
	] {
		enforcement.mode({"POD-022": steps}, "POD-022", 100) == "enforce"
	}
	every now_ns in [null, "100", false] {
		enforcement.mode({"POD-022": [{"mode": "warn", "from": 0}]}, "POD-022", now_ns) != "dry-run"
	}
}
