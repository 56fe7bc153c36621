package lib.weighbridge.requirements.tls_test

import data.lib.weighbridge.requirements.mod_test as models

peers(spec) := object_of("security.istio.io/v1", "PeerAuthentication", spec)

rule(policy) := object_of("networking.istio.io/v1", "DestinationRule", {"host": "kb-qa", "trafficPolicy": policy})

allow(rules) := object_of("security.istio.io/v1", "AuthorizationPolicy", {"rules": rules})

gateway := {"from": [{"source": {"principals": ["cluster.local/ns/ingress/sa/gateway"]}}]}

object_cases := {
	"TLS-005": {
		"strict": [peers({"mtls": {"mode": "STRICT"}}), false],
		"permissive": [peers({"mtls": {"mode": "PERMISSIVE"}}), true],
		"disabled": [peers({"mtls": {"mode": "DISABLE"}}), true],
		"inherited": [peers({"mtls": {"mode": "UNSET"}}), true],
		"nothing said": [peers({"selector": {"matchLabels": {"app": "kb-qa"}}}), true],
		"no spec": [object.remove(peers({}), ["spec"]), true],
		"in small letters": [peers({"mtls": {"mode": "strict"}}), true],
		"one port open": [peers({"mtls": {"mode": "STRICT"}, "portLevelMtls": {"8000": {"mode": "DISABLE"}}}), true],
		"one port unsaid": [peers({"mtls": {"mode": "STRICT"}, "portLevelMtls": {"8000": null}}), true],
		"every port strict": [peers({"mtls": {"mode": "STRICT"}, "portLevelMtls": {"8000": {"mode": "STRICT"}}}), false],
		"ports of another type": [peers({"mtls": {"mode": "STRICT"}, "portLevelMtls": [8000]}), true],
		"a version to come": [object_of("security.istio.io/v9", "PeerAuthentication", {"mtls": {"mode": "PERMISSIVE"}}), true],
		"in another case": [object_of("Security.Istio.io/v1", "peerAuthentication", {"mtls": {"mode": "PERMISSIVE"}}), true],
		"of another group": [object_of("example.com/v1", "PeerAuthentication", {"mtls": {"mode": "PERMISSIVE"}}), false],
		"of no group": [object_of("v1", "PeerAuthentication", {"mtls": {"mode": "PERMISSIVE"}}), false],
	},
	"TLS-006": {
		"nothing said": [rule({"loadBalancer": {"simple": "LEAST_REQUEST"}}), false],
		"mutual": [rule({"tls": {"mode": "ISTIO_MUTUAL"}}), false],
		"off": [rule({"tls": {"mode": "DISABLE"}}), true],
		"one side alone": [rule({"tls": {"mode": "SIMPLE"}}), true],
		"no mode": [rule({"tls": {}}), true],
		"null": [rule({"tls": null}), false],
		"for a port": [rule({"portLevelSettings": [{"port": {"number": 8000}, "tls": {"mode": "DISABLE"}}]}), true],
		"for a subset": [
			object_of("networking.istio.io/v1", "DestinationRule", {"host": "kb-qa", "subsets": [{"name": "a", "trafficPolicy": {"tls": {"mode": "DISABLE"}}}]}),
			true,
		],
		"of no form": [object_of("networking.istio.io/v1", "DestinationRule", ["tls"]), true],
		"mutual with whomever": [rule({"tls": {"mode": "MUTUAL", "insecureSkipVerify": true}}), true],
	},
	"TLS-007": {
		"a filter": [object_of("networking.istio.io/v1alpha3", "EnvoyFilter", {}), true],
		"a plugin": [object_of("extensions.istio.io/v1alpha1", "WasmPlugin", {"url": "oci://registry.example/p"}), true],
		"settings of the proxy": [object_of("networking.istio.io/v1beta1", "ProxyConfig", {}), true],
		"what it may call": [object_of("networking.istio.io/v1", "Sidecar", {"egress": [{"hosts": ["./*"]}]}), false],
		"listeners of its own": [object_of("networking.istio.io/v1", "Sidecar", {"ingress": [{"port": {"number": 8000}}]}), true],
	},
	"TLS-008": {
		"the gateway": [allow([gateway]), false],
		"nobody": [allow([]), false],
		"everybody": [allow([{}]), true],
		"everybody beside the gateway": [allow([gateway, {"to": [{"operation": {"paths": ["/*"]}}]}]), true],
		"one source of two": [allow([{"from": [gateway.from[0], {"source": {"ipBlocks": ["0.0.0.0/0"]}}]}]), true],
		"any principal": [allow([{"from": [{"source": {"principals": ["*"]}}]}]), true],
		"any that ends so": [allow([{"from": [{"source": {"principals": ["*/sa/gateway"]}}]}]), true],
		"no principal": [allow([{"from": [{"source": {"principals": []}}]}]), true],
		"by namespace": [allow([{"from": [{"source": {"namespaces": ["ingress"]}}]}]), false],
		"all but one": [allow([{"from": [{"source": {"notPrincipals": ["x"]}}]}]), true],
		"denied": [object_of("security.istio.io/v1", "AuthorizationPolicy", {"action": "DENY", "rules": [{}]}), false],
		"an action of another case": [object_of("security.istio.io/v1", "AuthorizationPolicy", {"action": "deny", "rules": [{}]}), true],
		"of no form": [object_of("security.istio.io/v1", "AuthorizationPolicy", [{}]), true],
		"rules that are none": [allow({}), true],
	},
}

