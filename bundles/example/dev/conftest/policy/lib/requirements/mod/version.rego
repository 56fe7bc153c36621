package lib.weighbridge.requirements.mod

import data.lib.weighbridge.request

# METADATA
# title: The version is known
# description: A version that is not in the compiled registry of this environment has proven nothing.
# related_resources:
#   - ref: https://slsa.dev/spec/v1.0/verifying-artifacts
#     description: SLSA, verifying artifacts
#   - ref: https://owasp.org/www-project-machine-learning-security-top-10/docs/ML06_2023-AI_Supply_Chain_Attacks
#     description: OWASP ML Top 10, ML06 AI supply chain attacks
# custom:
#   code: MOD-002
#   severity: high
#   fix: Add the version to the catalogue and compile, or correct the labels.
deny contains violation if {
	request.serving
	version_name
	not record
	violation := {
		"code": "MOD-002",
		"severity": "high",
		"message": sprintf("%s: unknown version in %s. Add it to the catalogue and compile, or correct the labels.", [version_name, request.environment]),
		"field": version_field,
	}
}

# METADATA
# title: The version is approved
# description: Deny pods whose `model_version` label lacks an approved attestation. The message names what is missing.
# related_resources:
#   - ref: https://slsa.dev/spec/v1.0/verification_summary
#     description: SLSA, verification summary
#   - ref: https://atlas.mitre.org/techniques/AML.T0010.003
#     description: MITRE ATLAS AML.T0010.003, supply chain of models
# custom:
#   code: MOD-003
#   severity: critical
#   fix: Provide the missing evidence and compile again; `weighbridge explain` shows what is missing.
deny contains violation if {
	request.serving
	record
	not approved
	violation := {
		"code": "MOD-003",
		"severity": "critical",
		"message": sprintf("%s: %s. `weighbridge explain` says what to provide.", [version_name, refusal]),
		"field": version_field,
	}
}

# METADATA
# title: The approval is unexpired
# description: An approval ends with the earliest of its attestations.
# related_resources:
#   - ref: https://in-toto.io/
#     description: in-toto
#   - ref: https://owasp.org/www-project-machine-learning-security-top-10/docs/ML06_2023-AI_Supply_Chain_Attacks
#     description: OWASP ML Top 10, ML06 AI supply chain attacks
# custom:
#   code: MOD-004
#   severity: high
#   fix: Renew the evidence that has expired and compile again.
deny contains violation if {
	request.serving
	approved
	not unexpired
	violation := {
		"code": "MOD-004",
		"severity": "high",
		"message": sprintf("%s: its approval in %s has expired. Renew the evidence and compile again.", [version_name, request.environment]),
		"field": version_field,
	}
}

# METADATA
# title: The version is not revoked
# description: A revoked digest may start nowhere.
# related_resources:
#   - ref: https://csrc.nist.gov/glossary/term/revocation
#     description: NIST, revocation
#   - ref: https://atlas.mitre.org/techniques/AML.T0010.003
#     description: MITRE ATLAS AML.T0010.003, supply chain of models
# custom:
#   code: MOD-006
#   severity: critical
#   fix: Deploy another version; only a `restore` order lifts a revocation.
deny contains violation if {
	request.serving
	record
	count(request.revocations(digest)) != 0
	violation := {
		"code": "MOD-006",
		"severity": "critical",
		"message": sprintf("%s: revoked. Deploy another version, or have a `restore` order signed.", [version_name]),
		"field": version_field,
	}
}

# METADATA
# title: The version is not frozen
# description: A frozen version gets no new pods.
# related_resources:
#   - ref: https://csrc.nist.gov/glossary/term/incident_response_plan
#     description: NIST, incident response
#   - ref: https://owasp.org/www-project-machine-learning-security-top-10/docs/ML06_2023-AI_Supply_Chain_Attacks
#     description: OWASP ML Top 10, ML06 AI supply chain attacks
# custom:
#   code: MOD-007
#   severity: high
#   fix: Wait for the `thaw` order, or deploy another version.
deny contains violation if {
	request.serving
	record
	count(request.freezes(version_name)) != 0
	violation := {
		"code": "MOD-007",
		"severity": "high",
		"message": sprintf("%s: frozen, so it gets no new pods. Deploy another version, or have a `thaw` order signed.", [version_name]),
		"field": version_field,
	}
}

record := found if {
	found := request.record(version_name)
	is_object(found)
}

default digest := "unknown"

digest := record.digest if regex.match(`^sha256:[0-9a-f]{64}$`, record.digest)

approved if record.approved == true

unexpired if {
	is_number(record.not_after)
	record.not_after > request.now_ns
}

default refusal := "refused by the gate, without a reason given"

refusal := sprintf("its `%s` label lacks an approved attestation in %s: %s", [
	request.label_names.model_version,
	request.environment,
	concat(", ", missing),
]) if {
	count(missing) > 0
} else := sprintf("refused in %s: %s", [request.environment, concat("; ", reasons)]) if {
	count(reasons) > 0
}

missing := sort([name | some name in record.missing; is_string(name)])

reasons := [reason.message | some reason in record.reasons; is_string(reason.message)]
