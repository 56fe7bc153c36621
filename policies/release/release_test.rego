package weighbridge.release_test

import data.weighbridge.release

now := 1800000000000000000

every_name := ["approvals", "dependencies", "environment-variables", "evaluation", "license", "lineage", "sbom", "threat-model"]

always := ["approved", "unrestricted"]

section := {"line": 12, "words": 40, "placeholders": []}

held := {"held": true, "expires_ns": now + 1}

item := {
	"name": "kb-qa-001@2025.03.15",
	"digest": "sha256:d",
	"package": {"matched": true, "reason": ""},
	"record": {"approved": true, "not_after": now + 1, "reasons": []},
	"orders": [],
	"sboms": {"sbom": held},
	"licenses": {
		"card": [{"text": "apache-2.0", "spdx": "Apache-2.0"}],
		"manifest": [{"text": "Apache-2.0", "spdx": "Apache-2.0"}],
	},
	"sections": {
		"threat_model": [section],
		"dependencies": [section],
		"environment_variables": [object.union(section, {"words": 1})],
		"intended_use": [section],
	},
	"lineage": {"parent_run_id": "run-1", "base_model": ["a/b"], "datasets": ["squad"]},
	"evaluation": {"metrics": ["exact_match"], "attestations": {"eval-passed": held}},
	"approvals": {"threshold": 2},
}

judge(patches) := judge_for(patches, every_name)

judge_for(patches, requires) := answer if {
	answer := release.verdict with input as {
		"at_ns": now,
		"environment": "prod",
		"requires": requires,
		"item": json.patch(item, patches),
	}
}

replaced(path, value) := [{"op": "replace", "path": path, "value": value}]

removed(path) := [{"op": "remove", "path": path}]

codes(answer) := {reason.code | some finding in answer.requirements; some reason in finding.reasons}

message(answer) := concat("\n", [reason.message | some finding in answer.requirements; some reason in finding.reasons])

refused(answer, expected) if {
	answer.released == false
	codes(answer) == expected
	every finding in answer.requirements {
		consistent(finding)
	}
}

consistent(finding) if {
	finding.met == true
	finding.reasons == []
}

consistent(finding) if {
	finding.met == false
	count(finding.reasons) > 0
}

# What cannot be judged is never released: there is no verdict, or one with reasons.
unproven(patches) if {
	not judge(patches)
}

unproven(patches) if {
	answer := judge(patches)
	answer.released == false
	count(codes(answer)) > 0
}

test_all_met if {
	answer := judge([])
	answer.released == true
	[finding.requirement | some finding in answer.requirements] == sort(array.concat(every_name, always))
	every finding in answer.requirements {
		finding.met == true
		finding.reasons == []
	}
}

test_only_what_is_demanded_counts if {
	bare := [{"op": "replace", "path": path, "value": value} | some path, value in {
		"/sboms": {}, "/licenses": {"card": [], "manifest": []}, "/sections": {}, "/approvals": null,
		"/evaluation": {"metrics": [], "attestations": {}},
		"/lineage": {"parent_run_id": null, "base_model": null, "datasets": null},
	}]
	judge_for(bare, []).released
	refused(judge(bare), {"REL-013", "REL-014", "REL-015", "REL-016", "REL-017", "REL-018", "REL-019", "REL-020"})
	every name in every_name {
		refused(judge_for(bare, [name]), {reason.code |
			some finding in judge(bare).requirements
			finding.requirement == name
			some reason in finding.reasons
		})
	}
}

test_the_gate_and_orders_are_always_demanded if {
	refused(judge_for(replaced("/record/approved", false), []), {"REL-011"})
	refused(judge_for(replaced("/orders", [{"kind": "revoked", "id": "1", "reason": "leaked"}]), []), {"REL-012"})
}

test_unknown_requirement_has_no_verdict if {
	not judge_for([], ["made-up"])
	not judge_for([], [1])
	not judge_for([], "sbom")
	not judge_for([], null)
	not judge_for([], {"sbom": true})
}

