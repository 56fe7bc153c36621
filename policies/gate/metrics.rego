package weighbridge.gate

# METADATA
# title: Every metric lies within its bounds
# description: |
#   Only a required attestation whose rule is `evaluation`, and which holds, speaks about metrics; where several do, each must lie
#   within the bounds. A card's `model-index` is its author grading himself and counts for nothing.
# related_resources:
#   - ref: https://airc.nist.gov/airmf-resources/airmf/5-sec-core/
#     description: NIST AI RMF, measuring
# custom:
#   code: REL-005
#   severity: critical
#   fix: Have the model evaluated on the metric and the result signed, or require less in `environments.<name>.metrics`.
metric_reasons(item) := set() if {
	is_object(input.environment.metrics)
	every metric, bound in input.environment.metrics {
		bounded(item, metric, bound)
	}
} else := reasons if {
	reasons := {{"code": "REL-005", "message": metric_message(item, metric, bound)} |
		some metric, bound in input.environment.metrics
		not bounded(item, metric, bound)
	}
	count(reasons) > 0
}

bounded(item, metric, bound) if {
	count(bound) > 0
	values := measured(item, metric)
	count(values) > 0
	every value in values {
		is_number(value)
		value >= object.get(bound, "min", value)
		value <= object.get(bound, "max", value)
	}
}

measured(item, metric) := {value |
	some name in input.environment.evaluations
	holds(item, name)
	some claims in item.claims[name]
	value := claims.metrics[metric]
}

metric_message(item, metric, bound) := sprintf("metric %s is missing: no required attestation with rule `evaluation` that holds names it; have it measured and signed", [metric]) if {
	count(measured(item, metric)) == 0
} else := sprintf("metric %s is %s, outside its bounds %s; improve the model, or change environments.%s.metrics", [
	metric,
	concat(" and ", sort({json.marshal(value) | some value in measured(item, metric)})),
	json.marshal(bound),
	input.environment.name,
])
