package lib.weighbridge.requirements.gpu_test

import data.lib.weighbridge.requirements.gpu
import data.lib.weighbridge.requirements.mod_test as models

# Each case is a change to a pod that asks for no device (and, where it says so, to what the environment says of devices), and the
# exact set of codes that must come of it: nothing missing, nothing surplus.

accelerators := {
	"isolation": [{"device": "partition", "boundary": "sandbox"}, {"device": "exclusive", "boundary": "vm"}],
	"resources": {
		"nvidia.com/gpu": "exclusive",
		"nvidia.com/mig-*": "partition",
		"nvidia.com/mig-7g.*": "exclusive",
		"nvidia.com/mig-1g.5gb": "shared",
		"rdma/hca": "none",
	},
	"device_classes": {"mig.nvidia.com": "partition", "gpu.nvidia.com": "exclusive", "nic.example.com": "none"},
	"claim_templates": {"mig": "partition", "nic": "none"},
	"runtime_classes": {"nvidia": "container", "gvisor": "sandbox", "kata": "vm", "coco": "confidential"},
	"caches": {"per_tenant": false, "without": [models.digest("1")]},
}

judged(object_, changes) := {violation.code |
	some violation in violations(object_, changes)
}

violations(object_, changes) := found if {
	limits := object.union(models.registry.limits, object.get(changes, "limits", {}))
	said := object.union(accelerators, object.get(changes, "accelerators", {}))
	registry_ := object.union(object.remove(models.registry, ["limits"]), {
		"multi_tenant": object.get(changes, "multi_tenant", true),
		"limits": object.union(limits, {"accelerators": said}),
	})
	found := gpu.deny with input as object_
		with data.weighbridge.registry as registry_
		with data.weighbridge.live as models.live
		with data.lib.weighbridge.request.now_ns as 1000
}

set_(path, value) := [{"op": "add", "path": path, "value": value}]

s(path) := concat("", ["/spec/", path])

c(path) := concat("", ["/spec/containers/0/", path])

limit(name) := set_(concat("/", [c("resources/limits"), replace(name, "/", "~1")]), 1)

runtime(name) := set_(s("runtimeClassName"), name)

mig := array.concat(limit("nvidia.com/mig-2g.10gb"), runtime("gvisor"))

with_mig(patch) := array.concat(mig, patch)

claim(value) := set_(s("resourceClaims"), [value])

annotation(name, value) := set_(concat("/", ["/metadata/annotations", replace(name, "/", "~1")]), value)

variable(name, value) := set_(c("env"), [{"name": name, "value": value}])

elsewhere(name) := set_(c("env"), [{"name": name, "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}}])

node(path) := set_(s("volumes"), [{"name": "n", "hostPath": {"path": path}}])

volume(value) := set_(s("volumes"), [value])

mounted(value, mounts) := array.concat(volume(value), set_(c("volumeMounts"), mounts))

args(words) := set_(c("args"), words)

command(words) := set_(c("command"), words)

serve := models.pod.spec.containers[0]

forgetful := {"caches": {"per_tenant": false, "without": []}}

remembering(patch) := {"patch": with_mig(patch), "accelerators": forgetful}

apart := {"caches": {"per_tenant": true, "without": []}}

one_tenant(patch) := {"patch": patch, "multi_tenant": false, "codes": set()}

affinity(operator, values) := set_(s("affinity"), {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchExpressions": [{
	"key": "nvidia.com/gpu.sharing-strategy",
	"operator": operator,
	"values": values,
}]}]}}})

cases := object.union_n([device_cases, reach_cases, cache_cases])

evaluated[code][name] := found if {
	some code, some_cases in cases
	some name, case in some_cases
	found := judged(json.patch(models.pod, case.patch), case)
}

different[code][name] := found if {
	some code, found_cases in evaluated
	some name, found in found_cases
	found != cases[code][name].codes
}

test_pods if {
	every code, some_cases in cases {
		count(evaluated[code]) == count(some_cases)
	}
	different == {}
}

test_every_code_is_tried_both_ways if {
	codes := object.keys(cases)
	codes == {sprintf("GPU-%03d", [n]) | some n in numbers.range(1, 11)} - {"GPU-010"}
	every code in codes {
		some failing in cases[code]
		code in failing.codes
		some passing in cases[code]
		not code in passing.codes
	}
}

test_only_what_serves_is_judged if {
	bad := json.patch(models.pod, array.concat(limit("nvidia.com/gpu.shared"), variable("NVIDIA_VISIBLE_DEVICES", "all")))
	judged(bad, {}) == {"GPU-002", "GPU-004"}
	judged(json.patch(bad, set_("/metadata/namespace", "kube-system")), {}) == set()
	judged({"apiVersion": "v1", "kind": "Service", "spec": {"hostIPC": true}}, {}) == set()
}

# A setting that is missing, or of another form, describes nothing.
test_without_settings_every_device_is_refused if {
	asking := json.patch(models.pod, mig)
	every name in ["isolation", "resources", "runtime_classes"] {
		registry_ := object.union(object.remove(models.registry, ["limits"]), {"limits": object.union(
			models.registry.limits,
			{"accelerators": object.remove(accelerators, [name])},
		)})
		found := gpu.deny with input as asking with data.weighbridge.registry as registry_ with data.weighbridge.live as models.live
			with data.lib.weighbridge.request.now_ns as 1000
		count(found) > 0
	}
	nothing := gpu.deny with input as asking with data.weighbridge.registry as models.registry with data.weighbridge.live as models.live
		with data.lib.weighbridge.request.now_ns as 1000
	some violation in nothing
	contains(violation.message, "needed is what nobody described")
}

test_messages_stay_short if {
	long := concat("", ["n" | some _ in numbers.range(1, 5000)])
	worst := json.patch(models.pod, array.flatten([
		limit(concat("/", [long, "gpu"])),
		set_("/metadata/name", long),
		set_(c("name"), long),
		annotation(concat("/", ["cdi.k8s.io", long]), "x"),
		annotation(concat(".", ["io.katacontainers", long]), "x"),
		set_(c("env"), [
			{"name": concat("_", [long, "VISIBLE_DEVICES"]), "value": "all"},
			{"name": concat("_", ["CUDA_MPS", long]), "value": "x"},
			{"name": concat("_", ["LMCACHE", long]), "value": "x"},
		]),
	]))
	found := violations(worst, {"accelerators": forgetful})
	count(found) >= 7
	every violation in found {
		count(violation.message) < 256
	}
}

test_fields_lead_to_the_place if {
	outside := json.patch(models.at("CronJob"), [{
		"op": "add",
		"path": "/spec/jobTemplate/spec/template/spec/containers/0/resources/limits/nvidia.com~1gpu.shared",
		"value": 1,
	}])
	{violation.field | some violation in violations(outside, {})} == {[
		"spec", "jobTemplate", "spec", "template", "spec",
		"containers", 0, "resources", "limits", "nvidia.com/gpu.shared",
	]}
}
