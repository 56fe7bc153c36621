package lib.weighbridge.decision

# METADATA
# title: The requirement can be softened
# description: |
#   Whether a mode or a waiver may make less of a violation than a denial. Not where nothing is known without it: input or policy
#   data that cannot be read, a version that nobody judged, one that was revoked or frozen, and whatever binds what runs to the
#   version that was judged. `weighbridge.catalogue.softening` reads these three sets from this file; there is no other list.
softens(code) if {
	regex.match(`^[A-Z]{3}-[0-9]{3}$`, code)
	not substring(code, 0, 3) in strict_families
	not code in strict_codes
}

softens(code) if code in softer_codes

# Of these families every code denies, also one that is added later, but for `softer_codes`.
strict_families := {"INF", "MOD", "REL", "USR"}

# Of the other families these deny: something could not be read, is not proven, or lets run what nobody judged.
strict_codes := {
	"GPU-001",
	"GPU-011",
	"IMG-001",
	"IMG-002",
	"IMG-003",
	"IMG-016",
	"IMG-017",
	"POD-001",
}

# An approval that was there and has ended, code that the version's own folder holds, and what a card does not document.
softer_codes := {"MOD-004", "MOD-018", "REL-022", "REL-023"}
