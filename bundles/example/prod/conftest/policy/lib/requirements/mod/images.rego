package lib.weighbridge.requirements.mod

import data.lib.weighbridge.request

# METADATA
# title: Images are pinned and approved
# description: |
#   A tag can be moved. Every image of the pod, of init and ephemeral containers too, is named by digest, and the digest is one of
#   the version's approved serving images or a support image.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/containers/images/
#     description: Kubernetes images
#   - ref: https://atlas.mitre.org/techniques/AML.T0010.004
#     description: MITRE ATLAS AML.T0010.004, container registry
# custom:
#   code: MOD-008
#   severity: high
#   fix: Write the image as `name@sha256:<64 hex>`, with a digest that the version's card names.
deny contains violation if {
	request.serving
	some entry in request.subject.pod.containers
	not request.image_digest(entry.container.image)
	violation := {
		"code": "MOD-008",
		"severity": "high",
		"message": sprintf("%s: image `%s` is not pinned by digest. Write it as `name@sha256:<64 hex>`.", [image_owner, short(entry.container.image)]),
		"field": array.concat(entry.field, ["image"]),
	}
}

deny contains violation if {
	request.serving
	approved
	some entry in request.subject.pod.containers
	pinned := request.image_digest(entry.container.image)
	not approved_image(pinned)
	violation := {
		"code": "MOD-008",
		"severity": "high",
		"message": sprintf("%s: image `%s` is not among the version's approved images. Use one that its card names.", [image_owner, short(entry.container.image)]),
		"field": array.concat(entry.field, ["image"]),
	}
}

default image_owner := "object"

image_owner := version_name

image_owner := object_name if not version_name

approved_image(pinned) if is_object(record.images[pinned])

approved_image(pinned) if request.support_image(pinned)

short(text) := text if {
	count(text) <= 100
} else := concat("", [substring(text, 0, 97), "..."])
