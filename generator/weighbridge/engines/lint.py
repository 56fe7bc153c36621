"""A user's own Rego through `opa fmt`, `opa check`, our own limits and Regal: one list of findings.

Nothing is written but by `reformat`. Regal goes by the user's configuration (`.regal/config.yaml` or `.regal.yaml`, in
the folder or above it), and by the shipped one where there is none.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from weighbridge import resources
from weighbridge.catalogue.catalogue import UserPolicy
from weighbridge.engines import process
from weighbridge.engines.locate import require
from weighbridge.engines.opa import opa_check, opa_command
from weighbridge.errors import EngineError, InputError, Problem
from weighbridge.evidence.request_fields import stand_in
from weighbridge.evidence.user_rules import TEST_SUFFIX, check_user_rules, engine_errors

if TYPE_CHECKING:
    from collections.abc import Sequence

LIMIT_BYTES = 1024 * 1024
"""Largest Rego file that is read."""
_REGAL_SECONDS = 120.0
_CONFIGURATIONS = (".regal/config.yaml", ".regal.yaml")


@dataclass(frozen=True, order=True)
class Finding:
    """One thing that is wrong with a rule."""

    file: str
    line: int
    """From 1; 0 where it is about the whole file."""
    column: int
    rule: str
    """`opa-fmt`, `opa-check`, `weighbridge`, or the name of Regal's rule with its category: `style/line-length`."""
    level: Literal["error", "warning"]
    message: str
    reference: str = ""
    """Where the rule is explained; "" where the message does."""


def rego_files(paths: Sequence[Path]) -> list[Path]:
    """The Rego below these files and folders; of a catalogue, that below its `policies/`.

    Raises:
        InputError: a path is not there, or there is no Rego at all.
    """
    problems = [
        Problem(str(path), message="does not exist", fix="Name a catalogue, a folder or a file.")
        for path in paths
        if not path.exists()
    ]
    if problems:
        raise InputError(problems)
    files = [file for path in paths for file in (_below(path) if path.is_dir() else [path])]
    if not files:
        named = ", ".join(map(str, paths))
        raise InputError.single(named, "holds no Rego", "Put rules into `policies/`; see docs/reference/own-rules.md.")
    return list(dict.fromkeys(files))


def _below(path: Path) -> list[Path]:
    folder = path / "policies" if (path / "weighbridge.yaml").is_file() else path
    return sorted(file for file in folder.rglob("*.rego") if file.is_file())


def lint(files: Sequence[Path]) -> list[Finding]:
    """Every finding about these files, sorted by place.

    What OPA does not accept is told alone: nothing sensible can be said of the rest.

    Raises:
        InputError: a file cannot be read.
        EngineError: OPA or Regal is missing, or failed.
    """
    policies = [_read(file) for file in files]
    broken = _limits(policies) or _compiled(policies)
    return sorted(broken or {*_unformatted(files), *_regal(files)})


def reformat(files: Sequence[Path]) -> list[Path]:
    """Format files in place as `opa fmt` does; those that were changed. One that cannot be parsed stays as it is.

    Raises:
        EngineError: OPA is missing, or failed.
        InputError: a file cannot be read.
    """
    broken = {each.file for each in _limits([_read(file) for file in files])}
    files = [file for file in files if str(file) not in broken]
    listed = {Path(line) for line in opa_command("fmt", "--list", *files).decode().splitlines()} if files else set()
    changed = [file for file in files if file in listed]
    if changed:
        opa_command("fmt", "--write", *changed)
    return changed


def _read(file: Path) -> UserPolicy:
    try:
        with file.open("rb") as stream:
            data = stream.read(LIMIT_BYTES + 1)
        if len(data) > LIMIT_BYTES:
            raise InputError.single(str(file), f"is larger than {LIMIT_BYTES} bytes", "Split the file.")
        return UserPolicy(str(file), data.decode("utf-8"))
    except OSError as error:
        raise InputError.single(str(file), f"cannot be read: {error.strerror}", "Name a file that exists.") from error
    except UnicodeDecodeError as error:
        raise InputError.single(str(file), "is not UTF-8", "Save it as UTF-8.") from error


def _limits(policies: Sequence[UserPolicy]) -> list[Finding]:
    """What a compile would refuse, whoever wrote it."""
    try:
        check_user_rules(policies)
    except InputError as error:
        return [
            Finding(each.file, each.line, each.column, "weighbridge", "error", f"{each.message}. {each.fix}")
            for each in error.problems
        ]
    return []


def _compiled(policies: Sequence[UserPolicy]) -> list[Finding]:
    """Whether rules and tests compile together, with something in place of the request."""
    with tempfile.TemporaryDirectory(prefix="weighbridge-") as folder:
        request = Path(folder) / "request.rego"
        request.write_text(stand_in(), encoding="utf-8")
        written = {}
        for number, policy in enumerate(policies):
            suffix = TEST_SUFFIX if policy.path.endswith(TEST_SUFFIX) else ".rego"
            file = Path(folder) / f"{number}{suffix}"
            file.write_bytes(policy.text.encode())
            written[file] = policy
        try:
            opa_check([request, *written])
        except EngineError as error:
            names = {file.name: policy.path for file, policy in written.items()}
            found = [
                Finding(names[Path(file).name], line, 0, "opa-check", "error", message)
                for file, line, message in engine_errors(error.detail)
                if Path(file).name in names
            ]
            if not found:
                raise
            return found
    return []


def _unformatted(files: Sequence[Path]) -> list[Finding]:
    message = "is not formatted as `opa fmt` does it. Run `weighbridge lint --fix`."
    listed = {Path(line) for line in opa_command("fmt", "--list", *files).decode().splitlines()}
    return [Finding(str(file), 1, 1, "opa-fmt", "error", message) for file in files if file in listed]


def _regal(files: Sequence[Path]) -> list[Finding]:
    configuration = _configuration(files[0]) or resources.policies() / "regal-user.yaml"
    arguments: list[str | Path] = ["lint", "--format=json", f"--config-file={configuration}", *files]
    with tempfile.TemporaryDirectory(prefix="weighbridge-") as home:
        # Regal looks for a configuration below HOME, and for newer versions of itself on the network.
        environment = {"HOME": home, "REGAL_DISABLE_VERSION_CHECK": "1"}
        result = process.run([require("regal").path, *arguments], timeout=_REGAL_SECONDS, environment=environment)
    try:
        violations = json.loads(result.stdout)["violations"]
        # Formatting was asked of OPA itself.
        return [_finding(each) for each in violations if each["title"] != "opa-fmt"]
    except (ValueError, KeyError, TypeError) as error:
        detail = (result.stderr + result.stdout).decode("utf-8", "replace")
        raise EngineError(f"regal gave no report (status {result.returncode})", detail) from error


def _finding(violation: dict[str, Any]) -> Finding:
    place = violation["location"]
    references = [each["ref"] for each in violation.get("related_resources", ())]
    return Finding(
        file=place["file"],
        line=place["row"],
        column=place["col"],
        rule=f"{violation['category']}/{violation['title']}",
        level="error" if violation["level"] == "error" else "warning",
        message=f"{violation['description'].strip()}.",
        reference=references[0] if references else "",
    )


def _configuration(file: Path) -> Path | None:
    folders = file.resolve().parents
    return next((folder / name for folder in folders for name in _CONFIGURATIONS if (folder / name).is_file()), None)
