package lib.weighbridge.requirements.pod

import data.lib.weighbridge.request

# METADATA
# title: No host process
# description: |
#   A Windows HostProcess container is the node.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#     description: Pod Security Standards
# custom:
#   code: POD-002
#   severity: critical
#   fix: Remove `windowsOptions.hostProcess`.
deny contains violation if {
	baseline
	some found in host_processes
	violation := {
		"code": "POD-002",
		"severity": "critical",
		"message": sprintf("%s: %s gives the pod the node. Remove it.", [owner, short(found.what)]),
		"field": found.field,
	}
}

# METADATA
# title: No namespaces of the host
# description: |
#   The host's network, processes or IPC show and reach every other pod of the node.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#     description: Pod Security Standards
# custom:
#   code: POD-003
#   severity: critical
#   fix: Remove `hostNetwork`, `hostPID` and `hostIPC`.
deny contains violation if {
	baseline
	some found in host_namespaces
	violation := {
		"code": "POD-003",
		"severity": "critical",
		"message": sprintf("%s: %s shares a namespace with the host. Remove it.", [owner, short(found.what)]),
		"field": found.field,
	}
}

# METADATA
# title: No privileged containers
# description: |
#   A privileged container is root on the node.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#     description: Pod Security Standards
# custom:
#   code: POD-004
#   severity: critical
#   fix: 'Remove `privileged`; GPUs need none: ask for them as resources.'
deny contains violation if {
	baseline
	some found in privileged_containers
	violation := {
		"code": "POD-004",
		"severity": "critical",
		"message": sprintf("%s: %s makes the container root on the node. Remove it.", [owner, short(found.what)]),
		"field": found.field,
	}
}

# METADATA
# title: No volumes of the host
# description: |
#   A path of the node outlives the pod, is shared with others, and reaches the node's own files.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#     description: Pod Security Standards
# custom:
#   code: POD-005
#   severity: critical
#   fix: Use an image volume, an emptyDir or a claim instead of `hostPath`.
deny contains violation if {
	baseline
	some found in host_paths
	violation := {
		"code": "POD-005",
		"severity": "critical",
		"message": sprintf("%s: volume `%s` is a path of the node. Use an image volume, an emptyDir or a claim.", [owner, short(found.what)]),
		"field": found.field,
	}
}

# METADATA
# title: No ports of the host
# description: |
#   A port of the node goes past every gateway and NetworkPolicy.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#     description: Pod Security Standards
# custom:
#   code: POD-006
#   severity: high
#   fix: Remove `hostPort`; the gateway reaches the pod by its Service.
deny contains violation if {
	baseline
	some found in host_ports
	violation := {
		"code": "POD-006",
		"severity": "high",
		"message": sprintf("%s: %s opens a port of the node. Remove it.", [owner, short(found.what)]),
		"field": found.field,
	}
}

# METADATA
# title: Probes and hooks stay inside the pod
# description: |
#   A `host` in a probe or a hook has the kubelet call whatever it names.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#     description: Pod Security Standards
# custom:
#   code: POD-007
#   severity: medium
#   fix: Remove `host` from probes and lifecycle hooks.
deny contains violation if {
	baseline
	some found in handler_hosts
	violation := {
		"code": "POD-007",
		"severity": "medium",
		"message": sprintf("%s: %s has the kubelet call another host. Remove it.", [owner, short(found.what)]),
		"field": found.field,
	}
}

host_processes contains found if {
	some found in settings(["securityContext", "windowsOptions", "hostProcess"])
	found.value != false
}

host_namespaces contains {"field": array.concat(spec_field, [name]), "what": name} if {
	some name in ["hostNetwork", "hostPID", "hostIPC"]
	not object.get(spec, name, null) in {null, false}
}

privileged_containers contains found if {
	some found in container_settings(["securityContext", "privileged"])
	found.value != false
}

host_paths contains {"field": entry.field, "what": entry.volume.name} if {
	some entry in request.subject.pod.volumes
	object.get(entry.volume, "hostPath", null) != null
}

host_ports contains {"field": array.concat(entry.field, ["ports", i, "hostPort"]), "what": "hostPort"} if {
	some entry in request.subject.pod.containers
	some i, port in object.get(entry.container, "ports", [])
	not object.get(port, "hostPort", null) in {null, 0}
}

handler_hosts contains found if {
	some entry in request.subject.pod.containers
	handlers := object.filter(entry.container, ["livenessProbe", "readinessProbe", "startupProbe", "lifecycle"])
	contains(json.marshal(handlers), `"host"`) # one look at all of them spares most containers ten
	some place in [["livenessProbe"], ["readinessProbe"], ["startupProbe"], ["lifecycle", "postStart"], ["lifecycle", "preStop"]]
	some action in ["httpGet", "tcpSocket"]
	path := array.concat(place, [action, "host"])
	value := object.get(handlers, path, null)
	not value in {null, ""}
	found := {"field": array.concat(entry.field, path), "value": value, "what": dotted(path)}
}
