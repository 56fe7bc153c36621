"""What is looked at in a file while it streams by, and the little of it that is kept."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from weighbridge.image.secrets import SCANNED, secrets_in_file
from weighbridge.image.tools import OVERLAP, marks_in
from weighbridge.image.weights import HEAD, weights_format

if TYPE_CHECKING:
    from collections.abc import Callable

    from weighbridge.image.tree import Node

PROGRAM = 128 * 1024 * 1024
"""Bytes of an ELF file that are searched for the texts of tools, from its beginning."""
_KEPT: tuple[tuple[re.Pattern[str], int], ...] = tuple(
    (re.compile(pattern), limit)
    for pattern, limit in (
        (r"(^|/)etc/passwd$", 1024 * 1024),
        (r"(^|/)os-release[^/]*$", 64 * 1024),
        (r"(^|/)lib/dpkg/status$", 64 * 1024 * 1024),
        (r"(^|/)lib/dpkg/status\.d/[^/]+$", 1024 * 1024),
        (r"(^|/)apk/db/installed$", 64 * 1024 * 1024),
        (r"(^|/)rpmdb\.sqlite$", 128 * 1024 * 1024),
        (r"\.dist-info/METADATA$|\.egg-info(/PKG-INFO)?$", 64 * 1024),
        (r"(^|/)cuda[^/]*/version\.json$", 64 * 1024),
        (r"(^|/)cudnn_version[^/]*\.h$", 64 * 1024),
    )
)
_HEADERS_ONLY = (".dist-info/METADATA", "/PKG-INFO", ".egg-info")
_SHEBANG = 256


class Facts:
    """What is worth knowing about the contents of one file."""

    __slots__ = ("interpreter", "kept", "marks", "secrets", "weights", "whole")

    def __init__(self) -> None:
        self.interpreter = ""
        """Of a script: what its first line names."""
        self.marks: frozenset[tuple[str, str]] = frozenset()
        """`(kind, program)` that its contents say it is."""
        self.secrets: tuple[str, ...] = ()
        """Kinds."""
        self.weights = ""
        """Format, or ""."""
        self.kept: bytes | None = None
        """Its contents, where they are read later on."""
        self.whole = True
        """Whether `kept` is all of it."""

    def telling(self) -> bool:
        """Whether there is anything to keep them for."""
        return bool(self.interpreter or self.marks or self.secrets or self.weights or self.kept is not None)


def kept_bytes(path: str) -> int:
    """How many bytes of a file are kept for later; 0 where nobody will ask.

    Args:
        path: in the image, without a leading `/`.
    """
    return next((limit for pattern, limit in _KEPT if pattern.search(path)), 0)


def look(path: str, node: Node, read: Callable[[int], bytes]) -> Facts | None:
    """Read as much of a file as is needed, and give what it tells; None if that is nothing.

    Args:
        path: in the image, without a leading `/`.
        node: the file.
        read: gives the next bytes of its contents.
    """
    facts = Facts()
    data = _fill(read, b"", min(node.size, 64 * 1024))
    facts.weights = weights_format(path.rpartition("/")[2], data[:HEAD], node.size) or ""
    if data[:2] == b"#!":
        facts.interpreter = data[2:_SHEBANG].split(b"\n", 1)[0].decode("utf-8", "replace").strip()
    program = data[:4] == b"\x7fELF"
    limit = 0 if program else kept_bytes(path)
    data = _fill(read, data, max(limit, SCANNED))
    if limit:
        facts.kept, facts.whole = _shortened(path, data, limit), len(data[:limit]) == node.size
    elif program:
        facts.marks = frozenset(_program_marks(data, read))
    facts.secrets = tuple(sorted(secrets_in_file(path, data[:SCANNED])))
    return facts if facts.telling() else None


def _fill(read: Callable[[int], bytes], data: bytes, size: int) -> bytes:
    if len(data) >= size:
        return data
    pieces, count = [data], len(data)
    while count < size and (more := read(size - count)):
        pieces.append(more)
        count += len(more)
    return b"".join(pieces)


def _shortened(path: str, data: bytes, limit: int) -> bytes:
    if path.endswith(_HEADERS_ONLY):
        # Behind the first empty line stands a description, often a long one.
        return data.split(b"\n\n", 1)[0][:16384]
    return data[:limit]


def _program_marks(data: bytes, read: Callable[[int], bytes]) -> set[tuple[str, str]]:
    if not _starts(data):
        return set()
    found = marks_in(data)
    count, tail = len(data), data[-OVERLAP:]
    while count < PROGRAM and (more := read(1024 * 1024)):
        found |= marks_in(tail + more)
        count, tail = count + len(more), (tail + more)[-OVERLAP:]
    return found


def _starts(data: bytes) -> bool:
    """Whether an ELF file can be started: it has an entry or an interpreter, which most libraries have not.

    Source: System V ABI, "ELF Header": e_type at 16, e_entry at 24 (4 or 8 bytes), PT_INTERP is 3.
    """
    if len(data) < 64 or data[4] not in {1, 2} or data[5] not in {1, 2}:
        return True
    order = "little" if data[5] == 1 else "big"
    word = 8 if data[4] == 2 else 4
    kind = int.from_bytes(data[16:18], order)  # type: ignore[arg-type]  # mypy does not see that it is one of two
    entry = int.from_bytes(data[24 : 24 + word], order)  # type: ignore[arg-type]  # the same
    return kind == 2 or (kind == 3 and (entry != 0 or b"/ld-" in data[:4096]))
