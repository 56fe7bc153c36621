package lib.weighbridge.requirements.net

import data.lib.weighbridge.request

# METADATA
# title: Ingresses are the gateway's
# description: |
#   An Ingress leads from outside to whatever it names; only a class whose controller asks Weighbridge leads through the gateway.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/services-networking/ingress/
#     description: Kubernetes, Ingress
#   - ref: https://attack.mitre.org/techniques/T1133/
#     description: MITRE ATT&CK T1133, external remote services
#   - ref: https://atlas.mitre.org/techniques/AML.T0040
#     description: MITRE ATLAS AML.T0040, AI model inference API access
# custom:
#   code: NET-004
#   severity: critical
#   fix: Remove the Ingress, or give it a class out of `exposure.ingress_classes`.
deny contains violation if {
	judged_object
	some field in foreign_ingresses
	violation := {
		"code": "NET-004",
		"severity": "critical",
		"message": sprintf("%s: an Ingress whose class is not the gateway's leads past it. Remove it, or set ingressClassName.", [owner]),
		"field": field,
	}
}

# METADATA
# title: Routes are attached to the gateway
# description: |
#   A route, listener or gateway of another kind leads from outside to serving pods, and nobody decides its calls.
# related_resources:
#   - ref: https://gateway-api.sigs.k8s.io/api-types/httproute/
#     description: Gateway API, HTTPRoute
#   - ref: https://istio.io/latest/docs/reference/config/networking/virtual-service/
#     description: Istio, VirtualService
#   - ref: https://attack.mitre.org/techniques/T1133/
#     description: MITRE ATT&CK T1133, external remote services
#   - ref: https://atlas.mitre.org/techniques/AML.T0040
#     description: MITRE ATLAS AML.T0040, AI model inference API access
# custom:
#   code: NET-005
#   severity: critical
#   fix: Attach the route to a Gateway out of `exposure.gateways`, or remove it.
deny contains violation if {
	judged_object
	some found in foreign_routes
	violation := {
		"code": "NET-005",
		"severity": "critical",
		"message": sprintf("%s: %s leads past the gateway. Attach it to one of exposure.gateways, or remove it.", [owner, short(found.what)]),
		"field": found.field,
	}
}

# METADATA
# title: Other namespaces are granted nothing
# description: |
#   A ReferenceGrant lets routes of another namespace lead to the Services of this one.
# related_resources:
#   - ref: https://gateway-api.sigs.k8s.io/api-types/referencegrant/
#     description: Gateway API, ReferenceGrant
#   - ref: https://attack.mitre.org/techniques/T1133/
#     description: MITRE ATT&CK T1133, external remote services
# custom:
#   code: NET-006
#   severity: high
#   fix: Grant it to a namespace out of `exposure.gateway_namespaces` alone.
deny contains violation if {
	judged_object
	some found in grants
	violation := {
		"code": "NET-006",
		"severity": "high",
		"message": sprintf("%s: lets routes of namespace `%s` lead here. Grant it to the gateway's namespaces alone.", [owner, short(found.what)]),
		"field": found.field,
	}
}

foreign_ingresses contains ["spec", "ingressClassName"] if {
	ingress
	not at(["spec", "ingressClassName"]) in allowed("ingress_classes")
}

# Where both are given, controllers disagree on which of them counts.
foreign_ingresses contains ["metadata", "annotations", name] if {
	ingress
	some name, value in at(["metadata", "annotations"])
	name == "kubernetes.io/ingress.class"
	not value in allowed("ingress_classes")
}

ingress if object_is("networking.k8s.io", "ingress")

ingress if object_is("extensions", "ingress")

foreign_routes contains {"field": ["kind"], "what": at(["kind"])} if {
	request.bound
	kind in outlets[group]
}

foreign_routes contains {"field": ["spec", "parentRefs", i], "what": "a parent"} if {
	gateway_api_route
	some i, parent in at(["spec", "parentRefs"])
	not attached(parent)
}

foreign_routes contains {"field": ["spec", "parentRefs"], "what": "parentRefs"} if {
	gateway_api_route
	not type_name(at(["spec", "parentRefs"])) in {"null", "array"}
}

foreign_routes contains {"field": ["spec", "useDefaultGateways"], "what": "useDefaultGateways"} if {
	gateway_api_route
	not at(["spec", "useDefaultGateways"]) in {null, "None"}
}

foreign_routes contains {"field": ["spec"], "what": "a spec that cannot be read"} if {
	unreadable_spec
	gateway_api_route
}

foreign_routes contains {"field": ["spec"], "what": "a spec that cannot be read"} if {
	unreadable_spec
	object_is("networking.istio.io", "virtualservice")
}

foreign_routes contains {"field": ["spec", "parentRef"], "what": at(["kind"])} if {
	gateway_api
	kind in {"listenerset", "xlistenerset"}
	not attached(at(["spec", "parentRef"]))
}

