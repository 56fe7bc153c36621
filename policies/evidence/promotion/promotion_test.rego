package weighbridge.evidence.promotion_test

import data.weighbridge.evidence.promotion

record := "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

statement := {
	"predicate": {"from": "staging", "to": "prod", "at": "2026-01-01T00:00:00Z", "record_sha256": record},
	"with": {"from": "staging", "to": "prod"},
}

test_passes if {
	verdict := promotion.verdict with input as statement
	verdict == {"passed": true, "reasons": [], "claims": {"from": "staging", "to": "prod", "record_sha256": record}}
}

refused[name] := verdict.reasons if {
	some name, patch in {
		"from elsewhere": [{"op": "replace", "path": "/predicate/from", "value": "dev"}],
		"to elsewhere": [{"op": "replace", "path": "/predicate/to", "value": "dev"}],
		"no record": [{"op": "remove", "path": "/predicate/record_sha256"}],
		"record is no digest": [{"op": "replace", "path": "/predicate/record_sha256", "value": concat("", [record, "\n"])}],
		"no time": [{"op": "remove", "path": "/predicate/at"}],
		"time is a number": [{"op": "replace", "path": "/predicate/at", "value": 1}],
		"to nothing": [{"op": "replace", "path": "/predicate/to", "value": null}, {"op": "replace", "path": "/with/to", "value": null}],
		"one field more": [{"op": "add", "path": "/predicate/force", "value": true}],
		"from nothing": [{"op": "replace", "path": "/predicate/from", "value": null}, {"op": "replace", "path": "/with/from", "value": null}],
		"unknown parameter": [{"op": "add", "path": "/with/any", "value": true}],
	}
	item := json.patch(statement, patch)
	verdict := promotion.verdict with input as item
	verdict.passed == false
}

test_refuses if {
	count(refused) == 10
	every _, reasons in refused {
		count(reasons) > 0
	}
	refused["from elsewhere"] == ["it promotes from another environment"]
	refused["to elsewhere"] == ["it promotes into another environment"]
}

test_refuses_nothing_at_all if {
	verdict := promotion.verdict with input as {}
	verdict.passed == false
}
