# METADATA
# scope: package
# title: Evaluation
# description: |
#   Metrics that somebody other than the author measured. The rule reads them; the environments' bounds are for the gate.
#   Parameters, both optional: `datasets` (digests of which the dataset must be one), `metrics` (names that must be among them).
# schemas:
#   - input: schema.evaluation
package weighbridge.evidence.evaluation

import data.weighbridge.evidence.parameters

# METADATA
# title: The verdict on one evaluation
# description: Passes only if every metric is a number and the dataset is named by its digest.
verdict := parameters.passed(claims) if holds

else := parameters.failed(problems)

holds if {
	count(object.keys(input.with) - {"datasets", "metrics"}) == 0
	well_formed
	measured
	dataset_accepted
	metrics_named
}

claims := {"metrics": input.predicate.metrics, "dataset": input.predicate.dataset.digest}

problems contains problem if some problem in parameters.unknown({"datasets", "metrics"})

problems contains "the predicate is not {metrics, dataset: {uri, digest}, finished_at}" if not well_formed

problems contains "metrics is no mapping from names to numbers, or empty" if not measured

problems contains "the dataset is not one of `datasets`" if not dataset_accepted

problems contains "a metric that `metrics` demands is missing" if not metrics_named

well_formed if {
	object.keys(input.predicate) == {"metrics", "dataset", "finished_at"}
	object.keys(input.predicate.dataset) == {"uri", "digest"}
	is_string(input.predicate.dataset.uri)
	parameters.digest(input.predicate.dataset.digest)
	is_string(input.predicate.finished_at)
}

measured if {
	is_object(input.predicate.metrics)
	count(input.predicate.metrics) > 0
	every name, value in input.predicate.metrics {
		name != ""
		is_number(value)
	}
}

dataset_accepted if not "datasets" in object.keys(input.with)

dataset_accepted if {
	parameters.texts(input.with.datasets)
	input.predicate.dataset.digest in input.with.datasets
}

metrics_named if not "metrics" in object.keys(input.with)

metrics_named if {
	parameters.texts(input.with.metrics)
	every name in input.with.metrics {
		is_number(input.predicate.metrics[name])
	}
}
