# METADATA
# scope: package
# title: Accelerators that tenants do not share
# description: |
#   Where tenants share machines, none may compute beside another one on a device, reach a device that the scheduler did not
#   hand out, or meet what another one's prompts left in a cache. There are two axes: how much of a device is the pod's own
#   (shared, partition, exclusive) and what stands between the pod and the node (container, sandbox, vm, confidential).
#   `limits.accelerators` of the environment says which pairs suffice and what each name means here; what it does not name is
#   shared, and is no boundary. Where an environment has one tenant, only what goes past the scheduler is refused.
package lib.weighbridge.requirements.gpu

import data.lib.weighbridge.request

settings := request.limits.accelerators

# Many tenants, unless the environment says plainly that there is one.
judged if {
	request.serving
	not request.multi_tenant == false
}

# Where POD demands nothing, nobody else refuses the node as a whole.
unguarded if request.limits.pod_security == "privileged"

caches_apart if settings.caches.per_tenant == true

default owner := "object"

owner := short(concat("/", [request.subject.object.kind, request.subject.object.name]))

spec := request.subject.pod.spec

pod_field := request.subject.pod.path

spec_field := array.concat(pod_field, ["spec"])

variables := [{"name": variable.name, "value": written(variable), "entry": entry, "field": field, "variable": variable} |
	some entry in request.subject.pod.containers
	some i, variable in entry.container.env
	field := array.concat(entry.field, ["env", i])
]

# An API server hands on no empty value. What comes from elsewhere is not known, and so is what is no text.
written(variable) := "" if {
	object.get(variable, "value", null) == null
	object.get(variable, "valueFrom", null) == null
} else := object.get(variable, "value", null)

# The words of what a container runs, as Kubernetes joins them, with the place of each.
words(container) := array.concat(listed(container, "command"), listed(container, "args"))

listed(container, key) := [{"text": text, "field": [key, i]} | some i, text in object.get(container, key, [])]

short(what) := shown if {
	shown := sprintf("%v", [what])
	count(shown) <= 60
} else := concat("", [substring(sprintf("%v", [what]), 0, 57), "..."])
