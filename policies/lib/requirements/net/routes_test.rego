package lib.weighbridge.requirements.net_test

import data.lib.weighbridge.requirements.mod_test as models

ingress_class(name) := of("networking.k8s.io/v1", "Ingress", {"ingressClassName": name})

annotated_ingress(object_, name) := changed(object_, "/metadata/annotations", {"kubernetes.io/ingress.class": name})

route(parents) := of("gateway.networking.k8s.io/v1", "HTTPRoute", {"parentRefs": parents})

virtual(gateways) := of("networking.istio.io/v1", "VirtualService", {"hosts": ["kb"], "gateways": gateways})

named(object_, namespace, name) := object.union(object_, {"metadata": {"namespace": namespace, "name": name}})

grant(namespace) := of("gateway.networking.k8s.io/v1beta1", "ReferenceGrant", {"from": [{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "namespace": namespace}]})

route_cases := {
	"NET-004": {
		"the gateway's": [ingress_class("weighbridge"), false],
		"another class": [ingress_class("nginx"), true],
		"no class": [of("networking.k8s.io/v1", "Ingress", {}), true],
		"of another type": [ingress_class(["weighbridge"]), true],
		"by annotation alone": [annotated_ingress(of("networking.k8s.io/v1", "Ingress", {}), "weighbridge"), true],
		"both": [annotated_ingress(ingress_class("weighbridge"), "weighbridge"), false],
		"two that differ": [annotated_ingress(ingress_class("weighbridge"), "nginx"), true],
		"an old one": [of("extensions/v1beta1", "Ingress", {}), true],
		"in another case": [of("networking.k8s.io/v1", "INGRESS", {}), true],
		"a class": [of("networking.k8s.io/v1", "IngressClass", {"controller": "x"}), false],
	},
	"NET-005": {
		"the gateway": [route([{"name": "weighbridge", "namespace": "ingress"}]), false],
		"one in the same namespace": [route([{"name": "inner"}]), false],
		"another gateway": [route([{"name": "public", "namespace": "ingress"}]), true],
		"of that name elsewhere": [route([{"name": "weighbridge"}]), true],
		"one of two": [route([{"name": "inner"}, {"name": "public"}]), true],
		"inside the mesh": [route([{"group": "", "kind": "Service", "name": "kb-qa"}]), false],
		"a Service without its group": [route([{"kind": "Service", "name": "kb-qa"}]), true],
		"a parent that is none": [route(["weighbridge"]), true],
		"parents that are none": [route({"name": "weighbridge"}), true],
		"attached to nothing": [of("gateway.networking.k8s.io/v1", "HTTPRoute", {"rules": []}), false],
		"to whatever is the default": [of("gateway.networking.k8s.io/v1", "HTTPRoute", {"useDefaultGateways": "All"}), true],
		"gRPC": [of("gateway.networking.k8s.io/v1", "GRPCRoute", {"parentRefs": [{"name": "x"}]}), true],
		"TCP": [of("gateway.networking.k8s.io/v1alpha2", "TCPRoute", {"parentRefs": [{"name": "x"}]}), true],
		"TLS": [of("gateway.networking.k8s.io/v1alpha3", "TLSRoute", {"parentRefs": [{"name": "x"}]}), true],
		"UDP": [of("gateway.networking.k8s.io/v1alpha2", "UDPRoute", {"parentRefs": [{"name": "x"}]}), true],
		"a route to come": [of("gateway.networking.k8s.io/v7", "WarpRoute", {"parentRefs": [{"name": "x"}]}), true],
		"a kind to come": [of("gateway.networking.k8s.io/v7", "Portal", {}), true],
		"a policy": [of("gateway.networking.k8s.io/v1", "BackendTLSPolicy", {}), false],
		"a gateway": [of("gateway.networking.k8s.io/v1", "Gateway", {"gatewayClassName": "x"}), true],
		"the gateway itself": [named(of("gateway.networking.k8s.io/v1", "Gateway", {}), "ingress", "weighbridge"), false],
		"listeners": [of("gateway.networking.x-k8s.io/v1alpha1", "XListenerSet", {"parentRef": {"name": "public"}}), true],
		"listeners of the gateway": [of("gateway.networking.x-k8s.io/v1alpha1", "XListenerSet", {"parentRef": {"name": "inner"}}), false],
		"in the mesh": [virtual(["mesh"]), false],
		"no gateway named": [of("networking.istio.io/v1", "VirtualService", {"hosts": ["kb"]}), false],
		"the gateway, by Istio": [virtual(["ingress/weighbridge", "mesh"]), false],
		"one in the same namespace, by Istio": [virtual(["inner"]), false],
		"another, by Istio": [virtual(["mesh", "istio-system/public"]), true],
		"gateways that are none": [virtual("mesh"), true],
		"another, in a match": [
			of("networking.istio.io/v1", "VirtualService", {"gateways": ["mesh"], "http": [{"match": [{"gateways": ["istio-system/public"]}]}]}),
			true,
		],
		"a virtual service of no form": [of("networking.istio.io/v1", "VirtualService", ["mesh"]), true],
		"a route of no form": [of("gateway.networking.k8s.io/v1", "HTTPRoute", "x"), true],
		"a number for a gateway": [virtual([7]), true],
		"a gateway of Istio": [of("networking.istio.io/v1beta1", "Gateway", {}), true],
		"OpenShift": [of("route.openshift.io/v1", "Route", {}), true],
		"Traefik": [of("traefik.io/v1alpha1", "IngressRouteTCP", {}), true],
		"Traefik of old": [of("traefik.containo.us/v1alpha1", "IngressRoute", {}), true],
		"Traefik's middleware": [of("traefik.io/v1alpha1", "Middleware", {}), false],
		"Contour": [of("projectcontour.io/v1", "HTTPProxy", {}), true],
		"in another case": [of("projectcontour.io/v1", "HttpProxy", {}), true],
		"targets of a load balancer": [of("elbv2.k8s.aws/v1beta1", "TargetGroupBinding", {}), true],
		"other clusters": [of("multicluster.x-k8s.io/v1alpha1", "ServiceExport", {}), true],
	},
	"NET-006": {
		"the gateway's namespace": [grant("ingress"), false],
		"its own": [grant("models"), false],
		"another": [grant("web"), true],
		"none": [of("gateway.networking.k8s.io/v1beta1", "ReferenceGrant", {"from": [{}]}), true],
		"a grant that is none": [of("gateway.networking.k8s.io/v1beta1", "ReferenceGrant", {"from": ["ingress"]}), true],
		"no list": [of("gateway.networking.k8s.io/v1beta1", "ReferenceGrant", {"from": "ingress"}), true],
	},
}

