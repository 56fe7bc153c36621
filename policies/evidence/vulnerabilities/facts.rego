package weighbridge.evidence.vulnerabilities

# METADATA
# title: The verdict, with what is open
# description: Whether it passes or not, workloads are judged by what a verified scan found in their image.
described := object.union(verdict, {"facts": facts}) if {
	facts
} else := verdict

# METADATA
# title: How many findings of each severity are open
# description: |
#   By the worst that any method says; `unknown` where that cannot be told. What the rule accepts by name, for now or because
#   somebody suppressed it, is not open; `not_after` is when the first such acceptance ends.
facts := {"open": counted, "not_after": accepted_until} if {
	input.predicate_type == "https://in-toto.io/attestation/vulns/v0.2"
	count(object.keys(input.with) - known) == 0
	allowed_understood
	suppressors_understood
	well_formed
	scanner_accepted
}

counted := {name: count([severity | some severity in open; severity == name]) | some name in open}

open[index] := object.get(severities, index, "unknown") if {
	some index, finding in input.predicate.scanner.result
	not index in accepted_suppressions
	not finding.id in object.keys(allowances)
}

accepted_until := min({9223372036854775807} | {allowances[finding.id] | some finding in input.predicate.scanner.result})
