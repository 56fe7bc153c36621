package lib.weighbridge.workload

# METADATA
# title: A container that can be written out
# description: |
#   `$(NAME)` in a container stands for one of its variables, and variables name variables. Few of them, each naming the next many
#   times, would fill the memory of whoever writes them out (requirements do so three times at most); no program is started like that.
within_bounds(container) if {
	text := json.marshal(container)
	not contains(text, "$(")
}

within_bounds(container) if {
	text := json.marshal(container)
	variables := [variable.value | some variable in listed(container, "env"); is_string(variable.value)]
	longest := max(array.concat([0], [count(value) | some value in variables]))
	named := max(array.concat([0], [references(value) | some value in variables]))
	count(text) + (((references(text) * longest) * (1 + named)) * (1 + named)) <= most_characters
}

# `strings` is a rule of this package.
# regal ignore:use-strings-count
references(text) := count(indexof_n(text, "$("))

most_characters := 4194304
