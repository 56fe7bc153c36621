package weighbridge.evidence.sbom_test

import data.weighbridge.evidence.batch

asked(document, patch) := verdict if {
	item := object.union(json.patch(document, patch), {"rule": "sbom"})
	result := batch.verdicts with input as {"items": [item]}
	verdict := result["0"]
}

test_facts if {
	asked(cyclonedx, []).facts == {"components": 3}
	denied := asked(cyclonedx, [{"op": "add", "path": "/with/denied_licenses", "value": ["BSD-3-Clause"]}])
	denied.passed == false
	denied.facts == {"components": 3}
}

test_no_facts_of_what_is_none if {
	every patch in [
		[{"op": "replace", "path": "/predicate/bomFormat", "value": "OtherBOM"}],
		[{"op": "replace", "path": "/predicate/components", "value": []}],
		[{"op": "remove", "path": "/predicate/components/0/name"}],
	] {
		object.keys(asked(cyclonedx, patch)) == {"passed", "reasons", "claims"}
	}
}
