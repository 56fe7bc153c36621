package lib.weighbridge.requirements.net

import data.lib.weighbridge.request

# METADATA
# title: Services stay inside the cluster
# description: |
#   A load balancer, a port of every node or an external address leads to the pods past the gateway.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/services-networking/service/
#     description: Kubernetes, Services
#   - ref: https://media.defense.gov/2022/Aug/29/2003066362/-1/-1/0/CTR_KUBERNETES_HARDENING_GUIDANCE_1.2_20220829.PDF
#     description: NSA and CISA, Kubernetes Hardening Guidance
#   - ref: https://attack.mitre.org/techniques/T1133/
#     description: MITRE ATT&CK T1133, external remote services
#   - ref: https://atlas.mitre.org/techniques/AML.T0040
#     description: MITRE ATLAS AML.T0040, AI model inference API access
# custom:
#   code: NET-001
#   severity: critical
#   fix: 'Use `type: ClusterIP` without `externalIPs`; the gateway is reached from outside, and reaches the Service.'
deny contains violation if {
	judged_object
	some found in reachable
	violation := {
		"code": "NET-001",
		"severity": "critical",
		"message": sprintf("%s: %s leads past the gateway. Use type: ClusterIP without externalIPs.", [owner, short(found.what)]),
		"field": found.field,
	}
}

# METADATA
# title: Names lead to the pods that were judged
# description: |
#   An external name, endpoints written by hand or a service entry send the gateway's calls, prompts included, wherever they say.
#   In a cluster endpoints are written by its controllers, so there they are not judged by these rules.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/services-networking/service/#externalname
#     description: Kubernetes, ExternalName
#   - ref: https://istio.io/latest/docs/reference/config/networking/service-entry/
#     description: Istio, ServiceEntry
#   - ref: https://attack.mitre.org/techniques/T1557/
#     description: MITRE ATT&CK T1557, adversary in the middle
# custom:
#   code: NET-002
#   severity: high
#   fix: Let a Service select the pods; remove what names addresses.
deny contains violation if {
	judged_object
	some found in elsewhere
	violation := {
		"code": "NET-002",
		"severity": "high",
		"message": sprintf("%s: %s sends the gateway's calls elsewhere. Let a Service select the pods.", [owner, short(found.what)]),
		"field": found.field,
	}
}

# METADATA
# title: Nothing is published by annotation
# description: |
#   Controllers give DNS names, tunnels or other clusters to whatever bears their annotation or label.
# related_resources:
#   - ref: https://kubernetes-sigs.github.io/external-dns/latest/docs/annotations/annotations/
#     description: external-dns, annotations
#   - ref: https://tailscale.com/kb/1439/kubernetes-operator-cluster-ingress
#     description: Tailscale, exposing a Service
#   - ref: https://attack.mitre.org/techniques/T1133/
#     description: MITRE ATT&CK T1133, external remote services
# custom:
#   code: NET-003
#   severity: high
#   fix: Remove the annotation or label; publish the gateway instead.
deny contains violation if {
	some mark in publishing
	violation := {
		"code": "NET-003",
		"severity": "high",
		"message": sprintf("%s: `%s` publishes it past the gateway. Remove it.", [owner, short(mark.name)]),
		"field": mark.field,
	}
}

reachable contains {"field": ["spec", "type"], "what": sprintf("type %v", [at(["spec", "type"])])} if {
	object_is("", "service")
	not at(["spec", "type"]) in {null, "", "ClusterIP", "ExternalName"}
}

reachable contains {"field": ["spec", "externalIPs"], "what": "externalIPs"} if {
	object_is("", "service")
	not at(["spec", "externalIPs"]) in {null, []}
}

reachable contains {"field": ["spec"], "what": "a spec that cannot be read"} if {
	object_is("", "service")
	unreadable_spec
}

elsewhere contains {"field": ["spec", "type"], "what": "ExternalName"} if {
	object_is("", "service")
	at(["spec", "type"]) == "ExternalName"
}

elsewhere contains {"field": ["kind"], "what": "a list of addresses written by hand"} if {
	some of_group, of_kind in {"": "endpoints", "discovery.k8s.io": "endpointslice"}
	object_is(of_group, of_kind)
	not request.in_cluster
}

elsewhere contains {"field": ["kind"], "what": at(["kind"])} if {
	some of_kind in ["serviceentry", "workloadentry", "workloadgroup"]
	object_is("networking.istio.io", of_kind)
}

elsewhere contains {"field": ["kind"], "what": at(["kind"])} if {
	some of_kind in ["ciliumlocalredirectpolicy", "ciliumenvoyconfig", "ciliumclusterwideenvoyconfig"]
	object_is("cilium.io", of_kind)
}

# On the object, and on the pods that it makes.
publishing contains {"field": ["metadata", map, name], "name": name} if {
	request.bound
	some map in ["labels", "annotations"]
	some name, value in at(["metadata", map])
	publishes(name, value)
}

publishing contains {"field": array.concat(request.subject.pod.path, ["metadata", map, name]), "name": name} if {
	request.serving
	some map in ["labels", "annotations"]
	some name, value in request.subject.pod[map]
	publishes(name, value)
}

publishes(name, value) if {
	strings.any_prefix_match(name, publishing_prefixes)
	value != "false"
}

publishes(name, value) if {
	name == "cloud.google.com/neg"
	contains(value, "exposed_ports")
}

# A second network of the pod, which neither network policies nor the mesh know. OpenShift's own istio-cni is none.
publishes("k8s.v1.cni.cncf.io/networks", value) if not value in {"", "default/istio-cni"}

publishing_prefixes := [
	"cni.projectcalico.org/floatingIPs",
	"consul.hashicorp.com/service-sync",
	"dns.alpha.kubernetes.io/external",
	"external-dns.alpha.kubernetes.io/",
	"external-dns.kubernetes.io/",
	"getambassador.io/config",
	"inlets.dev/",
	"io.cilium/global-service",
	"k8s.ngrok.com/",
	"mirror.linkerd.io/exported",
	"service.cilium.io/global",
	"service.cilium.io/shared",
	"skupper.io/",
	"tailscale.com/",
	"v1.multus-cni.io/default-network",
]
