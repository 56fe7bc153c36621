# METADATA
# scope: package
# title: Inference calls
# description: |
#   What must provably hold before a call reaches a model. Which requirement applies when:
#
#   | situation | what is judged |
#   |---|---|
#   | no readable registry | INF-022 alone |
#   | always | method and path (INF-006), the credential (INF-007 to INF-011) |
#   | a path whose model is named in the body | INF-005, else INF-002, else INF-001 |
#   | ... body understood | INF-003 or INF-004, INF-020, INF-027 |
#   | valid credential | live data (INF-024) |
#   | ... fresh live data | the tenant: INF-013, INF-026 |
#   | ... body understood | the token limit: INF-021 |
#   | ... model named | INF-016 for an unknown one, INF-017 for an alias without active version, else INF-012 |
#   | ... tenant entitled | INF-014, INF-015, INF-018 |
#   | ... version approved | INF-019, INF-025 |
#
#   So nobody without a valid credential learns whether a model exists, and nobody who is not entitled learns how it is.
package lib.weighbridge.requirements.inf

import data.lib.weighbridge.request

# METADATA
# title: Method and path are allowed
# description: Only what the table of calls lists is a call; the raw path up to the query is compared, nothing is decoded.
# related_resources:
#   - ref: https://www.rfc-editor.org/rfc/rfc9110#section-9
#     description: RFC 9110, methods
# custom:
#   code: INF-006
#   severity: medium
#   fix: Call a method and path that the environment's `calls.paths` lists, written exactly so.
deny contains violation if {
	request.data_readable
	not endpoint
	violation := {
		"code": "INF-006",
		"severity": "medium",
		"message": "Method or path is not allowed. Call one of the paths that this gateway serves, written exactly so.",
		"field": ["path"],
	}
}

# METADATA
# title: Policy data is there
# description: Without a readable registry nothing can be proven about any call.
# related_resources:
#   - ref: https://www.openpolicyagent.org/docs/management-bundles
#     description: OPA bundles
# custom:
#   code: INF-022
#   severity: critical
#   fix: Look at the engine's bundle status; the release bundle is missing or is another point's.
deny contains violation if {
	not request.data_readable
	violation := {
		"code": "INF-022",
		"severity": "critical",
		"message": "Policy data is missing, so nothing is served. Try again later.",
		"field": [],
	}
}

# METADATA
# title: Live data is fresh
# description: Without fresh live data a revocation could be unknown here.
# related_resources:
#   - ref: https://www.openpolicyagent.org/docs/management-bundles
#     description: OPA bundles
# custom:
#   code: INF-024
#   severity: critical
#   fix: Restore the connection to the control plane; it re-issues live data.
deny contains violation if {
	authenticated
	not request.fresh
	violation := {
		"code": "INF-024",
		"severity": "critical",
		"message": "Policy data is too old, so nothing is served. Try again later.",
		"field": [],
	}
}

# METADATA
# title: The tenant is not suspended
# description: A suspended tenant calls nothing.
# related_resources:
#   - ref: https://csrc.nist.gov/glossary/term/incident_response_plan
#     description: NIST, incident response
# custom:
#   code: INF-013
#   severity: high
#   fix: Ask the operator; a `resume` order lifts the suspension.
deny contains violation if {
	judged
	count(request.suspensions(grant.tenant)) != 0
	violation := {
		"code": "INF-013",
		"severity": "high",
		"message": "The tenant is suspended. Ask the operator.",
		"field": [],
	}
}

# METADATA
# title: The tenant is within its quota
# description: A tenant that has used up its quota waits until it is refilled.
# related_resources:
#   - ref: https://www.rfc-editor.org/rfc/rfc6585#section-4
#     description: RFC 6585, 429 Too Many Requests
# custom:
#   code: INF-026
#   severity: medium
#   fix: Wait until the quota is refilled, or have it raised.
deny contains violation if {
	judged
	count(request.exhaustions(grant.tenant)) != 0
	violation := {
		"code": "INF-026",
		"severity": "medium",
		"message": "The tenant's quota is used up. Try again later.",
		"field": [],
	}
}

endpoint := found if {
	found := request.endpoint
	is_object(found)
}

# Who calls is known, and what is blocked is known.
judged if {
	authenticated
	request.fresh
}
