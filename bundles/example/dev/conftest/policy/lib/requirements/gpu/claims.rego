package lib.weighbridge.requirements.gpu

import data.lib.weighbridge.request

# METADATA
# title: Claims hand out whole devices, to one pod
# description: |
#   A ResourceClaim, its template or a DeviceClass decides what a pod gets that names it. None asks for `adminAccess`, which hands out
#   devices that others hold. Where tenants share machines, none configures time slices or MPS, consumes a part of a device's
#   capacity, or names a device class that the environment does not grade highly enough. In a cluster, classes of other devices come
#   with their drivers: they are judged before they are merged, and pods that name one are refused anyway.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/scheduling-eviction/dynamic-resource-allocation/
#     description: Kubernetes, dynamic resource allocation, admin access
#   - ref: https://www.kubernetes.dev/resources/keps/5004/
#     description: KEP-5004, device classes under the names of extended resources
#   - ref: https://media.defense.gov/2022/Aug/29/2003066362/-1/-1/0/CTR_KUBERNETES_HARDENING_GUIDANCE_1.2_20220829.PDF
#     description: NSA and CISA, Kubernetes Hardening Guidance
# custom:
#   code: GPU-010
#   severity: critical
#   fix: Remove `adminAccess` and `sharing`, and use device classes that the environment's `device_classes` grades highly enough.
deny contains violation if {
	some found in claim_problems
	violation := {
		"code": "GPU-010",
		"severity": "critical",
		"message": sprintf("%s: %s", [owner, found.what]),
		"field": found.field,
	}
}

claim_object := request.subject.manifest if {
	request.bound
	startswith(request.subject.manifest.apiVersion, "resource.k8s.io/")
	request.subject.manifest.kind in {"ResourceClaim", "ResourceClaimTemplate", "DeviceClass"}
	not left_to_the_cluster
}

left_to_the_cluster if {
	request.in_cluster
	request.subject.manifest.kind == "DeviceClass"
	not graded(request.subject.manifest)
	device(object.get(request.subject.manifest, ["spec", "extendedResourceName"], "")) == "unknown"
}

claim_of_many := claim_object if not request.multi_tenant == false

claim_problems contains {"field": path, "what": "`adminAccess` hands out devices that others hold. Remove it."} if {
	walk(claim_object.spec, [inner, value])
	inner[count(inner) - 1] == "adminAccess"
	not value in {null, false}
	path := array.concat(["spec"], inner)
}

claim_problems contains {"field": ["spec"], "what": "nobody can read its `spec`, so it proves nothing. Correct it."} if {
	claim_of_many
	not readable_object
}

claim_problems contains {"field": path, "what": sprintf("`%s` shares the device. Remove it.", [key])} if {
	walk(claim_of_many.spec, [inner, value])
	key := inner[count(inner) - 1]
	key in {"sharing", "capacity", "timeSlicing", "timeSlicingConfig", "mpsConfig"}
	not value in {null, {}}
	path := array.concat(["spec"], inner)
}

claim_problems contains {"field": path, "what": "parameters for the driver that are no object cannot be read. Write them out."} if {
	walk(claim_of_many.spec, [inner, value])
	inner[count(inner) - 1] == "parameters"
	not is_object(value)
	path := array.concat(["spec"], inner)
}

claim_problems contains {"field": path, "what": what} if {
	walk(claim_of_many.spec, [inner, value])
	inner[count(inner) - 1] == "deviceClassName"
	not class_suffices(value)
	path := array.concat(["spec"], inner)
	what := sprintf("device class `%s` is %s here, needed is %s. Use another.", [short(value), class_device(value), short(needed)])
}

# A class that nobody graded may be anything; under an extended resource's name it must be what that name is.
claim_problems contains {"field": ["metadata", "name"], "what": "nobody graded this device class. Add it to `device_classes`."} if {
	claim_of_many.kind == "DeviceClass"
	not graded(claim_of_many)
}

claim_problems contains {"field": ["spec", "extendedResourceName"], "what": what} if {
	claim_of_many.kind == "DeviceClass"
	name := object.get(claim_of_many.spec, "extendedResourceName", null)
	name != null
	device(name) != class_device(claim_of_many.metadata.name)
	what := sprintf("resource `%s` is %s here, and the class is not. Give it another name.", [short(name), device(name)])
}

readable_object if {
	claim_object.kind == "DeviceClass"
	is_object(claim_object.spec)
}

readable_object if {
	claim_object.kind == "ResourceClaim"
	classed(claim_object.spec)
}

readable_object if {
	claim_object.kind == "ResourceClaimTemplate"
	classed(claim_object.spec.spec)
}

# Every request names a class, in whichever of the versions' ways.
classed(claim) if {
	is_array(claim.devices.requests)
	count(claim.devices.requests) > 0
	every wanted in claim.devices.requests {
		names_class(wanted)
	}
}

names_class(wanted) if is_string(wanted.deviceClassName)

names_class(wanted) if is_string(wanted.exactly.deviceClassName)

names_class(wanted) if {
	is_array(wanted.firstAvailable)
	count(wanted.firstAvailable) > 0
	every choice in wanted.firstAvailable {
		is_string(choice.deviceClassName)
	}
}

# Rules of their own: negating a call whose argument is undefined is undefined, too, and would say nothing.
graded(class) if settings.device_classes[class.metadata.name]

class_suffices(name) if class_device(name) == "none"

class_suffices(name) if device_suffices(class_device(name))
