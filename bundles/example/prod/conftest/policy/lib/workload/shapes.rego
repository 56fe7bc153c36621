package lib.weighbridge.workload

# METADATA
# title: The pod that a part makes
# description: |
#   Where it lies, its labels and annotations, containers and volumes, each with its path in the object; undefined if it cannot be read.
#   `places` says where fields really stand that `path` does not lead to.
pod_of(object_, part) := {
	"path": path,
	"labels": strings(template, ["metadata", "labels"]),
	"annotations": strings(template, ["metadata", "annotations"]),
	"spec": template.spec,
	"containers": array.concat(listed_containers(spec_path, template.spec), beside(object_, part, template.spec)),
	"volumes": volumes(spec_path, template.spec),
	"claims": claims(object_),
	"sources": [],
	"texts": texts(object_, part),
	"places": {},
} if {
	path := part.template
	template := object_at(object_, path)
	readable_metadata(object_)
	readable_metadata(template)
	readable_spec(template.spec)
	count(template.spec.containers) > 0
	spec_path := array.concat(path, ["spec"])
	readable_beside(object_, part)
}

pod_of(object_, part) := {
	"path": part.spec,
	"labels": united(object_, part.labels),
	"annotations": united(object_, part.annotations),
	"spec": spec,
	"containers": found,
	"volumes": volumes(part.spec, spec),
	"claims": claims(object_),
	"sources": sources(object_, part),
	"texts": texts(object_, part),
	"places": {"spec": part.spec, "labels": last_of(part.labels, part.spec), "annotations": last_of(part.annotations, part.spec)},
} if {
	part.spec
	readable_metadata(object_)
	every map in array.concat(part.labels, part.annotations) {
		readable_map(object.get(object_, map, null))
	}
	spec := shaped(object_, part)
	found := shaped_containers(object_, part, spec)
	count(found) > 0
	every entry in found {
		readable_containers([entry.container])
	}
}

# An operator's own object may leave the whole spec to it.
written(object_, part) := spec if {
	spec := object.get(object_, part.spec, null)
	is_object(spec)
}

written(object_, part) := {} if {
	part.partial
	object.get(object_, part.spec, null) == null
}

shaped(object_, part) := spec if {
	not part.shape
	spec := written(object_, part)
	readable_lists(spec)
}

shaped(_, part) := {} if part.shape == "graph"

shaped(object_, part) := object.union(
	object.filter(spec, ["hostNetwork", "hostPID", "hostIPC", "runtimeClassName", "nodeSelector", "tolerations", "volumes"]),
	{
		"resourceClaims": listed(spec, "draResources"),
		"securityContext": {key: value |
			some key, name in {"runAsUser": "userID", "runAsGroup": "groupID"}
			value := spec[name]
		},
	},
) if {
	part.shape == "nim"
	spec := object.get(object_, part.spec, null)
	is_object(spec)
	readable_volumes(spec)
}

shaped_containers(_, part, spec) := known_or_unknown(part, [entry |
	some entry in array.concat(listed_containers(part.spec, spec), inline)
]) if {
	not part.shape
	inline := [{"field": array.concat(part.spec, [key]), "container": with_image(container)} |
		some key in object.get(part, "inline", [])
		container := object.get(spec, key, null)
		container != null
	]
}

shaped_containers(object_, part, _) := graph_servers(object_, part) if part.shape == "graph"

shaped_containers(object_, part, _) := array.concat([nim_container(part.spec, spec)], further) if {
	part.shape == "nim"
	spec := object.get(object_, part.spec, null)
	further := [nim_container(array.concat(part.spec, [list, i]), container) |
		some list in ["initContainers", "sidecarContainers"]
		some i, container in listed(spec, list)
	]
}

# The operator's own container runs, with an image that this object does not show.
known_or_unknown(_, containers) := containers if count(containers) > 0

known_or_unknown(part, []) := [{"field": part.spec, "container": {"name": "", "image": ""}}] if part.partial

# NIM's operator joins repository and tag with a colon, so `repository: name@sha256` and `tag: <64 hex>` pin an image.
nim_container(path, spec) := {"field": path, "container": object.union(
	object.filter(spec, ["name", "command", "args", "env", "envFrom", "resources", "securityContext", "volumeMounts"]),
	{"image": nim_image(spec)},
)}

default nim_image(_) := ""

nim_image(spec) := concat(":", [spec.image.repository, spec.image.tag])

nim_image(spec) := spec.source[name].modelPuller if some name in ["ngc", "hf", "dataStore", "nemoDataStore"]

# Servers that Seldon adds for a node of the graph, unless a component holds a container of that name.
graph_servers(object_, part) := [{"field": array.concat(part.spec, path), "container": {"name": "", "image": ""}} |
	predictor := object.get(object_, array.slice(part.spec, 0, count(part.spec) - 1), {})
	named := {container.name | some component in predictor.componentSpecs; some container in component.spec.containers}
	some path, node
	walk(object.get(predictor, "graph", {}), [path, node])
	not object.get(node, "implementation", "") in {"", "UNKNOWN_IMPLEMENTATION"}
	not object.get(node, "name", "") in named
]

# Ray's autoscaler runs beside the head, with the head's image unless it has one of its own.
beside(object_, part, spec) := [{"field": path, "container": container} |
	some path in object.get(part, "beside", [])
	aside := object.get(object_, path, null)
	is_object(aside)
	container := object.union({"name": "", "image": spec.containers[0].image}, given(aside))
]

readable_beside(object_, part) if {
	every path in object.get(part, "beside", []) {
		readable_aside(object.get(object_, path, null))
	}
}

readable_aside(null) := true

readable_aside(container) if readable_containers([object.union({"image": ""}, given(container))])

# Null is what is not there.
given(container) := {key: value |
	some key, value in container
	value != null
} if {
	is_object(container)
}

last_of(paths, _) := paths[count(paths) - 1] if count(paths) > 0

last_of([], path) := path

united(object_, paths) := object.union_n([map |
	some path in paths
	map := object.get(object_, path, null)
	is_object(map)
])

# What a field names weights by: its text, or null where the object does not show the address.
sources(object_, part) := [{"field": array.concat(source.below, path), "address": address(value)} |
	some source in object.get(part, "sources", [])
	some path, value
	walk(object.get(object_, source.below, {}), [path, value])
	path[count(path) - 1] in source.names
	not value in {null, "", {}}
]

address(value) := value if is_string(value)

address(value) := null if not is_string(value)

# Flags count as texts, under their own name.
texts(object_, part) := [{"field": path, "text": text_} |
	some path in object.get(part, "texts", [])
	value := object.get(object_, path, null)
	value != null
	text_ := shown(path, value)
]

shown(_, value) := value if is_string(value)

shown(path, value) := sprintf("%s=%s", [path[count(path) - 1], json.marshal(value)]) if not is_string(value)