strict_peers := peers({"mtls": {"mode": "STRICT"}})

permissive_peers := peers({"selector": {"matchLabels": {"a": "b"}}, "mtls": {"mode": "PERMISSIVE"}})

in_mesh := {"istio-injection": "enabled"}

test_namespace_in_the_mesh if {
	every labels in [in_mesh, {"istio.io/rev": "stable"}] {
		shown(models.pod, enforced("istio"), {"labels": labels}) == set()
	}
	every labels in [{}, {"istio-injection": "disabled"}, {"istio.io/rev": "nowhere"}, {"istio-injection": "disabled", "istio.io/rev": "stable"}] {
		shown(models.pod, enforced("istio"), {"labels": labels}) == {"TLS-011"}
	}
	shown(label("sidecar.istio.io/inject", "true"), enforced("istio"), {"labels": {}}) == set()
	shown(label("sidecar.istio.io/inject", "true"), enforced("istio"), {"labels": {"istio-injection": "disabled"}}) == {"TLS-011"}
	shown(models.pod, enforced("istio-ambient"), {"labels": {"istio.io/dataplane-mode": "ambient"}}) == set()
	shown(models.pod, enforced("istio-ambient"), {"labels": in_mesh}) == {"TLS-011"}
	shown(label("istio.io/dataplane-mode", "ambient"), enforced("istio-ambient"), {"labels": {}}) == set()
	shown(models.pod, enforced("none"), {"labels": {}}) == set()
}

test_without_a_list_any_revision_counts_for_a_namespace if {
	alone := {"by": "istio", "mesh_wide": true, "revisions": []}
	shown(models.pod, alone, {"labels": {"istio.io/rev": "1-27"}}) == set()
	shown(models.pod, alone, {"labels": {"istio.io/rev": ""}}) == {"TLS-011"}
}

test_namespace_strict if {
	alone := {"by": "istio", "mesh_wide": false, "revisions": []}
	shown(models.pod, alone, {"labels": in_mesh, "peer_authentications": [strict_peers]}) == set()
	shown(models.pod, alone, {"labels": in_mesh}) == set()
	narrow := peers({"selector": {"matchLabels": {"a": "b"}}, "mtls": {"mode": "STRICT"}})
	open_port := peers({"mtls": {"mode": "STRICT"}, "portLevelMtls": {"8000": {"mode": "DISABLE"}}})
	every found in [[], [permissive_peers], [strict_peers, permissive_peers], [narrow], [open_port], [{}]] {
		shown(models.pod, alone, {"labels": in_mesh, "peer_authentications": found}) == {"TLS-012"}
	}
	shown(models.pod, enforced("istio"), {"labels": in_mesh, "peer_authentications": []}) == set()
	shown(models.pod, enforced("istio"), {"labels": in_mesh, "peer_authentications": [permissive_peers]}) == {"TLS-012"}
}
