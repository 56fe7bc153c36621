"""A user's own Rego, checked before any engine loads it.

Packages are open in Rego: one foreign line in one of ours would empty the denials. So a user's file may only be one
of two packages, `lib.weighbridge.user.requirements.<name>` or `weighbridge.user.evidence.<rule>`, may refer only to
itself and to what its kind is given (`input`, or the declared fields of `data.lib.weighbridge.request`), and may call
only the builtins in `policies/capabilities-user.json`.

All of that is checked on the syntax tree that OPA itself prints, never on the text; then OPA compiles the files with
those capabilities and the types of what they are given, which would notice a builtin or a field that the tree hides.
"""

from __future__ import annotations

import json
import re
import tempfile
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weighbridge import resources
from weighbridge.engines.opa import opa_check, opa_command, opa_parse
from weighbridge.errors import EngineError, InputError, Problem
from weighbridge.evidence.request_fields import DECLARATION, REQUEST, declaration, field_problems, stand_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from weighbridge.catalogue.catalogue import UserPolicy

REQUIREMENTS = ("lib", "weighbridge", "user", "requirements")
EVIDENCE = ("weighbridge", "user", "evidence")
TEST_SUFFIX = "_test.rego"
"""Tests are never loaded by a compile and never reach a bundle, so they may do what tests do."""
MAX_DEPTH = 64
"""Deepest nesting of brackets in a file."""
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}\Z")
_PACKAGE_LINE = re.compile(r"^[ \t]*package\b", re.MULTILINE)
_OPA_PLACE = re.compile(
    r"(?P<file>[^\s:]+\.rego):(?P<line>\d+): (?P<message>.*)(?:(?:\n\s.*)*?\n\s+want \(one of\): \[(?P<known>.*)\])?"
)
_PACKAGES = "Name it `lib.weighbridge.user.requirements.<name>` or `weighbridge.user.evidence.<rule>`."


@dataclass(frozen=True)
class _Module:
    """One parsed file."""

    path: str
    tree: dict[str, Any]
    package: tuple[str, ...]

    @property
    def evidence(self) -> bool:
        return self.package[: len(EVIDENCE)] == EVIDENCE

    def problem(self, node: Any, message: str, fix: str) -> Problem:
        place = node.get("location", {}) if isinstance(node, dict) else {}
        return Problem(self.path, place.get("row", 0), place.get("col", 0), "", message, fix)


def check_user_rules(policies: Sequence[UserPolicy]) -> None:
    """Check every Rego file of a catalogue that an engine will load.

    Args:
        policies: the very texts that will be loaded.

    Raises:
        InputError: with every violation, its file and line.
        EngineError: OPA is missing.
    """
    loaded = [policy for policy in policies if not policy.path.endswith(TEST_SUFFIX)]
    if not loaded:
        return
    with tempfile.TemporaryDirectory(prefix="weighbridge-") as folder:
        written = {}
        for number, policy in enumerate(loaded):
            path = Path(folder) / f"{number}.rego"
            path.write_bytes(policy.text.encode())
            written[path] = policy
        problems = [problem for path, policy in written.items() for problem in _check_file(path, policy)]
        problems = problems or _check_compiled(written, Path(folder))
    if problems:
        raise InputError(problems)


def check_linked(point: str, ours: Mapping[str, str], own: Sequence[UserPolicy]) -> None:
    """Check the user's requirements against what one enforcement point gives them.

    Every requirement is linked at every point. One that asks a point for something it does not have would not compile
    there, and a bundle that does not compile is never activated: better no bundle at all.

    Args:
        point: its name.
        ours: the modules that are shipped for it, by their path.
        own: the user's requirements.

    Raises:
        InputError: with every error of the compiler, its file and line.
        EngineError: OPA is missing.
    """
    with tempfile.TemporaryDirectory(prefix="weighbridge-") as folder:
        for name, text in ours.items():
            path = Path(folder) / "ours" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
        written = {Path(folder) / f"{number}.rego": policy for number, policy in enumerate(own)}
        for path, policy in written.items():
            path.write_bytes(policy.text.encode())
        try:
            opa_check([Path(folder)])
        except EngineError as error:
            fix = "Use what `data.lib.weighbridge.request` gives at every point."
            problems = _engine_problems(error, written)
            raise InputError(
                [replace(each, message=f"{each.message} (at {point})", fix=fix) for each in problems]
            ) from error


