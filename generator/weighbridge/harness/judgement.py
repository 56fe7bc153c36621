"""What one enforcement point said to one fixture, and whether that is what it should have said."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from weighbridge.harness.fixtures import Fixture, PointName


@dataclass(frozen=True)
class Judgement:
    """One point's answer."""

    allowed: bool
    codes: tuple[str, ...]
    """Sorted, each once; empty exactly where it allows."""
    detail: str = ""
    """What it printed, for a reader who wonders."""

    @classmethod
    def of(cls, allowed: bool, codes: set[str], detail: str = "") -> Judgement:
        """A judgement with its codes in order."""
        return cls(allowed, tuple(sorted(codes)), detail)

    def __str__(self) -> str:
        return ("allowed" if self.allowed else "denied") + (f" {', '.join(self.codes)}" if self.codes else "")


@dataclass(frozen=True)
class Outcome:
    """A fixture with everything that was said to it."""

    fixture: Fixture
    judgements: Mapping[PointName, Judgement]
    seconds: float
    errors: Mapping[PointName, str] = field(default_factory=dict)
    """Points that gave no answer, and why."""

    @property
    def failures(self) -> tuple[str, ...]:
        """What is not as it should be, a sentence each."""
        found = [f"{point}: {message}" for point, message in self.errors.items()]
        for point, judgement in self.judgements.items():
            found += [f"{point}: {failure}" for failure in self._wrong(judgement)]
        if len({(judgement.allowed, judgement.codes) for judgement in self.judgements.values()}) > 1:
            said = "; ".join(f"{point} {judgement}" for point, judgement in self.judgements.items())
            found.append(f"the points disagree: {said}")
        if not self.judgements and not self.errors:
            found.append("no point was asked")
        return tuple(found)

    def _wrong(self, judgement: Judgement) -> list[str]:
        expected = self.fixture.document.expect
        wrong = []
        if judgement.allowed is not expected.allowed:
            wrong.append(f"is {judgement}, expected {'allowed' if expected.allowed else 'denied'}")
        missing = sorted(set(expected.codes) - set(judgement.codes))
        surplus = sorted(set(judgement.codes) - set(expected.codes))
        wrong += [f"misses {', '.join(missing)}"] if missing else []
        wrong += [f"has {', '.join(surplus)} beyond what is expected"] if surplus else []
        return [f"{each}{f' ({judgement.detail})' if judgement.detail else ''}" for each in wrong]
