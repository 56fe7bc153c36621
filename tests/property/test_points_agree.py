"""Whatever workload is drawn, every point says the same: conftest, `check`, OPA with live data, Gatekeeper's engine.

Workloads are the examples and fixtures, changed in a few places: a field is gone, doubled, of another type, under an
odd name, or taken from another workload. Where points may differ, `EXCEPTIONS` says so, with the reason.
"""

import copy
import itertools
import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from weighbridge.bundle.archive import read_archive
from weighbridge.catalogue.names import parse_time_ns
from weighbridge.engines.opa import OpaServer
from weighbridge.harness import points
from weighbridge.harness.admitted_objects import CLUSTER_SCOPED, items
from weighbridge.harness.fixtures import Expectation, Fixture, FixtureDocument, read_fixtures
from weighbridge.harness.gator_point import UNREADABLE, gator, readable
from weighbridge.harness.judgement import Judgement
from weighbridge.harness.stage import Stage
from weighbridge.points.manifests import parse_manifests

REPOSITORY = Path(__file__).resolve().parents[2]
AT = "2026-01-15T00:00:00Z"
AT_NS = parse_time_ns(AT)
BATCH = 60
"""Workloads that are shown at once: starting the engines is what takes time."""
ODD: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 0.5, 2**63 - 1, "", " ", "x", "true", "0", "a/b", "a@b", "*", "ß", "x" * 300, [], {},
    ["x"], [None], {"": ""}, {"x": None}, [[]], "hf://x/y", "sha256:1", "https://x:1/?a#b", "Üx\n", "kube-system",
)  # fmt: skip
KEYS = (
    "",
    "x",
    "Containers",
    "containers",
    "spec",
    "metadata",
    "labels",
    "review",
    "object",
    "items",
    "kind",
    "0",
    "*",
)
# The bundle's own decision, for many workloads in one question.
MODULE = """package property

import data.weighbridge.points.workload

answers := [{"allowed": decision.allowed, "codes": codes} |
	some object_ in input
	decision := workload.decision with input as object_
	codes := {violation.code | some violation in decision.violations; violation.effect == "deny"}
]
"""

pytestmark = pytest.mark.engines


@dataclass(frozen=True)
class Allowance:
    """Where Gatekeeper's engine may say something else than the others."""

    applies: Callable[[Any], bool]
    """Given one object, whether it is of this sort."""
    codes: frozenset[str] | None
    """What may be missing there; None where nothing can be compared."""
    reason: str


def namespace_of(workload: Any) -> Any:
    metadata = workload.get("metadata") if isinstance(workload, dict) else None
    return metadata.get("namespace", "") if isinstance(metadata, dict) else ""


EXCEPTIONS = (
    Allowance(lambda each: not readable(each), None, UNREADABLE),
    Allowance(lambda each: not isinstance(namespace_of(each), str), None, "a request names its namespace itself"),
    Allowance(lambda each: kind_of(each).endswith("List"), None, "an API server sees a list's items, never a list"),
    Allowance(
        lambda each: kind_of(each) in {"ClusterRole", "ClusterRoleBinding"},
        frozenset({"NET-010", "NET-011"}),
        "rights in the whole cluster are judged before they are merged, as its controllers write some as well",
    ),
    Allowance(
        lambda each: kind_of(each) in {"Endpoints", "EndpointSlice"},
        frozenset({"NET-002"}),
        "in a cluster its controllers write them, and no review tells whose they are",
    ),
    Allowance(
        lambda each: kind_of(each) in CLUSTER_SCOPED,
        frozenset({"MOD-011"}),
        "what lies in no namespace and is of a kind that nobody described is judged if it seems to serve",
    ),
)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("stage")
    with Stage(REPOSITORY / "examples" / "catalogue", "prod", at_ns=AT_NS, now_ns=AT_NS, folder=folder) as stage:
        yield stage


@pytest.fixture(scope="module")
def opa(stage: Stage) -> Iterator[OpaServer]:
    """OPA with what the workload point's two bundles hold."""
    modules = {"property.rego": MODULE}
    data: dict[str, Any] = {}
    for bundle in ("workload/release.tar.gz", "live.tar.gz"):
        file = stage.output / "prod" / bundle
        files = read_archive(file.read_bytes(), str(file))
        modules |= {name: text.decode() for name, text in files.items() if name.endswith(".rego")}
        data |= json.loads(files["data.json"])["weighbridge"]
    with OpaServer(modules=modules, data={"weighbridge": data}) as server:
        yield server


def bases() -> list[dict[str, Any]]:
    """Workloads to begin with: the examples, and every fixture of the same catalogue, environment and time."""
    files = sorted((REPOSITORY / "examples" / "pods").glob("*.yaml"))
    found = [each for file in files for each in yaml.safe_load_all(file.read_text(encoding="utf-8")) if each]
    for fixture in read_fixtures([REPOSITORY / "tests" / "fixtures" / "pods"]):
        if fixture.document.environment == "prod" and not fixture.document.catalogue:
            found += fixture.objects
    return [each for each in found if each]


