package weighbridge.evidence.vulnerabilities_test

import data.weighbridge.evidence.vulnerabilities

never := 9223372036854775807

finding(id, scores) := {"id": id, "severity": [{"method": "nvd", "score": score} | some score in scores]}

scan(findings) := {
	"predicate_type": "https://in-toto.io/attestation/vulns/v0.2",
	"predicate": {
		"scanner": {"uri": "https://example.com/scanner", "version": "1", "result": findings},
		"metadata": {"scanStartedOn": "2026-01-01T00:00:00Z", "scanFinishedOn": "2026-01-01T00:00:00Z"},
	},
	"with": {"max_severity": "medium"},
	"at_ns": time.parse_rfc3339_ns("2026-01-15T00:00:00Z"),
}

judged(findings, parameters) := verdict if {
	item := object.union(scan(findings), {"with": parameters})
	verdict := vulnerabilities.verdict with input as item
}

test_passes if {
	judged([], {}) == {"passed": true, "reasons": [], "claims": {"findings": 0, "scanner": "https://example.com/scanner"}, "expires_ns": never}
	judged([finding("CVE-1", ["low", "5.2"])], {}).passed == true
	judged([finding("CVE-1", ["Moderate"])], {"scanners": ["https://example.com/scanner"]}).passed == true
	judged([finding("CVE-1", ["critical"]), finding("CVE-2", [9.8])], {"max_severity": "critical"}).passed == true
	judged([finding("CVE-1", ["0.0"])], {"max_severity": "none"}).passed == true
}

# CVSS v3.1: the bounds of each band.
test_severities if {
	every score, name in {0: "none", 0.1: "low", 3.9: "low", 4: "medium", 6.9: "medium", 7: "high", 8.9: "high", 9: "critical", 10: "critical"} {
		vulnerabilities.severity(score) == name
		vulnerabilities.severity(format_score(score)) == name
	}
	every score in [-0.1, 10.1, "1e0", " 5", "5.", "005", "+5", "10.01", "99", "-1", "", "unknown", "CVSS:3.1/AV:N", true, null, ["low"], {"score": "low"}] {
		not within_critical(score)
	}
}

format_score(score) := sprintf("%v", [score])

within_critical(score) if judged([finding("CVE-1", [score])], {"max_severity": "critical"}).passed == true

allowance(id, until) := {"id": id, "until": until, "reason": "not reachable from our code"}

test_allowed_findings if {
	bad := [finding("CVE-1", ["critical"]), finding("CVE-2", ["unknown"])]
	first := "2026-02-01T00:00:00Z"
	second := "2026-03-01T00:00:00Z"
	both := judged(bad, {"allowed": [allowance("CVE-1", second), allowance("CVE-2", first)]})
	both.passed == true
	both.expires_ns == time.parse_rfc3339_ns(first)

	# One for a finding that is not there ends nothing.
	other := judged([finding("CVE-3", ["low"])], {"allowed": [allowance("CVE-1", first)]})
	other.expires_ns == never

	# Of two for one finding the first to end counts.
	twice := judged([bad[0]], {"allowed": [allowance("CVE-1", second), allowance("CVE-1", first)]})
	twice.expires_ns == time.parse_rfc3339_ns(first)
	judged(bad, {"allowed": [allowance("CVE-1", second)]}).passed == false
}

