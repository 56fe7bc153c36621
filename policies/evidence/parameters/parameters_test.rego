package weighbridge.evidence.parameters_test

import data.weighbridge.evidence.parameters

test_verdicts if {
	parameters.passed({"a": 1}) == {"passed": true, "reasons": [], "claims": {"a": 1}}
	parameters.failed({"b", "a"}) == {"passed": false, "reasons": ["a", "b"], "claims": {}}
	parameters.failed(set()) == {"passed": false, "reasons": ["it is not provable that it passes"], "claims": {}}
}

test_unknown if {
	parameters.unknown({"a"}) == set() with input as {"with": {"a": 1}}
	parameters.unknown({"a"}) == {"unknown parameter \"b\" in `with`"} with input as {"with": {"a": 1, "b": 2}}
}

test_digest if {
	parameters.digest("sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
	every value in ["", "sha256:", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 1, null, {}] {
		not parameters.digest(value)
	}
}

test_texts if {
	parameters.texts([])
	parameters.texts(["a", "b"])
	every value in ["a", {"a": "b"}, [1], [""], null] {
		not parameters.texts(value)
	}
}
