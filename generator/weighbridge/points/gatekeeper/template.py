"""The ConstraintTemplate: the rules of the point `gatekeeper`, verbatim, in the envelope that Gatekeeper takes.

Gatekeeper moves every library below a path of its own. It rewrites imports, and no other reference that stands inside
another term; so a rule that names `data` elsewhere would find nothing there, and a denial that is undefined allows.
`inline_references` finds such a reference in a syntax tree.
"""

from __future__ import annotations

import json
from importlib import resources
from typing import TYPE_CHECKING, Any

import jinja2

from weighbridge.points.gatekeeper.names import APPROVAL, CONSTRAINT, GROUP_VERSION, LIVE_STATE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ENTRY = "points/gatekeeper/decision.rego"
"""The module with the rule `violation`; all others are libraries."""
Kinds = tuple[tuple[str, str, str], ...]
"""Kinds that mean the same in several versions: group, version, kind."""
_ANY = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
_TEXT = {"type": "string"}
_FLAGS = {"type": "object", "additionalProperties": {"type": "boolean"}}
_DESCRIPTION = (
    "Workloads that serve models: version approved, image, isolation and exposure as the environment demands."
)


def synced_kinds(*, istio: bool) -> tuple[Kinds, ...]:
    """What the rules read from Gatekeeper's inventory; each entry in any one of its versions.

    Args:
        istio: whether some environment enforces mutual TLS by Istio, and so the cluster knows its kinds.
    """
    group, version = GROUP_VERSION.split("/")
    own: tuple[Kinds, ...] = (
        ((group, version, APPROVAL),),
        ((group, version, LIVE_STATE),),
        (("networking.k8s.io", "v1", "NetworkPolicy"),),
    )
    mesh: Kinds = (("security.istio.io", "v1", "PeerAuthentication"),)
    return (*own, mesh) if istio else own


def constraint_template(modules: Mapping[str, bytes], synced: Sequence[Kinds]) -> bytes:
    """The ConstraintTemplate as YAML.

    Args:
        modules: the point's Rego by path, as `bundle.policies.point_policies` gives it.
        synced: what `synced_kinds` says.
    """
    libraries = [text.decode() for path, text in sorted(modules.items()) if path != ENTRY]
    text = _template().render(
        kind=CONSTRAINT,
        description=_DESCRIPTION,
        sync=json.dumps([[{"groups": [g], "versions": [v], "kinds": [k]} for g, v, k in same] for same in synced]),
        parameters={"type": "object", "properties": _parameters()},
        entry=modules[ENTRY].decode().rstrip("\n"),
        libraries=[library.rstrip("\n") for library in libraries],
    )
    return f"{text}\n".encode()


def _parameters() -> dict[str, Any]:
    key = {"type": "object", "properties": {"algorithm": _TEXT, "pem": _TEXT}, "required": ["algorithm", "pem"]}
    return {
        "environment": _TEXT,
        "revision": _TEXT,
        "bound": {"type": "boolean"},
        "effects": {"type": "array", "items": _TEXT},
        "keys": {
            "type": "object",
            "properties": {
                "release": key,
                "live": key,
                "further_release": {"type": "array", "items": key},
                "further_live": {"type": "array", "items": key},
            },
            "required": ["release", "live"],
        },
        "labels": {"type": "object", "properties": {"model_id": _TEXT, "model_version": _TEXT}},
        "multi_tenant": {"type": "boolean"},
        "exempt_namespaces": _FLAGS,
        **dict.fromkeys(("limits", "support_images", "kinds", "modes", "waivers"), _ANY),
    }


def _template() -> jinja2.Template:
    text = (resources.files("weighbridge.points") / "templates" / "constraint_template.yaml.j2").read_text("utf-8")
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)  # noqa: S701 -- YAML, not HTML
    # Jinja's own `tojson` writes for HTML.
    environment.filters["tojson"] = lambda value: json.dumps(value, ensure_ascii=False, sort_keys=True)
    return environment.from_string(text)


def inline_references(tree: Mapping[str, Any]) -> list[tuple[int, str]]:
    """Line and text of each reference to `data` in a module's rules, but for Gatekeeper's own `data.inventory`.

    Args:
        tree: the module as `opa parse --format json` prints it.
    """
    return sorted(set(_references(tree.get("rules", []))))


def _references(node: Any) -> Iterator[tuple[int, str]]:
    if isinstance(node, list):
        for each in node:
            yield from _references(each)
    elif isinstance(node, dict):
        parts = node.get("value")
        if node.get("type") == "ref" and isinstance(parts, list) and parts[0].get("value") == "data":
            names = [str(part["value"]) for part in parts if isinstance(part.get("value"), str)]
            if names[1:2] != ["inventory"]:
                yield node.get("location", parts[0].get("location", {})).get("row", 0), ".".join(names)
        for each in node.values():
            yield from _references(each)
