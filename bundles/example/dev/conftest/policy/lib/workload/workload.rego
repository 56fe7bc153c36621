# METADATA
# scope: package
# title: Kubernetes objects, normalised
# description: |
#   From a manifest as Kubernetes takes it to the pod that it makes. Enforcement points hand their object in; what comes out is the
#   `subject` that the requirements see.
package lib.weighbridge.workload

# METADATA
# title: Where the built-in kinds keep their pod template
# description: Keyed by API group and kind, because other groups have a `Job` or a `Deployment`, too, with another shape.
templates := {
	"/Pod": [],
	"/PodTemplate": ["template"],
	"/ReplicationController": ["spec", "template"],
	"apps/DaemonSet": ["spec", "template"],
	"apps/Deployment": ["spec", "template"],
	"apps/ReplicaSet": ["spec", "template"],
	"apps/StatefulSet": ["spec", "template"],
	"batch/CronJob": ["spec", "jobTemplate", "spec", "template"],
	"batch/Job": ["spec", "template"],
}

# METADATA
# title: API groups whose kinds become serving pods
# description: Some of their kinds hold no list of containers, so that nothing in them looks like a pod.
serving_groups := {
	"aibrix.ai",
	"apps.nvidia.com",
	"inference.llmaz.io",
	"inference.networking.k8s.io",
	"inference.sagemaker.aws.amazon.com",
	"kaito.sh",
	"kubeai.org",
	"leaderworkerset.x-k8s.io",
	"llm-d.ai",
	"llmaz.io",
	"machinelearning.seldon.io",
	"ollama.ayaka.io",
	"ome.io",
	"orchestration.aibrix.ai",
	"production-stack.vllm.ai",
	"ray.io",
	"serving.knative.dev",
	"serving.kserve.io",
	"serving.yatai.ai",
}

# METADATA
# title: Kubernetes' own API groups
# description: Whichever of their kinds make pods are described above; an `image` in another of them starts nothing.
kubernetes_groups := {
	"",
	"admissionregistration.k8s.io",
	"apiextensions.k8s.io",
	"apiregistration.k8s.io",
	"apps",
	"authentication.k8s.io",
	"authorization.k8s.io",
	"autoscaling",
	"batch",
	"certificates.k8s.io",
	"coordination.k8s.io",
	"discovery.k8s.io",
	"events.k8s.io",
	"flowcontrol.apiserver.k8s.io",
	"networking.k8s.io",
	"node.k8s.io",
	"policy",
	"rbac.authorization.k8s.io",
	"resource.k8s.io",
	"scheduling.k8s.io",
	"storage.k8s.io",
}

container_lists := ["initContainers", "containers", "ephemeralContainers"]

# METADATA
# title: The subject
# description: The object as requirements see it; `form` is `pod`, `undescribed`, `other` or `unreadable`.
subject(object_) := {
	"kind": "workload",
	"object": identity(object_),
	"form": form(object_),
	"labels": outer_labels(object_),
	"pod": pod(object_),
}

# METADATA
# title: What a report calls the object
# description: Kind, name and namespace; empty where the object does not say.
identity(object_) := {
	"kind": text(object_, ["kind"]),
	"name": name(object_),
	"namespace": text(object_, ["metadata", "namespace"]),
}

default name(_) := ""

name(object_) := object_.metadata.name if {
	is_string(object_.metadata.name)
} else := object_.metadata.generateName if {
	is_string(object_.metadata.generateName)
}

default text(_, _) := ""

text(object_, path) := value if {
	value := object.get(object_, path, "")
	is_string(value)
}

default form(_) := "unreadable"

form(object_) := "pod" if {
	readable_pod(object_)
} else := "undescribed" if {
	addressed(object_)
	not templates[group_kind(object_)]
	holds_pods(object_)
} else := "other" if {
	addressed(object_)
	not templates[group_kind(object_)]
}

# METADATA
# title: The object is a list of objects
# description: kubectl and conftest take lists; each of their items is judged for itself.
is_list(object_) if object_.kind == "List"

is_list(object_) if {
	endswith(object_.kind, "List")
	is_array(object_.items)
}

addressed(object_) if {
	is_object(object_)
	is_string(object_.kind)
	object_.kind != ""
	is_string(object_.apiVersion)
	object_.apiVersion != ""
	not is_list(object_)
}

