package lib.weighbridge.requirements.pod_test

restricted_cases := {
	"POD-014": {
		"a claim": {"patch": set_(s("volumes"), [{"name": "w", "persistentVolumeClaim": {"claimName": "w"}}]), "codes": set()},
		"of no type": {"patch": set_(s("volumes"), [{"name": "w"}]), "codes": set()},
		"a share": {"patch": set_(s("volumes"), [{"name": "w", "nfs": {"server": "s", "path": "/"}}]), "codes": {"POD-014"}},
		"a share at the baseline": {"patch": set_(s("volumes"), [{"name": "w", "nfs": {}}]), "limits": baseline, "codes": set()},
		"behind an allowed type": {"patch": set_(s("volumes"), [{"name": "w", "emptyDir": {}, "iscsi": {}}]), "codes": {"POD-014"}},
		"a type that nobody knows": {"patch": set_(s("volumes"), [{"name": "w", "EmptyDir": {}}]), "codes": {"POD-014"}},
	},
	"POD-015": {
		"gone": {"patch": gone(csc("allowPrivilegeEscalation")), "codes": {"POD-015"}},
		"at the baseline": {"patch": gone(csc("allowPrivilegeEscalation")), "limits": baseline, "codes": set()},
		"true": {"patch": set_(csc("allowPrivilegeEscalation"), true), "codes": {"POD-015"}},
		"null": {"patch": set_(csc("allowPrivilegeEscalation"), null), "codes": {"POD-015"}},
		"text": {"patch": set_(csc("allowPrivilegeEscalation"), "false"), "codes": {"POD-001", "POD-015"}},
		"set for the pod, where it is none of its fields": {
			"patch": array.concat(gone(csc("allowPrivilegeEscalation")), set_(sc("allowPrivilegeEscalation"), false)),
			"codes": {"POD-015"},
		},
		"on Windows": {"patch": array.concat(windows, gone(csc("allowPrivilegeEscalation"))), "codes": set()},
		"on Windows in capitals": {
			"patch": array.concat(set_(s("os"), {"name": "Windows"}), gone(csc("allowPrivilegeEscalation"))),
			"codes": {"POD-015"},
		},
		"in an init container": {"patch": set_(s("initContainers"), [bare]), "codes": everything_of_a_container},
		"in an ephemeral container": {"patch": set_(s("ephemeralContainers"), [bare]), "codes": everything_of_a_container - {"POD-021"}},
		"in a second container of the same name": {
			"patch": set_(s("containers/-"), object.union(bare, {"name": "serve"})),
			"codes": everything_of_a_container,
		},
	},
	"POD-016": {
		"set by each container": {
			"patch": array.concat(gone(sc("runAsNonRoot")), set_(csc("runAsNonRoot"), true)),
			"codes": set(),
		},
		"set by nobody": {"patch": gone(sc("runAsNonRoot")), "codes": {"POD-016"}},
		"at the baseline": {"patch": gone(sc("runAsNonRoot")), "limits": baseline, "codes": set()},
		"unset by a container": {"patch": set_(csc("runAsNonRoot"), false), "codes": {"POD-016"}},
		"null in the pod": {"patch": set_(sc("runAsNonRoot"), null), "codes": {"POD-016"}},
		"false in the pod": {
			"patch": array.concat(set_(sc("runAsNonRoot"), false), set_(csc("runAsNonRoot"), true)),
			"codes": {"POD-016"},
		},
		"text": {"patch": set_(sc("runAsNonRoot"), "true"), "codes": {"POD-001", "POD-016"}},
		"by a number of a user": {
			"patch": array.concat(gone(sc("runAsNonRoot")), set_(sc("runAsUser"), 65532)),
			"codes": {"POD-016"},
		},
		"in a user namespace": {
			"patch": array.concat(gone(sc("runAsNonRoot")), set_(s("hostUsers"), false)),
			"limits": mapped,
			"codes": set(),
		},
		"in a user namespace that nodes do not know": {
			"patch": array.concat(gone(sc("runAsNonRoot")), set_(s("hostUsers"), false)),
			"codes": {"POD-016"},
		},
		"in a user namespace as text": {
			"patch": array.concat(gone(sc("runAsNonRoot")), set_(s("hostUsers"), "false")),
			"limits": mapped,
			"codes": {"POD-001", "POD-016"},
		},
		"on Windows": {"patch": array.concat(windows, gone(sc("runAsNonRoot"))), "codes": {"POD-016"}},
	},
	"POD-017": {
		"another": {"patch": set_(sc("runAsUser"), 65532), "codes": set()},
		"null": {"patch": set_(sc("runAsUser"), null), "codes": set()},
		"zero": {"patch": set_(sc("runAsUser"), 0), "codes": {"POD-017"}},
		"zero in a container": {"patch": set_(csc("runAsUser"), 0), "codes": {"POD-017"}},
		"zero at the baseline": {"patch": set_(csc("runAsUser"), 0), "limits": baseline, "codes": set()},
		"zero with a fraction": {"patch": set_(csc("runAsUser"), 0.0), "codes": {"POD-017"}},
		"zero as text": {"patch": set_(csc("runAsUser"), "0"), "codes": {"POD-001"}},
		"zero in a user namespace": {
			"patch": array.concat(set_(csc("runAsUser"), 0), set_(s("hostUsers"), false)),
			"limits": mapped,
			"codes": set(),
		},
		"zero in an init container": {
			"patch": set_(s("initContainers"), [json.patch(serve, set_("/securityContext/runAsUser", 0))]),
			"codes": {"POD-017"},
		},
	},
	"POD-018": {
		"set by each container": {
			"patch": seccomp_by_each_container,
			"codes": set(),
		},
		"set by nobody": {"patch": gone(sc("seccompProfile")), "codes": {"POD-018"}},
		"at the baseline": {"patch": gone(sc("seccompProfile")), "limits": baseline, "codes": set()},
		"null": {"patch": set_(sc("seccompProfile"), null), "codes": {"POD-018"}},
		"by annotation alone": {
			"patch": array.concat(gone(sc("seccompProfile")), annotation("seccomp.security.alpha.kubernetes.io/pod", "runtime/default")),
			"codes": {"POD-018"},
		},
		"on Windows": {"patch": array.concat(windows, gone(sc("seccompProfile"))), "codes": set()},
		"not by an ephemeral container": {
			"patch": array.concat(
				seccomp_by_each_container,
				set_(s("ephemeralContainers"), [serve]),
			),
			"codes": {"POD-018"},
		},
	},
	"POD-019": {
		"one may be added": {"patch": set_(csc("capabilities/add"), ["NET_BIND_SERVICE"]), "codes": set()},
		"another may not": {"patch": set_(csc("capabilities/add"), ["CHOWN"]), "codes": {"POD-019"}},
		"none dropped": {"patch": set_(csc("capabilities/drop"), []), "codes": {"POD-019"}},
		"at the baseline": {"patch": set_(csc("capabilities/drop"), []), "limits": baseline, "codes": set()},
		"in small letters": {"patch": set_(csc("capabilities/drop"), ["all"]), "codes": {"POD-019"}},
		"with its prefix": {"patch": set_(csc("capabilities/drop"), ["CAP_ALL"]), "codes": {"POD-019"}},
		"as text": {"patch": set_(csc("capabilities/drop"), "ALL"), "codes": {"POD-001", "POD-019"}},
		"null": {"patch": set_(csc("capabilities/drop"), null), "codes": {"POD-019"}},
		"on Windows": {"patch": array.concat(windows, set_(csc("capabilities"), {"add": ["CHOWN"]})), "codes": set()},
	},
}

seccomp_by_each_container := array.concat(gone(sc("seccompProfile")), set_(csc("seccompProfile"), {"type": "RuntimeDefault"}))
