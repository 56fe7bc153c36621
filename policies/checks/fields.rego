package weighbridge.checks

# METADATA
# title: Fields that nothing has
# description: |
#   The compiler checks no field of a function's parameter, whose type it does not know. So each name that stands literally in a
#   reference of one step (`input.modules`) must be a field of some document that the step reads (`input.fields`), or a key of an
#   object that the step itself makes; below an import it may be a rule.
unknown_fields contains sprintf("%s:%d: nothing has a field `%s`", [path, found.location.row, name]) if {
	some path, module in input.modules
	walk(module.rules, [_, found])
	found.type == "ref"
	some name in literal_names(found)
	not name in known_fields
	not below_import(module, found, name)
}

# `object.get(item, ["package", "reason"], "")` refers to fields, too.
unknown_fields contains sprintf("%s: nothing has a field `%s`, which object.get asks for", [path, name]) if {
	some path, module in input.modules
	walk(module.rules, [_, call])
	call[0].value == [
		{"location": call[0].value[0].location, "type": "var", "value": "object"},
		{"location": call[0].value[1].location, "type": "string", "value": "get"},
	]
	some name in asked_names(call[2])
	not name in known_fields
}

# A builtin's name is parsed like a reference, as in `time.now_ns`; and below `data` the compiler knows what there is.
literal_names(found) := {part.value |
	not builtin(found)
	found.value[0].value != "data"
	some part in found.value
	part.type == "string"
}

builtin(found) if concat(".", [part.value | some part in found.value; is_string(part.value)]) in input.builtins

asked_names(term) := {term.value} if term.type == "string"

asked_names(term) := {part.value | some part in term.value; part.type == "string"} if term.type == "array"

known_fields := {name | some name in input.fields} | made_names

below_import(module, found, name) if {
	some entry in module.imports
	found.value[0].value == object.get(entry, "alias", entry.path.value[count(entry.path.value) - 1].value)
	name in rule_names
}

made_names := {pair[0].value |
	some module in input.modules
	walk(module.rules, [_, node])
	node.type == "object"
	some pair in node.value
	pair[0].type == "string"
}

rule_names := {part.value |
	some module in input.modules
	some rule in module.rules
	some part in rule.head.ref
	is_string(part.value)
}