# REL-011
test_refused_by_the_gate if {
	answer := judge(array.concat(replaced("/record/approved", false), replaced("/record/reasons", [{"code": "REL-002", "message": "no evidence"}])))
	refused(answer, {"REL-011"})
	contains(message(answer), "the gate refuses it for prod: REL-002 no evidence")
}

test_approval_at_its_end if {
	answer := judge(replaced("/record/not_after", now))
	refused(answer, {"REL-011"})
	contains(message(answer), "its approval has ended")
}

test_approval_hostile if {
	every value in ["true", 1, null, "9999999999999999999"] {
		refused(judge(replaced("/record/approved", value)), {"REL-011"})
	}
	refused(judge(replaced("/record/not_after", "9999999999999999999")), {"REL-011"})
	unproven(removed("/record"))
}

# REL-012
test_revoked if {
	answer := judge(replaced("/orders", [{"kind": "revoked", "id": "17", "reason": "leaked"}]))
	refused(answer, {"REL-012"})
	contains(message(answer), "revoked by order 17: leaked")
}

test_orders_hostile if {
	refused(judge(replaced("/orders", {})), {"REL-012"})
	refused(judge(replaced("/orders", "none")), {"REL-012"})
	unproven(removed("/orders"))
	unproven(replaced("/orders", null))
}

# REL-013
test_no_sbom if {
	answer := judge(replaced("/sboms", {}))
	refused(answer, {"REL-013"})
	contains(message(answer), "no attestation about the model has the rule `sbom`")
}

test_sbom_that_does_not_hold if {
	answer := judge(replaced("/sboms/sbom", {"held": false, "expires_ns": now + 1, "reasons": ["s.json does not count: signed by nobody"]}))
	refused(answer, {"REL-013"})
	contains(message(answer), "sbom: s.json does not count: signed by nobody")
}

test_one_sbom_suffices if {
	judge(replaced("/sboms", {"a": {"held": false, "expires_ns": now + 1, "reasons": []}, "b": held})).released
}

test_sbom_hostile if {
	refused(judge(replaced("/sboms/sbom", {"held": "true", "expires_ns": now + 1, "reasons": []})), {"REL-013"})
	refused(judge(replaced("/sboms/sbom", {"held": true, "expires_ns": "9", "reasons": []})), {"REL-013"})
	refused(judge(replaced("/sboms/sbom", {"held": true, "expires_ns": now, "reasons": []})), {"REL-013"})
	unproven(removed("/sboms"))
}

# REL-014
test_license_missing if {
	answer := judge(replaced("/licenses/card", []))
	refused(answer, {"REL-014"})
	contains(message(answer), "the card says nothing, the manifest Apache-2.0")
	refused(judge(replaced("/licenses", {"card": [], "manifest": []})), {"REL-014"})
}

test_licenses_disagree if {
	answer := judge(replaced("/licenses/manifest", [{"text": "GPL-3.0-only", "spdx": "GPL-3.0-only"}]))
	refused(answer, {"REL-014"})
	contains(message(answer), "the card says apache-2.0, the manifest GPL-3.0-only")
	refused(judge([{"op": "add", "path": "/licenses/manifest/-", "value": {"text": "MIT", "spdx": "MIT"}}]), {"REL-014"})
}

test_license_that_spdx_does_not_know if {
	unknown := {"text": "mine", "spdx": null}
	answer := judge(replaced("/licenses", {"card": [unknown], "manifest": [unknown]}))
	refused(answer, {"REL-014"})
	contains(message(answer), "mine (no SPDX license)")
}

test_license_hostile if {
	odd := {"text": "x", "spdx": 1}
	unproven(replaced("/licenses", {"card": [odd], "manifest": [odd]}))
	empty := {"text": "x", "spdx": ""}
	unproven(replaced("/licenses", {"card": [empty], "manifest": [empty]}))
	unproven(removed("/licenses/card"))
	unproven(removed("/licenses"))
}

