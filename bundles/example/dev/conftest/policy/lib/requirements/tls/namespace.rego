package lib.weighbridge.requirements.tls

import data.lib.weighbridge.request

# METADATA
# title: The namespace is in the mesh
# description: |
#   Only a cluster shows it: in a namespace that nothing is injected into, a pod that says nothing gets no proxy.
# related_resources:
#   - ref: https://istio.io/latest/docs/setup/additional-setup/sidecar-injection/
#     description: Istio, sidecar injection
#   - ref: https://istio.io/latest/docs/ambient/usage/add-workloads/
#     description: Istio, adding workloads to the ambient mesh
#   - ref: https://attack.mitre.org/techniques/T1040/
#     description: MITRE ATT&CK T1040, network sniffing
# custom:
#   code: TLS-011
#   severity: critical
#   fix: 'Label the namespace: `istio-injection: enabled`, `istio.io/rev` or `istio.io/dataplane-mode: ambient`.'
deny contains violation if {
	meshed_pod
	istio
	is_object(request.namespace.labels)
	not joined
	violation := {
		"code": "TLS-011",
		"severity": "critical",
		"message": sprintf("%s: its namespace is not in the mesh (%s). Label the namespace.", [owner, by]),
		"field": [],
	}
}

# METADATA
# title: The namespace refuses plain calls
# description: |
#   Only a cluster shows it: a proxy takes calls in clear as well, unless a PeerAuthentication of namespace or mesh forbids it.
# related_resources:
#   - ref: https://istio.io/latest/docs/tasks/security/authentication/mtls-migration/
#     description: Istio, mutual TLS migration
#   - ref: https://attack.mitre.org/techniques/T1040/
#     description: MITRE ATT&CK T1040, network sniffing
# custom:
#   code: TLS-012
#   severity: critical
#   fix: 'Give the namespace one PeerAuthentication `STRICT` without selector, and none that permits more.'
deny contains violation if {
	meshed_pod
	istio
	is_array(request.namespace.peer_authentications)
	not forbids_plain_calls
	violation := {
		"code": "TLS-012",
		"severity": "critical",
		"message": sprintf("%s: its namespace takes calls in clear. Give it one PeerAuthentication STRICT, and none that permits more.", [owner]),
		"field": [],
	}
}

labels := request.namespace.labels

joined if {
	by == "istio"
	labels["istio-injection"] == "enabled"
}

joined if {
	by == "istio"
	not labels["istio-injection"]
	known_revision(labels["istio.io/rev"])
}

# A pod can ask for its proxy itself, unless the namespace has none.
joined if {
	by == "istio"
	object.get(labels, "istio-injection", "") != "disabled"
	request.subject.pod.labels["sidecar.istio.io/inject"] == "true"
}

joined if {
	by == "istio-ambient"
	labels["istio.io/dataplane-mode"] == "ambient"
}

joined if {
	by == "istio-ambient"
	request.subject.pod.labels["istio.io/dataplane-mode"] == "ambient"
}

known_revision(revision) if revision in request.limits.mutual_tls.revisions

# Namespaces are labelled by whoever runs the mesh: without a list, the name is theirs to choose.
known_revision(revision) if {
	count(request.limits.mutual_tls.revisions) == 0
	is_string(revision)
	revision != ""
}

forbids_plain_calls if {
	every policy in request.namespace.peer_authentications {
		nowhere_permissive(policy)
	}
	namespace_strict
}

namespace_strict if request.limits.mutual_tls.mesh_wide == true

namespace_strict if {
	some policy in request.namespace.peer_authentications
	policy.spec.mtls.mode == "STRICT"
	object.get(policy.spec, "selector", null) in {null, {}}
}

nowhere_permissive(policy) if {
	strict(policy.spec.mtls)
	every mtls in object.get(policy.spec, "portLevelMtls", {}) {
		strict(mtls)
	}
}
