# METADATA
# scope: package
# title: Waivers that hold
# description: |
#   Which of the waivers that a point was given hold for what it judges, now. A signature was verified when compiling; the time is
#   compared with each decision, and the scope must match the whole. Nothing that the object says of its owner is believed.
#
#   What a point hands in: `now_ns`, the `subject`, the `artifact` of the record that the subject's labels name ("" if there is
#   none), and the `support_images`.
package lib.weighbridge.waivers

import data.lib.weighbridge.workload

# METADATA
# title: Waivers that hold for the subject
# description: Those whose time has come and not passed, and whose scope is this very artifact or workload.
holding(listed, given) := {waiver |
	some waiver in listed
	current(waiver, given.now_ns)
	covers(waiver.scope, given)
}

current(waiver, now_ns) if {
	is_number(waiver.not_before)
	is_number(waiver.not_after)
	waiver.not_before <= now_ns
	now_ns < waiver.not_after
}

# By its labels a pod says which version it serves; what it runs and mounts must be that version's, which nothing softens.
covers(scope, given) if {
	given.artifact != ""
	given.artifact == scope.artifact
}

covers(scope, given) if {
	not scope.artifact
	object_ := given.subject.object
	not "" in {scope.namespace, scope.name}
	scope.namespace == object_.namespace
	named(scope, object_)
	running(scope.images, given)
}

named(scope, object_) if {
	scope.kind == object_.kind
	scope.name == object_.name
}

# What Kubernetes itself makes of the named workload, told by its generated name; an owner reference is the author's own word.
named(scope, object_) if {
	pattern := descendants[scope.kind][object_.kind]
	startswith(object_.name, scope.name)
	regex.match(pattern, substring(object_.name, count(scope.name), -1))
}

# METADATA
# title: Names that controllers generate
# description: By the kind of a workload and of what is made of it, what follows the workload's name.
descendants := {
	"CronJob": {
		"Job": `^-[0-9]{1,12}$`,
		"Pod": `^-[0-9]{1,12}(-[0-9]{1,6})?-[bcdfghjklmnpqrstvwxz2456789]{5}$`,
	},
	"DaemonSet": {"Pod": `^-[bcdfghjklmnpqrstvwxz2456789]{5}$`},
	"Deployment": {
		"Pod": `^-[bcdfghjklmnpqrstvwxz2456789]{1,10}-[bcdfghjklmnpqrstvwxz2456789]{5}$`,
		"ReplicaSet": `^-[bcdfghjklmnpqrstvwxz2456789]{1,10}$`,
	},
	"Job": {"Pod": `^(-[0-9]{1,6})?-[bcdfghjklmnpqrstvwxz2456789]{5}$`},
	"ReplicaSet": {"Pod": `^-[bcdfghjklmnpqrstvwxz2456789]{5}$`},
	"ReplicationController": {"Pod": `^-[bcdfghjklmnpqrstvwxz2456789]{5}$`},
	"StatefulSet": {"Pod": `^-[0-9]{1,6}$`},
}

running(images, given) if {
	every entry in given.subject.pod.containers {
		expected(images, workload.image_digest(entry.container.image), given.support_images)
	}
}

# What is no pod runs nothing.
running([], given) if given.subject.form == "other"

expected(images, digest, _) if digest in images

expected(_, digest, support_images) if is_object(support_images[digest])
