package weighbridge.points.envoy_test

import data.weighbridge.points.envoy

# Each case is a change to a call, to the registry or to live data, and what must come of it: the status (200 where the call
# goes on to its model) and the exact set of codes. The decision and the requirements in full must give the same answer.

hex(character) := concat("", [character | some _ in numbers.range(1, 64)])

digest(character) := concat("", ["sha256:", hex(character)])

secret := concat("", ["A" | some _ in numbers.range(1, 43)])

key(id) := concat("_", ["wb_prod", id, secret])

grant := {"tenant": "acme", "key": "k7m2p9qa", "not_after": 2000, "models": {"kb-qa-001": true}, "clear": true}

approved := {"model": "kb-qa-001", "version": "1", "approved": true, "digest": digest("a"), "not_after": 2000, "clear": true, "served": true}

registry := {
	"environment": "prod",
	"point": "envoy",
	"multi_tenant": true,
	"records": {
		"kb-qa-001@1": approved,
		"kb-qa-001@2": {
			"model": "kb-qa-001",
			"version": "2",
			"approved": false,
			"digest": digest("b"),
			"reasons": [{"code": "REL-002", "message": "no evidence in models/x", "attestation": "vuln-scan-clean"}, {"code": "REL-006", "message": "by mlsec"}],
		},
		"other@1": object.union(approved, {"model": "other", "digest": digest("c")}),
	},
	"routes": {"kb-qa": {"models": {"kb-qa-001": true}}, "reserved": {"models": {}}, "others": {"models": {"other": true}}},
	"models": {"kb-qa-001": {
		"versions": {"kb-qa-001@1": true, "kb-qa-001@9": true},
		"aliases": {"kb-qa": true, "reserved": true},
	}},
	"grants": {
		crypto.sha256(key("k7m2p9qa")): grant,
		crypto.sha256(key("limited1")): object.union(grant, {"key": "limited1", "tenant": "small", "max_tokens": 100}),
		crypto.sha256(key("otherids")): grant,
		crypto.sha256("short"): grant,
	},
	"calls": {
		"body_limit": 1000,
		"paths": {"POST /v1/chat/completions": {"model": "body"}, "GET /v1/models": {"answer": "entitlements"}},
	},
	"orders": {"revoked": {}, "frozen": {}, "suspended": {}, "keys": {}},
	"authority": {},
}

live := {
	"environment": "prod",
	"sequence": 1,
	"issued_at": 1,
	"not_after": 2000,
	"releases": [{"revision": "r1"}],
	"revoked": {},
	"frozen": {},
	"suspended": {},
	"keys": {},
	"active": {"kb-qa": "kb-qa-001@1"},
	"exhausted": {},
}

call := {"attributes": {
	"request": {"http": {
		"method": "POST",
		"path": "/v1/chat/completions",
		"headers": {
			"authorization": concat(" ", ["Bearer", key("k7m2p9qa")]),
			"content-type": "application/json",
			"content-length": "40",
		},
	}},
	"metadataContext": {"filterMetadata": {"weighbridge.call": {"body": "json", "model": "kb-qa"}}},
}}

judged(input_, registry_, live_) := decided if {
	decided := envoy.decision with input as input_
		with data.weighbridge.registry as registry_
		with data.weighbridge.live as live_
		with data.lib.weighbridge.request.now_ns as 1000
}

in_full(input_, registry_, live_) := decided if {
	decided := envoy.explained with input as input_
		with data.weighbridge.registry as registry_
		with data.weighbridge.live as live_
		with data.lib.weighbridge.request.now_ns as 1000
}

set_(path, value) := [{"op": "add", "path": path, "value": value}]

gone(path) := [{"op": "remove", "path": path}]

http := "/attributes/request/http"

header(name) := concat("/", [http, "headers", name])

field(name) := concat("/", ["/attributes/metadataContext/filterMetadata/weighbridge.call", name])

bearer(text) := set_(header("authorization"), concat(" ", ["Bearer", text]))

limited(changes) := array.concat(bearer(key("limited1")), changes)

order := {"id": "o", "reason": "r", "issued_at": 1}

ended := object.union(order, {"expires": 1000})

