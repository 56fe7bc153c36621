"""Every rule names the schema of what it reads, OPA enforces it, and real documents are what the schemas say."""

import io
import json
import re
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from weighbridge.bundle.guard import fix_clock, guard_files
from weighbridge.bundle.policies import ENVOY, POINTS, declared_point, point_policies
from weighbridge.catalogue.names import parse_time_ns
from weighbridge.catalogue.schemas import text
from weighbridge.engines.opa import OpaServer, opa_check
from weighbridge.errors import EngineError
from weighbridge.harness.call_input import check_request
from weighbridge.harness.fixtures import read_fixtures
from weighbridge.points.rules import step_modules, unknown_fields
from weighbridge.points.schemas import STEPS as SCHEMAS
from weighbridge.points.schemas import schemas
from weighbridge.registry.judgement import JudgingOptions, judge_catalogue

REPOSITORY = Path(__file__).resolve().parents[2]
POLICIES = REPOSITORY / "policies"
FOLDER = Path("schemas") / "rego"
FIXTURES = REPOSITORY / "tests" / "fixtures"
EXAMPLE = REPOSITORY / "bundles" / "example"
AT = "2026-01-15T00:00:00Z"
ENVIRONMENTS = ("dev", "prod", "staging")

pytestmark = pytest.mark.engines


def checked(step: str, base: Path = POLICIES) -> None:
    opa_check(step_modules(step, base), capabilities=base / "capabilities.json", schema=base / FOLDER / step)


@pytest.mark.parametrize("step", sorted(SCHEMAS))
def test_rules_read_only_what_the_schemas_have(step: str) -> None:
    checked(step)


@pytest.mark.parametrize("step", sorted(SCHEMAS))
def test_every_package_names_the_schemas_of_what_it_reads(step: str) -> None:
    """What a package reads without naming a schema for it would be checked for nothing."""
    texts = {path: path.read_text(encoding="utf-8") for path in step_modules(step, POLICIES)}
    for path, code in texts.items():
        package = [other for other in texts.values() if _package(other) == _package(code)]
        for document in ("input", "data.weighbridge.registry", "data.weighbridge.live", "data.system.bundles"):
            # conftest's entry asks one thing: whether there is a document at all.
            if path.name != "main.rego" and re.search(rf"(?m)^[^#\n]*\b{document}\b(?! as )", code):
                assert any(f"#   - {document}: " in other for other in package), (path, document)


def _package(code: str) -> str:
    return next(line for line in code.splitlines() if line.startswith("package "))


