package lib.weighbridge.requirements.gpu

import data.lib.weighbridge.request

# METADATA
# title: What a pod asks of devices can be read
# description: |
#   A list of resources, a claim or a runtime class that is written in another way than Kubernetes' own proves nothing about the
#   device that the pod will get.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/scheduling-eviction/dynamic-resource-allocation/
#     description: Kubernetes, dynamic resource allocation
#   - ref: https://media.defense.gov/2022/Aug/29/2003066362/-1/-1/0/CTR_KUBERNETES_HARDENING_GUIDANCE_1.2_20220829.PDF
#     description: NSA and CISA, Kubernetes Hardening Guidance
# custom:
#   code: GPU-001
#   severity: high
#   fix: Write the field as the Kubernetes API has it; a claim is `{name, resourceClaimTemplateName}`.
deny contains violation if {
	judged
	some found in unreadable
	violation := {
		"code": "GPU-001",
		"severity": "high",
		"message": sprintf("%s: %s is not what Kubernetes takes there, so nobody knows its device. Correct it.", [owner, short(found.what)]),
		"field": found.field,
	}
}

unreadable contains {"field": place.field, "what": "resources"} if {
	some place in places
	not is_object(place.resources)
}

unreadable contains {"field": array.concat(place.field, path), "what": concat(".", array.concat(["resources"], path))} if {
	some place in places
	some path in [["limits"], ["requests"]]
	value := object.get(place.resources, path, null)
	value != null
	not is_object(value)
}

unreadable contains {"field": array.concat(spec_field, ["runtimeClassName"]), "what": "runtimeClassName"} if {
	not object.get(spec, "runtimeClassName", "") in {null, ""}
	not is_string(spec.runtimeClassName)
}

unreadable contains {"field": array.concat(spec_field, ["resourceClaims"]), "what": "resourceClaims"} if {
	not object.get(spec, "resourceClaims", null) == null
	not is_array(spec.resourceClaims)
}

unreadable contains {"field": array.concat(spec_field, ["resourceClaims", i]), "what": "resourceClaims"} if {
	some i, claim in spec.resourceClaims
	not readable_claim(claim)
}

unreadable contains {"field": array.concat(spec_field, [name]), "what": name} if {
	some name in ["nodeSelector", "affinity"]
	value := object.get(spec, name, null)
	value != null
	not is_object(value)
}

# Operators' own objects name no claim, and say which of its requests they mean.
readable_claim(claim) if {
	some key in ["resourceClaimName", "resourceClaimTemplateName"]
	is_string(claim[key])
	object.keys(claim) - {"name", "requests"} == {key}
}

# Everything the pod asks for that is, or may be, an accelerator. What a name means only the environment knows.
asked := {found | some found in union({asked_by_resource, asked_by_claim, asked_by_sharing}); found.device != "none"}

asked_by_resource contains {"field": array.concat(place.field, [list, name]), "what": name, "device": device(name)} if {
	some place in places
	some list in ["limits", "requests"]
	some name, _ in object.get(place.resources, list, {})
	not ordinary(name)
}

asked_by_claim contains {"field": array.concat(spec_field, ["resourceClaims", i]), "what": what, "device": claimed} if {
	some i, claim in spec.resourceClaims
	what := claim_source(claim)
	claimed := claim_device(claim)
}

# A claim under its own name is one device for every pod that names it; a template makes a claim for each pod.
default claim_device(_) := "unknown"

claim_device(claim) := "shared" if {
	claim.resourceClaimName
} else := settings.claim_templates[claim.resourceClaimTemplateName]

default claim_source(_) := "claim"

claim_source(claim) := sprintf("claim %v", [claim.resourceClaimName]) if {
	claim.resourceClaimName
} else := sprintf("claim template %v", [claim.resourceClaimTemplateName])

# Schedulers that cut a device into shares by annotation or label; none of them isolates what it cuts.
asked_by_sharing contains {"field": array.concat(pod_field, ["metadata", map, key]), "what": key, "device": "shared"} if {
	some map in ["annotations", "labels"]
	some key, _ in request.subject.pod[map]
	regex.match(`(?i)(^|/)gpu-(fraction|memory|sm-cores|portion)([.-]|$)|^mps$`, key)
}

