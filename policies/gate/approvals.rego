package weighbridge.gate

# METADATA
# title: Enough people have approved
# description: |
#   Distinct keys count, not names: one key under two names, or one that signs twice, is one approval. An approval speaks of one
#   environment and of exactly one manifest, so a version that was packaged anew needs new ones.
# related_resources:
#   - ref: https://csrc.nist.gov/glossary/term/two_person_integrity
#     description: NIST, two-person integrity
# custom:
#   code: REL-006
#   severity: critical
#   fix: Have the named signers sign an `approval/v1` for this environment and this manifest.
approval_reasons(item) := set() if {
	not_demanded("approvals")
} else := set() if {
	input.environment.approvals.threshold >= 1
	count(consents(item)) >= input.environment.approvals.threshold
} else := {{
	"code": "REL-006",
	"message": sprintf("%d of %d approvals for %s%s; have approval/v1 for manifest %s signed by: %s", [
		count(consents(item)),
		input.environment.approvals.threshold,
		input.environment.name,
		concat("", sort(disregarded(item))),
		item.manifest_sha256,
		concat(", ", sort({signer | some signer in input.environment.approvals.signers} - consenting(item))),
	]),
}}

not_demanded(what) if is_null(input.environment[what])

consents(item) := {given.fingerprint |
	some given in item.approvals
	agrees(item, given)
}

# METADATA
# title: Until when enough approvals count
# description: Each counts until its signer ceases to; of the distinct keys as many as the threshold must be left.
agreed_until(_) := never_ns if not_demanded("approvals")

agreed_until(item) := lasting[count(lasting) - input.environment.approvals.threshold] if {
	lasting := sort([max(ends) |
		some fingerprint in consents(item)
		ends := {given.expires_ns |
			some given in item.approvals
			given.fingerprint == fingerprint
			agrees(item, given)
		}
	])
}

consenting(item) := {given.signer |
	some given in item.approvals
	agrees(item, given)
}

agrees(item, given) if {
	given.signer in input.environment.approvals.signers
	given.environment == input.environment.name
	given.manifest_sha256 == item.manifest_sha256
	is_number(given.at_ns)
	given.at_ns <= input.at_ns
	is_number(given.expires_ns)
	input.at_ns < given.expires_ns
	startswith(given.fingerprint, "sha256:")
}

# Approvals for this environment that do not count, with why: what one would otherwise look for longest.
disregarded(item) := {sprintf(" (%s by %s does not count: %s)", [given.file, given.signer, why]) |
	some given in item.approvals
	given.environment == input.environment.name
	not agrees(item, given)
	why := objection(item, given)
}

objection(item, given) := "it approves another manifest" if {
	given.manifest_sha256 != item.manifest_sha256
} else := "the environment does not name this signer" if {
	not given.signer in input.environment.approvals.signers
} else := "it is dated later than --at" if {
	not given.at_ns <= input.at_ns
} else := "its signer does not count any more"
