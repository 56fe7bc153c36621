package weighbridge.evidence.test_result_test

import data.weighbridge.evidence.test_result

statement := {
	"predicate_type": "https://in-toto.io/attestation/test-result/v0.1",
	"predicate": {"result": "PASSED", "configuration": [{"uri": "x"}], "passedTests": ["a", "b"], "warnedTests": ["c"]},
	"with": {},
}

patched_verdict(patch) := verdict if {
	item := json.patch(statement, patch)
	verdict := test_result.verdict with input as item
}

test_passes if {
	patched_verdict([]) == {"passed": true, "reasons": [], "claims": {"result": "PASSED"}}
	patched_verdict([{"op": "add", "path": "/with/tests", "value": ["a"]}]).passed == true
	patched_verdict([{"op": "add", "path": "/predicate/failedTests", "value": []}]).passed == true
	patched_verdict([
		{"op": "add", "path": "/with/warnings", "value": "allow"},
		{"op": "replace", "path": "/predicate/result", "value": "WARNED"},
	]).passed == true
}

refused[name] := verdict.reasons if {
	some name, patch in {
		"failed": [{"op": "replace", "path": "/predicate/result", "value": "FAILED"}],
		"warned": [{"op": "replace", "path": "/predicate/result", "value": "WARNED"}],
		"lower case": [{"op": "replace", "path": "/predicate/result", "value": "passed"}],
		"a list of results": [{"op": "replace", "path": "/predicate/result", "value": ["PASSED"]}],
		"passed, and a test failed": [{"op": "add", "path": "/predicate/failedTests", "value": ["d"]}],
		"failed tests are null": [{"op": "add", "path": "/predicate/failedTests", "value": null}],
		"a demanded test is missing": [{"op": "add", "path": "/with/tests", "value": ["a", "z"]}],
		"a demanded test warned": [
			{"op": "add", "path": "/with/tests", "value": ["b"]},
			{"op": "add", "path": "/predicate/warnedTests", "value": ["b"]},
		],
		"failed, with warnings allowed": [
			{"op": "add", "path": "/with/warnings", "value": "allow"},
			{"op": "replace", "path": "/predicate/result", "value": "FAILED"},
		],
		"tests is a mapping": [{"op": "add", "path": "/with/tests", "value": {"x": "a"}}],
		"passed tests are a mapping": [
			{"op": "add", "path": "/with/tests", "value": ["a"]},
			{"op": "replace", "path": "/predicate/passedTests", "value": {"x": "a"}},
		],
		"tests is text": [{"op": "add", "path": "/with/tests", "value": "a"}],
		"another predicate type": [{"op": "replace", "path": "/predicate_type", "value": "https://in-toto.io/attestation/test-result/v0.2"}],
		"warnings is true": [{"op": "add", "path": "/with/warnings", "value": true}],
		"unknown parameter": [{"op": "add", "path": "/with/test", "value": "a"}],
	}
	verdict := patched_verdict(patch)
	verdict.passed == false
}

test_refuses if {
	count(refused) == 15
	every _, reasons in refused {
		count(reasons) > 0
	}
	refused.failed == ["the result is not PASSED"]
}

test_refuses_nothing_at_all if {
	verdict := test_result.verdict with input as {}
	verdict.passed == false
}
