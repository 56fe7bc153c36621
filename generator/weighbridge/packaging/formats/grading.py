"""What the names that a pickle imports amount to: graded by picklescan's kept list, and unknown is not harmless.

picklescan is asked for its verdict on names alone, as a pickle made of nothing but them, so that its own bounds and
guesses (it goes by file extensions, and calls a pickle that it cannot read clean) decide nothing here.
"""

from __future__ import annotations

import io
import logging
from typing import TYPE_CHECKING

from weighbridge.packaging.formats.pickles import UNKNOWN, Global

if TYPE_CHECKING:
    from collections.abc import Iterable

    from weighbridge.packaging.manifest import ExecutableKind

HARMLESS = frozenset(
    {
        Global("torch._utils", "_rebuild_parameter"),
        Global("torch._utils", "_rebuild_tensor"),
        Global("torch", "Size"),
        Global("_codecs", "encode"),
        Global("collections", "Counter"),
        *(Global(module, "set") for module in ("builtins", "__builtin__")),
        Global("torch.serialization", "_get_layout"),
        Global("torch.storage", "UntypedStorage"),
        Global("torch.storage", "TypedStorage"),
        *(Global("torch", name) for name in ("float16", "bfloat16", "float32", "float64", "int8", "uint8")),
        *(Global("torch", name) for name in ("int16", "int32", "int64", "bool", "complex64", "complex128")),
    }
)
"""Names that PyTorch's own `weights_only` unpickler takes (`torch/_weights_only_unpickler.py`), and picklescan does not
list as harmless."""
_MAX_DETAIL = 900


def grade(names: Iterable[Global]) -> tuple[ExecutableKind, str]:
    """The kind of executable content, and which names make it that (all of them, if they are harmless)."""
    by_kind: dict[ExecutableKind, list[str]] = {"pickle-dangerous": [], "pickle-unknown": [], "pickle": []}
    known = {name for name in names if UNKNOWN not in name and not _unwritable(name)}
    verdicts = _verdicts(known)
    for name in names:
        shown = f"{name.module}.{name.name}"
        if name not in known or name not in verdicts:
            by_kind["pickle-unknown"].append(shown if name in known else "a name that only running it would tell")
        elif verdicts[name] == "dangerous":
            by_kind["pickle-dangerous"].append(shown)
        elif verdicts[name] == "innocuous" or name in HARMLESS:
            by_kind["pickle"].append(shown)
        else:
            by_kind["pickle-unknown"].append(shown)
    for kind, shown_names in by_kind.items():
        if shown_names:
            return kind, _listed(shown_names)
    return "pickle", "imports nothing"


def _unwritable(name: Global) -> bool:
    """Whether the GLOBAL opcode could not carry it as it is."""
    return any("\n" in part or " " in part or not part or not part.isprintable() for part in name)


def _verdicts(names: set[Global]) -> dict[Global, str]:
    from picklescan.scanner import scan_pickle_bytes  # noqa: PLC0415 -- only where there is a pickle

    # It tells each dangerous name to a logger, which without a handler is standard error.
    logging.getLogger("picklescan").setLevel(logging.CRITICAL)
    lines = "".join(f"c{name.module}\n{name.name}\n0" for name in sorted(names))
    result = scan_pickle_bytes(io.BytesIO(f"{lines}N.".encode()), "names", multiple_pickles=False)
    return {Global(found.module, found.name): found.safety.value for found in result.globals}


def _listed(names: list[str]) -> str:
    shown = ""
    unique = sorted(set(names))
    for index, name in enumerate(unique):
        if len(shown) + len(name) > _MAX_DETAIL:
            return f"{shown or name[:_MAX_DETAIL]} and {len(unique) - max(index, 1)} more"
        shown = f"{shown}, {name}" if shown else name
    return shown
