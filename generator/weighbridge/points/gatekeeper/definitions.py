"""The CustomResourceDefinitions of ModelApproval and LiveState, and the SyncSet that puts them into the inventory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weighbridge.catalogue.names import DIGEST_PATTERN, NAME_PATTERN
from weighbridge.points.gatekeeper.approvals import MAX_TOKEN_BYTES
from weighbridge.points.gatekeeper.names import APPROVAL, GROUP_VERSION, LIVE_STATE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weighbridge.points.gatekeeper.template import Kinds

_JWS = r"^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$"
_TOKEN = {
    "type": "string",
    "pattern": _JWS,
    "maxLength": MAX_TOKEN_BYTES,
    "description": "A compact JWS (RFC 7515). Only what it says counts, and only if the right key signed it.",
}
_NAME = {"type": "string", "pattern": NAME_PATTERN, "description": "For people; what counts is in the token."}


def definitions() -> list[dict[str, Any]]:
    """Both CustomResourceDefinitions."""
    approval = {
        **dict.fromkeys(("environment", "model", "version"), _NAME),
        "approved": {"type": "boolean", "description": "For people; what counts is in the token."},
        "digest": {"type": "string", "pattern": DIGEST_PATTERN, "description": "Of the artifact; for people."},
        "token": _TOKEN,
    }
    columns = {name.capitalize(): ("string", f".spec.{name}") for name in ("environment", "model", "version")}
    return [
        _definition(
            APPROVAL,
            "modelapprovals",
            "What the release key says of one model version in one environment.",
            approval,
            {**columns, "Approved": ("boolean", ".spec.approved")},
        ),
        _definition(
            LIVE_STATE,
            "livestates",
            "What the live key says of one environment now: releases that count, revocations, freezes.",
            {"environment": _NAME, "token": _TOKEN},
            {"Environment": ("string", ".spec.environment")},
        ),
    ]


def _definition(
    kind: str, plural: str, description: str, spec: dict[str, Any], columns: dict[str, tuple[str, str]]
) -> dict[str, Any]:
    group, version = GROUP_VERSION.split("/")
    printed = [{"name": name, "type": type_, "jsonPath": path} for name, (type_, path) in columns.items()]
    printed.append({"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"})
    schema = {
        "type": "object",
        "description": description,
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": {"type": "object", "required": sorted(spec), "properties": spec},
        },
    }
    served = {
        "name": version,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "additionalPrinterColumns": printed,
    }
    names = {"kind": kind, "listKind": f"{kind}List", "plural": plural, "singular": kind.lower()}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {"group": group, "scope": "Cluster", "names": names, "versions": [served]},
    }


def sync_set(synced: Sequence[Kinds]) -> dict[str, Any]:
    """The SyncSet that puts into Gatekeeper's inventory what the rules read there."""
    return {
        "apiVersion": "syncset.gatekeeper.sh/v1alpha1",
        "kind": "SyncSet",
        "metadata": {"name": "weighbridge"},
        "spec": {"gvks": [{"group": g, "version": v, "kind": k} for same in synced for g, v, k in same]},
    }
