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
    unasked: tuple[PointName, ...] = ()
    """Points through which it would go, and which nobody asked for."""

    @property
    def failures(self) -> tuple[str, ...]:
        """What is not as it should be, a sentence each."""
        found = [f"{point}: {message}" for point, message in self.errors.items()]
        for point, judgement in self.judgements.items():
            found += [f"{point}: {failure}" for failure in self._wrong(point, judgement)]
        alike = {p: said for p, said in self.judgements.items() if p not in self.fixture.document.expect.differs}
        if len({(judgement.allowed, judgement.codes) for judgement in alike.values()}) > 1:
            said = "; ".join(f"{point} {judgement}" for point, judgement in alike.items())
            found.append(f"the points disagree: {said}")
        if not self.judgements and not self.errors and not self.unasked:
            found.append("no point was asked")
        return tuple(found)

    def _wrong(self, point: PointName, judgement: Judgement) -> list[str]:
        allowed, codes = self.fixture.document.expect.of(point)
        wrong = []
        if judgement.allowed is not allowed:
            wrong.append(f"is {judgement}, expected {'allowed' if allowed else 'denied'}")
        missing = sorted(codes - set(judgement.codes))
        surplus = sorted(set(judgement.codes) - codes)
        wrong += [f"misses {', '.join(missing)}"] if missing else []
        wrong += [f"has {', '.join(surplus)} beyond what is expected"] if surplus else []
        return [f"{each}{f' ({judgement.detail})' if judgement.detail else ''}" for each in wrong]
