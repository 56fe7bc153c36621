package lib.weighbridge.requirements.img

import data.lib.weighbridge.request

# METADATA
# title: The image stands on a minimal base
# description: Every base that the profile tells is one of `limits.images.bases`, and installed packages agree with it.
# related_resources:
#   - ref: https://media.defense.gov/2022/Aug/29/2003066362/-1/-1/0/CTR_KUBERNETES_HARDENING_GUIDANCE_1.2_20220829.PDF
#     description: NSA and CISA, Kubernetes hardening guidance, container images
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: CIS Docker Benchmark, container images
# custom:
#   code: IMG-005
#   severity: medium
#   fix: Build the image on distroless, Wolfi, Chainguard or scratch, or name its base in `workloads.images.bases`.
deny contains violation if {
	some image in images
	known(image, "profile")
	other := {family | some family in image.facts.profile.bases; not family in request.limits.images.bases}
	count(other) > 0
	violation := {
		"code": "IMG-005",
		"severity": "medium",
		"message": sprintf("%s: image `%s` stands on %s, which is not accepted. Build it on %s.", [
			owner,
			image.name,
			short(concat(", ", sort(other))),
			short(concat(", ", request.limits.images.bases)),
		]),
		"field": image.field,
	}
}

# METADATA
# title: The image does not run as root
# description: Nor as nobody that could be told, unless the pod sets another user id, or has a user namespace that nodes honour.
# related_resources:
#   - ref: https://media.defense.gov/2022/Aug/29/2003066362/-1/-1/0/CTR_KUBERNETES_HARDENING_GUIDANCE_1.2_20220829.PDF
#     description: NSA and CISA, Kubernetes hardening guidance, container images
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: CIS Docker Benchmark, container images
# custom:
#   code: IMG-011
#   severity: high
#   fix: Set a numeric USER in the build, or `runAsUser` in the pod.
deny contains violation if {
	some image in images
	known(image, "profile")
	not allowed("root")
	some user in image.facts.profile.users
	user != "other"
	not other_user(image.container)
	violation := {
		"code": "IMG-011",
		"severity": "high",
		"message": sprintf("%s: image `%s` runs as %s. Build it with a numeric USER, or set runAsUser.", [
			owner,
			image.name,
			object.get({"root": "root"}, user, "a user that could not be told"),
		]),
		"field": image.field,
	}
}

# METADATA
# title: CUDA and cuDNN are not outdated
# description: No version in the image lies below the environment's `cuda` and `cudnn`; one that cannot be read counts as below.
# related_resources:
#   - ref: https://atlas.mitre.org/techniques/AML.T0010
#     description: MITRE ATLAS, AI supply chain compromise
#   - ref: https://docs.nvidia.com/deploy/cuda-compatibility/
#     description: NVIDIA, CUDA compatibility
# custom:
#   code: IMG-012
#   severity: medium
#   fix: Build the image with CUDA and cuDNN of the environment's minimum or later.
deny contains violation if {
	some image in images
	known(image, "profile")
	some library in ["cuda", "cudnn"]
	bound := request.limits.images[library]
	bound != null
	some version in image.facts.profile[library]
	not at_least(version, bound.min)
	violation := {
		"code": "IMG-012",
		"severity": "medium",
		"message": sprintf("%s: image `%s` has %s %s, and %s is the least. Build it with a later one.", [
			owner,
			image.name,
			{"cuda": "CUDA", "cudnn": "cuDNN"}[library],
			short(version),
			bound.min,
		]),
		"field": image.field,
	}
}

# The container's setting comes before the pod's, as in Kubernetes.
other_user(container) if {
	setting := object.get(container, ["securityContext", "runAsUser"], null)
	setting != null
	is_number(setting)
	setting > 0
}

other_user(container) if {
	object.get(container, ["securityContext", "runAsUser"], null) == null
	setting := object.get(request.subject.pod.spec, ["securityContext", "runAsUser"], null)
	is_number(setting)
	setting > 0
}

other_user(_) if {
	request.subject.pod.spec.hostUsers == false
	request.limits.user_namespaces == true
}

# A version that says less than the bound does not prove that it is reached.
at_least(version, least) if {
	parts := numbers_of(version)
	bound := numbers_of(least)
	count(parts) >= count(bound)
	parts >= bound
}

numbers_of(version) := [to_number(part) | some part in split(version, ".")] if {
	regex.match(`^[0-9]{1,6}(\.[0-9]{1,6}){0,3}$`, version)
}