TYPOS = [
    ("envoy", "points/envoy/decision.rego", "registry.calls.paths", "registry.calls.pahts"),
    ("envoy", "points/envoy/decision.rego", "record.served == true", "record.servde == true"),
    ("envoy", "points/envoy/decision.rego", "grant.clear", "grant.claer"),
    ("envoy", "points/envoy/decision.rego", 'call.body == "json"', 'call.boby == "json"'),
    ("envoy", "points/envoy/decision.rego", 'http.headers["x-api-key"]', 'http.headers["x-apikey"]'),
    ("envoy", "points/envoy/decision.rego", "live.exhausted,", "live.exhasted,"),
    ("envoy", "points/envoy/entitlements.rego", ".aliases", ".alias"),
    ("envoy", "lib/requirements/inf/version.rego", "found.served", "found.servde"),
    ("envoy", "lib/requirements/inf/credential.rego", "found.tenant", "found.tennant"),
    ("envoy", "lib/compiled/compiled.rego", "registry.orders.frozen", "registry.orders.forzen"),
    ("workload", "lib/compiled/compiled.rego", "live.not_after", "live.not_atfer"),
    ("workload", "points/workload/request.rego", "registry.support_images", "registry.support_image"),
    ("workload", "lib/requirements/mod/version.rego", "record.missing", "record.mising"),
    ("workload", "lib/requirements/pod/pod.rego", "request.limits.user_namespaces", "request.limits.user_namespace"),
    ("workload", "lib/verdict/verdict.rego", "in input.items", "in input.itmes"),
    ("conftest", "points/conftest/request.rego", "registry.exempt_namespaces", "registry.exempt_namespace"),
    ("conftest", "lib/requirements/mod/sources.rego", "record.sources[found", "record.source[found"),
    ("guard", "guard/guard.rego", "settings.environment", "settings.enviroment"),
    ("guard", "guard/guard.rego", "live.releases", "live.release"),
    ("guard", "guard/guard.rego", "registry.point", "registry.pont"),
    ("guard", "guard/guard.rego", "manifest.wasm", "manifest.wasmm"),
    ("guard", "guard/mask.rego", "registry.calls.paths", "registry.calls.path"),
    ("guard", "guard/mask.rego", "request.http.headers", "request.http.haeders"),
    ("guard", "guard/authz.rego", "input.method", "input.metod"),
    ("gate", "gate/gate.rego", "input.items", "input.itmes"),
    ("gate", "gate/approvals.rego", "approvals.threshold >=", "approvals.treshold >="),
    ("gate", "gate/promotion.rego", "promotion.min_time_ns == 0", "promotion.min_time == 0"),
    ("release", "release/card.rego", "input.item.lineage.datasets)", "input.item.lineage.datsets)"),
    ("release", "release/evidence.rego", "input.item.approvals.threshold", "input.item.approvals.treshold"),
    ("release", "release/release.rego", "input.item.record.not_after", "input.item.record.notafter"),
    ("evidence", "evidence/approval/approval.rego", "input.predicate.environment", "input.predicate.enviroment"),
    ("evidence", "evidence/batch/batch.rego", "item.rule", "item.rul"),
    ("evidence", "evidence/evaluation/evaluation.rego", "dataset.digest", "dataset.digets"),
    (
        "evidence",
        "evidence/executable_content/executable_content.rego",
        "input.predicate.files",
        "input.predicate.flies",
    ),
    ("evidence", "evidence/image_profile/image_profile.rego", "input.predicate.images", "input.predicate.imgaes"),
    ("evidence", "evidence/model_signature/model_signature.rego", "resource.digest", "resource.digst"),
    ("evidence", "evidence/package/package.rego", "input.card_sha256", "input.card_sha"),
    ("evidence", "evidence/parameters/parameters.rego", "input.with", "input.wiht"),
    ("evidence", "evidence/promotion/promotion.rego", "input.predicate.to", "input.predicate.too"),
    ("evidence", "evidence/publication/publication.rego", "input.predicate.sources", "input.predicate.scources"),
    ("evidence", "evidence/sbom/sbom.rego", "input.predicate.packages", "input.predicate.pakages"),
    ("evidence", "evidence/slsa_provenance/slsa_provenance.rego", "runDetails.builder", "runDetails.bilder"),
    ("evidence", "evidence/test_result/test_result.rego", "predicate.passedTests", "predicate.pasedTests"),
    ("evidence", "evidence/vulnerabilities/vulnerabilities.rego", "with.accept_suppressed_by", "with.accept_supressed"),
    ("evidence", "evidence/slsa_provenance/slsa_provenance.rego", "configSource.uri", "configSource.url"),
    (
        "evidence",
        "evidence/vulnerabilities/vulnerabilities.rego",
        "input.with.max_severity in",
        "input.with.severity in",
    ),
]


@pytest.mark.parametrize(
    ("step", "file", "right", "wrong"), TYPOS, ids=[f"{step}-{wrong}" for step, _, _, wrong in TYPOS]
)
def test_a_slip_of_the_pen_is_found(tmp_path: Path, step: str, file: str, right: str, wrong: str) -> None:
    base = tmp_path / "policies"
    shutil.copytree(POLICIES, base)
    before = (base / file).read_text(encoding="utf-8")
    assert right in before
    (base / file).write_text(before.replace(right, wrong), encoding="utf-8")
    with pytest.raises(EngineError) as caught:
        checked(step, base)
    assert "rego_type_error: undefined ref" in caught.value.detail


IN_FUNCTIONS = [
    ("envoy", "lib/compiled/compiled.rego", "order.expires <=", "order.expire <="),
    ("envoy", "lib/requirements/inf/body.rego", "request.subject.call.include_usage", "request.subject.call.usage"),
    ("workload", "lib/workload/workload.rego", "object_.metadata.generateName", "object_.metadata.generatedName"),
    ("workload", "lib/weights/weights.rego", '"envFrom", null', '"envForm", null'),
    ("workload", "lib/requirements/pod/pod.rego", "spec.hostUsers", "spec.hostUser"),
    ("workload", "lib/requirements/pod/restricted.rego", '"drop"], []', '"drops"], []'),
    ("conftest", "lib/requirements/pod/beyond.rego", "resources.limits.memory", "resources.limits.memories"),
    ("conftest", "lib/requirements/mod/images.rego", "entry.container.image", "entry.container.imgae"),
    ("guard", "guard/guard.rego", "release.until >", "release.untill >"),
    ("gate", "gate/gate.rego", "item.previous.not_after", "item.previous.notafter"),
    ("gate", "gate/attestations.rego", "state.held", "state.hold"),
    ("gate", "gate/attestations.rego", 'name, "verdicts"]', 'name, "verdict"]'),
    ("release", "release/card.rego", "count(section.placeholders) == 0", "count(section.placeholder) == 0"),
    ("release", "release/evidence.rego", "state.held == true", "state.hold == true"),
    ("evidence", "evidence/sbom/sbom.rego", "choice.expression", "choice.expresion"),
]


