# METADATA
# scope: package
# title: What conftest asks
# description: conftest evaluates `deny` in the package `main`; each result carries the message and, for reports, the violation itself.
package main

import data.lib.weighbridge.decision as requirements
import data.weighbridge.points.conftest

# METADATA
# title: Denials
# description: One result a violation; a decision that denies without a violation that does is a result of its own.
deny contains result if {
	not empty_document
	some violation in conftest.decision.violations
	not requirements.softened({violation})
	result := {"msg": sprintf("%s %s", [violation.code, violation.message]), "violation": violation}
}

deny contains result if {
	not empty_document
	not conftest.decision.allowed == true
	requirements.softened(conftest.decision.violations)
	result := {"msg": "MOD-010 Could not understand the workload. Hand in well-formed Kubernetes objects."}
}

# METADATA
# title: Warnings
# description: Violations that a mode or a waiver makes less of. conftest shows them and does not fail for them.
warn contains result if {
	not empty_document
	some violation in conftest.decision.violations
	requirements.softened({violation})
	result := {"msg": sprintf("%s (%s) %s", [violation.code, violation.effect, violation.message]), "violation": violation}
}

# A comment in front of the first `---` is a document to conftest, and deploys nothing; `weighbridge check` leaves it out, too.
empty_document if input == null
