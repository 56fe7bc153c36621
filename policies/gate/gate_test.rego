package weighbridge.gate_test

import data.weighbridge.gate

day := 86400000000000

now := 1800000000000000000

manifest := "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

environment := {
	"name": "prod",
	"requires": ["signed", "evaluated"],
	"evaluations": ["evaluated"],
	"metrics": {"exact_match": {"min": 0.7}, "toxicity": {"max": 0.1}},
	"approvals": {"threshold": 2, "signers": ["mlsec", "product", "alias"]},
	"promotion": {"from": "staging", "signers": ["ci", "release"], "min_time_ns": day},
}

state := {"held": true, "expires_ns": now + day, "signers": ["ci"], "verdicts": [], "refused": []}

item := {
	"digest": "sha256:d",
	"manifest_sha256": manifest,
	"package": {"matched": true, "signer": "ci", "at_ns": now - (9 * day), "reason": ""},
	"attestations": {
		"packaged": {"held": true, "expires_ns": gate.never_ns, "signers": ["ci"], "verdicts": [], "refused": []},
		"signed": {"held": true, "expires_ns": gate.never_ns, "signers": ["ci"], "verdicts": [], "refused": []},
		"evaluated": state,
	},
	"claims": {"evaluated": [{"metrics": {"exact_match": 0.8, "toxicity": 0.1}}]},
	"approvals": [consent("mlsec", "sha256:1"), consent("product", "sha256:2")],
	"promotions": [promotion("ci", now - day)],
	"previous": {"environment": "staging", "approved": true, "since_ns": now - (2 * day), "not_after": gate.never_ns, "codes": []},
}

consent(signer, fingerprint) := {
	"signer": signer,
	"fingerprint": fingerprint,
	"environment": "prod",
	"manifest_sha256": manifest,
	"at_ns": now - day,
	"expires_ns": gate.never_ns,
	"file": sprintf("evidence/%s.json", [signer]),
}

promotion(signer, at) := {"signer": signer, "from": "staging", "to": "prod", "at_ns": at, "expires_ns": gate.never_ns, "file": "evidence/promotion.json"}

# The verdict on `item` with some paths replaced.
judge(patches) := judge_in(patches, [])

judge_in(patches, changes) := answer if {
	answer := gate.verdicts.x with input as {
		"at_ns": now,
		"package_attestation": "packaged",
		"environment": json.patch(environment, changes),
		"items": {"x": json.patch(item, patches)},
	}
}

replaced(path, value) := [{"op": "replace", "path": path, "value": value}]

codes(answer) := {reason.code | some reason in answer.reasons}

message(answer, code) := concat("\n", [reason.message | some reason in answer.reasons; reason.code == code])

refused(answer, expected) if {
	answer.approved == false
	answer.not_after == 0
	codes(answer) == expected
}

# Nothing that could not be judged may come out as approved: it has no verdict at all, or one with reasons.
unproven(patches, changes) if {
	not judge_in(patches, changes)
}

unproven(patches, changes) if {
	answer := judge_in(patches, changes)
	answer.approved == false
	count(answer.reasons) > 0
}

test_all_met if {
	judge([]) == {"approved": true, "reasons": [], "waived": [], "not_after": now + day, "since_ns": now - day}
}

test_nothing_demanded_but_packaging if {
	changes := [
		{"op": "replace", "path": "/requires", "value": []},
		{"op": "replace", "path": "/metrics", "value": {}},
		{"op": "replace", "path": "/approvals", "value": null},
		{"op": "replace", "path": "/promotion", "value": null},
	]
	answer := judge_in([{"op": "remove", "path": "/attestations/signed"}], changes)
	answer == {"approved": true, "reasons": [], "waived": [], "not_after": gate.never_ns, "since_ns": now - (9 * day)}
	refused(judge_in([{"op": "remove", "path": "/attestations/packaged"}], changes), {"REL-002"})
}

test_all_reasons_at_once if {
	answer := judge([
		{"op": "replace", "path": "/package/matched", "value": false},
		{"op": "replace", "path": "/attestations/signed/held", "value": false},
		{"op": "replace", "path": "/attestations/evaluated/held", "value": false},
		{"op": "replace", "path": "/approvals", "value": []},
		{"op": "replace", "path": "/promotions", "value": []},
		{"op": "replace", "path": "/previous/approved", "value": false},
	])
	refused(answer, {"REL-001", "REL-002", "REL-005", "REL-006", "REL-007", "REL-008"})
}

