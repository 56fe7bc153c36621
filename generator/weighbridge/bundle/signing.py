"""Signed bundles, as OPA verifies them.

Format: openpolicyagent.org/docs/management-bundles (bundle file format, signing). Every file is named and hashed in
one JWT that `.signatures.json` holds; OPA hashes `data.json` and `.manifest` in its own canonical form, so those two
are written by `canonical.opa_canonical` (here: `manifest` and `data_file`) and nothing else. The JWT is signed by
`keys.jws`: ECDSA and PKCS#1 v1.5 are deterministic; PSS (PS256), and ECDSA by a key in an HSM or KMS, are random.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weighbridge.bundle.archive import check_name
from weighbridge.canonical import opa_canonical, sha256_hex
from weighbridge.keys import jws

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from weighbridge.keys import BundleAlgorithm, PrivateKey

MANIFEST = ".manifest"
DATA = "data.json"
SIGNATURES = ".signatures.json"


def release_scope(environment: str) -> str:
    """The scope that release bundles of an environment are signed for; OPA compares it with its configuration."""
    return f"{environment}-release"


def live_scope(environment: str) -> str:
    """The scope that live bundles of an environment are signed for."""
    return f"{environment}-live"


def manifest(revision: str, roots: Sequence[str], metadata: Mapping[str, Any] | None = None) -> bytes:
    """A bundle's `.manifest`: what it owns, which revision it is, that its Rego is v1.

    Args:
        revision: what status messages and decision logs call the bundle.
        roots: the data that the bundle owns, never all of it.
        metadata: anything more, readable in policy below `data.system.bundles.<name>.manifest.metadata`.

    Raises:
        ValueError: no roots, one that is everything (`""`), or two of which one holds the other.
    """
    parts = [tuple(root.split("/")) for root in roots]
    nested = any(a != b and a == b[: len(a)] for a in parts for b in parts)
    if not roots or nested or len(set(parts)) != len(parts) or not all(all(part) for part in parts):
        raise ValueError(f"{list(roots)!r} are no roots that a bundle may own")
    document: dict[str, Any] = {"revision": revision, "roots": sorted(roots), "rego_version": 1}
    return opa_canonical({**document, "metadata": dict(metadata)} if metadata else document)


def data_file(document: Mapping[str, Any]) -> bytes:
    """A bundle's `data.json`, in the one form whose hash is the one that OPA computes.

    Raises:
        ValueError: NaN, an infinity, or a lone surrogate, none of which is JSON.
    """
    return opa_canonical(document)


def sign_bundle(
    files: Mapping[str, bytes], key: PrivateKey, *, algorithm: BundleAlgorithm, keyid: str, scope: str
) -> dict[str, bytes]:
    """The files together with the `.signatures.json` that covers each of them.

    Args:
        files: content by name; `data.json` and `.manifest` as `data_file` and `manifest` wrote them.
        key: the release or the live key.
        algorithm: what `keys.bundle_algorithm` says for the key.
        keyid: the name that points know the key by.
        scope: `release_scope` or `live_scope` of the environment.

    Raises:
        ValueError: a name that no bundle can hold, or files that are signed already.
    """
    if SIGNATURES in files:
        raise ValueError("these files are signed already")
    for name in files:
        check_name(name)
    entries = [
        {"name": name, "hash": sha256_hex(files[name]), "algorithm": "SHA-256"}
        for name in sorted(files, key=str.encode)
    ]
    token = jws(key, algorithm, {"kid": keyid}, opa_canonical({"files": entries, "scope": scope}))
    return {**files, SIGNATURES: opa_canonical({"signatures": [token]})}
