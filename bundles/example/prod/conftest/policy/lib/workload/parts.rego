package lib.weighbridge.workload

# METADATA
# title: The pods of an object
# description: |
#   One entry a pod that the object makes, with every path in full: `spec`, `labels`, `annotations`, `sources`, `texts`, `beside`. What
#   the catalogue describes is added to what is described here, and takes nothing away.
parts(object_, table) := [{"template": templates[group_kind(object_)]}] if {
	addressed(object_)
	templates[group_kind(object_)]
} else := [part |
	some entry in entries(object_, table)
	some path in concrete(object_, presence(entry))
	part := filled(entry, stars(path, presence(entry)))
	made(object_, part)
]

entries(object_, table) := array.concat(ours, own) if {
	addressed(object_)
	ours := [entry | some entry in described[group_kind(object_)]]
	own := object.get(table, group_kind(object_), [])
} else := []

# A kind that makes pods by a template, or by what is described here or in the catalogue.
known_kind(object_, _) if templates[group_kind(object_)]

known_kind(object_, table) if count(entries(object_, table)) > 0

# Where a pod is there: by an element of a list, even if the template in it is missing.
presence(entry) := entry.when

presence(entry) := element_path(entry) if not entry.when

element_path(entry) := array.slice(path, 0, 1 + last_star) if {
	path := pod_path(entry)
	last_star := max([i | some i, "*" in path])
} else := pod_path(entry)

pod_path(entry) := object.get(entry, "template", object.get(entry, "spec", null))

# The paths that a path with at most three `*` stands for.
concrete(object_, path) := [third |
	some first in resolved(object_, path)
	some second in resolved(object_, first)
	some third in resolved(object_, second)
	there(object_, third, path)
]

resolved(object_, path) := [array.flatten([before, key, array.slice(path, star + 1, count(path))]) |
	some key, _ in object.get(object_, before, [])
] if {
	star := min([i | some i, "*" in path])
	before := array.slice(path, 0, star)
} else := [path]

there(_, _, pattern) if pattern[count(pattern) - 1] == "*"

there(object_, path, _) if object.get(object_, path, null) != null

stars(path, pattern) := [path[i] | some i, "*" in pattern]

filled(entry, keys) := {name: value |
	some name, given in entry
	value := filled_value(name, given, keys)
}

filled_value(name, given, keys) := filled_path(given, keys) if {
	name in {"template", "spec", "when"}
} else := [filled_path(path, keys) | some path in given] if {
	name in {"labels", "annotations", "beside", "texts"}
} else := [{"below": filled_path(source.below, keys), "names": source.names} | some source in given] if {
	name == "sources"
} else := given

filled_path(path, keys) := [key |
	some i, each in path
	key := element(each, count([j | some j, "*" in path; j < i]), keys)
]

element(each, _, _) := each if each != "*"

element("*", number, keys) := keys[number]

default made(_, _) := true

# A graph makes a pod of its own only for servers that no component describes.
made(object_, part) := false if {
	part.shape == "graph"
	count(graph_servers(object_, part)) == 0
}

# METADATA
# title: A list that should hold pods is none
# description: Whatever makes an element of it would not be seen.
unwalkable(object_, table) if {
	some entry in entries(object_, table)
	path := presence(entry)
	some i, "*" in path
	some before in resolved(object_, array.slice(path, 0, i))
	found := object.get(object_, before, null)
	not type_name(found) in {"null", "array", "object"}
}

# METADATA
# title: Containers where nobody described any
# description: A list of containers in an operator's object that lies in none of its pods.
stray(object_, table) if {
	places := [pod_path(part) | some part in parts(object_, table)]
	some path, value
	walk(object_, [path, value])
	container_list(path, value)
	not below_any(path, places)
}

container_list(path, value) if {
	path[count(path) - 1] in {"containers", "initContainers", "ephemeralContainers"}
	some container in value
	is_object(container)
}

below_any(path, places) if {
	some place in places
	array.slice(path, 0, count(place)) == place
}
