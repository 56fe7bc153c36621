package lib.weighbridge.requirements.net_test

import data.lib.weighbridge.requirements.mod_test as models

policy(spec) := of("networking.k8s.io/v1", "NetworkPolicy", spec)

from(peers) := policy({"podSelector": {}, "ingress": [{"from": peers}]})

in_namespace(name) := {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}

among(names) := {"namespaceSelector": {"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "In", "values": names}]}}

policy_cases := {"NET-008": {
	"nothing let in": [policy({"podSelector": {}, "policyTypes": ["Ingress"]}), false],
	"the gateway": [from([in_namespace("ingress")]), false],
	"some of its pods": [from([object.union(in_namespace("ingress"), {"podSelector": {"matchLabels": {"app": "envoy"}}})]), false],
	"its own namespace": [from([{"podSelector": {}}]), false],
	"its own by name": [from([in_namespace("models")]), false],
	"another namespace": [from([in_namespace("web")]), true],
	"namespaces by name": [from([among(["ingress", "models"])]), false],
	"one too many": [from([among(["ingress", "web"])]), true],
	"none of them": [from([among([])]), true],
	"all but one": [from([{"namespaceSelector": {"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["web"]}]}}]), true],
	"all but the gateway": [from([{"namespaceSelector": {"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["ingress"]}]}}]), true],
	"all namespaces": [from([{"namespaceSelector": {}}]), true],
	"namespaces by a label that others set": [from([{"namespaceSelector": {"matchLabels": {"team": "ml"}}}]), true],
	"an address of the nodes": [from([{"ipBlock": {"cidr": "10.0.0.0/24"}}]), false],
	"every address": [from([{"ipBlock": {"cidr": "0.0.0.0/0"}}]), true],
	"every address but some": [from([{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["8.8.8.8/32"]}}]), true],
	"both halves": [from([{"ipBlock": {"cidr": "0.0.0.0/1"}}, {"ipBlock": {"cidr": "128.0.0.0/1"}}]), true],
	"every address of IPv6": [from([{"ipBlock": {"cidr": "::/0"}}]), true],
	"an address beside a selector": [from([{"podSelector": {}, "ipBlock": {"cidr": "0.0.0.0/0"}}]), true],
	"an empty peer": [from([{}]), true],
	"a peer that is none": [from(["all"]), true],
	"everybody": [policy({"podSelector": {}, "ingress": [{}]}), true],
	"everybody, at a port": [policy({"podSelector": {}, "ingress": [{"ports": [{"port": 8000}]}]}), true],
	"an empty list": [from([]), true],
	"null": [policy({"podSelector": {}, "ingress": [{"from": null}]}), true],
	"rules that are none": [policy({"ingress": {"from": []}}), true],
	"of what it may call": [policy({"podSelector": {}, "policyTypes": ["Egress"], "egress": [{}]}), false],
	"an ingress that does not count": [policy({"policyTypes": ["Egress"], "ingress": [{}]}), false],
	"an ingress that counts as well": [policy({"policyTypes": ["Egress", "Ingress"], "ingress": [{}]}), true],
	"of no form": [policy(["ingress"]), true],
	"of an old group": [of("extensions/v1beta1", "NetworkPolicy", {"ingress": [{}]}), true],
	"of Cilium": [of("cilium.io/v2", "CiliumNetworkPolicy", {"ingress": [{"fromEntities": ["world"]}]}), true],
	"several of Cilium": [object.union(of("cilium.io/v2", "CiliumNetworkPolicy", {}), {"specs": [{"ingress": [{"fromEntities": ["world"]}]}]}), true],
	"of Cilium, of what it may call": [of("cilium.io/v2", "CiliumNetworkPolicy", {"egress": [{}]}), false],
	"of Calico": [of("projectcalico.org/v3", "NetworkPolicy", {"ingress": [{"action": "Allow"}]}), true],
	"of Calico, denying": [of("crd.projectcalico.org/v1", "NetworkPolicy", {"ingress": [{"action": "Deny"}]}), false],
}}

closing(spec) := {"labels": {}, "network_policies": [policy(spec)]}

test_a_policy_closes_the_pod if {
	every spec in [
		{"podSelector": {}},
		{"podSelector": {"matchLabels": {"model_id": "kb-qa-001"}}, "policyTypes": ["Ingress"]},
		{"podSelector": {"matchExpressions": [{"key": "model_id", "operator": "In", "values": ["kb-qa-001", "other"]}]}},
		{"podSelector": {"matchExpressions": [{"key": "model_id", "operator": "Exists"}]}},
		{"podSelector": {"matchExpressions": [{"key": "model_id", "operator": "NotIn", "values": ["other"]}]}},
		{"podSelector": {"matchExpressions": [{"key": "absent", "operator": "DoesNotExist"}]}},
		{"podSelector": {"matchLabels": null, "matchExpressions": null}, "policyTypes": null},
	] {
		shown(models.pod, closing(spec)) == set()
	}
}

test_no_policy_closes_the_pod if {
	every spec in [
		{"podSelector": {}, "policyTypes": ["Egress"]},
		{"podSelector": {"matchLabels": {"model_id": "other"}}},
		{"podSelector": {"matchExpressions": [{"key": "model_id", "operator": "In", "values": ["other"]}]}},
		{"podSelector": {"matchExpressions": [{"key": "absent", "operator": "Exists"}]}},
		{"podSelector": {"matchExpressions": [{"key": "model_id", "operator": "NotIn", "values": ["kb-qa-001"]}]}},
		{"podSelector": {"matchExpressions": [{"key": "model_id", "operator": "DoesNotExist"}]}},
		{"podSelector": {"matchExpressions": [{"key": "model_id", "operator": "Like"}]}},
	] {
		shown(models.pod, closing(spec)) == {"NET-009"}
	}
	shown(models.pod, {"labels": {}, "network_policies": []}) == {"NET-009"}
	shown(models.pod, {"labels": {}}) == set()
}
