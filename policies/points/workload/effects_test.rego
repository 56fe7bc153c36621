package weighbridge.points.workload_effects_test

import data.lib.weighbridge.decision
import data.lib.weighbridge.requirements.mod_test as models
import data.weighbridge.points.workload

pod := json.remove(models.pod, ["spec/containers/0/securityContext/readOnlyRootFilesystem"])

always(mode) := [{"mode": mode, "from": 0}]

everywhere := {"not_before": 0, "not_after": 9999, "scope": {"artifact": models.digest("a")}}

decide(object_, changes) := decided if {
	decided := workload.decision with input as object_
		with data.weighbridge.registry as object.union(models.registry, changes)
		with data.weighbridge.live as models.live
		with data.lib.weighbridge.request.now_ns as 1000
}

effects(decided) := {[violation.code, violation.effect] | some violation in decided.violations}

test_each_mode if {
	every mode, expected in {"warn": ["warn", true], "dry-run": ["dry-run", true], "enforce": ["deny", false]} {
		decided := decide(pod, {"modes": {"POD-022": always(mode)}})
		effects(decided) == {["POD-022", expected[0]]}
		decided.allowed == expected[1]
	}
}

test_a_waiver_goes_before_a_mode if {
	decided := decide(pod, {"modes": {"POD-022": always("warn")}, "waivers": {"POD-022": [everywhere]}})
	effects(decided) == {["POD-022", "waived"]}
	decided.allowed == true
}

test_one_denial_among_what_is_softened if {
	worse := json.patch(pod, [{"op": "add", "path": "/spec/hostNetwork", "value": true}])
	decided := decide(worse, {"modes": {"POD-022": always("warn")}})
	effects(decided) == {["POD-022", "warn"], ["POD-003", "deny"]}
	decided.allowed == false
}

test_an_item_of_a_list if {
	list := {"apiVersion": "v1", "kind": "List", "items": [models.pod, pod]}
	decided := decide(list, {"modes": {"POD-022": always("warn")}})
	decided.allowed == true
	[violation] = decided.violations
	violation.effect == "warn"
	array.slice(violation.field, 0, 2) == ["items", 1]
}

# Softer than anything allows, in a registry that somebody made by hand.
test_a_hand_made_registry_softens_nothing_strict if {
	strict := [code | some code in ["MOD-001", "MOD-002", "MOD-003", "MOD-005", "MOD-006", "MOD-007", "MOD-008"]]
	changes := {"modes": {code: always("dry-run") | some code in strict}, "waivers": {code: [everywhere] | some code in strict}}
	revoked := {"orders": {"revoked": {models.digest("a"): {"id": "o", "reason": "r", "issued_at": 1}}}}
	effects(decide(models.pod, object.union(changes, revoked))) == {["MOD-006", "deny"]}
	unlabelled := json.remove(models.pod, ["metadata/labels"])
	effects(decide(unlabelled, changes)) == {["MOD-001", "deny"]}
}

test_missing_data_and_what_is_not_understood if {
	changes := {"point": "envoy", "modes": {"MOD-013": always("warn")}, "waivers": {"MOD-013": [everywhere]}}
	effects(decide(models.pod, changes)) == {["MOD-013", "deny"]}
	effects(decide({"kind": 7}, {"modes": {"MOD-010": always("warn")}})) == {["MOD-010", "deny"]}
}

test_an_approval_that_ended_can_be_waived if {
	ended := {"records": {"kb-qa-001@1": {"not_after": 999}}}
	effects(decide(models.pod, ended)) == {["MOD-004", "deny"]}
	effects(decide(models.pod, object.union(ended, {"waivers": {"MOD-004": [everywhere]}}))) == {["MOD-004", "waived"]}
}

with_user(requirement, changes) := decided if {
	decided := workload.decision with input as models.pod
		with data.weighbridge.registry as object.union(models.registry, changes)
		with data.weighbridge.live as models.live
		with data.lib.weighbridge.request.now_ns as 1000
		with data.lib.weighbridge.user.requirements as requirement
}

test_a_users_requirement if {
	mine := {"mine": {"deny": {{"code": "ACM-001", "message": "no"}}}}
	effects(with_user(mine, {})) == {["ACM-001", "deny"]}
	effects(with_user(mine, {"modes": {"ACM-001": always("warn")}})) == {["ACM-001", "warn"]}
	effects(with_user(mine, {"waivers": {"ACM-001": [everywhere]}})) == {["ACM-001", "waived"]}
	broken := {"mine": {"deny": {"no"}}}
	effects(with_user(broken, {"modes": {"USR-001": always("warn")}})) == {["USR-001", "deny"]}
	none := {"mine": {"helper": 1}}
	effects(with_user(none, {"modes": {"USR-002": always("warn")}})) == {["USR-002", "deny"]}
}

test_a_users_severity if {
	every severity in ["critical", "high", "medium", "low"] {
		decided := with_user({"mine": {"deny": {{"code": "ACM-001", "message": "no", "severity": severity}}}}, {})
		[violation.severity | some violation in decided.violations] == [severity]
	}
}

# A user's rule says what the effect is no more than a registry does.
test_a_user_gives_no_effect if {
	mine := {"mine": {"deny": {{"code": "ACM-001", "message": "no", "effect": "warn"}}}}
	with_user(mine, {}).allowed == false
}

test_softens if {
	every code in ["POD-022", "IMG-004", "GPU-002", "TLS-001", "NET-001", "REL-022", "REL-023", "ACM-001", "MOD-004", "MOD-018"] {
		decision.softens(code)
	}
	every code in [
		"MOD-099",
		"INF-099",
		"REL-099",
		"USR-099",
		"GPU-001",
		"GPU-011",
		"IMG-001",
		"IMG-002",
		"IMG-003",
		"IMG-016",
		"IMG-017",
		"POD-001",
		"REL-004",
	] {
		not decision.softens(code)
	}
	every code in ["", "pod-022", "POD-22", "POD-0222", " POD-022", "POD-022\n", "*", "POD-*", null, 7, ["POD-022"]] {
		not decision.softens(code)
	}
}

test_an_effect_that_nobody_knows_denies if {
	decision.softened([{"effect": "warn"}, {"effect": "dry-run"}, {"effect": "waived"}])
	every effect in ["deny", "", "Warn", "enforce", null, true, ["warn"]] {
		not decision.softened([{"effect": "warn"}, {"effect": effect}])
	}
	not decision.softened([{}])
}
