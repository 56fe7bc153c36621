package lib.weighbridge.requirements.gpu

import data.lib.weighbridge.request

# METADATA
# title: What feeds a device is not shared either
# description: |
#   Batches, weights and the handles of CUDA's inter-process memory lie in shared memory and in the processes themselves. The node's
#   IPC and process namespaces and its /dev/shm hold those of every pod; one process namespace for all containers lets each read the
#   memory of the one that has the device. An emptyDir with `medium: Memory` is the pod's own.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#     description: Pod Security Standards
#   - ref: https://docs.nvidia.com/cuda/cuda-c-programming-guide/
#     description: CUDA, interprocess communication
# custom:
#   code: GPU-006
#   severity: high
#   fix: 'Mount `emptyDir: {medium: Memory}` at /dev/shm; remove `hostIPC`, `hostPID` and `shareProcessNamespace`.'
deny contains violation if {
	judged
	some found in shared_memory
	violation := {
		"code": "GPU-006",
		"severity": "high",
		"message": sprintf("%s: %s shares what feeds the pod's devices. Remove it; /dev/shm may be an emptyDir in memory.", [owner, short(found.what)]),
		"field": found.field,
	}
}

shared_memory contains {"field": array.concat(spec_field, [name]), "what": name} if {
	count(asked) > 0
	some name in ["hostIPC", "hostPID", "shareProcessNamespace"]
	not object.get(spec, name, null) in {null, false}
}

shared_memory contains {"field": entry.field, "what": found} if {
	some entry in request.subject.pod.volumes
	some found in node_path(entry.volume)
	some folder in ["/dev/shm", "/run/shm"]
	within(found, folder)
}
