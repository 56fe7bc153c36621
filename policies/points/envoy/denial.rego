package weighbridge.points.envoy

import data.lib.weighbridge.request

# The error object in OpenAI's shape. Envoy alone knows the decision id and writes the body anew, from the same object in the metadata.
error := {
	"message": first.message,
	"type": error_types[status],
	"code": first.code,
	"param": null,
	"codes": sort({violation.code | some violation in violations}),
}

# Which status answers a call that violates several requirements: the first of this list. Who calls comes before what is asked.
precedence := [
	["INF-022", 503],
	["INF-008", 401],
	["INF-007", 401],
	["INF-009", 401],
	["INF-011", 401],
	["INF-010", 401],
	["INF-006", 404],
	["INF-005", 413],
	["INF-002", 415],
	["INF-001", 400],
	["INF-003", 400],
	["INF-004", 400],
	["INF-027", 400],
	["INF-020", 400],
	["INF-021", 400],
	["INF-024", 503],
	["INF-013", 403],
	["INF-016", 404],
	["INF-012", 403],
	["INF-014", 403],
	["INF-018", 403],
	["INF-015", 403],
	["INF-019", 403],
	["INF-026", 429],
	["INF-017", 503],
	["INF-025", 503],
]

ranked := [[i, violation, entry[1]] |
	some i, entry in precedence
	some violation in violations
	violation.code == entry[0]
]

first := ranked[0][1] if {
	count(ranked) > 0
} else := sort([[violation.code, violation] | some violation in violations])[0][1]

# What a user's own requirement denies is forbidden.
default status := 403

status := 405 if {
	first.code == "INF-006"
	request.path_known
} else := ranked[0][2]

error_types := {
	400: "invalid_request_error",
	401: "authentication_error",
	403: "permission_error",
	404: "not_found_error",
	405: "invalid_request_error",
	413: "invalid_request_error",
	415: "invalid_request_error",
	429: "rate_limit_error",
	503: "server_error",
}
