"""Which Rego each enforcement point is given: ours, as shipped, and the user's own requirements beside it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from weighbridge import resources
from weighbridge.evidence.user_rules import check_linked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weighbridge.catalogue.catalogue import UserPolicy

ENVOY, WORKLOAD, CONFTEST = "envoy", "workload", "conftest"
POINTS = (ENVOY, WORKLOAD, CONFTEST)
"""The points whose files make a release, named by its revision."""
GATEKEEPER = "gatekeeper"
"""The point whose rules a cluster is given, as a ConstraintTemplate."""
_USER_REQUIREMENT = re.compile(r"^package\s+lib\.weighbridge\.user\.requirements\.", re.MULTILINE)
_USER_EVIDENCE = re.compile(r"^package\s+weighbridge\.user\.evidence\.", re.MULTILINE)
_TEST = "_test.rego"


@dataclass(frozen=True)
class Point:
    """What `policies/points/<point>/point.json` says of an enforcement point."""

    name: str
    policies: tuple[str, ...]
    """Folders below `policies/` that are linked into its bundle."""
    roots: tuple[str, ...]
    """What its bundle owns of OPA's data."""
    entrypoints: tuple[str, ...]
    """Paths of its decisions."""


def declared_point(name: str) -> Point:
    """An enforcement point as its `point.json` declares it."""
    declared = json.loads((resources.policies() / "points" / name / "point.json").read_text(encoding="utf-8"))
    return Point(name, *(tuple(declared[part]) for part in ("policies", "roots", "entrypoints")))


def point_policies(point: Point, own: Sequence[UserPolicy]) -> dict[str, str]:
    """The modules of one point, by their path inside its bundle.

    Args:
        point: as declared.
        own: the user's policies; only requirements are taken, evidence rules are for compiling.

    Raises:
        InputError: a requirement does not compile with what this point gives it.
        EngineError: there are requirements, and no OPA to check them.
    """
    base = resources.policies()
    modules = {
        path.relative_to(base).as_posix(): path.read_text(encoding="utf-8")
        for folder in point.policies
        for path in sorted((base / folder).rglob("*.rego"))
        if not path.name.endswith(_TEST)
    }
    requirements = requirements_of(own)
    if requirements:
        check_linked(point.name, modules, requirements)
    return modules | {f"user/{policy.path}": policy.text for policy in requirements}


def requirements_of(own: Sequence[UserPolicy]) -> list[UserPolicy]:
    """The user's requirements, tests apart."""
    return [policy for policy in own if _USER_REQUIREMENT.search(policy.text) and not policy.path.endswith(_TEST)]


def evidence_rules_of(own: Sequence[UserPolicy]) -> list[UserPolicy]:
    """The user's evidence rules, tests apart."""
    return [policy for policy in own if _USER_EVIDENCE.search(policy.text) and not policy.path.endswith(_TEST)]
