# METADATA
# scope: package
# title: The verdict on workloads
# description: What the points that judge workloads share. A List is as good as its worst item, and each item is judged as if alone.
# schemas:
#   - input: schema.input
package lib.weighbridge.verdict

import data.lib.weighbridge.decision as requirements
import data.lib.weighbridge.part
import data.lib.weighbridge.request
import data.lib.weighbridge.requirements.gpu
import data.lib.weighbridge.requirements.img
import data.lib.weighbridge.requirements.mod
import data.lib.weighbridge.requirements.net as network
import data.lib.weighbridge.requirements.pod
import data.lib.weighbridge.requirements.rel
import data.lib.weighbridge.requirements.tls
import data.lib.weighbridge.workload

# METADATA
# title: Decision
# description: Allowed only where the requirements are linked and no violation denies.
decision := {
	"allowed": allowed,
	"environment": environment,
	"subject": subject,
	"violations": sorted,
}

default allowed := false

allowed if {
	is_set(gpu.deny)
	is_set(img.deny)
	is_set(mod.deny)
	is_set(network.deny)
	is_set(pod.deny)
	is_set(rel.deny)
	is_set(tls.deny)
	requirements.softened(violations)
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
	some violation in judged
}

violations contains violation if {
	workload.is_list(input)
	some i, item in input.items
	some found in judged with input as item
	violation := object.union(found, {"field": array.concat(["items", i], found.field)})
}

# A list that cannot be walked, or that data is missing for, is judged as the object that it is.
violations contains violation if {
	workload.is_list(input)
	not walkable
	some violation in judged
}

walkable if {
	request.data_readable
	is_array(input.items)
}

sorted := [violation | some [_, _, violation] in sort([[found.code, found.field, found] | some found in violations])]

# Every pod of an object is judged as if alone. For the first, which nearly always is the only one, nothing is evaluated anew.
judged := here if not several

judged := here | {violation |
	some i in numbers.range(1, request.subject.parts - 1)
	some violation in here with part.index as i
} if {
	several
}

several if request.subject.parts > 1

here := requirements.violations if not elsewhere

here := {object.union(violation, {"field": moved(violation.field)}) | some violation in requirements.violations} if elsewhere

# A pod spec that stands in the object without a template around it: rules know templates alone.
elsewhere if count(request.subject.pod.places) > 0

moved(field) := array.concat(place, array.slice(field, count(from), count(field))) if {
	some [suffix, name] in [[["spec"], "spec"], [["metadata", "labels"], "labels"], [["metadata", "annotations"], "annotations"]]
	from := array.concat(request.subject.pod.path, suffix)
	array.slice(field, 0, count(from)) == from
	place := request.subject.pod.places[name]
} else := field
