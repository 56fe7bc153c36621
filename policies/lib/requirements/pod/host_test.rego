package lib.weighbridge.requirements.pod_test

host_cases := {
	"POD-002": {
		"not a host process": {"patch": set_(sc("windowsOptions"), {"hostProcess": false}), "codes": set()},
		"of null": {"patch": set_(sc("windowsOptions"), {"hostProcess": null}), "codes": set()},
		"a host process": {"patch": set_(sc("windowsOptions"), {"hostProcess": true}), "codes": {"POD-002"}},
		"of a container": {"patch": set_(csc("windowsOptions"), {"hostProcess": true}), "codes": {"POD-002"}},
		"of another type": {"patch": set_(csc("windowsOptions"), {"hostProcess": "no"}), "codes": {"POD-001", "POD-002"}},
		"on Windows": {"patch": array.concat(windows, set_(csc("windowsOptions"), {"hostProcess": true})), "codes": {"POD-002"}},
	},
	"POD-003": {
		"off": {"patch": array.concat(set_(s("hostNetwork"), false), set_(s("hostPID"), null)), "codes": set()},
		"the network": {"patch": set_(s("hostNetwork"), true), "codes": {"POD-003"}},
		"processes": {"patch": set_(s("hostPID"), true), "codes": {"POD-003"}},
		"IPC": {"patch": set_(s("hostIPC"), true), "limits": baseline, "codes": {"POD-003"}},
		"as text": {"patch": set_(s("hostIPC"), "false"), "codes": {"POD-001", "POD-003"}},
	},
	"POD-004": {
		"off": {"patch": set_(csc("privileged"), false), "codes": set()},
		"privileged": {"patch": set_(csc("privileged"), true), "codes": {"POD-004"}},
		"in an init container": {
			"patch": set_(s("initContainers"), [json.patch(serve, set_("/securityContext/privileged", true))]),
			"codes": {"POD-004"},
		},
		"in an ephemeral container": {
			"patch": set_(s("ephemeralContainers"), [json.patch(serve, set_("/securityContext/privileged", true))]),
			"codes": {"POD-004"},
		},
		"in a second container of the same name": {
			"patch": set_(s("containers/-"), json.patch(serve, set_("/securityContext/privileged", true))),
			"codes": {"POD-004"},
		},
		"as text": {"patch": set_(csc("privileged"), "true"), "codes": {"POD-001", "POD-004"}},
		"in a user namespace": {
			"patch": array.concat(set_(csc("privileged"), true), set_(s("hostUsers"), false)),
			"limits": mapped,
			"codes": {"POD-004"},
		},
	},
	"POD-005": {
		"of null": {"patch": set_(s("volumes"), [{"name": "w", "hostPath": null}]), "codes": set()},
		"a path": {"patch": set_(s("volumes"), [{"name": "w", "hostPath": {"path": "/"}}]), "limits": baseline, "codes": {"POD-005"}},
		"a path of another type": {"patch": set_(s("volumes"), [{"name": "w", "hostPath": "/"}]), "codes": {"POD-005", "POD-014"}},
		"behind an empty directory": {
			"patch": set_(s("volumes"), [{"name": "w", "emptyDir": {}, "hostPath": {"path": "/"}}]),
			"codes": {"POD-005", "POD-014"},
		},
	},
	"POD-006": {
		"a port of the container": {"patch": set_(c("ports"), [{"containerPort": 8000}]), "codes": set()},
		"zero is none": {"patch": set_(c("ports"), [{"containerPort": 8000, "hostPort": 0}]), "codes": set()},
		"a port of the host": {"patch": set_(c("ports"), [{"containerPort": 8000, "hostPort": 80}]), "codes": {"POD-006"}},
		"the second port": {"patch": set_(c("ports"), [{"containerPort": 1}, {"containerPort": 2, "hostPort": 80}]), "codes": {"POD-006"}},
		"of an init container": {
			"patch": set_(s("initContainers"), [object.union(serve, {"ports": [{"hostPort": 80}]})]),
			"codes": {"POD-006"},
		},
		"false": {"patch": set_(c("ports"), [{"hostPort": false}]), "codes": {"POD-001", "POD-006"}},
	},
	"POD-007": {
		"no host": {"patch": set_(c("livenessProbe"), {"httpGet": {"port": 80, "path": "/"}}), "codes": set()},
		"an empty host": {"patch": set_(c("livenessProbe"), {"httpGet": {"host": ""}}), "codes": set()},
		"a host": {"patch": set_(c("readinessProbe"), {"httpGet": {"host": "169.254.169.254"}}), "codes": {"POD-007"}},
		"of a socket": {"patch": set_(c("startupProbe"), {"tcpSocket": {"host": "db"}}), "codes": {"POD-007"}},
		"of a hook": {"patch": set_(c("lifecycle"), {"preStop": {"httpGet": {"host": "db"}}}), "codes": {"POD-007"}},
		"of the other hook": {"patch": set_(c("lifecycle"), {"postStart": {"tcpSocket": {"host": "db"}}}), "codes": {"POD-007"}},
		"itself is another host, too": {"patch": set_(c("livenessProbe"), {"httpGet": {"host": "localhost"}}), "codes": {"POD-007"}},
		"a host of another type": {"patch": set_(c("livenessProbe"), {"httpGet": {"host": ["db"]}}), "codes": {"POD-007"}},
	},
}
