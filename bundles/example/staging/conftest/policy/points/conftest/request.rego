# METADATA
# scope: package
# title: The request as conftest and `weighbridge check` see it
# description: |
#   `input` is one Kubernetes object. There is no live data in a pull request: the registry with its compiled-in orders is all
#   there is, and nothing in it can be stale.
# schemas:
#   - input: schema.input
#   - data.weighbridge.registry: schema.registry
#   - data.weighbridge.loaded: schema.loaded
package lib.weighbridge.request

import data.lib.weighbridge.compiled
import data.lib.weighbridge.enforcement
import data.lib.weighbridge.serving as workloads
import data.lib.weighbridge.settings
import data.lib.weighbridge.waivers as waiving
import data.lib.weighbridge.workload
import data.weighbridge.loaded
import data.weighbridge.registry

now_ns := time.now_ns()

environment := registry.environment

# The union hides the object's keys from the compiler: a user's requirement, linked at every point, asks for `kind` first.
subject := object.union(workload.subject(input, registry.kinds), {})

label_names := registry.labels

limits := registry.limits

# No cluster asks here: what comes in was written by somebody, and by no controller.
in_cluster := false

multi_tenant := registry.multi_tenant

serving if {
	data_readable
	workloads.judged(subject, registry.exempt_namespaces, registry.support_images)
}

# In a pull request nobody knows what namespaces a cluster binds, so all but the exempt ones count.
bound if {
	data_readable
	not registry.exempt_namespaces[subject.object.namespace] == true
}

# Every namespace that counts at all is bound here; what lies in no environment is for a cluster to tell.
suspected := false

# METADATA
# title: Policy data is there
# description: The registry is this point's and can be read.
data_readable if {
	registry.point == "conftest"
	compiled.registry_readable
	settings.readable({name: registry[name] | some name in settings.names})
}

fresh := true

support_image(digest) if is_object(registry.support_images[digest])

image_digest(image) := workload.image_digest(image)

record(name) := registry.records[name]

# `weighbridge check` loads only the records that its manifests can mean, and says which; conftest loads all and says nothing.
# A record that was not loaded must not pass for one that does not exist: two answers are an error, and `check` then loads all.
record(name) := answer if {
	is_object(loaded.records)
	not loaded.records[name] == true
	some answer in [0, 1]
}

# What verified evidence says of an image that the pod's version, or the environment, names; undefined for any other.
image(digest) := facts if {
	facts := record(served).images[digest]
	is_object(facts)
} else := registry.support_images[digest] if {
	is_object(registry.support_images[digest])
}

served := sprintf("%s@%s", [subject.pod.labels[label_names.model_id], subject.pod.labels[label_names.model_version]])

revocations(digest) := compiled.registry_orders("revoked", digest, now_ns)

freezes(name) := compiled.registry_orders("frozen", name, now_ns)

mode(code) := enforcement.mode(registry.modes, code, now_ns)

waivers(code) := waiving.holding(registry.waivers[code], {
	"now_ns": now_ns,
	"subject": subject,
	"artifact": artifact,
	"support_images": registry.support_images,
})

default artifact := ""

artifact := digest if {
	labels := subject.pod.labels
	digest := record(concat("@", [labels[label_names.model_id], labels[label_names.model_version]])).digest
}
