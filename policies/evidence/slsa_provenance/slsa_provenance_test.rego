package weighbridge.evidence.slsa_provenance_test

import data.weighbridge.evidence.slsa_provenance

builder := "https://github.com/actions/runner"

repository := "https://github.com/acme/kb-qa"

statement := {
	"predicate_type": "https://slsa.dev/provenance/v1",
	"predicate": {
		"buildDefinition": {
			"buildType": "https://actions.github.io/buildtypes/workflow/v1",
			"externalParameters": {"workflow": {"ref": "refs/heads/main", "repository": repository, "path": ".github/workflows/train.yml"}},
			"resolvedDependencies": [
				{"uri": "git+https://github.com/acme/kb-qa@refs/heads/main", "digest": {"gitCommit": "cccccccccccccccccccccccccccccccccccccccc"}},
				{"uri": "git+https://github.com/evil/code@refs/heads/main", "digest": {"gitCommit": "dddddddddddddddddddddddddddddddddddddddd"}},
			],
		},
		"runDetails": {"builder": {"id": builder}, "metadata": {"finishedOn": "2026-01-01T00:00:00Z"}},
	},
	"with": {"builders": [builder]},
}

verdict_with(parameters, patch) := verdict if {
	item := json.patch(object.union(statement, {"with": parameters}), patch)
	verdict := slsa_provenance.verdict with input as item
}

test_passes if {
	verdict_with({}, []) == {"passed": true, "reasons": [], "claims": {"builder": builder}}
	levelled := verdict_with({"builders": [{"id": builder, "level": 3}], "level": 2}, [])
	of_two := verdict_with({"builders": [{"id": "https://example.com", "level": 1}, {"id": builder, "level": 2}]}, [])
	of_two.claims.level == 2
	levelled == {"passed": true, "reasons": [], "claims": {"builder": builder, "level": 3}}
	verdict_with({"build_types": ["https://actions.github.io/buildtypes/workflow/v1"]}, []).passed == true
	verdict_with({"source": repository}, []).passed == true
	verdict_with({"source": ["https://github.com/acme/other", concat("", ["git+", repository, ".git"])]}, []).passed == true
}

test_passes_for_other_build_types if {
	every parameters in [
		{"source": concat("", ["git+", repository, "@refs/tags/v1"])},
		{"source": {"uri": concat("", ["git+", repository, "@cccccccccccccccccccccccccccccccccccccccc"])}},
		{"source": {"repository": repository}},
		{"buildConfigSource": {"repository": repository}},
	] {
		verdict_with({"source": repository}, [{"op": "replace", "path": "/predicate/buildDefinition/externalParameters", "value": parameters}]).passed == true
	}
}

refused[name] := verdict.reasons if {
	some name, given in {
		"another builder": [{}, [{"op": "replace", "path": "/predicate/runDetails/builder/id", "value": "https://evil.example/runner"}]],
		"builder with a slash behind": [{}, [{"op": "replace", "path": "/predicate/runDetails/builder/id", "value": concat("", [builder, "/"])}]],
		"no builder": [{}, [{"op": "remove", "path": "/predicate/runDetails/builder"}]],
		"builder is a list": [{}, [{"op": "replace", "path": "/predicate/runDetails/builder/id", "value": [builder]}]],
		"no builders demanded": [{"builders": []}, []],
		"builders is text": [{"builders": builder}, []],
		"builders holds numbers": [{"builders": [builder, 1]}, []],
		"builders is a mapping": [{"builders": {"a": builder}}, []],
		"an empty builder": [{"builders": ["", builder]}, []],
		"an empty builder with a level": [{"builders": [{"id": "", "level": 1}, builder]}, []],
		"a builder with more": [{"builders": [builder, {"id": "https://example.com", "level": 1, "note": "x"}]}, []],
		"a builder of level 4": [{"builders": [builder, {"id": "https://example.com", "level": 4}]}, []],
		"the level of another builder": [{"builders": [builder, {"id": "https://example.com", "level": 3}], "level": 3}, []],
		"a lower level than that of another builder": [{"builders": [{"id": builder, "level": 1}, {"id": "https://example.com", "level": 3}], "level": 3}, []],
		"build types are a mapping": [{"build_types": {"a": "https://actions.github.io/buildtypes/workflow/v1"}}, []],
		"no build type": [{}, [{"op": "remove", "path": "/predicate/buildDefinition/buildType"}]],
		"resolved by another algorithm": [{"source": repository}, [{"op": "replace", "path": "/predicate/buildDefinition/resolvedDependencies/0/digest", "value": {"md5": "cccccccccccccccccccccccccccccccccccccccc"}}]],
		"resolved to a short hash": [{"source": repository}, [{"op": "replace", "path": "/predicate/buildDefinition/resolvedDependencies/0/digest", "value": {"gitCommit": "ccccccc"}}]],
		"level not given": [{"level": 2}, []],
		"level too low": [{"level": 3, "builders": [{"id": builder, "level": 2}]}, []],
		"listed twice": [{"level": 3, "builders": [{"id": builder, "level": 3}, {"id": builder, "level": 1}]}, []],
		"no such level": [{"level": 0, "builders": [{"id": builder, "level": 3}]}, []],
		"level is text": [{"level": "2", "builders": [{"id": builder, "level": 3}]}, []],
		"another build type": [{"build_types": ["https://example.com/build"]}, []],
		"another source": [{"source": "https://github.com/acme/other"}, []],
		"a source that was only a dependency": [{"source": "https://github.com/evil/code"}, []],
		"source is a number": [{"source": 1}, []],
		"source not resolved": [{"source": repository}, [{"op": "remove", "path": "/predicate/buildDefinition/resolvedDependencies/0"}]],
		"source without digest": [{"source": repository}, [{"op": "remove", "path": "/predicate/buildDefinition/resolvedDependencies/0/digest"}]],
		"two sources, one accepted": [{"source": repository}, [{"op": "add", "path": "/predicate/buildDefinition/externalParameters/source", "value": "https://github.com/evil/code"}]],
		"source not said": [{"source": repository}, [{"op": "replace", "path": "/predicate/buildDefinition/externalParameters", "value": {}}]],
		"no external parameters": [{}, [{"op": "remove", "path": "/predicate/buildDefinition/externalParameters"}]],
		"another predicate type": [{}, [{"op": "replace", "path": "/predicate_type", "value": "https://slsa.dev/provenance/v1/"}]],
		"unknown parameter": [{"sources": [repository]}, []],
	}
	verdict := verdict_with(given[0], given[1])
	verdict.passed == false
}

