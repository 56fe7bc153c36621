package weighbridge.gate

# METADATA
# title: Reasons for which a waiver may stand in
# description: |
#   What was proven once and is too old, measured and out of bounds, or promoted too early. Never what nobody could verify, what
#   nobody stated, and who has to agree. `weighbridge.catalogue.softening` reads this set; there is no other list.
waivable := {"REL-004", "REL-005", "REL-009"}

# METADATA
# title: A reason is waived
# description: By a waiver for this artifact and environment that has begun and has not ended.
waived(item, code) if count(waived_until(item, code)) > 0

# METADATA
# title: Until when a reason is waived
# description: The ends of all waivers that hold; so with none there is none.
waived_until(item, code) := {waiver.not_after |
	code in waivable
	some waiver in item.waivers[code]
	is_number(waiver.not_before)
	is_number(waiver.not_after)
	waiver.not_before <= input.at_ns
	input.at_ns < waiver.not_after
}
