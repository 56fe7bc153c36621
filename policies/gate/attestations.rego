package weighbridge.gate

# METADATA
# title: A trusted package statement matches manifest and card
# description: |
#   The artifact digest covers the model's files only, so nothing in manifest or card counts unless the latest package statement,
#   by a signer of the package attestation, names the SHA-256 of both.
# related_resources:
#   - ref: https://github.com/in-toto/attestation/blob/main/docs/validation.md
#     description: in-toto, validation of attestations
# custom:
#   code: REL-001
#   severity: critical
#   fix: Run `weighbridge package` again and have a signer of the package attestation sign its statement.
package_reasons(item) := set() if {
	item.package.matched == true
	holds(item, input.package_attestation)
} else := {attestation_reason(item, input.package_attestation)} if {
	item.package.matched == true
} else := {{
	"code": "REL-001",
	"attestation": input.package_attestation,
	"message": sprintf("no trusted package statement matches manifest and card: %s; run `weighbridge package` again and have %s signed", [
		object.get(item, ["package", "reason"], "there is none"),
		input.package_attestation,
	]),
}}

# METADATA
# title: Every required attestation holds
attestation_reasons(item) := set() if {
	is_array(input.environment.requires)
	every name in input.environment.requires {
		holds(item, name)
	}
} else := reasons if {
	reasons := {attestation_reason(item, name) |
		some name in input.environment.requires
		not holds(item, name)
	}
	count(reasons) > 0
}

# METADATA
# title: Whether an attestation holds now
holds(item, name) if {
	state := item.attestations[name]
	state.held == true
	is_number(state.expires_ns)
	input.at_ns < state.expires_ns
}

# METADATA
# title: A required attestation has evidence
# description: What nobody has stated is not known, so it does not hold.
# related_resources:
#   - ref: https://github.com/in-toto/attestation/blob/main/docs/validation.md
#     description: in-toto, validation of attestations
# custom:
#   code: REL-002
#   severity: critical
#   fix: Have one of the attestation's signers make the statement, and put it into the version's `evidence/`.
attestation_reason(item, name) := {
	"code": "REL-002",
	"attestation": name,
	"message": sprintf("%s: there is no evidence%s; have %s sign a statement about %s", [
		name,
		concat("", sort({sprintf(" (%s)", [reason]) | some reason in general(item, name)})),
		concat(" or ", object.get(item, ["attestations", name, "signers"], ["one of its signers"])),
		object.get(item, ["attestations", name, "subject"], "the artifact digest, and put it into evidence/"),
	]),
} if {
	count(details(item, name)) == 0
}

# METADATA
# title: A required attestation's evidence counts and passes
# description: Evidence that could not be verified, and evidence whose rule says no, are both reported with their file and reason.
# related_resources:
#   - ref: https://github.com/in-toto/attestation/blob/main/docs/validation.md
#     description: in-toto, validation of attestations
# custom:
#   code: REL-003
#   severity: critical
#   fix: Read the reason, correct what it names, and have the statement signed anew.
attestation_reason(item, name) := {
	"code": "REL-003",
	"attestation": name,
	"message": sprintf("%s does not hold: %s; correct this and have it signed anew by %s", [
		name,
		concat("; ", sort(details(item, name) | general(item, name))),
		concat(" or ", object.get(item, ["attestations", name, "signers"], ["one of its signers"])),
	]),
} if {
	count(details(item, name)) > 0
	not lapsed(item, name)
}

# METADATA
# title: A required attestation's evidence is recent enough
# description: Evidence counts until its age reaches `max_age`, or its signer's key ends.
# related_resources:
#   - ref: https://slsa.dev/spec/v1.0/verifying-artifacts
#     description: SLSA, verifying artifacts
# custom:
#   code: REL-004
#   severity: high
#   fix: Run the scan or the evaluation again and have the new result signed.
attestation_reason(item, name) := {
	"code": "REL-004",
	"attestation": name,
	"message": sprintf("%s is too old: %s; run it again and have the new result signed by %s", [
		name,
		concat("; ", sort(details(item, name) | general(item, name))),
		concat(" or ", object.get(item, ["attestations", name, "signers"], ["one of its signers"])),
	]),
} if {
	count(details(item, name)) > 0
	lapsed(item, name)
}

# Age is all that is wrong with it.
lapsed(item, name) if {
	is_number(item.attestations[name].expires_ns)
	item.attestations[name].expires_ns <= input.at_ns
}

# What there is of evidence for an attestation that does not hold, a sentence each.
details(item, name) := ((aged(item, name) | failed(item, name)) | lone(item, name)) | unusable(item, name)

aged(item, name) := {sprintf("%s by %s is %s old and ended at %s", [verdict.file, verdict.signer, age(verdict), moment(verdict.expires_ns)]) |
	some verdict in object.get(item, ["attestations", name, "verdicts"], [])
	verdict.passed == true
	verdict.expires_ns <= input.at_ns
}

failed(item, name) := {sprintf("%s by %s says no: %s", [verdict.file, verdict.signer, concat(", ", verdict.reasons)]) |
	some verdict in object.get(item, ["attestations", name, "verdicts"], [])
	not verdict.passed == true
}

# Passed and recent, and yet the attestation does not hold, for one of the reasons below.
lone(item, name) := {sprintf("%s by %s passes, which is not enough", [verdict.file, verdict.signer]) |
	some verdict in object.get(item, ["attestations", name, "verdicts"], [])
	verdict.passed == true
	not verdict.expires_ns <= input.at_ns
}

# What is wrong where no single statement is to blame: below the threshold, no image.
general(item, name) := {reason | some reason in object.get(item, ["attestations", name, "reasons"], [])}

unusable(item, name) := {sprintf("%s does not count: %s", [refusal.file, refusal.reason]) |
	some refusal in object.get(item, ["attestations", name, "refused"], [])
}

age(given) := span(input.at_ns - given.at_ns) if {
	is_number(given.at_ns)
} else := "of unknown age and"

moment(ns) := time.format(ns) if {
	ns < never_ns
} else := "no time"
