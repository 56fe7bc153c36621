"""What can be softened, code by code: the rules' own list, the catalogue's answers, and what must never be among it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from weighbridge import resources
from weighbridge.catalogue.softening import gate_waives, mode_refusal, softens, waiver_refusal
from weighbridge.engines.opa import opa_eval
from weighbridge.points.rules import rules

if TYPE_CHECKING:
    from .conftest import Tree

POLICIES = resources.policies()
CODES = [rule.code for rule in rules()]
SOFTER = {"MOD-004", "MOD-018", "REL-022", "REL-023"}
"""Of the families that are otherwise strict."""
STRICT = {"GPU-001", "GPU-011", "IMG-001", "IMG-002", "IMG-003", "IMG-016", "IMG-017", "POD-001"}
"""Of the families that otherwise can be softened."""
GATE = {"REL-004", "REL-005", "REL-009"}
CONTRACTED = {
    # Revoked, frozen, unknown version, digest mismatch.
    *("MOD-006", "MOD-007", "MOD-002", "MOD-005", "INF-014", "INF-015", "INF-016"),
    # Unverifiable evidence.
    *("MOD-003", "REL-001", "REL-002", "REL-003", "REL-010", "INF-018", "IMG-001", "IMG-002", "IMG-003"),
    # Stale or missing data, and data that is not this point's.
    *("MOD-013", "MOD-014", "MOD-015", "MOD-016", "MOD-017", "INF-022", "INF-023", "INF-024", "INF-028", "INF-029"),
    # Input that is not understood.
    *("MOD-010", "MOD-011", "INF-001", "INF-004", "USR-001", "USR-002", "POD-001", "GPU-001"),
    # What binds a workload to the version that was judged: without it all that is above would say nothing about it.
    *("MOD-001", "MOD-008", "MOD-009", "MOD-012"),
}


def expected(code: str) -> bool:
    return code in SOFTER or not (code[:3] in {"INF", "MOD", "REL", "USR"} or code in STRICT)


@pytest.mark.engines
def test_the_rules_and_the_catalogue_have_one_list() -> None:
    assert CODES
    files = [POLICIES / "lib" / "decision" / "softens.rego"]
    asked = "[code | some code in input.codes; data.lib.weighbridge.decision.softens(code)]"
    assert opa_eval(asked, files, document={"codes": CODES}) == [code for code in CODES if expected(code)]
    gate = opa_eval("data.weighbridge.gate.waivable", [POLICIES / "gate" / "waivers.rego"], document={})
    assert set(gate) == GATE == {code for code in CODES if gate_waives(code)}


@pytest.mark.parametrize("code", CODES)
def test_each_code(code: str) -> None:
    assert softens(code) is expected(code)
    assert (mode_refusal(code) is None) is expected(code)
    assert (waiver_refusal(code, artifact=False) is None) is expected(code)
    assert (waiver_refusal(code, artifact=True) is None) is (expected(code) or code in GATE)


@pytest.mark.parametrize("code", sorted(CONTRACTED))
def test_what_was_contracted_denies(code: str) -> None:
    assert code in CODES
    assert not softens(code)
    assert not gate_waives(code)


def test_a_catalogue_that_softens_what_denies(tree: Tree) -> None:
    """Each of them is told, with file, line, column and field."""
    refused = [code for code in CODES if not expected(code)]
    lines = "".join(f"      {code}: {{mode: warn}}\n" for code in refused)
    old = "    requires: [slsa-level2]\n"
    tree.edit("weighbridge.yaml", old, f"{old}    enforcement:\n{lines}")
    assert tree.problems() == [
        f"weighbridge.yaml:{line}:16: environments.prod.enforcement.{code}: {'. '.join(mode_refusal(code) or ())}"
        for line, code in enumerate(refused, 26)
    ]


def test_a_signer_who_waives_what_denies(tree: Tree) -> None:
    refused = [code for code in CODES if not expected(code) and code not in GATE]
    old = "mlsec: {key: keys/mlsec.pub}"
    tree.edit("weighbridge.yaml", old, f"mlsec: {{key: keys/mlsec.pub, waives: [{', '.join(refused)}]}}")
    problems = tree.problems()
    assert len(problems) == len(refused) > 70
    for index, (code, problem) in enumerate(zip(refused, problems, strict=True)):
        assert f": trust.signers.mlsec.waives[{index}]: {code} can neither be waived nor set below" in problem


def test_what_nobody_knows() -> None:
    assert mode_refusal("POD-099") == (
        "there is no requirement POD-099",
        "See `docs/reference/rules.md` for those there are.",
    )
    assert waiver_refusal("POD-099", artifact=True) is not None
    assert mode_refusal("ACM-001") is None
    assert waiver_refusal("ACM-001", artifact=False) is None


def test_enforcing_is_always_allowed(tree: Tree) -> None:
    enforced = "{MOD-006: {mode: enforce}, INF-021: {mode: enforce, from: 1970-01-01T00:00:00Z}}"
    tree.edit(
        "weighbridge.yaml",
        "    requires: [slsa-level2]\n",
        f"    requires: [slsa-level2]\n    enforcement: {enforced}\n",
    )
    assert tree.load()


def test_a_later_date_is_softer_until_then(tree: Tree) -> None:
    tree.edit(
        "weighbridge.yaml",
        "    requires: [slsa-level2]\n",
        "    requires: [slsa-level2]\n    enforcement: {MOD-006: {mode: enforce, from: 2026-02-01T00:00:00Z}}\n",
    )
    assert "environments.prod.enforcement.MOD-006: can neither" in tree.problem()
