package lib.weighbridge.requirements.img

# METADATA
# title: No shell in the image
# description: Whoever breaks into a server can do little without one.
# related_resources:
#   - ref: https://attack.mitre.org/techniques/T1059/
#     description: MITRE ATT&CK, command and scripting interpreter
#   - ref: https://media.defense.gov/2022/Aug/29/2003066362/-1/-1/0/CTR_KUBERNETES_HARDENING_GUIDANCE_1.2_20220829.PDF
#     description: NSA and CISA, Kubernetes hardening guidance, container images
# custom:
#   code: IMG-006
#   severity: high
#   fix: Build the image on a base without shells, such as distroless, Wolfi or scratch.
deny contains violation if {
	some finding in findings({"shells"})
	violation := {
		"code": "IMG-006",
		"severity": "high",
		"message": sprintf("%s: image `%s` holds shells: %s. Build it on a base without.", [owner, finding.name, finding.shown]),
		"field": finding.field,
	}
}

# METADATA
# title: No compiler in the image
# description: A compiler, linker or assembler builds on the spot what nobody has signed.
# related_resources:
#   - ref: https://media.defense.gov/2022/Aug/29/2003066362/-1/-1/0/CTR_KUBERNETES_HARDENING_GUIDANCE_1.2_20220829.PDF
#     description: NSA and CISA, Kubernetes hardening guidance, container images
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: CIS Docker Benchmark, container images
# custom:
#   code: IMG-007
#   severity: high
#   fix: Compile in an earlier stage of the build, and copy the result.
deny contains violation if {
	some finding in findings({"compilers"})
	violation := {
		"code": "IMG-007",
		"severity": "high",
		"message": sprintf("%s: image `%s` holds compilers: %s. Compile in an earlier stage of the build.", [owner, finding.name, finding.shown]),
		"field": finding.field,
	}
}

# METADATA
# title: No network tools in the image
# description: curl, wget, nc, ssh and the like fetch the next step of an attack, and send data away.
# related_resources:
#   - ref: https://attack.mitre.org/techniques/T1059/
#     description: MITRE ATT&CK, command and scripting interpreter
#   - ref: https://media.defense.gov/2022/Aug/29/2003066362/-1/-1/0/CTR_KUBERNETES_HARDENING_GUIDANCE_1.2_20220829.PDF
#     description: NSA and CISA, Kubernetes hardening guidance, container images
# custom:
#   code: IMG-008
#   severity: high
#   fix: Leave them out; let the server itself answer probes.
deny contains violation if {
	some finding in findings({"network_tools"})
	violation := {
		"code": "IMG-008",
		"severity": "high",
		"message": sprintf("%s: image `%s` holds network tools: %s. Leave them out.", [owner, finding.name, finding.shown]),
		"field": finding.field,
	}
}

# METADATA
# title: No package manager in the image
# description: With one, what was left out is a command away, and what runs is not what was scanned.
# related_resources:
#   - ref: https://media.defense.gov/2022/Aug/29/2003066362/-1/-1/0/CTR_KUBERNETES_HARDENING_GUIDANCE_1.2_20220829.PDF
#     description: NSA and CISA, Kubernetes hardening guidance, container images
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: CIS Docker Benchmark, container images
# custom:
#   code: IMG-009
#   severity: medium
#   fix: Install in an earlier stage of the build, and copy the result.
deny contains violation if {
	some finding in findings({"package_managers"})
	violation := {
		"code": "IMG-009",
		"severity": "medium",
		"message": sprintf("%s: image `%s` holds package managers: %s. Install in an earlier stage of the build.", [owner, finding.name, finding.shown]),
		"field": finding.field,
	}
}

# METADATA
# title: No program with more rights, and none that anybody can change
# description: Neither setuid, setgid and file capabilities nor folders on PATH that everybody may write to.
# related_resources:
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: CIS Docker Benchmark, container images
#   - ref: https://media.defense.gov/2022/Aug/29/2003066362/-1/-1/0/CTR_KUBERNETES_HARDENING_GUIDANCE_1.2_20220829.PDF
#     description: NSA and CISA, Kubernetes hardening guidance, container images
# custom:
#   code: IMG-010
#   severity: high
#   fix: Remove the bits (`chmod a-s`), and write permission for others.
deny contains violation if {
	some finding in findings({"setuid", "writable_path"})
	violation := {
		"code": "IMG-010",
		"severity": "high",
		"message": sprintf("%s: image `%s` holds programs with more rights, or that anybody can change: %s. Take these rights away.", [owner, finding.name, finding.shown]),
		"field": finding.field,
	}
}

