"""What the METADATA of compiled rules says of them, a user's own among them: the help in reports."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from weighbridge.engines import process
from weighbridge.engines.locate import require
from weighbridge.errors import EngineError

if TYPE_CHECKING:
    from pathlib import Path

_SECONDS = 60.0


@dataclass(frozen=True)
class RuleHelp:
    """One requirement, as its METADATA describes it."""

    code: str
    title: str
    description: str
    severity: str
    fix: str
    related: tuple[tuple[str, str], ...]
    """Title and address of what to read."""


def rule_help(policy: Path) -> list[RuleHelp]:
    """Every rule with a code below a policy folder, by code.

    Raises:
        EngineError: OPA is missing, or cannot read the rules.
    """
    done = process.run(
        [require("opa").path, "inspect", "--annotations", "--format=json", policy.resolve().as_uri()], timeout=_SECONDS
    )
    try:
        annotations = json.loads(done.stdout)["annotations"]
    except (ValueError, KeyError, TypeError) as error:
        detail = done.stderr.decode("utf-8", "replace").strip()
        raise EngineError("opa could not say what the rules are about", detail) from error
    found: dict[str, RuleHelp] = {}
    for entry in annotations:
        described = entry.get("annotations", {})
        custom = described.get("custom") or {}
        if isinstance(code := custom.get("code"), str):
            found.setdefault(code, _help(code, described, custom))
    return [found[code] for code in sorted(found)]


def _help(code: str, described: dict[str, Any], custom: dict[str, Any]) -> RuleHelp:
    title = str(described.get("title") or code)
    related = tuple(
        (str(each.get("description") or each["ref"]), str(each["ref"]))
        for each in described.get("related_resources") or ()
    )
    description = str(described.get("description") or title).strip()
    severity, fix = str(custom.get("severity", "high")), str(custom.get("fix", ""))
    return RuleHelp(code, title, description, severity, fix, related)