@pytest.mark.parametrize("step", sorted(SCHEMAS))
def test_every_field_is_one_of_some_document(step: str) -> None:
    assert unknown_fields(step) == []


@pytest.mark.parametrize(("step", "file", "right", "wrong"), IN_FUNCTIONS, ids=[case[3] for case in IN_FUNCTIONS])
def test_a_slip_behind_a_parameter_is_found(tmp_path: Path, step: str, file: str, right: str, wrong: str) -> None:
    base = tmp_path / "policies"
    shutil.copytree(POLICIES, base)
    before = (base / file).read_text(encoding="utf-8")
    assert right in before
    (base / file).write_text(before.replace(right, wrong), encoding="utf-8")
    assert any(found.startswith(file) for found in unknown_fields(step, base))


def test_a_slip_is_tried_for_every_schema_that_rules_name() -> None:
    tried = {step for step, *_ in TYPOS}
    assert tried == set(SCHEMAS)
    evidence = {Path(file).stem for step, file, *_ in TYPOS if step == "evidence"}
    assert evidence == set(SCHEMAS["evidence"]) - {"decision"}


def test_the_schemas_are_current() -> None:
    folder = POLICIES / FOLDER
    written = {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in folder.rglob("*.json")}
    assert written == {name: text(schema) for name, schema in schemas().items()}


def validator(step: str, name: str) -> jsonschema.Draft7Validator:
    schema = schemas()[f"{step}/{name}.json"]
    jsonschema.Draft7Validator.check_schema(schema)
    return jsonschema.Draft7Validator(schema)


def problems(step: str, name: str, document: Any) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in validator(step, name).iter_errors(document)]


def bundled(archive: Path) -> dict[str, Any]:
    """The data of a compiled bundle, below `weighbridge`."""
    with tarfile.open(fileobj=io.BytesIO(archive.read_bytes())) as opened:
        name = next(name for name in opened.getnames() if name.lstrip("/") == "data.json")
        file = opened.extractfile(name)
        assert file is not None
        data: dict[str, Any] = json.load(file)["weighbridge"]
        return data


def registry(environment: str, point: str) -> Any:
    if point == "conftest":
        # Records lie in files of their own beside the rest.
        files = (EXAMPLE / environment / point / "data").rglob("*.json")
        parts = [json.loads(path.read_bytes())["weighbridge"]["registry"] for path in files]
        records = {name: record for part in parts for name, record in part["records"].items()}
        return {**next(part for part in parts if "environment" in part), "records": records}
    return bundled(EXAMPLE / environment / point / "release.tar.gz")["registry"]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("point", POINTS)
def test_compiled_registries_are_what_the_schemas_say(environment: str, point: str) -> None:
    document = registry(environment, point)
    assert document["records"]
    assert problems(point, "registry", document) == []
    assert problems(point, "registry", {**document, "surplus": 1})
    assert problems(point, "registry", {**document, "records": {"a@1": {"model": "a"}}})
    assert problems("guard", "registry", document) == []


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_live_data_and_settings_are_what_the_schemas_say(environment: str) -> None:
    document = bundled(EXAMPLE / environment / "live.tar.gz")["live"]
    order = {"id": "1", "reason": "a leak", "issued_at": 1, "expires": 2}
    for step in (*POINTS, "guard"):
        assert problems(step, "live", document) == []
        assert problems(step, "live", {**document, "revoked": {"sha256:0": order}}) == []
        assert problems(step, "live", {**document, "revoked": {"sha256:0": {"expire": 2}}})
    settings = json.loads(guard_files(environment)["data.json"])["weighbridge"]["guard"]["settings"]
    assert problems("guard", "settings", settings) == []


