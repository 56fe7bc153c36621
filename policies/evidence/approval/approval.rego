# METADATA
# scope: package
# title: Approval
# description: |
#   A person's consent to one version in one environment. It names the manifest, so a version that was packaged anew needs a new
#   one. Parameter: `environment`. Whether enough people approved is for the gate.
# schemas:
#   - input: schema.approval
package weighbridge.evidence.approval

import data.weighbridge.evidence.parameters

# METADATA
# title: The verdict on one approval
# description: Passes only for exactly this environment and exactly the manifest in the catalogue.
verdict := parameters.passed(claims) if holds

else := parameters.failed(problems)

holds if {
	object.keys(input.with) == {"environment"}
	well_formed
	input.predicate.environment == input.with.environment
	input.predicate.manifest_sha256 == input.manifest_sha256
}

claims := {
	"environment": input.predicate.environment,
	"manifest_sha256": input.predicate.manifest_sha256,
}

problems contains problem if some problem in parameters.unknown({"environment"})

problems contains "the predicate is not {environment, manifest_sha256, at}" if not well_formed

problems contains "it approves another environment" if not input.predicate.environment == input.with.environment

problems contains "it approves another manifest" if not input.predicate.manifest_sha256 == input.manifest_sha256

well_formed if {
	object.keys(input.predicate) == {"environment", "manifest_sha256", "at"}
	is_string(input.predicate.environment)
	parameters.digest(input.predicate.manifest_sha256)
	is_string(input.predicate.at)
}
