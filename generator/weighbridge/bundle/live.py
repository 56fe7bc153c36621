"""The live bundle: the small, fast one that restricts what a release allows (CONTRACTS: Live data).

Compiling writes the first one, from the catalogue alone; from then on the control plane re-issues it. The same state
for clusters is `livestate.jws`, a signed token that the rule inside Gatekeeper verifies by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from weighbridge.bundle.archive import bundle_archive
from weighbridge.bundle.signing import DATA, MANIFEST, data_file, live_scope, manifest, sign_bundle
from weighbridge.canonical import opa_canonical
from weighbridge.keys import bundle_algorithm, jws

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from weighbridge.catalogue.configuration import Environment
    from weighbridge.keys import PrivateKey

ROOTS = ("weighbridge/live",)
KEYID = "live"

Order = dict[str, Any]
"""`{"id", "reason", "reference"?, "issued_at": ns, "expires"?: ns}`."""


@dataclass(frozen=True)
class Announced:
    """A release that points may serve."""

    revision: str
    until_ns: int | None = None
    """Set for the release before the current one: when it ceases to count, in nanoseconds."""


@dataclass(frozen=True)
class Restrictions:
    """What the orders of the control plane restrict; empty where compiling writes the first live bundle."""

    revoked: Mapping[str, Order] = field(default_factory=dict)
    """By artifact digest."""
    frozen: Mapping[str, Order] = field(default_factory=dict)
    """By `model@version`."""
    suspended: Mapping[str, Order] = field(default_factory=dict)
    """By tenant."""
    keys: Mapping[str, Order] = field(default_factory=dict)
    """By key id."""
    exhausted: Mapping[str, Any] = field(default_factory=dict)
    """By tenant: over quota."""


@dataclass(frozen=True)
class LiveState:
    """Everything that a live bundle says at one moment."""

    environment: str
    sequence: int
    """Rises with every issue."""
    issued_at_ns: int
    not_after_ns: int
    """When sidecars stop believing it."""
    clusters_not_after_ns: int
    """The same for clusters."""
    releases: Sequence[Announced]
    active: Mapping[str, str]
    """Alias to `model@version`."""
    restrictions: Restrictions = field(default_factory=Restrictions)


def first_live(name: str, environment: Environment, *, revision: str, at_ns: int) -> LiveState:
    """The live state that an environment begins with: this release announced, the catalogue's routes, no restriction.

    Args:
        name: the environment's name.
        environment: its part of `weighbridge.yaml`.
        revision: the release that is written beside it.
        at_ns: `--at`, in nanoseconds.
    """
    active = {alias: route.active for alias, route in sorted(environment.routes.items()) if route.active is not None}
    return LiveState(
        environment=name,
        sequence=1,
        issued_at_ns=at_ns,
        not_after_ns=at_ns + environment.live.not_after,
        clusters_not_after_ns=at_ns + environment.live.clusters_not_after,
        releases=(Announced(revision),),
        active=active,
    )


def live_document(state: LiveState) -> dict[str, Any]:
    """`data.weighbridge.live`, times in integer nanoseconds.

    Raises:
        ValueError: a state that no point could use: nothing announced, an empty revision, or over before it begins.
    """
    if not state.releases or not all(release.revision for release in state.releases):
        raise ValueError("live data must announce a release")
    if min(state.not_after_ns, state.clusters_not_after_ns) <= state.issued_at_ns:
        raise ValueError("live data must count for some time")
    return {
        "environment": state.environment,
        "sequence": state.sequence,
        "issued_at": state.issued_at_ns,
        "not_after": state.not_after_ns,
        "releases": _releases(state),
        "revoked": dict(state.restrictions.revoked),
        "frozen": dict(state.restrictions.frozen),
        "suspended": dict(state.restrictions.suspended),
        "keys": dict(state.restrictions.keys),
        "active": dict(state.active),
        "exhausted": dict(state.restrictions.exhausted),
    }


def _releases(state: LiveState) -> list[dict[str, Any]]:
    return [
        {"revision": release.revision}
        if release.until_ns is None
        else {"revision": release.revision, "until": release.until_ns}
        for release in state.releases
    ]


def live_bundle(
    document: Mapping[str, Any], key: PrivateKey, *, pss: bool = False, metadata: Mapping[str, Any] | None = None
) -> bytes:
    """The signed live bundle, a tar.gz, of a document that `live_document` made.

    Args:
        document: what it says.
        key: the live key.
        pss: sign with PS256 instead of RS256.
        metadata: for its manifest: from which log it was made.

    Raises:
        InputError: a key of a kind that OPA does not verify.
    """
    environment = document["environment"]
    files = {
        MANIFEST: manifest(live_revision(document), ROOTS, metadata),
        DATA: data_file({"weighbridge": {"live": document}}),
    }
    algorithm = bundle_algorithm(key, "the live key", pss=pss)
    return bundle_archive(sign_bundle(files, key, algorithm=algorithm, keyid=KEYID, scope=live_scope(environment)))


def live_revision(document: Mapping[str, Any]) -> str:
    """What statuses and decision logs call the live bundle of a document."""
    return f"{document['environment']}-live-{document['sequence']}-{document['issued_at'] // 10**9}"


def livestate_jws(state: LiveState, key: PrivateKey, *, pss: bool = False) -> str:
    """The same state for clusters: a compact JWS by the live key (CONTRACTS: Clusters).

    Raises:
        InputError: a key of a kind that a cluster's rule does not verify.
    """
    return livestate_token({**live_document(state), "not_after": state.clusters_not_after_ns}, key, pss=pss)


def livestate_token(document: Mapping[str, Any], key: PrivateKey, *, pss: bool = False) -> str:
    """The compact JWS of a document like `live_document`'s, whose `not_after` is the one for clusters."""
    claims = ("environment", "sequence", "not_after", "releases", "revoked", "frozen")
    # RFC 8785 has no integers beyond 2**53, and a time in nanoseconds is one: OPA's form keeps them.
    payload = opa_canonical({name: document[name] for name in claims})
    return jws(key, bundle_algorithm(key, "the live key", pss=pss), {"kid": KEYID}, payload)
