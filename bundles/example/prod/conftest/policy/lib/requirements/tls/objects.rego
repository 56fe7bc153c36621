package lib.weighbridge.requirements.tls

import data.lib.weighbridge.request

# METADATA
# title: Plain calls are refused
# description: |
#   A policy that permits calls in clear undoes the mesh for all pods that it selects; one that leaves the mode open inherits
#   whatever others say.
# related_resources:
#   - ref: https://istio.io/latest/docs/reference/config/security/peer_authentication/
#     description: Istio, PeerAuthentication
#   - ref: https://linkerd.io/2/features/server-policy/
#     description: Linkerd, authorization policy
#   - ref: https://attack.mitre.org/techniques/T1040/
#     description: MITRE ATT&CK T1040, network sniffing
# custom:
#   code: TLS-005
#   severity: critical
#   fix: 'Istio: set `mtls.mode: STRICT`, also by port. Linkerd: set `default-inbound-policy` and `accessPolicy` to `all-authenticated`.'
deny contains violation if {
	some found in permissive
	violation := {
		"code": "TLS-005",
		"severity": "critical",
		"message": sprintf("%s: %s permits calls in clear. Set it to %s.", [owner, short(found.what), found.to]),
		"field": found.field,
	}
}

# METADATA
# title: Calls are made with mutual TLS
# description: |
#   A DestinationRule decides how the mesh's clients, the gateway among them, speak to a service.
# related_resources:
#   - ref: https://istio.io/latest/docs/reference/config/networking/destination-rule/
#     description: Istio, DestinationRule
#   - ref: https://attack.mitre.org/techniques/T1557/
#     description: MITRE ATT&CK T1557, adversary in the middle
# custom:
#   code: TLS-006
#   severity: high
#   fix: 'Remove `tls`, or set `mode: ISTIO_MUTUAL`, in the traffic policy, its ports and all subsets.'
deny contains violation if {
	judged_object
	some field in plain_clients
	violation := {
		"code": "TLS-006",
		"severity": "high",
		"message": sprintf("%s: clients are told to call without mutual TLS. Set mode: ISTIO_MUTUAL, or remove it.", [owner]),
		"field": field,
	}
}

# METADATA
# title: Proxies are not reconfigured beside serving pods
# description: |
#   These objects change what the mesh's proxies do, below the level at which anything about mutual TLS can be proven.
# related_resources:
#   - ref: https://istio.io/latest/docs/reference/config/networking/envoy-filter/
#     description: Istio, EnvoyFilter
#   - ref: https://istio.io/latest/docs/reference/config/networking/sidecar/
#     description: Istio, Sidecar
#   - ref: https://attack.mitre.org/techniques/T1557/
#     description: MITRE ATT&CK T1557, adversary in the middle
# custom:
#   code: TLS-007
#   severity: high
#   fix: Keep it out of the namespaces of serving pods; of Sidecar, remove `ingress`.
deny contains violation if {
	judged_object
	some found in reconfigured
	violation := {
		"code": "TLS-007",
		"severity": "high",
		"message": sprintf("%s: %s reconfigures the proxies of serving pods. Remove it.", [owner, found.what]),
		"field": found.field,
	}
}

# METADATA
# title: Callers are named
# description: |
#   Mutual TLS proves who calls; a policy that lets everybody in makes nothing of it, and the gateway is one caller of many.
# related_resources:
#   - ref: https://istio.io/latest/docs/reference/config/security/authorization-policy/
#     description: Istio, AuthorizationPolicy
#   - ref: https://linkerd.io/2/reference/authorization-policy/
#     description: Linkerd, authorization policy
#   - ref: https://atlas.mitre.org/techniques/AML.T0040
#     description: MITRE ATLAS AML.T0040, AI model inference API access
# custom:
#   code: TLS-008
#   severity: high
#   fix: Name the gateway's identity in every rule that allows.
deny contains violation if {
	judged_object
	some field in open_policies
	violation := {
		"code": "TLS-008",
		"severity": "high",
		"message": sprintf("%s: lets callers in whose identity is not named. Name the gateway's in every rule.", [owner]),
		"field": field,
	}
}

mesh_object(of_group, of_kind) if {
	judged_object
	group == of_group
	kind == of_kind
}

permissive contains {"field": ["spec", "mtls", "mode"], "what": "mtls.mode", "to": "STRICT"} if {
	istio
	mesh_object("security.istio.io", "peerauthentication")
	at(["spec", "mtls", "mode"]) != "STRICT"
}

