package lib.weighbridge.requirements.pod_test

import data.lib.weighbridge.requirements.mod_test as models
import data.lib.weighbridge.requirements.pod

# Each case is a change to a pod that is hardened as it stands (and, where it says so, to what the environment demands), and the
# exact set of codes that must come of it: nothing missing, nothing surplus.

judged(object_, limits) := {violation.code |
	registry_ := object.union(models.registry, {"limits": limits})
	some violation in pod.deny with input as object_
		with data.weighbridge.registry as registry_
		with data.weighbridge.live as models.live
		with data.lib.weighbridge.request.now_ns as 1000
}

strict := {"pod_security": "restricted", "user_namespaces": false}

baseline := {"pod_security": "baseline", "user_namespaces": false}

mapped := {"pod_security": "restricted", "user_namespaces": true}

mapped_baseline := {"pod_security": "baseline", "user_namespaces": true}

set_(path, value) := [{"op": "add", "path": path, "value": value}]

gone(path) := [{"op": "remove", "path": path}]

# Below a pod's spec, the first container, and their security contexts.
s(path) := concat("", ["/spec/", path])

sc(path) := concat("", ["/spec/securityContext/", path])

c(path) := concat("", ["/spec/containers/0/", path])

csc(path) := concat("", ["/spec/containers/0/securityContext/", path])

image := models.pod.spec.containers[0].image

serve := models.pod.spec.containers[0]

bare := {"name": "bare", "image": image}

everything_of_a_container := {"POD-015", "POD-019", "POD-021", "POD-022"}

annotation(name, value) := set_(concat("/", ["/metadata/annotations", replace(name, "/", "~1")]), value)

seccomp(type) := set_(sc("seccompProfile/type"), type)

windows := set_(s("os"), {"name": "windows"})

secret(name, value) := set_(c("env"), [{"name": name, "value": value}])

limits_(limits) := set_(c("resources"), {"limits": limits})

token(source) := set_(s("volumes"), [{"name": "t", "projected": {"sources": [{"serviceAccountToken": source}]}}])

repeated(text, times) := concat("", [text | some _ in numbers.range(1, times)])

cases := object.union_n([readable_cases, host_cases, kernel_cases, restricted_cases, beyond_cases])

evaluated[code][name] := found if {
	some code, some_cases in cases
	some name, case in some_cases
	object_ := json.patch(models.pod, case.patch)
	found := judged(object_, object.get(case, "limits", strict))
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
	codes == {sprintf("POD-%03d", [n]) | some n in numbers.range(1, 23)}
	every code in codes {
		some failing in cases[code]
		code in failing.codes
		some passing in cases[code]
		not code in passing.codes
	}
}

# At the level `restricted` everything; at `baseline` the first thirteen; at `privileged` nothing.
worst := json.patch(models.pod, [
	{"op": "add", "path": "/metadata/annotations/seccomp.security.alpha.kubernetes.io~1pod", "value": "unconfined"},
	{"op": "replace", "path": "/spec", "value": {
		"hostNetwork": true,
		"securityContext": {
			"windowsOptions": {"hostProcess": true},
			"appArmorProfile": {"type": "Unconfined"},
			"seLinuxOptions": {"type": "spc_t"},
			"sysctls": [{"name": "kernel.msgmax", "value": "1"}],
			"runAsUser": 0,
		},
		"volumes": [{"name": "h", "hostPath": {"path": "/"}}],
		"containers": [object.union(bare, {
			"env": [{"name": "TOKEN", "value": "x"}],
			"ports": [{"hostPort": 80}],
			"livenessProbe": {"httpGet": {"host": "x"}},
			"securityContext": {
				"privileged": true,
				"capabilities": {"add": ["SYS_ADMIN"]},
				"procMount": "Unmasked",
				"runAsNonRoot": "no",
			},
		})],
	}},
])

test_levels if {
	all_of_them := {sprintf("POD-%03d", [n]) | some n in numbers.range(1, 23)}
	judged(worst, strict) == all_of_them
	judged(worst, baseline) == {sprintf("POD-%03d", [n]) | some n in numbers.range(1, 13)}
	judged(worst, {"pod_security": "privileged", "user_namespaces": false}) == set()
	every level in ["", "Baseline", "none", "PRIVILEGED"] {
		judged(worst, {"pod_security": level, "user_namespaces": false}) == all_of_them
	}
}

test_only_what_serves_is_judged if {
	judged(json.patch(worst, set_("/metadata/namespace", "kube-system")), strict) == set()
	judged(json.patch(worst, set_(c("image"), concat("@", ["p", models.digest("5")]))), strict) == set()
	judged({"apiVersion": "v1", "kind": "Service", "spec": {"hostNetwork": true}}, strict) == set()
	judged(json.patch(worst, gone("/metadata/labels")), strict) == judged(worst, strict)
}

test_fields_lead_to_the_place if {
	outside := json.patch(models.at("CronJob"), [{
		"op": "add",
		"path": "/spec/jobTemplate/spec/template/spec/containers/0/securityContext/privileged",
		"value": true,
	}])
	found := [violation | some violation in pod.deny with input as outside with data.weighbridge.registry as models.registry]
	[violation.field | some violation in found] == [[
		"spec", "jobTemplate", "spec", "template", "spec",
		"containers", 0, "securityContext", "privileged",
	]]
}

test_messages_stay_short if {
	variable := secret(concat("_", [repeated("X", 5000), "TOKEN"]), "x")
	container := array.concat(set_(c("name"), repeated("n", 5000)), gone(csc("readOnlyRootFilesystem")))
	long := json.patch(models.pod, array.concat(variable, container))
	found := [violation.message | some violation in pod.deny with input as long with data.weighbridge.registry as models.registry]
	count(found) == 2
	every message in found {
		count(message) < 256
	}
}

test_a_secret_is_not_repeated if {
	found := [violation.message |
		some violation in pod.deny with input as json.patch(models.pod, secret("PASSWORD", "hunter2"))
			with data.weighbridge.registry as models.registry
	]
	count(found) == 1
	not contains(found[0], "hunter2")
}
