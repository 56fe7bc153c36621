# METADATA
# scope: package
# title: Image profile
# description: |
#   What `weighbridge image profile` found in a serving image; of an index, every image in it must pass. Without parameters nothing that
#   serving has no use for is accepted. Parameters, all optional: `bases` (families; distroless, wolfi, chainguard and scratch),
#   `allow` (kinds of findings that are accepted: shells, compilers, network_tools, package_managers, setuid, writable_path, weights,
#   entrypoint_shell, root, unread), `except` (by kind of finding, paths that are accepted; also of secrets), `cuda` and `cudnn` (`min`,
#   `max`, and `none: allow` where an image without it is accepted).
# schemas:
#   - input: schema.image_profile
package weighbridge.evidence.image_profile

import data.weighbridge.evidence.parameters

# METADATA
# title: The verdict on one profile
# description: Passes only if it is about the image in question, and nothing in any of its images is refused.
verdict := parameters.passed(claims) if holds

else := parameters.failed(problems)

holds if {
	count(object.keys(input.with) - {"bases", "allow", "except", "cuda", "cudnn"}) == 0
	input.predicate_type == "https://weighbridge.dev/image-profile/v1"
	parameters_known
	about_it
	every image in input.predicate.images {
		accepted(image)
	}
}

accepted(image) if {
	base_accepted(image)
	user_accepted(image)
	shell_free(image)
	every kind in findings {
		clean(image, kind)
	}
	every kind in {"cuda", "cudnn"} {
		versions_accepted(image, kind)
	}
}

claims := {
	"bases": sort({image.base.family | some image in input.predicate.images}),
	"platforms": sort({image.platform | some image in input.predicate.images}),
	"cuda": sort({found.version |
		some image in input.predicate.images
		some found in image.cuda
	}),
}

problems contains problem if some problem in parameters.unknown({"bases", "allow", "except", "cuda", "cudnn"})

problems contains "the predicate type is not image-profile/v1" if {
	not input.predicate_type == "https://weighbridge.dev/image-profile/v1"
}

problems contains "a parameter is not of the form that the rule knows" if not parameters_known

problems contains "it is about another image, or lists none" if not about_it

problems contains sprintf("%s: its base is not one of `bases`, or contradicts itself%s", [label(image), shown_base(image)]) if {
	some image in input.predicate.images
	not base_accepted(image)
}

problems contains sprintf("%s: it runs as root, or as nobody that could be told", [label(image)]) if {
	some image in input.predicate.images
	not user_accepted(image)
}

problems contains sprintf("%s: it is started through a shell", [label(image)]) if {
	some image in input.predicate.images
	not shell_free(image)
}

problems contains sprintf("%s: %s that are not accepted%s", [label(image), kind, shown(image, kind)]) if {
	some image in input.predicate.images
	some kind in findings
	not clean(image, kind)
}

problems contains sprintf("%s: no version of %s is provably within its bounds, or one is outside", [label(image), kind]) if {
	some image in input.predicate.images
	some kind in {"cuda", "cudnn"}
	not versions_accepted(image, kind)
}

# For people; nothing rests on it.
label(image) := image.platform if {
	is_string(image.platform)
} else := "an image"

shown_base(image) := sprintf(" (%s)", [image.base.family]) if {
	is_string(image.base.family)
} else := ""

shown(image, kind) := sprintf(": %s", [concat(", ", array.slice(paths, 0, 10))]) if {
	paths := sort({path |
		some entry in image[kind]
		path := place(entry)
		not path in tolerated(kind)
	})
	count(paths) > 0
} else := ""

# METADATA
# title: Kinds of findings that have a place in the image
findings := {
	"shells", "compilers", "network_tools", "package_managers", "setuid", "writable_path", "weights", "secrets", "unread",
}

# METADATA
# title: What may be allowed as a whole
# description: Secrets may not, they are accepted path by path.
allowable := (findings - {"secrets"}) | {"entrypoint_shell", "root"}

parameters_known if {
	parameters.texts(object.get(input.with, "bases", []))
	parameters.texts(object.get(input.with, "allow", []))
	every kind in object.get(input.with, "allow", []) {
		kind in allowable
	}
	is_object(object.get(input.with, "except", {}))
	every kind, paths in object.get(input.with, "except", {}) {
		kind in findings
		parameters.texts(paths)
	}
	every kind in {"cuda", "cudnn"} {
		bounds_known(object.get(input.with, kind, {}))
	}
}

bounds_known(bounds) if {
	count(object.keys(bounds) - {"min", "max", "none"}) == 0
	object.get(bounds, "none", "refuse") in {"allow", "refuse"}
	every bound in {"min", "max"} {
		version(object.get(bounds, bound, "0"))
	}
}

about_it if {
	parameters.digest(input.predicate.digest)
	input.predicate.digest == input.digest
	is_array(input.predicate.images)
	count(input.predicate.images) > 0
	every image in input.predicate.images {
		parameters.digest(image.digest)
	}
}

base_accepted(image) if {
	image.base.family in object.get(input.with, "bases", ["distroless", "wolfi", "chainguard", "scratch"])
	image.base.contradictions == []
}

user_accepted(image) if {
	is_number(image.user.uid)
	image.user.uid > 0
}

user_accepted(_) if "root" in object.get(input.with, "allow", [])

shell_free(image) if image.entrypoint_shell == []

shell_free(_) if "entrypoint_shell" in object.get(input.with, "allow", [])

clean(image, kind) if {
	is_array(image[kind])
	every entry in image[kind] {
		place(entry) in tolerated(kind)
	}
}

clean(_, kind) if {
	kind in allowable
	kind in object.get(input.with, "allow", [])
}

place(entry) := entry if {
	is_string(entry)
} else := entry.path

tolerated(kind) := {path | some path in object.get(object.get(input.with, "except", {}), kind, [])}

versions_accepted(_, kind) if not kind in object.keys(input.with)

versions_accepted(image, kind) if {
	is_array(image[kind])
	found := {entry.version | some entry in image[kind]}
	some_or_none_allowed(found, input.with[kind])
	every text in found {
		provably_within(text, found, input.with[kind])
	}
}

some_or_none_allowed(found, _) if count(found) > 0

some_or_none_allowed(_, bounds) if bounds.none == "allow"

provably_within(text, _, bounds) if within(text, bounds)

# `libcudart.so.12` says less than `libcudart.so.12.4.127` beside it does.
provably_within(text, found, bounds) if {
	some longer in found
	startswith(longer, concat("", [text, "."]))
	within(longer, bounds)
}

within(text, bounds) if {
	parts := version(text)
	minimum := version(object.get(bounds, "min", "0"))
	maximum := version(object.get(bounds, "max", "999999"))
	count(parts) >= count(minimum)
	count(parts) >= count(maximum)
	parts >= minimum
	array.slice(parts, 0, count(maximum)) <= maximum
}

version(text) := [to_number(part) | some part in split(text, ".")] if {
	regex.match(`^[0-9]{1,6}(\.[0-9]{1,6}){0,3}$`, text)
}
