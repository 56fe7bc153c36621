package weighbridge.evidence.batch_test

import data.weighbridge.evidence.batch

test_each_rule_answers if {
	verdicts := batch.verdicts with input as {"items": [{"rule": rule, "with": {}, "predicate": {}} | some rule in batch.shipped]}
	count(verdicts) == count(batch.shipped)
	every _, verdict in verdicts {
		is_boolean(verdict.passed)
	}
}

test_order_is_kept if {
	digest := "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	good := {
		"rule": "promotion",
		"with": {"from": "dev", "to": "prod"},
		"predicate": {"from": "dev", "to": "prod", "at": "2026-01-01T00:00:00Z", "record_sha256": digest},
	}
	bad := json.patch(good, [{"op": "replace", "path": "/with/to", "value": "staging"}])
	verdicts := batch.verdicts with input as {"items": [good, bad, {"rule": "nothing"}, good, "not an item", bad]}
	{index: verdict.passed | some index, verdict in verdicts} == {"0": true, "1": false, "3": true, "5": false}
}

test_a_users_rule_answers if {
	verdicts := batch.verdicts with input as {"items": [{"rule": "mine", "predicate": {}}]}
		with data.weighbridge.user.evidence.mine.verdict as {"passed": true, "reasons": [], "claims": {}}
	verdicts["0"].passed == true
}

test_a_users_rule_replaces_none_of_ours if {
	verdicts := batch.verdicts with input as {"items": [{"rule": "package", "with": {}, "predicate": {}}]}
		with data.weighbridge.user.evidence as {"package": {"verdict": {"passed": true, "reasons": [], "claims": {}}}}
	verdicts["0"].passed == false
}

test_nothing_to_judge if {
	verdicts := batch.verdicts with input as {"items": []}
	verdicts == {}
}
