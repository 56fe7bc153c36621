package lib.weighbridge.requirements.img

import data.lib.weighbridge.request

# METADATA
# title: Images come from allowed registries
# description: |
#   Every image that is run or mounted lies in one of `limits.images.registries`, host for host and folder for folder, read as
#   container runtimes read references: without a host it is Docker Hub (`docker.io/library/...`). What cannot be read so is refused.
#   No registry is demanded where none is named.
# related_resources:
#   - ref: https://atlas.mitre.org/techniques/AML.T0010.004
#     description: MITRE ATLAS, container registry
#   - ref: https://media.defense.gov/2022/Aug/29/2003066362/-1/-1/0/CTR_KUBERNETES_HARDENING_GUIDANCE_1.2_20220829.PDF
#     description: NSA and CISA, Kubernetes hardening guidance, container images
# custom:
#   code: IMG-004
#   severity: medium
#   fix: Copy the image into an allowed registry; its digest stays the same.
deny contains violation if {
	request.serving
	count(request.limits.images.registries) > 0
	some reference in references
	not from_allowed_registry(reference.image)
	violation := {
		"code": "IMG-004",
		"severity": "medium",
		"message": sprintf("%s: image `%s` is not in an allowed registry. Copy it into %s.", [
			owner,
			short(reference.image),
			short(concat(" or ", request.limits.images.registries)),
		]),
		"field": reference.field,
	}
}

# METADATA
# title: No debug image
# description: |
#   An image whose name or tag says that it is for debugging or development. A name proves nothing, but it shows a mistake before
#   anybody runs it; what really is in an image its profile says.
# related_resources:
#   - ref: https://attack.mitre.org/techniques/T1059/
#     description: MITRE ATT&CK, command and scripting interpreter
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: CIS Docker Benchmark, container images
# custom:
#   code: IMG-018
#   severity: high
#   fix: Run the image without the debugging tools; debug a copy of the pod in another environment.
deny contains violation if {
	request.serving
	not allowed("debug_images")
	some reference in references
	is_string(reference.image)
	for_debugging(reference.image)
	violation := {
		"code": "IMG-018",
		"severity": "high",
		"message": sprintf("%s: image `%s` is for debugging. Run the one without such tools.", [owner, short(reference.image)]),
		"field": reference.field,
	}
}

# METADATA
# title: No ephemeral container
# description: Somebody who debugs in a serving pod sees what tenants ask and what the model is. Whatever its image.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/workloads/pods/ephemeral-containers/
#     description: Kubernetes, ephemeral containers
#   - ref: https://attack.mitre.org/techniques/T1059/
#     description: MITRE ATT&CK, command and scripting interpreter
# custom:
#   code: IMG-019
#   severity: high
#   fix: Debug a copy of the pod in another environment (`kubectl debug --copy-to`).
deny contains violation if {
	request.serving
	not allowed("ephemeral_containers")
	some entry in request.subject.pod.containers
	entry.field[count(entry.field) - 2] == "ephemeralContainers"
	violation := {
		"code": "IMG-019",
		"severity": "high",
		"message": sprintf("%s: an ephemeral container sees what tenants ask. Debug a copy of the pod elsewhere.", [owner]),
		"field": entry.field,
	}
}

references := array.concat(
	[{"field": array.concat(entry.field, ["image"]), "image": entry.container.image} |
		some entry in request.subject.pod.containers
	],
	[{"field": array.concat(entry.field, ["image", "reference"]), "image": reference} |
		some entry in request.subject.pod.volumes
		reference := entry.volume.image.reference
	],
)

from_allowed_registry(image) if {
	place := concat("", [placed(image), "/"])
	some registry in request.limits.images.registries
	startswith(place, concat("", [trim_suffix(registry, "/"), "/"]))
}

# Host and path of an image as container runtimes complete them; undefined for what is no reference. Hosts have no case.
placed(image) := concat("/", [host(parts), place]) if {
	parts := split(without_tag(image), "/")
	regex.match(`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?$`, host(parts))
	place := concat("/", path(parts))
	regex.match(`^[a-z0-9]+((\.|_{1,2}|-+|/)[a-z0-9]+)*$`, place)
}

without_tag(image) := regex.replace(split(image, "@")[0], `:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`, "")

host(parts) := "docker.io" if {
	not names_host(parts)
} else := "docker.io" if {
	lower(parts[0]) == "index.docker.io"
} else := lower(parts[0])

path(parts) := array.slice(parts, 1, count(parts)) if {
	names_host(parts)
	not host(parts) == "docker.io"
} else := in_library(array.slice(parts, 1, count(parts))) if {
	names_host(parts)
} else := in_library(parts)

# What lies on Docker Hub without a folder lies in `library`.
in_library(parts) := array.concat(["library"], parts) if {
	count(parts) == 1
} else := parts

names_host(parts) if {
	count(parts) > 1
	regex.match(`[.:A-Z]|^localhost$`, parts[0])
}

# The registry's host says nothing about the image.
for_debugging(image) if {
	names := concat("-", path(split(without_tag(image), "/")))
	words := {word | some word in split(replace(names, "_", "-"), "-")}
	count(words & debug_names) > 0
}

for_debugging(image) if {
	words := {word | some word in split(replace(replace(lower(tag(image)), "_", "-"), ".", "-"), "-")}
	count(words & (debug_names | {"dev", "devel"})) > 0
}

default tag(_) := ""

tag(image) := trim_prefix(trim_prefix(name, without_tag(image)), ":") if name := split(image, "@")[0]

debug_names := {
	"busybox",
	"debug",
	"debugger",
	"debugging",
	"debugtools",
	"devtools",
	"dnsutils",
	"kali",
	"koolbox",
	"netshoot",
	"nettools",
	"netutils",
	"toolbox",
	"toybox",
}