def _check_file(path: Path, policy: UserPolicy) -> list[Problem]:
    if _depth(policy.text) > MAX_DEPTH:
        return [Problem(policy.path, message=f"is nested more than {MAX_DEPTH} levels deep", fix="Flatten it.")]
    try:
        return _check_tree(opa_parse(path), policy)
    except EngineError as error:
        return _engine_problems(error, {path: policy})


def _depth(text: str) -> int:
    """How deep brackets are nested, those in strings counted as well: OPA's printed tree grows with its square."""
    depth = deepest = 0
    for character in text:
        if character in "([{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in ")]}":
            depth = max(0, depth - 1)
    return deepest


def _check_tree(tree: dict[str, Any], policy: UserPolicy) -> list[Problem]:
    module = _Module(policy.path, tree, tuple(term["value"] for term in tree["package"]["path"][1:]))
    problems = [*_package_problems(module, policy.text)]
    for name in ("imports", "rules"):
        problems += [problem for node in tree.get(name, []) for problem in _walk(node, module)]
    if not module.evidence:
        problems += field_problems(tree, module.problem)
    return [*problems, *_import_problems(module)]


def _package_problems(module: _Module, text: str) -> Iterator[Problem]:
    *parent, name = module.package
    ours = tuple(parent) in {EVIDENCE, REQUIREMENTS} and _NAME.match(name)
    node = module.tree["package"]
    if not ours:
        yield module.problem(node, f"is in package {'.'.join(module.package)}, which is not the user's", _PACKAGES)
    elif module.evidence and name in _shipped():
        yield module.problem(node, f"defines the evidence rule {name}, which Weighbridge ships", "Choose another name.")
    # Elsewhere a file's kind is told by this line, so there must be one of it, and nothing that looks like another.
    line = f"package {'.'.join(module.package)}"
    if len(_PACKAGE_LINE.findall(text)) != 1 or not re.search(
        rf"^{re.escape(line)}[ \t]*(#.*)?\r?$", text, re.MULTILINE
    ):
        fix = "Write the package in one line of its own, and begin no other line with that word, not even in a string."
        yield module.problem(node, "has more than one line that begins with `package`, or one in an unusual form", fix)


def _import_problems(module: _Module) -> Iterator[Problem]:
    for node in module.tree.get("imports", []):
        head = node["path"]["value"][0]["value"]
        if head not in {"data", "input"}:
            yield module.problem(node, f"imports {head}", "Remove the import: the syntax is that of Rego v1 already.")
        if node.get("alias") in {"data", "input"}:
            yield module.problem(node, f"gives an import the name {node['alias']}", "Choose another name.")


def _walk(node: Any, module: _Module) -> Iterator[Problem]:
    """Problems of a node and of everything below it, whatever its kind: a kind that is new to us is walked, too."""
    if isinstance(node, list):
        for entry in node:
            yield from _walk(entry, module)
        return
    if not isinstance(node, dict):
        return
    if node.get("with"):
        yield module.problem(node, "uses `with`", "Leave `with` to tests: a rule judges what it is given.")
    if node.get("type") == "ref" and isinstance(node.get("value"), list) and node["value"]:
        yield from _ref_problems(node, module)
        head, *rest = node["value"]
        yield from _walk(rest, module)
        yield from () if head.get("type") == "var" else _walk(head, module)
        return
    if node.get("type") == "var" and node.get("value") in {"data", "input"}:
        yield from _ref_problems({**node, "value": [node]}, module)
        return
    for key, value in node.items():
        if key != "location":
            yield from _walk(value, module)


