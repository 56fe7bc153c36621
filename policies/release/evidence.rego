package weighbridge.release

# METADATA
# title: A bill of materials is held
# description: |
#   An attestation about the model whose rule is `sbom` holds: what an advisory or a license concerns is found by it, and nowhere
#   else. A bill of materials of a serving image is none of the model.
# related_resources:
#   - ref: https://www.ntia.gov/page/software-bill-materials
#     description: NTIA, software bill of materials
# custom:
#   code: REL-013
#   severity: high
#   fix: Write one with `weighbridge sbom`, have it signed by `weighbridge attest`, and name it in `attestations` with `rule` sbom.
sbom_reasons := set() if {
	some state in input.item.sboms
	holds(state)
} else := {{
	"code": "REL-013",
	"message": sprintf("no bill of materials is held%s; write one with `weighbridge sbom` and have it signed", [sbom_details]),
}}

default sbom_details := ", as no attestation about the model has the rule `sbom`"

sbom_details := sprintf(": %s", [concat("; ", sort(given))]) if {
	given := {sprintf("%s: %s", [name, concat(", ", state.reasons)]) | some name, state in input.item.sboms}
	count(given) > 0
}

holds(state) if {
	state.held == true
	is_number(state.expires_ns)
	input.at_ns < state.expires_ns
}

# METADATA
# title: An evaluation is over the gate
# description: |
#   The environment bounds at least one metric, demands an attestation whose rule is `evaluation`, it holds, and the gate finds every
#   metric within its bounds. What the author says of his own model counts for nothing.
# related_resources:
#   - ref: https://airc.nist.gov/airmf-resources/airmf/5-sec-core/
#     description: NIST AI RMF, measuring
# custom:
#   code: REL-019
#   severity: high
#   fix: Bound metrics in `environments.<name>.metrics`, require an evaluation, and have the model evaluated and the result signed.
evaluation_reasons := set() if {
	count(input.item.evaluation.metrics) > 0
	count(input.item.evaluation.attestations) > 0
	every state in input.item.evaluation.attestations {
		holds(state)
	}
	silent({"REL-005", "REL-010"})
} else := {{
	"code": "REL-019",
	"message": sprintf("no evaluation over the gate of %s: %s; have the model evaluated and the result signed", [
		input.environment,
		evaluation_details,
	]),
}}

evaluation_details := "`metrics` bounds nothing there" if {
	count(input.item.evaluation.metrics) == 0
} else := "it requires no attestation whose rule is `evaluation`" if {
	count(input.item.evaluation.attestations) == 0
} else := concat("; ", sort(said({"REL-005", "REL-010"}) | unheld))

unheld := {sprintf("%s does not hold", [name]) |
	some name, state in input.item.evaluation.attestations
	not holds(state)
}

# METADATA
# title: People have approved
# description: The environment demands approvals, and the gate finds enough of them.
# related_resources:
#   - ref: https://csrc.nist.gov/glossary/term/two_person_integrity
#     description: NIST, two-person integrity
# custom:
#   code: REL-020
#   severity: high
#   fix: Name approvers in `environments.<name>.approvals`, and have them sign with `weighbridge approve`.
approvals_reasons := set() if {
	input.item.approvals.threshold >= 1
	silent({"REL-006", "REL-010"})
} else := {{
	"code": "REL-020",
	"message": sprintf("not approved by people for %s: %s", [input.environment, approvals_details]),
}}

approvals_details := "it demands no approvals; name approvers in `approvals`" if {
	is_null(input.item.approvals)
} else := concat("; ", sort(said({"REL-006", "REL-010"})))

# The gate gave its reasons, and none of these is among them.
silent(codes) if {
	is_array(input.item.record.reasons)
	every reason in input.item.record.reasons {
		is_string(reason.code)
		not reason.code in codes
	}
}

said(codes) := {reason.message |
	some reason in input.item.record.reasons
	reason.code in codes
}
