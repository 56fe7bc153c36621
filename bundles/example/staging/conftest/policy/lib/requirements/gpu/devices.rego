package lib.weighbridge.requirements.gpu

import data.lib.weighbridge.request

# METADATA
# title: No device but those that the scheduler hands out
# description: |
#   Variables such as NVIDIA_VISIBLE_DEVICES, CDI annotations, device files of the node and the container toolkit's mount point give
#   a container devices that it never asked for, and that another pod may hold. A runtime that hands devices out by what an image
#   says is told `NVIDIA_VISIBLE_DEVICES: void` in each container that asks for none.
# related_resources:
#   - ref: https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/docker-specialized.html
#     description: NVIDIA container toolkit, variables that choose devices
#   - ref: https://github.com/cncf-tags/container-device-interface
#     description: Container Device Interface
#   - ref: https://kubernetes.io/docs/concepts/extend-kubernetes/compute-storage-net/device-plugins/
#     description: Kubernetes, device plugins
#   - ref: https://attack.mitre.org/techniques/T1611/
#     description: MITRE ATT&CK T1611, escape to host
# custom:
#   code: GPU-004
#   severity: critical
#   fix: Ask for the device as a resource or claim, and remove what names devices otherwise; `void` and `none` hand out none.
deny contains violation if {
	request.serving
	some found in past_scheduler
	violation := {
		"code": "GPU-004",
		"severity": "critical",
		"message": sprintf("%s: %s reaches devices that the scheduler did not hand out. %s", [owner, short(found.what), found.fix]),
		"field": found.field,
	}
}

# METADATA
# title: The node's device machinery is out of reach
# description: |
#   Sockets of device plugins and of MPS, the kubelet's plugin folders and CDI's specifications decide who gets which device. A
#   privileged container sees every device of its node, whatever it asked for.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/extend-kubernetes/compute-storage-net/device-plugins/
#     description: Kubernetes, device plugins
#   - ref: https://docs.nvidia.com/deploy/mps/
#     description: NVIDIA Multi-Process Service, one server for its clients
#   - ref: https://attack.mitre.org/techniques/T1611/
#     description: MITRE ATT&CK T1611, escape to host
# custom:
#   code: GPU-005
#   severity: critical
#   fix: Remove the mount, the variable, `privileged` or the capability; device plugins are no serving workloads.
deny contains violation if {
	request.serving
	some found in machinery
	violation := {
		"code": "GPU-005",
		"severity": "critical",
		"message": sprintf("%s: %s reaches what hands out the node's devices. Remove it.", [owner, short(found.what)]),
		"field": found.field,
	}
}

past_scheduler contains {"field": found.field, "what": found.name, "fix": "Remove it, or set it to void."} if {
	some found in variables
	hands_out(found.name)
	not found.value in {"void", "none"}
}

past_scheduler contains {"field": found.field, "what": found.name, "fix": "Name what is needed, such as compute,utility."} if {
	some found in variables
	found.name == "NVIDIA_DRIVER_CAPABILITIES"
	not bounded(found.value)
}

# These only choose among the devices that the container has; `all` is no choice.
past_scheduler contains {"field": found.field, "what": found.name, "fix": "Remove it."} if {
	some found in variables
	endswith(found.name, "_VISIBLE_DEVICES")
	not hands_out(found.name)
	not bounded(found.value)
}

past_scheduler contains {"field": array.concat(entry.field, ["envFrom"]), "what": "envFrom", "fix": "Write the variables out."} if {
	named_or_asked
	some entry in request.subject.pod.containers
	not object.get(entry.container, "envFrom", null) in {null, []}
}

past_scheduler contains {"field": field, "what": key, "fix": "Ask for the device as a resource."} if {
	some key, _ in request.subject.pod.annotations
	regex.match(`(?i)^([a-z0-9.-]*\.)?cdi\.k8s\.io/|^([a-z0-9-]+\.)*nri\.io/|^io\.kubernetes\.cri-o\.Devices(/|$)|^devices\.crio\.io(/|$)`, key)
	field := array.concat(pod_field, ["metadata", "annotations", key])
}

past_scheduler contains {"field": entry.field, "what": found, "fix": "Ask for the device as a resource."} if {
	some entry in request.subject.pod.volumes
	some found in node_path(entry.volume)
	within(found, "/dev")
	not within(found, "/dev/shm")
}

past_scheduler contains {"field": entry.field, "what": found, "fix": "Ask for the device as a resource."} if {
	unguarded
	some entry in request.subject.pod.volumes
	some found in node_path(entry.volume)
	within("/dev", found)
}

