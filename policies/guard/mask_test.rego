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
		"x-request-id": "6c0bd71f-1011-4ea7-8ab3-0a9c0d3f2f11",
	}))
	count(found) == 8
	not "/input/attributes/request/http/headers/content-type" in found
	not "/input/attributes/request/http/headers/x-request-id" in found
}

test_a_header_with_a_slash if {
	"/input/attributes/request/http/headers/a~1key~0" in headers_of(event({"a/key~": "x"}))
}

test_a_key_in_the_query if {
	found := masked_call("GET", "/v1/models?api_key=x")
	{"op": "upsert", "path": "/input/attributes/request/http/path", "value": "/v1/models"} in found
	"/input/attributes/request/http/query" in found
	not "/input/parsed_path" in found
}

masked_call(method, path) := pointers if {
	pointers := log.mask with input as {"input": {"attributes": {"request": {"http": {"method": method, "path": path}}}}}
		with data.weighbridge.registry as {"calls": {"paths": {"GET /v1/models": {"answer": "entitlements"}}}}
}

places_of_the_path := {
	"/input/attributes/request/http/method",
	"/input/attributes/request/http/path",
	"/input/parsed_path",
}

test_a_path_that_the_catalogue_names_is_kept if {
	places_of_the_path & masked_call("GET", "/v1/models") == set()
}

# Whatever is no path of ours may be a key or a prompt; without a registry nothing is ours.
test_a_key_in_the_path if {
	every path in ["/v1/wb_prod_x", "/v1/wb_prod_x?y", "/v1/models/x", "/v1/modelsx?", "?", ""] {
		places_of_the_path - masked_call("GET", path) == set()
		every operation in masked_call("GET", path) {
			is_string(operation)
		}
	}
	places_of_the_path - masked_call("wb_prod_x", "/v1/models") == set()
	places_of_the_path - masked({"input": {"attributes": {"request": {"http": {"method": "GET", "path": "/v1/models"}}}}}) == set()
}

# A prompt stands in the body, in whatever form OPA's plugin hands it on; the rest may hold a key.
test_what_is_removed_from_every_event if {
	{pointer | some pointer in masked(event({})); is_string(pointer)} - places_of_the_path == {
		"/input/attributes/request/http/body",
		"/input/attributes/request/http/fragment",
		"/input/attributes/request/http/host",
		"/input/attributes/request/http/query",
		"/input/attributes/request/http/raw_body",
		"/input/metadata/annotations",
		"/input/parsed_body",
		"/input/parsed_query",
	}
}

test_a_path_without_a_query_is_not_written_anew if {
	every operation in masked_call("GET", "/v1/models") {
		is_string(operation)
	}
}

test_what_is_kept_of_a_workload if {
	kept := {"apiVersion": "v1", "attributes": {}, "kind": "Pod", "metadata": {}, "parsed_path": [], "version": {}}
	found := masked({"input": kept}) - places_of_the_path
	{key | some key in object.keys(kept); concat("/", ["/input", key]) in found} == set()
}

test_a_parsed_path_that_the_catalogue_names_is_kept if {
	call := {"attributes": {"request": {"http": {"method": "GET", "path": "/v1/models"}}}, "parsed_path": ["v1", "models"]}
	found := log.mask with input as {"input": call}
		with data.weighbridge.registry as {"calls": {"paths": {"GET /v1/models": {"answer": "entitlements"}}}}
	not "/input/parsed_path" in found
}

test_encodings_that_are_known if {
	every encoding in ["br", "deflate", "gzip", "identity", "zstd"] {
		headers_of(event({"content-encoding": encoding})) == set()
	}
}

test_a_key_in_the_host if "/input/attributes/request/http/host" in masked(event({}))

test_a_key_in_a_header_that_is_kept if {
	every header, value in {
		"content-encoding": "wb_prod_x",
		"content-length": "1x",
		"content-type": "application/json; k=wb_prod_x",
		"x-request-id": "wb_prod_x",
	} {
		headers_of(event({header: value})) == {concat("/", ["/input/attributes/request/http/headers", header])}
	}
	headers_of(event({"content-type": "Application/JSON; charset=\"UTF-8\"", "content-length": "7"})) == set()
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
