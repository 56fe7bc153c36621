# METADATA
# scope: package
# title: The verdict on workloads
# description: What the points that judge workloads share. A List is as good as its worst item, and each item is judged as if alone.
# schemas:
#   - input: schema.input
package lib.weighbridge.verdict

import data.lib.weighbridge.decision as requirements
import data.lib.weighbridge.request
import data.lib.weighbridge.requirements.mod
import data.lib.weighbridge.requirements.pod
import data.lib.weighbridge.workload

# METADATA
# title: Decision
# description: Allowed only where the requirements are linked and none is violated.
decision := {
	"allowed": allowed,
	"environment": environment,
	"subject": subject,
	"violations": sorted,
}

default allowed := false

allowed if {
	is_set(mod.deny)
	is_set(pod.deny)
	count(violations) == 0
}

default environment := ""

environment := request.environment if is_string(request.environment)

default subject := {"kind": "", "name": "", "namespace": "", "model": "", "version": ""}

subject := object.union(request.subject.object, {"model": label("model_id"), "version": label("model_version")})

default label(_) := ""

label(name) := value if {
	value := request.subject.pod.labels[request.label_names[name]]
	is_string(value)
}

violations contains violation if {
	not workload.is_list(input)
	some violation in requirements.violations
}

violations contains violation if {
	workload.is_list(input)
	some i, item in input.items
	some found in requirements.violations with input as item
	violation := object.union(found, {"field": array.concat(["items", i], found.field)})
}

# A list that cannot be walked, or that data is missing for, is judged as the object that it is.
violations contains violation if {
	workload.is_list(input)
	not walkable
	some violation in requirements.violations
}

walkable if {
	request.data_readable
	is_array(input.items)
}

sorted := [violation | some [_, _, violation] in sort([[found.code, found.field, found] | some found in violations])]
