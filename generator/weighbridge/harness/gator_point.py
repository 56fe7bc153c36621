"""What `gator test` says: Gatekeeper's own engine without a cluster, asked once for all fixtures of one live state."""

from __future__ import annotations

import json
import re
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weighbridge.errors import EngineError
from weighbridge.harness.admitted_objects import items, marked, namespaces
from weighbridge.harness.judgement import Judgement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weighbridge.engines.cluster.client import Object
    from weighbridge.harness.fixtures import Fixture
    from weighbridge.harness.stage import Stage

_SECONDS = 300.0
_MARK = "fixture-"
_API_VERSION = re.compile(r"([^/]+/)?[^/]+")
UNREADABLE = "gator reads no object without kind, version and name"


def gator(stage: Stage, fixtures: Sequence[Fixture]) -> dict[str, Judgement]:
    """Judgements by fixture file.

    Raises:
        EngineError: gator failed, or says something about an object that nobody showed it.
    """
    groups: dict[str, list[Fixture]] = defaultdict(list)
    for fixture in fixtures:
        groups[repr(fixture.document.live)].append(fixture)
    said: dict[str, Judgement] = {}
    for group in groups.values():
        said |= _judge(stage, group, Path(tempfile.mkdtemp(prefix="gator-", dir=stage.folder)))
    return said


def _judge(stage: Stage, fixtures: list[Fixture], folder: Path) -> dict[str, Judgement]:
    owners: list[Fixture] = []
    shown: list[Object] = []
    unread: set[str] = set()
    for fixture in fixtures:
        for each in items(fixture.objects):
            if readable(each):
                shown.append(marked(each, len(shown)))
                owners.append(fixture)
            else:
                unread.add(fixture.file)
    policy = [each for each in stage.cluster_objects(fixtures[0]) if each["kind"] != "CustomResourceDefinition"]
    surroundings = [*policy, *namespaces(shown, stage.environment, stage.exempt)]
    found: dict[str, list[str]] = {fixture.file: [] for fixture in fixtures}
    codes: dict[str, set[str]] = {fixture.file: set() for fixture in fixtures}
    for result in _run(stage, [*surroundings, *shown], folder):
        mark = str(result["violatingObject"]["metadata"].get("uid", ""))
        if not mark.startswith(_MARK):
            raise EngineError(f"gator denies what is no fixture: {str(result['msg'])[:200]}")
        if result["enforcementAction"] == "deny":
            file = owners[int(mark.removeprefix(_MARK))].file
            # A denial that names no requirement must never look like one of a reader.
            details = result.get("metadata", {}).get("details", {})
            codes[file].add(str(details.get("code", str(result["msg"])[:80])))
            found[file].append(str(result["msg"]))
    return {
        file: Judgement.of(False, codes[file], UNREADABLE)
        if file in unread and not codes[file]
        else Judgement.of(not codes[file], codes[file], "; ".join(found[file])[:500])
        for file in found
    }


def readable(obj: Any) -> bool:
    """Whether gator takes the object at all; one that it does not take is judged nowhere."""
    if not isinstance(obj, dict) or not isinstance(obj.get("metadata"), dict):
        return False
    name = obj["metadata"].get("name", obj["metadata"].get("generateName"))
    api_version = obj.get("apiVersion")
    named = all(isinstance(each, str) and each for each in (api_version, obj.get("kind"), name))
    return named and _API_VERSION.fullmatch(str(api_version)) is not None


def _run(stage: Stage, objects: list[Object], folder: Path) -> list[dict[str, Any]]:
    # JSON is YAML, and one file is read faster than hundreds.
    path = folder / "objects.yaml"
    path.write_text("\n---\n".join(json.dumps(each) for each in objects), encoding="utf-8")
    arguments: list[str | Path] = ["test", "--filename", path, "--output", "json"]
    result = stage.host.run("gator", arguments, timeout=_SECONDS, environment={"HOME": str(folder)})
    # One object that it cannot take ends a run with the status of a denial, and a report of nothing at all.
    if result.returncode not in {0, 1} or (result.returncode == 1 and not result.stdout.strip()):
        raise EngineError(f"gator ended with status {result.returncode}", result.stderr.decode("utf-8", "replace"))
    try:
        answer = json.loads(result.stdout or b"null")
    except ValueError as error:
        said = (result.stderr or result.stdout).decode("utf-8", "replace")
        raise EngineError("gator gave no report", said) from error
    return answer or []
