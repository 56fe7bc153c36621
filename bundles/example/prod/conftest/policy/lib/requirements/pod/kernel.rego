package lib.weighbridge.requirements.pod

import data.lib.weighbridge.request

# METADATA
# title: No capabilities beyond the usual
# description: |
#   Capabilities beyond those that a container runtime gives by default are ways out of the container.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#     description: Pod Security Standards
# custom:
#   code: POD-008
#   severity: high
#   fix: Add none; the restricted level allows NET_BIND_SERVICE alone (POD-019).
deny contains violation if {
	baseline
	some found in added_capabilities
	violation := {
		"code": "POD-008",
		"severity": "high",
		"message": sprintf("%s: adds capability `%s`. Remove it.", [owner, short(found.what)]),
		"field": found.field,
	}
}

# METADATA
# title: AppArmor stays on
# description: |
#   `Unconfined` takes the profile away that the runtime applies by default.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#     description: Pod Security Standards
# custom:
#   code: POD-009
#   severity: medium
#   fix: Remove the profile, or set `RuntimeDefault` or `Localhost`.
deny contains violation if {
	baseline
	some found in apparmor
	violation := {
		"code": "POD-009",
		"severity": "medium",
		"message": sprintf("%s: %s is neither RuntimeDefault nor Localhost. Remove it.", [owner, short(found.what)]),
		"field": found.field,
	}
}

# METADATA
# title: SELinux confines containers
# description: |
#   A type of one's own choosing, or a user or role, can leave what confines containers.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#     description: Pod Security Standards
# custom:
#   code: POD-010
#   severity: medium
#   fix: Remove `user` and `role`; `type` is container_t, container_init_t, container_kvm_t or container_engine_t.
deny contains violation if {
	baseline
	some found in selinux
	violation := {
		"code": "POD-010",
		"severity": "medium",
		"message": sprintf("%s: %s is not one that confines containers. Remove it.", [owner, short(found.what)]),
		"field": found.field,
	}
}

# METADATA
# title: /proc is masked
# description: |
#   An unmasked /proc shows and changes the kernel's settings. In a user namespace the baseline allows it.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#     description: Pod Security Standards
# custom:
#   code: POD-011
#   severity: high
#   fix: Remove `procMount`, or set `Default`.
deny contains violation if {
	baseline
	some found in proc_mounts
	violation := {
		"code": "POD-011",
		"severity": "high",
		"message": sprintf("%s: %s takes the masks off /proc. Remove it.", [owner, short(found.what)]),
		"field": found.field,
	}
}

# METADATA
# title: Seccomp is not off
# description: |
#   `Unconfined` lets a container make every system call.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#     description: Pod Security Standards
# custom:
#   code: POD-012
#   severity: high
#   fix: Set `seccompProfile.type` to RuntimeDefault or Localhost.
deny contains violation if {
	baseline
	some found in seccomp
	violation := {
		"code": "POD-012",
		"severity": "high",
		"message": sprintf("%s: %s is neither RuntimeDefault nor Localhost. Set RuntimeDefault.", [owner, short(found.what)]),
		"field": found.field,
	}
}

# METADATA
# title: Only safe kernel settings
# description: |
#   A sysctl that is not namespaced changes the node for everybody.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#     description: Pod Security Standards
# custom:
#   code: POD-013
#   severity: high
#   fix: Remove the sysctl, or set it on the node.
deny contains violation if {
	baseline
	some found in sysctls
	violation := {
		"code": "POD-013",
		"severity": "high",
		"message": sprintf("%s: sysctl `%s` is not among the safe ones. Remove it.", [owner, short(found.what)]),
		"field": found.field,
	}
}

usual_capabilities := {
	"AUDIT_WRITE",
	"CHOWN",
	"DAC_OVERRIDE",
	"FOWNER",
	"FSETID",
	"KILL",
	"MKNOD",
	"NET_BIND_SERVICE",
	"SETFCAP",
	"SETGID",
	"SETPCAP",
	"SETUID",
	"SYS_CHROOT",
}

added_capabilities contains found if {
	some found in capabilities("add")
	not found.what in usual_capabilities
}

capabilities(list) := [{"field": array.concat(entry.field, ["securityContext", "capabilities", list, i]), "what": capability} |
	some entry in request.subject.pod.containers
	some i, capability in object.get(entry.container, ["securityContext", "capabilities", list], [])
]

apparmor contains found if {
	some found in settings(["securityContext", "appArmorProfile"])
	not object.get(found.value, "type", null) in {"RuntimeDefault", "Localhost"}
}

# The annotation came before the field, and old nodes still read it.
apparmor contains {"field": array.concat(request.subject.pod.path, ["metadata", "annotations", name]), "what": name} if {
	some name, profile in request.subject.pod.annotations
	startswith(name, "container.apparmor.security.beta.kubernetes.io/")
	not profile in {"", "runtime/default"}
	not startswith(profile, "localhost/")
}

selinux contains found if {
	some found in settings(["securityContext", "seLinuxOptions", "type"])
	not found.value in {"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}
}

selinux contains found if {
	some name in ["user", "role"]
	some found in settings(["securityContext", "seLinuxOptions", name])
	found.value != ""
}

proc_mounts contains found if {
	some found in container_settings(["securityContext", "procMount"])
	found.value != "Default"
	not user_namespace
}

proc_mounts contains found if {
	restricted
	some found in container_settings(["securityContext", "procMount"])
	found.value != "Default"
}

seccomp contains found if {
	some found in settings(["securityContext", "seccompProfile"])
	not object.get(found.value, "type", null) in {"RuntimeDefault", "Localhost"}
}

# What came before the field; kubelets no longer read it, and whoever writes it means to be unconfined.
seccomp contains {"field": array.concat(request.subject.pod.path, ["metadata", "annotations", name]), "what": name} if {
	some name, profile in request.subject.pod.annotations
	seccomp_annotation(name)
	not profile in {"runtime/default", "docker/default"}
	not startswith(profile, "localhost/")
}

seccomp_annotation("seccomp.security.alpha.kubernetes.io/pod")

seccomp_annotation(name) if startswith(name, "container.seccomp.security.alpha.kubernetes.io/")

safe_sysctls := {
	"kernel.shm_rmid_forced",
	"net.ipv4.ip_local_port_range",
	"net.ipv4.ip_local_reserved_ports",
	"net.ipv4.ip_unprivileged_port_start",
	"net.ipv4.ping_group_range",
	"net.ipv4.tcp_fin_timeout",
	"net.ipv4.tcp_keepalive_intvl",
	"net.ipv4.tcp_keepalive_probes",
	"net.ipv4.tcp_keepalive_time",
	"net.ipv4.tcp_rmem",
	"net.ipv4.tcp_syncookies",
	"net.ipv4.tcp_wmem",
}

sysctls contains {"field": array.concat(spec_field, ["securityContext", "sysctls", i, "name"]), "what": sysctl.name} if {
	some i, sysctl in object.get(spec, ["securityContext", "sysctls"], [])
	not sysctl.name in safe_sysctls
}
