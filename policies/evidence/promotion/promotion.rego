# METADATA
# scope: package
# title: Promotion
# description: |
#   A version was moved from one environment into the next. Parameters: `from` and `to`. `record_sha256` is kept for audit and not
#   compared: it is of the record when it was signed.
# schemas:
#   - input: schema.promotion
package weighbridge.evidence.promotion

import data.weighbridge.evidence.parameters

# METADATA
# title: The verdict on one promotion
# description: Passes only for exactly this pair of environments.
verdict := parameters.passed(claims) if holds

else := parameters.failed(problems)

holds if {
	object.keys(input.with) == {"from", "to"}
	well_formed
	input.predicate.from == input.with.from
	input.predicate.to == input.with.to
}

claims := {
	"from": input.predicate.from,
	"to": input.predicate.to,
	"record_sha256": input.predicate.record_sha256,
}

problems contains problem if some problem in parameters.unknown({"from", "to"})

problems contains "the predicate is not {from, to, at, record_sha256}" if not well_formed

problems contains "it promotes from another environment" if not input.predicate.from == input.with.from

problems contains "it promotes into another environment" if not input.predicate.to == input.with.to

well_formed if {
	object.keys(input.predicate) == {"from", "to", "at", "record_sha256"}
	is_string(input.predicate.from)
	is_string(input.predicate.to)
	parameters.digest(input.predicate.record_sha256)
	is_string(input.predicate.at)
}
