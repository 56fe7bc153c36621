"""Configurations that make a loader import code.

`auto_map`, PEFT's `auto_mapping`, `trust_remote_code`, custom modules and pipelines, YAML's Python tags, Hydra's
`_target_`, and the templates of chats, which are rendered for each conversation.

Sources: transformers (`dynamic_module_utils.py`, `auto_map`), diffusers (`pipeline_loading_utils.py`),
sentence-transformers (`modules.json`, `type`), Hydra (`instantiate`), PyYAML (`!!python/` tags).
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, Any

from weighbridge.canonical import parse_json
from weighbridge.errors import InputError
from weighbridge.packaging.formats.keras import executable_in
from weighbridge.packaging.roles import extension
from weighbridge.packaging.view import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from weighbridge.packaging.manifest import ExecutableKind
    from weighbridge.packaging.view import FileView

    Found = tuple[ExecutableKind, str]

MAX_CONFIGURATION = 32 * 1024 * 1024
"""Largest configuration that is read, in bytes: a tokenizer's vocabulary has some 20 MB."""
_MAX_EACH = 1000
_PIPELINES = frozenset({"diffusers", "transformers", "onnxruntime", "flax", "tokenizers", "optimum", "open_clip"})
"""Libraries that a diffusers pipeline may take its parts from."""
_YAML_TAG = re.compile(
    r"(?:!!|tag:yaml\.org,2002:)python/[a-z/_.]{0,80}"
    # A tag that is spelt with escapes, or with a handle of its own, could be any of these.
    r"|!{1,2}<?[\w:.,/-]{0,100}%[0-9A-Fa-f]{2}|^%TAG\b.{0,100}",
    re.MULTILINE,
)
# Wherever it stands, as an alias or an explicit key (`? _target_`) keeps it apart from its value.
_TARGET = re.compile(r"""_target_(?:["']?[ \t]{0,40}:[ \t]{0,40}["']?([A-Za-z_][\w.]{0,199}))?""")
_REMOTE_YAML = re.compile(r"\btrust_remote_code[\"']?[ \t]{0,40}:[ \t]{0,40}[\"']?(true|yes|on|y|1)\b", re.IGNORECASE)
# A key that is spelt with escapes, or over several lines, could be any of these.
_HIDDEN_KEY = re.compile(
    r'\?[ \t]{1,40}"|\\(?:x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8})[^"\n]{0,200}"[ \t]{0,40}:'
)


def configured_code(path: str, view: FileView) -> list[Found]:
    """What a JSON or YAML file makes a loader run; sorted, each once. Empty for any other file.

    Raises:
        FormatError: it cannot be read, so that nothing can be said about it.
    """
    ending, name = extension(path), path.rpartition("/")[2]
    if ending not in {"json", "yaml", "yml"}:
        return []
    if view.size > MAX_CONFIGURATION:
        raise FormatError(f"has {view.size:,} bytes, and of a configuration at most {MAX_CONFIGURATION:,} are read")
    data = view.at(0, view.size)
    found = _in_json(name, data) if ending == "json" else _in_yaml(data)
    return sorted(set(found))[:1000]


def _in_yaml(data: bytes) -> Iterator[Found]:
    # YAML may also be UTF-16, which its loaders tell by the byte order mark.
    wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    text = data.decode("utf-16" if wide else "utf-8", "replace")
    for match in islice(_YAML_TAG.finditer(text), _MAX_EACH):
        yield "remote-code", f"YAML tag {match.group()[:200]}"
    for match in islice(_TARGET.finditer(text), _MAX_EACH):
        yield "remote-code", f"_target_ {(match.group(1) or '?')[:200]}"
    if _HIDDEN_KEY.search(text):
        yield "remote-code", "a key that only a YAML reader would tell"
    if _REMOTE_YAML.search(text):
        yield "remote-code", "trust_remote_code"


def _in_json(name: str, data: bytes) -> Iterator[Found]:
    try:
        document = parse_json(data, name)
    except InputError as error:
        raise FormatError(f"cannot be read as JSON: {error.problems[0].message}") from error
    if name == "modules.json":
        yield from _sentence_modules(document)
    if name == "model_index.json":
        yield from _pipeline(document)
    if isinstance(document, dict) and ("class_name" in document or name in {"metadata.json", "model.json"}):
        yield from executable_in(document)
    waiting = [document]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            yield from _in_object(value)
        waiting.extend(value.values() if isinstance(value, dict) else value if isinstance(value, list) else ())


def _in_object(value: dict[str, Any]) -> Iterator[Found]:
    for key in ("auto_map", "auto_mapping", "custom_pipelines"):
        if value.get(key):
            yield "remote-code", f"{key}: {_names(value[key])}"
    if value.get("trust_remote_code"):
        yield "remote-code", "trust_remote_code"
    if isinstance(value.get("_target_"), str):
        yield "remote-code", f"_target_ {_shown(value['_target_'])}"
    template = value.get("chat_template")
    if template:
        templates = template if isinstance(template, list) else [template]
        yield "template", f"chat_template, {len(templates)} of {sum(len(str(each)) for each in templates):,} characters"


def _sentence_modules(document: Any) -> Iterator[Found]:
    for module in document if isinstance(document, list) else []:
        kind = module.get("type") if isinstance(module, dict) else None
        if kind is not None and not (isinstance(kind, str) and kind.startswith("sentence_transformers.")):
            yield "remote-code", f"module of the type {_shown(kind)}"


def _pipeline(document: Any) -> Iterator[Found]:
    for key, value in document.items() if isinstance(document, dict) else ():
        if key == "_class_name" and not isinstance(value, str):
            yield "remote-code", f"pipeline {_names(value)}"
        elif isinstance(value, list) and value and isinstance(value[0], str) and value[0] not in _PIPELINES:
            yield "remote-code", f"{_shown(key)} from {_shown(value[0])}"


def _names(value: Any) -> str:
    if isinstance(value, dict):
        value = list(value.values())
    parts = value if isinstance(value, list) else [value]
    return ", ".join(_shown(part) for part in parts[:8])


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else str(value)[:200]
    return "".join(ch if ch.isprintable() else "?" for ch in text[:200])