def calls() -> dict[str, dict[str, Any]]:
    """What the harness sends for each fixture of a request."""
    found = read_fixtures([FIXTURES / "requests"])
    return {fixture.file: check_request(fixture.document.request) for fixture in found if fixture.document.request}


def test_inputs_of_all_request_fixtures_are_what_the_schema_says() -> None:
    inputs = calls()
    assert len(inputs) > 100
    assert {file: found for file, document in inputs.items() if (found := problems("envoy", "input", document))} == {}


def test_manifests_of_all_pod_fixtures_are_what_the_schema_says() -> None:
    for fixture in read_fixtures([FIXTURES / "pods"]):
        for document in fixture.objects:
            assert problems("workload", "input", document) == []
            assert problems("conftest", "input", document) == []


@pytest.fixture(scope="module", params=POINTS)
def answering(request: pytest.FixtureRequest) -> Iterator[tuple[str, OpaServer]]:
    """Each point with the example's data for prod, its clock at the moment of the compile."""
    point: str = request.param
    texts = point_policies(declared_point(point), [])
    name = f"points/{point}/request.rego"
    texts[name] = fix_clock(texts[name], parse_time_ns(AT))
    live = bundled(EXAMPLE / "prod" / "live.tar.gz")["live"]
    data = {"weighbridge": {"registry": registry("prod", point), "live": live}}
    with OpaServer(modules=texts, data=data) as server:
        yield point, server


def test_decisions_are_what_the_schemas_say(answering: tuple[str, OpaServer]) -> None:
    point, server = answering
    pods = [document for fixture in read_fixtures([FIXTURES / "pods"]) for document in fixture.objects]
    inputs = list(calls().values()) if point == ENVOY else [*pods, {"kind": "List", "apiVersion": "v1", "items": pods}]
    answers = [server.query(f"weighbridge/points/{point}/decision", document) for document in [*inputs, {}, None]]
    assert [found for answer in answers if (found := problems(point, "decision", answer))] == []
    assert {answer["allowed"] for answer in answers} == {True, False}


class Recording:
    """The engine of a compile, which keeps what passes through it."""

    def __init__(self, engine: OpaServer) -> None:
        self._engine = engine
        self.passed: list[tuple[str, Any, Any]] = []

    def __enter__(self) -> "Recording":
        self._engine.__enter__()
        return self

    def __exit__(self, *details: Any) -> None:
        self._engine.close()

    def query(self, path: str, document: Any) -> Any:
        answer = self._engine.query(path, document)
        self.passed.append((path, document, answer))
        return answer

    def query_json(self, path: str, document: bytes) -> Any:
        answer = self._engine.query_json(path, document)
        self.passed.append((path, json.loads(document), answer))
        return answer


def test_questions_and_answers_of_a_compile_are_what_the_schemas_say(monkeypatch: pytest.MonkeyPatch) -> None:
    engines: list[Recording] = []

    def recorded(*arguments: Any, **named: Any) -> Recording:
        engines.append(Recording(OpaServer(*arguments, **named)))
        return engines[-1]

    monkeypatch.setattr("weighbridge.registry.judgement.OpaServer", recorded)
    options = JudgingOptions(at_ns=parse_time_ns(AT), allow_example_keys=True)
    judge_catalogue(REPOSITORY / "examples" / "catalogue", options)
    asked = [passed for engine in engines for passed in engine.passed]
    gate = [(document, answer) for path, document, answer in asked if path == "weighbridge/gate/verdicts"]
    batches = [(document, answer) for path, document, answer in asked if path == "weighbridge/evidence/batch/verdicts"]
    assert {document["environment"]["name"] for document, _ in gate} == set(ENVIRONMENTS)
    for document, answer in gate:
        assert problems("gate", "input", document) == []
        assert problems("gate", "decision", answer) == []
    items = [item for document, _ in batches for item in document["items"]]
    assert {"approval", "package", "promotion", "vulnerabilities"} <= {item["rule"] for item in items}
    assert [found for document, _ in batches if (found := problems("evidence", "batch", document))] == []
    assert [found for item in items if (found := problems("evidence", item["rule"], item))] == []
    assert [found for _, answer in batches if (found := problems("evidence", "decision", answer))] == []
    # What a rule is given and its schema does not have, the rule could not be checked for.
    for item in items:
        assert item.keys() <= schemas()[f"evidence/{item['rule']}.json"]["properties"].keys()
