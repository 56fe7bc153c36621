# METADATA
# scope: package
# title: Mutual TLS between gateway and pod
# description: |
#   What enforces it is the environment's to say (`limits.mutual_tls`); these requirements refuse what takes a pod, a port or a
#   namespace out of it. Nothing is demanded where the environment says `none`, or nothing at all.
#
#   | by | judged |
#   |---|---|
#   | `istio`, `istio-ambient`, `linkerd` | TLS-001 to TLS-008; TLS-011 and TLS-012 where the cluster shows the namespace |
#   | `certificates` | TLS-009, TLS-010 |
#
#   A mesh rewrites or admits the kubelet's own plain probes (Istio's agent answers them, Linkerd allows just their paths), so they
#   prove a plain port only where the server does TLS itself. Linkerd's opaque ports keep mutual TLS, so they are not refused.
package lib.weighbridge.requirements.tls

import data.lib.weighbridge.request

default by := "none"

by := request.limits.mutual_tls.by if is_string(request.limits.mutual_tls.by)

istio if by in {"istio", "istio-ambient"}

meshed if istio

meshed if by == "linkerd"

meshed_pod if {
	request.serving
	meshed
}

# Asked first, so that workloads of Kubernetes' own, which are none of these objects, cost one look.
judged_object if {
	request.bound
	meshed
	not group in {"apps", "batch"}
}

default owner := "object"

owner := concat("/", [request.subject.object.kind, request.subject.object.name])

# Labels and annotations of a mesh: those of the pod, and of the object around it, which several operators hand on to their pods.
marks contains {"field": array.concat(request.subject.pod.path, ["metadata", map, name]), "name": name, "value": value} if {
	some map in ["labels", "annotations"]
	some name, value in request.subject.pod[map]
	regex.match(of_mesh, name)
}

marks contains {"field": ["metadata", map, name], "name": name, "value": value} if {
	some map in ["labels", "annotations"]
	some name, value in at(["metadata", map])
	regex.match(of_mesh, name)
}

# Whatever requirements ask for by name has one of these in it; the other labels and annotations, which are most, are left at once.
of_mesh := `(istio|linkerd)\.io/`

# A field of the object; null where it is absent, as in Kubernetes.
at(path) := object.get(request.subject.manifest, path, null)

# Letter case counts for the API server, which is why it must not count for what is judged before it.
group := lower(split(at(["apiVersion"]), "/")[0]) if contains(at(["apiVersion"]), "/")

kind := lower(at(["kind"]))

short(what) := shown if {
	shown := sprintf("%v", [what])
	count(shown) <= 80
} else := concat("", [substring(sprintf("%v", [what]), 0, 77), "..."])
