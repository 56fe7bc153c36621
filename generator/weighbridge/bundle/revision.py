"""The revision of a release: one name for everything that all points of an environment are given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weighbridge.bundle.signing import MANIFEST, SIGNATURES
from weighbridge.canonical import canonical, digest, sha256_hex

if TYPE_CHECKING:
    from collections.abc import Mapping


def release_revision(files: Mapping[str, bytes]) -> str:
    """`sha256:<hex>` over the RFC 8785 list of `[path, sha256]`, sorted by path (CONTRACTS: What `compile` writes).

    Left out are manifests, which carry the revision, signatures, which are random under PS256, and what lies below
    `gatekeeper/`, whose approvals are signed over the revision.

    Args:
        files: content of every point's files by `<point>/<path inside the bundle or folder>`.

    Raises:
        ValueError: nothing is left to name.
    """
    kept = [path for path in files if _counts(path)]
    if not kept:
        raise ValueError("a release without files has no revision")
    return digest(canonical([[path, sha256_hex(files[path])] for path in sorted(kept, key=str.encode)]))


def _counts(path: str) -> bool:
    parts = path.split("/")
    return parts[0] != "gatekeeper" and parts[-1] not in {MANIFEST, SIGNATURES}