refused[name] := verdict.reasons if {
	some name, given in {
		"too severe": [[finding("CVE-1", ["high"])], {}],
		"the worst of two counts": [[finding("CVE-1", ["low", "9.8"])], {}],
		"one of two unknown": [[finding("CVE-1", ["low", "?"])], {}],
		"no severity": [[finding("CVE-1", [])], {}],
		"no severity field": [[{"id": "CVE-1"}], {}],
		"severity is text": [[{"id": "CVE-1", "severity": "low"}], {}],
		"an id that is a number": [[{"id": 1, "severity": [{"score": "low"}]}], {}],
		"severity is a mapping": [[{"id": "CVE-1", "severity": {"a": {"score": "low"}}}], {}],
		"scanners is a mapping": [[], {"scanners": {"a": "https://example.com/scanner"}}],
		"allowed with more": [[], {"allowed": [object.union(allowance("CVE-1", "2026-02-01T00:00:00Z"), {"note": "x"})]}],
		"allowed without a text for its id": [[], {"allowed": [allowance(1, "2026-02-01T00:00:00Z")]}],
		"allowed with a number for its reason": [[], {"allowed": [object.union(allowance("CVE-1", "2026-02-01T00:00:00Z"), {"reason": 1})]}],
		"allowed is a mapping of good ones": [[], {"allowed": {"a": allowance("CVE-1", "2026-02-01T00:00:00Z")}}],
		"result is a mapping of findings": [{"a": finding("CVE-1", ["low"])}, {}],
		"no id": [[{"severity": [{"score": "low"}]}], {}],
		"a finding is text": [["CVE-1"], {}],
		"result is a mapping": [{}, {}],
		"result is null": [null, {}],
		"no such bound": [[], {"max_severity": "moderate"}],
		"bound in upper case": [[], {"max_severity": "HIGH"}],
		"another scanner": [[], {"scanners": ["https://example.com/other"]}],
		"scanners is text": [[], {"scanners": "https://example.com/scanner"}],
		"allowed until yesterday": [[finding("CVE-1", ["high"])], {"allowed": [allowance("CVE-1", "2026-01-14T00:00:00Z")]}],
		"allowed until this moment": [[finding("CVE-1", ["high"])], {"allowed": [allowance("CVE-1", "2026-01-15T00:00:00Z")]}],
		"allowed for ever": [[], {"allowed": [{"id": "CVE-1", "reason": "x"}]}],
		"allowed without reason": [[], {"allowed": [allowance("CVE-1", "2026-02-01T00:00:00Z"), {"id": "CVE-1", "until": "2026-02-01T00:00:00Z", "reason": ""}]}],
		"allowed until no time": [[], {"allowed": [allowance("CVE-1", "soon")]}],
		"allowed is a mapping": [[], {"allowed": {"CVE-1": "2026-02-01T00:00:00Z"}}],
		"allowed by another writing": [[finding("CVE-1", ["high"])], {"allowed": [allowance("cve-1", "2026-02-01T00:00:00Z")]}],
		"unknown parameter": [[], {"severity": "low"}],
	}
	verdict := judged(given[0], given[1])
	verdict.passed == false
}

test_refuses if {
	count(refused) == 30
	every _, reasons in refused {
		count(reasons) > 0
	}
	"CVE-1 is high" in refused["too severe"]
}

excused(by, more) := object.union({"by": by, "status": "not_affected", "justification": "not reachable", "source": "https://example.com/vex"}, more)

suppressed(by, more) := object.union(finding("CVE-1", ["critical"]), {"suppressed": excused(by, more)})

test_a_suppression_counts_where_it_is_accepted if {
	accepting := {"accept_suppressed_by": ["openvex", "sarif"]}
	verdict := judged([suppressed("openvex", {}), finding("CVE-2", ["low"])], accepting)
	verdict.passed == true
	verdict.expires_ns == never
	verdict.claims.suppressed == [object.union({"id": "CVE-1"}, excused("openvex", {}))]
	judged([suppressed("openvex", {"status": "fixed"})], accepting).passed == true
	judged([suppressed("sarif", {"status": "suppressed"})], accepting).passed == true

	# What is within the bound needs no excuse, and an allowance is one, too.
	judged([finding("CVE-1", ["low"])], accepting).passed == true
	judged([suppressed("openvex", {})], {"allowed": [allowance("CVE-1", "2026-02-01T00:00:00Z")]}).passed == true
}

