package lib.weighbridge.requirements.net_test

import data.lib.weighbridge.requirements.mod_test as models
import data.lib.weighbridge.requirements.net as network

# Each case is an object under what the environment says of its gateway, and the exact set of codes that must come of it.

exposure := {
	"gateways": ["ingress/weighbridge", "models/inner"],
	"gateway_namespaces": ["ingress"],
	"ingress_classes": ["weighbridge"],
	"addresses": ["10.0.0.0/24"],
	"private_by_default": false,
}

registry(exposed) := object.union(models.registry, {"limits": {"pod_security": "restricted", "user_namespaces": false, "exposure": exposed}})

judged(object_, exposed) := {violation.code |
	registry_ := registry(exposed)
	some violation in network.deny with input as object_
		with data.weighbridge.registry as registry_
		with data.weighbridge.live as models.live
		with data.lib.weighbridge.request.now_ns as 1000
}

shown(object_, namespace) := {violation.code |
	registry_ := registry(exposure)
	some violation in network.deny with input as object_
		with data.weighbridge.registry as registry_
		with data.weighbridge.live as models.live
		with data.lib.weighbridge.request.now_ns as 1000
		with data.lib.weighbridge.request.namespace as namespace
}

of(version, kind, spec) := {
	"apiVersion": version,
	"kind": kind,
	"metadata": {"name": "it", "namespace": "models"},
	"spec": spec,
}

changed(object_, path, value) := json.patch(object_, [{"op": "add", "path": path, "value": value}])

different[code][name] := found if {
	some code, named in cases
	some name, case in named
	found := judged(case[0], exposure)
	wanted := {code | case[1]}
	found != wanted
}

test_each_case if different == {}

# An undefined table would differ in nothing.
test_there_are_cases if count([name | some named in cases; some name, _ in named]) > 150

# What the environment does not name is not the gateway.
test_nothing_is_named if {
	judged(of("networking.k8s.io/v1", "Ingress", {"ingressClassName": "weighbridge"}), {}) == {"NET-004"}
	judged(of("gateway.networking.k8s.io/v1", "HTTPRoute", {"parentRefs": [{"name": "inner"}]}), {}) == {"NET-005"}
	judged(of("networking.k8s.io/v1", "NetworkPolicy", {"ingress": [{"from": [in_namespace("ingress")]}]}), {}) == {"NET-008"}
	judged(of("serving.kserve.io/v1beta1", "InferenceService", {}), {"private_by_default": true}) == set()
}

test_exempt_namespaces if {
	exempt := changed(of("v1", "Service", {"type": "NodePort"}), "/metadata/namespace", "kube-system")
	judged(exempt, exposure) == set()
}

test_every_requirement_is_silent_without_settings if {
	found := network.deny with input as of("v1", "Service", {"type": "NodePort"})
		with data.weighbridge.registry as object.remove(registry(exposure), ["limits"])
		with data.weighbridge.live as models.live
	found == set()
}

test_messages_are_bounded if {
	registry_ := registry(exposure)
	long := concat("", ["x" | some _ in numbers.range(1, 3000)])
	denied := network.deny with input as of("v1", "Service", {"type": long})
		with data.weighbridge.registry as registry_
		with data.weighbridge.live as models.live
	some violation in denied
	count(violation.message) < 256
	violation.field == ["spec", "type"]
}

cases := object.union_n([service_cases, route_cases, kind_cases, policy_cases, right_cases, tunnel_cases])
