package weighbridge.gate

# METADATA
# title: The version is approved in the environment before
# description: An environment that promotes from another takes only what holds there at the same `--at`.
# related_resources:
#   - ref: https://slsa.dev/spec/v1.0/verification_summary
#     description: SLSA, verification summary
# custom:
#   code: REL-007
#   severity: critical
#   fix: Get it approved in that environment first; `weighbridge explain` shows what is missing there.
previous_reasons(item) := set() if {
	not_demanded("promotion")
} else := set() if {
	item.previous.environment == input.environment.promotion.from
	item.previous.approved == true
} else := {{
	"code": "REL-007",
	"message": sprintf("not approved in %s, from which %s promotes (%s); get it approved there first", [
		input.environment.promotion.from,
		input.environment.name,
		concat(", ", sort(object.get(item, ["previous", "codes"], ["unknown there"]))),
	]),
}}

# METADATA
# title: A signer of promotions has promoted the version
# description: Promotion is somebody's decision, signed, about one digest and from one environment to the other.
# related_resources:
#   - ref: https://slsa.dev/spec/v1.0/verification_summary
#     description: SLSA, verification summary
# custom:
#   code: REL-008
#   severity: critical
#   fix: Have one of `promotions.signers` sign a `promotion/v1` from the one environment to the other.
promotion_reasons(item) := set() if {
	not_demanded("promotion")
} else := set() if {
	count(promoted_at(item)) > 0
} else := {{
	"code": "REL-008",
	"message": sprintf("no promotion from %s to %s by %s; have promotion/v1 signed about %s", [
		input.environment.promotion.from,
		input.environment.name,
		concat(" or ", input.environment.promotion.signers),
		object.get(item, "digest", "the artifact digest"),
	]),
}}

# METADATA
# title: The version has been in the environment before for long enough
# description: |
#   Counted from the promotion into that environment, or from the package statement where it promotes from nothing, to `--at`.
# related_resources:
#   - ref: https://slsa.dev/spec/v1.0/verification_summary
#     description: SLSA, verification summary
# custom:
#   code: REL-009
#   severity: high
#   fix: Wait, or lower `promotions.min_time`.
time_reasons(item) := set() if {
	not_demanded("promotion")
} else := set() if {
	# REL-007 has refused it already, and no time can be counted.
	count(previous_reasons(item)) > 0
} else := set() if {
	input.environment.promotion.min_time_ns == 0
} else := set() if {
	is_number(input.environment.promotion.min_time_ns)
	input.at_ns - item.previous.since_ns >= input.environment.promotion.min_time_ns
} else := {{
	"code": "REL-009",
	"message": sprintf("has been in %s for %s, less than %s; wait", [
		input.environment.promotion.from,
		stay(item),
		span(input.environment.promotion.min_time_ns),
	]),
}}

stay(item) := span(input.at_ns - item.previous.since_ns) if {
	is_number(item.previous.since_ns)
} else := "an unknown time"

# METADATA
# title: When the version came into this environment
# description: |
#   Of one signer the latest promotion counts, as with all evidence; of several signers, each of whom may promote alone, the first.
since(item) := object.get(item, ["package", "at_ns"], null) if {
	not_demanded("promotion")
} else := min(promoted_at(item)) if {
	count(promoted_at(item)) > 0
} else := null

promoted_at(item) := {max(times) |
	some signer in input.environment.promotion.signers
	times := {given.at_ns |
		some given in item.promotions
		given.signer == signer
		promotes(given)
	}
	count(times) > 0
}

# METADATA
# title: Until when a promotion counts
# description: Any one of the promotions suffices, so the one whose signer counts longest decides.
promoted_until(_) := never_ns if not_demanded("promotion")

promoted_until(item) := max({given.expires_ns |
	some given in item.promotions
	given.signer in input.environment.promotion.signers
	promotes(given)
}) if {
	not not_demanded("promotion")
}

promotes(given) if {
	given.to == input.environment.name
	given.from == input.environment.promotion.from
	is_number(given.at_ns)
	given.at_ns <= input.at_ns
	is_number(given.expires_ns)
	input.at_ns < given.expires_ns
}
