package weighbridge.evidence.approval_test

import data.weighbridge.evidence.approval

manifest := "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

statement := {
	"predicate": {"environment": "prod", "manifest_sha256": manifest, "at": "2026-01-01T00:00:00Z"},
	"with": {"environment": "prod"},
	"manifest_sha256": manifest,
}

test_passes if {
	verdict := approval.verdict with input as statement
	verdict == {"passed": true, "reasons": [], "claims": {"environment": "prod", "manifest_sha256": manifest}}
}

refused[name] := verdict.reasons if {
	some name, patch in {
		"another environment": [{"op": "replace", "path": "/predicate/environment", "value": "staging"}],
		"another manifest": [{"op": "replace", "path": "/predicate/manifest_sha256", "value": "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"}],
		"no digest": [
			{"op": "replace", "path": "/predicate/manifest_sha256", "value": "a"},
			{"op": "replace", "path": "/manifest_sha256", "value": "a"},
		],
		"one field more": [{"op": "add", "path": "/predicate/for", "value": "all"}],
		"no time": [{"op": "remove", "path": "/predicate/at"}],
		"time is a number": [{"op": "replace", "path": "/predicate/at", "value": 1}],
		"list of environments": [
			{"op": "replace", "path": "/predicate/environment", "value": ["prod"]},
			{"op": "replace", "path": "/with/environment", "value": ["prod"]},
		],
		"environment nowhere": [{"op": "remove", "path": "/predicate/environment"}, {"op": "remove", "path": "/with/environment"}],
		"unknown parameter": [{"op": "add", "path": "/with/any", "value": true}],
	}
	item := json.patch(statement, patch)
	verdict := approval.verdict with input as item
	verdict.passed == false
}

test_refuses if {
	count(refused) == 9
	every _, reasons in refused {
		count(reasons) > 0
	}
	refused["another manifest"] == ["it approves another manifest"]
	refused["another environment"] == ["it approves another environment"]
}

test_refuses_nothing_at_all if {
	verdict := approval.verdict with input as {}
	verdict.passed == false
}
