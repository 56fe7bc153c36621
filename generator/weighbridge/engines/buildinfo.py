"""What a Go binary says about its own build, read without Go.

The linker embeds the module list as text between two fixed 16-byte marks (`cmd/go/internal/modload/build.go`,
`infoStart` and `infoEnd`); stripping symbols keeps it. A binary from `go build` in `tools/` carries its version
nowhere else.
"""

from __future__ import annotations

import mmap
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_START = bytes.fromhex("3077af0c9274080241e1c107e6d618e6")
_END = bytes.fromhex("f932433186182072008242104116d8f2")
_MAX_BYTES = 1024 * 1024


@dataclass(frozen=True)
class BuildInfo:
    """The main package and the versions of all modules in a Go binary."""

    package: str = ""
    """Import path of the main package; "" where the file holds no build information."""
    modules: Mapping[str, str] = field(default_factory=dict)
    """Module path to version, the main module among them."""


def read_build_info(path: Path) -> BuildInfo:
    """The build information of a binary; an empty one if it has none or cannot be read."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            start = _find(content)
            end = content.find(_END, start, start + _MAX_BYTES) if start >= 0 else -1
            text = content[start:end].decode("utf-8", "replace") if end >= 0 else ""
    except (OSError, ValueError):
        return BuildInfo()
    return _parse(text)


def _find(content: mmap.mmap) -> int:
    # Programs that read build information hold the mark twice; only the real one is followed by the package's path.
    start = content.find(_START)
    while start >= 0 and content[start + 16 : start + 21] != b"path\t":
        start = content.find(_START, start + 1)
    return start + 16 if start >= 0 else -1


def _parse(text: str) -> BuildInfo:
    package = ""
    modules: dict[str, str] = {}
    for line in text.splitlines():
        kind, *parts = line.split("\t")
        if kind == "path" and parts:
            package = parts[0]
        elif kind in ("mod", "dep") and len(parts) >= 2:
            modules[parts[0]] = parts[1]
    return BuildInfo(package, modules)
