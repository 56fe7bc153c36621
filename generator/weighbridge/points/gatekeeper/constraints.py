"""Constraints of one environment: for the namespaces that it binds, and for those that nothing binds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weighbridge import keys
from weighbridge.points.gatekeeper.names import CONSTRAINT, EFFECTS, ENVIRONMENT_LABEL

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from weighbridge.keys import BundleAlgorithm, PublicKey

_OF_THE_REGISTRY = frozenset({"point", "records", "orders"})
"""What of a registry is no setting: approvals bring it, each its own part."""


def verification(key: PublicKey, algorithm: BundleAlgorithm) -> dict[str, str]:
    """How the rule verifies what a key signed: by one algorithm, whatever a token says."""
    return {"algorithm": algorithm, "pem": keys.public_pem(key)}


def constraints(registry: Mapping[str, Any], revision: str, known_keys: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The constraints for namespaces with this environment's label.

    Args:
        registry: the registry document of the point `workload`.
        revision: the release's.
        known_keys: `release` and `live`, each as `verification` gives it; while one is replaced also lists of those,
            `further_release` and `further_live`.
    """
    environment = registry["environment"]
    selector = {"key": ENVIRONMENT_LABEL, "operator": "In", "values": [environment]}
    return [
        _constraint(registry, revision, known_keys, action, {"selector": selector, "bound": True})
        for action in _actions(registry)
    ]


def unbound_constraints(
    registry: Mapping[str, Any],
    revision: str,
    known_keys: Mapping[str, Any],
    environments: Iterable[str],
) -> list[dict[str, Any]]:
    """The constraints for all other namespaces, and for what lies in none: there only what seems to serve is judged.

    Args:
        registry: as above.
        revision: as above.
        known_keys: as above.
        environments: all environments of the catalogue: their namespaces are left to their own constraints.
    """
    selector = {"key": ENVIRONMENT_LABEL, "operator": "NotIn", "values": sorted(environments)}
    return [
        _constraint(registry, revision, known_keys, action, {"selector": selector, "bound": False})
        for action in _actions(registry)
    ]


def strictest(promotes_from: Mapping[str, str | None]) -> list[str]:
    """The environments that no other promotes from, sorted.

    Args:
        promotes_from: by environment, the one before it.
    """
    return sorted(set(promotes_from) - set(promotes_from.values()))


def _actions(registry: Mapping[str, Any]) -> list[str]:
    # Each constraint is evaluated for itself, so one that could show nothing is not written.
    softened = {"deny": True, "warn": bool(registry["modes"]), "dryrun": bool(registry["modes"] or registry["waivers"])}
    return [action for action in EFFECTS if softened[action]]


def _constraint(
    registry: Mapping[str, Any],
    revision: str,
    known_keys: Mapping[str, Any],
    action: str,
    where: Mapping[str, Any],
) -> dict[str, Any]:
    # Whatever an environment is called, no two of these names are the same.
    name = f"{action}-{'bound' if where['bound'] else 'unbound'}-{registry['environment']}"
    settings = {key: value for key, value in registry.items() if key not in _OF_THE_REGISTRY}
    return {
        "apiVersion": "constraints.gatekeeper.sh/v1beta1",
        "kind": CONSTRAINT,
        "metadata": {"name": name},
        "spec": {
            "enforcementAction": action,
            "match": {
                "kinds": [{"apiGroups": ["*"], "kinds": ["*"]}],
                # What lies in no namespace matches every selector; the unbound constraints judge it.
                "scope": "Namespaced" if where["bound"] else "*",
                "namespaceSelector": {"matchExpressions": [where["selector"]]},
            },
            "parameters": {
                **settings,
                "bound": where["bound"],
                "revision": revision,
                "keys": dict(known_keys),
                "effects": list(EFFECTS[action]),
            },
        },
    }
