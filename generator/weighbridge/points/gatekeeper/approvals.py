"""Approvals and live state as resources: each holds a compact JWS, and nothing else in it is believed.

The claims of an approval are the record that the other points have in their registry, with the environment and the
revision, and with those compiled-in orders that are about it: looked up by one name, at a cost that does not grow with
the catalogue. A refused version has one, too, so that a cluster can say what it lacks.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from weighbridge.canonical import opa_canonical
from weighbridge.errors import InputError
from weighbridge.keys import bundle_algorithm, jws
from weighbridge.points.gatekeeper.names import APPROVAL, GROUP_VERSION, LIVE_STATE, approval_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from weighbridge.keys import PrivateKey

KEYID = "release"
MAX_TOKEN_BYTES = 1_000_000
"""Longest token: etcd takes 1.5 MiB a resource, and the server adds to it."""
CHUNK_BYTES = 512 * 1024
"""After so many bytes a file of approvals ends and the next begins."""


def approval_claims(registry: Mapping[str, Any], name: str, revision: str) -> dict[str, Any]:
    """What an approval says of one version.

    Args:
        registry: the registry document of the point `workload`.
        name: `<model>@<version>`.
        revision: the release's.
    """
    record, orders = registry["records"][name], registry["orders"]
    return {
        **record,
        "environment": registry["environment"],
        "revision": revision,
        "orders": {
            kind: {target: orders[kind][target]} if target in orders[kind] else {}
            for kind, target in (("revoked", record["digest"]), ("frozen", name))
        },
    }


def approval(claims: Mapping[str, Any], key: PrivateKey, *, pss: bool = False) -> dict[str, Any]:
    """The ModelApproval with these claims.

    Raises:
        InputError: it would be too large for a cluster, or the key is in a device that refused.
    """
    name = approval_name(claims["environment"], claims["model"], claims["version"])
    algorithm = bundle_algorithm(key, "the release key", pss=pss)
    token = jws(key, algorithm, {"kid": KEYID}, opa_canonical(claims))
    summary = {part: claims[part] for part in ("environment", "model", "version", "approved", "digest")}
    return _resource(APPROVAL, name, claims["environment"], {**summary, "token": token})


def live_state(environment: str, token: str) -> dict[str, Any]:
    """The LiveState of an environment, with what `bundle.live.livestate_jws` signed.

    Raises:
        InputError: it would be too large for a cluster.
    """
    return _resource(LIVE_STATE, environment, environment, {"environment": environment, "token": token})


def _resource(kind: str, name: str, environment: str, spec: dict[str, Any]) -> dict[str, Any]:
    if len(spec["token"]) > MAX_TOKEN_BYTES:
        raise InputError.single(
            f"{kind} {name}",
            f"takes {len(spec['token'])} bytes, and a cluster at most {MAX_TOKEN_BYTES}",
            "Name fewer images or sources, or let orders that have ended go.",
        )
    labels = {"weighbridge.dev/environment": environment}
    metadata = {"name": name, "labels": labels}
    return {"apiVersion": GROUP_VERSION, "kind": kind, "metadata": metadata, "spec": spec}


def approval_files(
    registry: Mapping[str, Any], revision: str, key: PrivateKey, *, pss: bool = False
) -> Iterator[tuple[str, bytes]]:
    """All approvals of an environment, in files of bounded size: one JSON object a document, in the order of names."""
    chunk: list[str] = []
    size = number = 0
    for name in sorted(registry["records"]):
        resource = approval(approval_claims(registry, name, revision), key, pss=pss)
        text = json.dumps(resource, sort_keys=True, separators=(",", ":"))
        if chunk and size + len(text) > CHUNK_BYTES:
            yield _file(number, chunk)
            chunk, size, number = [], 0, number + 1
        chunk.append(text)
        size += len(text)
    if chunk:
        yield _file(number, chunk)


def _file(number: int, documents: list[str]) -> tuple[str, bytes]:
    return f"approvals/{number:04}.yaml", "".join(f"---\n{text}\n" for text in documents).encode()
