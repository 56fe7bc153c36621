# METADATA
# scope: package
# title: Images that are known and minimal
# description: |
#   What the images of a serving pod must be, and what the pod may not make of them. Who says what: whether an image is pinned by one
#   digest, and whether that is among the version's approved images, is MOD-008 alone; which images are judged here for their content
#   are those that it lets pass, by what verified evidence says of their digest (`request.image`). Whatever is known is judged. What
#   is not known, or not any more, is refused only where `limits.images.evidence` demands it (IMG-001 to IMG-003). Names, tags and
#   commands (IMG-004, IMG-018 to IMG-021) are judged by the manifest alone: they show mistakes, and prove nothing about content.
#   The other parameters lie beside `evidence`, all as strict as they can be; `allow` accepts kinds of findings.
package lib.weighbridge.requirements.img

import data.lib.weighbridge.request

# Each image that is run and known by its digest, with what evidence says of it.
images := [image |
	request.serving
	some entry in request.subject.pod.containers
	facts := request.image(request.image_digest(entry.container.image))
	image := {
		"field": array.concat(entry.field, ["image"]),
		"name": short(entry.container.image),
		"container": entry.container,
		"facts": facts,
	}
]

demanded(kind) if kind in request.limits.images.evidence

allowed(kind) if kind in request.limits.images.allow

# A part of the facts that counts now: it can be read, and has not ended.
known(image, kind) if {
	part := image.facts[kind]
	readable(kind, part)
	part.not_after > request.now_ns
}

# What is not of the form that compiling gives it proves nothing, demanded or not.
unknown(image, kind) if {
	demanded(kind)
	not known(image, kind)
}

unknown(image, kind) if {
	part := image.facts[kind]
	not readable(kind, part)
}

readable("profile", part) if {
	is_number(part.not_after)
	is_object(part.found)
	every list in ["bases", "users", "cuda", "cudnn"] {
		is_array(part[list])
		is_string(concat("", part[list])) # undefined for what holds anything but texts
	}
	count(part.bases) > 0
	count(part.users) > 0
}

readable("sbom", part) if {
	is_number(part.not_after)
	part.components > 0
}

readable("vulnerabilities", part) if {
	is_number(part.not_after)
	is_object(part.open)
}

# Why nothing is known of an image, for people.
default lack(_, _) := "has no verified"

lack(image, kind) := "has no verified, unexpired" if is_number(image.facts[kind].not_after)

default owner := "object"

owner := concat("/", [request.subject.object.kind, request.subject.object.name])

short(what) := shown if {
	shown := sprintf("%v", [what])
	count(shown) <= 90
} else := concat("", [substring(sprintf("%v", [what]), 0, 87), "..."])
