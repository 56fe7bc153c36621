# METADATA
# scope: package
# title: Vulnerabilities
# description: |
#   in-toto vulns v0.2. Parameters: `max_severity` (none, low, medium, high or critical: the highest that is accepted), and, optional,
#   `allowed` (a list of `{id, until, reason}`: findings accepted until a time), `scanners` (URIs) and `accept_suppressed_by` (a
#   list of `openvex`, `sarif`, `trivy`, `grype`: who may suppress a finding with a status and a reason; nobody unless it says so).
#   A finding whose severity cannot be told is refused whatever the bound. How old a scan may be is the attestation's `max_age`.
# schemas:
#   - input: schema.vulnerabilities
# related_resources:
#   - ref: https://github.com/in-toto/attestation/blob/main/spec/predicates/vulns.md
package weighbridge.evidence.vulnerabilities

import data.weighbridge.evidence.parameters

rank := {"none": 0, "negligible": 0, "low": 1, "medium": 2, "moderate": 2, "high": 3, "important": 3, "critical": 4}

suppressors := {"openvex", "sarif", "trivy", "grype"}

known := {"max_severity", "allowed", "scanners", "accept_suppressed_by"}

bounds := {"none", "low", "medium", "high", "critical"}

# METADATA
# title: The verdict on one scan
# description: Passes only if every finding is provably within the bound, or allowed for now; then only until the first allowance ends.
verdict := object.union(parameters.passed(claims), {"expires_ns": expiry}) if {
	holds
} else := parameters.failed(problems)

holds if {
	count(object.keys(input.with) - known) == 0
	input.predicate_type == "https://in-toto.io/attestation/vulns/v0.2"
	input.with.max_severity in bounds
	allowed_understood
	suppressors_understood
	well_formed
	scanner_accepted
	all_accepted
}

claims := object.union(summary, {"suppressed": excused}) if {
	count(excused) > 0
} else := summary

summary := {"findings": count(input.predicate.scanner.result), "scanner": input.predicate.scanner.uri}

# What does not count because somebody said so, and why.
excused := [entry |
	some index in sort(accepted_suppressions)
	finding := input.predicate.scanner.result[index]
	entry := object.union({"id": finding.id}, finding.suppressed)
]

problems contains problem if some problem in parameters.unknown(known)

problems contains "the predicate type is not vulns/v0.2" if {
	not input.predicate_type == "https://in-toto.io/attestation/vulns/v0.2"
}

problems contains "`max_severity` is not one of none, low, medium, high, critical" if not input.with.max_severity in bounds

problems contains "`allowed` is no list of {id, until, reason}" if not allowed_understood

problems contains "`accept_suppressed_by` is no list of openvex, sarif, trivy, grype" if not suppressors_understood

problems contains "the predicate is no vulns v0.2: no scanner, no result or no time" if not well_formed

problems contains "the scanner is not one of `scanners`" if not scanner_accepted

problems contains "there are findings that are not provably within `max_severity`, nor allowed for now" if not all_accepted

# What the sentence above speaks about, for people; nothing rests on it.
problems contains sprintf("%s is %s", [finding.id, object.get(severities, index, "of unknown severity")]) if {
	some index in beyond
	finding := input.predicate.scanner.result[index]
	not finding.id in object.keys(allowances)
}

problems contains sprintf("%s is suppressed by %s, which is not accepted here", [finding.id, finding.suppressed.by]) if {
	some index in beyond
	finding := input.predicate.scanner.result[index]
	not finding.suppressed.by in accepted_suppressors
}

well_formed if {
	is_string(input.predicate.scanner.uri)
	is_array(input.predicate.scanner.result)
	is_string(input.predicate.metadata.scanFinishedOn)
	every finding in input.predicate.scanner.result {
		is_string(finding.id)
	}
}

scanner_accepted if not "scanners" in object.keys(input.with)

scanner_accepted if {
	parameters.texts(input.with.scanners)
	input.predicate.scanner.uri in input.with.scanners
}

all_accepted if {
	every index in beyond {
		input.predicate.scanner.result[index].id in object.keys(allowances)
	}
}

# The findings that are not provably within the bound, nor suppressed by somebody whose word is accepted.
beyond contains index if {
	some index, finding in input.predicate.scanner.result
	not within(finding)
	not index in accepted_suppressions
}

accepted_suppressions contains index if {
	some index, finding in input.predicate.scanner.result
	finding.suppressed.by in accepted_suppressors
	every field in ["status", "justification", "source"] {
		is_string(finding.suppressed[field])
		finding.suppressed[field] != ""
	}
	suppresses(finding.suppressed)
}

# Of the statuses of VEX only these say that there is nothing to do.
suppresses(suppressed) if suppressed.status in {"not_affected", "fixed"}

# A tool's own ignore rules know no more than that somebody ignored it.
suppresses(suppressed) if {
	suppressed.by != "openvex"
	suppressed.status in {"ignored", "suppressed"}
}

suppressors_understood if not "accept_suppressed_by" in object.keys(input.with)

suppressors_understood if {
	parameters.texts(input.with.accept_suppressed_by)
	every name in input.with.accept_suppressed_by {
		name in suppressors
	}
}

accepted_suppressors contains name if {
	suppressors_understood
	some name in object.get(input.with, "accept_suppressed_by", [])
}

# Every method must say something known; a finding of which no method says anything is of unknown severity.
within(finding) if {
	is_array(finding.severity)
	count(finding.severity) > 0
	every entry in finding.severity {
		rank[severity(entry.score)] <= rank[input.with.max_severity]
	}
}

# The worst that any method says of each finding, for people; none where one method says something unknown.
severities[index] := worst if {
	some index, finding in input.predicate.scanner.result
	is_array(finding.severity)
	said := [name | some entry in finding.severity; name := severity(entry.score)]
	count(said) == count(finding.severity)
	highest := max([rank[name] | some name in said])
	worst := ["none", "low", "medium", "high", "critical"][highest]
}

severity(score) := banded(to_number(score)) if {
	is_string(score)
	regex.match(`^[0-9]{1,2}(\.[0-9]{1,2})?$`, score)
} else := name if {
	is_string(score)
	name := lower(score)
	rank[name] >= 0
} else := banded(score) if is_number(score)

# CVSS v3.1, section 5: qualitative severity rating scale.
banded(score) := "none" if {
	score == 0
} else := "low" if {
	score > 0
	score < 4
} else := "medium" if {
	score >= 4
	score < 7
} else := "high" if {
	score >= 7
	score < 9
} else := "critical" if {
	score >= 9
	score <= 10
}

allowed_understood if not "allowed" in object.keys(input.with)

allowed_understood if {
	is_array(input.with.allowed)
	every entry in input.with.allowed {
		object.keys(entry) == {"id", "until", "reason"}
		is_string(entry.id)
		is_string(entry.reason)
		entry.reason != ""
		time.parse_rfc3339_ns(entry.until) > 0
	}
}

# Until when a finding is allowed; of several allowances the first to end.
allowances[id] := until if {
	some id in {entry.id | some entry in input.with.allowed}
	until := min({time.parse_rfc3339_ns(entry.until) | some entry in input.with.allowed; entry.id == id})
	until > input.at_ns
}

expiry := 9223372036854775807 if {
	not "allowed" in object.keys(input.with)
} else := min({9223372036854775807} | {allowances[input.predicate.scanner.result[index].id] | some index in beyond})
