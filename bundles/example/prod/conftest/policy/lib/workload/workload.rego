# METADATA
# scope: package
# title: Kubernetes objects, normalised
# description: |
#   From a manifest as Kubernetes takes it to the pod that it makes. Enforcement points hand their object in; what comes out is the
#   `subject` that the requirements see.
package lib.weighbridge.workload

import data.lib.weighbridge.part

container_lists := ["initContainers", "containers", "ephemeralContainers"]

# METADATA
# title: The subject
# description: |
#   The object as requirements see it; `form` is `pod`, `undescribed`, `other` or `unreadable`. `table` holds the kinds that the
#   catalogue describes; `manifest` is the object itself, as it came; `parts` is the number of pods, and `pod` the one that `lib/part` points to.
subject(object_, table) := {
	"kind": "workload",
	"object": identity(object_),
	"manifest": object_,
	"form": form(object_, table, found),
	"labels": outer_labels(object_),
	"pod": pod(found),
	"parts": count(all),
} if {
	all := parts(object_, table)
	found := [made_ | made_ := pod_of(object_, all[part.index])]
}

pod([found]) := found

pod([]) := null

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

default form(_, _, _) := "unreadable"

# What is asked of nearly every object comes first.
form(object_, table, found) := "pod" if {
	count(found) == 1
	templates[group_kind(object_)]
} else := "undescribed" if {
	addressed(object_)
	not known_kind(object_, table)
	not group_kind(object_) in podless
	holds_pods(object_)
} else := "undescribed" if {
	part.index == 0 # what is wrong with the whole object is told once
	not templates[group_kind(object_)]
	known_kind(object_, table)
	stray(object_, table)
} else := "pod" if {
	count(found) == 1
	whole(object_, table)
} else := "other" if {
	addressed(object_)
	not known_kind(object_, table)
}

whole(_, _) if part.index > 0

whole(object_, table) if not unwalkable(object_, table)

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

object_at(object_, path) := found if {
	found := at(object_, path)
	is_object(found)
}

at(object_, path) := object_ if {
	path == []
} else := object.get(object_, path, null)

readable_spec(spec) if {
	is_object(spec)
	is_array(spec.containers)
	readable_lists(spec)
	every list in container_lists {
		readable_containers(listed(spec, list))
	}
}

readable_lists(spec) if {
	every list in container_lists {
		is_array(listed(spec, list))
	}
	readable_volumes(spec)
}

readable_volumes(spec) if {
	is_array(listed(spec, "volumes"))
	every volume in listed(spec, "volumes") {
		is_object(volume)
		is_string(volume.name)
	}
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
		within_bounds(container)
	}
}

default strings(_, _) := {}

strings(object_, path) := map if {
	map := object.get(object_, path, {})
	is_object(map)
}

listed_containers(path, spec) := [{"field": array.concat(path, [list, i]), "container": with_image(container)} |
	some list in container_lists
	some i, container in listed(spec, list)
]

# An image that is missing is one that nobody can name; a rule that asks for it gets an answer.
with_image(container) := container if {
	object.get(container, "image", null) != null
} else := object.union(container, {"image": ""}) if {
	is_object(container)
} else := container

volumes(path, spec) := [{"field": array.concat(path, ["volumes", i]), "volume": volume} |
	some i, volume in listed(spec, "volumes")
]

# A StatefulSet's pods mount claims that no volume in the pod's own list names.
claims(object_) := [array.concat(path, [i]) |
	some path in [["spec", "volumeClaimTemplates"], ["spec", "leaderWorkerTemplate", "volumeClaimTemplates"]]
	some i, _ in object.get(object_, path, [])
]

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
