package weighbridge.gate_test

waiver(begins, ends) := {"not_before": begins, "not_after": ends}

with_waivers(patches, waivers) := judge(array.concat(patches, [{"op": "add", "path": "/waivers", "value": waivers}]))

aged_signature := [
	{"op": "replace", "path": "/attestations/signed/held", "value": false},
	{"op": "replace", "path": "/attestations/signed/expires_ns", "value": now - 1},
	{"op": "add", "path": "/attestations/signed/verdicts", "value": [{
		"file": "a.json",
		"signer": "ci",
		"passed": true,
		"at_ns": now - (9 * day),
		"expires_ns": now - 1,
		"reasons": [],
	}]},
]

test_too_old_and_waived if {
	refused(judge(aged_signature), {"REL-004"})
	answer := with_waivers(aged_signature, {"REL-004": [waiver(now, now + 5)]})
	answer.approved == true
	answer.reasons == []
	[excused] = answer.waived
	excused.code == "REL-004"
	excused.attestation == "signed"
	answer.not_after == now + 5
}

test_the_longest_waiver_counts if {
	answer := with_waivers(aged_signature, {"REL-004": [waiver(now, now + 5), waiver(now, now + 7), waiver(now, now - 1)]})
	answer.not_after == now + 7
	beyond := with_waivers(aged_signature, {"REL-004": [waiver(now, now + (90 * day))]})
	beyond.not_after == now + day
}

test_a_waiver_that_does_not_hold if {
	every given in [
		[waiver(now + 1, now + 5)],
		[waiver(now - 5, now)],
		[waiver("0", now + 5)],
		[waiver(null, now + 5)],
		[waiver(0, "9999999999999999999")],
		[{"not_after": now + 5}],
		[{}],
		[],
		true,
		null,
	] {
		refused(with_waivers(aged_signature, {"REL-004": given}), {"REL-004"})
	}
	refused(with_waivers(aged_signature, {"REL-009": [waiver(0, now + 5)]}), {"REL-004"})
	refused(with_waivers(aged_signature, [waiver(0, now + 5)]), {"REL-004"})
}

test_metrics_and_time_can_be_waived if {
	bounds := replaced("/claims/evaluated/0/metrics/exact_match", 0)
	refused(judge(bounds), {"REL-005"})
	with_waivers(bounds, {"REL-005": [waiver(now, now + 5)]}).not_after == now + 5
	early := replaced("/previous/since_ns", now - 1)
	refused(judge(early), {"REL-009"})
	with_waivers(early, {"REL-009": [waiver(now, now + 5)]}).not_after == now + 5
}

# One by one what no waiver can stand in for.
test_nothing_else_can_be_waived if {
	cases := {
		"REL-001": replaced("/package/matched", false),
		"REL-002": [{"op": "remove", "path": "/attestations/signed"}],
		"REL-003": [
			{"op": "replace", "path": "/attestations/signed/held", "value": false},
			{"op": "add", "path": "/attestations/signed/refused", "value": [{"file": "a.json", "reason": "forged"}]},
		],
		"REL-006": replaced("/approvals", []),
		"REL-007": replaced("/previous/approved", false),
		"REL-008": replaced("/promotions", []),
	}
	every code, patches in cases {
		refused(with_waivers(patches, {code: [waiver(0, now + day)]}), {code})
	}
}