# REL-001
test_package_unmatched if {
	answer := judge(array.concat(
		replaced("/package/matched", false),
		replaced("/package/reason", "package.json by ci names another card"),
	))
	refused(answer, {"REL-001"})
	contains(message(answer, "REL-001"), "names another card")
}

test_package_hostile if {
	refused(judge(replaced("/package/matched", "true")), {"REL-001"})
	refused(judge(replaced("/package", {})), {"REL-001"})
	refused(judge([{"op": "remove", "path": "/package"}]), {"REL-001"})
	refused(judge(replaced("/attestations/packaged/expires_ns", now)), {"REL-002"})
	refused(judge(replaced("/attestations/packaged/held", false)), {"REL-002"})
}

# REL-002
test_attestation_missing if {
	answer := judge([{"op": "remove", "path": "/attestations/signed"}])
	refused(answer, {"REL-002"})
	some reason in answer.reasons
	reason.attestation == "signed"
	contains(reason.message, "the artifact digest")
	lacking := judge([
		{"op": "replace", "path": "/attestations/signed/held", "value": false},
		{"op": "add", "path": "/attestations/signed/subject", "value": "each image"},
	])
	refused(lacking, {"REL-002"})
	contains(message(lacking, "REL-002"), "have ci sign a statement about each image")
}

test_attestation_hostile if {
	refused(judge(replaced("/attestations/signed/held", "yes")), {"REL-002"})
	refused(judge(replaced("/attestations/signed/held", 1)), {"REL-002"})
	refused(judge(replaced("/attestations/signed/expires_ns", "9999999999999999999")), {"REL-002"})
	refused(judge(replaced("/attestations/signed/expires_ns", null)), {"REL-002"})
	refused(judge(replaced("/attestations/signed", null)), {"REL-002"})
}

# REL-003
test_attestation_fails if {
	answer := judge(replaced("/attestations/signed", {
		"held": false, "expires_ns": gate.never_ns, "signers": ["ci", "backup"],
		"verdicts": [{"file": "evidence/s.json", "signer": "ci", "at_ns": now, "passed": false, "reasons": ["bad builder"], "expires_ns": gate.never_ns}],
		"refused": [{"file": "evidence/t.json", "reason": "signed by nobody we know"}],
	}))
	refused(answer, {"REL-003"})
	text := message(answer, "REL-003")
	every part in ["evidence/s.json by ci says no: bad builder", "evidence/t.json does not count: signed by nobody we know", "ci or backup"] {
		contains(text, part)
	}
}

test_attestation_below_threshold if {
	answer := judge(replaced("/attestations/signed", {
		"held": false, "expires_ns": gate.never_ns, "signers": ["ci", "backup"], "refused": [],
		"verdicts": [{"file": "evidence/s.json", "signer": "ci", "at_ns": now, "passed": true, "reasons": [], "expires_ns": gate.never_ns}],
	}))
	refused(answer, {"REL-003"})
	contains(message(answer, "REL-003"), "not enough")
}

test_one_reason_an_attestation if {
	answer := judge(array.concat(
		replaced("/attestations/signed/held", false),
		[{"op": "remove", "path": "/attestations/evaluated"}],
	))
	refused(answer, {"REL-002", "REL-005"})
	{reason.attestation | some reason in answer.reasons; reason.code == "REL-002"} == {"signed", "evaluated"}
}

# REL-004
old(expires) := replaced("/attestations/evaluated", {
	"held": true, "expires_ns": expires, "signers": ["eval"], "refused": [],
	"verdicts": [{"file": "evidence/e.json", "signer": "eval", "at_ns": now - (8 * day), "passed": true, "reasons": [], "expires_ns": expires}],
})

test_attestation_too_old if {
	answer := judge(old(now - day))
	refused(answer, {"REL-004", "REL-005"})
	text := message(answer, "REL-004")
	every part in ["evaluated is too old", "evidence/e.json by eval is 8 days old", "2027-01-14T08:00:00Z", "run it again"] {
		contains(text, part)
	}
}

