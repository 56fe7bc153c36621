# METADATA
# scope: package
# title: Package statement
# description: |
#   The statement binds manifest and card to the artifact digest, which covers neither. It passes only if both hashes are exactly
#   those of the manifest and the card in the catalogue.
# schemas:
#   - input: schema["package"]
package weighbridge.evidence["package"]

import data.weighbridge.evidence.parameters

# METADATA
# title: The verdict on one package statement
# description: Passes only if manifest and card are byte for byte what was signed.
verdict := parameters.passed({}) if holds

else := parameters.failed(problems)

holds if {
	input.with == {}
	well_formed
	input.predicate.manifest_sha256 == input.manifest_sha256
	input.predicate.card_sha256 == input.card_sha256
}

problems contains problem if some problem in parameters.unknown(set())

problems contains "the predicate is not {manifest_sha256, card_sha256, at}" if not well_formed

problems contains "manifest_sha256 is not that of manifest.json" if not input.predicate.manifest_sha256 == input.manifest_sha256

problems contains "card_sha256 is not that of README.md" if not input.predicate.card_sha256 == input.card_sha256

well_formed if {
	object.keys(input.predicate) == {"manifest_sha256", "card_sha256", "at"}
	parameters.digest(input.predicate.manifest_sha256)
	parameters.digest(input.predicate.card_sha256)
	is_string(input.predicate.at)
}