group(object_) := "" if {
	not contains(object_.apiVersion, "/")
} else := split(object_.apiVersion, "/")[0]

group_kind(object_) := concat("/", [group(object_), object_.kind])

holds_pods(object_) if group(object_) in serving_groups

holds_pods(object_) if {
	group(object_) != "apiextensions.k8s.io"
	some path, value
	walk(object_, [path, value])
	path[count(path) - 1] in {"containers", "initContainers", "ephemeralContainers"}
	some container in value
	is_object(container)
}

# An operator's own kind that names an image, or one container, has it run: no list of containers is needed for that.
holds_pods(object_) if {
	not group(object_) in kubernetes_groups
	some path, value
	walk(object_, [path, value])
	names_image_or_weights(path[count(path) - 1])
	not value in {null, "", {}}
}

names_image_or_weights(key) if key in {"container", "containerTemplate", "initContainer", "podSpec", "podTemplate"}

names_image_or_weights(key) if regex.match(`(image|imageref|imageuri|imageurl|modelid|modeluri|modelurl|storageuri)$`, lower(key))

# METADATA
# title: The pod that a described kind makes
# description: Where it lies, its labels and annotations, containers and volumes, each with its path in the object; null if there is none.
default pod(_) := null

pod(object_) := {
	"path": path,
	"labels": strings(template, ["metadata", "labels"]),
	"annotations": strings(template, ["metadata", "annotations"]),
	"spec": template.spec,
	"containers": containers(path, template.spec),
	"volumes": volumes(path, template.spec),
	"claims": claims(object_),
} if {
	readable_pod(object_)
	path := templates[group_kind(object_)]
	template := at(object_, path)
}

at(object_, path) := object_ if {
	path == []
} else := object.get(object_, path, null)

readable_pod(object_) if {
	addressed(object_)
	template := at(object_, templates[group_kind(object_)])
	is_object(template)
	readable_metadata(object_)
	readable_metadata(template)
	is_object(template.spec)
	is_array(template.spec.containers)
	count(template.spec.containers) > 0
	every list in container_lists {
		readable_containers(listed(template.spec, list))
	}
	every volume in listed(template.spec, "volumes") {
		is_object(volume)
		is_string(volume.name)
	}
	is_array(listed(template.spec, "volumes"))
}

readable_metadata(object_) if {
	every key in ["labels", "annotations"] {
		map := object.get(object.get(object_, "metadata", {}), key, {})
		readable_map(map)
	}
}

readable_map(null) := true

readable_map(map) if {
	is_object(map)
	every value in map {
		is_string(value)
	}
}

# Kubernetes takes null for an absent list.
listed(object_, key) := [] if {
	object.get(object_, key, null) == null
} else := object_[key]

readable_containers(list) if {
	is_array(list)
	every container in list {
		is_object(container)
		is_string(container.image)
		every key in ["env", "command", "args", "volumeMounts", "volumeDevices"] {
			is_array(listed(container, key))
		}
		every variable in listed(container, "env") {
			is_string(variable.name)
		}
	}
}

default strings(_, _) := {}

strings(object_, path) := map if {
	map := object.get(object_, path, {})
	is_object(map)
}

containers(path, spec) := [{"field": array.concat(path, ["spec", list, i]), "container": container} |
	some list in container_lists
	some i, container in listed(spec, list)
]

volumes(path, spec) := [{"field": array.concat(path, ["spec", "volumes", i]), "volume": volume} |
	some i, volume in listed(spec, "volumes")
]

# A StatefulSet's pods mount claims that no volume in the pod's own list names.
claims(object_) := [["spec", "volumeClaimTemplates", i] | some i, _ in object_.spec.volumeClaimTemplates]

# METADATA
# title: Labels around the pod template
# description: Labels of the object, and of a template between it and the pod, with the path of each map.
outer_labels(object_) := [{"field": field, "labels": labels} |
	some field in [["metadata", "labels"], ["spec", "jobTemplate", "metadata", "labels"]]
	labels := object.get(object_, field, null)
	labels != null
]

# METADATA
# title: The digest that an image is pinned by
# description: Of a reference that is nothing but name, perhaps tag, and one digest; undefined for every other.
image_digest(image) := split(image, "@")[1] if regex.match(`^[A-Za-z0-9][A-Za-z0-9._/:-]*@sha256:[0-9a-f]{64}$`, image)