labelled(object_, labels) := changed(object_, "/metadata/labels", labels)

deployed(object_, mode) := changed(object_, "/metadata/annotations", {"serving.kserve.io/deploymentMode": mode})

inference := of("serving.kserve.io/v1beta1", "InferenceService", {"predictor": {"model": {}}})

kserve_local := {"networking.kserve.io/visibility": "cluster-local"}

knative_local := {"networking.knative.dev/visibility": "cluster-local"}

router(way) := of("serving.kserve.io/v1alpha1", "LLMInferenceService", {"router": way})

kind_cases := {"NET-007": {
	"both labels": [labelled(inference, object.union(kserve_local, knative_local)), false],
	"no label": [inference, true],
	"the label for the other mode": [deployed(labelled(inference, kserve_local), "Serverless"), true],
	"the label for this mode": [deployed(labelled(inference, knative_local), "Serverless"), false],
	"the label of Deployments": [deployed(labelled(inference, kserve_local), "RawDeployment"), false],
	"one label, and the mode is the cluster's": [labelled(inference, kserve_local), true],
	"a mode that nobody knows": [deployed(labelled(inference, kserve_local), "rawdeployment"), true],
	"another value": [labelled(inference, object.union(kserve_local, {"networking.knative.dev/visibility": "Cluster-Local"})), true],
	"a graph": [of("serving.kserve.io/v1alpha1", "InferenceGraph", {}), true],
	"Knative": [of("serving.knative.dev/v1", "Service", {"template": {}}), true],
	"Knative, local": [labelled(of("serving.knative.dev/v1", "Service", {"template": {}}), knative_local), false],
	"a scheduler alone": [router({"scheduler": {}}), false],
	"no router": [of("serving.kserve.io/v1alpha1", "LLMInferenceService", {}), false],
	"whatever gateway there is": [router({"gateway": {}, "route": {}}), true],
	"the gateway": [router({"gateway": {"refs": [{"name": "weighbridge", "namespace": "ingress"}]}, "route": {}}), false],
	"the gateway and another": [
		router({"gateway": {"refs": [{"name": "weighbridge", "namespace": "ingress"}]}, "route": {"http": {"spec": {"parentRefs": [{"name": "x"}]}}}}),
		true,
	],
	"an Ingress": [router({"ingress": {}, "gateway": {"refs": [{"name": "inner"}]}}), true],
	"Ray's head": [of("ray.io/v1", "RayCluster", {"headGroupSpec": {"serviceType": "LoadBalancer"}}), true],
	"Ray's head in small letters": [of("ray.io/v1", "RayCluster", {"headGroupSpec": {"servicetype": "nodeport"}}), true],
	"Ray's head inside": [of("ray.io/v1", "RayCluster", {"headGroupSpec": {"serviceType": "ClusterIP"}}), false],
	"Ray's Ingress": [of("ray.io/v1", "RayCluster", {"headGroupSpec": {"enableIngress": true}}), true],
	"NIM": [of("apps.nvidia.com/v1alpha1", "NIMService", {"expose": {"service": {"type": "NodePort"}}}), true],
	"NIM's Ingress": [of("apps.nvidia.com/v1alpha1", "NIMService", {"expose": {"ingress": {"enabled": true}}}), true],
	"NIM inside": [of("apps.nvidia.com/v1alpha1", "NIMService", {"expose": {"service": {"type": "ClusterIP"}, "ingress": {"enabled": false}}}), false],
	"a built-in kind": [changed(models.at("Deployment"), "/spec/serviceType", "LoadBalancer"), false],
}}
