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

without_family(decided) if {
	decided.allowed == false
	decided.violations == []
}

test_any_family_that_is_not_linked if {
	without_family(decision(models.pod)) with data.lib.weighbridge.requirements.gpu.deny as null
	without_family(decision(models.pod)) with data.lib.weighbridge.requirements.img.deny as null
	without_family(decision(models.pod)) with data.lib.weighbridge.requirements.net.deny as null
	without_family(decision(models.pod)) with data.lib.weighbridge.requirements.rel.deny as null
	without_family(decision(models.pod)) with data.lib.weighbridge.requirements.tls.deny as null
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
	object.remove(decided, ["violations"]) == {
		"allowed": false,
		"environment": "",
		"subject": {"kind": "", "name": "", "namespace": "", "model": "", "version": ""},
	}
	[violation] = decided.violations
	object.remove(violation, ["message"]) == {"code": "MOD-010", "severity": "high", "effect": "deny", "field": []}
}

# What a report shows is text, whatever the registry or the object holds.
test_a_report_shows_text if {
	odd := workload.decision with input as models.pod
		with data.weighbridge.registry as object.union(models.registry, {"environment": 7})
		with data.weighbridge.live as models.live
	odd.environment == ""
	odd.allowed == false
	decision(json.patch(models.pod, [{"op": "replace", "path": "/metadata/labels/model_version", "value": 7}])).subject.version == ""
	nothing := workload.decision with input as null
		with data.weighbridge.registry as models.registry
		with data.lib.weighbridge.request.subject as null
	nothing.subject == {"kind": "", "name": "", "namespace": "", "model": "", "version": ""}
}

test_a_list_without_policy_data_is_judged_itself if {
	list := {"apiVersion": "v1", "kind": "List", "items": [models.pod]}
	decided := workload.decision with input as list
		with data.weighbridge.registry as null
		with data.weighbridge.live as null
	[[violation.code, violation.field] | some violation in decided.violations] == [["MOD-013", []], ["MOD-013", ["items", 0]]]
}

# A pod spec without a template around it: the field is where it stands in the object.
inference_service := {
	"apiVersion": "serving.kserve.io/v1beta1",
	"kind": "InferenceService",
	"metadata": object.union(models.pod.metadata, {"labels": {
		"networking.kserve.io/visibility": "cluster-local",
		"networking.knative.dev/visibility": "cluster-local",
	}}),
	"spec": {"predictor": models.pod.spec},
}

fields(object_) := {[violation.code, violation.field] | some violation in decision(object_).violations}

test_fields_lead_to_a_bare_pod_spec if {
	decision(inference_service).allowed == true
	open := json.patch(inference_service, [{"op": "add", "path": "/spec/predictor/hostNetwork", "value": true}])
	fields(open) == {["POD-003", ["spec", "predictor", "hostNetwork"]]}
	unpinned := json.patch(inference_service, [{"op": "replace", "path": "/spec/predictor/containers/0/image", "value": "serve"}])
	["MOD-008", ["spec", "predictor", "containers", 0, "image"]] in fields(unpinned)
	["MOD-001", ["spec", "predictor", "labels"]] in fields(json.remove(inference_service, ["metadata/labels/model_id"]))
	fields(json.remove(inference_service, ["metadata/annotations"])) == {[
		"MOD-005",
		["spec", "predictor", "annotations", "weighbridge.dev/artifact-digest"],
	]}
}
