package lib.weighbridge.requirements.inf

import data.lib.weighbridge.request

# METADATA
# title: The body is understood
# description: Empty, cut off, not JSON, or JSON that is no object says nothing about the call.
# related_resources:
#   - ref: https://www.rfc-editor.org/rfc/rfc8259
#     description: RFC 8259, JSON
# custom:
#   code: INF-001
#   severity: medium
#   fix: Send one complete JSON object.
deny contains violation if {
	body_expected
	body_within_limit
	body_typed
	not body_read
	violation := {
		"code": "INF-001",
		"severity": "medium",
		"message": "The body was not understood. Send one complete JSON object.",
		"field": ["body"],
	}
}

# METADATA
# title: The content type is JSON
# description: A body of another type is not looked into.
# related_resources:
#   - ref: https://www.rfc-editor.org/rfc/rfc9110#section-8.3
#     description: RFC 9110, Content-Type
# custom:
#   code: INF-002
#   severity: medium
#   fix: "Send `Content-Type: application/json`."
deny contains violation if {
	body_expected
	body_within_limit
	not body_typed
	violation := {
		"code": "INF-002",
		"severity": "medium",
		"message": "The content type is not JSON. Send `Content-Type: application/json`.",
		"field": ["headers", "content-type"],
	}
}

# METADATA
# title: The body names a model
# description: Without `model` nobody knows which version is asked.
# related_resources:
#   - ref: https://platform.openai.com/docs/api-reference/chat/create
#     description: OpenAI, chat completions
# custom:
#   code: INF-003
#   severity: medium
#   fix: Name an alias or `<model>@<version>` in `model`.
deny contains violation if {
	model_given == null
	violation := {
		"code": "INF-003",
		"severity": "medium",
		"message": "The body names no `model`. Name one that `GET /v1/models` lists.",
		"field": ["body", "model"],
	}
}

# METADATA
# title: The model's name is a name
# description: A name is an alias or `<model>@<version>`, in lower case, digits, dots and dashes.
# related_resources:
#   - ref: https://platform.openai.com/docs/api-reference/models
#     description: OpenAI, models
# custom:
#   code: INF-004
#   severity: medium
#   fix: Name an alias or `<model>@<version>` in `model`.
deny contains violation if {
	model_given != null
	not model_name
	violation := {
		"code": "INF-004",
		"severity": "medium",
		"message": "`model` is not a model's name. Name one that `GET /v1/models` lists.",
		"field": ["body", "model"],
	}
}

# METADATA
# title: The body is within the limit
# description: Envoy refuses a body above the limit before it asks; what announces itself as larger is refused here, too.
# related_resources:
#   - ref: https://www.rfc-editor.org/rfc/rfc9110#section-15.5.14
#     description: RFC 9110, 413 Content Too Large
# custom:
#   code: INF-005
#   severity: medium
#   fix: Send a smaller body, or have `calls.body_limit` raised.
deny contains violation if {
	body_expected
	not body_within_limit
	violation := {
		"code": "INF-005",
		"severity": "medium",
		"message": "The body is too large. Send a smaller one.",
		"field": ["body"],
	}
}

# METADATA
# title: A stream accounts for its usage
# description: Tokens of a stream are only counted in its last chunk, which comes only if it is asked for.
# related_resources:
#   - ref: https://platform.openai.com/docs/api-reference/chat/create
#     description: OpenAI, stream_options
# custom:
#   code: INF-020
#   severity: medium
#   fix: "Send `stream_options: {include_usage: true}` with every stream."
deny contains violation if {
	body_understood
	streaming == true
	not request.subject.call.include_usage == true
	violation := {
		"code": "INF-020",
		"severity": "medium",
		"message": "A stream without usage accounting. Send `\"stream_options\": {\"include_usage\": true}`.",
		"field": ["body", "stream_options"],
	}
}

# METADATA
# title: The call is within the token limit
# description: |
#   Under a token limit exactly one of `max_tokens` and `max_completion_tokens` is a positive integer, and times `n` within the limit.
# related_resources:
#   - ref: https://platform.openai.com/docs/api-reference/chat/create
#     description: OpenAI, max_completion_tokens
# custom:
#   code: INF-021
#   severity: medium
#   fix: Set `max_tokens` so that, times `n`, it is within the tenant's limit.
deny contains violation if {
	judged
	body_understood
	not within_token_limit
	violation := {
		"code": "INF-021",
		"severity": "medium",
		"message": sprintf("The token limit is %v. Set one of `max_tokens` and `max_completion_tokens`, times `n` within it.", [grant.max_tokens]),
		"field": ["body", "max_tokens"],
	}
}

# METADATA
# title: Fields that multiply are what they seem
# description: Lenient servers read `"true"` as true and `"2"` as 2; so `stream` is a boolean and `n` a positive integer, or absent.
# related_resources:
#   - ref: https://platform.openai.com/docs/api-reference/chat/create
#     description: OpenAI, stream and n
# custom:
#   code: INF-027
#   severity: medium
#   fix: Send `stream` as true or false and `n` as a positive integer, or leave them out.
deny contains violation if {
	body_understood
	not fields_typed
	violation := {
		"code": "INF-027",
		"severity": "medium",
		"message": "`stream` is not true or false, or `n` no positive integer. Correct them, or leave them out.",
		"field": ["body"],
	}
}

body_expected if {
	request.data_readable
	endpoint.model == "body"
}

# Envoy refuses a larger body before it asks; this is about what announces itself as larger, or unreadably.
body_within_limit if not "content-length" in object.keys(request.headers)

body_within_limit if to_number(request.headers["content-length"]) <= request.body_limit

body_typed if {
	lower(trim_space(split(request.headers["content-type"], ";")[0])) == "application/json"
}

body_read if request.subject.call.body == "json"

body_understood if {
	body_expected
	body_within_limit
	body_typed
	body_read
}

model_given := object.get(request.subject.call, "model", null) if body_understood

model_name := model_given if {
	regex.match(`^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?(@[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?)?$`, model_given)
}

streaming := object.get(request.subject.call, "stream", null)

fields_typed if {
	streaming in {null, true, false}
	choices
}

# How many answers are asked for.
choices := 1 if {
	object.get(request.subject.call, "n", null) == null
} else := request.subject.call.n if {
	positive_integer(request.subject.call.n)
}

default answers := 1

answers := choices

positive_integer(value) if {
	is_number(value)
	value > 0
	floor(value) == value
}

within_token_limit if bounded(grant, request.subject.call, answers)

# METADATA
# title: A call is within a grant's token limit
# description: |
#   There is none, or exactly one of the two fields is a positive integer and, times the number of answers, within it. The fast
#   way to a decision asks this, too.
bounded(grant_, _, _) if not "max_tokens" in object.keys(grant_)

bounded(grant_, call, count_) if {
	is_number(grant_.max_tokens)
	limits := [limit |
		some name in ["max_tokens", "max_completion_tokens"]
		limit := object.get(call, name, null)
		limit != null
	]
	count(limits) == 1
	positive_integer(limits[0])
	limits[0] * count_ <= grant_.max_tokens
}
