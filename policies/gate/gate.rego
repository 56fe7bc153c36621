# METADATA
# scope: package
# title: The gate
# description: |
#   Decides for one version in one environment: approved, or refused with every reason. It is asked once a compile and never by an
#   enforcement point. Each requirement is a function that gives the empty set only where the requirement provably holds; a
#   function without an answer leaves the whole verdict undefined, which the caller records as refused (REL-010).
#
#   Input, one batch for one environment:
#   `environment` is `{name, requires, evaluations, metrics, approvals, promotion}`, `package_attestation` the name of the one
#   attestation about packaging, `at_ns` the compile's clock, `items` the versions by name.
# schemas:
#   - input: schema.input
package weighbridge.gate

# What never expires carries this moment: the last one that `time.now_ns` can name.
never_ns := 9223372036854775807

# METADATA
# title: Verdicts of a batch
# description: One verdict for each item, by its key; an item that could not be judged has none.
# entrypoint: true
verdicts := {key: answer |
	some key, item in input.items
	answer := verdict(item)
}

# METADATA
# title: Verdict on one version
# description: |
#   `approved` holds only where no requirement gave a reason for which no waiver stands in; `waived` has those for which one does.
#   `since_ns` is when the version came into this environment, which the
#   environments that promote from it count from; null if it never did.
verdict(item) := {
	"approved": count(reasons) == 0,
	"reasons": [reason | some reason in reasons],
	"waived": [reason | some reason in excused],
	"not_after": expiry(item, reasons, excused),
	"since_ns": since(item),
} if {
	found := union({
		package_reasons(item),
		attestation_reasons(item),
		metric_reasons(item),
		approval_reasons(item),
		previous_reasons(item),
		promotion_reasons(item),
		time_reasons(item),
	})
	excused := {reason | some reason in found; waived(item, reason.code)}
	reasons := found - excused
}

# METADATA
# title: When an approval ends
# description: |
#   The earliest moment at which a required attestation is too old, the approval in the environment before ends, or too few of those
#   who approved or promoted still count: what a compile at that moment would refuse ends then without one. In place of an attestation
#   that is too old, and of whatever else is waived, the waiver's end counts. 0 for what is refused.
expiry(_, reasons, _) := 0 if count(reasons) > 0

expiry(item, reasons, excused) := min({never_ns, before, agreed, promoted} | ends) if {
	count(reasons) == 0
	aging := {item.attestations[name].expires_ns | some name in required; holds(item, name)}
	ends := aging | {max(waived_until(item, reason.code)) | some reason in excused}
	count(ends) > 0
	before := until_before(item)
	agreed := agreed_until(item)
	promoted := promoted_until(item)
}

until_before(_) := never_ns if not_demanded("promotion")

until_before(item) := item.previous.not_after if {
	not not_demanded("promotion")
	is_number(item.previous.not_after)
}

required := {name | some name in input.environment.requires} | {input.package_attestation}

# METADATA
# title: A span of time, for people
span(ns) := sprintf("%d days", [floor(ns / 86400000000000)]) if {
	ns >= 172800000000000
} else := sprintf("%d hours", [floor(ns / 3600000000000)]) if {
	ns >= 7200000000000
} else := sprintf("%d minutes", [floor(ns / 60000000000)])
