package lib.weighbridge.requirements.pod_test

readable_cases := {
	"POD-001": {
		"a security context of null": {"patch": set_(c("securityContext"), null), "codes": {"POD-015", "POD-019", "POD-022"}},
		"a security context as text": {"patch": set_(c("securityContext"), "none"), "codes": {"POD-001", "POD-015", "POD-019", "POD-022"}},
		"a security context as a list": {
			"patch": set_(c("securityContext"), [serve.securityContext]),
			"codes": {"POD-001", "POD-015", "POD-019", "POD-022"},
		},
		"the pod's as text": {"patch": set_(s("securityContext"), "none"), "codes": {"POD-001", "POD-016", "POD-018"}},
		"a number as a flag": {"patch": set_(s("hostNetwork"), 0), "codes": {"POD-001", "POD-003"}},
		"an operating system as text": {"patch": set_(s("os"), "windows"), "codes": {"POD-001"}},
		"ports as text": {"patch": set_(c("ports"), "8000"), "codes": {"POD-001"}},
		"a port as text": {"patch": set_(c("ports"), ["8000"]), "codes": {"POD-001"}},
		"a host port as text": {"patch": set_(c("ports"), [{"hostPort": "80"}]), "codes": {"POD-001", "POD-006"}},
		"a probe as text": {"patch": set_(c("livenessProbe"), "http"), "codes": {"POD-001"}},
		"a hook as a list": {"patch": set_(c("lifecycle"), {"postStart": []}), "codes": {"POD-001"}},
		"capabilities as a list": {"patch": set_(csc("capabilities"), ["ALL"]), "codes": {"POD-001", "POD-019"}},
		"dropped as a map": {"patch": set_(csc("capabilities/drop"), {"all": "ALL"}), "codes": {"POD-001"}},
		"a dropped number": {"patch": set_(csc("capabilities/drop"), ["ALL", 7]), "codes": {"POD-001"}},
		"sysctls as a map": {"patch": set_(sc("sysctls"), {"a": {"name": "kernel.shm_rmid_forced"}}), "codes": {"POD-001"}},
		"a sysctl as text": {"patch": set_(sc("sysctls"), ["kernel.msgmax=1"]), "codes": {"POD-001"}},
		"a sysctl of no name": {"patch": set_(sc("sysctls"), [{"value": "1"}]), "codes": {"POD-001"}},
		"sysctls of null": {"patch": set_(sc("sysctls"), null), "codes": set()},
		"resources as text": {"patch": set_(c("resources"), "all"), "codes": {"POD-001", "POD-021"}},
		"a name as a number": {
			"patch": array.concat(set_(c("name"), 7), gone(c("securityContext"))),
			"codes": {"POD-001", "POD-015", "POD-019", "POD-022"},
		},
		"at the baseline": {"patch": set_(csc("runAsUser"), "0"), "limits": baseline, "codes": {"POD-001"}},
		"at none": {"patch": set_(csc("runAsUser"), "0"), "limits": {"pod_security": "privileged", "user_namespaces": false}, "codes": set()},
	},
}
