# METADATA
# scope: package
# title: The request as the workload point sees it
# description: |
#   `input` is one Kubernetes object. Registry and live data are both consulted. This is also the implementation that the tests of
#   the workload requirements link.
# schemas:
#   - input: schema.input
#   - data.weighbridge.registry: schema.registry
package lib.weighbridge.request

import data.lib.weighbridge.compiled
import data.lib.weighbridge.enforcement
import data.lib.weighbridge.serving as workloads
import data.lib.weighbridge.settings
import data.lib.weighbridge.waivers as waiving
import data.lib.weighbridge.workload
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

# Whoever asks asks about this environment, whatever the namespace is called.
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
	registry.point == "workload"
	compiled.registry_readable
	settings.readable({name: registry[name] | some name in settings.names})
}

fresh if compiled.live_fresh(now_ns)

support_image(digest) if is_object(registry.support_images[digest])

image_digest(image) := workload.image_digest(image)

record(name) := registry.records[name]

# What verified evidence says of an image that the pod's version, or the environment, names; undefined for any other.
image(digest) := facts if {
	facts := record(served).images[digest]
	is_object(facts)
} else := registry.support_images[digest] if {
	is_object(registry.support_images[digest])
}

served := sprintf("%s@%s", [subject.pod.labels[label_names.model_id], subject.pod.labels[label_names.model_version]])

revocations(digest) := compiled.orders("revoked", digest, now_ns)

freezes(name) := compiled.orders("frozen", name, now_ns)

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
