# METADATA
# scope: package
# title: Test result
# description: |
#   in-toto test-result v0.1. It says whether tests passed, and no metrics. Parameters, both optional: `warnings: allow` accepts the
#   result WARNED, `tests` names tests that must be among those that passed.
# schemas:
#   - input: schema.test_result
# related_resources:
#   - ref: https://github.com/in-toto/attestation/blob/main/spec/predicates/test-result.md
package weighbridge.evidence.test_result

import data.weighbridge.evidence.parameters

# METADATA
# title: The verdict on one test result
# description: Passes only if the result is PASSED, no test failed, and every demanded test passed.
verdict := parameters.passed({"result": input.predicate.result}) if holds

else := parameters.failed(problems)

holds if {
	count(object.keys(input.with) - {"warnings", "tests"}) == 0
	input.predicate_type == "https://in-toto.io/attestation/test-result/v0.1"
	object.get(input.with, "warnings", "refuse") in {"allow", "refuse"}
	passed
	none_failed
	demanded_passed
}

problems contains problem if some problem in parameters.unknown({"warnings", "tests"})

problems contains "the predicate type is not test-result/v0.1" if {
	not input.predicate_type == "https://in-toto.io/attestation/test-result/v0.1"
}

problems contains "`warnings` is neither `allow` nor `refuse`" if not object.get(input.with, "warnings", "refuse") in {"allow", "refuse"}

problems contains "the result is not PASSED" if not passed

problems contains "a test failed, or failedTests is no list" if not none_failed

problems contains "a test that `tests` demands did not pass" if not demanded_passed

passed if input.predicate.result == "PASSED"

passed if {
	input.predicate.result == "WARNED"
	input.with.warnings == "allow"
}

none_failed if object.get(input.predicate, "failedTests", []) == []

demanded_passed if not "tests" in object.keys(input.with)

demanded_passed if {
	parameters.texts(input.with.tests)
	is_array(input.predicate.passedTests)
	every name in input.with.tests {
		name in input.predicate.passedTests
		not name in object.get(input.predicate, "warnedTests", [])
	}
}
