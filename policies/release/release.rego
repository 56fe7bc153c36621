# METADATA
# scope: package
# title: The release
# description: |
#   Decides whether a version may be announced for one environment: each requirement that the environment demands, met or with what
#   is missing. The gate has judged the evidence before; what is judged here in addition is what a release must document. A
#   requirement without an answer, or one that nobody knows, leaves the whole verdict undefined, which the caller records as refused
#   (REL-021).
#
#   Input: `item` is the version as evidence, gate and card show it, `requires` what the environment demands of a release, `at_ns` the
#   one clock.
# schemas:
#   - input: schema.input
package weighbridge.release

# METADATA
# title: The verdict
# description: |
#   `released` holds only where every demanded requirement is met; those that nobody can leave out are demanded always.
# entrypoint: true
verdict := {
	"released": count(unmet) == 0,
	"requirements": [requirement(name) | some name in sort(demanded)],
} if {
	is_array(input.requires)
	every name in demanded {
		is_set(findings[name])
	}
	unmet := {name | some name in demanded; count(findings[name]) > 0}
}

demanded := {"approved", "unrestricted"} | {name | some name in input.requires}

requirement(name) := {
	"requirement": name,
	"met": count(findings[name]) == 0,
	"reasons": [reason | some reason in findings[name]],
}

findings["approved"] := approved_reasons

findings["unrestricted"] := unrestricted_reasons

findings["sbom"] := sbom_reasons

findings["license"] := license_reasons

findings["threat-model"] := threat_model_reasons

findings["dependencies"] := dependencies_reasons

findings["environment-variables"] := environment_variables_reasons

findings["lineage"] := lineage_reasons

findings["evaluation"] := evaluation_reasons

findings["approvals"] := approvals_reasons

# METADATA
# title: The gate approves the version in this environment
# description: Nothing is announced that no enforcement point would let run.
# related_resources:
#   - ref: https://slsa.dev/spec/v1.0/verifying-artifacts
#     description: SLSA, verifying artifacts
# custom:
#   code: REL-011
#   severity: critical
#   fix: Read the gate's reasons, here or in `weighbridge explain`, and provide what is missing.
approved_reasons := set() if {
	input.item.record.approved == true
	is_number(input.item.record.not_after)
	input.at_ns < input.item.record.not_after
} else := {{
	"code": "REL-011",
	"message": sprintf("the gate refuses it for %s: %s", [input.environment, concat("; ", sort(gate_says))]),
}}

default gate_says := {"its approval has ended"}

gate_says := {sprintf("%s %s", [reason.code, reason.message]) | some reason in input.item.record.reasons} if {
	count(input.item.record.reasons) > 0
}

# METADATA
# title: No order restricts the version
# description: What is revoked or frozen in an environment is not announced there.
# related_resources:
#   - ref: https://csrc.nist.gov/pubs/sp/800/61/r3/final
#     description: NIST SP 800-61, incident response
# custom:
#   code: REL-012
#   severity: critical
#   fix: Release another version, or have the order undone by those who may.
unrestricted_reasons := set() if {
	is_array(input.item.orders)
	count(input.item.orders) == 0
} else := {{
	"code": "REL-012",
	"message": sprintf("restricted in %s: %s", [input.environment, concat("; ", sort(restrictions))]),
}}

restrictions := {sprintf("%s by order %s: %s", [order.kind, order.id, order.reason]) | some order in input.item.orders}
