package weighbridge.points.workload_test

import data.lib.weighbridge.requirements.mod_test as models
import data.weighbridge.points.workload

decision(object_) := decided if {
	decided := workload.decision with input as object_
		with data.weighbridge.registry as models.registry
		with data.weighbridge.live as models.live
		with data.lib.weighbridge.request.now_ns as 1000
}

codes(object_) := [violation.code | some violation in decision(object_).violations]

unlabelled := json.remove(models.pod, ["metadata/labels"])

test_allowed if {
	decision(models.pod) == {
		"allowed": true,
		"environment": "prod",
		"subject": {"kind": "Pod", "name": "kb-qa", "namespace": "models", "model": "kb-qa-001", "version": "1"},
		"violations": [],
	}
}

test_denied if {
	decided := decision(unlabelled)
	decided.allowed == false
	decided.subject == {"kind": "Pod", "name": "kb-qa", "namespace": "models", "model": "", "version": ""}
	[violation] = decided.violations
	violation.code == "MOD-001"
	violation.effect == "deny"
	violation.severity == "high"
	violation.field == ["metadata", "labels"]
	contains(violation.message, "model_version")
}

test_fields_lead_to_the_place if {
	outside := json.patch(models.at("CronJob"), [{
		"op": "replace",
		"path": "/spec/jobTemplate/spec/template/spec/containers/0/image",
		"value": "serve:latest",
	}])
	[violation] = decision(outside).violations
	violation.field == ["spec", "jobTemplate", "spec", "template", "spec", "containers", 0, "image"]
}

test_a_list_is_as_good_as_its_items if {
	list := {"apiVersion": "v1", "kind": "List", "items": [models.pod, unlabelled, {"kind": 7}]}
	decided := decision(list)
	decided.allowed == false
	[[violation.code, violation.field[1]] | some violation in decided.violations] == [["MOD-001", 1], ["MOD-010", 2]]
	decision({"apiVersion": "v1", "kind": "List", "items": [models.pod]}).allowed == true
	decision({"apiVersion": "v1", "kind": "PodList", "items": [models.pod]}).allowed == true
}

test_a_list_that_is_none if {
	codes({"apiVersion": "v1", "kind": "List"}) == ["MOD-010"]
	codes({"apiVersion": "v1", "kind": "List", "items": "all"}) == ["MOD-010"]
	codes({"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", "kind": "List", "items": [models.pod]}]}) == ["MOD-010"]
}

test_nothing_is_undefined if {
	every object_ in [null, "x", 7, [], {}, {"metadata": "x"}, {"kind": ["Pod"]}] {
		codes(object_) == ["MOD-010"]
		decision(object_).allowed == false
	}
	nothing := workload.decision with input as models.pod
		with data.weighbridge.registry as null
		with data.weighbridge.live as null
	nothing.allowed == false
}

test_requirements_that_are_not_linked if {
	decided := workload.decision with input as models.pod
		with data.weighbridge.registry as models.registry
		with data.weighbridge.live as models.live
		with data.lib.weighbridge.request.now_ns as 1000
		with data.lib.weighbridge.requirements.mod.deny as null
	decided.allowed == false
}

test_hardening_that_is_not_linked if {
	decided := workload.decision with input as models.pod
		with data.weighbridge.registry as models.registry
		with data.weighbridge.live as models.live
		with data.lib.weighbridge.request.now_ns as 1000
		with data.lib.weighbridge.requirements.pod.deny as null
	decided.allowed == false
	decided.violations == []
}

test_both_families_answer if {
	open := json.patch(unlabelled, [{"op": "add", "path": "/spec/hostNetwork", "value": true}])
	codes(open) == ["MOD-001", "POD-003"]
}

with_requirements(requirements) := decided if {
	decided := workload.decision with input as models.pod
		with data.weighbridge.registry as models.registry
		with data.weighbridge.live as models.live
		with data.lib.weighbridge.request.now_ns as 1000
		with data.lib.weighbridge.user.requirements as requirements
}

test_a_users_requirement if {
	full := {"code": "ACM-001", "message": "no", "severity": "low", "field": ["spec"]}
	with_requirements({"mine": {"deny": {full}}}).violations == [object.union(full, {"effect": "deny"})]
	short := {"code": "ACM-001", "message": "no", "severity": "whatever", "field": "spec"}
	with_requirements({"mine": {"deny": {short}}}).violations == [{
		"code": "ACM-001",
		"message": "no",
		"severity": "high",
		"effect": "deny",
		"field": [],
	}]
	with_requirements({"mine": {"deny": set()}}).allowed == true
}

test_a_users_requirement_of_another_form if {
	every deny in [{"no"}, {{"code": "acm", "message": "no"}}, {{"code": "ACM-001"}}, {null}, {true}] {
		[found.code | some found in with_requirements({"mine": {"deny": deny}}).violations] == ["USR-001"]
	}
	every deny in ["no", true, null, {}, {"a": "b"}, 7] {
		decided := with_requirements({"mine": {"deny": deny}})
		decided.allowed == false
		"USR-002" in {violation.code | some violation in decided.violations}
	}
	[violation] = with_requirements({"mine": {"helper": 1}}).violations
	violation.code == "USR-002"
}

test_a_verdict_that_is_undefined if {
	decided := workload.decision with input as models.pod
		with data.lib.weighbridge.verdict as {}
	decided.allowed == false
	[violation] = decided.violations
	violation.code == "MOD-010"
}