calls := {
	"as it stands": {"status": 200, "codes": []},
	"by version": {"input": set_(field("model"), "kb-qa-001@1"), "status": 200, "codes": []},
	"with a charset": {"input": set_(header("content-type"), "Application/JSON; charset=utf-8"), "status": 200, "codes": []},
	"with a query": {"input": set_(concat("", [http, "/path"]), "/v1/chat/completions?x=1"), "status": 200, "codes": []},
	"of unknown length": {"input": gone(header("content-length")), "status": 200, "codes": []},
	"a stream with usage": {"input": array.concat(set_(field("stream"), true), set_(field("include_usage"), true)), "status": 200, "codes": []},
	"no stream": {"input": array.concat(set_(field("stream"), false), set_(field("include_usage"), true)), "status": 200, "codes": []},
	"two answers": {"input": set_(field("n"), 2), "status": 200, "codes": []},
	"within the limit": {"input": limited(set_(field("max_tokens"), 100)), "status": 200, "codes": []},
	"within the limit by the new name": {"input": limited(set_(field("max_completion_tokens"), 100)), "status": 200, "codes": []},
	"two answers within the limit": {"input": limited(array.concat(set_(field("max_tokens"), 50), set_(field("n"), 2))), "status": 200, "codes": []},
	"not JSON": {"input": set_(field("body"), "error"), "status": 400, "codes": ["INF-001"]},
	"nothing read": {"input": gone("/attributes/metadataContext"), "status": 400, "codes": ["INF-001"]},
	"read as text": {"input": set_("/attributes/metadataContext/filterMetadata", "x"), "status": 400, "codes": ["INF-001"]},
	"no content type": {"input": gone(header("content-type")), "status": 415, "codes": ["INF-002"]},
	"a form": {"input": set_(header("content-type"), "application/x-www-form-urlencoded"), "status": 415, "codes": ["INF-002"]},
	"two content types": {"input": set_(header("content-type"), "application/json,text/plain"), "status": 415, "codes": ["INF-002"]},
	"no model": {"input": gone(field("model")), "status": 400, "codes": ["INF-003"]},
	"model null": {"input": set_(field("model"), null), "status": 400, "codes": ["INF-003"]},
	"model a number": {"input": set_(field("model"), 7), "status": 400, "codes": ["INF-004"]},
	"model empty": {"input": set_(field("model"), ""), "status": 400, "codes": ["INF-004"]},
	"model with a line break": {"input": set_(field("model"), "kb-qa\n"), "status": 400, "codes": ["INF-004"]},
	"too large": {"input": set_(header("content-length"), "1001"), "status": 413, "codes": ["INF-005"]},
	"a length that is none": {"input": set_(header("content-length"), "many"), "status": 413, "codes": ["INF-005"]},
	"another path": {"input": set_(concat("", [http, "/path"]), "/v1/Chat/completions"), "status": 404, "codes": ["INF-006"]},
	"an encoded path": {"input": set_(concat("", [http, "/path"]), "/v1%2Fchat/completions"), "status": 404, "codes": ["INF-006"]},
	"another method": {"input": set_(concat("", [http, "/method"]), "GET"), "status": 405, "codes": ["INF-006"]},
	"no method": {"input": gone(concat("", [http, "/method"])), "status": 405, "codes": ["INF-006"]},
	"no credential": {"input": gone(header("authorization")), "status": 401, "codes": ["INF-007"]},
	"no headers": {"input": gone(concat("", [http, "/headers"])), "status": 401, "codes": ["INF-002", "INF-007"]},
	"nothing at all": {"input": gone("/attributes"), "status": 401, "codes": ["INF-006", "INF-007"]},
	"no credential, unknown path": {
		"input": array.concat(gone(header("authorization")), set_(concat("", [http, "/path"]), "/")),
		"status": 401,
		"codes": ["INF-006", "INF-007"],
	},
	"no credential, unknown model": {
		"input": array.concat(gone(header("authorization")), set_(field("model"), "nobody")),
		"status": 401,
		"codes": ["INF-007"],
	},
	"no credential, stale data": {"input": gone(header("authorization")), "live": set_("/not_after", 1), "status": 401, "codes": ["INF-007"]},
	"basic": {"input": set_(header("authorization"), "Basic dTpw"), "status": 401, "codes": ["INF-008"]},
	"lower case": {"input": set_(header("authorization"), concat(" ", ["bearer", key("k7m2p9qa")])), "status": 401, "codes": ["INF-008"]},
	"no scheme": {"input": set_(header("authorization"), key("k7m2p9qa")), "status": 401, "codes": ["INF-008"]},
	"two keys": {"input": bearer(concat(",Bearer ", [key("k7m2p9qa"), key("k7m2p9qa")])), "status": 401, "codes": ["INF-008"]},
	"a known hash of another form": {"input": bearer("short"), "status": 401, "codes": ["INF-008"]},
	"a key in a second place": {"input": set_(header("x-api-key"), "x"), "status": 401, "codes": ["INF-008"]},
	"a key in the wrong place": {"input": array.concat(gone(header("authorization")), set_(header("api-key"), "x")), "status": 401, "codes": ["INF-008"]},
	"an unknown key": {"input": bearer(key("unknown1")), "status": 401, "codes": ["INF-009"]},
	"a key with another's id": {"input": bearer(key("otherids")), "status": 401, "codes": ["INF-009"]},
	"a key that ends now": {"registry": set_(granted("not_after"), 1000), "status": 401, "codes": ["INF-010"]},
	"a key that ends in text": {"registry": set_(granted("not_after"), "never"), "status": 401, "codes": ["INF-010"]},
	"a key revoked live": {"live": set_("/keys/k7m2p9qa", order), "status": 401, "codes": ["INF-011"]},
	"a key revoked by the release": {
		"registry": array.concat(set_("/orders/keys/k7m2p9qa", order), set_(granted("clear"), false)),
		"status": 401,
		"codes": ["INF-011"],
	},
	"expired and revoked": {"registry": set_(granted("not_after"), 1), "live": set_("/keys/k7m2p9qa", order), "status": 401, "codes": ["INF-010", "INF-011"]},
	"a key revoked by what is no order": {"live": set_("/keys/k7m2p9qa", false), "status": 401, "codes": ["INF-011"]},
	"a model of others": {"input": set_(field("model"), "other@1"), "status": 403, "codes": ["INF-012"]},
	"a revoked model of others": {"input": set_(field("model"), "other@1"), "live": set_(concat("/", ["/revoked", digest("c")]), order), "status": 403, "codes": ["INF-012"]},
	"an alias of others without version": {"input": set_(field("model"), "others"), "status": 403, "codes": ["INF-012"]},
	"an alias of nothing": {"input": set_(field("model"), "reserved"), "status": 403, "codes": ["INF-012"]},
	"entitled by text": {"registry": set_(granted("models"), {"kb-qa-001": "yes"}), "status": 403, "codes": ["INF-012"]},
	"suspended live": {"live": set_("/suspended/acme", order), "status": 403, "codes": ["INF-013"]},
	"suspended by the release": {
		"registry": array.concat(set_("/orders/suspended/acme", order), set_(granted("clear"), false)),
		"status": 403,
		"codes": ["INF-013"],
	},
	"suspended, and the model revoked": {
		"live": array.concat(set_("/suspended/acme", order), set_(concat("/", ["/revoked", digest("a")]), order)),
		"status": 403,
		"codes": ["INF-013", "INF-014"],
	},
	"revoked live": {"live": set_(concat("/", ["/revoked", digest("a")]), order), "status": 403, "codes": ["INF-014"]},
	"revoked by what is no order": {"live": set_(concat("/", ["/revoked", digest("a")]), false), "status": 403, "codes": ["INF-014"]},
	"revoked and frozen": {
		"live": array.concat(set_(concat("/", ["/revoked", digest("a")]), order), set_("/frozen/kb-qa-001@1", order)),
		"status": 403,
		"codes": ["INF-014", "INF-015"],
	},
	"revoked by the release": {
		"registry": array.concat(set_(concat("/", ["/orders/revoked", digest("a")]), order), set_(recorded("clear"), false)),
		"status": 403,
		"codes": ["INF-014"],
	},
	"a revocation that has ended": {
		"registry": array.concat(set_(concat("/", ["/orders/revoked", digest("a")]), ended), set_(recorded("clear"), false)),
		"status": 200,
		"codes": [],
	},
	"a live revocation that has ended": {"live": set_(concat("/", ["/revoked", digest("a")]), ended), "status": 200, "codes": []},
	"no tenant": {"registry": set_(granted("tenant"), 5), "status": 401, "codes": ["INF-009"]},
	"no digest": {"registry": set_(recorded("digest"), null), "status": 403, "codes": ["INF-014"]},
	"frozen live": {"live": set_("/frozen/kb-qa-001@1", order), "status": 403, "codes": ["INF-015"]},
	"unknown": {"input": set_(field("model"), "nobody"), "status": 404, "codes": ["INF-016"]},
	"a model without its version": {"input": set_(field("model"), "kb-qa-001"), "status": 404, "codes": ["INF-016"]},
	"an alias that live data alone knows": {"input": set_(field("model"), "mine"), "live": set_("/active/mine", "kb-qa-001@1"), "status": 404, "codes": ["INF-016"]},
	"a version that live data sends elsewhere": {
		"input": set_(field("model"), "kb-qa-001@1"),
		"live": array.concat(set_("/active/kb-qa-001@1", "other@1"), set_("/active/kb-qa-001@2", "kb-qa-001@1")),
		"status": 200,
		"codes": [],
	},
	"no active version": {"live": gone("/active/kb-qa"), "status": 503, "codes": ["INF-017"]},
	"active is a model that the alias may not mean": {"live": set_("/active/kb-qa", "other@1"), "status": 503, "codes": ["INF-017"]},
	"active is unknown": {"live": set_("/active/kb-qa", "kb-qa-001@7"), "status": 503, "codes": ["INF-017"]},
	"active is a list": {"live": set_("/active/kb-qa", ["kb-qa-001@1"]), "status": 503, "codes": ["INF-017"]},
	"refused": {"input": set_(field("model"), "kb-qa-001@2"), "status": 403, "codes": ["INF-018"]},
	"refused and revoked": {
		"input": set_(field("model"), "kb-qa-001@2"),
		"live": set_(concat("/", ["/revoked", digest("b")]), order),
		"status": 403,
		"codes": ["INF-014", "INF-018"],
	},
	"approved by text": {"registry": set_(recorded("approved"), "true"), "status": 403, "codes": ["INF-018"]},
	"approval expired": {"registry": set_(recorded("not_after"), 1000), "status": 403, "codes": ["INF-019"]},
	"approval that ends in text": {"registry": set_(recorded("not_after"), "never"), "status": 403, "codes": ["INF-019"]},
	"a stream without usage": {"input": set_(field("stream"), true), "status": 400, "codes": ["INF-020"]},
	"a stream whose usage is text": {"input": array.concat(set_(field("stream"), true), set_(field("include_usage"), "true")), "status": 400, "codes": ["INF-020"]},
	"no limit given": {"input": limited([]), "status": 400, "codes": ["INF-021"]},
	"above the limit": {"input": limited(set_(field("max_tokens"), 101)), "status": 400, "codes": ["INF-021"]},
	"above the limit in answers": {"input": limited(array.concat(set_(field("max_tokens"), 100), set_(field("n"), 2))), "status": 400, "codes": ["INF-021"]},
	"both limits": {"input": limited(array.concat(set_(field("max_tokens"), 1), set_(field("max_completion_tokens"), 1))), "status": 400, "codes": ["INF-021"]},
	"half a token": {"input": limited(set_(field("max_tokens"), 0.5)), "status": 400, "codes": ["INF-021"]},
	"no token": {"input": limited(set_(field("max_tokens"), 0)), "status": 400, "codes": ["INF-021"]},
	"tokens as text": {"input": limited(set_(field("max_tokens"), "5")), "status": 400, "codes": ["INF-021"]},
	"tokens as truth": {"input": limited(set_(field("max_tokens"), true)), "status": 400, "codes": ["INF-021"]},
	"a limit as text": {"registry": set_(granted("max_tokens"), "100"), "input": set_(field("max_tokens"), 5), "status": 400, "codes": ["INF-021"]},
	"stream as text": {"input": set_(field("stream"), "true"), "status": 400, "codes": ["INF-027"]},
	"stream and usage as the same text": {"input": array.concat(set_(field("stream"), "x"), set_(field("include_usage"), "x")), "status": 400, "codes": ["INF-027"]},
	"no answers": {"input": set_(field("n"), 0), "status": 400, "codes": ["INF-027"]},
	"answers as text": {"input": set_(field("n"), "1"), "status": 400, "codes": ["INF-027"]},
	"another point's registry": {"registry": set_("/point", "workload"), "status": 503, "codes": ["INF-022"]},
	"no grants": {"registry": gone("/grants"), "status": 503, "codes": ["INF-022"]},
	"orders as text": {"registry": array.concat(set_("/orders", "none"), set_(recorded("clear"), false)), "status": 503, "codes": ["INF-022"]},
	"stale": {"live": set_("/not_after", 1000), "status": 503, "codes": ["INF-024"]},
	"fresh for ever, as text": {"live": set_("/not_after", "9999"), "status": 503, "codes": ["INF-024"]},
	"of another environment": {"live": set_("/environment", "dev"), "status": 503, "codes": ["INF-024"]},
	"revoked is a list": {"live": set_("/revoked", [digest("a")]), "status": 503, "codes": ["INF-024"]},
	"frozen is missing": {"live": gone("/frozen"), "status": 503, "codes": ["INF-024"]},
	"suspended is text": {"live": set_("/suspended", "nobody"), "status": 503, "codes": ["INF-024"]},
	"keys is missing": {"live": gone("/keys"), "status": 503, "codes": ["INF-024"]},
	"exhausted is a number": {"live": set_("/exhausted", 0), "status": 503, "codes": ["INF-024"]},
	"active is null": {"live": set_("/active", null), "status": 503, "codes": ["INF-024"]},
	"stale, of an unknown model": {"input": set_(field("model"), "nobody"), "live": set_("/not_after", 1), "status": 503, "codes": ["INF-024"]},
	"no upstream": {"registry": set_(recorded("served"), false), "status": 503, "codes": ["INF-025"]},
	"over quota": {"live": set_("/exhausted/acme", {"since": 1}), "status": 429, "codes": ["INF-026"]},
}

