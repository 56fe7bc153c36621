package lib.weighbridge.requirements.img

import data.lib.weighbridge.request

# METADATA
# title: The image's profile is known
# description: |
#   Where the environment demands it, a verified, unexpired image profile says what is in every image that runs. A profile that its
#   evidence rule refuses is known all the same; the requirements after this one judge what it says.
# related_resources:
#   - ref: https://atlas.mitre.org/techniques/AML.T0010.004
#     description: MITRE ATLAS, container registry
#   - ref: https://media.defense.gov/2022/Aug/29/2003066362/-1/-1/0/CTR_KUBERNETES_HARDENING_GUIDANCE_1.2_20220829.PDF
#     description: NSA and CISA, Kubernetes hardening guidance, container images
# custom:
#   code: IMG-001
#   severity: high
#   fix: Sign a profile of the image with `weighbridge image profile --key`, put it below images/, and compile again.
deny contains violation if {
	some image in images
	unknown(image, "profile")
	violation := {
		"code": "IMG-001",
		"severity": "high",
		"message": sprintf("%s: image `%s` %s profile. Sign one with `weighbridge image profile`.", [
			owner,
			image.name,
			lack(image, "profile"),
		]),
		"field": image.field,
	}
}

# METADATA
# title: The image's bill of materials is known
# description: Where the environment demands it, a verified, unexpired bill of materials lists the components of every image that runs.
# related_resources:
#   - ref: https://owasp.org/www-project-machine-learning-security-top-10
#     description: OWASP ML Top 10, ML06 AI supply chain attacks
#   - ref: https://www.ntia.gov/page/software-bill-materials
#     description: NTIA, software bill of materials
# custom:
#   code: IMG-002
#   severity: medium
#   fix: Have the image's bill of materials signed with `weighbridge attest --image`, put it below images/, and compile again.
deny contains violation if {
	some image in images
	unknown(image, "sbom")
	violation := {
		"code": "IMG-002",
		"severity": "medium",
		"message": sprintf("%s: image `%s` %s bill of materials. Have one signed and compile again.", [
			owner,
			image.name,
			lack(image, "sbom"),
		]),
		"field": image.field,
	}
}

# METADATA
# title: The image's vulnerabilities are known
# description: Where the environment demands it, a verified scan that is not too old says which vulnerabilities every image has.
# related_resources:
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: CIS Docker Benchmark, images are scanned
#   - ref: https://owasp.org/www-project-machine-learning-security-top-10
#     description: OWASP ML Top 10, ML06 AI supply chain attacks
# custom:
#   code: IMG-003
#   severity: high
#   fix: Scan the image, have the report signed with `weighbridge attest --scanner`, put it below images/, and compile again.
deny contains violation if {
	some image in images
	unknown(image, "vulnerabilities")
	violation := {
		"code": "IMG-003",
		"severity": "high",
		"message": sprintf("%s: image `%s` %s scan for vulnerabilities. Scan it, have the report signed and compile again.", [
			owner,
			image.name,
			lack(image, "vulnerabilities"),
		]),
		"field": image.field,
	}
}

# METADATA
# title: No vulnerabilities are open
# description: |
#   None above `limits.images.max_severity`, and none of unknown severity. What the evidence rule accepts by name is not open.
# related_resources:
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: CIS Docker Benchmark, images are scanned
#   - ref: https://atlas.mitre.org/techniques/AML.T0010
#     description: MITRE ATLAS, AI supply chain compromise
# custom:
#   code: IMG-013
#   severity: high
#   fix: Build the image with versions that have a fix, scan it again, or have single findings accepted in the attestation's `allowed`.
deny contains violation if {
	some image in images
	known(image, "vulnerabilities")
	beyond := {severity | some severity, number in image.facts.vulnerabilities.open; open(severity, number)}
	count(beyond) > 0
	violation := {
		"code": "IMG-013",
		"severity": "high",
		"message": sprintf("%s: image `%s` has open vulnerabilities: %s. Build it with versions that have a fix.", [
			owner,
			image.name,
			concat(", ", [sprintf("%v %s", [image.facts.vulnerabilities.open[severity], severity]) | some severity in sort(beyond)]),
		]),
		"field": image.field,
	}
}

rank := {"none": 0, "low": 1, "medium": 2, "high": 3, "critical": 4}

open(severity, number) if {
	number != 0
	not within(severity)
}

within(severity) if rank[severity] <= rank[request.limits.images.max_severity]
