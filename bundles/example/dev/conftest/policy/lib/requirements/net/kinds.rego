package lib.weighbridge.requirements.net

import data.lib.weighbridge.request

# METADATA
# title: Serving kinds expose nothing
# description: |
#   KServe, Knative, Ray, NIM and others make Services, Ingresses and routes for their pods, unless they are told not to.
# related_resources:
#   - ref: https://kserve.github.io/website/docs/admin-guide/overview
#     description: KServe, administration
#   - ref: https://knative.dev/docs/serving/services/private-services/
#     description: Knative, private services
#   - ref: https://attack.mitre.org/techniques/T1133/
#     description: MITRE ATT&CK T1133, external remote services
#   - ref: https://atlas.mitre.org/techniques/AML.T0040
#     description: MITRE ATLAS AML.T0040, AI model inference API access
# custom:
#   code: NET-007
#   severity: critical
#   fix: 'Set the labels `networking.kserve.io/visibility` and `networking.knative.dev/visibility` to `cluster-local`; switch Ingress and service types off.'
deny contains violation if {
	request.bound
	some found in self_exposed
	violation := {
		"code": "NET-007",
		"severity": "critical",
		"message": sprintf("%s: %s exposes it past the gateway. Set %s.", [owner, short(found.what), found.to]),
		"field": found.field,
	}
}

self_exposed contains {"field": ["metadata", "labels"], "what": sprintf("without label `%s` KServe", [label]), "to": "it to cluster-local"} if {
	group == "serving.kserve.io"
	kind in {"inferenceservice", "inferencegraph"}
	not private
	some label, modes in {
		"networking.kserve.io/visibility": {"Serverless", "Knative"},
		"networking.knative.dev/visibility": {"RawDeployment", "Standard"},
	}
	not at(["metadata", "annotations", "serving.kserve.io/deploymentMode"]) in modes
	at(["metadata", "labels", label]) != "cluster-local"
}

self_exposed contains {"field": ["metadata", "labels"], "what": "without label `networking.knative.dev/visibility` Knative", "to": "it to cluster-local"} if {
	group == "serving.knative.dev"
	kind in {"service", "route"}
	not private
	at(["metadata", "labels", "networking.knative.dev/visibility"]) != "cluster-local"
}

self_exposed contains {"field": ["spec", "router"], "what": "router", "to": "its gateway refs to exposure.gateways"} if {
	group == "serving.kserve.io"
	kind in {"llminferenceservice", "llminferenceserviceconfig"}
	some way in ["gateway", "ingress", "route"]
	at(["spec", "router", way]) != null
	not routed_by_gateway
}

# What an operator's own kind calls a type of Service.
self_exposed contains {"field": path, "what": sprintf("%v: %v", [path[count(path) - 1], value]), "to": "ClusterIP"} if {
	operators_kind
	some path, value
	walk(request.subject.manifest, [path, value])
	is_string(value)
	lower(value) in {"externalname", "loadbalancer", "nodeport"}
	endswith(lower(path[count(path) - 1]), "type")
}

self_exposed contains {"field": path, "what": path[count(path) - 1], "to": "none"} if {
	operators_kind
	some path, value
	walk(request.subject.manifest, [path, value])
	lower(path[count(path) - 1]) == "externalips"
	not value in {null, []}
}

self_exposed contains {"field": path, "what": path[count(path) - 1], "to": "it to false"} if {
	operators_kind
	some path, value
	walk(request.subject.manifest, [path, value])
	lower(path[count(path) - 1]) == "enableingress"
	not value in {null, false}
}

self_exposed contains {"field": path, "what": path[count(path) - 1], "to": "enabled: false"} if {
	operators_kind
	some path, value
	walk(request.subject.manifest, [path, value])
	lower(path[count(path) - 1]) in {"gateway", "httproute", "grpcroute", "ingress", "route"}
	not object.get(value, "enabled", false) in {null, false}
}

# Kinds of others that make pods: a built-in one makes nothing but pods.
operators_kind if {
	request.subject.form != "other"
	not group in {"", "apps", "batch"}
}

private if request.limits.exposure.private_by_default == true

routed_by_gateway if {
	at(["spec", "router", "ingress"]) == null
	references := at(["spec", "router", "gateway", "refs"])
	count(references) > 0
	every reference in references {
		attached(reference)
	}
	parents_are_gateways(at(["spec", "router", "route", "http", "spec", "parentRefs"]))
}

parents_are_gateways(null) := true

parents_are_gateways(parents) if {
	every parent in parents {
		attached(parent)
	}
}
