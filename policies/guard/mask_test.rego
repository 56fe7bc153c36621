package system.log_test

import data.system.log

event(headers) := {"input": {"attributes": {"request": {"http": {"headers": headers}}}}}

masked(event_) := pointers if {
	pointers := log.mask with input as event_
}

headers_of(event_) := {pointer |
	some pointer in masked(event_)
	is_string(pointer)
	contains(pointer, "/headers/")
}

test_credentials_are_masked if {
	found := headers_of(event({
		"authorization": "Bearer x",
		"proxy-authorization": "x",
		"x-api-key": "x",
		"Api-Key": "x",
		"cookie": "x",
		"set-cookie": "x",
		"x-auth-token": "x",
		"x-forwarded-client-cert": "x",
		"content-type": "application/json",
		"x-request-id": "1",
	}))
	count(found) == 8
	not "/input/attributes/request/http/headers/content-type" in found
	not "/input/attributes/request/http/headers/x-request-id" in found
}

test_a_header_with_a_slash if {
	"/input/attributes/request/http/headers/a~1key~0" in headers_of(event({"a/key~": "x"}))
}

test_a_key_in_the_query if {
	found := masked({"input": {"attributes": {"request": {"http": {"path": "/v1/models?api_key=x"}}}}})
	{"op": "upsert", "path": "/input/attributes/request/http/path", "value": "/v1/models"} in found
	"/input/attributes/request/http/query" in found
}

test_a_workload_keeps_its_name_only if {
	found := masked({"input": {"apiVersion": "v1", "kind": "Secret", "metadata": {}, "data": {}, "a/b": 1}})
	"/input/data" in found
	"/input/a~1b" in found
	"/input/metadata/annotations" in found
	not "/input/kind" in found
	not "/input/metadata" in found
}

# A mask that errors loses the whole event.
test_odd_events if {
	every event_ in [
		null,
		"x",
		7,
		[],
		{},
		{"input": null},
		{"input": "x"},
		{"input": {"attributes": []}},
		{"input": {"attributes": {"request": "x"}}},
		event(null),
		event("authorization"),
		event(["authorization"]),
		event({}),
		event({"": "x"}),
		{"input": {"attributes": {"request": {"http": {"path": 7}}}}},
		{"input": {"": 1, "~/": 2}},
		event({"authorization": {"a": 1}}),
	] {
		is_set(masked(event_))
	}
}

# A prompt in the wrong field is a prompt.
test_odd_model if {
	prefix := "/input/attributes/metadataContext/filterMetadata/weighbridge.call/"
	call := {"model": "What is my salary?", "stream": "a b", "body": "json", "n": 2, "max_tokens": null}
	found := masked({"input": {"attributes": {"metadataContext": {"filterMetadata": {"weighbridge.call": call}}}}})
	found & {concat("", [prefix, key]) | some key in object.keys(call)} == {
		concat("", [prefix, "model"]),
		concat("", [prefix, "stream"]),
	}
}