granted(name) := concat("/", ["/grants", crypto.sha256(key("k7m2p9qa")), name])

recorded(name) := concat("/", ["/records/kb-qa-001@1", name])

both[name] := {"decided": decided, "full": full} if {
	some name, case in calls
	input_ := json.patch(call, object.get(case, "input", []))
	registry_ := json.patch(registry, object.get(case, "registry", []))
	live_ := json.patch(live, object.get(case, "live", []))
	decided := judged(input_, registry_, live_)
	full := in_full(input_, registry_, live_)
}

different[name] := found.decided if {
	some name, found in both
	not expected(found.decided, calls[name])
}

expected(decided, case) if {
	case.codes == []
	decided.allowed == true
	decided.headers == {"x-weighbridge-route": "kb-qa-001@1"}
	decided.request_headers_to_remove == ["authorization"]
	decided.dynamic_metadata.codes == ""
	case.status == 200
}

expected(decided, case) if {
	decided.allowed == false
	decided.http_status == case.status
	decided.dynamic_metadata.codes == concat(",", case.codes)
	decided.dynamic_metadata.error.codes == case.codes
	decided.dynamic_metadata.error.code in case.codes
	json.unmarshal(decided.body) == {"error": decided.dynamic_metadata.error}
}

test_calls if {
	count(both) == count(calls)
	different == {}
}

