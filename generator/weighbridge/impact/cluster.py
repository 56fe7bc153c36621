"""What runs, asked of a cluster's API by a kubeconfig. Only lists are read; no Secret and no ConfigMap ever is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weighbridge.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LEFT_OUT = frozenset(
    {"Secret", "ConfigMap", "Event", "Lease", "ComponentStatus", "ControllerRevision", "Node", "CSINode", "APIService",
     "CustomResourceDefinition", "ModelApproval", "LiveState", "ValidatingAdmissionPolicy", "FlowSchema",
     "PriorityLevelConfiguration", "PodMetrics", "NodeMetrics"}
)  # fmt: skip
"""Kinds that make no pods and expose none; Secrets are nobody's business here."""
_PAGE = 500
"""Objects in one answer."""


def read_cluster(
    kubeconfig: Path | None, context: str | None, *, progress: Callable[[str, int, int], None] = lambda *_: None
) -> tuple[list[tuple[str, Any]], list[str]]:
    """Every object that may serve a model or expose one, each with where it was read; and the kinds that were refused.

    Args:
        kubeconfig: None for `KUBECONFIG` or the usual place.
        context: None for the current one.
        progress: called with what is read, how many kinds are done, and of how many.

    Raises:
        InputError: the file cannot be used, the cluster cannot be asked, or it refuses to list any kind.
    """
    from kubernetes import config, dynamic  # noqa: PLC0415 -- an extra; it takes half a second
    from kubernetes.client import exceptions  # noqa: PLC0415 -- the same
    from kubernetes.config.config_exception import ConfigException  # noqa: PLC0415 -- the same
    from urllib3.exceptions import HTTPError  # noqa: PLC0415 -- the same

    where = str(kubeconfig or "kubeconfig")
    try:
        file = str(kubeconfig) if kubeconfig else None
        api = config.new_client_from_config(file, context)  # type: ignore[no-untyped-call]  # it has no types
        client = dynamic.DynamicClient(api)  # type: ignore[no-untyped-call]  # nor has this
        kinds = _kinds(client)
        found, refused = [], []
        for number, resource in enumerate(kinds):
            progress(resource.kind, number, len(kinds))
            try:
                found += [(where, each) for each in _listed(resource)]
            except dynamic.exceptions.ForbiddenError:
                refused.append(resource.kind)
    except ConfigException as error:
        raise InputError.single(where, f"cannot be used: {error}", "Name a kubeconfig, and a context in it.") from error
    except (exceptions.ApiException, HTTPError, OSError) as error:
        reason = getattr(error, "reason", None) or error
        fix = "See whether `kubectl get` works with it."
        raise InputError.single(where, f"the cluster cannot be asked: {reason}", fix) from error
    if len(refused) == len(kinds):
        raise InputError.single(where, "may list nothing in the cluster", "Grant it `list` on what makes pods.")
    return found, sorted(set(refused))


def _kinds(client: Any) -> list[Any]:
    """One resource a kind, in the version that the API prefers."""
    return [
        resource
        for resource in client.resources.search(preferred=True)
        if "list" in (resource.verbs or ()) and resource.kind not in LEFT_OUT and not resource.kind.endswith("List")
    ]


def _listed(resource: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    following = None
    while True:
        answer = resource.get(limit=_PAGE, _continue=following).to_dict()
        # A list's items come without their own kind.
        head = {"apiVersion": resource.group_version, "kind": resource.kind}
        found += [{**head, **item} for item in answer.get("items") or ()]
        following = answer.get("metadata", {}).get("continue")
        if not following:
            return found