# METADATA
# title: The image does not start through a shell
# description: Then what starts depends on variables and files that the pod's author gives, and signals do not reach the server.
# related_resources:
#   - ref: https://attack.mitre.org/techniques/T1059/
#     description: MITRE ATT&CK, command and scripting interpreter
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: CIS Docker Benchmark, container images
# custom:
#   code: IMG-014
#   severity: high
#   fix: Write ENTRYPOINT in the build as a list that begins with the server's program.
deny contains violation if {
	some finding in findings({"entrypoint_shell"})
	violation := {
		"code": "IMG-014",
		"severity": "high",
		"message": sprintf("%s: image `%s` starts through a shell: %s. Write its ENTRYPOINT as a list that begins with the server.", [owner, finding.name, finding.shown]),
		"field": finding.field,
	}
}

# METADATA
# title: No secret in the image
# description: Whoever can pull the image has it, also from a layer that a later one hides.
# related_resources:
#   - ref: https://attack.mitre.org/techniques/T1552/
#     description: MITRE ATT&CK, unsecured credentials
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: CIS Docker Benchmark, container images
# custom:
#   code: IMG-015
#   severity: critical
#   fix: Revoke the secret, build the image without it, and mount it from a Secret.
deny contains violation if {
	some finding in findings({"secrets"})
	violation := {
		"code": "IMG-015",
		"severity": "critical",
		"message": sprintf("%s: image `%s` holds likely secrets: %s. Revoke them, and build the image without.", [owner, finding.name, finding.shown]),
		"field": finding.field,
	}
}

# METADATA
# title: No weights in the image
# description: The model's digest does not cover them, so what serves could be another model.
# related_resources:
#   - ref: https://owasp.org/www-project-machine-learning-security-top-10
#     description: OWASP ML Top 10, ML06 AI supply chain attacks
#   - ref: https://atlas.mitre.org/techniques/AML.T0044
#     description: MITRE ATLAS, full AI model access
# custom:
#   code: IMG-016
#   severity: medium
#   fix: Mount the weights from one of the version's approved sources.
deny contains violation if {
	some finding in findings({"weights"})
	violation := {
		"code": "IMG-016",
		"severity": "medium",
		"message": sprintf("%s: image `%s` holds weights: %s. Mount them from an approved source.", [owner, finding.name, finding.shown]),
		"field": finding.field,
	}
}

# METADATA
# title: The whole image was read
# description: Of what the profile could not read nothing is known.
# related_resources:
#   - ref: https://atlas.mitre.org/techniques/AML.T0010
#     description: MITRE ATLAS, AI supply chain compromise
#   - ref: https://media.defense.gov/2022/Aug/29/2003066362/-1/-1/0/CTR_KUBERNETES_HARDENING_GUIDANCE_1.2_20220829.PDF
#     description: NSA and CISA, Kubernetes hardening guidance, container images
# custom:
#   code: IMG-017
#   severity: medium
#   fix: Build the image without the files that could not be read, or accept them by path in the attestation's `except`.
deny contains violation if {
	some finding in findings({"unread"})
	violation := {
		"code": "IMG-017",
		"severity": "medium",
		"message": sprintf("%s: image `%s` was not read in full: %s. Leave these files out, or accept them in the attestation.", [owner, finding.name, finding.shown]),
		"field": finding.field,
	}
}

# Of the images whose profile is known the ones in which anything of these kinds was found.
findings(kinds) := [finding |
	some image in images_with_findings
	found := {shown(texts) |
		some kind, texts in image.facts.profile.found
		kind in kinds
		not allowed(kind)
	}
	count(found) > 0
	finding := {"field": image.field, "name": image.name, "shown": short(concat(", ", sort(found)))}
]

images_with_findings := [image |
	some image in images
	known(image, "profile")
	count(image.facts.profile.found) > 0
]

# A list that is none still says that something was found.
shown(texts) := concat(", ", [sprintf("%v", [text]) | some text in texts]) if {
	is_array(texts)
} else := "something"
