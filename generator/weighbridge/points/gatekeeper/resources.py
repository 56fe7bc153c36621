"""Reading what `compile` wrote for Gatekeeper, in the order in which a cluster can take it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from weighbridge.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FOLDER = "gatekeeper"
CLUSTER_FILES = ("crds.yaml", "template.yaml", "syncset.yaml", "policies.yaml")
"""Once a cluster: below `DIR/gatekeeper/`."""
ENVIRONMENT_FILES = ("livestate.yaml", "approvals", "constraints.yaml")
"""Once an environment: below `DIR/<environment>/gatekeeper/`; `unbound.yaml` where it is the strictest."""


def resources(folder: Path, environment: str, *, unbound: bool = True) -> list[dict[str, Any]]:
    """Every resource of an environment, in the order in which to apply them.

    First what is there once a cluster (CRDs, ConstraintTemplate, SyncSet, ValidatingAdmissionPolicies), then live state
    and approvals, and last the constraints, so that nothing is judged before there is something to judge by. A cluster
    needs about two seconds between the ConstraintTemplate and the first constraint. `webhook.yaml` is no resource of
    its own but a patch of Gatekeeper's, see `webhook_patch`.

    Args:
        folder: what `compile --output` wrote, with `--live-key`.
        environment: one of its environments.
        unbound: with the constraints for namespaces that no environment binds, if this one has them applied.

    Raises:
        InputError: there is nothing for Gatekeeper.
    """
    own = folder / environment / FOLDER
    applied = yaml.safe_load(_read(own / "kustomization.yaml"))["resources"]
    files = [folder / FOLDER / name for name in CLUSTER_FILES]
    files += [own / name for name in ENVIRONMENT_FILES]
    if unbound and "unbound.yaml" in applied:
        files.append(own / "unbound.yaml")
    return [document for file in files for document in _documents(file)]


def webhook_patch(folder: Path) -> dict[str, Any]:
    """The ValidatingWebhookConfiguration's fields that Weighbridge needs to be other than Gatekeeper's defaults."""
    patch: dict[str, Any] = yaml.safe_load(_read(folder / FOLDER / "webhook.yaml"))
    return patch


def _documents(path: Path) -> Iterator[dict[str, Any]]:
    for file in sorted(path.iterdir()) if path.is_dir() else [path]:
        yield from yaml.load_all(_read(file), yaml.CSafeLoader)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        fix = "Compile with --live-key, and name one of the environments in the folder."
        raise InputError.single(str(file), f"cannot be read: {error.strerror}", fix) from error
