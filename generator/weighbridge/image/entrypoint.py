"""What a container of the image starts, and whether a shell stands in between."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from weighbridge.image.names import printable
from weighbridge.image.programs import search_path
from weighbridge.image.tools import SHELLS, kind_by_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from weighbridge.image.tree import Node
    from weighbridge.image.view import View

MOST_WORDS = 256
"""Words of entrypoint and command that are looked at."""
_VALUES = re.compile(r"(?:PATH|LD_LIBRARY_PATH|LD_PRELOAD|CUDA_VERSION|NV_CUDNN_VERSION|NVIDIA_[A-Z0-9_]+)\Z")


def environment(config: Mapping[str, Any]) -> dict[str, str]:
    """Name to value; of two with one name the last counts, as in a shell."""
    listed = (config.get("config") or {}).get("Env") or []
    return dict(entry.partition("=")[::2] for entry in listed)


def harmless_values(env: dict[str, str]) -> dict[str, str]:
    """The variables whose values a profile tells."""
    return {name: printable(env[name]) for name in sorted(env) if _VALUES.match(name)}


def shell_reasons(config: Mapping[str, Any], view: View) -> list[str]:
    """Why the image's entrypoint or command runs through a shell: one of the words is one, or a script for one."""
    inner = config.get("config") or {}
    words = [*(inner.get("Entrypoint") or []), *(inner.get("Cmd") or [])][:MOST_WORDS]
    env = environment(config)
    found = []
    for number, word in enumerate(words):
        reason = _reason(word, inner.get("WorkingDir") or "/", env, view)
        if reason:
            found.append(f"word {number + 1} {reason}")
    return found


def _reason(word: str, folder: str, env: dict[str, str], view: View) -> str:
    name = word.rpartition("/")[2]
    if kind_by_name(name) == SHELLS and not word.startswith("-"):
        return f"is the shell {printable(name)}"
    node = _node(word, folder, env, view)
    if node is None or node.facts is None:
        return ""
    if shells := _shells(node):
        return f"is the shell {shells[0]} under another name"
    interpreter = _interpreter(node.facts.interpreter)
    if kind_by_name(interpreter.rpartition("/")[2]) == SHELLS or _shells(_node(interpreter, "/", env, view)):
        return f"is a script for {printable(interpreter)}"
    return ""


def _shells(node: Node | None) -> list[str]:
    marks = node.facts.marks if node is not None and node.facts is not None else ()
    return sorted(program for kind, program in marks if kind == SHELLS)


def _node(word: str, folder: str, env: dict[str, str], view: View) -> Node | None:
    if not word or "\0" in word:
        return None
    if "/" in word:
        return view.file(word if word.startswith("/") else f"{folder}/{word}")
    return next((node for at in search_path(env) if (node := view.file(f"{at}/{word}")) is not None), None)


def _interpreter(line: str) -> str:
    """The program that a script's first line names, `env` looked through."""
    words = [word for word in line.split() if "=" not in word]
    if words and words[0].rpartition("/")[2] == "env":
        words = [word for word in words[1:] if not word.startswith("-")]
    return words[0] if words else ""
