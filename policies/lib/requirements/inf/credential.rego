package lib.weighbridge.requirements.inf

import data.lib.weighbridge.request

# METADATA
# title: A credential is given
# description: A call without a key is nobody's call.
# related_resources:
#   - ref: https://www.rfc-editor.org/rfc/rfc6750#section-2.1
#     description: RFC 6750, bearer tokens
# custom:
#   code: INF-007
#   severity: high
#   fix: "Send the key as `Authorization: Bearer <key>`."
deny contains violation if {
	request.data_readable
	credential_place == "nowhere"
	violation := {
		"code": "INF-007",
		"severity": "high",
		"message": "No credential. Send the key as `Authorization: Bearer <key>`.",
		"field": ["headers", "authorization"],
	}
}

# METADATA
# title: The credential has the right form
# description: Exactly one key of our form, in `Authorization` and nowhere else.
# related_resources:
#   - ref: https://www.rfc-editor.org/rfc/rfc6750#section-2.1
#     description: RFC 6750, bearer tokens
# custom:
#   code: INF-008
#   severity: high
#   fix: "Send exactly one key, as `Authorization: Bearer <key>`, and no other credential header."
deny contains violation if {
	request.data_readable
	credential_place != "nowhere"
	not key
	violation := {
		"code": "INF-008",
		"severity": "high",
		"message": "Malformed credential, or more than one. Send exactly one key, as `Authorization: Bearer <key>`.",
		"field": ["headers", "authorization"],
	}
}

# METADATA
# title: The credential is known
# description: The registry holds the hash of every key of this environment.
# related_resources:
#   - ref: https://www.rfc-editor.org/rfc/rfc6750#section-3.1
#     description: RFC 6750, error codes
# custom:
#   code: INF-009
#   severity: high
#   fix: Use a key of this environment.
deny contains violation if {
	request.data_readable
	key
	not grant
	violation := {
		"code": "INF-009",
		"severity": "high",
		"message": "Unknown credential. Use a key of this environment.",
		"field": ["headers", "authorization"],
	}
}

# METADATA
# title: The credential is unexpired
# description: Every key has an end.
# related_resources:
#   - ref: https://www.rfc-editor.org/rfc/rfc6750#section-3.1
#     description: RFC 6750, error codes
# custom:
#   code: INF-010
#   severity: high
#   fix: Use the tenant's new key.
deny contains violation if {
	grant
	not grant_unexpired
	violation := {
		"code": "INF-010",
		"severity": "high",
		"message": "The credential has expired. Use the new key.",
		"field": ["headers", "authorization"],
	}
}

# METADATA
# title: The credential is not revoked
# description: A key that leaked is revoked by its id.
# related_resources:
#   - ref: https://www.rfc-editor.org/rfc/rfc6750#section-3.1
#     description: RFC 6750, error codes
# custom:
#   code: INF-011
#   severity: critical
#   fix: Use another key; a revoked one never comes back.
deny contains violation if {
	grant
	not grant_unrevoked
	violation := {
		"code": "INF-011",
		"severity": "critical",
		"message": "The credential was revoked. Use another key.",
		"field": ["headers", "authorization"],
	}
}

default credential_place := "elsewhere"

credential_place := "nowhere" if {
	not "authorization" in object.keys(request.headers)
	not elsewhere
} else := "authorization" if {
	not elsewhere
}

elsewhere if {
	some header in ["x-api-key", "api-key"]
	header in object.keys(request.headers)
}

key := found if {
	credential_place == "authorization"
	["Bearer", found] = split(request.headers.authorization, " ")
	regex.match(key_form, found)
}

# METADATA
# title: A key's form
# description: Environment, public id, and 32 random bytes in base64url.
key_form := `^wb_[a-z0-9.-]+_[a-z0-9]{8}_[A-Za-z0-9_-]{43}$`

# The id in the key must be the one that is revoked by: else revoking what the key itself says would do nothing.
grant := found if {
	found := request.grant(crypto.sha256(key))
	is_string(found.tenant)
	is_string(found.key)
	startswith(key, concat("_", ["wb", request.environment, found.key, ""]))
}

grant_unexpired if {
	is_number(grant.not_after)
	grant.not_after > request.now_ns
}

grant_unrevoked if count(request.key_orders(grant.key)) == 0

authenticated if {
	request.data_readable
	grant_unexpired
	grant_unrevoked
}
