"""The verdict on weights in use, as a report and as an event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from weighbridge.packaging.digest import artifact_digest
from weighbridge.weights.folder import look

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from weighbridge.weights.expected import Expected
    from weighbridge.weights.folder import Difference, Looked
    from weighbridge.weights.pace import Pace


@dataclass(frozen=True)
class Verdict:
    """Whether weights in use are the packaged ones."""

    expected: Expected
    looked: Looked | None
    """None where nothing was looked at, because nothing was believed."""
    problems: tuple[str, ...]
    """What is wrong beside single files."""
    observed_digest: str | None
    """The artifact digest of what is there; None where a difference makes it meaningless."""

    @property
    def differences(self) -> tuple[Difference, ...]:
        """Paths that are not as packaged."""
        return self.looked.differences if self.looked is not None else ()

    @property
    def healthy(self) -> bool:
        """Whether everything is as packaged, and somebody can be believed about that."""
        looked = self.looked
        return looked is not None and not (self.problems or looked.differences or looked.cut_short)

    @property
    def status(self) -> Literal["healthy", "unhealthy", "unknown"]:
        """As in the event: `unknown` where nothing was compared."""
        if self.looked is None:
            return "unknown"
        return "healthy" if self.healthy else "unhealthy"

    def document(self) -> dict[str, Any]:
        """The report, as plain JSON."""
        looked = self.looked
        return {
            "version": f"{self.expected.model}@{self.expected.version}",
            "digest": self.expected.digest,
            "vouched_by": self.expected.vouched_by,
            "status": self.status,
            "observed_digest": self.observed_digest,
            "differences": [{"path": one.path, "kind": one.kind, "detail": one.detail} for one in self.differences],
            "cut_short": looked.cut_short if looked is not None else False,
            "problems": list(self.problems),
            "uncovered": list(looked.uncovered) if looked is not None else [],
            "files": len(looked.hashed) if looked is not None else 0,
            "bytes_read": looked.read if looked is not None else 0,
        }

    def event(self, at_ns: int, *, node: str | None = None, environment: str | None = None) -> dict[str, Any]:
        """The `model_health` event.

        Raises:
            InputError: node or environment are not of their form.
        """
        from weighbridge.observe.events import model_health  # noqa: PLC0415 -- only where an event is wanted

        event: dict[str, Any] = model_health(
            model_id=self.expected.model,
            version=self.expected.version,
            artifact_digest=self.expected.digest,
            check="weights",
            status=self.status,
            at_ns=at_ns,
            observed_digest=self.observed_digest,
            differences=None if self.looked is None else [(one.path, one.kind) for one in self.differences],
            node=node,
            environment=environment,
        )
        return event


def verify(
    folder: Path,
    expected: Expected,
    pace: Pace,
    *,
    links_within: Path | None = None,
    progress: Callable[[int], None] | None = None,
) -> Verdict:
    """Compare a folder with what is expected of it; an expectation that is not believed is not compared with.

    Raises:
        InputError: the folder itself cannot be read.
    """
    if expected.objection:
        return Verdict(expected, None, (expected.objection,), None)
    looked = look(folder, expected.files, pace, links_within=links_within, progress=progress)
    if looked.cut_short:
        return Verdict(expected, looked, ("holds so much that was not packaged that the rest was not looked at",), None)
    if looked.differences:
        return Verdict(expected, looked, (), None)
    try:
        observed = artifact_digest((path, size, sha256) for path, (size, sha256) in looked.hashed.items())
    except ValueError as error:
        return Verdict(expected, looked, (f"holds what no artifact can: {error}",), None)
    if observed != expected.digest:
        return Verdict(expected, looked, (f"the artifact digest is {observed}, not {expected.digest}",), observed)
    return Verdict(expected, looked, (), observed)
