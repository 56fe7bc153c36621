package weighbridge.evidence.image_profile

import data.weighbridge.evidence.parameters

# METADATA
# title: The verdict, with what the profile says
# description: |
#   Whether it passes or not, workloads are judged by what a verified profile says of their image. A profile that cannot be read in
#   full says nothing.
described := object.union(verdict, {"facts": facts}) if {
	facts
} else := verdict

# METADATA
# title: What a profile says, in short
# description: |
#   Of an index all images together. Findings that the rule's `except` accepts are left out; what `allow` accepts is not, as that is
#   for each environment to say. Of each kind that was found four are named, and how many more there are: this travels with every
#   approval.
facts := {
	"bases": sort({base(image) | some image in input.predicate.images}),
	"users": sort({user(image) | some image in input.predicate.images}),
	"found": {kind: few(texts) | some kind, texts in found; count(texts) > 0},
	"cuda": versions("cuda"),
	"cudnn": versions("cudnn"),
} if {
	input.predicate_type == "https://weighbridge.dev/image-profile/v1"
	count(object.keys(input.with) - known_parameters) == 0
	parameters_known
	about_it
	every image in input.predicate.images {
		readable(image)
	}
}

known_parameters := {"bases", "allow", "except", "cuda", "cudnn"}

most_named := 4

longest_name := 80

readable(image) if {
	is_string(image.base.family)
	is_array(image.base.contradictions)
	parameters.texts(image.entrypoint_shell)
	is_object(image.user)
	every kind in findings {
		is_array(image[kind])
		every entry in image[kind] {
			is_string(place(entry))
		}
	}
	every kind in {"cuda", "cudnn"} {
		is_array(image[kind])
		every entry in image[kind] {
			is_string(entry.version)
		}
	}
}

found["entrypoint_shell"] := {reason |
	some image in input.predicate.images
	some reason in image.entrypoint_shell
}

found[kind] := {path |
	some image in input.predicate.images
	some entry in image[kind]
	path := place(entry)
	not path in tolerated(kind)
} if {
	some kind in findings
}

base(image) := image.base.family if {
	image.base.contradictions == []
} else := "contradictory"

user(image) := "root" if {
	image.user.uid == 0
} else := "other" if {
	is_number(image.user.uid)
	image.user.uid > 0
} else := "unknown"

few(texts) := [cut(text) | some text in sort(texts)] if {
	count(texts) <= most_named
} else := array.concat(
	[cut(text) | some text in array.slice(sort(texts), 0, most_named)],
	[sprintf("%d more", [count(texts) - most_named])],
)

cut(text) := text if {
	count(text) <= longest_name
} else := concat("", [substring(text, 0, longest_name - 3), "..."])

# The lowest versions, as bounds are lower ones; one that cannot be read comes first. `libcudart.so.12` says less than
# `libcudart.so.12.4.127` beside it does.
versions(kind) := [cut(text) | some [_, text] in array.slice(sort({[order(text), text] | some text in told}), 0, most_named)] if {
	all_told := {entry.version | some image in input.predicate.images; some entry in image[kind]}
	told := {text |
		some text in all_told
		longer := {other | some other in all_told; startswith(other, concat("", [text, "."]))}
		count(longer) == 0
	}
}

order(text) := version(text) if {
	version(text)
} else := []