permissive contains {"field": ["spec", "portLevelMtls", port], "what": sprintf("portLevelMtls.%v", [port]), "to": "STRICT"} if {
	istio
	mesh_object("security.istio.io", "peerauthentication")
	some port, mtls in at(["spec", "portLevelMtls"])
	not strict(mtls)
}

permissive contains {"field": ["spec", "portLevelMtls"], "what": "portLevelMtls", "to": "an object"} if {
	istio
	mesh_object("security.istio.io", "peerauthentication")
	not type_name(at(["spec", "portLevelMtls"])) in {"null", "object"}
}

permissive contains {"field": mark.field, "what": mark.name, "to": "all-authenticated"} if {
	meshed_pod
	by == "linkerd"
	some mark in marks
	mark.name == "config.linkerd.io/default-inbound-policy"
	not mark.value in authenticated
}

permissive contains {
	"field": array.concat(request.subject.pod.path, ["metadata", "annotations"]),
	"what": "the default of config.linkerd.io/default-inbound-policy",
	"to": "all-authenticated",
} if {
	meshed_pod
	by == "linkerd"
	not request.limits.mutual_tls.mesh_wide == true
	not request.subject.pod.annotations["config.linkerd.io/default-inbound-policy"]
}

permissive contains {"field": ["spec", "accessPolicy"], "what": "accessPolicy", "to": "all-authenticated"} if {
	mesh_object("policy.linkerd.io", "server")
	not at(["spec", "accessPolicy"]) in ((authenticated | {null}) | {"deny"})
}

authenticated := {"all-authenticated", "cluster-authenticated"}

strict(mtls) if mtls.mode == "STRICT"

plain_clients contains array.concat(["spec"], path) if {
	istio
	mesh_object("networking.istio.io", "destinationrule")
	some path, value
	walk(at(["spec"]), [path, value])
	path[count(path) - 1] == "tls"
	value != null
	not mutual(value)
}

plain_clients contains ["spec"] if {
	istio
	mesh_object("networking.istio.io", "destinationrule")
	not is_object(at(["spec"]))
}

mutual(tls) if {
	tls.mode in {"ISTIO_MUTUAL", "MUTUAL"}
	object.get(tls, "insecureSkipVerify", false) in {false, null}
}

reconfigured contains {"field": ["kind"], "what": at(["kind"])} if {
	some of_group, kinds in {
		"networking.istio.io": {"envoyfilter", "proxyconfig"},
		"extensions.istio.io": {"wasmplugin"},
	}
	some of_kind in kinds
	mesh_object(of_group, of_kind)
}

reconfigured contains {"field": ["spec", "ingress"], "what": "Sidecar.ingress"} if {
	mesh_object("networking.istio.io", "sidecar")
	not at(["spec", "ingress"]) in {null, []}
}

open_policies contains ["spec", "rules", i] if {
	allowing
	some i, rule in at(["spec", "rules"])
	not names_callers(rule)
}

open_policies contains ["spec", "rules"] if {
	allowing
	not type_name(at(["spec", "rules"])) in {"null", "array"}
}

open_policies contains ["spec"] if {
	allowing
	not type_name(at(["spec"])) in {"null", "object"}
}

open_policies contains ["spec", "requiredAuthenticationRefs"] if {
	mesh_object("policy.linkerd.io", "authorizationpolicy")
	not refers_to_identities
}

open_policies contains ["spec", "client"] if {
	mesh_object("policy.linkerd.io", "serverauthorization")
	not client_named
}

# Without rules nothing is let in; what denies, audits or asks another lets nobody in either.
allowing if {
	istio
	mesh_object("security.istio.io", "authorizationpolicy")
	not at(["spec", "action"]) in {"DENY", "AUDIT", "CUSTOM"}
}

names_callers(rule) if {
	is_array(rule.from)
	count(rule.from) > 0
	every from in rule.from {
		some who in ["principals", "serviceAccounts", "namespaces"]
		named(object.get(from, ["source", who], null))
	}
}

# `*` is everybody in the mesh; so is anything that begins with it, as far as one can tell from here.
named(names) if {
	is_array(names)
	count(names) > 0
	every name in names {
		is_string(name)
		name != ""
		not startswith(name, "*")
	}
}

refers_to_identities if {
	some reference in at(["spec", "requiredAuthenticationRefs"])
	reference.kind in {"MeshTLSAuthentication", "ServiceAccount"}
}

client_named if {
	client := at(["spec", "client"])
	object.get(client, "unauthenticated", false) in {false, null}
	object.get(client, ["meshTLS", "unauthenticatedTLS"], false) in {false, null}
	some who in ["identities", "serviceAccounts"]
	count(client.meshTLS[who]) > 0
}
