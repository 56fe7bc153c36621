"""Which requirements a mode or a waiver may soften: read from the one list, which the rules themselves follow.

`policies/lib/decision/softens.rego` holds it, so that a registry that somebody made by hand softens nothing else. Codes
of the gate never come before a point that judges workloads: they can be waived for an artifact, when compiling, and no
mode touches them.
"""

from __future__ import annotations

import re
from functools import cache

from weighbridge import resources

_SET = re.compile(r"^(\w+) := \{(.*?)\}", re.MULTILINE | re.DOTALL)
_TEXT = re.compile(r'"([A-Z0-9-]+)"')
_STATED_BY_NO_RULE = frozenset({"REL-010", "REL-021"})
"""What whoever asked says where the rules gave no answer."""
_DOCUMENTED = re.compile(r"^#   code: ([A-Z]{3}-[0-9]{3})$", re.MULTILINE)


def softens(code: str) -> bool:
    """Whether a point may make less of a violation of this requirement than a denial."""
    sets = _sets("lib/decision/softens.rego")
    strict = code[:3] in sets["strict_families"] or code in sets["strict_codes"]
    return code in sets["softer_codes"] or not strict


def gate_waives(code: str) -> bool:
    """Whether the gate lets a waiver for an artifact stand in for what this code says is missing."""
    return code in _sets("gate/waivers.rego")["waivable"]


def mode_refusal(code: str) -> tuple[str, str] | None:
    """Why no mode may soften a requirement, and what to do; None if one may."""
    unknown = _unknown(code)
    if unknown or softens(code):
        return unknown
    if code.startswith("INF-"):
        return "is about calls, which are always enforced", "Remove the entry."
    if gate_waives(code):
        return "is the gate's, which knows no modes", "Remove the entry; a waiver for the artifact can stand in for it."
    return "can neither be waived nor set below `enforce`", "Remove the entry, or write `enforce`."


def waiver_refusal(code: str, *, artifact: bool) -> tuple[str, str] | None:
    """Why a requirement cannot be waived for an artifact, or for a workload, and what to do; None if it can."""
    unknown = _unknown(code)
    if unknown or softens(code) or (artifact and gate_waives(code)):
        return unknown
    if gate_waives(code):
        return f"{code} is the gate's and waived for an artifact only", "Waive it for the artifact."
    return f"{code} can neither be waived nor set below `enforce`", "Leave it out; what it says has to be mended."


def _unknown(code: str) -> tuple[str, str] | None:
    ours = _documented()
    if code in ours or code[:3] not in {known[:3] for known in ours}:
        return None
    return f"there is no requirement {code}", "See `docs/reference/rules.md` for those there are."


@cache
def _sets(path: str) -> dict[str, frozenset[str]]:
    text = (resources.policies() / path).read_text(encoding="utf-8")
    return {name: frozenset(_TEXT.findall(members)) for name, members in _SET.findall(text)}


@cache
def _documented() -> frozenset[str]:
    """Every code that METADATA of our rules names."""
    folders = ("lib", "points", "gate", "guard", "release")
    files = [file for folder in folders for file in sorted((resources.policies() / folder).rglob("*.rego"))]
    stated = {code for file in files for code in _DOCUMENTED.findall(file.read_text(encoding="utf-8"))}
    return frozenset(stated | _STATED_BY_NO_RULE)
