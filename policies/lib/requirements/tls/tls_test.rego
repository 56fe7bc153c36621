package lib.weighbridge.requirements.tls_test

import data.lib.weighbridge.requirements.mod_test as models
import data.lib.weighbridge.requirements.tls

# Each case is a pod or an object under what an environment says of mutual TLS, and the exact set of codes that must come of it.

enforced(by) := {"by": by, "mesh_wide": true, "revisions": ["stable"]}

limits(mutual_tls) := {"pod_security": "restricted", "user_namespaces": false, "mutual_tls": mutual_tls}

# Without `namespace` the object is seen as in CI, where no cluster shows any.
judged(object_, mutual_tls) := {violation.code |
	registry_ := object.union(models.registry, {"limits": limits(mutual_tls)})
	some violation in tls.deny with input as object_
		with data.weighbridge.registry as registry_
		with data.weighbridge.live as models.live
		with data.lib.weighbridge.request.now_ns as 1000
}

shown(object_, mutual_tls, namespace) := {violation.code |
	registry_ := object.union(models.registry, {"limits": limits(mutual_tls)})
	some violation in tls.deny with input as object_
		with data.weighbridge.registry as registry_
		with data.weighbridge.live as models.live
		with data.lib.weighbridge.request.now_ns as 1000
		with data.lib.weighbridge.request.namespace as namespace
}

# A pod with a label and annotation of this name each would be two cases: `map` says which.
marked(map, name, value) := json.patch(models.pod, [{
	"op": "add",
	"path": sprintf("/metadata/%s/%s", [map, replace(name, "/", "~1")]),
	"value": value,
}])

label(name, value) := marked("labels", name, value)

note(name, value) := marked("annotations", name, value)

changed(path, value) := json.patch(models.pod, [{"op": "add", "path": path, "value": value}])

image := models.pod.spec.containers[0].image

support := concat("@", ["registry.example/proxy", models.digest("5")])

object_of(version, kind, spec) := {
	"apiVersion": version,
	"kind": kind,
	"metadata": {"name": "it", "namespace": "models"},
	"spec": spec,
}

different[by][code][name] := found if {
	some by, coded in cases
	some code, named in coded
	some name, case in named
	found := judged(case[0], enforced(by))
	wanted := {code | case[1]}
	found != wanted
}

test_each_case if different == {}

# An undefined table would differ in nothing.
test_there_are_cases if count([name | some coded in cases; some named in coded; some name, _ in named]) > 150

test_nothing_is_demanded_of_no_mesh if {
	every by in ["none", "certificates"] {
		every code in ["TLS-001", "TLS-002", "TLS-003", "TLS-005", "TLS-006", "TLS-007", "TLS-008"] {
			every case in cases.istio[code] {
				not code in judged(case[0], enforced(by))
			}
		}
	}
	judged(label("sidecar.istio.io/inject", "false"), null) == set()
}

test_support_images_and_exempt_namespaces if {
	judged(json.patch(changed("/spec/hostNetwork", true), [{"op": "replace", "path": "/spec/containers/0/image", "value": support}]), enforced("istio")) == set()
	exempt := json.patch(cases.istio["TLS-005"].permissive[0], [{"op": "add", "path": "/metadata/namespace", "value": "kube-system"}])
	judged(exempt, enforced("istio")) == set()
}

test_fields_and_messages_are_bounded if {
	registry_ := object.union(models.registry, {"limits": limits(enforced("istio"))})
	long := concat("", ["x" | some _ in numbers.range(1, 3000)])
	denied := tls.deny with input as label("sidecar.istio.io/inject", long)
		with data.weighbridge.registry as registry_
		with data.weighbridge.live as models.live
		with data.lib.weighbridge.request.now_ns as 1000
	some violation in denied
	count(violation.message) < 256
	violation.field == ["metadata", "labels", "sidecar.istio.io/inject"]
}

cases := {
	"istio": object.union(pod_cases, object_cases),
	"istio-ambient": ambient_cases,
	"linkerd": linkerd_cases,
	"certificates": certificate_cases,
	"none": {"TLS-001": {"out of a mesh that is not demanded": [label("sidecar.istio.io/inject", "false"), false]}},
}
