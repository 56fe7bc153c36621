"""What a shipped rule looks at: nothing else is sent to the engine, which spends most of its time reading its input.

A rule cannot see what is left out here, so leaving out can make it refuse and never make it pass: rules demand what
they need. Statements of which the same is left are judged once. User rules get everything.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

Shape = dict[str, Any] | None
"""Keys that are kept, with the shape of what lies below; None keeps all. Lists are looked through."""

_LICENSES: Shape = {"license": {"id": None, "name": None}, "expression": None}
_COMPONENT: dict[str, Any] = {"name": None, "licenses": _LICENSES}
_COMPONENT["components"] = _COMPONENT
_SBOM: Shape = {
    "bomFormat": None,
    "specVersion": None,
    "components": _COMPONENT,
    "metadata": {"component": {"components": _COMPONENT}},
    "spdxVersion": None,
    "packages": {"name": None, "licenseConcluded": None, "licenseDeclared": None},
    "@context": None,
    "@graph": {
        "type": None,
        "name": None,
        "spdxId": None,
        "relationshipType": None,
        "from": None,
        "to": None,
        "simplelicensing_licenseExpression": None,
    },
}
_SLSA: Shape = {
    "buildDefinition": {
        "buildType": None,
        "externalParameters": {"workflow": {"repository": None}, "source": None, "buildConfigSource": None},
        "resolvedDependencies": {"uri": None, "digest": None},
    },
    "runDetails": {"builder": {"id": None}},
    # v0.2
    "buildType": None,
    "builder": {"id": None},
    "invocation": {"configSource": {"uri": None, "digest": None}},
    "materials": {"uri": None, "digest": None},
}
_SLSA_BUILDER: Shape = {
    "buildDefinition": {"buildType": None, "externalParameters": {}},
    "runDetails": {"builder": {"id": None}},
    "buildType": None,
    "builder": {"id": None},
    "invocation": {"configSource": {}},
}
"""Without `source` nobody asks what was built from what."""
_FINDING: Shape = {
    "id": None,
    "severity": {"score": None},
    "suppressed": {"by": None, "status": None, "justification": None, "source": None},
}
_VULNERABILITIES: Shape = {
    "scanner": {"uri": None, "result": _FINDING},
    "metadata": {"scanFinishedOn": None},
}
_RESOURCES: Shape = {"resources": {"name": None, "algorithm": None, "digest": None}, "serialization": None}
_PLACED: Shape = {"path": None}
_PROFILE: Shape = {
    "digest": None,
    "images": {
        "digest": None,
        "platform": None,
        "base": {"family": None, "contradictions": None},
        "user": {"uid": None},
        "entrypoint_shell": None,
        **dict.fromkeys(("shells", "compilers", "network_tools", "package_managers"), _PLACED),
        **dict.fromkeys(("setuid", "weights", "secrets", "unread"), _PLACED),
        "writable_path": None,
        **{kind: {"version": None} for kind in ("cuda", "cudnn")},
    },
}
_TESTS: Shape = {"result": None, "passedTests": None, "warnedTests": None, "failedTests": None}
RULES: dict[str, tuple[frozenset[str], Shape]] = {
    "approval": (frozenset({"manifest_sha256"}), None),
    "evaluation": (frozenset(), None),
    "executable_content": (frozenset({"predicate_type", "manifest_sha256"}), None),
    "image_profile": (frozenset({"predicate_type", "digest"}), _PROFILE),
    "model_signature": (frozenset({"predicate_type", "files", "card_sha256"}), _RESOURCES),
    "package": (frozenset({"manifest_sha256", "card_sha256"}), None),
    "promotion": (frozenset(), None),
    "publication": (frozenset(), None),
    "sbom": (frozenset({"predicate_type"}), _SBOM),
    "slsa_provenance": (frozenset({"predicate_type"}), _SLSA),
    "test_result": (frozenset({"predicate_type"}), _TESTS),
    "vulnerabilities": (frozenset({"predicate_type", "at_ns"}), _VULNERABILITIES),
}
"""For each shipped rule the fields of its input beside `rule`, `with`, `predicate`, and the predicate's shape."""
_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def item_json(rule: str, given: Mapping[str, Any]) -> bytes:
    """The input of one judgement, as JSON, with what its rule looks at.

    Args:
        rule: the rule's name.
        given: the whole input (docs/architecture.md, "Judging a predicate").
    """
    if rule not in RULES:
        return _encode({name: value for name, value in given.items() if name != "files"}).encode()
    fields, shape = RULES[rule]
    if rule == "slsa_provenance" and "source" not in given["with"]:
        shape = _SLSA_BUILDER
    item = {name: given[name] for name in sorted(fields)}
    if not given["with"].get("allowed"):
        # Only allowances end; without one, the same scan has the same verdict at any time.
        item.pop("at_ns", None)
    # RFC 8785 could not write nanoseconds, and nothing is hashed here: the engine only has to read it.
    item |= {"rule": rule, "with": given["with"], "predicate": _keep(given["predicate"], shape)}
    return _encode(item).encode()


def _keep(value: Any, shape: Shape) -> Any:
    if shape is None:
        return value
    if isinstance(value, list):
        return [_keep(entry, shape) for entry in value]
    if not isinstance(value, dict):
        return value
    return {key: _keep(value[key], inner) for key, inner in shape.items() if key in value}
