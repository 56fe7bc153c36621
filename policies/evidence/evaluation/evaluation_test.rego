package weighbridge.evidence.evaluation_test

import data.weighbridge.evidence.evaluation

dataset := "sha256:5555555555555555555555555555555555555555555555555555555555555555"

statement := {
	"predicate": {
		"metrics": {"exact_match": 0.8, "f1": 1},
		"dataset": {"uri": "https://example.com/squad", "digest": dataset},
		"finished_at": "2026-01-01T00:00:00Z",
	},
	"with": {},
}

accepted[name] := verdict.claims if {
	some name, parameters in {
		"none": {},
		"dataset": {"datasets": [dataset]},
		"metrics": {"metrics": ["f1", "exact_match"]},
	}
	item := object.union(statement, {"with": parameters})
	verdict := evaluation.verdict with input as item
	verdict.passed == true
}

test_passes if {
	accepted == {name: {"metrics": {"exact_match": 0.8, "f1": 1}, "dataset": dataset} | some name in ["none", "dataset", "metrics"]}
}

refused[name] := verdict.reasons if {
	some name, patch in {
		"a metric is text": [{"op": "replace", "path": "/predicate/metrics/f1", "value": "0.9"}],
		"a metric is true": [{"op": "replace", "path": "/predicate/metrics/f1", "value": true}],
		"a metric without name": [{"op": "replace", "path": "/predicate/metrics", "value": {"": 1}}],
		"no metrics": [{"op": "replace", "path": "/predicate/metrics", "value": {}}],
		"metrics are a list": [{"op": "replace", "path": "/predicate/metrics", "value": [1]}],
		"no dataset digest": [{"op": "remove", "path": "/predicate/dataset/digest"}],
		"dataset digest in upper case": [{"op": "replace", "path": "/predicate/dataset/digest", "value": upper(dataset)}],
		"one field more in the dataset": [{"op": "add", "path": "/predicate/dataset/split", "value": "test"}],
		"dataset without uri": [{"op": "replace", "path": "/predicate/dataset/uri", "value": 1}],
		"datasets is a mapping": [{"op": "add", "path": "/with/datasets", "value": {"a": dataset}}],
		"metrics is a mapping": [{"op": "add", "path": "/with/metrics", "value": {"a": "f1"}}],
		"no time": [{"op": "remove", "path": "/predicate/finished_at"}],
		"time is null": [{"op": "replace", "path": "/predicate/finished_at", "value": null}],
		"one field more": [{"op": "add", "path": "/predicate/passed", "value": true}],
		"another dataset": [{"op": "add", "path": "/with/datasets", "value": ["sha256:other"]}],
		"datasets is text": [{"op": "add", "path": "/with/datasets", "value": dataset}],
		"a metric missing": [{"op": "add", "path": "/with/metrics", "value": ["bleu"]}],
		"metrics is text": [{"op": "add", "path": "/with/metrics", "value": "f1"}],
		"unknown parameter": [{"op": "add", "path": "/with/dataset", "value": dataset}],
	}
	item := json.patch(statement, patch)
	verdict := evaluation.verdict with input as item
	verdict.passed == false
}

test_refuses if {
	count(refused) == 19
	every _, reasons in refused {
		count(reasons) > 0
	}
	refused["another dataset"] == ["the dataset is not one of `datasets`"]
	refused["a metric missing"] == ["a metric that `metrics` demands is missing"]
}

test_refuses_nothing_at_all if {
	verdict := evaluation.verdict with input as {}
	verdict.passed == false
}
