"""Which versions the example has, and what each of them shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from builder.models import write_kb_qa, write_magika

HOUR = 3600 * 10**9
DAY = 24 * HOUR


@dataclass(frozen=True)
class Image:
    """A serving image; there is no registry here, so its digest is that of its name."""

    name: str
    scan_age: int | None
    """How long before the catalogue"s time it was scanned, in nanoseconds; None: never."""


IMAGES = {
    "current": Image("registry.example.com/serving/onnx:2026.1", 1 * DAY),
    "stale": Image("registry.example.com/serving/onnx:2025.11", 20 * DAY),
    "unscanned": Image("registry.example.com/serving/onnx:2026.2-rc1", None),
    "ageing": Image("registry.example.com/serving/onnx:2025.12", 7 * DAY),
}
"""By nickname. The scan of `ageing` is as old as `vuln-scan-clean` allows, less what the settings leave it."""


@dataclass(frozen=True)
class Version:
    """One version of the example."""

    model: str
    version: str
    shows: str
    """What becomes of it in prod, and why: the sentence in its card."""
    write: Callable[[Path], None]
    """Writes the model"s files into a new folder."""
    image: str = "current"
    """Nickname of its serving image."""
    promoted: tuple[str, ...] = ("staging", "prod")
    approved_by: tuple[str, ...] = ("mlsec", "product")
    prod_codes: tuple[str, ...] = ()
    """Codes of the gate"s reasons in prod; empty if it approves."""
    card_edited: bool = False
    """Whether somebody changed the card after it was signed."""

    @property
    def name(self) -> str:
        """`<model>@<version>`."""
        return f"{self.model}@{self.version}"


VERSIONS = (
    Version("magika", "3.3.0", "approved: the model as its authors published it", lambda f: write_magika(f, None)),
    Version(
        "magika",
        "3.3.1",
        "refused: nobody scanned its serving image, so vuln-scan-clean is missing",
        lambda f: write_magika(f, 0.6),
        image="unscanned",
        prod_codes=("REL-002",),
    ),
    Version(
        "magika",
        "3.4.0",
        "refused: it demands so much confidence that it scores below prod's bound",
        lambda f: write_magika(f, 0.99),
        prod_codes=("REL-005",),
    ),
    Version(
        "magika",
        "3.2.0",
        "refused: its approval expired, as the scan of its image is older than seven days",
        lambda f: write_magika(f, 0.4),
        image="stale",
        prod_codes=("REL-004",),
    ),
    Version("magika", "3.2.1", "approved, and frozen by an order", lambda f: write_magika(f, 0.2)),
    Version("magika", "3.1.0", "approved once, and revoked by an order", lambda f: write_magika(f, 0.8)),
    Version(
        "magika",
        "3.0.0",
        "approved, but not for much longer: the scan of its image is almost seven days old",
        lambda f: write_magika(f, 0.95),
        image="ageing",
    ),
    Version("kb-qa-001", "2025.03.15", "approved", lambda f: write_kb_qa(f, 10)),
    Version("kb-qa-001", "2025.03.20", "approved, but nothing serves it", lambda f: write_kb_qa(f, 8)),
    Version(
        "kb-qa-001",
        "2025.04.01",
        "a candidate: approved in staging; for prod it lacks a scan, one approval and its promotion",
        lambda f: write_kb_qa(f, 9),
        image="unscanned",
        promoted=("staging",),
        approved_by=("mlsec",),
        prod_codes=("REL-002", "REL-006", "REL-008"),
    ),
    Version(
        "kb-qa-001",
        "2025.02.01",
        "refused everywhere: somebody edited its card after it was signed",
        lambda f: write_kb_qa(f, 7),
        card_edited=True,
        prod_codes=("REL-001", "REL-003", "REL-007"),
    ),
)

EARLIER = Version("kb-qa-001", "2025.03.01", "approved: what kb-qa pointed to before", lambda f: write_kb_qa(f, 9))
"""The demo has it, too: to be there when the version after it is revoked."""
