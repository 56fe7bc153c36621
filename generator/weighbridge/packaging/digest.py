"""The artifact digest: what a model *is* (CONTRACTS: Artifact digest).

`sha256:` of the RFC 8785 bytes of `[[path, size, hex], ...]`: every packaged file, sorted by the UTF-8 bytes of its
path. Those bytes are written as `artifact.json`, so any tool that attests a file can attest a model. Directories,
modes, owners and times do not count. UTF-8 byte order is code point order; it is *not* the UTF-16 order in which
RFC 8785 sorts the keys of an object.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from weighbridge.canonical import canonical_plain, digest

if TYPE_CHECKING:
    from collections.abc import Iterable

EXCLUDED = frozenset({"README.md", "manifest.json", "artifact.json", "evidence"})
"""Names at the top level that are no part of the artifact: they speak about it. Deeper down they are ordinary files."""
MAX_PATH_BYTES = 1024
"""Longest path, in UTF-8 bytes."""
MAX_FILE_BYTES = 2**53 - 1
"""Largest size of one file: the largest integer that RFC 8785 can write."""
_HEX = re.compile(r"[0-9a-f]{64}")
_FORBIDDEN = frozenset({"Cc", "Cs", "Zl", "Zp"})
# Marks that change the direction of text: they let `model.onnx` look like another name in every review.
_DIRECTION = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})


def check_path(path: str) -> None:
    """Refuse a path that two systems could read differently, that leaves the folder, or that is no part of an artifact.

    Raises:
        ValueError: what `check_plain_path` refuses, or one of the top-level names in `EXCLUDED`.
    """
    check_plain_path(path)
    if path.split("/", 1)[0] in EXCLUDED:
        raise ValueError(f"path {path!r} is about the artifact, not part of it")


def check_plain_path(path: str) -> None:
    """Refuse a path that two systems could read differently, or that leaves the folder.

    Raises:
        ValueError: not relative, not NFC, with an empty, `.` or `..` part, a backslash, a control character or a lone
            surrogate, or longer than `MAX_PATH_BYTES`.
    """
    if not path.isascii() and unicodedata.normalize("NFC", path) != path:
        raise ValueError(f"path {path!r} is not in Unicode's NFC form")
    # ASCII holds no other unprintable characters than the control characters, and this is the fast way to see them.
    hidden = not path.isprintable() if path.isascii() else any(_forbidden(character) for character in path)
    if hidden or "\\" in path:
        raise ValueError(f"path {path!a} holds a backslash, a control character or a lone surrogate")
    parts = path.split("/")
    if any(part in {"", ".", ".."} for part in parts):
        raise ValueError(f"path {path!r} is not relative, or has an empty, '.' or '..' part")
    if len(path.encode("utf-8")) > MAX_PATH_BYTES:
        raise ValueError(f"path {path[:40]!r}... is longer than {MAX_PATH_BYTES} bytes")


def _forbidden(character: str) -> bool:
    return unicodedata.category(character) in _FORBIDDEN or unicodedata.bidirectional(character) in _DIRECTION


def artifact_bytes(files: Iterable[tuple[str, int, str]]) -> bytes:
    """The bytes of `artifact.json`.

    Args:
        files: path with `/`, size in bytes, bare lower-case SHA-256 in hexadecimal; in any order.

    Raises:
        ValueError: a path that `check_path` refuses, a path given twice, a size or a hash that is none.
        TypeError: a path or a hash that is no text.
    """
    # "surrogatepass" only so that `check_path` gets to say what is wrong with such a path.
    entries = sorted(files, key=lambda entry: str.encode(entry[0], "utf-8", "surrogatepass"))
    previous = ""
    for path, size, sha256 in entries:
        check_path(path)
        if path == previous:
            raise ValueError(f"path {path!r} is given twice")
        if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size <= MAX_FILE_BYTES:
            raise ValueError(f"size of {path!r} is {size!r}, expected an integer from 0 to 2**53 - 1")
        if not _HEX.fullmatch(sha256):
            raise ValueError(f"hash of {path!r} is {sha256!r}, expected 64 lower-case hexadecimal digits")
        previous = path
    return canonical_plain([[path, size, sha256] for path, size, sha256 in entries])


def artifact_digest(files: Iterable[tuple[str, int, str]]) -> str:
    """`sha256:<hex>` over `artifact_bytes(files)`; raises what that raises."""
    return digest(artifact_bytes(files))
