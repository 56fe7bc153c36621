"""The guard: the local bundle that every sidecar starts with, and the one line in Rego that reads a clock.

OPA does not pin a bundle's roots, so a correctly signed live bundle could claim the entry rule's. The guard's roots
are exactly `system` and `weighbridge/guard`; loaded with `-b` it cannot be replaced, and it lets a decision through
only while every bundle claims the roots that are its own (CONTRACTS: The guard).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from weighbridge import resources
from weighbridge.bundle.revision import release_revision
from weighbridge.bundle.signing import DATA, MANIFEST, data_file, manifest

if TYPE_CHECKING:
    from pathlib import Path

ROOTS = ("system", "weighbridge/guard")
"""What the guard owns; without `system` it falls in two steps."""
CLOCK_LINE = "now_ns := time.now_ns()"
"""The one line, in each `request.rego` and in the guard, that reads the clock."""


def guard_files(environment: str, *, fixed_ns: int | None = None, source: Path | None = None) -> dict[str, bytes]:
    """The guard's files for one environment, by their name inside the bundle.

    Args:
        environment: the environment of the sidecar that starts with it.
        fixed_ns: a clock that stands still at this time, for the harness's own bundles only.
        source: the folder with the guard's Rego; by default the one that Weighbridge ships.

    Raises:
        ValueError: there is no Rego, or the clock's line is not there exactly once.
    """
    folder = source or resources.policies() / "guard"
    paths = sorted(path for path in folder.rglob("*.rego") if not path.name.endswith("_test.rego"))
    texts = {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in paths}
    with_clock = [name for name, text in texts.items() if CLOCK_LINE in text]
    if len(with_clock) != 1:
        raise ValueError(f"`{CLOCK_LINE}` must stand in exactly one file of {folder}, not in {with_clock}")
    if fixed_ns is not None:
        if sum(text.count("time.now_ns") for text in texts.values()) != 1:
            raise ValueError(f"{folder} reads the clock elsewhere, too")
        texts[with_clock[0]] = fix_clock(texts[with_clock[0]], fixed_ns)
    files = {name: text.encode() for name, text in texts.items()}
    files[DATA] = data_file({"weighbridge": {"guard": {"settings": {"environment": environment}}}})
    return {**files, MANIFEST: manifest(release_revision(files), ROOTS)}


def fix_clock(text: str, ns: int) -> str:
    """Rego whose clock stands still: the line `now_ns := time.now_ns()` becomes `now_ns := <ns>`.

    Raises:
        ValueError: the line does not stand there exactly once, or the clock is read elsewhere, too.
    """
    lines = text.split("\n")
    places = [number for number, line in enumerate(lines) if line == CLOCK_LINE]
    if len(places) != 1 or text.count("time.now_ns") != 1:
        raise ValueError(f"`{CLOCK_LINE}` must stand there exactly once, alone on its line")
    lines[places[0]] = f"now_ns := {ns}"
    return "\n".join(lines)
