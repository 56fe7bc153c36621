# METADATA
# scope: package
# title: Workloads that are judged
# description: |
#   Which workloads count as serving a model, told once for all requirements. A request hands `serving` on, so that no requirement
#   has a view of its own of what it may leave alone.
package lib.weighbridge.serving

import data.lib.weighbridge.request
import data.lib.weighbridge.workload

# METADATA
# title: The workload is judged
# description: A pod that can be read, and that neither its namespace nor its images excuse.
serving if {
	request.data_readable
	request.subject.form == "pod"
	not request.exempt_namespace(request.subject.object.namespace)
	not supporting
}

supporting if {
	every entry in request.subject.pod.containers {
		request.support_image(workload.image_digest(entry.container.image))
	}
}
