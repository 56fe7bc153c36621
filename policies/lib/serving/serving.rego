# METADATA
# scope: package
# title: Workloads that serve
# description: |
#   Which workloads count as serving a model, told once for all requirements: none has a view of its own of what may be left alone.
#   A point hands in its own lists, as objects.
package lib.weighbridge.serving

import data.lib.weighbridge.workload

# METADATA
# title: The workload is judged
# description: A pod that can be read, and that neither its namespace nor its images excuse.
judged(subject, exempt_namespaces, support_images) if {
	subject.form == "pod"
	not exempt_namespaces[subject.object.namespace] == true
	not supporting(subject.pod, support_images)
}

supporting(pod, support_images) if {
	every entry in pod.containers {
		is_object(support_images[workload.image_digest(entry.container.image)])
	}
}
