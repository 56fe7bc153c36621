package lib.weighbridge.waivers_test

import data.lib.weighbridge.requirements.mod_test as models
import data.lib.weighbridge.waivers
import data.lib.weighbridge.workload
import data.weighbridge.points.workload as point

# A pod whose one violation is POD-022, and what a waiver of it makes of that.
soft(object_) := json.remove(object_, ["spec/containers/0/securityContext/readOnlyRootFilesystem"])

pod := soft(models.pod)

waiver(scope) := {"file": "waivers/a.json", "signer": "mlsec", "not_before": 500, "not_after": 1500, "scope": scope}

artifact := {"artifact": models.digest("a")}

named := {"namespace": "models", "kind": "Pod", "name": "kb-qa", "images": [models.digest("1")]}

effects_at(object_, listed, now_ns) := {[violation.code, violation.effect] |
	decided := point.decision with input as object_
		with data.weighbridge.registry as object.union(models.registry, {"waivers": listed})
		with data.weighbridge.live as models.live
		with data.lib.weighbridge.request.now_ns as now_ns
	some violation in decided.violations
}

effect(object_, listed) := found if {
	[["POD-022", found]] = [entry | some entry in effects_at(object_, {"POD-022": listed}, 1000)]
}

test_an_artifact if {
	effect(pod, [waiver(artifact)]) == "waived"
	effect(soft(object.union(models.pod, {"metadata": {"name": "other", "namespace": "elsewhere"}})), [waiver(artifact)]) == "waived"
	effect(pod, [waiver({"artifact": models.digest("b")})]) == "deny"
	effect(pod, [waiver({"artifact": substring(models.digest("a"), 0, 70)})]) == "deny"
	effect(pod, [waiver({"artifact": upper(models.digest("a"))})]) == "deny"
	effect(pod, [waiver({"artifact": ""})]) == "deny"
	effect(pod, [waiver({"artifact": null})]) == "deny"
	effect(pod, [waiver({"artifact": [models.digest("a")]})]) == "deny"
	effect(pod, [waiver({"artifact": false})]) == "deny"
}

test_an_artifact_that_the_labels_do_not_name if {
	other := json.patch(pod, [{"op": "replace", "path": "/metadata/labels/model_version", "value": "2"}])
	["POD-022", "deny"] in effects_at(other, {"POD-022": [waiver(artifact)]}, 1000)
	bare := json.remove(pod, ["metadata/labels"])
	["POD-022", "deny"] in effects_at(bare, {"POD-022": [waiver(artifact)]}, 1000)
	unknown := json.patch(pod, [{"op": "replace", "path": "/metadata/labels/model_version", "value": "9"}])
	["POD-022", "deny"] in effects_at(unknown, {"POD-022": [waiver(artifact)]}, 1000)
}

test_a_workload_by_its_name if {
	effect(pod, [waiver(named)]) == "waived"
	every change in [
		{"namespace": "Models"},
		{"namespace": ""},
		{"namespace": null},
		{"kind": "pod"},
		{"kind": "Deployment"},
		{"name": "kb-q"},
		{"name": "kb-qa-2"},
		{"name": ""},
		{"name": null},
		{"images": []},
		{"images": [models.digest("2")]},
		{"images": [substring(models.digest("1"), 0, 40)]},
		{"images": null},
		{"images": models.digest("1")},
		{"artifact": models.digest("b")},
	] {
		effect(pod, [waiver(object.union(named, change))]) == "deny"
	}
	effect(json.remove(pod, ["metadata/namespace"]), [waiver(named)]) == "deny"
	effect(json.remove(pod, ["metadata/namespace"]), [waiver(object.union(named, {"namespace": ""}))]) == "deny"
}

test_an_image_more_than_was_waived if {
	added := json.patch(pod, [{"op": "add", "path": "/spec/initContainers", "value": [object.union(
		pod.spec.containers[0],
		{"name": "second", "image": concat("@", ["registry.example/second", models.digest("2")])},
	)]}])
	["POD-022", "deny"] in effects_at(added, {"POD-022": [waiver(named)]}, 1000)
	unpinned := json.patch(pod, [{"op": "add", "path": "/spec/initContainers", "value": [object.union(
		pod.spec.containers[0],
		{"name": "second", "image": "registry.example/second:latest"},
	)]}])
	["POD-022", "deny"] in effects_at(unpinned, {"POD-022": [waiver(named)]}, 1000)
	debugged := json.patch(pod, [{"op": "add", "path": "/spec/ephemeralContainers", "value": [object.union(
		pod.spec.containers[0],
		{"name": "second", "image": concat("@", ["registry.example/second", models.digest("2")])},
	)]}])
	["POD-022", "deny"] in effects_at(debugged, {"POD-022": [waiver(named)]}, 1000)
	support := json.patch(pod, [{"op": "add", "path": "/spec/initContainers", "value": [object.union(
		pod.spec.containers[0],
		{"name": "second", "image": concat("@", ["registry.example/logs", models.digest("5")])},
	)]}])
	{["POD-022", "waived"]} == effects_at(support, {"POD-022": [waiver(named)]}, 1000)
}

