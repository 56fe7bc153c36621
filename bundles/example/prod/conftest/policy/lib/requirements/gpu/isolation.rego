package lib.weighbridge.requirements.gpu

import data.lib.weighbridge.request

# METADATA
# title: No other tenant computes on the pod's devices
# description: |
#   Time slices, MPS and the shares of schedulers divide a device by agreement: memory, caches and faults are common. Each device
#   that the pod asks for is, by what the environment says of its name, of a grade that the environment accepts. A name that it
#   does not know may be anything, so it counts as shared; so does a claim that pods name directly, since all of them get that one device.
# related_resources:
#   - ref: https://docs.nvidia.com/datacenter/cloud-native/gpu-operator/latest/gpu-sharing.html
#     description: NVIDIA GPU Operator, time-slicing has no memory or fault isolation
#   - ref: https://docs.nvidia.com/datacenter/tesla/mig-user-guide/mig-device-names.html
#     description: NVIDIA MIG, GPU instances and the compute instances that share one
#   - ref: https://atlas.mitre.org/techniques/AML.T0057
#     description: MITRE ATLAS AML.T0057, LLM data leakage
# custom:
#   code: GPU-002
#   severity: critical
#   fix: Ask for a resource or claim template that the environment grades as `partition` or `exclusive`, or have it described there.
deny contains violation if {
	judged
	some found in asked
	not device_suffices(found.device)
	violation := {
		"code": "GPU-002",
		"severity": "critical",
		"message": sprintf("%s: `%s` is %s here, needed is %s. Ask for a device that the environment grades so.", [
			owner,
			short(found.what),
			found.device,
			short(needed),
		]),
		"field": found.field,
	}
}

# METADATA
# title: The pod stands behind the boundary that its devices need
# description: |
#   A container shares the node's kernel and its driver; gVisor keeps system calls away from the kernel, but hands the driver's on
#   and has no IOMMU; a virtual machine with the device passed through has its own kernel and driver. Which runtime class is which
#   only the environment says, so a class that it does not name is refused, and so are annotations that change what a sandbox is.
# related_resources:
#   - ref: https://gvisor.dev/docs/user_guide/gpu/
#     description: gVisor, GPU support
#   - ref: https://docs.nvidia.com/datacenter/cloud-native/gpu-operator/latest/gpu-operator-kata.html
#     description: NVIDIA GPU Operator with Kata Containers
#   - ref: https://kubernetes.io/docs/concepts/containers/runtime-class/
#     description: Kubernetes, runtime classes
#   - ref: https://attack.mitre.org/techniques/T1611/
#     description: MITRE ATT&CK T1611, escape to host
# custom:
#   code: GPU-003
#   severity: high
#   fix: Set `runtimeClassName` to a class that the environment's `runtime_classes` grades highly enough.
deny contains violation if {
	judged
	some found in asked
	device_suffices(found.device)
	described
	not suffices(found.device)
	violation := {
		"code": "GPU-003",
		"severity": "high",
		"message": sprintf("%s: `%s` behind a %s is not enough, needed is %s. Set runtimeClassName.", [
			owner,
			short(found.what),
			boundary,
			short(needed),
		]),
		"field": runtime_field,
	}
}

deny contains violation if {
	judged
	not described
	violation := {
		"code": "GPU-003",
		"severity": "high",
		"message": sprintf("%s: nobody described runtime class `%s`; it may hand out any device. Use one of the environment's.", [
			owner,
			short(spec.runtimeClassName),
		]),
		"field": runtime_field,
	}
}

deny contains violation if {
	judged
	some key, _ in request.subject.pod.annotations
	changes_sandbox(key)
	violation := {
		"code": "GPU-003",
		"severity": "high",
		"message": sprintf("%s: annotation `%s` changes the sandbox that the environment described. Remove it.", [owner, short(key)]),
		"field": array.concat(pod_field, ["metadata", "annotations", key]),
	}
}

# The least first; a grade or boundary of another name is none.
device_rank := {"partition": 1, "exclusive": 2}

boundary_rank := {"container": 1, "sandbox": 2, "vm": 3, "confidential": 4}

device_suffices(device) if {
	some accepted in settings.isolation
	device_rank[device] >= device_rank[accepted.device]
}

suffices(device) if {
	some accepted in settings.isolation
	device_rank[device] >= device_rank[accepted.device]
	boundary_rank[boundary] >= boundary_rank[accepted.boundary]
}

described if boundary_rank[boundary]

boundary := "container" if {
	object.get(spec, "runtimeClassName", "") in {null, ""}
} else := settings.runtime_classes[spec.runtimeClassName]

runtime_field := array.concat(spec_field, ["runtimeClassName"])

default needed := "what nobody described"

needed := concat(" or ", [sprintf("%s/%s", [accepted.device, accepted.boundary]) | some accepted in settings.isolation]) if {
	count(settings.isolation) > 0
}

# Of what Kata and gVisor take from annotations, only size and patience leave the boundary as it is.
changes_sandbox(key) if {
	regex.match(`(?i)^(io\.katacontainers\.|dev\.gvisor\.)`, key)
	not regex.match(`\.(default_memory|default_vcpus|create_container_timeout)$`, key)
}