test_attestation_age_at_the_edge if {
	refused(judge(old(now)), {"REL-004", "REL-005"})
	judge(old(now + 1)).approved
	judge(old(now + 1)).not_after == now + 1
}

test_attestation_without_a_time if {
	answer := judge(array.concat(old(now - day), replaced("/attestations/evaluated/verdicts/0/at_ns", null)))
	refused(answer, {"REL-004", "REL-005"})
	contains(message(answer, "REL-004"), "of unknown age")
}

# REL-005
test_metric_out_of_bounds if {
	answer := judge(replaced("/claims/evaluated/0/metrics/exact_match", 0.69))
	refused(answer, {"REL-005"})
	contains(message(answer, "REL-005"), "metric exact_match is 0.69, outside its bounds {\"min\":0.7}")
	refused(judge(replaced("/claims/evaluated/0/metrics/toxicity", 0.11)), {"REL-005"})
}

test_metric_missing if {
	answer := judge(replaced("/claims", {}))
	refused(answer, {"REL-005"})
	contains(message(answer, "REL-005"), "metric exact_match is missing")
	contains(message(answer, "REL-005"), "metric toxicity is missing")
}

test_metric_hostile if {
	# In Rego's order of types a string is above every number, null below.
	refused(judge(replaced("/claims/evaluated/0/metrics/exact_match", "0.9")), {"REL-005"})
	refused(judge(replaced("/claims/evaluated/0/metrics/toxicity", null)), {"REL-005"})
	refused(judge(replaced("/claims/evaluated/0/metrics/exact_match", true)), {"REL-005"})

	# A second signer's worse figure is not hidden by the first one's better.
	refused(judge([{"op": "add", "path": "/claims/evaluated/-", "value": {"metrics": {"exact_match": 0.1}}}]), {"REL-005"})

	# Claims of an attestation that the environment does not require, or whose rule is no evaluation, count for nothing.
	refused(judge(array.concat(replaced("/claims", {"signed": [{"metrics": {"exact_match": 1, "toxicity": 0}}]}), [])), {"REL-005"})
	refused(judge_in([], [{"op": "replace", "path": "/evaluations", "value": []}]), {"REL-005"})
	refused(judge_in([], [{"op": "replace", "path": "/metrics/exact_match", "value": {}}]), {"REL-005"})
}

test_metric_of_evidence_that_does_not_hold if {
	refused(judge(replaced("/attestations/evaluated/held", false)), {"REL-002", "REL-005"})
}

# REL-006
test_approvals_below_threshold if {
	answer := judge([{"op": "remove", "path": "/approvals/1"}])
	refused(answer, {"REL-006"})
	contains(message(answer, "REL-006"), "1 of 2 approvals for prod")
	contains(message(answer, "REL-006"), "signed by: alias, product")
}

test_approvals_hostile if {
	# One key under two names, one name twice, another environment, another manifest, the future, a stranger, a keyless signer.
	refused(judge(replaced("/approvals/1", consent("alias", "sha256:1"))), {"REL-006"})
	refused(judge(replaced("/approvals/1", consent("mlsec", "sha256:1"))), {"REL-006"})
	refused(judge(replaced("/approvals/1/environment", "staging")), {"REL-006"})
	refused(judge(replaced("/approvals/1/manifest_sha256", "sha256:b")), {"REL-006"})
	refused(judge(replaced("/approvals/1/at_ns", now + 1)), {"REL-006"})
	refused(judge(replaced("/approvals/1/at_ns", null)), {"REL-006"})
	refused(judge(replaced("/approvals/1/signer", "ci")), {"REL-006"})
	refused(judge(replaced("/approvals/1/fingerprint", "")), {"REL-006"})
	refused(judge(replaced("/approvals", null)), {"REL-006"})
}

test_approvals_say_why_one_does_not_count if {
	contains(message(judge(replaced("/approvals/1/manifest_sha256", "sha256:b")), "REL-006"), "product.json by product does not count: it approves another manifest")
	contains(message(judge(replaced("/approvals/1/signer", "ci")), "REL-006"), "does not name this signer")
	contains(message(judge(replaced("/approvals/1/at_ns", now + 1)), "REL-006"), "later than --at")
}

