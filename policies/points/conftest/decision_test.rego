package weighbridge.points.conftest_test

import data.lib.weighbridge.request
import data.main
import data.weighbridge.points.conftest

image := concat("", ["registry.example/serve@sha256:", concat("", ["1" | some _ in numbers.range(1, 64)])])

digest := concat("", ["sha256:", concat("", ["a" | some _ in numbers.range(1, 64)])])

registry := {
	"environment": "prod",
	"point": "conftest",
	"multi_tenant": true,
	"limits": {
		"pod_security": "restricted",
		"user_namespaces": false,
		"images": {
			"evidence": [],
			"registries": [],
			"bases": ["distroless", "wolfi"],
			"allow": [],
			"max_severity": "medium",
			"cuda": null,
			"cudnn": null,
		},
		"documented": [],
	},
	"labels": {"model_id": "model_id", "model_version": "model_version"},
	"support_images": {},
	"exempt_namespaces": {"kube-system": true},
	"kinds": {},
	"modes": {},
	"waivers": {},
	"orders": {"revoked": {}, "frozen": {}, "suspended": {}, "keys": {}},
	"records": {"kb-qa-001@1": {
		"model": "kb-qa-001",
		"version": "1",
		"approved": true,
		"digest": digest,
		"not_after": 9223372036854775807,
		"images": {split(image, "@")[1]: {}},
		"sources": {},
		"required": [],
		"missing": [],
		"reasons": [],
	}},
}

pod := {
	"apiVersion": "v1",
	"kind": "Pod",
	"metadata": {
		"name": "kb-qa",
		"labels": {"model_id": "kb-qa-001", "model_version": "1"},
		"annotations": {"weighbridge.dev/artifact-digest": digest},
	},
	"spec": {
		"automountServiceAccountToken": false,
		"securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
		"containers": [{
			"name": "serve",
			"image": image,
			"resources": {"limits": {"cpu": "1", "memory": "1Gi"}},
			"securityContext": {
				"allowPrivilegeEscalation": false,
				"readOnlyRootFilesystem": true,
				"capabilities": {"drop": ["ALL"]},
			},
		}],
	},
}

decision(object_, registry_) := decided if {
	decided := conftest.decision with input as object_
		with data.weighbridge.registry as registry_
}

results(object_, registry_) := {result.msg |
	some result in main.deny with input as object_
		with data.weighbridge.registry as registry_
}

order := {"id": "o", "reason": "r", "issued_at": 1}

test_allowed if {
	decision(pod, registry).allowed == true
	results(pod, registry) == set()
}

test_there_is_no_live_data_and_none_is_missed if {
	decided := conftest.decision with input as pod
		with data.weighbridge.registry as registry
		with data.weighbridge.live as {"environment": "prod", "not_after": 1, "revoked": {digest: order}, "frozen": {}}
	decided.allowed == true
}

test_compiled_in_orders if {
	revoked := object.union(registry, {"orders": {"revoked": {digest: order}, "frozen": {"kb-qa-001@1": order}}})
	[violation.code | some violation in decision(pod, revoked).violations] == ["MOD-006", "MOD-007"]
	{substring(message, 0, 7) | some message in results(pod, revoked)} == {"MOD-006", "MOD-007"}
}

test_exempt_and_support if {
	bare := json.remove(pod, ["metadata/labels"])
	[violation.code | some violation in decision(bare, registry).violations] == ["MOD-001"]
	decision(json.patch(bare, [{"op": "add", "path": "/metadata/namespace", "value": "kube-system"}]), registry).allowed == true
	decision(bare, object.union(registry, {"support_images": {split(image, "@")[1]: {}}})).allowed == true
}

test_another_points_data if {
	[violation.code | some violation in decision(pod, object.union(registry, {"point": "workload"})).violations] == ["MOD-013"]
	[violation.code | some violation in decision(pod, null).violations] == ["MOD-013"]
}

test_hardening_is_demanded_as_the_registry_says if {
	soft := json.remove(pod, ["spec/securityContext/runAsNonRoot"])
	[violation.code | some violation in decision(soft, registry).violations] == ["POD-016"]
	baseline := object.union(registry, {"limits": {"pod_security": "baseline"}})
	decision(soft, baseline).allowed == true
}

