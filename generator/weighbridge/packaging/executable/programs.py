"""Programs and machine code among the files of a model."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from weighbridge.packaging.roles import extension

if TYPE_CHECKING:
    from weighbridge.packaging.manifest import ExecutableKind


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SOURCE = _words(
    "py pyi pyw ipynb sh bash zsh bat cmd ps1 js mjs cjs ts lua rb pl r jl c cc cpp cu cuh rs go java php vbs pyx"
)
_BYTECODE = frozenset({"pyc", "pyo", "class", "jar", "whl", "egg", "wasm"})
_NATIVE = frozenset({"so", "dll", "dylib", "pyd", "exe", "o", "a", "cubin", "ptx", "fatbin"})
_TEMPLATE = frozenset({"jinja", "jinja2", "j2"})
_MAGIC: tuple[tuple[bytes, ExecutableKind, str], ...] = (
    (b"\x7fELF", "native", "ELF"),
    (b"\xcf\xfa\xed\xfe", "native", "Mach-O"),
    (b"\xce\xfa\xed\xfe", "native", "Mach-O"),
    (b"\xfe\xed\xfa\xcf", "native", "Mach-O"),
    (b"\xfe\xed\xfa\xce", "native", "Mach-O"),
    (b"\xca\xfe\xba\xbe", "native", "Mach-O of several architectures, or a Java class"),
    (b"!<arch>\n", "native", "archive of object files"),
    (b"\x00asm", "bytecode", "WebAssembly"),
)
_PYC = re.compile(rb"..\r\n", re.DOTALL)
ARCHIVES = (
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!\x1a\x07", "rar"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
)
"""How compressed files and archives begin."""
_TAR_AT = 257


def program(path: str, head: bytes) -> tuple[ExecutableKind, str] | None:
    """What kind of program a file is, with a word on why; None if it is none.

    Args:
        path: in the artifact.
        head: its first 512 bytes.
    """
    ending = extension(path)
    for magic, kind, name in _MAGIC:
        if head.startswith(magic):
            return kind, name
    if head.startswith(b"MZ") and (ending in _NATIVE or b"PE\x00\x00" in head or b"DOS mode" in head):
        return "native", "PE"
    if head.startswith(b"#!"):
        line = head.split(b"\n", 1)[0][2:80].decode("ascii", "replace").strip()
        return "source", "script for " + "".join(ch if ch.isprintable() else "?" for ch in line)
    return _by_name(ending, head)


def _by_name(ending: str, head: bytes) -> tuple[ExecutableKind, str] | None:
    if ending in _NATIVE:
        return "native", f"named .{ending}"
    if ending in _BYTECODE:
        return "bytecode", f"named .{ending}"
    if _PYC.match(head) and b"\xe3\x00\x00\x00\x00" in head[:24]:
        return "bytecode", "compiled Python"
    if ending in _SOURCE:
        return "source", f"named .{ending}"
    return ("template", f"named .{ending}") if ending in _TEMPLATE else None


def archive(head: bytes) -> str:
    """The kind of archive or compressed file that begins so; empty if it is none."""
    if head[_TAR_AT : _TAR_AT + 5] == b"ustar":
        return "tar"
    zlib = len(head) > 1 and head[0] == 0x78 and (head[0] << 8 | head[1]) % 31 == 0 and not head.isascii()
    return next((name for magic, name in ARCHIVES if head.startswith(magic)), "zlib" if zlib else "")