called(kind, name) := json.patch(pod, [{"op": "replace", "path": "/metadata/name", "value": name}]) if kind == "Pod"

test_what_kubernetes_makes_of_it if {
	every made in [
		["Deployment", "kb-qa-7d9c6f5b48-x2bcd"],
		["ReplicaSet", "kb-qa-x2bcd"],
		["ReplicationController", "kb-qa-x2bcd"],
		["DaemonSet", "kb-qa-x2bcd"],
		["StatefulSet", "kb-qa-0"],
		["Job", "kb-qa-x2bcd"],
		["Job", "kb-qa-7-x2bcd"],
		["CronJob", "kb-qa-29384756-x2bcd"],
	] {
		effect(called("Pod", made[1]), [waiver(object.union(named, {"kind": made[0]}))]) == "waived"
	}
}

test_what_only_looks_like_it if {
	every made in [
		["Deployment", "kb-qa-two-7d9c6f5b48-x2bcd"],
		["Deployment", "kb-qa-7d9c6f5b48"],
		["Deployment", "kb-qa-7d9c6f5b48-x2bcd-x2bcd"],
		["Deployment", "xkb-qa-7d9c6f5b48-x2bcd"],
		["Deployment", "kb-qb-7d9c6f5b48-x2bcd"],
		["Deployment", "kb-qa7d9c6f5b48-x2bcd"],
		["Deployment", "kb-qa-7d9c6f5b48-x2bce"],
		["Deployment", "kb-qa-7d9c6f5b48-x2bcd\n"],
		["Deployment", "kb-qa"],
		["StatefulSet", "kb-qa-0-0"],
		["StatefulSet", "kb-qa-x2bcd"],
		["CronJob", "kb-qa-x2bcd"],
		["InferenceService", "kb-qa-7d9c6f5b48-x2bcd"],
		["Pod", "kb-qa-x2bcd"],
	] {
		effect(called("Pod", made[1]), [waiver(object.union(named, {"kind": made[0]}))]) == "deny"
	}
}

test_owner_references_are_not_believed if {
	owned := json.patch(pod, [
		{"op": "replace", "path": "/metadata/name", "value": "mine"},
		{"op": "add", "path": "/metadata/ownerReferences", "value": [{"kind": "Pod", "name": "kb-qa", "controller": true}]},
	])
	effect(owned, [waiver(named)]) == "deny"
	annotated := json.patch(pod, [
		{"op": "replace", "path": "/metadata/name", "value": "mine"},
		{"op": "add", "path": "/metadata/annotations/weighbridge.dev~1waiver", "value": "waivers/a.json"},
	])
	effect(annotated, [waiver(named)]) == "deny"
}

test_its_time if {
	every at in [500, 1000, 1499] {
		{["POD-022", "waived"]} == effects_at(pod, {"POD-022": [waiver(named)]}, at)
	}
	every at in [1, 499, 1500, 1999] {
		{["POD-022", "deny"]} == effects_at(pod, {"POD-022": [waiver(named)]}, at)
	}
	every wrong in [
		{"not_after": null},
		{"not_after": "9999"},
		{"not_before": null},
		{"not_before": ""},
		{"not_before": false},
	] {
		effect(pod, [object.union(waiver(named), wrong)]) == "deny"
	}
	effect(pod, [object.remove(waiver(named), ["not_after"])]) == "deny"
	effect(pod, [object.remove(waiver(named), ["not_before"])]) == "deny"
}

test_of_several_any if {
	late := object.union(waiver(named), {"not_before": 2000, "not_after": 3000})
	effect(pod, [late, waiver({"artifact": models.digest("b")})]) == "deny"
	effect(pod, [late, waiver(artifact), waiver(named)]) == "waived"
}

test_only_the_code_it_names if {
	{["POD-022", "deny"]} == effects_at(pod, {"POD-021": [waiver(named)]}, 1000)
	{["POD-022", "deny"]} == effects_at(pod, {"pod-022": [waiver(named)]}, 1000)
	{["POD-022", "deny"]} == effects_at(pod, {"*": [waiver(named)]}, 1000)
}

test_what_is_no_list_of_waivers if {
	every listed in [null, true, "", "all", [], [null], [true], ["POD-022"], [{}], 7] {
		effect(pod, listed) == "deny"
	}
}

# What is judged and is no pod runs nothing, so its waiver names no images.
service := {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "kb-qa", "namespace": "models"}}

holding(listed) := waivers.holding(listed, {
	"now_ns": 1000,
	"subject": workload.subject(service, {}),
	"artifact": "",
	"support_images": {},
})

test_what_is_no_pod if {
	scope := object.union(named, {"kind": "Service"})
	count(holding([waiver(object.union(scope, {"images": []}))])) == 1
	count(holding([waiver(scope)])) == 0
	count(holding([waiver(artifact)])) == 0
}