def _ref_problems(ref: dict[str, Any], module: _Module) -> Iterator[Problem]:
    head, *rest = ref["value"]
    if head.get("type") != "var":
        return
    if head["value"] == "data":
        # Only constant text counts: a variable could become anything.
        path = tuple(term["value"] if term.get("type") == "string" else None for term in rest)
        given = [module.package] if module.evidence else [module.package, REQUEST]
        if not any(path[: len(allowed)] == allowed for allowed in given):
            names = " and ".join(f"data.{'.'.join(allowed)}" for allowed in given)
            message = f"refers to {_shown(ref)}, which is not its own"
            yield module.problem(ref, message, f"Refer only to {names}{' and input' if module.evidence else ''}.")
    elif head["value"] == "input" and not module.evidence:
        message = "refers to `input`, which differs from one enforcement point to the next"
        yield module.problem(ref, message, "Refer to data.lib.weighbridge.request.")
    elif _name(ref) in _builtins("all") - _builtins("user"):
        message = f"calls {_name(ref)}, which a user's rule may not"
        yield module.problem(ref, message, "Use only what policies/capabilities-user.json names.")


def _name(ref: dict[str, Any]) -> str:
    return ".".join(str(term.get("value")) for term in ref["value"])


def _shown(ref: dict[str, Any]) -> str:
    return ".".join(str(term["value"]) if term.get("type") in {"var", "string"} else "…" for term in ref["value"])


@cache
def _builtins(whose: str) -> frozenset[str]:
    """Names of builtins: `all` of the engine, or those that a `user` may call."""
    if whose == "all":
        document = json.loads(opa_command("capabilities", "--current"))
    else:
        document = json.loads((resources.policies() / "capabilities-user.json").read_bytes())
    return frozenset(builtin["name"] for builtin in document["builtins"])


@cache
def _shipped() -> frozenset[str]:
    return frozenset(path.name for path in (resources.policies() / "evidence").iterdir() if path.is_dir())


def _check_compiled(written: dict[Path, UserPolicy], folder: Path) -> list[Problem]:
    schemas = folder / "schemas"
    schemas.mkdir()
    (schemas / DECLARATION).write_text(json.dumps(declaration()), encoding="utf-8")
    request = folder / "request.rego"
    request.write_text(stand_in(), encoding="utf-8")
    try:
        capabilities = resources.policies() / "capabilities-user.json"
        opa_check([*written, request], capabilities=capabilities, schema=schemas)
    except EngineError as error:
        return _engine_problems(error, written)
    return []


def _engine_problems(error: EngineError, written: dict[Path, UserPolicy]) -> list[Problem]:
    """What OPA says about our temporary files, said about the user's."""
    names = {path.name: policy.path for path, policy in written.items()}
    problems = []
    for file, line, message in engine_errors(error.detail):
        name = names.get(Path(file).name)
        if name:
            problems.append(Problem(name, line, 0, "", f"OPA does not accept it: {message}", "Correct the Rego."))
    first = next(iter(names.values()))
    return problems or [Problem(first, message=f"OPA does not accept it: {error.detail}", fix="Correct the Rego.")]


def engine_errors(detail: str) -> list[tuple[str, int, str]]:
    """`(file, line, message)` of each error: `opa parse` prints JSON, `opa check` lines."""
    try:
        errors = json.loads(detail)["errors"]
        return [(error["location"]["file"], error["location"]["row"], error["message"]) for error in errors]
    except (ValueError, KeyError, TypeError):
        return [(match["file"], int(match["line"]), _said(match)) for match in _OPA_PLACE.finditer(detail)]


def _said(match: re.Match[str]) -> str:
    """OPA's message, and of a field that is not there those that are."""
    known = match["known"]
    return f"{match['message']} (there is {', '.join(known.split())})" if known else match["message"]
