package lib.weighbridge.requirements.net

import data.lib.weighbridge.request

# METADATA
# title: Network policies let nobody in but the gateway
# description: |
#   Policies add up: one that lets everybody in makes the others worth nothing. What it lets in must be pods of its own namespace,
#   namespaces by the name that Kubernetes itself gives them (`kubernetes.io/metadata.name`), or addresses that the environment
#   names.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/services-networking/network-policies/
#     description: Kubernetes, NetworkPolicies
#   - ref: https://media.defense.gov/2022/Aug/29/2003066362/-1/-1/0/CTR_KUBERNETES_HARDENING_GUIDANCE_1.2_20220829.PDF
#     description: NSA and CISA, Kubernetes Hardening Guidance
#   - ref: https://www.cisecurity.org/benchmark/kubernetes
#     description: CIS Kubernetes Benchmark
# custom:
#   code: NET-008
#   severity: high
#   fix: Let in `exposure.gateway_namespaces` by `kubernetes.io/metadata.name`, pods of the namespace, or `exposure.addresses`.
deny contains violation if {
	judged_object
	some found in open_policies
	violation := {
		"code": "NET-008",
		"severity": "high",
		"message": sprintf("%s: %s lets in more than the gateway. Name its namespace by kubernetes.io/metadata.name.", [owner, found.what]),
		"field": found.field,
	}
}

# METADATA
# title: A network policy closes the pod
# description: |
#   Only a cluster shows it: a pod that no policy selects is open to every other pod, whatever the gateway decides.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/services-networking/network-policies/
#     description: Kubernetes, NetworkPolicies
#   - ref: https://media.defense.gov/2022/Aug/29/2003066362/-1/-1/0/CTR_KUBERNETES_HARDENING_GUIDANCE_1.2_20220829.PDF
#     description: NSA and CISA, Kubernetes Hardening Guidance
#   - ref: https://www.cisecurity.org/benchmark/kubernetes
#     description: CIS Kubernetes Benchmark
# custom:
#   code: NET-009
#   severity: high
#   fix: Give the namespace a NetworkPolicy for ingress that selects the pod.
deny contains violation if {
	request.serving
	is_array(request.namespace.network_policies)
	not closed
	violation := {
		"code": "NET-009",
		"severity": "high",
		"message": sprintf("%s: no NetworkPolicy of its namespace closes it, so every pod can call it. Add one for ingress that selects it.", [owner]),
		"field": [],
	}
}

open_policies contains {"field": ["spec", "ingress", i], "what": "a rule without `from`"} if {
	standard_policy
	some i, rule in at(["spec", "ingress"])
	not restricted(rule)
}

open_policies contains {"field": ["spec", "ingress", i, "from", j], "what": "a peer"} if {
	standard_policy
	some i, rule in at(["spec", "ingress"])
	some j, peer in rule.from
	not known_peer(peer)
}

open_policies contains {"field": ["spec", "ingress"], "what": "ingress"} if {
	standard_policy
	not type_name(at(["spec", "ingress"])) in {"null", "array"}
}

open_policies contains {"field": ["spec"], "what": "a spec that cannot be read"} if {
	standard_policy
	unreadable_spec
}

# Policies in other languages that add up with Kubernetes' own; whom they let in is not read here.
open_policies contains {"field": ["spec", "ingress"], "what": sprintf("%s, which is not read here,", [at(["kind"])])} if {
	foreign_policy
	some key in ["spec", "specs"]
	some path, value
	walk(at([key]), [path, value])
	path[count(path) - 1] == "ingress"
	not only_denies(value)
}

standard_policy if {
	some of_group in ["networking.k8s.io", "extensions"]
	object_is(of_group, "networkpolicy")
	at(["spec", "policyTypes"]) != ["Egress"]
}

foreign_policy if {
	some of_group, kinds in {
		"cilium.io": {"ciliumclusterwidenetworkpolicy", "ciliumnetworkpolicy"},
		"crd.antrea.io": {"clusternetworkpolicy", "networkpolicy"},
		"crd.projectcalico.org": {"globalnetworkpolicy", "networkpolicy"},
		"policy.networking.k8s.io": {"adminnetworkpolicy", "baselineadminnetworkpolicy", "clusternetworkpolicy"},
		"projectcalico.org": {"globalnetworkpolicy", "networkpolicy"},
	}
	some of_kind in kinds
	object_is(of_group, of_kind)
}

only_denies(value) if value in {null, []}

only_denies(value) if {
	is_array(value)
	every rule in value {
		rule.action == "Deny"
	}
}

restricted(rule) if {
	is_array(rule.from)
	count(rule.from) > 0
}

known_peer(peer) if {
	is_object(peer.podSelector)
	object.get(peer, "namespaceSelector", null) == null
	object.get(peer, "ipBlock", null) == null
}

known_peer(peer) if {
	object.get(peer, "ipBlock", null) == null
	known_namespaces(peer.namespaceSelector)
}

known_peer(peer) if {
	object.get(peer, "namespaceSelector", null) == null
	object.get(peer, "podSelector", null) == null
	peer.ipBlock.cidr in allowed("addresses")
}

known_namespaces(selector) if may_call(selector.matchLabels["kubernetes.io/metadata.name"])

known_namespaces(selector) if {
	some expression in selector.matchExpressions
	expression.key == "kubernetes.io/metadata.name"
	expression.operator == "In"
	count(expression.values) > 0
	every name in expression.values {
		may_call(name)
	}
}

closed if {
	some policy in request.namespace.network_policies
	for_ingress(object.get(policy.spec, "policyTypes", []))
	selects(object.get(policy.spec, "podSelector", {}))
}

for_ingress([]) := true

for_ingress(null) := true

for_ingress(types) if "Ingress" in types

selects(selector) if {
	every name, value in present(selector, "matchLabels", {}) {
		request.subject.pod.labels[name] == value
	}
	every expression in present(selector, "matchExpressions", []) {
		holds(expression)
	}
}

present(selector, key, absent) := absent if {
	object.get(selector, key, null) == null
} else := selector[key]

holds(expression) if {
	expression.operator == "In"
	request.subject.pod.labels[expression.key] in expression.values
}

holds(expression) if {
	expression.operator == "NotIn"
	not object.get(request.subject.pod.labels, expression.key, null) in expression.values
}

holds(expression) if {
	expression.operator == "Exists"
	object.get(request.subject.pod.labels, expression.key, null) != null
}

holds(expression) if {
	expression.operator == "DoesNotExist"
	object.get(request.subject.pod.labels, expression.key, null) == null
}
