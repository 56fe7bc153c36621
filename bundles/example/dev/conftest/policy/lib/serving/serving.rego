# METADATA
# scope: package
# title: Workloads that serve
# description: |
#   Which workloads count as serving a model, told once for all requirements: none has a view of its own of what may be left alone.
#   A point hands in its own lists, as objects.
package lib.weighbridge.serving

import data.lib.weighbridge.weights
import data.lib.weighbridge.workload

# METADATA
# title: The workload is judged
# description: A pod that can be read, and that neither its namespace nor its images excuse.
judged(subject, exempt_namespaces, support_images) if {
	subject.form == "pod"
	not exempt_namespaces[subject.object.namespace] == true
	not supporting(subject.pod, support_images)
}

supporting(pod, support_images) if {
	every entry in pod.containers {
		is_object(support_images[workload.image_digest(entry.container.image)])
	}
}

# METADATA
# title: The workload is one that would be judged anywhere
# description: |
#   For namespaces that are bound to no environment. It asks for an accelerator, bears a model label, is or comes from a serving
#   kind, or fetches weights. `manifest` is the object itself, `label_names` has `model_id` and `model_version`.
suspected(_, manifest, _) if accelerated(manifest)

suspected(subject, _, label_names) if {
	some name in label_names
	subject.pod.labels[name]
}

suspected(subject, _, label_names) if {
	some name in label_names
	some outer in subject.labels
	outer.labels[name]
}

suspected(_, manifest, _) if workload.group(manifest) in workload.serving_groups

suspected(_, manifest, _) if {
	some owner in manifest.metadata.ownerReferences
	workload.group(owner) in workload.serving_groups
}

suspected(subject, _, _) if {
	some name, _ in subject.pod.labels
	regex.match(operators_label, name)
}

suspected(subject, _, _) if count(subject.pod.sources) > 0

suspected(subject, _, _) if weights.fetched(subject.pod)

# Wherever in the object it stands: operators of all kinds hand resources on.
accelerated(manifest) if {
	some path, value
	walk(manifest, [path, value])
	count(path) > 1
	path[count(path) - 2] in {"limits", "requests"}
	regex.match(accelerator, path[count(path) - 1])
	not value in {0, "0", null}
}

accelerated(manifest) if {
	some path, value
	walk(manifest, [path, value])
	path[count(path) - 1] in {"resourceClaims", "draResources"}
	count(value) > 0
}

# Extended resources that stand for an accelerator, or for a part of one.
accelerator := concat("", [
	`(?i)^(([a-z0-9.-]+\.)?nvidia\.com/.+|amd\.com/(gpu|cpx|spx)[a-z0-9_.-]*|google\.com/tpu|cloud-tpus\.google\.com/.+|aws\.amazon\.com/neuron[a-z]*`,
	`|habana\.ai/.+|([a-z]+\.)?intel\.com/(gpu|i915|xe|gaudi|npu)[a-z0-9_.-]*|qualcomm\.com/qaic|xilinx\.com/.+|furiosa\.ai/.+|rebellions\.ai/.+`,
	`|(huawei|cambricon|hygon|mthreads|iluvatar|kunlunxin|metax-tech|enflame|baidu|tencent|aliyun|alibabacloud|volcano|4paradigm)\.(com|ai|sh)/.+`,
	`|[a-z0-9.-]+/(v?gpu|tpu|npu|dcu|mlu|gcu|neuron)[a-z0-9_.-]*)$`,
])

# Labels that the operators of serving kinds put on the pods that they make.
operators_label := concat("", [
	`^(serving\.(kserve|kubeflow)\.(io|org)/.*|ray\.io/.*|leaderworkerset\.sigs\.k8s\.io/.*|seldon-(app|deployment-id)`,
	`|llm-d\.ai/.*|kserve\.io/.*|ome\.io/.*|kaito\.sh/.*|(model|orchestration)\.aibrix\.ai/.*)$`,
])
