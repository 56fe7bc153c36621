"""`index.json`: what lies in a compiled folder, by which keys, under which trust, for which moment."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from weighbridge import __version__
from weighbridge.bundle.live import KEYID as LIVE_KEYID
from weighbridge.bundle.release import KEYID
from weighbridge.bundle.signing import live_scope, release_scope
from weighbridge.canonical import canonical, sha256_hex
from weighbridge.catalogue.names import format_time

if TYPE_CHECKING:
    from collections.abc import Mapping

    from weighbridge.bundle.policies import Point
    from weighbridge.registry.records import Record

INDEX = "index.json"
GUARDED = {"guard": ["weighbridge/guard/decision", "weighbridge/guard/workload"]}
"""What a sidecar asks: the guard, which asks the point."""


@dataclass(frozen=True)
class IndexFacts:
    """What the index says that its files do not."""

    at_ns: int
    fixed_clock: bool
    trust: str
    """`unsigned`, or the fingerprint of the root key."""
    trust_sha256: str
    release_key: str
    """Fingerprint."""
    live_key: str | None
    revisions: Mapping[str, str]
    """By environment."""
    points: Mapping[str, Point]
    records: Mapping[str, Mapping[str, Record]] = field(repr=False, default_factory=dict)


def index_json(files: Mapping[str, bytes], facts: IndexFacts) -> bytes:
    """The index of these files, as canonical JSON with a newline behind it."""
    document = {
        "apiVersion": "weighbridge.dev/v1",
        "kind": "Index",
        "weighbridge": __version__,
        "at": format_time(facts.at_ns),
        "clock": "fixed" if facts.fixed_clock else "real",
        "trust": facts.trust,
        "trust_sha256": facts.trust_sha256,
        "keys": {KEYID: facts.release_key} | ({LIVE_KEYID: facts.live_key} if facts.live_key else {}),
        "environments": {
            name: _environment(name, revision, facts) for name, revision in sorted(facts.revisions.items())
        },
        "files": {path: f"sha256:{sha256_hex(data)}" for path, data in files.items()},
    }
    return canonical(document) + b"\n"


def _environment(name: str, revision: str, facts: IndexFacts) -> dict[str, Any]:
    records = facts.records.get(name, {}).values()
    return {
        "revision": revision,
        "scopes": {KEYID: release_scope(name)} | ({LIVE_KEYID: live_scope(name)} if facts.live_key else {}),
        "entrypoints": {**{point.name: list(point.entrypoints) for point in facts.points.values()}, **GUARDED},
        "roots": {point.name: list(point.roots) for point in facts.points.values()},
        "approved": sum(record.approved for record in records),
        "refused": sum(not record.approved for record in records),
    }