asked_by_sharing contains {"field": array.concat(spec_field, ["nodeSelector", key]), "what": key, "device": "shared"} if {
	some key, value in spec.nodeSelector
	key in node_labels
	not value in {"none", "false"}
}

asked_by_sharing contains {"field": field, "what": expression.key, "device": "shared"} if {
	some path, expression
	walk(spec.affinity, [path, expression])
	expression.key in node_labels
	not refuses_sharing(expression)
	field := array.concat(affinity_field, path)
}

affinity_field := array.concat(spec_field, ["affinity"])

# Labels of nodes whose devices are shared.
node_labels := {
	"cloud.google.com/gke-gpu-sharing-strategy",
	"cloud.google.com/gke-max-shared-clients-per-gpu",
	"nvidia.com/device-plugin.config",
	"nvidia.com/gpu.replicas",
	"nvidia.com/gpu.sharing-strategy",
	"nvidia.com/mps.capable",
}

refuses_sharing(expression) if expression.operator == "DoesNotExist"

refuses_sharing(expression) if {
	expression.operator == "In"
	count(expression.values) > 0
	every value in expression.values {
		value in {"none", "false"}
	}
}

places contains {"field": array.concat(entry.field, ["resources"]), "resources": entry.container.resources} if {
	some entry in request.subject.pod.containers
	entry.container.resources != null
}

places contains {"field": array.concat(spec_field, ["resources"]), "resources": spec.resources} if spec.resources != null

ordinary(name) if name in {"cpu", "memory", "ephemeral-storage", "storage"}

ordinary(name) if startswith(name, "hugepages-")

# Kubernetes hands out a device of a class under this name, too, whatever the class itself calls it.
class_prefix := "deviceclass.resource.kubernetes.io/"

default device(_) := "unknown"

device(name) := "shared" if {
	shares_by_name(name)
} else := meaning(name) if {
	not contains(name, "*")
}

meaning(name) := class_device(trim_prefix(name, class_prefix)) if {
	startswith(name, class_prefix)
} else := settings.resources[name] if {
	settings.resources[name]
} else := settings.resources[pattern_of(name)]

# The longest beginning that the environment describes.
pattern_of(name) := matching[count(matching) - 1][1] if {
	matching := sort([[count(pattern), pattern] |
		some pattern, _ in settings.resources
		endswith(pattern, "*")
		startswith(name, trim_suffix(pattern, "*"))
	])
}

default class_device(_) := "unknown"

class_device(name) := settings.device_classes[name]

# Names that say themselves that others compute on the same device: time slices and MPS under the device plugin's own name, shares
# that schedulers promise, MIG's compute instances (which share the memory of their GPU instance), whole nodes for monitoring.
shares_by_name(name) if {
	regex.match(`(?i)(\.shared?$|/mig-[0-9]+c\.|vcuda|vgpu|sgpu|smlu|gpu[-_.]?(mem|core)|_monitoring$)`, name)
}

# The container itself is handed a device.
asks(entry) if {
	some list in ["limits", "requests"]
	some name, _ in object.get(entry.container.resources, list, {})
	not ordinary(name)
	device(name) != "none"
}

asks(entry) if {
	some claim in entry.container.resources.claims
	not claims_nothing(claim)
}

# Annotations, and resources of the pod, do not say for which of its containers they are.
asks(_) if count(asked_by_sharing) > 0

asks(_) if {
	some found in asked_by_claim
	found.device != "none"
	every entry in request.subject.pod.containers {
		not refers_to_claims(entry)
	}
}

asks(_) if {
	some name, _ in object.union(object.get(spec, ["resources", "limits"], {}), object.get(spec, ["resources", "requests"], {}))
	not ordinary(name)
	device(name) != "none"
}

refers_to_claims(entry) if count(entry.container.resources.claims) > 0

claims_nothing(claim) if {
	some defined in spec.resourceClaims
	defined.name == claim.name
	settings.claim_templates[defined.resourceClaimTemplateName] == "none"
}