test_the_fast_way_agrees_with_the_requirements if {
	{name | some name, found in both; found.decided != found.full} == set()
}

test_nothing_is_undefined if {
	judged(null, null, null).dynamic_metadata.codes == "INF-022"
	judged("x", registry, null).dynamic_metadata.codes == "INF-006,INF-007"
	judged(call, registry, null).dynamic_metadata.codes == "INF-024"
	judged(call, null, live).dynamic_metadata.codes == "INF-022"
}

test_no_secret_in_an_answer if {
	every found in both {
		not contains(json.marshal(found.decided), secret)
	}
}

listing := json.patch(call, [
	{"op": "replace", "path": concat("", [http, "/method"]), "value": "GET"},
	{"op": "replace", "path": concat("", [http, "/path"]), "value": "/v1/models"},
	{"op": "remove", "path": "/attributes/metadataContext"},
])

test_models if {
	decided := judged(listing, registry, live)
	decided.allowed == false
	decided.http_status == 200
	[[entry.id, entry.root] | some entry in json.unmarshal(decided.body).data] == [["kb-qa", "kb-qa-001@1"], ["kb-qa-001@1", "kb-qa-001@1"]]
}

test_models_that_cannot_answer_now if {
	every live_ in [
		json.patch(live, set_(concat("/", ["/revoked", digest("a")]), order)),
		json.patch(live, set_("/frozen/kb-qa-001@1", order)),
	] {
		json.unmarshal(judged(listing, registry, live_).body).data == []
	}
}