# REL-015, REL-016, REL-017
sections := {"threat_model": "REL-015", "dependencies": "REL-016", "environment_variables": "REL-017"}

test_sections_missing if {
	every name, code in sections {
		answer := judge(removed(sprintf("/sections/%s", [name])))
		refused(answer, {code})
		contains(message(answer), "the card has no such section")
		refused(judge(replaced(sprintf("/sections/%s", [name]), [])), {code})
	}
}

test_sections_empty_or_waiting if {
	every name, code in sections {
		empty := judge(replaced(sprintf("/sections/%s/0/words", [name]), 0))
		refused(empty, {code})
		contains(message(empty), "line 12 is empty")
		waiting := judge(replaced(sprintf("/sections/%s/0/placeholders", [name]), ["TODO"]))
		refused(waiting, {code})
		contains(message(waiting), "line 12 still waits to be written (TODO)")
	}
}

test_each_of_two_sections_is_written if {
	refused(judge([{"op": "add", "path": "/sections/threat_model/-", "value": object.union(section, {"words": 0})}]), {"REL-015"})
	judge([{"op": "add", "path": "/sections/threat_model/-", "value": section}]).released
}

test_sections_hostile if {
	every name, code in sections {
		path := sprintf("/sections/%s", [name])
		unproven(replaced(path, true))
		unproven(replaced(path, null))
		unproven(replaced(path, [{}]))
		unproven(replaced(path, [[]]))
		refused(judge(replaced(sprintf("%s/0/words", [path]), "40")), {code})
		refused(judge(replaced(sprintf("%s/0/placeholders", [path]), "")), {code})
		unproven(replaced(sprintf("%s/0/placeholders", [path]), null))
	}
	unproven(removed("/sections"))
}

# REL-018
test_lineage_missing if {
	every name, told in {"parent_run_id": "parent_run_id", "base_model": "no `base_model`", "datasets": "no `datasets`"} {
		answer := judge(replaced(sprintf("/lineage/%s", [name]), null))
		refused(answer, {"REL-018"})
		contains(message(answer), told)
	}
	refused(judge(replaced("/lineage/datasets", [])), {"REL-018"})
}

test_trained_from_nothing if judge(replaced("/lineage/base_model", [])).released

test_lineage_hostile if {
	refused(judge(replaced("/lineage/parent_run_id", "")), {"REL-018"})
	refused(judge(replaced("/lineage/base_model", [""])), {"REL-018"})
	refused(judge(replaced("/lineage/base_model", [" "])), {"REL-018"})
	refused(judge(replaced("/lineage/base_model", "a/b")), {"REL-018"})
	refused(judge(replaced("/lineage/datasets", [1])), {"REL-018"})
	unproven(removed("/lineage"))
	unproven(replaced("/lineage/parent_run_id", ["run"]))
}

# REL-019
test_no_evaluation_demanded if {
	refused(judge(replaced("/evaluation/metrics", [])), {"REL-019"})
	refused(judge(replaced("/evaluation/attestations", {})), {"REL-019"})
}

test_evaluation_fails if {
	low := {"approved": false, "not_after": now + 1, "reasons": [{"code": "REL-005", "message": "metric exact_match is 0.6"}]}
	answer := judge(replaced("/record", low))
	refused(answer, {"REL-011", "REL-019"})
	contains(message(answer), "no evaluation over the gate of prod: metric exact_match is 0.6")
	lapsed := judge(replaced("/evaluation/attestations/eval-passed/held", false))
	refused(lapsed, {"REL-019"})
	contains(message(lapsed), "eval-passed does not hold")
}