# A gateway of its own, unless it is the one that the environment names.
foreign_routes contains {"field": ["kind"], "what": at(["kind"])} if {
	gateway_api
	kind == "gateway"
	not is_gateway(request.subject.object.namespace, request.subject.object.name)
}

# Whatever comes to this group next may be a way in.
foreign_routes contains {"field": ["kind"], "what": at(["kind"])} if {
	gateway_api
	not endswith(kind, "route")
	not kind in {"gateway", "listenerset", "xlistenerset"}
	not kind in {"backendtlspolicy", "backendtrafficpolicy", "gatewayclass", "referencegrant", "xbackendtrafficpolicy", "xmesh"}
}

foreign_routes contains {"field": ["kind"], "what": "Gateway"} if {
	object_is("networking.istio.io", "gateway")
	not is_gateway(request.subject.object.namespace, request.subject.object.name)
}

# Of the whole, and of a match, which overrides it.
foreign_routes contains {"field": array.concat(["spec"], path), "what": "gateways"} if {
	object_is("networking.istio.io", "virtualservice")
	some path, value in within_spec
	path[count(path) - 1] == "gateways"
	not meshes_or_gateways(value)
}

within_spec[path] := value if walk(at(["spec"]), [path, value])

gateway_api if {
	request.bound
	group in {"gateway.networking.k8s.io", "gateway.networking.x-k8s.io"}
}

gateway_api_route if {
	gateway_api
	endswith(kind, "route")
}

attached(parent) if {
	object.get(parent, "kind", "Gateway") == "Gateway"
	object.get(parent, "group", "gateway.networking.k8s.io") == "gateway.networking.k8s.io"
	is_gateway(object.get(parent, "namespace", request.subject.object.namespace), parent.name)
}

# Attached to a Service it concerns calls inside the mesh, and opens nothing.
attached(parent) if {
	parent.kind == "Service"
	parent.group == ""
}

is_gateway(namespace, name) if concat("/", [namespace, name]) in allowed("gateways")

meshes_or_gateways(null) := true

meshes_or_gateways(names) if {
	is_array(names)
	every name in names {
		mesh_or_gateway(name)
	}
}

mesh_or_gateway("mesh") := true

mesh_or_gateway(name) if name in allowed("gateways")

mesh_or_gateway(name) if {
	not contains(name, "/")
	is_gateway(request.subject.object.namespace, name)
}

grants contains {"field": ["spec", "from", i, "namespace"], "what": namespace_of(from)} if {
	gateway_api
	kind == "referencegrant"
	some i, from in at(["spec", "from"])
	not may_call(namespace_of(from))
}

grants contains {"field": ["spec", "from"], "what": ""} if {
	gateway_api
	kind == "referencegrant"
	not is_array(at(["spec", "from"]))
}

default namespace_of(_) := ""

namespace_of(from) := from.namespace

# Kinds that lead in from outside, whatever they hold, by group.
outlets := {
	"apisix.apache.org": {"apisixroute"},
	"application-networking.k8s.aws": {"serviceexport"},
	"configuration.konghq.com": {"tcpingress", "udpingress"},
	"consul.hashicorp.com": {"exportedservices", "ingressgateway"},
	"contour.heptio.com": {"ingressroute"},
	"elbv2.k8s.aws": {"targetgroupbinding"},
	"gateway.solo.io": {"gateway", "routetable", "virtualservice"},
	"getambassador.io": {"host", "listener", "mapping", "tcpmapping"},
	"ingress.k8s.ngrok.com": {"domain", "httpsedge", "ippolicy", "tcpedge", "tlsedge", "tunnel"},
	"ingress.v1.haproxy.com": {"tcp"},
	"ingress.v3.haproxy.com": {"tcp"},
	"k8s.nginx.org": {"transportserver", "virtualserver", "virtualserverroute"},
	"multicluster.linkerd.io": {"link"},
	"multicluster.x-k8s.io": {"serviceexport"},
	"net.gke.io": {"serviceexport"},
	"networking.cfargotunnel.com": {"accesstunnel", "clustertunnel", "tunnel", "tunnelbinding"},
	"networking.gke.io": {"multiclusteringress", "multiclusterservice", "serviceattachment"},
	"ngrok.k8s.ngrok.com": {"agentendpoint", "boundendpoint", "cloudendpoint"},
	"projectcontour.io": {"httpproxy"},
	"route.openshift.io": {"route"},
	"serving.knative.dev": {"domainmapping"},
	"skupper.io": {"accessgrant", "connector", "site"},
	"tailscale.com": {"connector", "proxygroup"},
	"traefik.containo.us": {"ingressroute", "ingressroutetcp", "ingressrouteudp"},
	"traefik.io": {"ingressroute", "ingressroutetcp", "ingressrouteudp"},
	"voyager.appscode.com": {"ingress"},
	"x.getambassador.io": {"ambassadorhost", "ambassadorlistener", "ambassadormapping", "ambassadortcpmapping"},
}
