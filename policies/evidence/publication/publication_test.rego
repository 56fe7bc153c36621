package weighbridge.evidence.publication_test

import data.weighbridge.evidence.publication as rule

hex := "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

source := concat("", ["oci://registry.example.com/models/qa@sha256:", hex])

statement := {"predicate": {"sources": [source], "at": "2026-01-01T00:00:00Z"}, "with": {}}

passing := {
	"as it is": [],
	"in a registry that is named": [{"op": "add", "path": "/with/registries", "value": ["oci://registry.example.com/"]}],
	"a revision of the hub": [{"op": "replace", "path": "/predicate/sources/0", "value": concat("", ["hf://acme/qa@", substring(hex, 0, 40)])}],
	"a versioned object": [{"op": "replace", "path": "/predicate/sources/0", "value": "s3://models/qa?versionId=7"}],
	"a generation": [{"op": "replace", "path": "/predicate/sources/0", "value": "gs://models/qa#1700000000"}],
}

test_passes if {
	every name, patch in passing {
		verdict := rule.verdict with input as json.patch(statement, patch)
		verdict.passed
		name != ""
	}
}

test_its_addresses_are_claims if {
	verdict := rule.verdict with input as statement
	verdict.claims == {"sources": [source]}
}

failing := {
	"a tag": [{"op": "replace", "path": "/predicate/sources/0", "value": "oci://registry.example.com/models/qa:latest"}],
	"a branch": [{"op": "replace", "path": "/predicate/sources/0", "value": "hf://acme/qa@main"}],
	"an object without its version": [{"op": "replace", "path": "/predicate/sources/0", "value": "s3://models/qa"}],
	"two digests": [{"op": "replace", "path": "/predicate/sources/0", "value": concat("@sha256:", [source, hex])}],
	"a space": [{"op": "replace", "path": "/predicate/sources/0", "value": concat("", ["oci://evil.example.com/x ", source])}],
	"a line behind it": [{"op": "replace", "path": "/predicate/sources/0", "value": concat("", [source, "\n"])}],
	"no text": [{"op": "replace", "path": "/predicate/sources/0", "value": 1}],
	"no address": [{"op": "replace", "path": "/predicate/sources", "value": []}],
	"no list": [{"op": "replace", "path": "/predicate/sources", "value": source}],
	"one good and one bad": [{"op": "add", "path": "/predicate/sources/-", "value": "oci://registry.example.com/models/qa"}],
	"a field more": [{"op": "add", "path": "/predicate/note", "value": ""}],
	"no time": [{"op": "remove", "path": "/predicate/at"}],
	"another registry": [{"op": "add", "path": "/with/registries", "value": ["oci://other.example.com/"]}],
	"a neighbour of the registry": [{"op": "add", "path": "/with/registries", "value": ["oci://registry.example.co/"]}],
	"a path that climbs": [
		{"op": "replace", "path": "/predicate/sources/0", "value": "https://models.example.com/qa/../other/x?versionId=7"},
		{"op": "add", "path": "/with/registries", "value": ["https://models.example.com/qa/"]},
	],
	"a path that climbs in disguise": [
		{"op": "replace", "path": "/predicate/sources/0", "value": "https://models.example.com/qa/%2E./x?versionId=7"},
		{"op": "add", "path": "/with/registries", "value": ["https://models.example.com/qa/"]},
	],
	"a prefix without its end": [{"op": "add", "path": "/with/registries", "value": ["oci://registry.example.com"]}],
	"no registries": [{"op": "add", "path": "/with/registries", "value": []}],
	"registries that are a text": [{"op": "add", "path": "/with/registries", "value": "oci://registry.example.com/"}],
	"an unknown parameter": [{"op": "add", "path": "/with/registry", "value": "oci://registry.example.com/"}],
	"parameters that are a list": [{"op": "replace", "path": "/with", "value": []}],
	"no predicate": [{"op": "remove", "path": "/predicate"}],
}

test_fails if {
	every name, patch in failing {
		verdict := rule.verdict with input as json.patch(statement, patch)
		verdict.passed == false
		count(verdict.reasons) > 0
		verdict.claims == {}
		name != ""
	}
}

test_says_why if {
	verdict := rule.verdict with input as json.patch(statement, failing["a tag"])
	verdict.reasons == ["\"oci://registry.example.com/models/qa:latest\" is no immutable address"]
	other := rule.verdict with input as json.patch(statement, failing["another registry"])
	contains(other.reasons[0], "lies in no registry that")
}