test_refuses if {
	count(refused) == 34
	every _, reasons in refused {
		count(reasons) > 0
	}
	refused["another builder"] == ["the builder is not one of `builders`"]
}

test_refuses_nothing_at_all if {
	verdict := slsa_provenance.verdict with input as {}
	verdict.passed == false
}

commit := "cccccccccccccccccccccccccccccccccccccccc"

older := {
	"predicate_type": "https://slsa.dev/provenance/v0.2",
	"predicate": {
		"builder": {"id": builder},
		"buildType": "https://github.com/slsa-framework/slsa-github-generator/generic@v1",
		"invocation": {"configSource": {"uri": "git+https://github.com/acme/kb-qa@refs/heads/main", "digest": {"sha1": commit}, "entryPoint": "train.yml"}},
		"materials": [
			{"uri": "git+https://github.com/acme/kb-qa@refs/heads/main", "digest": {"sha1": commit}},
			{"uri": "git+https://github.com/evil/code@refs/heads/main", "digest": {"sha1": commit}},
		],
	},
	"with": {"builders": [builder]},
}

older_with(parameters, patch) := verdict if {
	item := json.patch(object.union(older, {"with": parameters}), patch)
	verdict := slsa_provenance.verdict with input as item
}

test_v02_passes if {
	older_with({}, []) == {"passed": true, "reasons": [], "claims": {"builder": builder}}
	older_with({"source": repository, "build_types": ["https://github.com/slsa-framework/slsa-github-generator/generic@v1"]}, []).passed == true
	older_with({"builders": [{"id": builder, "level": 3}], "level": 3}, []).claims.level == 3
}

v02_refused[name] := verdict.reasons if {
	some name, given in {
		"another builder": [{}, [{"op": "replace", "path": "/predicate/builder/id", "value": "https://evil.example/runner"}]],
		"the builder of v1": [{}, [{"op": "add", "path": "/predicate/runDetails", "value": {"builder": {"id": builder}}}, {"op": "remove", "path": "/predicate/builder"}]],
		"the build type of v1": [{}, [{"op": "remove", "path": "/predicate/buildType"}]],
		"the predicate of v1": [{}, [{"op": "replace", "path": "/predicate", "value": statement.predicate}]],
		"the type of v1": [{}, [{"op": "replace", "path": "/predicate_type", "value": "https://slsa.dev/provenance/v1"}]],
		"an unknown version": [{}, [{"op": "replace", "path": "/predicate_type", "value": "https://slsa.dev/provenance/v0.1"}]],
		"another source": [{"source": "https://github.com/acme/other"}, []],
		"a source that was only a material": [{"source": "https://github.com/evil/code"}, []],
		"source not among the materials": [{"source": repository}, [{"op": "remove", "path": "/predicate/materials/0"}]],
		"no materials": [{"source": repository}, [{"op": "remove", "path": "/predicate/materials"}]],
		"material without digest": [{"source": repository}, [{"op": "remove", "path": "/predicate/materials/0/digest"}]],
		"no source": [{"source": repository}, [{"op": "remove", "path": "/predicate/invocation/configSource/uri"}]],
		"source is a number": [{"source": repository}, [{"op": "replace", "path": "/predicate/invocation/configSource/uri", "value": 1}]],
		"no config source": [{}, [{"op": "remove", "path": "/predicate/invocation/configSource"}]],
		"level not given": [{"level": 2}, []],
	}
	verdict := older_with(given[0], given[1])
	verdict.passed == false
}

test_v02_refuses if {
	count(v02_refused) == 15
	every _, reasons in v02_refused {
		count(reasons) > 0
	}
}