test_models_for_nobody if {
	unknown := json.patch(listing, gone(header("authorization")))
	judged(unknown, registry, live).dynamic_metadata.codes == "INF-007"
	judged(listing, registry, json.patch(live, set_("/suspended/acme", order))).dynamic_metadata.codes == "INF-013"
	judged(listing, registry, json.patch(live, set_("/not_after", 1))).dynamic_metadata.codes == "INF-024"
}

test_a_users_requirement_denies if {
	every deny in [{{"code": "ACM-001", "message": "no"}}, {"no"}, "no", {}, null] {
		decided := envoy.decision with input as call
			with data.weighbridge.registry as registry
			with data.weighbridge.live as live
			with data.lib.weighbridge.request.now_ns as 1000
			with data.lib.weighbridge.user.requirements as {"mine": {"deny": deny}}
		decided.allowed == false
		decided.http_status == 403
	}
}

test_a_users_requirement_that_is_met if {
	decided := envoy.decision with input as call
		with data.weighbridge.registry as registry
		with data.weighbridge.live as live
		with data.lib.weighbridge.request.now_ns as 1000
		with data.lib.weighbridge.user.requirements as {"mine": {"deny": set()}}
	decided.allowed == true
}

test_requirements_that_are_not_linked if {
	decided := envoy.decision with input as call
		with data.weighbridge.registry as registry
		with data.weighbridge.live as object.union(live, {"not_after": 1})
		with data.lib.weighbridge.request.now_ns as 1000
		with data.lib.weighbridge.requirements.inf.deny as null
	decided.allowed == false
}

