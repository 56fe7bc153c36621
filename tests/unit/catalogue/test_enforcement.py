"""Modes in steps: what holds before, at and after each, and how they may be written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydantic import TypeAdapter

from weighbridge.catalogue.enforcement import Steps, timeline
from weighbridge.registry.registry import workload_settings

if TYPE_CHECKING:
    from .conftest import Tree

STEPS = TypeAdapter(Steps)
A, B = "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"
A_NS, B_NS = 1769904000 * 10**9, 1772323200 * 10**9


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({"mode": "warn"}, [("warn", 0)]),
        ({"mode": "enforce"}, [("enforce", 0)]),
        ({"mode": "enforce", "from": A}, [("warn", 0), ("enforce", A_NS)]),
        ({"mode": "warn", "from": A}, [("enforce", 0), ("warn", A_NS)]),
        ({"mode": "dry-run", "from": A}, [("enforce", 0), ("dry-run", A_NS)]),
        ([{"mode": "warn", "from": A}], [("enforce", 0), ("warn", A_NS)]),
        (
            [{"mode": "warn", "from": A}, {"mode": "enforce", "from": B}],
            [("enforce", 0), ("warn", A_NS), ("enforce", B_NS)],
        ),
        (
            [{"mode": "dry-run"}, {"mode": "warn", "from": A}, {"mode": "enforce", "from": B}],
            [("dry-run", 0), ("warn", A_NS), ("enforce", B_NS)],
        ),
        ({"mode": "enforce", "from": "1970-01-01T00:00:00Z"}, [("enforce", 0)]),
    ],
)
def test_the_timeline(written: object, expected: list[tuple[str, int]]) -> None:
    steps = STEPS.validate_python(written)
    assert [(step["mode"], step["from"]) for step in timeline(steps)] == expected


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("{mode: off}", "POD-022.mode: is 'off'. Allowed"),
        ("{mode: audit}", "POD-022.mode: is 'audit'. Allowed: `enforce`, `warn` or `dry-run`."),
        ("{from: 2026-02-01T00:00:00Z}", "POD-022.mode: is missing"),
        ("{mode: warn, until: 2026-02-01T00:00:00Z}", "POD-022.until: is not known here"),
        ("{mode: warn, from: 2026-02-30T00:00:00Z}", "POD-022.from: "),
        ("[]", "POD-022: is empty"),
        ("warn", "POD-022: is 'warn', expected a list"),
        ("[{mode: warn}, {mode: enforce}]", "POD-022: has a step without `from` behind another"),
        (
            f"[{{mode: warn, from: {B}}}, {{mode: enforce, from: {A}}}]",
            "POD-022: has steps that are not in the order of their time",
        ),
        (f"[{{mode: warn, from: {A}}}, {{mode: enforce, from: {A}}}]", "not in the order of their time"),
        (f"[{{mode: warn}}, {{mode: enforcing, from: {A}}}]", "POD-022[1].mode: is 'enforcing'"),
    ],
)
def test_what_is_refused(tree: Tree, written: str, problem: str) -> None:
    tree.edit(
        "weighbridge.yaml",
        "    requires: [slsa-level2]\n",
        f"    requires: [slsa-level2]\n    enforcement: {{POD-022: {written}}}\n",
    )
    found = tree.problem()
    assert found.startswith("weighbridge.yaml:25:")
    assert problem in found


def test_points_are_given_every_step(tree: Tree) -> None:
    tree.edit(
        "weighbridge.yaml",
        "    requires: [slsa-level2]\n",
        f"    requires: [slsa-level2]\n    enforcement: {{POD-022: {{mode: enforce, from: {A}}}}}\n",
    )
    catalogue = tree.load()
    assert workload_settings(catalogue, "prod")["modes"] == {
        "POD-022": [{"mode": "warn", "from": 0}, {"mode": "enforce", "from": A_NS}]
    }
    assert workload_settings(catalogue, "dev")["modes"] == {}
