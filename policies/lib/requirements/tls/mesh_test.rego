package lib.weighbridge.requirements.tls_test

import data.lib.weighbridge.requirements.mod_test as models

pod_cases := {
	"TLS-001": {
		"nothing said": [models.pod, false],
		"injected": [label("sidecar.istio.io/inject", "true"), false],
		"not injected": [label("sidecar.istio.io/inject", "false"), true],
		"not injected, by annotation": [note("sidecar.istio.io/inject", "false"), true],
		"in capitals": [label("sidecar.istio.io/inject", "FALSE"), true],
		"a value that means no": [label("sidecar.istio.io/inject", "disabled"), true],
		"an empty value": [label("sidecar.istio.io/inject", ""), true],
		"with white space": [label("sidecar.istio.io/inject", "true "), true],
		"on the object, which operators hand on": [
			object.union(models.at("Deployment"), {"metadata": {"annotations": {"sidecar.istio.io/inject": "false"}}}),
			true,
		],
		"in the template": [
			object.union(models.at("Deployment"), {"spec": {"template": {"metadata": {"labels": {"sidecar.istio.io/inject": "false"}}}}}),
			true,
		],
		"a known revision": [label("istio.io/rev", "stable"), false],
		"a revision that nobody has": [label("istio.io/rev", "nowhere"), true],
		"clients are told to speak plainly": [label("security.istio.io/tlsMode", "disabled"), true],
		"out of the ambient mesh": [label("istio.io/dataplane-mode", "none"), true],
	},
	"TLS-002": {
		"all ports": [note("traffic.sidecar.istio.io/includeInboundPorts", "*"), false],
		"no port": [note("traffic.sidecar.istio.io/includeInboundPorts", ""), true],
		"one port": [note("traffic.sidecar.istio.io/includeInboundPorts", "9000"), true],
		"no port left out": [note("traffic.sidecar.istio.io/excludeInboundPorts", ""), false],
		"a port left out": [note("traffic.sidecar.istio.io/excludeInboundPorts", "8000"), true],
		"an interface left out": [note("traffic.sidecar.istio.io/excludeInterfaces", "eth0"), true],
		"by the shorter domain": [note("traffic.istio.io/excludeInboundPorts", "8000"), true],
		"what it calls itself": [note("traffic.sidecar.istio.io/excludeOutboundPorts", "5432"), false],
		"addresses that it calls": [note("traffic.sidecar.istio.io/excludeOutboundIPRanges", "10.0.0.0/8"), false],
		"one that nobody knows": [note("traffic.sidecar.istio.io/tomorrow", "x"), true],
		"no interception": [note("sidecar.istio.io/interceptionMode", "NONE"), true],
		"transparent interception": [note("sidecar.istio.io/interceptionMode", "TPROXY"), false],
	},
	"TLS-003": {
		"resources": [note("sidecar.istio.io/proxyCPU", "100m"), false],
		"another image": [note("sidecar.istio.io/proxyImage", "registry.example/evil"), true],
		"another bootstrap": [note("sidecar.istio.io/bootstrapOverride", "mine"), true],
		"another control plane": [note("sidecar.istio.io/discoveryAddress", "evil:15012"), true],
		"the usual template": [note("inject.istio.io/templates", "sidecar"), false],
		"another template": [note("inject.istio.io/templates", "grpc-agent"), true],
		"both": [note("inject.istio.io/templates", "sidecar,mine"), true],
		"configuration that waits": [note("proxy.istio.io/config", "holdApplicationUntilProxyStarts: true\n"), false],
		"configuration of interception": [note("proxy.istio.io/config", "{interceptionMode: NONE}"), true],
		"configuration that is none": [note("proxy.istio.io/config", "{"), true],
		"a list as configuration": [note("proxy.istio.io/config", "[]"), true],
		"a container of the proxy's name": [
			changed("/spec/containers/-", {"name": "istio-proxy", "image": image}),
			true,
		],
		"a known proxy": [changed("/spec/containers/-", {"name": "istio-proxy", "image": support}), false],
		"an init container of the proxy's name": [changed("/spec/initContainers", [{"name": "istio-init", "image": image}]), true],
	},
	"TLS-004": {
		"said no": [changed("/spec/hostNetwork", false), false],
		"the node's network": [changed("/spec/hostNetwork", true), true],
		"as text": [changed("/spec/hostNetwork", "false"), true],
	},
}

