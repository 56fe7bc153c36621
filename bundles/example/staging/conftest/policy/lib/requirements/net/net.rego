# METADATA
# scope: package
# title: No way past the gateway
# description: |
#   Calls to a model pass the gateway, which decides each of them. These requirements refuse every other way: Services, routes and
#   tunnels that lead out of the cluster, objects that send calls elsewhere, network policies that let everybody in, and rights to
#   enter a pod through the Kubernetes API. `limits.exposure` says where the gateway is; what it does not name is not the gateway.
#
#   Objects are judged in every namespace that is bound to the environment; cluster-scoped ones, since they reach into all namespaces,
#   wherever a point shows them. Roles of the whole cluster are the exception: only what is about to be merged is judged.
package lib.weighbridge.requirements.net

import data.lib.weighbridge.request

default owner := "object"

owner := concat("/", [request.subject.object.kind, request.subject.object.name])

# A field of the object; null where it is absent, as in Kubernetes.
at(path) := object.get(request.subject.manifest, path, null)

# Letter case counts for the API server, which is why it must not count for what is judged before it.
# What has a form that Kubernetes would not take says nothing about what it is.
unreadable_spec if not type_name(at(["spec"])) in {"null", "object"}

default group := ""

group := lower(split(at(["apiVersion"]), "/")[0]) if contains(at(["apiVersion"]), "/")

kind := lower(at(["kind"]))

# Asked first, so that workloads of Kubernetes' own, which are none of these objects, cost one look.
judged_object if {
	request.bound
	not group in {"apps", "batch"}
	not concat("/", [group, kind]) in {"/pod", "/podtemplate", "/replicationcontroller"}
}

object_is(of_group, of_kind) if {
	request.bound
	group == of_group
	kind == of_kind
}

allowed(name) := list if {
	list := object.get(request.limits, ["exposure", name], [])
	is_array(list)
} else := []

# Namespaces that may call: the gateway's, and the object's own.
may_call(namespace) if namespace in allowed("gateway_namespaces")

may_call(namespace) if {
	namespace != ""
	namespace == request.subject.object.namespace
}

short(what) := shown if {
	shown := sprintf("%v", [what])
	count(shown) <= 80
} else := concat("", [substring(sprintf("%v", [what]), 0, 77), "..."])
