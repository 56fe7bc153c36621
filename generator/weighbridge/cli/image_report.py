"""An image's profile as text for people: what to look at first, and how much of the rest there is."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.filesize import decimal
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from weighbridge.image.layers import Progress as Watcher

_SHOWN = 8
"""Findings of one kind that are written out; all of them stand in the JSON."""
_PROGRAMS = {
    "shells": "shells",
    "compilers": "compilers",
    "network_tools": "network tools",
    "package_managers": "package managers",
}


def report(document: dict[str, Any]) -> list[str]:
    """Lines about a predicate, as JSON."""
    lines = [document["name"]]
    if "digest" in document:
        lines.append(_line("digest", document["digest"]))
    if "index" in document:
        lines.append(_line("chosen from", document["index"]))
    for image in document["images"]:
        lines += _image(image, several=len(document["images"]) > 1)
    return lines


def _image(image: dict[str, Any], *, several: bool) -> list[str]:
    base, user = image["base"], image["user"]
    size = sum(layer["size"] for layer in image["layers"])
    lines = [""] * several + [
        _line("platform", image["platform"]),
        _line("layers", f"{len(image['layers'])}, {size:,} bytes uncompressed"),
        _line(
            "base", " ".join(part for part in (base["family"], base["version"], f"({base['name']})") if part != "()")
        ),
        *(_line("", f"! {text}") for text in base["contradictions"]),
        _line("user", f"{user['given'] or '(none, so root)'}: uid {user.get('uid', 'unknown')}"),
        _line("entrypoint", " ".join(image["entrypoint"] + image["cmd"]) or "(none)"),
        *(_line("", f"! {text}") for text in image["entrypoint_shell"]),
    ]
    for kind, title in _PROGRAMS.items():
        lines.append(
            _line(title, _some([f"{entry['path']} ({entry['name']}, by {entry['by']})" for entry in image[kind]]))
        )
    privileged = [f"{entry['path']} {' '.join([entry['mode'], *entry['capabilities']])}" for entry in image["setuid"]]
    lines.append(_line("setuid", _some(privileged)))
    if image["writable_path"]:
        lines.append(_line("writable", _some(image["writable_path"])))
    for kind, title in (("cuda", "CUDA"), ("cudnn", "cuDNN")):
        lines.append(_line(title, _some([f"{entry['version']} ({entry['where']})" for entry in image[kind]])))
    lines.append(
        _line("packages", f"{len(image['os_packages'])} of the system, {len(image['python_packages'])} of Python")
    )
    lines.append(
        _line("weights", _some([f"{entry['path']} ({entry['format']}{_hidden(entry)})" for entry in image["weights"]]))
    )
    lines.append(
        _line("secrets", _some([f"{entry['path']} ({entry['kind']}{_hidden(entry)})" for entry in image["secrets"]]))
    )
    lines += [_line("not read", f"{entry['path']} {entry['reason']}") for entry in image["unread"][:_SHOWN]]
    lines.append(_line("minimal", "yes" if image["minimal"] else "no"))
    return lines


def _line(title: str, value: str) -> str:
    return f"{title:<16} {value}".rstrip()


def _hidden(entry: dict[str, Any]) -> str:
    place = f", layer {entry['layer']}" if "layer" in entry else ""
    return f"{place}, hidden by a later one" if entry["hidden"] else place


def _some(found: list[str]) -> str:
    if not found:
        return "none"
    rest = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return ", ".join(found[:_SHOWN]) + rest


@contextmanager
def reading_layers() -> Iterator[Watcher | None]:
    """What to hand on as `progress` while layers are read; None in a pipe."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    columns = (
        SpinnerColumn(),
        TextColumn("Reading layer {task.fields[layer]}: {task.fields[size]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("read", total=None, layer=0, size="")
        yield lambda layer, size: bar.update(task, layer=layer, size=decimal(size))
