# METADATA
# scope: package
# title: The union of all linked requirements
# description: |
#   What every enforcement point asks: the violations of our own requirement families and of the user's. Whatever a user's rule
#   puts into `deny` denies; what is not of the right form denies too, with a code of its own.
#
#   Gatekeeper moves libraries to another place, and finds what they name by their imports alone: a reference to `data` in a rule's
#   body would be undefined there, and no requirement linked.
package lib.weighbridge.decision

import data.lib.weighbridge.request
import data.lib.weighbridge.requirements
import data.lib.weighbridge.user.requirements as own

# METADATA
# title: Violations
# description: Every violation of every linked requirement, with its effect.
violations contains object.union(violation, {"effect": effect(violation.code)}) if {
	some family
	some violation in requirements[family].deny
}

violations contains violation if some violation in users

# METADATA
# title: What a violation leads to
# description: |
#   `deny`, unless a waiver holds (`waived`) or the requirement's mode says less (`warn`, `dry-run`), and the requirement is one
#   that can be softened at all.
default effect(_) := "deny"

effect(code) := "waived" if {
	softens(code)
	count(request.waivers(code)) > 0
} else := mode if {
	softens(code)
	mode := request.mode(code)
	mode in softer_effects
}

# METADATA
# title: Nothing denies
# description: Each of these violations is known to be softened; one of an effect that nobody knows is a denial.
softened(found) if {
	every violation in found {
		violation.effect in softer_effects
	}
}

softer_effects := {"waived", "warn", "dry-run"}

# METADATA
# title: Violations of the user's own requirements
# description: A user's violation is an object with `code` and `message`; `severity` and `field` are optional.
users contains violation if {
	some name
	some found in own[name].deny
	well_formed(found)
	violation := {
		"code": found.code,
		"severity": severity(found),
		"effect": effect(found.code),
		"message": found.message,
		"field": field(found),
	}
}

# METADATA
# title: A user's requirement gave an answer that is no violation
# description: An element of `deny` without a code like `ACM-001` and a message is no violation that a report could name; it still denies.
# related_resources:
#   - ref: https://github.com/open-policy-agent/opa
#     description: Partial rules
# custom:
#   code: USR-001
#   severity: high
#   fix: Let the rule add objects with `code` and `message` to `deny`.
users contains violation if {
	some name
	some found in own[name].deny
	not well_formed(found)
	violation := {
		"code": "USR-001",
		"severity": "high",
		"effect": "deny",
		"message": sprintf("requirement %s: answered without `code` and `message`. Add objects with both to `deny`.", [name]),
		"field": [],
	}
}

# METADATA
# title: A user's requirement has no set `deny`
# description: A package of the user's requirements that has no partial set `deny` would let everything pass; so it denies.
# related_resources:
#   - ref: https://github.com/open-policy-agent/opa
#     description: Partial rules
# custom:
#   code: USR-002
#   severity: high
#   fix: Write `deny contains {"code", "message"} if ...` in the package.
users contains violation if {
	some name
	_ = own[name]
	not has_deny_set(name)
	violation := {
		"code": "USR-002",
		"severity": "high",
		"effect": "deny",
		"message": sprintf("requirement %s: has no set `deny`. Write `deny contains {\"code\", \"message\"} if ...`.", [name]),
		"field": [],
	}
}

# A rule of its own: negating a call whose argument is undefined is undefined, too, and would let the package pass.
has_deny_set(name) if is_set(own[name].deny)

well_formed(found) if {
	regex.match(`^[A-Z]{3}-[0-9]{3}$`, found.code)
	is_string(found.message)
}

default severity(_) := "high"

severity(found) := found.severity if found.severity in {"critical", "high", "medium", "low"}

default field(_) := []

field(found) := found.field if is_array(found.field)
