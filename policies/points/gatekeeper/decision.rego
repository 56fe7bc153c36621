# METADATA
# scope: package
# title: What Gatekeeper asks
# description: |
#   `violation` is the entry of the ConstraintTemplate. A constraint shows the violations of one or more effects: what denies, what
#   warns, what audit alone reports. A decision that denies without saying why is a violation of its own.
# schemas:
#   - input: schema.input
package weighbridge.points.gatekeeper

import data.lib.weighbridge.part
import data.lib.weighbridge.request
import data.lib.weighbridge.verdict

# METADATA
# title: Violations
# description: Each with its message, the code in front, and the violation itself as details.
# entrypoint: true
violation contains {"msg": sprintf("%s %s", [found.code, found.message]), "details": found} if {
	concerned
	some found in violations
	shown(found.effect)
}

violation contains {"msg": sprintf("%s %s", [unexplained.code, unexplained.message]), "details": unexplained} if {
	concerned
	shown("deny")
	not explained
}

# METADATA
# title: What has arrived here
# description: |
#   An agent asks by a dry run which version of LiveState this Gatekeeper has. The answer is a refusal, so that nothing is ever kept of
#   the question, and so that silence proves nothing.
violation contains {"msg": sprintf("weighbridge-synced %s %s", [asked, version]), "details": {"environment": asked, "version": version}} if {
	shown("deny")
	version := request.live_version(asked)
}

asked := name if {
	input.review.kind.group == "apps"
	input.review.kind.kind == "ControllerRevision"
	input.review.object.metadata.name == "weighbridge-synced"
	name := input.review.object.metadata.annotations["weighbridge.dev/environment"]
	is_string(name)
}

unexplained := {
	"code": "MOD-010",
	"severity": "high",
	"effect": "deny",
	"message": "Could not understand the workload. Hand in well-formed Kubernetes objects.",
	"field": [],
}

# A deletion starts nothing, and nobody has to prove anything to end something. The finalizers that it waits for go by an update.
concerned if {
	not input.review.operation == "DELETE"
	not bookkeeping
}

bookkeeping if {
	input.review.operation == "UPDATE"
	what_counts(input.review.object) == what_counts(input.review.oldObject)
}

# A pod whose version was revoked while it ran is cut off by a label. Taking that off is judged, as any other change of labels is.
bookkeeping if {
	input.review.operation == "UPDATE"
	input.review.kind.kind == "Pod"
	not cordoned(input.review.oldObject)
	cordoned(input.review.object)
	what_counts(json.remove(input.review.object, [cordon])) == what_counts(input.review.oldObject)
}

cordoned(whole) if "weighbridge.dev/cordoned" in object.keys(whole.metadata.labels)

cordon := "metadata/labels/weighbridge.dev~1cordoned"

what_counts(whole) := [object.remove(whole, {"metadata"}), object.remove(whole.metadata, booked)]

booked := {"finalizers", "generation", "managedFields", "resourceVersion"}

# The first cause alone: what follows from missing or forged data helps nobody.
violations := faulty if {
	count(faulty) > 0
} else := verdict.decision.violations

explained if verdict.decision.allowed == true

explained if {
	some found in violations
	found.effect == "deny"
}

shown(effect) if effect in input.parameters.effects

# A constraint that does not say what it shows, shows what denies.
shown("deny") if not readable_effects

readable_effects if {
	is_array(input.parameters.effects)
	count(input.parameters.effects) > 0
}

faulty contains found if {
	request.serving
	found := faults[request.fault]
}

faulty contains found if {
	some i in numbers.range(1, request.subject.parts - 1)
	request.subject.parts > 1
	request.serving with part.index as i
	cause := request.fault with part.index as i
	found := faults[cause]
}

faults["no live state"] := fault("MOD-013", "Policy data is missing: no LiveState of this environment in Gatekeeper's inventory. Apply it and the SyncSet.")

faults["foreign live state"] := fault("MOD-017", "The LiveState is another environment's. Apply this environment's `livestate.yaml`.")

faults["release not announced"] := fault("MOD-015", "This release is not announced by live data. Wait for the current one, or look for a replay.")

faults["approval not announced"] := fault(
	"MOD-015",
	"This version's ModelApproval is of a release that live data does not announce. Apply the current one, or look for a replay.",
)

faults["forged live state"] := forged("LiveState")

faults["forged approval"] := forged("ModelApproval")

# METADATA
# title: Approvals and live state in a cluster are signed
# description: |
#   A ModelApproval or LiveState that the key in the constraint did not sign, that says another name or environment than it bears, or
#   that cannot be read. Write access to these resources approves nothing.
# related_resources:
#   - ref: https://www.rfc-editor.org/rfc/rfc7515
#     description: JSON Web Signature
#   - ref: https://attack.mitre.org/techniques/T1562/
#     description: MITRE ATT&CK T1562, impair defenses
# custom:
#   code: MOD-019
#   severity: critical
#   fix: Find out who wrote the resource, and apply what `weighbridge compile` wrote.
forged(kind) := {
	"code": "MOD-019",
	"severity": "critical",
	"effect": "deny",
	"message": sprintf("The %s is not what the release or live key signed for this name and environment. Find out who wrote it.", [kind]),
	"field": [],
}

fault(code, message) := {"code": code, "severity": "critical", "effect": "deny", "message": message, "field": []}
