package lib.weighbridge.requirements.mod

import data.lib.weighbridge.request
import data.lib.weighbridge.weights

# METADATA
# title: Weights come from an approved, immutable source
# description: |
#   Whatever the pod can load weights from is among the version's approved sources: image volumes by digest; addresses in fields of
#   operators' objects, variables, commands and arguments word for word. Host paths, network shares and claims can change after
#   approval, so they are refused; but a claim counts behind the init container that verifies it (`weighbridge weights verify`, in
#   its exact form). Empty directories and Kubernetes' own small objects are no sources.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/storage/volumes/
#     description: Kubernetes volumes
#   - ref: https://atlas.mitre.org/techniques/AML.T0010.003
#     description: MITRE ATLAS AML.T0010.003, supply chain of models
# custom:
#   code: MOD-009
#   severity: high
#   fix: Mount the weights as an image volume by digest, or name one of the version's approved sources word for word.
deny contains violation if {
	request.serving
	some found in mutable_volumes
	violation := {
		"code": "MOD-009",
		"severity": "high",
		"message": sprintf("%s: volume `%s` can change after approval. Mount the weights as an image volume by digest.", [image_owner, short(found.name)]),
		"field": found.field,
	}
}

deny contains violation if {
	request.serving
	approved
	some entry in request.subject.pod.volumes
	reference := entry.volume.image.reference
	not approved_volume(reference)
	violation := {
		"code": "MOD-009",
		"severity": "high",
		"message": sprintf("%s: image volume `%s` is not an approved source by digest. Use one that the card names.", [image_owner, short(reference)]),
		"field": array.concat(entry.field, ["image", "reference"]),
	}
}

deny contains violation if {
	request.serving
	approved
	some found in addresses
	not record.sources[found.address] == true
	violation := {
		"code": "MOD-009",
		"severity": "high",
		"message": sprintf("%s: weights from `%s`, which is not an approved source. Use one that the card names, word for word.", [image_owner, short(found.address)]),
		"field": found.field,
	}
}

harmless_volumes := {"configMap", "downwardAPI", "emptyDir", "projected", "secret"}

mutable_volumes contains {"name": entry.volume.name, "field": entry.field} if {
	some entry in request.subject.pod.volumes
	not harmless(entry.volume)
	not image_volume(entry.volume)
	not verified_claim(entry.volume)
}

mutable_volumes contains {"name": "volumeClaimTemplates", "field": field} if some field in request.subject.pod.claims

# Kubernetes makes an empty directory of a volume that names no source.
harmless(volume) if {
	types := {type | some type, source in volume; type != "name"; source != null}
	count(types) <= 1
	count(types - harmless_volumes) == 0
}

# Drivers that give a pod its certificates, and nothing else.
harmless(volume) if {
	object.keys(volume) - {"name"} == {"csi"}
	volume.csi.driver in {"csi.cert-manager.io", "csi.spiffe.io", "spiffe.csi.cert-manager.io"}
}

image_volume(volume) if {
	object.keys(volume) - {"name"} == {"image"}
	is_string(volume.image.reference)
}

approved_volume(reference) if approved_image(request.image_digest(reference))

approved_volume(reference) if {
	pinned := request.image_digest(reference)
	some source, allowed in record.sources
	allowed == true
	startswith(source, "oci://")
	endswith(source, concat("", ["@", pinned]))
}

addresses := weights.named(request.subject.pod, verifying)