test_approvals_threshold_hostile if {
	unproven([], replaced("/approvals/threshold", 0))
	unproven([], replaced("/approvals/threshold", "two"))
	unproven([], replaced("/approvals", {}))
	unproven([], [{"op": "remove", "path": "/approvals"}])
}

# REL-007
test_not_approved_before if {
	answer := judge(array.concat(replaced("/previous/approved", false), replaced("/previous/codes", ["REL-002"])))
	refused(answer, {"REL-007"})
	contains(message(answer, "REL-007"), "not approved in staging, from which prod promotes (REL-002)")
}

test_before_hostile if {
	refused(judge(replaced("/previous", null)), {"REL-007"})
	refused(judge(replaced("/previous/environment", "dev")), {"REL-007"})
	refused(judge(replaced("/previous/approved", "true")), {"REL-007"})
	unproven([], [{"op": "remove", "path": "/promotion"}])
}

# REL-008
test_not_promoted if {
	answer := judge(replaced("/promotions", []))
	refused(answer, {"REL-008"})
	contains(message(answer, "REL-008"), "no promotion from staging to prod by ci or release")
}

test_promotion_hostile if {
	refused(judge(replaced("/promotions/0/signer", "mlsec")), {"REL-008"})
	refused(judge(replaced("/promotions/0/to", "staging")), {"REL-008"})
	refused(judge(replaced("/promotions/0/from", "dev")), {"REL-008"})
	refused(judge(replaced("/promotions/0/at_ns", now + 1)), {"REL-008"})
	refused(judge(replaced("/promotions/0/at_ns", null)), {"REL-008"})
}

test_since_is_the_latest_of_a_signer_and_the_first_of_signers if {
	judge(replaced("/promotions", [promotion("ci", now - (3 * day)), promotion("ci", now - day)])).since_ns == now - day
	judge(replaced("/promotions", [promotion("ci", now - day), promotion("release", now - (2 * day))])).since_ns == now - (2 * day)
	judge(replaced("/promotions", [])).since_ns == null
}

# REL-009
test_promoted_too_early if {
	answer := judge(replaced("/previous/since_ns", (now - day) + 1))
	refused(answer, {"REL-009"})
	contains(message(answer, "REL-009"), "has been in staging for 23 hours, less than 24 hours")
	judge(replaced("/previous/since_ns", now - day)).approved
}

test_time_hostile if {
	refused(judge(replaced("/previous/since_ns", null)), {"REL-009"})
	refused(judge([{"op": "remove", "path": "/previous/since_ns"}]), {"REL-009"})
	refused(judge(replaced("/previous/since_ns", "0")), {"REL-009"})
	refused(judge(replaced("/previous/since_ns", now + day)), {"REL-009"})
	judge_in(replaced("/previous/since_ns", null), replaced("/promotion/min_time_ns", 0)).approved
	unproven([], replaced("/promotion/min_time_ns", null))
	unproven([], [{"op": "remove", "path": "/promotion/min_time_ns"}])
}

# REL-010 is what the caller makes of a version without a verdict.
test_no_answer_where_the_input_is_not_understood if {
	unproven([], [{"op": "remove", "path": "/requires"}])
	unproven([], replaced("/requires", null))
	unproven([], replaced("/requires", ["unknown"]))
	unproven([], replaced("/metrics", null))
	unproven([], [{"op": "remove", "path": "/metrics"}])
	unproven([], replaced("/metrics", {"exact_match": null}))
	unproven([{"op": "remove", "path": "/attestations"}], [])
	unproven(replaced("/package/at_ns", null), replaced("/promotion", {}))
}

test_no_clock if {
	answers := gate.verdicts with input as {"package_attestation": "packaged", "environment": environment, "items": {"x": item}}
	not answers.x.approved == true
}

test_span if {
	gate.span(day * 3) == "3 days"
	gate.span(day) == "24 hours"
	gate.span(90 * 60000000000) == "90 minutes"
}

test_an_end_that_is_none if {
	gate.moment(gate.never_ns) == "no time"
}

# Edges and texts: each of these fails if one condition above is dropped or shifted by one.
test_a_threshold_of_one if {
	one := replaced("/approvals/threshold", 1)
	judge_in([{"op": "remove", "path": "/approvals/1"}], one).approved
	refused(judge_in(replaced("/approvals", []), one), {"REL-006"})
}