test_a_refusal_says_why_but_names_no_file_or_person if {
	decided := judged(json.patch(call, set_(field("model"), "kb-qa-001@2")), registry, live)
	decided.dynamic_metadata.error.message == "kb-qa-001@2: the version is not approved here: REL-002 vuln-scan-clean, REL-006. Use another one."
}

# A mode softens a requirement of the user's own; what is ours is enforced, whatever a registry says.
test_modes_of_calls if {
	softer := object.union(registry, {"modes": {
		"ACM-001": [{"mode": "warn", "from": 0}],
		"INF-013": [{"mode": "warn", "from": 0}],
	}})
	mine := {"mine": {"deny": {{"code": "ACM-001", "message": "no"}}}}
	warned := envoy.decision with input as call
		with data.weighbridge.registry as softer
		with data.weighbridge.live as live
		with data.lib.weighbridge.request.now_ns as 1000
		with data.lib.weighbridge.user.requirements as mine
	warned.allowed == true
	warned.dynamic_metadata.warned == "ACM-001"
	suspended := envoy.decision with input as call
		with data.weighbridge.registry as softer
		with data.weighbridge.live as json.patch(live, set_("/suspended/acme", order))
		with data.lib.weighbridge.request.now_ns as 1000
		with data.lib.weighbridge.user.requirements as mine
	suspended.allowed == false
	suspended.dynamic_metadata.codes == "INF-013"
	suspended.dynamic_metadata.warned == "ACM-001"
}
