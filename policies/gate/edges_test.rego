package weighbridge.gate_test

import data.weighbridge.gate

test_the_last_moment_that_can_be_named if gate.never_ns == 9223372036854775807

test_spans_at_their_edges if {
	gate.span(172800000000000) == "2 days"
	gate.span(172799999999999) == "47 hours"
	gate.span(7200000000000) == "2 hours"
	gate.span(7199999999999) == "119 minutes"
}

# What nobody demands ends nothing.
test_an_end_before_that_nobody_asks_for if {
	unasked := replaced("/promotion", null)
	judge_in(replaced("/previous/not_after", now + 1), unasked).not_after == now + day
}

# What does not count does not last, either.
test_ends_of_what_does_not_count if {
	foreign := object.union(consent("mlsec", "sha256:1"), {"manifest_sha256": "sha256:b"})
	ending := object.union(consent("mlsec", "sha256:1"), {"expires_ns": now + 5})
	judge(replaced("/approvals", [ending, foreign, consent("product", "sha256:2")])).not_after == now + 5
	elsewhere := object.union(promotion("ci", now - day), {"to": "staging"})
	short := object.union(promotion("ci", now - day), {"expires_ns": now + 7})
	judge(replaced("/promotions", [short, elsewhere])).not_after == now + 7
}

test_what_fails_is_not_said_to_pass if {
	failing := {"file": "f", "signer": "ci", "at_ns": now, "passed": false, "reasons": ["bad"], "expires_ns": gate.never_ns}
	answer := judge([
		{"op": "replace", "path": "/attestations/signed/held", "value": false},
		{"op": "replace", "path": "/attestations/signed/verdicts", "value": [failing]},
	])
	contains(message(answer, "REL-003"), "says no: bad")
	not contains(message(answer, "REL-003"), "which is not enough")
}

test_what_is_wrong_in_general_is_told if {
	answer := judge([
		{"op": "replace", "path": "/attestations/signed/held", "value": false},
		{"op": "add", "path": "/attestations/signed/reasons", "value": ["no image of the card"]},
	])
	contains(message(answer, "REL-002"), "no image of the card")
}

# In Rego any text is greater than any number, and null smaller than all.
test_ends_of_another_type if {
	every value in ["9999999999999999999", null, [], {}] {
		refused(judge(replaced("/approvals/0/expires_ns", value)), {"REL-006"})
		refused(judge(replaced("/promotions/0/expires_ns", value)), {"REL-008"})
		codes(judge([
			{"op": "replace", "path": "/attestations/signed/held", "value": false},
			{"op": "replace", "path": "/attestations/signed/expires_ns", "value": value},
			{"op": "add", "path": "/attestations/signed/refused", "value": [{"file": "f", "reason": "forged"}]},
		])) == {"REL-003"}
	}
}

test_metrics_that_are_no_object if {
	every value in [[], "", null, 7] {
		unproven([], replaced("/metrics", value))
	}
}