test_an_empty_document_is_nothing if results(null, registry) == set()

test_a_denial_without_a_violation_is_a_result if {
	found := main.deny with input as pod
		with data.weighbridge.points.conftest.decision as {"allowed": false, "violations": []}
	count(found) == 1
}

warnings(object_, registry_) := {result.msg |
	some result in main.warn with input as object_
		with data.weighbridge.registry as registry_
}

# What is softened is shown and does not fail; what denies beside it still does, and nothing is told twice.
test_what_is_softened_is_a_warning if {
	writable := json.remove(pod, ["spec/containers/0/securityContext/readOnlyRootFilesystem"])
	warned := object.union(registry, {"modes": {"POD-022": [{"mode": "warn", "from": 0}]}})
	results(writable, registry) != set()
	warnings(writable, registry) == set()
	results(writable, warned) == set()
	[warning] = [substring(message, 0, 14) | some message in warnings(writable, warned)]
	warning == "POD-022 (warn)"
	soft := json.remove(writable, ["spec/securityContext/runAsNonRoot"])
	{substring(message, 0, 7) | some message in results(soft, warned)} == {"POD-016"}
	{substring(message, 0, 7) | some message in warnings(soft, warned)} == {"POD-022"}
}

test_an_empty_document_warns_of_nothing if {
	found := main.warn with input as null
		with data.weighbridge.points.conftest.decision as {"allowed": true, "violations": [{"code": "POD-022", "effect": "warn", "message": "x"}]}
	found == set()
	denied := main.deny with input as null
		with data.weighbridge.points.conftest.decision as {"allowed": false, "violations": [{"code": "POD-022", "effect": "deny", "message": "x"}]}
	denied == set()
}

# `weighbridge check` loads some records, and says which.
loaded(records, name) := decided if {
	decided := conftest.decision with input as json.patch(pod, [{"op": "replace", "path": "/metadata/labels/model_version", "value": name}])
		with data.weighbridge.registry as registry
		with data.weighbridge.loaded as {"records": records}
}

test_records_that_were_loaded if {
	loaded({"kb-qa-001@1": true}, "1").allowed == true
	[violation.code | some violation in loaded({"kb-qa-001@2": true}, "2").violations] == ["MOD-002"]
}

facts(registry_, digest_) := found if {
	found := request.image(digest_) with input as pod
		with data.weighbridge.registry as registry_
}

test_what_is_known_of_images if {
	served := split(image, "@")[1]
	facts(registry, served) == {}
	support := concat("", ["sha256:", concat("", ["5" | some _ in numbers.range(1, 64)])])
	known := object.union(registry, {"support_images": {support: {"sbom": {}}}})
	facts(known, support) == {"sbom": {}}
	not facts(known, digest)
	every odd in [null, true, "x", []] {
		not facts(object.union(registry, {"support_images": {support: odd}}), support)
		not facts(json.patch(registry, [{"op": "replace", "path": ["records", "kb-qa-001@1", "images", served], "value": odd}]), served)
	}
}

# Each part of the registry that cannot be read leaves nothing to be judged by.
test_a_registry_that_cannot_be_read if {
	every patch in [
		{"op": "remove", "path": "/environment"},
		{"op": "remove", "path": "/records"},
		{"op": "remove", "path": "/orders/revoked"},
		{"op": "remove", "path": "/limits/pod_security"},
		{"op": "replace", "path": "/exempt_namespaces", "value": []},
	] {
		broken := json.patch(registry, [patch])
		[violation.code | some violation in decision(pod, broken).violations] == ["MOD-013"]
		not judged(broken)
	}
	judged(registry)
}

judged(registry_) if {
	request.serving with input as pod
		with data.weighbridge.registry as registry_
}

judged(registry_) if {
	request.bound with input as pod
		with data.weighbridge.registry as registry_
}

test_a_verdict_that_is_undefined if {
	decided := conftest.decision with input as pod
		with data.lib.weighbridge.verdict as {}
	object.remove(decided, ["violations"]) == {
		"allowed": false,
		"environment": "",
		"subject": {"kind": "", "name": "", "namespace": "", "model": "", "version": ""},
	}
	[violation] = decided.violations
	object.remove(violation, ["message"]) == {"code": "MOD-010", "severity": "high", "effect": "deny", "field": []}
}
