package weighbridge.evidence.executable_content_test

import data.weighbridge.evidence.executable_content

manifest := "sha256:5555555555555555555555555555555555555555555555555555555555555555"

clean := {
	"predicate_type": "https://weighbridge.dev/executable-content/v1",
	"manifest_sha256": manifest,
	"predicate": {
		"scanners": [{"name": "weighbridge", "version": "0.1.0"}, {"name": "picklescan", "version": "1.0.10"}],
		"at": "2026-01-01T00:00:00Z",
		"manifest_sha256": manifest,
		"files": 3,
		"executable": [],
		"findings": [],
	},
	"with": {},
}

template := {"path": "tokenizer_config.json", "kind": "template", "detail": "chat_template"}

pickled := {"path": "model.pt", "kind": "pickle-dangerous", "detail": "posix.system"}

finding := {"path": "a.pt", "about": "content", "message": "is cut off"}

found(parts) := json.patch(clean, [{"op": "replace", "path": "/predicate/executable", "value": parts}])

unread(findings) := json.patch(clean, [{"op": "replace", "path": "/predicate/findings", "value": findings}])

accepted contains name if {
	some name, item in {
		"nothing found": clean,
		"kind allowed": object.union(found([template]), {"with": {"allowed": ["template"]}}),
		"path excepted": object.union(found([template]), {"with": {"except": {"template": ["tokenizer_config.json"]}}}),
		"finding accepted": object.union(unread([finding]), {"with": {"unread": ["a.pt"]}}),
		"scanner new enough": object.union(clean, {"with": {"scanners": {"picklescan": "1.0.9"}}}),
	}
	verdict := executable_content.verdict with input as item
	verdict.passed == true
}

test_passes if accepted == {"nothing found", "kind allowed", "path excepted", "finding accepted", "scanner new enough"}

test_claims if {
	item := object.union(found([template]), {"with": {"allowed": ["template"]}})
	verdict := executable_content.verdict with input as item
	verdict.claims == {"files": 3, "kinds": ["template"]}
}

refused[name] := verdict.reasons if {
	some name, item in {
		"something found": found([template]),
		"another kind allowed": object.union(found([template, pickled]), {"with": {"allowed": ["template"]}}),
		"excepted as another kind": object.union(found([pickled]), {"with": {"except": {"pickle": ["model.pt"]}}}),
		"another path excepted": object.union(found([pickled]), {"with": {"except": {"pickle-dangerous": ["model.p"]}}}),
		"not understood": unread([finding]),
		"another file's finding accepted": object.union(unread([finding]), {"with": {"unread": ["b.pt"]}}),
		"unknown kind": object.union(found([{"path": "a", "kind": "harmless", "detail": "x"}]), {"with": {"allowed": ["pickle"]}}),
		"unknown kind allowed": object.union(clean, {"with": {"allowed": ["pickels"]}}),
		"unknown kind excepted": object.union(clean, {"with": {"except": {"pickels": ["a"]}}}),
		"allowed is text": object.union(clean, {"with": {"allowed": "template"}}),
		"except is a list": object.union(clean, {"with": {"except": ["a"]}}),
		"excepted paths are text": object.union(clean, {"with": {"except": {"pickle": "a"}}}),
		"unread is text": object.union(clean, {"with": {"unread": "a.pt"}}),
		"unknown parameter": object.union(clean, {"with": {"allow": ["template"]}}),
		"old scanner": object.union(clean, {"with": {"scanners": {"picklescan": "1.0.11"}}}),
		"no such scanner": object.union(clean, {"with": {"scanners": {"modelscan": "0.8"}}}),
		"lowest version is none": object.union(clean, {"with": {"scanners": {"picklescan": "new"}}}),
		"another manifest": object.union(clean, {"manifest_sha256": replace(manifest, "5", "6")}),
		"another type": object.union(clean, {"predicate_type": "https://weighbridge.dev/executable-content/v2"}),
		"no list of executable content": json.patch(clean, [{"op": "replace", "path": "/predicate/executable", "value": {}}]),
		"executable content missing": json.patch(clean, [{"op": "remove", "path": "/predicate/executable"}]),
		"findings missing": json.patch(clean, [{"op": "remove", "path": "/predicate/findings"}]),
		"findings are null": json.patch(clean, [{"op": "replace", "path": "/predicate/findings", "value": null}]),
		"no file looked at": json.patch(clean, [{"op": "replace", "path": "/predicate/files", "value": 0}]),
		"no scanner": json.patch(clean, [{"op": "replace", "path": "/predicate/scanners", "value": []}]),
		"no time": json.patch(clean, [{"op": "remove", "path": "/predicate/at"}]),
		"one field more": json.patch(clean, [{"op": "add", "path": "/predicate/passed", "value": true}]),
	}
	verdict := executable_content.verdict with input as item
	verdict.passed == false
}

test_refuses if {
	count(refused) == 27
	every _, reasons in refused {
		count(reasons) > 0
	}
	refused["something found"] == ["tokenizer_config.json: template (chat_template)"]
	refused["not understood"] == ["a.pt was not understood: it is cut off"]
	refused["another manifest"] == ["it is about another manifest"]
}

test_refuses_nothing_at_all if {
	verdict := executable_content.verdict with input as {}
	verdict.passed == false
}

test_every_kind_can_be_allowed if {
	every kind in [
		"bytecode", "engine", "graph-operator", "keras-custom", "keras-lambda", "native", "pickle", "pickle-dangerous",
		"pickle-unknown", "remote-code", "source", "template",
	] {
		part := {"path": "a", "kind": kind, "detail": "x"}
		allowing := executable_content.verdict with input as object.union(found([part]), {"with": {"allowed": [kind]}})
		allowing.passed == true
		excepting := executable_content.verdict with input as object.union(found([part]), {"with": {"except": {kind: ["a"]}}})
		excepting.passed == true
		other := executable_content.verdict with input as found([part])
		other.passed == false
	}
}
