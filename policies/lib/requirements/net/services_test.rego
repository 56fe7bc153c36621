package lib.weighbridge.requirements.net_test

import data.lib.weighbridge.requirements.mod_test as models
import data.lib.weighbridge.requirements.net as network

service(spec) := of("v1", "Service", spec)

noted(name, value) := changed(changed(service({}), "/metadata/annotations", {}), concat("/", ["/metadata/annotations", replace(name, "/", "~1")]), value)

service_cases := {
	"NET-001": {
		"inside": [service({"selector": {"app": "a"}}), false],
		"said so": [service({"type": "ClusterIP", "externalIPs": []}), false],
		"headless": [service({"clusterIP": "None"}), false],
		"a load balancer": [service({"type": "LoadBalancer"}), true],
		"an internal one, by annotation": [
			changed(service({"type": "LoadBalancer"}), "/metadata/annotations", {"networking.gke.io/load-balancer-type": "Internal"}),
			true,
		],
		"a port of every node": [service({"type": "NodePort"}), true],
		"in small letters": [service({"type": "loadbalancer"}), true],
		"a type to come": [service({"type": "Galactic"}), true],
		"of no form": [service(["type", "NodePort"]), true],
		"of another type": [service({"type": ["ClusterIP"]}), true],
		"an external address": [service({"externalIPs": ["203.0.113.7"]}), true],
		"of a version to come": [of("v2", "Service", {"type": "NodePort"}), true],
		"a kind in small letters": [of("v1", "service", {"type": "NodePort"}), true],
		"of another group": [of("example.com/v1", "Service", {"type": "NodePort"}), false],
	},
	"NET-002": {
		"a name elsewhere": [service({"type": "ExternalName", "externalName": "evil.example"}), true],
		"endpoints": [object.remove(of("v1", "Endpoints", {}), ["spec"]), true],
		"a slice of them": [of("discovery.k8s.io/v1", "EndpointSlice", {}), true],
		"a service of the mesh": [of("networking.istio.io/v1", "ServiceEntry", {"hosts": ["kb-qa"]}), true],
		"a workload of the mesh": [of("networking.istio.io/v1", "WorkloadEntry", {"address": "1.2.3.4"}), true],
		"a redirection": [of("cilium.io/v2", "CiliumLocalRedirectPolicy", {}), true],
	},
	"NET-003": {
		"another note": [noted("prometheus.io/scrape", "true"), false],
		"a name in DNS": [noted("external-dns.alpha.kubernetes.io/hostname", "kb.example.com"), true],
		"a tailnet": [noted("tailscale.com/expose", "true"), true],
		"not a tailnet": [noted("tailscale.com/expose", "false"), false],
		"a route in a note": [noted("getambassador.io/config", "kind: Mapping"), true],
		"other clusters": [noted("service.cilium.io/global", "true"), true],
		"other clusters by label": [changed(service({}), "/metadata/labels", {"mirror.linkerd.io/exported": "true"}), true],
		"endpoints that Google's Ingress made": [noted("cloud.google.com/neg", `{"ingress": true}`), false],
		"endpoints by port": [noted("cloud.google.com/neg", `{"exposed_ports": {"80": {}}}`), true],
		"on a pod": [
			changed(models.pod, "/metadata/annotations/external-dns.alpha.kubernetes.io~1hostname", "kb.example.com"),
			true,
		],
		"on a template": [
			object.union(models.at("Deployment"), {"spec": {"template": {"metadata": {"annotations": {"tailscale.com/expose": "true"}}}}}),
			true,
		],
	},
}

in_a_cluster(object_) := {violation.code |
	registry_ := registry(exposure)
	some violation in network.deny with input as object_
		with data.weighbridge.registry as registry_
		with data.weighbridge.live as models.live
		with data.lib.weighbridge.request.in_cluster as true
}

# In a cluster its controllers write them, and no review tells whose they are.
test_endpoints_in_a_cluster if in_a_cluster(of("discovery.k8s.io/v1", "EndpointSlice", {})) == set()

# Roles of the whole cluster are written by whoever runs it, and gathered by its controllers.
test_rights_in_a_cluster if {
	in_a_cluster(rules("ClusterRole", [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}])) == set()
	in_a_cluster(bound_to("ClusterRoleBinding", "ClusterRole", "cluster-admin")) == set()
	in_a_cluster(may(["pods/exec"])) == {"NET-010"}
	in_a_cluster(bound_to("RoleBinding", "ClusterRole", "edit")) == {"NET-011"}
}
