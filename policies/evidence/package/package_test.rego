package weighbridge.evidence.package_test

import data.weighbridge.evidence["package"] as rule

manifest := "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

card := "sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"

statement := {
	"predicate": {"manifest_sha256": manifest, "card_sha256": card, "at": "2026-01-01T00:00:00Z"},
	"with": {},
	"manifest_sha256": manifest,
	"card_sha256": card,
}

patched(patch) := json.patch(statement, patch)

test_passes if {
	verdict := rule.verdict with input as statement
	verdict == {"passed": true, "reasons": [], "claims": {}}
}

refused[name] := verdict.reasons if {
	some name, patch in {
		"another manifest": [{"op": "replace", "path": "/predicate/manifest_sha256", "value": card}],
		"another card": [{"op": "replace", "path": "/predicate/card_sha256", "value": manifest}],
		"no card": [{"op": "remove", "path": "/predicate/card_sha256"}],
		"one field more": [{"op": "add", "path": "/predicate/note", "value": "x"}],
		"no time": [{"op": "remove", "path": "/predicate/at"}],
		"time is a number": [{"op": "replace", "path": "/predicate/at", "value": 1}],
		"list for the other digest": [
			{"op": "replace", "path": "/predicate/card_sha256", "value": [card]},
			{"op": "replace", "path": "/card_sha256", "value": [card]},
		],
		"upper case": [
			{"op": "replace", "path": "/predicate/manifest_sha256", "value": upper(manifest)},
			{"op": "replace", "path": "/manifest_sha256", "value": upper(manifest)},
		],
		"list for a digest": [
			{"op": "replace", "path": "/predicate/manifest_sha256", "value": [manifest]},
			{"op": "replace", "path": "/manifest_sha256", "value": [manifest]},
		],
		"predicate is a list": [{"op": "replace", "path": "/predicate", "value": []}],
		"unknown parameter": [{"op": "add", "path": "/with/cards", "value": 1}],
		"nothing to compare with": [{"op": "remove", "path": "/card_sha256"}],
		"both missing": [{"op": "remove", "path": "/card_sha256"}, {"op": "remove", "path": "/predicate/card_sha256"}],
		"no parameters": [{"op": "remove", "path": "/with"}],
	}
	item := json.patch(statement, patch)
	verdict := rule.verdict with input as item
	verdict.passed == false
}

test_refuses if {
	count(refused) == 14
	every _, reasons in refused {
		count(reasons) > 0
	}
	refused["another card"] == ["card_sha256 is not that of README.md"]
	refused["unknown parameter"] == ["unknown parameter \"cards\" in `with`"]
}

test_refuses_nothing_at_all if {
	verdict := rule.verdict with input as {}
	verdict.passed == false
}