unexcused[name] := verdict.reasons if {
	some name, given in {
		"nobody's word is accepted": [suppressed("openvex", {}), {}],
		"another's word is accepted": [suppressed("openvex", {}), {"accept_suppressed_by": ["sarif", "trivy", "grype"]}],
		"nobody in the list": [suppressed("openvex", {}), {"accept_suppressed_by": []}],
		"list is text": [suppressed("openvex", {}), {"accept_suppressed_by": "openvex"}],
		"list is a mapping": [suppressed("openvex", {}), {"accept_suppressed_by": {"a": "openvex"}}],
		"list is true": [suppressed("openvex", {}), {"accept_suppressed_by": true}],
		"an unknown name beside": [suppressed("openvex", {}), {"accept_suppressed_by": ["openvex", "me"]}],
		"an unknown suppressor": [suppressed("me", {}), {"accept_suppressed_by": ["openvex"]}],
		"affected": [suppressed("openvex", {"status": "affected"}), {"accept_suppressed_by": ["openvex"]}],
		"under investigation": [suppressed("openvex", {"status": "under_investigation"}), {"accept_suppressed_by": ["openvex"]}],
		"a tool's word in VEX": [suppressed("openvex", {"status": "ignored"}), {"accept_suppressed_by": ["openvex"]}],
		"status is a number": [suppressed("sarif", {"status": 1}), {"accept_suppressed_by": ["sarif"]}],
		"without reason": [suppressed("openvex", {"justification": ""}), {"accept_suppressed_by": ["openvex"]}],
		"reason is a number": [suppressed("openvex", {"justification": 1}), {"accept_suppressed_by": ["openvex"]}],
		"without source": [json.remove(suppressed("openvex", {}), ["suppressed/source"]), {"accept_suppressed_by": ["openvex"]}],
		"suppressed is text": [object.union(finding("CVE-1", ["critical"]), {"suppressed": "openvex"}), {"accept_suppressed_by": ["openvex"]}],
		"suppressed is true": [object.union(finding("CVE-1", ["critical"]), {"suppressed": true}), {"accept_suppressed_by": ["openvex"]}],
		"of another finding": [finding("CVE-1", ["critical"]), {"accept_suppressed_by": ["openvex"]}],
	}
	verdict := judged([given[0], suppressed("openvex", {"by": "openvex", "status": "fixed"})], given[1])
	verdict.passed == false
}

test_a_suppression_that_is_not_provable_counts_for_nothing if {
	count(unexcused) == 18
	every _, reasons in unexcused {
		count(reasons) > 0
	}
	"CVE-1 is suppressed by openvex, which is not accepted here" in unexcused["nobody's word is accepted"]
}

test_refuses_without_a_clock if {
	item := json.remove(object.union(scan([finding("CVE-1", ["high"])]), {"with": {"allowed": [allowance("CVE-1", "2099-01-01T00:00:00Z")]}}), ["/at_ns"])
	verdict := vulnerabilities.verdict with input as item
	verdict.passed == false
}

test_refuses_other_shapes if {
	every path in ["/predicate/scanner/uri", "/predicate/metadata/scanFinishedOn", "/predicate/scanner/result", "/predicate/metadata", "/predicate_type", "/with"] {
		item := json.remove(scan([]), [path])
		verdict := vulnerabilities.verdict with input as item
		verdict.passed == false
	}
}

test_refuses_nothing_at_all if {
	verdict := vulnerabilities.verdict with input as {}
	verdict.passed == false
}

test_everyone_who_may_suppress if {
	every by in ["grype", "openvex", "sarif", "trivy"] {
		judged([suppressed(by, {})], {"accept_suppressed_by": [by]}).passed == true
		judged([suppressed(by, {})], {"accept_suppressed_by": []}).passed == false
	}
}

test_nothing_is_wrong_with_what_passes if {
	every item in [scan([]), scan([finding("CVE-1", ["low"])]), object.union(scan([]), {"with": {"accept_suppressed_by": ["openvex"]}})] {
		problems := vulnerabilities.problems with input as item
		problems == set()
	}
}
