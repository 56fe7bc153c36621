package weighbridge.evidence.vulnerabilities_test

import data.weighbridge.evidence.batch

asked(findings, parameters) := verdict if {
	item := object.union(scan(findings), {"with": parameters, "rule": "vulnerabilities"})
	result := batch.verdicts with input as {"items": [item]}
	verdict := result["0"]
}

counts(open) := {"open": open, "not_after": never}

strict := {"max_severity": "none"}

test_facts_count_what_is_open if {
	asked([], strict).facts == counts({})
	bad := asked(
		[
			finding("CVE-1", ["low", "9.8"]),
			finding("CVE-2", ["high"]),
			finding("CVE-3", ["high"]),
			finding("CVE-4", ["low", "who knows"]),
			finding("CVE-5", []),
			finding("CVE-6", ["negligible"]),
		],
		strict,
	)
	bad.passed == false
	bad.facts == counts({"critical": 1, "high": 2, "unknown": 2, "none": 1})
}

test_facts_leave_out_what_is_accepted if {
	until := "2026-02-01T00:00:00Z"
	allowed := {"max_severity": "critical", "allowed": [allowance("CVE-1", until), allowance("CVE-9", "2026-01-20T00:00:00Z")]}
	asked([finding("CVE-1", ["high"]), finding("CVE-2", ["low"])], allowed).facts == {
		"open": {"low": 1},
		"not_after": time.parse_rfc3339_ns(until),
	}
	over := {"max_severity": "none", "allowed": [allowance("CVE-1", "2026-01-01T00:00:00Z")]}
	asked([finding("CVE-1", ["high"])], over).facts == counts({"high": 1})
	excused := object.union(finding("CVE-1", ["high"]), {"suppressed": {
		"by": "openvex",
		"status": "not_affected",
		"justification": "component_not_present",
		"source": "vex.json",
	}})
	asked([excused], strict).facts == counts({"high": 1})
	asked([excused], object.union(strict, {"accept_suppressed_by": ["openvex"]})).facts == counts({})
}

test_no_facts_where_it_cannot_be_read if {
	every parameters in [
		{"max_severity": "none", "allowed": "all"},
		{"max_severity": "none", "accept_suppressed_by": ["me"]},
		{"max_severity": "none", "scanners": ["https://example.com/other"]},
		{"max_severity": "none", "unknown": true},
	] {
		object.keys(asked([], parameters)) == {"passed", "reasons", "claims"}
	}
	object.keys(asked([{"severity": []}], strict)) == {"passed", "reasons", "claims"}
}
