"""What the real API server says with the real Gatekeeper in front of it: each object is created, and nothing kept."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from weighbridge.engines.cluster.client import ApiError
from weighbridge.engines.cluster.cluster import Admission
from weighbridge.errors import EngineError
from weighbridge.harness.admitted_objects import closed, completed, definitions, items, namespaces, possible
from weighbridge.harness.judgement import Judgement
from weighbridge.points.gatekeeper.resources import webhook_patch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weighbridge.engines.cluster.cluster import Cluster
    from weighbridge.harness.fixtures import Fixture
    from weighbridge.harness.stage import Stage

_REFUSALS = ("BadRequest:", "Forbidden:", "Invalid:", "NotFound:")
"""What the API server says of an object that it will not have."""


def gatekeeper(stage: Stage, fixtures: Sequence[Fixture]) -> dict[str, Judgement]:
    """Judgements by fixture file.

    Raises:
        EngineError: the cluster did not start, or Gatekeeper does not enforce what was installed.
    """
    groups: dict[str, list[Fixture]] = defaultdict(list)
    for fixture in fixtures:
        groups[repr(fixture.document.live)].append(fixture)
    said: dict[str, Judgement] = {}
    objects = [each for fixture in fixtures for each in items(fixture.objects)]
    with stage.clusters.lent() as cluster:
        _surround(stage, cluster, objects)
        for group in groups.values():
            stage.clusters.install(cluster, stage.cluster_objects(group[0]), webhook_patch(stage.output))
            for fixture in group:
                said[fixture.file] = _judgement([_ask(cluster, each) for each in items(fixture.objects)])
    return said


def _surround(stage: Stage, cluster: Cluster, objects: list[Any]) -> None:
    needed = [each for each in namespaces(objects, stage.environment, stage.exempt) if possible(each)]
    prepared = [part for each in needed for part in closed(each)]
    unknown = [each for each in definitions([*objects, *prepared]) if not _served(cluster, each)]
    cluster.install([*unknown, *prepared])


def _served(cluster: Cluster, definition: dict[str, Any]) -> bool:
    spec = definition["spec"]
    kind = spec["names"]["kind"]
    return all(cluster.admin.known(f"{spec['group']}/{each['name']}", kind) for each in spec["versions"])


def _ask(cluster: Cluster, obj: Any) -> Admission:
    if not isinstance(obj, dict):
        return Admission(False, "kubernetes", (), "no object")
    try:
        said = cluster.ask(completed(obj))
    except ApiError as error:
        return Admission(False, "kubernetes", (), str(error))
    # A webhook that gave no answer in time denies, too, and says nothing about the object.
    if said.by == "kubernetes" and not said.message.startswith(_REFUSALS):
        raise EngineError("the API server gave no verdict", said.message)
    return said


def _judgement(admissions: list[Admission]) -> Judgement:
    codes = {code for each in admissions for code in each.codes}
    # A denial by Gatekeeper that names no requirement must never look like one by Kubernetes.
    codes |= {each.message[:80] for each in admissions if each.by == "gatekeeper" and not each.codes}
    messages = "; ".join(f"{each.by}: {each.message}" for each in admissions if not each.allowed)
    return Judgement.of(all(each.allowed for each in admissions), codes, messages[:500])
