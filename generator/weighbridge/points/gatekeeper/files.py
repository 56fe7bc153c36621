"""The files for Gatekeeper: once a cluster, and once an environment. All of it is a function of what was compiled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from weighbridge.points.gatekeeper.approvals import approval_files, live_state
from weighbridge.points.gatekeeper.constraints import constraints, strictest, unbound_constraints
from weighbridge.points.gatekeeper.definitions import definitions, sync_set
from weighbridge.points.gatekeeper.policies import admission_policies
from weighbridge.points.gatekeeper.resources import CLUSTER_FILES, FOLDER
from weighbridge.points.gatekeeper.template import constraint_template, synced_kinds
from weighbridge.points.gatekeeper.webhook import helm_values, webhook_patch

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from weighbridge.catalogue.configuration import Configuration
    from weighbridge.keys import PrivateKey

_WIDTH = 120


def cluster_files(configuration: Configuration, modules: Mapping[str, bytes]) -> dict[str, bytes]:
    """What a cluster needs once, by path below the output folder.

    Args:
        configuration: the catalogue's.
        modules: the Rego of the point `gatekeeper`.
    """
    meshes = [environment.workloads.mutual_tls for environment in configuration.environments.values()]
    synced = synced_kinds(istio=any(mesh is not None and mesh.by.startswith("istio") for mesh in meshes))
    policies = admission_policies(
        configuration.labels.model_dump(),
        configuration.support_images,
        configuration.exempt_namespaces,
        list(configuration.environments),
    )
    files = {
        "crds.yaml": _documents(definitions()),
        "template.yaml": constraint_template(modules, synced),
        "syncset.yaml": _documents([sync_set(synced)]),
        "policies.yaml": _documents(policies),
        "kustomization.yaml": _kustomization(CLUSTER_FILES),
        # Neither is a resource to apply as it is: one patches Gatekeeper's, the other is for its chart.
        "webhook.yaml": _documents([webhook_patch(configuration.exempt_namespaces)]),
        "helm-values.yaml": _documents([helm_values(configuration.exempt_namespaces)]),
    }
    return {f"{FOLDER}/{path}": data for path, data in files.items()}


def environment_files(
    configuration: Configuration,
    registry: Mapping[str, Any],
    revision: str,
    *,
    release_key: PrivateKey,
    known_keys: Mapping[str, Any],
    livestate: str,
    pss: bool = False,
) -> dict[str, bytes]:
    """What one environment adds, by path below the output folder.

    Args:
        configuration: the catalogue's.
        registry: the registry document of the point `workload`.
        revision: the release's.
        release_key: signs the approvals.
        known_keys: by `release` and `live`, what `constraints.verification` says of the public halves.
        livestate: the signed state, as `bundle.live.livestate_jws` gives it.
        pss: sign with PS256 instead of RS256.

    Raises:
        InputError: a resource too large for a cluster, or a device that refused to sign.
    """
    environment = registry["environment"]
    approvals = dict(approval_files(registry, revision, release_key, pss=pss))
    names = list(configuration.environments)
    applied = ["livestate.yaml", *approvals, "constraints.yaml"]
    before = {name: document.promotes_from for name, document in configuration.environments.items()}
    if environment in strictest(before):
        applied.append("unbound.yaml")
    files = {
        "livestate.yaml": _documents([live_state(environment, livestate)]),
        **approvals,
        "constraints.yaml": _documents(constraints(registry, revision, known_keys)),
        "unbound.yaml": _documents(unbound_constraints(registry, revision, known_keys, names)),
        "kustomization.yaml": _kustomization(applied),
    }
    return {f"{environment}/{FOLDER}/{path}": data for path, data in files.items()}


def _kustomization(files: Iterable[str]) -> bytes:
    document = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": list(files)}
    return _documents([document])


def _documents(documents: Iterable[Mapping[str, Any]]) -> bytes:
    text = yaml.dump_all(documents, Dumper=_Dumper, sort_keys=False, width=_WIDTH, explicit_start=True)
    return str(text).encode()


class _Dumper(yaml.SafeDumper):
    """Writes every value out: a reader who knows no aliases reads it, too."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 -- as the base class has it
        return True
