package lib.weighbridge.requirements.pod

import data.lib.weighbridge.request

# METADATA
# title: Only volumes that Kubernetes manages
# description: |
#   Network shares and the like reach past what the cluster controls.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#     description: Pod Security Standards
# custom:
#   code: POD-014
#   severity: medium
#   fix: Use configMap, csi, downwardAPI, emptyDir, ephemeral, image, persistentVolumeClaim, projected or secret.
deny contains violation if {
	restricted
	some found in other_volumes
	violation := {
		"code": "POD-014",
		"severity": "medium",
		"message": sprintf("%s: volume `%s` is of a type that is not allowed. Use one that Kubernetes manages.", [owner, short(found.what)]),
		"field": found.field,
	}
}

# METADATA
# title: No privilege escalation
# description: |
#   Without it a setuid program in the image makes whoever breaks in root.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#     description: Pod Security Standards
# custom:
#   code: POD-015
#   severity: high
#   fix: 'Set `securityContext.allowPrivilegeEscalation: false` in every container.'
deny contains violation if {
	restricted
	some found in escalating
	violation := {
		"code": "POD-015",
		"severity": "high",
		"message": sprintf("%s: %s does not set allowPrivilegeEscalation: false. Set it.", [owner, short(found.what)]),
		"field": found.field,
	}
}

# METADATA
# title: Nobody is root
# description: |
#   Every container must be held to a user that is not root. In a user namespace root is nobody on the node.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#     description: Pod Security Standards
# custom:
#   code: POD-016
#   severity: high
#   fix: 'Set `runAsNonRoot: true` in the pod''s securityContext.'
deny contains violation if {
	restricted
	some found in maybe_root
	violation := {
		"code": "POD-016",
		"severity": "high",
		"message": sprintf("%s: %s may run as root. Set runAsNonRoot: true.", [owner, short(found.what)]),
		"field": found.field,
	}
}

# METADATA
# title: No user id 0
# description: |
#   User id 0 is root, whatever else is set.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#     description: Pod Security Standards
# custom:
#   code: POD-017
#   severity: high
#   fix: 'Remove `runAsUser: 0`, or set another.'
deny contains violation if {
	restricted
	some found in root_users
	violation := {
		"code": "POD-017",
		"severity": "high",
		"message": sprintf("%s: %s is 0, which is root. Set another.", [owner, short(found.what)]),
		"field": found.field,
	}
}

# METADATA
# title: Seccomp is on
# description: |
#   A container without a profile may make every system call.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#     description: Pod Security Standards
# custom:
#   code: POD-018
#   severity: high
#   fix: 'Set `seccompProfile: {type: RuntimeDefault}` in the pod''s securityContext.'
deny contains violation if {
	restricted
	some found in without_seccomp
	violation := {
		"code": "POD-018",
		"severity": "high",
		"message": sprintf("%s: %s has no seccomp profile. Set RuntimeDefault.", [owner, short(found.what)]),
		"field": found.field,
	}
}

# METADATA
# title: All capabilities are dropped
# description: |
#   A model server needs none; NET_BIND_SERVICE may be added back.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#     description: Pod Security Standards
# custom:
#   code: POD-019
#   severity: high
#   fix: 'Set `capabilities: {drop: [ALL]}` in every container.'
deny contains violation if {
	restricted
	some found in keeping_capabilities
	violation := {
		"code": "POD-019",
		"severity": "high",
		"message": sprintf("%s: %s keeps capabilities. Drop ALL, and add back NET_BIND_SERVICE at most.", [owner, short(found.what)]),
		"field": found.field,
	}
}

managed_volumes := {
	"configMap",
	"csi",
	"downwardAPI",
	"emptyDir",
	"ephemeral",
	"image",
	"persistentVolumeClaim",
	"projected",
	"secret",
}

# A volume without a type is an emptyDir to Kubernetes.
other_volumes contains {"field": entry.field, "what": entry.volume.name} if {
	some entry in request.subject.pod.volumes
	some type, value in entry.volume
	type != "name"
	value != null
	not type in managed_volumes
}

escalating contains {"field": array.concat(entry.field, ["securityContext", "allowPrivilegeEscalation"]), "what": container_name(entry)} if {
	not windows
	some entry in request.subject.pod.containers
	object.get(entry.container, ["securityContext", "allowPrivilegeEscalation"], null) != false
}

maybe_root contains {"field": found.field, "what": found.what} if {
	not user_namespace
	some found in settings(["securityContext", "runAsNonRoot"])
	found.value != true
}

maybe_root contains {"field": array.concat(entry.field, ["securityContext", "runAsNonRoot"]), "what": container_name(entry)} if {
	not user_namespace
	object.get(spec, ["securityContext", "runAsNonRoot"], null) != true
	some entry in unset(["securityContext", "runAsNonRoot"])
}

root_users contains found if {
	not user_namespace
	some found in settings(["securityContext", "runAsUser"])
	found.value == 0
}

without_seccomp contains {"field": array.concat(entry.field, ["securityContext", "seccompProfile"]), "what": container_name(entry)} if {
	not windows
	object.get(spec, ["securityContext", "seccompProfile"], null) == null
	some entry in unset(["securityContext", "seccompProfile"])
}

keeping_capabilities contains {"field": array.concat(entry.field, ["securityContext", "capabilities"]), "what": container_name(entry)} if {
	not windows
	some entry in request.subject.pod.containers
	not "ALL" in object.get(entry.container, ["securityContext", "capabilities", "drop"], [])
}

keeping_capabilities contains {"field": found.field, "what": found.what} if {
	not windows
	some found in capabilities("add")
	found.what != "NET_BIND_SERVICE"
}