test_what_is_dated_exactly_at_counts if {
	judge(replaced("/approvals/1/at_ns", now)).approved
	judge(replaced("/promotions/0/at_ns", now)).since_ns == now
}

test_requirements_that_are_no_list_are_not_understood if {
	unproven([], replaced("/requires", {}))
	unproven([], replaced("/requires", ""))
}

test_approvals_name_only_who_and_what_matters if {
	answer := judge(replaced("/approvals", [
		consent("mlsec", "sha256:1"),
		object.union(consent("product", "sha256:2"), {"environment": "staging"}),
		object.union(consent("alias", "sha256:3"), {"manifest_sha256": "sha256:b"}),
	]))
	answer.reasons == [{
		"code": "REL-006",
		"message": sprintf(
			"1 of 2 approvals for prod (evidence/alias.json by alias does not count: it approves another manifest); %s",
			[sprintf("have approval/v1 for manifest %s signed by: alias, product", [manifest])],
		),
	}]
}

test_only_the_metric_that_fails_is_named if {
	answer := judge(replaced("/claims/evaluated/0/metrics/toxicity", 0.2))
	[reason.message | some reason in answer.reasons] == ["metric toxicity is 0.2, outside its bounds {\"max\":0.1}; improve the model, or change environments.prod.metrics"]
}

test_each_piece_of_evidence_is_told_once_and_for_what_it_is if {
	verdicts := [
		{"file": "a", "signer": "ci", "at_ns": now - (8 * day), "passed": true, "reasons": [], "expires_ns": now},
		{"file": "b", "signer": "ci", "at_ns": now, "passed": false, "reasons": ["bad"], "expires_ns": now},
		{"file": "c", "signer": "ci", "at_ns": now, "passed": true, "reasons": [], "expires_ns": now + 1},
	]
	answer := judge(replaced("/attestations/signed", {
		"held": false, "expires_ns": gate.never_ns, "signers": ["ci"], "verdicts": verdicts, "refused": [],
	}))
	ended := "2027-01-15T08:00:00Z"
	answer.reasons == [{
		"attestation": "signed",
		"code": "REL-003",
		"message": sprintf("signed does not hold: a by ci is 8 days old and ended at %s; %s", [
			ended,
			"b by ci says no: bad; c by ci passes, which is not enough; correct this and have it signed anew by ci",
		]),
	}]
}

test_an_approval_ends_with_the_one_before if {
	judge(replaced("/previous/not_after", now + 5)).not_after == now + 5
	judge(replaced("/previous/not_after", gate.never_ns)).not_after == now + day
	unproven(replaced("/previous/not_after", null), [])
	unproven([{"op": "remove", "path": "/previous/not_after"}], [])
}

test_an_approval_ends_with_those_who_gave_it if {
	judge(replaced("/approvals/1/expires_ns", now + 7)).not_after == now + 7
	judge([
		{"op": "replace", "path": "/approvals/1/expires_ns", "value": now + 7},
		{"op": "add", "path": "/approvals/-", "value": object.union(consent("alias", "sha256:3"), {"expires_ns": now + 9})},
	]).not_after == now + 9
	gone := judge(replaced("/approvals/1/expires_ns", now))
	refused(gone, {"REL-006"})
	contains(message(gone, "REL-006"), "its signer does not count any more")
	refused(judge(replaced("/approvals/1/expires_ns", null)), {"REL-006"})
}

test_an_approval_ends_with_those_who_promoted if {
	judge(replaced("/promotions/0/expires_ns", now + 7)).not_after == now + 7
	longer := object.union(promotion("release", now - day), {"expires_ns": now + 9})
	judge([
		{"op": "replace", "path": "/promotions/0/expires_ns", "value": now + 7},
		{"op": "add", "path": "/promotions/-", "value": longer},
		{"op": "add", "path": "/promotions/-", "value": promotion("mlsec", now - day)},
	]).not_after == now + 9
	refused(judge(replaced("/promotions/0/expires_ns", now)), {"REL-008"})
	refused(judge(replaced("/promotions/0/expires_ns", null)), {"REL-008"})
}
