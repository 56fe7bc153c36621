"""What lm-evaluation-harness and MLflow wrote, as metrics that a gate can bound."""

import json
from pathlib import Path

import pytest

from weighbridge.errors import InputError
from weighbridge.evidence.convert.formats import convert
from weighbridge.evidence.convert.report import Options
from weighbridge.evidence.predicates import EvaluationPredicate

SAMPLES = Path(__file__).resolve().parents[2] / "documents" / "scanners"
DIGEST = "sha256:" + "d" * 64
DATASET = ("https://example.com/kb-qa.jsonl", "sha256:" + "5" * 64)


def sample(name):
    return json.loads((SAMPLES / name).read_bytes())


def converted(document, *metrics, subject=DIGEST, dataset=DATASET, **options):
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    given = Options(subject, dataset=dataset, metrics=metrics, **options)
    conversion = convert("auto", data, "report.json", given)
    EvaluationPredicate.model_validate(conversion.predicate)
    return conversion


def test_metrics_of_lm_eval_are_named_by_task_metric_and_where_there_are_several_filter():
    predicate = converted(sample("lm-eval.json")).predicate
    assert predicate["dataset"] == {"uri": DATASET[0], "digest": DATASET[1]}
    assert predicate["finished_at"] == "2026-11-23T18:43:57Z"
    assert predicate["metrics"]["kb_qa/acc"] == 0.625
    assert predicate["metrics"]["kb_qa/samples"] == 8
    assert set(predicate["metrics"]) == {
        "kb_gen/exact_match,flexible",
        "kb_gen/exact_match,strict",
        "kb_gen/exact_match_stderr,flexible",
        "kb_gen/exact_match_stderr,strict",
        "kb_gen/samples",
        "kb_qa/acc",
        "kb_qa/acc_norm",
        "kb_qa/acc_norm_stderr",
        "kb_qa/acc_stderr",
        "kb_qa/samples",
    }


def test_metrics_are_called_as_the_gate_calls_them():
    conversion = converted(sample("lm-eval.json"), ("exact_match", "kb_gen/exact_match,strict"), ("acc", "kb_qa/acc"))
    assert conversion.predicate["metrics"] == {"exact_match": 0.0, "acc": 0.625}
    assert conversion.notes == ("8 metrics that --metric does not name are not carried",)
    for metrics, expected in {
        (("acc", "kb_gen/exact_match"),): "no metric 'kb_gen/exact_match'",
        (("acc", "kb_qa/acc"), ("acc", "kb_qa/acc_norm")): "names 'acc' twice",
    }.items():
        with pytest.raises(InputError, match=expected):
            converted(sample("lm-eval.json"), *metrics)


def test_part_of_a_task_is_no_measurement_of_the_dataset():
    with pytest.raises(InputError, match="evaluated 3 of 8 samples of 'kb_qa'"):
        converted(sample("lm-eval-limited.json"))
    document = sample("lm-eval-limited.json")
    del document["n-samples"]
    with pytest.raises(InputError, match="was limited"):
        converted(document)
    document["config"]["limit"] = None
    with pytest.raises(InputError, match="does not say how many samples"):
        converted(document)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"lm_eval_version": "0.5.0"}, r"is by lm_eval '0.5.0'; accepted: 0.4.x"),
        ({"lm_eval_version": "0.4"}, "accepted"),
        ({"lm_eval_version": 0.4}, "accepted"),
        ({"lm_eval_version": None}, "accepted"),
        ({"results": {}}, "results"),
        ({"results": {"kb_qa": []}}, "results"),
        ({"results": {"k\u0431_qa": {"acc,none": 1}}}, "results"),
        ({"results": {"kb_qa": {"alias": "kb_qa"}}, "n-samples": {}}, "how many samples"),
        ({"date": "today"}, "date"),
        ({"date": None}, "date"),
        ({"date": 1e300}, "date"),
        ({"n-samples": {"kb_qa": {"original": 8, "effective": 8.5}}}, "n-samples"),
        ({"n-samples": {"kb_qa": {"original": -8, "effective": -8}}}, "n-samples"),
    ],
)
def test_what_is_no_result_of_lm_eval_04_is_refused(change, expected):
    with pytest.raises(InputError, match=expected):
        converted({**sample("lm-eval.json"), **change})