test_evaluation_hostile if {
	refused(judge(replaced("/evaluation/attestations/eval-passed/expires_ns", "9")), {"REL-019"})
	refused(judge([{"op": "add", "path": "/evaluation/attestations/second", "value": {"held": false, "expires_ns": now + 1}}]), {"REL-019"})
	unproven(removed("/evaluation"))
	unproven(replaced("/evaluation/metrics", 3))
	every reasons in [null, {}, "none", [{"code": 5}], [{}]] {
		unproven(replaced("/record/reasons", reasons))
	}
}

# REL-020
test_no_approvals if {
	answer := judge(replaced("/approvals", null))
	refused(answer, {"REL-020"})
	contains(message(answer), "it demands no approvals")
	refused(judge(replaced("/approvals/threshold", 0)), {"REL-020"})
	few := {"approved": false, "not_after": now + 1, "reasons": [{"code": "REL-006", "message": "1 of 2 approvals"}]}
	refused(judge(replaced("/record", few)), {"REL-011", "REL-020"})
}

test_a_gate_without_an_answer_proves_nothing if {
	silent := {"approved": false, "not_after": 0, "reasons": [{"code": "REL-010", "message": "the gate gave no answer"}]}
	refused(judge(replaced("/record", silent)), {"REL-011", "REL-019", "REL-020"})
}

test_card_of_no_trusted_package if {
	answer := judge(replaced("/package", {"matched": false, "reason": "the card was edited"}))
	refused(answer, {"REL-014", "REL-015", "REL-016", "REL-017", "REL-018"})
	contains(message(answer), "card and manifest do not count: the card was edited")
	contains(message(answer), "the card's text does not count")
	contains(message(answer), "lineage not documented (card and manifest do not count: the card was edited): the card's text does not count")
	unproven(replaced("/package/matched", "true"))
	unproven(removed("/package"))
}

test_the_least_that_suffices if {
	judge(replaced("/approvals/threshold", 1)).released
	judge(replaced("/lineage", {"parent_run_id": "1", "base_model": ["a"], "datasets": ["b"]})).released
	short := [{"text": "x", "spdx": "X"}]
	judge(replaced("/licenses", {"card": short, "manifest": short})).released
}

test_only_what_is_missing_is_named if {
	lineage := judge(replaced("/lineage", {"parent_run_id": "1", "base_model": ["a"], "datasets": []}))
	contains(message(lineage), "lineage not documented: no `datasets`; write")
	unread := judge(replaced("/lineage", {"parent_run_id": "1", "base_model": null, "datasets": "squad"}))
	contains(message(unread), "lineage not documented: no `base_model`, no `datasets`; write")
	written := {"line": 3, "words": 1, "placeholders": []}
	section_ := judge([{"op": "add", "path": "/sections/threat_model/-", "value": written}, {
		"op": "replace",
		"path": "/sections/threat_model/0/words",
		"value": 0,
	}])
	contains(message(section_), "line 12 is empty")
	not contains(message(section_), "line 3")
}

test_the_gates_reasons_are_told_where_they_belong if {
	reasons := [
		{"code": "REL-001", "message": "of packaging"},
		{"code": "REL-005", "message": "of a metric"},
		{"code": "REL-006", "message": "of approvals"},
		{"code": "REL-010", "message": "of something unreadable"},
	]
	answer := judge(replaced("/record/reasons", reasons))
	told := {finding.requirement: concat("; ", [reason.message | some reason in finding.reasons]) | some finding in answer.requirements}
	endswith(told.approvals, ": of approvals; of something unreadable")
	contains(told.evaluation, ": of a metric; of something unreadable")
}

# What has members is not yet a text or a list.
test_what_only_counts_like_what_is_wanted if {
	odd := [{"text": "x", "spdx": ["MIT"]}]
	unproven(replaced("/licenses", {"card": odd, "manifest": odd}))
	refused(judge(replaced("/lineage/base_model", {"a": "b"})), {"REL-018"})
	refused(judge(replaced("/lineage/datasets", {"a": "b"})), {"REL-018"})
	unproven(replaced("/sections/threat_model", {"a": section}))
}
