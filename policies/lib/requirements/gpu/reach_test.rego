package lib.weighbridge.requirements.gpu_test

void := {"name": "NVIDIA_VISIBLE_DEVICES", "value": "void"}

beside := object.union(serve, {"name": "beside", "resources": {"limits": {"cpu": "1", "memory": "1Gi"}}})

open_node := {"pod_security": "privileged"}

privileged := set_(c("securityContext/privileged"), true)

reach_cases := {
	"GPU-004": {
		"void": {"patch": variable("NVIDIA_VISIBLE_DEVICES", "void"), "codes": set()},
		"none": {"patch": variable("NVIDIA_VISIBLE_DEVICES", "none"), "codes": set()},
		"all": {"patch": variable("NVIDIA_VISIBLE_DEVICES", "all"), "codes": {"GPU-004"}},
		"empty": {"patch": variable("NVIDIA_VISIBLE_DEVICES", ""), "codes": {"GPU-004"}},
		"from elsewhere": {"patch": elsewhere("NVIDIA_VISIBLE_DEVICES"), "codes": {"GPU-004"}},
		"of one tenant, too": {"patch": variable("NVIDIA_VISIBLE_DEVICES", "0"), "multi_tenant": false, "codes": {"GPU-004"}},
		"another vendor": {"patch": variable("AMD_VISIBLE_DEVICES", "0"), "codes": {"GPU-004"}},
		"to configure partitions": {"patch": variable("NVIDIA_MIG_CONFIG_DEVICES", "all"), "codes": {"GPU-004"}},
		"of swarms": {"patch": variable("DOCKER_RESOURCE_GPU", "0"), "codes": {"GPU-004"}},
		"chosen by the program": {"patch": variable("CUDA_VISIBLE_DEVICES", "0,1"), "codes": set()},
		"chosen by the program, all": {"patch": variable("CUDA_VISIBLE_DEVICES", "ALL"), "codes": {"GPU-004"}},
		"chosen by the program, by reference": {"patch": variable("HIP_VISIBLE_DEVICES", "$(X)"), "codes": {"GPU-004"}},
		"chosen by the program, from elsewhere": {"patch": elsewhere("ROCR_VISIBLE_DEVICES"), "codes": {"GPU-004"}},
		"capabilities from elsewhere": {"patch": elsewhere("NVIDIA_DRIVER_CAPABILITIES"), "codes": {"GPU-004"}},
		"capabilities": {"patch": variable("NVIDIA_DRIVER_CAPABILITIES", "utility"), "codes": set()},
		"all capabilities": {"patch": variable("NVIDIA_DRIVER_CAPABILITIES", "compute,all"), "codes": {"GPU-004"}},
		"variables of a map, no device": {"patch": set_(c("envFrom"), [{"configMapRef": {"name": "x"}}]), "codes": set()},
		"variables of a map": {"patch": with_mig(set_(c("envFrom"), [{"configMapRef": {"name": "x"}}])), "codes": {"GPU-004"}},
		"variables of a map under a class": {
			"patch": array.concat(runtime("gvisor"), set_(c("envFrom"), [{"secretRef": {"name": "x"}}])),
			"codes": {"GPU-004"},
		},
		"CDI": {"patch": annotation("cdi.k8s.io/gpu", "nvidia.com/gpu=0"), "codes": {"GPU-004"}},
		"a plug-in of the runtime": {"patch": annotation("devices.nri.io/container.serve", "x"), "codes": {"GPU-004"}},
		"CRI-O": {"patch": annotation("io.kubernetes.cri-o.Devices", "/dev/nvidia0"), "codes": {"GPU-004"}},
		"another annotation": {"patch": annotation("example.com/cdi", "x"), "codes": set()},
		"a device's file": {"patch": node("/dev/nvidia0"), "codes": {"GPU-004"}},
		"all files": {"patch": node("/dev/"), "codes": {"GPU-004"}},
		"a path by a detour": {"patch": node("/x/../dev"), "codes": {"GPU-004"}},
		"a path that is none": {"patch": volume({"name": "n", "hostPath": {"path": 1}}), "codes": {"GPU-004"}},
		"a path that only begins so": {"patch": node("/device"), "codes": set()},
		"the whole node, which POD refuses": {"patch": node("/"), "codes": set()},
		"the whole node, which nobody else refuses": {"patch": node("/"), "limits": open_node, "codes": {"GPU-004", "GPU-005"}},
		"another folder, which nobody else refuses": {"patch": node("/srv"), "limits": open_node, "codes": set()},
		"the container toolkit's mount point": {
			"patch": mounted({"name": "n", "emptyDir": {}}, [{"name": "n", "mountPath": "/run/./nvidia-container-devices/0"}]),
			"codes": {"GPU-004"},
		},
		"its mount point by a detour": {
			"patch": mounted({"name": "n", "emptyDir": {}}, [{"name": "n", "mountPath": "/x/../run/nvidia-container-devices"}]),
			"codes": {"GPU-004"},
		},
		"another container under the class": {
			"patch": array.concat(runtime("nvidia"), set_(s("initContainers"), [object.union(beside, {"env": [void]})])),
			"codes": {"GPU-004"},
		},
		"told something else": {
			"patch": array.concat(runtime("nvidia"), set_(c("env"), [{"name": "PORT", "value": "void"}])),
			"codes": {"GPU-004"},
		},
		"all containers told": {
			"patch": array.concat(runtime("nvidia"), set_(c("env"), [void])),
			"codes": set(),
		},
		"told, and told otherwise": {
			"patch": array.concat(runtime("nvidia"), set_(c("env"), [void, {"name": "NVIDIA_VISIBLE_DEVICES", "value": "all"}])),
			"codes": {"GPU-004"},
		},
		"nobody needs telling of one tenant": one_tenant(runtime("nvidia")),
		"nobody needs telling in a machine": {"patch": runtime("kata"), "codes": set()},
		"a claim of no accelerator needs telling": {
			"patch": array.flatten([
				runtime("nvidia"),
				claim({"name": "n", "resourceClaimTemplateName": "nic"}),
				set_(c("resources/claims"), [{"name": "n"}]),
			]),
			"codes": {"GPU-004"},
		},
	},
	"GPU-005": {
		"sockets of plug-ins": {"patch": node("/var/lib/kubelet/device-plugins/kubelet.sock"), "codes": {"GPU-005"}},
		"of one tenant, too": {"patch": node("/run/nvidia"), "multi_tenant": false, "codes": {"GPU-005"}},
		"what others claimed": {"patch": node("/var/lib/kubelet/pod-resources"), "codes": {"GPU-005"}},
		"a folder of the kubelet's": {"patch": node("/var/lib/kubelet"), "codes": set()},
		"a folder of the kubelet's, which nobody else refuses": {
			"patch": node("/var/lib//kubelet/"),
			"limits": open_node,
			"codes": {"GPU-005"},
		},
		"a client of MPS": {"patch": variable("CUDA_MPS_PIPE_DIRECTORY", "/x"), "codes": {"GPU-005"}},
		"a client of one's own MPS": one_tenant(variable("CUDA_MPS_PIPE_DIRECTORY", "/x")),
		"privileged, no device": {"patch": privileged, "codes": set()},
		"privileged": {"patch": with_mig(privileged), "codes": {"GPU-005"}},
		"privileged, of one tenant": one_tenant(with_mig(privileged)),
		"privileged, as text": {"patch": with_mig(set_(c("securityContext/privileged"), "true")), "codes": {"GPU-005"}},
		"not privileged": {"patch": with_mig(set_(c("securityContext/privileged"), false)), "codes": set()},
		"privileged, which nobody else refuses": {"patch": privileged, "limits": open_node, "codes": {"GPU-005"}},
		"a capability": {"patch": with_mig(set_(c("securityContext/capabilities/add"), ["SYS_ADMIN"])), "codes": {"GPU-005"}},
		"a harmless capability": {"patch": with_mig(set_(c("securityContext/capabilities/add"), ["CHOWN"])), "codes": set()},
		"another container": {
			"patch": with_mig(set_(s("initContainers"), [object.union(beside, {"securityContext": {"privileged": true}})])),
			"codes": {"GPU-005"},
		},
	},
	"GPU-006": {
		"nothing asked": {"patch": set_(s("hostIPC"), true), "codes": set()},
		"IPC": {"patch": with_mig(set_(s("hostIPC"), true)), "codes": {"GPU-006"}},
		"processes": {"patch": with_mig(set_(s("hostPID"), true)), "codes": {"GPU-006"}},
		"as text": {"patch": with_mig(set_(s("hostPID"), "false")), "codes": {"GPU-006"}},
		"of the pod": {"patch": with_mig(set_(s("shareProcessNamespace"), true)), "codes": {"GPU-006"}},
		"off": {"patch": with_mig(set_(s("shareProcessNamespace"), false)), "codes": set()},
		"the node's memory": {"patch": node("/dev/shm"), "codes": {"GPU-006"}},
		"an old name of it": {"patch": node("/run/shm/x"), "codes": {"GPU-006"}},
		"the pod's own memory": {"patch": with_mig(volume({"name": "m", "emptyDir": {"medium": "Memory"}})), "codes": set()},
		"of one tenant": one_tenant(with_mig(set_(s("hostIPC"), true))),
		"the node's memory, of one tenant": one_tenant(node("/dev/shm")),
	},
}