past_scheduler contains {"field": field, "what": mount.mountPath, "fix": "Ask for the device as a resource."} if {
	some entry in request.subject.pod.containers
	some i, mount in entry.container.volumeMounts
	some folder in ["/run/nvidia-container-devices", "/var/run/nvidia-container-devices"]
	reaches(mount.mountPath, folder)
	field := array.concat(entry.field, ["volumeMounts", i, "mountPath"])
}

past_scheduler contains {"field": entry.field, "what": container, "fix": "Set NVIDIA_VISIBLE_DEVICES to void in it."} if {
	judged
	names_runtime
	boundary == "container"
	some entry in request.subject.pod.containers
	not asks(entry)
	not told_void(entry)
	container := sprintf("container `%v` under this runtime class", [object.get(entry.container, "name", "")])
}

machinery contains {"field": entry.field, "what": found} if {
	some entry in request.subject.pod.volumes
	some found in node_path(entry.volume)
	some folder in machinery_folders
	within(found, folder)
}

machinery contains {"field": entry.field, "what": found} if {
	unguarded
	some entry in request.subject.pod.volumes
	some found in node_path(entry.volume)
	some folder in machinery_folders
	within(folder, found)
}

# A server of MPS in one tenant's pod harms nobody else's.
machinery contains {"field": found.field, "what": found.name} if {
	judged
	some found in variables
	startswith(found.name, "CUDA_MPS_")
}

machinery contains {"field": array.concat(entry.field, ["securityContext"]), "what": "a privileged container"} if {
	devices_at_stake
	some entry in request.subject.pod.containers
	privileged(entry.container)
}

devices_at_stake if unguarded

devices_at_stake if {
	judged
	count(asked) > 0
}

privileged(container) if not object.get(container, ["securityContext", "privileged"], false) in {null, false}

privileged(container) if {
	some capability in container.securityContext.capabilities.add
	regex.match(`(?i)^(cap_)?(all|sys_admin|sys_rawio|mknod)$`, capability)
}

named_or_asked if count(asked) > 0

named_or_asked if names_runtime

names_runtime if not object.get(spec, "runtimeClassName", "") in {null, ""}

# Variables that runtimes read; the others of such names are read by the program, once it has its devices.
hands_out(name) if {
	endswith(name, "_VISIBLE_DEVICES")
	not name in {sprintf("%s_VISIBLE_DEVICES", [program]) | some program in ["ASCEND_RT", "CUDA", "GPU", "HIP", "ROCR", "TPU"]}
}

hands_out(name) if {
	regex.match(`^(NVIDIA_(MIG_(CONFIG|MONITOR)_DEVICES|IMEX_CHANNELS|GDS|GDRCOPY|MOFED|NVSWITCH)|ASCEND_RUNTIME_OPTIONS)$`, name)
}

hands_out(name) if startswith(name, "DOCKER_RESOURCE_")

bounded(value) if {
	is_string(value)
	not regex.match(`(?i)\ball\b|\$\(`, value)
}

# Whatever else it may be told is refused above.
told_void(entry) if {
	some variable in entry.container.env
	variable.name == "NVIDIA_VISIBLE_DEVICES"
}

machinery_folders := {
	"/etc/cdi",
	"/etc/nvidia-container-runtime",
	"/proc",
	"/run/cdi",
	"/run/habana",
	"/run/nvidia",
	"/run/nvidia-container-devices",
	"/run/nvidia-persistenced",
	"/sys",
	"/tmp/nvidia-mps",
	"/var/lib/kubelet/device-plugins",
	"/var/lib/kubelet/plugins",
	"/var/lib/kubelet/plugins_registry",
	"/var/lib/kubelet/pod-resources",
	"/var/run/cdi",
	"/var/run/nvidia",
}

# The path of the node that a volume is, written one way; what cannot be read is all of it.
node_path(volume) := {plain(volume.hostPath.path)} if {
	is_string(volume.hostPath.path)
	not ".." in split(volume.hostPath.path, "/")
} else := {"/dev"} if {
	object.get(volume, "hostPath", null) != null
} else := set()

plain(path) := concat("", ["/", concat("/", [part | some part in split(path, "/"); not part in {"", "."}])])

within(path, folder) if path == folder

within(path, folder) if startswith(path, concat("", [trim_right(folder, "/"), "/"]))

reaches(path, folder) if within(plain(path), folder)

reaches(path, _) if ".." in split(path, "/")
