"""Live data for a fixture: what the catalogue starts with, changed as the fixture says in short."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weighbridge.bundle.archive import bundle_archive
from weighbridge.bundle.live import KEYID, ROOTS
from weighbridge.bundle.signing import DATA, MANIFEST, data_file, live_scope, manifest, sign_bundle
from weighbridge.errors import InputError
from weighbridge.keys import bundle_algorithm

if TYPE_CHECKING:
    from collections.abc import Mapping

    from weighbridge.harness.fixtures import Fixture, LiveFixture
    from weighbridge.keys import PrivateKey

_ORDER_ID = "00000000-0000-4000-8000-000000000000"
_AN_HOUR_NS = 3600 * 10**9


def live_for(base: Mapping[str, Any], fixture: Fixture, digests: Mapping[str, str]) -> dict[str, Any]:
    """`data.weighbridge.live` for one fixture.

    Args:
        base: the document that the catalogue starts with.
        fixture: its `live` may be absent.
        digests: artifact digest by `model@version`.

    Raises:
        InputError: a revoked version that the catalogue does not have.
    """
    short = fixture.document.live
    if short is None:
        return dict(base)
    order = {"id": _ORDER_ID, "reason": "a fixture's", "issued_at": base["issued_at"]}
    revoked = [_digest(fixture, target, digests) for target in short.revoked]
    changed = {
        "revoked": dict.fromkeys(revoked, order),
        "frozen": dict.fromkeys(short.frozen, order),
        "suspended": dict.fromkeys(short.suspended, order),
        "keys": dict.fromkeys(short.keys, order),
        "exhausted": dict.fromkeys(short.exhausted, order),
        "active": _active(base["active"], short),
    }
    return {**base, **changed, **_frame(base, short)}


def _digest(fixture: Fixture, target: str, digests: Mapping[str, str]) -> str:
    if "@" not in target:
        return target
    if target not in digests:
        known = ", ".join(sorted(digests)[:10])
        raise InputError.single(
            fixture.file, f"revokes {target}, which the catalogue lacks", f"It has: {known}.", field="live.revoked"
        )
    return digests[target]


def _active(base: Mapping[str, str], short: LiveFixture) -> dict[str, str]:
    changed = {**base, **short.active}
    return {alias: version for alias, version in changed.items() if version is not None}


def _frame(base: Mapping[str, Any], short: LiveFixture) -> dict[str, Any]:
    frame: dict[str, Any] = {}
    if short.environment is not None:
        frame["environment"] = short.environment
    if short.not_after is not None:
        frame["not_after"] = short.not_after
        frame["issued_at"] = min(base["issued_at"], short.not_after - _AN_HOUR_NS)
    if short.releases is not None:
        current = base["releases"][0]["revision"]
        frame["releases"] = [{"revision": current if name == "current" else name} for name in short.releases]
    return frame


def signed_live(
    document: Mapping[str, Any], environment: str, key: PrivateKey, short: LiveFixture | None = None
) -> tuple[str, bytes]:
    """The live bundle and its revision, signed for `environment` whatever the document says.

    Args:
        document: `data.weighbridge.live`.
        environment: whose sidecars shall believe the signature.
        key: the live key.
        short: may ask for other roots, or for a bundle with nothing in it.
    """
    revision = f"{environment}-live-{document['sequence']}"
    roots = short.roots if short and short.roots else ROOTS
    data = {} if short and short.empty else {"weighbridge": {"live": dict(document)}}
    files = {MANIFEST: manifest(revision, roots), DATA: data_file(data)}
    algorithm = bundle_algorithm(key, "the live key")
    signed = sign_bundle(files, key, algorithm=algorithm, keyid=KEYID, scope=live_scope(environment))
    return revision, bundle_archive(signed)