BASES = bases()


def drawn(seed: int) -> Any:
    """One workload: the same for the same seed."""
    source = random.Random(seed)
    workload = copy.deepcopy(source.choice(BASES))
    for _ in range(source.randint(0, 4)):
        change(workload, source)
    if source.random() < 0.1:
        other = copy.deepcopy(source.choice(BASES))
        kind = source.choice(["List", "List", "PodList", "DeploymentList"])
        workload = {"apiVersion": "v1", "kind": kind, "items": [workload, other][: source.randint(0, 2)]}
    return workload


def change(workload: dict[str, Any], source: random.Random) -> None:
    """Change one place."""
    here = list(places(workload))
    if not here:
        return
    holder, key = source.choice(here)
    what = source.randrange(6)
    if what == 0:
        del holder[key]
    elif what == 1:
        holder[key] = copy.deepcopy(source.choice(ODD))
    elif what == 2:
        other, name = source.choice(list(places(source.choice(BASES))))
        holder[key] = copy.deepcopy(other[name])
    elif what == 3 and isinstance(holder, dict):
        holder[source.choice(KEYS)] = copy.deepcopy(holder[key])
    elif what == 3:
        holder.append(copy.deepcopy(holder[key]))
    elif what == 4 and isinstance(holder, dict):
        other, name = source.choice([each for each in places(source.choice(BASES)) if isinstance(each[0], dict)])
        holder[name] = copy.deepcopy(other[name])
    else:
        holder[key] = [holder[key]] if source.random() < 0.5 else {"x": holder[key]}


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place below a value: what holds it, and its key or index there."""
    keys: Sequence[Any] = (
        list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    )
    for key in keys:
        yield value, key
        yield from places(value[key])


def judged(stage: Stage, opa: OpaServer, workloads: Sequence[Any]) -> list[dict[str, Judgement]]:
    """What each point says to each workload."""
    fixtures = [fixture(str(number), each) for number, each in enumerate(workloads)]
    answers = opa.query("property/answers", list(workloads))
    assert len(answers) == len(workloads)
    said = {
        "check": points.check(stage, fixtures),
        "conftest": points.conftest(stage, fixtures),
        "gator": gator(stage, fixtures),
        "workload": {
            each.file: Judgement.of(answer["allowed"], set(answer["codes"]))
            for each, answer in zip(fixtures, answers, strict=True)
        },
    }
    return [{point: judgements[each.file] for point, judgements in said.items()} for each in fixtures]


def fixture(name: str, workload: Any) -> Fixture:
    document = FixtureDocument.model_construct(
        environment="prod", object=workload, expect=Expectation.model_construct(allowed=True)
    )
    return Fixture(name, document)


def kind_of(each: Any) -> str:
    return each["kind"] if isinstance(each, dict) and isinstance(each.get("kind"), str) else ""


def excused(workload: Any, expected: Judgement, said: Judgement) -> bool:
    """Whether what Gatekeeper's engine says differs from the others as it may."""
    found = [each for each in EXCEPTIONS if any(map(each.applies, items([workload])))]
    if any(each.codes is None for each in found):
        return True
    missing = frozenset(expected.codes) - frozenset(said.codes)
    return set(said.codes) <= set(expected.codes) and missing <= {code for each in found for code in each.codes or ()}


def disagreement(workload: Any, said: Mapping[str, Judgement]) -> str:
    """The workload as a fixture, with what each point says; nothing where they agree."""
    alike = {point: each for point, each in said.items() if point != "gator"}
    if not excused(workload, said["check"], said["gator"]):
        alike["gator"] = said["gator"]
    if len({(each.allowed, each.codes) for each in alike.values()}) == 1:
        return ""
    expected = {"allowed": said["check"].allowed, "codes": list(said["check"].codes)}
    shown = {"environment": "prod", "at": AT, "object": workload, "expect": expected}
    return "\n".join([*(f"# {point}: {each}" for point, each in said.items()), yaml.safe_dump(shown, sort_keys=False)])


@settings(max_examples=2, derandomize=True, deadline=None, database=None, phases=[Phase.generate])
@given(st.integers(0, 2**32))
def test_whatever_the_workload_the_points_agree(stage: Stage, opa: OpaServer, seed: int) -> None:
    workloads = [drawn(seed + number) for number in range(BATCH)]
    found = map(disagreement, workloads, judged(stage, opa, workloads))
    assert "\n---\n".join(itertools.islice(filter(None, found), 3)) == ""


def test_a_violation_points_to_a_place_that_workloads_have(stage: Stage) -> None:
    """Nobody finds a line by a name that no workload uses."""
    names = {key for base in BASES for holder, key in places(base) if isinstance(holder, dict)}
    manifests = [each for base in BASES for each in parse_manifests(json.dumps(base).encode(), "f")]
    decisions = stage.checker().decide(manifests)
    fields = [violation["field"] for decision in decisions for violation in decision["violations"]]
    assert len(fields) > 500
    assert {part for field in fields for part in field if isinstance(part, str)} - names == set()
