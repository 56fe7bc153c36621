package lib.weighbridge.weights

# METADATA
# title: Containers as Kubernetes starts them
# description: |
#   Commands, arguments and variables with the container's variables put in for `$(NAME)`, three deep as in all requirements; one whose
#   value the manifest does not show stands there as `$NAME`, as a shell writes it. What `lib/workload` takes for readable is small enough.
started(containers) := [{"field": entry.field, "container": written_out(entry.container)} | some entry in containers]

written_out(container) := container if not contains(json.marshal(container), "$(")

written_out(container) := json.unmarshal(thrice) if {
	text := json.marshal(container)
	contains(text, "$(")
	values := object.union_n([{sprintf("$(%s)", [variable.name]): within_text(variable)} | some variable in container.env])
	thrice := strings.replace_n(values, strings.replace_n(values, strings.replace_n(values, text)))
}

# As it stands between the quotes of a JSON text.
within_text(variable) := substring(quoted, 1, count(quoted) - 2) if {
	quoted := json.marshal(shown_value(variable))
}

shown_value(variable) := variable.value if {
	is_string(variable.value)
} else := sprintf("$%s", [variable.name]) if {
	object.get(variable, "valueFrom", null) != null
} else := ""
