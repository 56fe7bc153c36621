package lib.weighbridge.requirements.pod_test

import data.lib.weighbridge.requirements.mod_test as models

kernel_cases := {
	"POD-008": {
		"a usual one": {"patch": set_(csc("capabilities/add"), ["CHOWN"]), "limits": baseline, "codes": set()},
		"a strong one": {"patch": set_(csc("capabilities/add"), ["SYS_ADMIN"]), "limits": baseline, "codes": {"POD-008"}},
		"with its prefix": {"patch": set_(csc("capabilities/add"), ["CAP_CHOWN"]), "limits": baseline, "codes": {"POD-008"}},
		"in small letters": {"patch": set_(csc("capabilities/add"), ["chown"]), "limits": baseline, "codes": {"POD-008"}},
		"all": {"patch": set_(csc("capabilities/add"), ["ALL"]), "codes": {"POD-008", "POD-019"}},
		"a number": {"patch": set_(csc("capabilities/add"), [21]), "codes": {"POD-001", "POD-008", "POD-019"}},
		"none": {"patch": set_(csc("capabilities/add"), null), "codes": set()},
		"in an ephemeral container": {
			"patch": set_(s("ephemeralContainers"), [json.patch(serve, set_("/securityContext/capabilities/add", ["SYS_PTRACE"]))]),
			"limits": baseline,
			"codes": {"POD-008"},
		},
	},
	"POD-009": {
		"the default": {"patch": set_(sc("appArmorProfile"), {"type": "RuntimeDefault"}), "codes": set()},
		"a profile of the node": {"patch": set_(csc("appArmorProfile"), {"type": "Localhost", "localhostProfile": "p"}), "codes": set()},
		"off": {"patch": set_(sc("appArmorProfile"), {"type": "Unconfined"}), "codes": {"POD-009"}},
		"off in a container": {"patch": set_(csc("appArmorProfile"), {"type": "Unconfined"}), "codes": {"POD-009"}},
		"of no type": {"patch": set_(csc("appArmorProfile"), {}), "codes": {"POD-009"}},
		"as text": {"patch": set_(csc("appArmorProfile"), "Unconfined"), "codes": {"POD-001"}},
		"the annotation's default": {
			"patch": annotation("container.apparmor.security.beta.kubernetes.io/serve", "runtime/default"),
			"codes": set(),
		},
		"the annotation's profile": {
			"patch": annotation("container.apparmor.security.beta.kubernetes.io/serve", "localhost/p"),
			"codes": set(),
		},
		"by annotation": {
			"patch": annotation("container.apparmor.security.beta.kubernetes.io/serve", "unconfined"),
			"codes": {"POD-009"},
		},
		"by annotation, of no container": {
			"patch": annotation("container.apparmor.security.beta.kubernetes.io/other", "Localhost/p"),
			"codes": {"POD-009"},
		},
	},
	"POD-010": {
		"a type that confines": {"patch": set_(sc("seLinuxOptions"), {"type": "container_t", "level": "s0"}), "codes": set()},
		"another type": {"patch": set_(sc("seLinuxOptions"), {"type": "spc_t"}), "codes": {"POD-010"}},
		"a user": {"patch": set_(csc("seLinuxOptions"), {"user": "system_u"}), "codes": {"POD-010"}},
		"a role": {"patch": set_(csc("seLinuxOptions"), {"role": "sysadm_r"}), "codes": {"POD-010"}},
		"empty": {"patch": set_(csc("seLinuxOptions"), {"type": "", "user": "", "role": ""}), "codes": set()},
		"in capitals": {"patch": set_(csc("seLinuxOptions"), {"type": "CONTAINER_T"}), "codes": {"POD-010"}},
		"a list": {"patch": set_(csc("seLinuxOptions"), {"type": ["container_t"]}), "codes": {"POD-001", "POD-010"}},
	},
	"POD-011": {
		"the default": {"patch": set_(csc("procMount"), "Default"), "codes": set()},
		"unmasked": {"patch": set_(csc("procMount"), "Unmasked"), "limits": baseline, "codes": {"POD-011"}},
		"empty": {"patch": set_(csc("procMount"), ""), "codes": {"POD-011"}},
		"in small letters": {"patch": set_(csc("procMount"), "default"), "codes": {"POD-011"}},
		"in a user namespace": {
			"patch": array.concat(set_(csc("procMount"), "Unmasked"), set_(s("hostUsers"), false)),
			"limits": mapped_baseline,
			"codes": set(),
		},
		"in a user namespace, restricted": {
			"patch": array.concat(set_(csc("procMount"), "Unmasked"), set_(s("hostUsers"), false)),
			"limits": mapped,
			"codes": {"POD-011"},
		},
		"in a user namespace that nodes do not know": {
			"patch": array.concat(set_(csc("procMount"), "Unmasked"), set_(s("hostUsers"), false)),
			"limits": baseline,
			"codes": {"POD-011"},
		},
	},
	"POD-012": {
		"a profile of the node": {"patch": set_(sc("seccompProfile"), {"type": "Localhost", "localhostProfile": "p"}), "codes": set()},
		"off": {"patch": seccomp("Unconfined"), "codes": {"POD-012"}},
		"off in a container": {"patch": set_(csc("seccompProfile"), {"type": "Unconfined"}), "limits": baseline, "codes": {"POD-012"}},
		"of no type": {"patch": set_(csc("seccompProfile"), {}), "codes": {"POD-012"}},
		"in small letters": {"patch": seccomp("runtimedefault"), "codes": {"POD-012"}},
		"of another type": {"patch": seccomp(["RuntimeDefault"]), "codes": {"POD-001", "POD-012"}},
		"by annotation": {"patch": annotation("seccomp.security.alpha.kubernetes.io/pod", "unconfined"), "codes": {"POD-012"}},
		"by a container's annotation": {
			"patch": annotation("container.seccomp.security.alpha.kubernetes.io/serve", "Unconfined"),
			"codes": {"POD-012"},
		},
		"an annotation's default": {
			"patch": annotation("seccomp.security.alpha.kubernetes.io/pod", "docker/default"),
			"codes": set(),
		},
		"an annotation's profile": {"patch": annotation("seccomp.security.alpha.kubernetes.io/pod", "localhost/p"), "codes": set()},
	},
	"POD-013": {
		"a safe one": {"patch": set_(sc("sysctls"), [{"name": "net.ipv4.tcp_rmem", "value": "1"}]), "codes": set()},
		"one of the node": {"patch": set_(sc("sysctls"), [{"name": "kernel.msgmax", "value": "1"}]), "limits": baseline, "codes": {"POD-013"}},
		"behind a safe one": {
			"patch": set_(sc("sysctls"), [{"name": "net.ipv4.tcp_rmem", "value": "1"}, {"name": "kernel.sem", "value": "1"}]),
			"codes": {"POD-013"},
		},
		"with slashes": {"patch": set_(sc("sysctls"), [{"name": "net/ipv4/tcp_rmem", "value": "1"}]), "codes": {"POD-013"}},
		"a number": {"patch": set_(sc("sysctls"), [{"name": 1}]), "codes": {"POD-001", "POD-013"}},
	},
}

# As Kubernetes' documentation of the baseline has them, word for word.
test_every_usual_capability if {
	every capability in [
		"AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP", "SETGID",
		"SETPCAP", "SETUID", "SYS_CHROOT",
	] {
		judged(json.patch(models.pod, set_(csc("capabilities/add"), [capability])), baseline) == set()
	}
}

test_every_safe_sysctl if {
	every name in [
		"kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_local_reserved_ports",
		"net.ipv4.ip_unprivileged_port_start", "net.ipv4.ping_group_range", "net.ipv4.tcp_fin_timeout",
		"net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_rmem",
		"net.ipv4.tcp_syncookies", "net.ipv4.tcp_wmem",
	] {
		judged(json.patch(models.pod, set_(sc("sysctls"), [{"name": name, "value": "1"}])), baseline) == set()
	}
}