ambient_cases := {
	"TLS-001": {
		"nothing said": [models.pod, false],
		"in": [label("istio.io/dataplane-mode", "ambient"), false],
		"out": [label("istio.io/dataplane-mode", "none"), true],
		"no sidecar, which it needs not": [label("sidecar.istio.io/inject", "false"), false],
		"taken out": [note("ambient.istio.io/redirection", "disabled"), true],
		"pretends to have a sidecar": [note("sidecar.istio.io/status", "{}"), true],
	},
	"TLS-002": {
		"not bypassed": [note("ambient.istio.io/bypass-inbound-capture", "false"), false],
		"bypassed": [note("ambient.istio.io/bypass-inbound-capture", "true"), true],
	},
	"TLS-004": {"the node's network": [changed("/spec/hostNetwork", true), true]},
	"TLS-005": {"permissive": [object_of("security.istio.io/v1", "PeerAuthentication", {"mtls": {"mode": "PERMISSIVE"}}), true]},
}

linkerd_server(spec) := object_of("policy.linkerd.io/v1beta3", "Server", spec)

linkerd_cases := {
	"TLS-001": {
		"nothing said": [models.pod, false],
		"enabled": [note("linkerd.io/inject", "enabled"), false],
		"disabled": [note("linkerd.io/inject", "disabled"), true],
		"for an ingress": [note("linkerd.io/inject", "ingress"), true],
		"Istio's label": [label("sidecar.istio.io/inject", "false"), false],
	},
	"TLS-002": {
		"a port left out": [note("config.linkerd.io/skip-inbound-ports", "8000"), true],
		"a network left out": [note("config.linkerd.io/skip-subnets", "10.0.0.0/8"), true],
		"opaque ports keep mutual TLS": [note("config.linkerd.io/opaque-ports", "8000"), false],
	},
	"TLS-003": {
		"another image": [note("config.linkerd.io/proxy-image", "registry.example/evil"), true],
		"another user, whom nothing intercepts": [note("config.linkerd.io/proxy-uid", "0"), true],
		"resources": [note("config.linkerd.io/proxy-cpu-limit", "1"), false],
		"a container of the proxy's name": [changed("/spec/containers/-", {"name": "linkerd-proxy", "image": image}), true],
	},
	"TLS-005": {
		"authenticated": [note("config.linkerd.io/default-inbound-policy", "all-authenticated"), false],
		"everybody": [note("config.linkerd.io/default-inbound-policy", "all-unauthenticated"), true],
		"the server's default": [linkerd_server({"port": 8000}), false],
		"a server for the authenticated": [linkerd_server({"accessPolicy": "cluster-authenticated"}), false],
		"a server for everybody": [linkerd_server({"accessPolicy": "all-unauthenticated"}), true],
		"a server that only watches": [linkerd_server({"accessPolicy": "audit"}), true],
	},
	"TLS-008": {
		"by identity": [
			object_of("policy.linkerd.io/v1alpha1", "AuthorizationPolicy", {"requiredAuthenticationRefs": [{"kind": "MeshTLSAuthentication", "name": "gateway"}]}),
			false,
		],
		"by address": [
			object_of("policy.linkerd.io/v1alpha1", "AuthorizationPolicy", {"requiredAuthenticationRefs": [{"kind": "NetworkAuthentication", "name": "all"}]}),
			true,
		],
		"by nothing": [object_of("policy.linkerd.io/v1alpha1", "AuthorizationPolicy", {"requiredAuthenticationRefs": []}), true],
		"an old one by identity": [
			object_of("policy.linkerd.io/v1beta1", "ServerAuthorization", {"client": {"meshTLS": {"identities": ["gateway.example"]}}}),
			false,
		],
		"an old one for everybody": [object_of("policy.linkerd.io/v1beta1", "ServerAuthorization", {"client": {"unauthenticated": true}}), true],
		"an old one for any TLS": [
			object_of("policy.linkerd.io/v1beta1", "ServerAuthorization", {"client": {"meshTLS": {"unauthenticatedTLS": true, "identities": ["*"]}}}),
			true,
		],
	},
}

test_linkerd_must_say_so_unless_the_mesh_does if {
	alone := {"by": "linkerd", "mesh_wide": false, "revisions": []}
	judged(models.pod, alone) == {"TLS-005"}
	judged(note("config.linkerd.io/default-inbound-policy", "all-authenticated"), alone) == set()
}
