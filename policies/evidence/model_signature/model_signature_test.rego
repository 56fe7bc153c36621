package weighbridge.evidence.model_signature_test

import data.weighbridge.evidence.model_signature

digest_b := "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

digest_c := "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"

digest_e := "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"

resource(name, digest) := {"name": name, "algorithm": "sha256", "digest": digest}

card := resource("README.md", digest_c)

statement := {
	"predicate_type": "https://model_signing/signature/v1.0",
	"predicate": {
		"resources": [resource("config.json", digest_b), resource("weights.bin", digest_e)],
		"serialization": {"method": "files", "hash_type": "sha256", "allow_symlinks": false, "ignore_paths": [".git"]},
	},
	"with": {},
	"files": [["config.json", 2, digest_b], ["weights.bin", 3, digest_e]],
	"card_sha256": concat("", ["sha256:", digest_c]),
}

judged(patch) := verdict if {
	item := json.patch(statement, patch)
	verdict := model_signature.verdict with input as item
}

test_passes if {
	judged([]) == {"passed": true, "reasons": [], "claims": {}}
	judged([{"op": "add", "path": "/predicate/resources/-", "value": card}]).passed == true
	judged([{"op": "add", "path": "/with/ignore_paths", "value": [".git", ".github"]}]).passed == true
	judged([
		{"op": "add", "path": "/with/symlinks", "value": "allow"},
		{"op": "replace", "path": "/predicate/serialization/allow_symlinks", "value": true},
	]).passed == true
}

refused[name] := verdict.reasons if {
	some name, patch in {
		"a file renamed": [{"op": "replace", "path": "/predicate/resources/0/name", "value": "evil.json"}],
		"names exchanged": [
			{"op": "replace", "path": "/predicate/resources/0/name", "value": "weights.bin"},
			{"op": "replace", "path": "/predicate/resources/1/name", "value": "config.json"},
		],
		"a file missing": [{"op": "remove", "path": "/predicate/resources/1"}],
		"a file more": [{"op": "add", "path": "/predicate/resources/-", "value": resource("extra.py", digest_c)}],
		"a file more in the manifest": [{"op": "add", "path": "/files/-", "value": ["extra.py", 1, digest_c]}],
		"another hash": [{"op": "replace", "path": "/predicate/resources/0/digest", "value": digest_c}],
		"another card": [{"op": "add", "path": "/predicate/resources/-", "value": resource("README.md", digest_e)}],
		"a name twice": [{"op": "add", "path": "/predicate/resources/-", "value": resource("config.json", digest_c)}],
		"a resource twice": [{"op": "add", "path": "/predicate/resources/-", "value": resource("config.json", digest_b)}],
		"another algorithm": [{"op": "replace", "path": "/predicate/resources/0/algorithm", "value": "blake2"}],
		"shards": [{"op": "replace", "path": "/predicate/serialization/method", "value": "shards"}],
		"another hash type": [{"op": "replace", "path": "/predicate/serialization/hash_type", "value": "blake2"}],
		"no serialization": [{"op": "remove", "path": "/predicate/serialization"}],
		"symbolic links followed": [{"op": "replace", "path": "/predicate/serialization/allow_symlinks", "value": true}],
		"symbolic links not mentioned": [{"op": "remove", "path": "/predicate/serialization/allow_symlinks"}],
		"a path ignored": [{"op": "add", "path": "/with/ignore_paths", "value": [".github"]}],
		"ignored paths not mentioned": [
			{"op": "add", "path": "/with/ignore_paths", "value": [".git"]},
			{"op": "remove", "path": "/predicate/serialization/ignore_paths"},
		],
		"nothing signed": [{"op": "replace", "path": "/predicate/resources", "value": []}, {"op": "replace", "path": "/files", "value": []}],
		"nothing signed but the card": [{"op": "replace", "path": "/predicate/resources", "value": [card]}, {"op": "replace", "path": "/files", "value": []}],
		"ignore_paths is a mapping": [{"op": "add", "path": "/with/ignore_paths", "value": {"a": ".git"}}],
		"ignored paths are a mapping": [
			{"op": "add", "path": "/with/ignore_paths", "value": [".git"]},
			{"op": "replace", "path": "/predicate/serialization/ignore_paths", "value": {"a": ".git"}},
		],
		"no files": [{"op": "remove", "path": "/files"}],
		"symlinks is true": [{"op": "add", "path": "/with/symlinks", "value": true}],
		"another predicate type": [{"op": "replace", "path": "/predicate_type", "value": "https://model_signing/signature/v0.1"}],
		"unknown parameter": [{"op": "add", "path": "/with/allow_symlinks", "value": true}],
	}
	verdict := judged(patch)
	verdict.passed == false
}

test_refuses if {
	count(refused) == 25
	every _, reasons in refused {
		count(reasons) > 0
	}
	refused["names exchanged"] == ["the signed resources are not the files of the manifest, one to one"]
}

test_refuses_nothing_at_all if {
	verdict := model_signature.verdict with input as {}
	verdict.passed == false
}
