"""What mends a violation without knowing the workload: a value to set, or a field to take away, at the place it names.

A fix never guesses what only the workload's owner knows: limits, secrets, where weights come from, which version is
meant. What it sets may still be more than a program can bear (a read-only root file system, no root): that is why the
result is shown as a diff and not applied.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Path = tuple["str | int", ...]


@dataclass(frozen=True)
class Edit:
    """One change at one place."""

    path: Path
    value: Any = None
    """What is set; None takes the field, or the element of a list, away."""


@dataclass(frozen=True)
class Context:
    """What a fix may know beside the violation."""

    value: Any
    """What stands at the place now; None if nothing."""
    record: Mapping[str, Any] | None
    """The approved version's record that the workload's labels name."""
    labels: Mapping[str, str]
    """The model labels of the pod."""


def edits(code: str, path: Path, context: Context) -> Sequence[Edit]:
    """What to change for one violation; nothing where only a person can tell."""
    fix = _FIXES.get(code)
    return fix(path, context) if fix and path else ()


def _put(value: Any) -> Callable[[Path, Context], Sequence[Edit]]:
    return lambda path, _: [Edit(path, value)]


def _remove(path: Path, context: Context) -> Sequence[Edit]:
    return [Edit(path)] if context.value is not None else []


def _seccomp(path: Path, context: Context) -> Sequence[Edit]:
    if "annotations" in path:
        return _remove(path, context)
    profile = path[: path.index("seccompProfile") + 1] if "seccompProfile" in path else path
    return [Edit(profile, {"type": "RuntimeDefault"})]


def _apparmor(path: Path, context: Context) -> Sequence[Edit]:
    if "annotations" in path:
        return _remove(path, context)
    return (
        [Edit(path[: path.index("appArmorProfile") + 1], {"type": "RuntimeDefault"})]
        if "appArmorProfile" in path
        else []
    )


def _capabilities(path: Path, context: Context) -> Sequence[Edit]:
    # An element of `add` is taken away; where `drop` is missing the whole of it is named.
    if path[-1] == "capabilities":
        return [Edit((*path, "drop"), ["ALL"])]
    return _remove(path, context)


def _sysctl(path: Path, context: Context) -> Sequence[Edit]:
    return _remove(path[:-1], context) if path[-1] == "name" else ()


def _token(path: Path, context: Context) -> Sequence[Edit]:
    return [Edit(path, value=False)] if path[-1] == "automountServiceAccountToken" else _remove(path, context)


def _digest(path: Path, context: Context) -> Sequence[Edit]:
    return [Edit(path, context.record["digest"])] if context.record else ()


def _agreeing_label(path: Path, context: Context) -> Sequence[Edit]:
    name = str(path[-1])
    return [Edit(path, context.labels[name])] if name in context.labels else ()


def _image(path: Path, context: Context) -> Sequence[Edit]:
    """A tag becomes the digest that was approved, where there is but one that could be meant."""
    approved = list((context.record or {}).get("images", {}))
    image = context.value
    if len(approved) != 1 or not isinstance(image, str) or "@" in image or path[-1] != "image":
        return ()
    return [Edit(path, f"{image}@{approved[0]}")]


def _service(path: Path, context: Context) -> Sequence[Edit]:
    if path[-2:] == ("spec", "type"):
        return [Edit(path, "ClusterIP")]
    return _remove(path, context) if path[-1] == "externalIPs" else ()


def _mark(path: Path, context: Context) -> Sequence[Edit]:
    return _remove(path, context) if len(path) > 1 and path[-2] in {"annotations", "labels"} else ()


_FIXES: dict[str, Callable[[Path, Context], Sequence[Edit]]] = {
    "MOD-005": _digest,
    "MOD-008": _image,
    "MOD-012": _agreeing_label,
    "MOD-018": _remove,
    "NET-001": _service,
    "NET-003": _mark,
    "POD-002": _remove,
    "POD-003": _remove,
    "POD-004": _remove,
    "POD-006": _remove,
    "POD-007": _remove,
    "POD-008": _remove,
    "POD-009": _apparmor,
    "POD-010": _remove,
    "POD-011": _remove,
    "POD-012": _seccomp,
    "POD-013": _sysctl,
    "POD-015": _put(value=False),
    "POD-016": _put(value=True),
    "POD-017": _remove,
    "POD-018": _put(value={"type": "RuntimeDefault"}),
    "POD-019": _capabilities,
    "POD-022": _put(value=True),
    "POD-023": _token,
    "TLS-001": _mark,
    "TLS-002": _mark,
    "TLS-003": _mark,
    "TLS-004": _remove,
}
