# METADATA
# scope: package
# title: Which of an object's pods is looked at
# description: |
#   An object can make several pods of different shapes. Requirements see one, `request.subject.pod`; the verdict puts each pod's
#   number here in turn, with `with`.
package lib.weighbridge.part

# METADATA
# title: The number of the pod
# description: Of `parts` in `lib/workload`, from 0.
index := 0
