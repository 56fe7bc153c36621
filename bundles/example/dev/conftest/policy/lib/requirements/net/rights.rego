package lib.weighbridge.requirements.net

import data.lib.weighbridge.request

# METADATA
# title: No rights to enter serving pods
# description: |
#   Whoever may forward a port, execute, attach, proxy or add a container reaches the server through the Kubernetes API: past the
#   gateway, the network policies and the mesh. A ClusterRole is judged where it is written, in a pull request; in a cluster those of
#   its own controllers would be judged as well.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/security/rbac-good-practices/
#     description: Kubernetes, RBAC good practices
#   - ref: https://www.cisecurity.org/benchmark/kubernetes
#     description: CIS Kubernetes Benchmark
#   - ref: https://attack.mitre.org/techniques/T1609/
#     description: MITRE ATT&CK T1609, container administration command
# custom:
#   code: NET-010
#   severity: high
#   fix: Name the resources that are needed, without `*` and without the subresources portforward, exec, attach, proxy, ephemeralcontainers.
deny contains violation if {
	judged_object
	some found in rights
	violation := {
		"code": "NET-010",
		"severity": "high",
		"message": sprintf("%s: grants %s, a way into serving pods past the gateway. Remove it.", [owner, short(found.what)]),
		"field": found.field,
	}
}

# METADATA
# title: Nobody is given a role that enters serving pods
# description: |
#   Kubernetes' own roles `edit`, `admin` and `cluster-admin` hold the rights to enter every pod that they reach.
# related_resources:
#   - ref: https://kubernetes.io/docs/reference/access-authn-authz/rbac/#user-facing-roles
#     description: Kubernetes, user-facing roles
#   - ref: https://www.cisecurity.org/benchmark/kubernetes
#     description: CIS Kubernetes Benchmark
#   - ref: https://attack.mitre.org/techniques/T1609/
#     description: MITRE ATT&CK T1609, container administration command
# custom:
#   code: NET-011
#   severity: high
#   fix: Bind a role that names what is needed, such as `view`.
deny contains violation if {
	judged_object
	binding
	not bearable_role
	violation := {
		"code": "NET-011",
		"severity": "high",
		"message": sprintf("%s: gives role `%s`, which enters serving pods past the gateway. Bind a narrower role.", [
			owner,
			short(at(["roleRef", "name"])),
		]),
		"field": ["roleRef"],
	}
}

rights contains {"field": ["rules", i], "what": granted(rule)} if {
	role
	some i, rule in at(["rules"])
	not bearable(rule)
}

rights contains {"field": ["rules"], "what": "rules that cannot be read"} if {
	role
	not type_name(at(["rules"])) in {"null", "array"}
}

# What it will grant is gathered later, from roles that nobody shows here.
rights contains {"field": ["aggregationRule"], "what": "whatever other roles add to it"} if {
	role
	at(["aggregationRule"]) != null
}

role if rbac_object({"role"})

role if {
	rbac_object({"clusterrole"})
	not request.in_cluster
}

binding if rbac_object({"rolebinding"})

binding if {
	rbac_object({"clusterrolebinding"})
	not request.in_cluster
}

rbac_object(kinds) if {
	some of_group in ["rbac.authorization.k8s.io", "authorization.openshift.io"]
	some of_kind in kinds
	object_is(of_group, of_kind)
}

default granted(_) := "what cannot be read"

granted(rule) := concat(", ", found) if {
	found := [resource | some resource in rule.resources; enters(resource)]
	count(found) > 0
}

# Provably none of it: other groups, other resources, no verbs, or nothing but paths of the API server.
bearable(rule) if {
	names(rule, "apiGroups")
	not "" in rule.apiGroups
	not "*" in rule.apiGroups
}

bearable(rule) if {
	names(rule, "resources")
	every resource in rule.resources {
		not enters(resource)
	}
}

bearable(rule) if rule.verbs == []

bearable(rule) if {
	object.get(rule, "resources", null) in {null, []}
	names(rule, "nonResourceURLs")
}

names(rule, key) if {
	is_array(rule[key])
	count(rule[key]) > 0
	every value in rule[key] {
		is_string(value)
	}
}

enters(resource) if resource in {"*", "*/*", "pods/*", "services/*", "nodes/*"}

enters(resource) if regex.match(`^([*]|pods|services|nodes)/(portforward|exec|attach|proxy|ephemeralcontainers)(/|$)`, lower(resource))

bearable_role if {
	is_string(at(["roleRef", "name"]))
	lower(at(["roleRef", "kind"])) == "role"
}

# Other roles are judged where they are written.
bearable_role if {
	lower(at(["roleRef", "kind"])) == "clusterrole"
	name := at(["roleRef", "name"])
	is_string(name)
	not name in {"admin", "cluster-admin", "edit", "system:kubelet-api-admin", "system:openshift:master"}
}