def test_a_value_that_is_no_number_is_not_carried_and_said():
    document = sample("lm-eval.json")
    document["results"]["kb_qa"] |= {"acc_stderr,none": "N/A", "acc,none": True}
    conversion = converted(document)
    assert "2 values that are no numbers are not carried" in conversion.notes
    assert not {"kb_qa/acc", "kb_qa/acc_stderr"} & set(conversion.predicate["metrics"])


@pytest.mark.parametrize("name", ["mlflow.json", "mlflow-rest.json"])
def test_a_run_of_mlflow_by_either_form(name):
    conversion = converted(sample(name))
    assert conversion.predicate["metrics"] == {"exact_match": 0.78, "toxicity.max": 0.02}
    assert conversion.predicate["finished_at"].startswith("2026-11-23T18:4")
    with pytest.raises(InputError, match=f"is a report about {DIGEST}"):
        converted(sample(name), subject="sha256:" + "e" * 64)


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        (("info", "status"), "RUNNING", "'RUNNING'"),
        (("info", "status"), "FAILED", "'FAILED'"),
        (("info", "lifecycle_stage"), "deleted", "'deleted'"),
        (("info", "lifecycle_stage"), None, "lifecycle_stage"),
        (("info", "end_time"), None, "no end time"),
        (("info", "end_time"), 0, "no end time"),
        (("info", "end_time"), True, "no end time"),
        (("info", "end_time"), "1e12", "no end time"),
        (("info", "end_time"), 10**15, "no end time"),
        (("data", "metrics"), {}, "has no metric"),
        (("data", "metrics"), [], "has no metric"),
        (("data", "metrics"), None, "data.metrics"),
        (("data", "metrics"), {"a": "0.9"}, "metrics.a"),
        (("data", "metrics"), {"a": "NaN"}, "metrics.a"),
        (("data", "metrics"), {"a": True}, "metrics.a"),
        (("data", "metrics"), {"\u0430cc": 1}, "metrics"),
        (("data", "metrics"), [{"key": "a", "value": 1}, {"key": "a", "value": 2}], "two values of one metric"),
        (("data", "metrics"), [{"key": "a"}], "value"),
        (("data",), None, "data"),
        (("info",), [], "info"),
    ],
)
def test_what_is_no_finished_run_is_refused(path, value, expected):
    document = sample("mlflow.json")
    document["data"]["tags"] = {}
    if isinstance(value, list) and path[-1] == "metrics":
        document["data"]["tags"] = []
    target = document
    for part in path[:-1]:
        target = target[part]
    target[path[-1]] = value
    with pytest.raises(InputError, match=expected):
        converted(document)


def test_digits_are_a_time_too():
    document = sample("mlflow.json")
    document["info"]["end_time"] = "1767225600000"
    assert converted(document).predicate["finished_at"] == "2026-01-01T00:00:00Z"


@pytest.mark.parametrize("name", ["lm-eval.json", "mlflow.json"])
def test_numbers_without_end_are_refused_and_the_dataset_is_demanded(name):
    with pytest.raises(InputError, match="dataset is missing"):
        converted(sample(name), dataset=None)
    text = (SAMPLES / name).read_text().replace("0.625", "NaN").replace("0.78", "Infinity")
    with pytest.raises(InputError, match="is not JSON"):
        converted(text.encode())
    with pytest.raises(InputError, match="too large"):
        converted(text.replace("NaN", "1e999").replace("Infinity", "1e999").encode())


def test_what_mlflow_logged_as_nan_is_refused():
    with pytest.raises(InputError, match="NaN is not JSON"):
        converted((SAMPLES / "mlflow-nan.json").read_bytes())


@pytest.mark.parametrize("options", [{"scanned_at_ns": 1}, {"exit_code": 0}, {"vex": (("x", b"{}"),)}])
def test_options_of_scans_are_refused(options):
    with pytest.raises(InputError, match="is for scans"):
        converted(sample("mlflow.json"), **options)


def test_a_gate_bounds_what_was_converted(workshop, kit):
    conversion = converted(sample("mlflow.json"))
    workshop.packaged()
    workshop.attestation("eval", conversion.predicate_type, "evaluation", "ev")
    workshop.add(kit.signed(kit.payload(conversion.predicate_type, conversion.predicate), "ev"))
    state = workshop.attest(at_ns=1_800_000_000 * 10**9).attestations["eval"]
    assert state.held
    assert state.verdicts[0].claims == {"metrics": conversion.predicate["metrics"], "dataset": DATASET[1]}
