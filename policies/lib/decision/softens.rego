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
strict_families := {"INF", "MOD", "USR"}

# Of the other families these deny: they say that something was not understood, or not proven.
strict_codes := {
	"POD-001",
	"REL-001",
	"REL-002",
	"REL-003",
	"REL-004",
	"REL-005",
	"REL-006",
	"REL-007",
	"REL-008",
	"REL-009",
	"REL-010",
	"REL-011",
	"REL-012",
	"REL-021",
}

# An approval that was there and has ended.
softer_codes := {"MOD-004"}
