from pathlib import Path
from subprocess import CompletedProcess
from types import SimpleNamespace
from typing import Any

import pytest

from weighbridge.errors import EngineError
from weighbridge.harness.fixtures import Expectation, Fixture, FixtureDocument
from weighbridge.harness.gator_point import gator, readable

POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}


class Host:
    def __init__(self, status: int, stdout: bytes) -> None:
        self.result = CompletedProcess([], status, stdout, b"auditing objects: invalid request object")

    def run(self, *_: Any, **__: Any) -> CompletedProcess[bytes]:
        return self.result


def said(folder: Path, status: int, stdout: bytes) -> dict[str, Any]:
    host = Host(status, stdout)
    stage: Any = SimpleNamespace(
        folder=folder, host=host, environment="prod", exempt=frozenset(), cluster_objects=lambda _: []
    )
    document = FixtureDocument.model_construct(
        environment="prod", object=POD, expect=Expectation.model_construct(allowed=True)
    )
    return gator(stage, [Fixture("f", document)])


def test_nothing_found_is_allowed(tmp_path: Path) -> None:
    assert said(tmp_path, 0, b"")["f"].allowed


@pytest.mark.parametrize(("status", "stdout"), [(1, b""), (1, b" \n"), (2, b"[]"), (1, b"nonsense")])
def test_a_run_without_a_report_is_no_verdict(tmp_path: Path, status: int, stdout: bytes) -> None:
    with pytest.raises(EngineError):
        said(tmp_path, status, stdout)


@pytest.mark.parametrize("version", ["v1", "apps/v1", "x.example.com/v1alpha1"])
def test_what_gator_takes(version: str) -> None:
    assert readable({**POD, "apiVersion": version})


@pytest.mark.parametrize("version", [None, 1, "", "/", "apps/", "/v1", "a/b/c"])
def test_what_gator_does_not_take(version: Any) -> None:
    assert not readable({**POD, "apiVersion": version})


@pytest.mark.parametrize("obj", [None, [], "x", {}, {**POD, "kind": ""}, {**POD, "metadata": []}])
def test_what_is_no_named_object(obj: Any) -> None:
    assert not readable(obj)
