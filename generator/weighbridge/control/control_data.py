"""What the control plane knows of one release: `control.tar.gz`, verified and read (architecture: Control data).

It says who may order what, which versions there are and what leads to them, and where aliases may point. The control
plane believes nothing else about a catalogue. It is signed as a release is, so that neither the control plane's
database nor whoever serves files can add an operator or hide a version.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, get_args

from weighbridge.bundle.control import ROOTS
from weighbridge.bundle.release import KEYID
from weighbridge.bundle.signing import DATA, release_scope
from weighbridge.bundle.verify import verify_bundle
from weighbridge.canonical import digest
from weighbridge.catalogue.workloads import OnRevoked
from weighbridge.errors import InputError
from weighbridge.keys import fingerprint, load_public_key
from weighbridge.registry.orders import Restrictions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from weighbridge.bundle.verify import VerifiedBundle
    from weighbridge.keys import PublicKey

FILE = "control.tar.gz"
MAX_BYTES = 512 * 1024**2
"""Largest control data that is read, unpacked: some 100,000 versions take a tenth of it."""
_COMPILE = "Compile again, and give the file that `compile` wrote."
_REVISION = re.compile(r"sha256:[0-9a-f]{64}")
_RESTRICTIONS = frozenset(part.name for part in fields(Restrictions))


@dataclass(frozen=True, slots=True)
class Authority:
    """Who may order one kind."""

    keys: Mapping[str, PublicKey]
    """By signer, each another key."""
    threshold: int


@dataclass(frozen=True, slots=True)
class Route:
    """An alias."""

    models: tuple[str, ...]
    """Whose versions it may point to."""
    active: str | None
    """Where the catalogue lets it point, `<model>@<version>`."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version, approved or not."""

    digest: str
    """The artifact digest."""
    approved: bool
    served: bool
    """Whether the environment has an upstream for it."""
    since: int | None
    """When it came into the environment, in nanoseconds; None if it never did."""
    not_after: int
    """When its approval ends, in nanoseconds; 0 for what is refused."""
    images: tuple[str, ...]
    """Digests of its serving images."""
    signers: tuple[str, ...]
    """Everybody whom its approval rests on: evidence, approvals, promotions, waivers, here and in the environments that
    it was promoted from; empty for what is refused."""
    lineage: tuple[str, ...]
    """Names, addresses and digests of what it was made from, through all ancestors in the catalogue, and digests of the
    datasets that its approval rests on."""


@dataclass(frozen=True, slots=True)
class LiveTerms:
    """How long live data counts, in nanoseconds."""

    not_after: int
    clusters_not_after: int


@dataclass(frozen=True)
class ControlData:
    """One environment's release, as far as orders and live data rest on it."""

    environment: str
    revision: str
    """Of the release."""
    sha256: str
    """`sha256:<hex>` of the bundle's `data.json`: the same by whichever release key it is signed."""
    key_fingerprint: str
    """Of the release key that signed it."""
    authority: Mapping[str, Authority]
    """By kind of order; a kind that is not here may be ordered by nobody."""
    routes: Mapping[str, Route]
    """By alias."""
    versions: Mapping[str, Version] = field(repr=False)
    """By `<model>@<version>`."""
    tenants: frozenset[str]
    tenant_keys: frozenset[str]
    """Ids of tenants' keys."""
    orders: Restrictions
    """What the catalogue's own orders restrict; only a release lifts them."""
    live: LiveTerms
    on_revoked: OnRevoked
    """What agents do about running workloads of what is revoked."""
    labels: tuple[str, str]
    """The names of the labels that say a workload's model and version."""
    support_images: frozenset[str]
    """Digests of images that serve no model."""
    exempt_namespaces: frozenset[str]
    """Where nothing is judged."""


def read_control(data: bytes, keys: Sequence[PublicKey], *, environment: str | None = None) -> ControlData:
    """Verify a control bundle and read it.

    Args:
        data: the tar.gz.
        keys: the release keys that count.
        environment: the one that it must be of; None takes any that its own signature is for.

    Raises:
        InputError: not signed by one of these keys, for another environment, changed, or not what `compile` writes.
    """
    bundle = verify_bundle(data, keys, keyid=KEYID, scope=None, roots=ROOTS, file=FILE, limit=MAX_BYTES)
    try:
        document = _object(_object(bundle.data()["weighbridge"])["control"])
        _check_environment(_text(document["environment"]), bundle.scope, environment)
        return control_in(document, bundle)
    except (KeyError, TypeError, ValueError) as error:
        detail = f"lacks {error}" if isinstance(error, KeyError) else str(error)
        raise InputError.single(FILE, f"is not what `compile` writes: {detail}", _COMPILE) from error


def _check_environment(named: str, scope: str, wanted: str | None) -> None:
    if scope != release_scope(named) or wanted not in {None, named}:
        raise ValueError(f"it is of {named!a:.100}, and signed for {scope!a:.100}")


def control_in(document: Mapping[str, Any], bundle: VerifiedBundle) -> ControlData:
    """What a document of control data says.

    Args:
        document: `data.weighbridge.control`.
        bundle: that it lay in.

    Raises:
        KeyError: it lacks something.
        TypeError: something in it is of another type.
        ValueError: something in it cannot be.
    """
    if not _REVISION.fullmatch(bundle.revision):
        raise ValueError("its revision is none of a release")
    live = _object(document["live"])
    clusters = _object(document["clusters"])
    on_revoked, labels = clusters["on_revoked"], _texts(clusters["labels"])
    if len(labels) != 2:
        raise ValueError("it does not name two labels")
    if on_revoked not in get_args(OnRevoked):
        raise ValueError(f"on_revoked is {on_revoked!a:.100}")
    return ControlData(
        environment=_text(document["environment"]),
        revision=bundle.revision,
        sha256=digest(bundle.files[DATA]),
        key_fingerprint=bundle.key_fingerprint,
        authority={kind: _authority(given) for kind, given in _object(document["authority"]).items()},
        routes={alias: _route(given) for alias, given in _object(document["routes"]).items()},
        versions=_versions(_object(document["versions"])),
        tenants=frozenset(_texts(document["tenants"])),
        tenant_keys=frozenset(_texts(document["tenant_keys"])),
        orders=_restrictions(_object(document["orders"])),
        live=LiveTerms(_positive(live["not_after"]), _positive(live["clusters_not_after"])),
        on_revoked=on_revoked,
        labels=(labels[0], labels[1]),
        support_images=frozenset(_texts(clusters["support_images"])),
        exempt_namespaces=frozenset(_texts(clusters["exempt_namespaces"])),
    )


def _authority(given: Any) -> Authority:
    document = _object(given)
    held = {
        signer: load_public_key(_text(pem).encode(), f"the key of {signer}")
        for signer, pem in _object(document["keys"]).items()
    }
    threshold = _positive(document["threshold"])
    if threshold > len({fingerprint(key) for key in held.values()}):
        raise ValueError("an authority has fewer keys than it takes")
    return Authority(held, threshold)


def _route(given: Any) -> Route:
    document = _object(given)
    active = document["active"]
    return Route(_texts(document["models"]), None if active is None else _text(active))


def _versions(given: Mapping[str, Any]) -> dict[str, Version]:
    # Most versions name the same signers and images: one object for all of them, at 100,000 versions.
    known: dict[tuple[str, ...], tuple[str, ...]] = {}

    def shared(value: Any) -> tuple[str, ...]:
        texts = _texts(value)
        return known.setdefault(texts, texts)

    return {
        name: Version(
            digest=_text(document["digest"]),
            approved=_flag(document["approved"]),
            served=_flag(document["served"]),
            since=None if document["since"] is None else _whole(document["since"]),
            not_after=_whole(document["not_after"]),
            images=shared(document["images"]),
            signers=shared(document["signers"]),
            lineage=shared(document["lineage"]),
        )
        for name, document in given.items()
    }


def _restrictions(given: Mapping[str, Any]) -> Restrictions:
    if set(given) != _RESTRICTIONS or not all(
        isinstance(entry, dict) for kind in _RESTRICTIONS for entry in _object(given[kind]).values()
    ):
        raise ValueError("its orders cannot be read")
    return Restrictions(**given)


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("an object is expected, and something else is there")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a text is expected, and something else is there")
    return value


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise TypeError("a list of texts is expected, and something else is there")
    return tuple(value)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError("true or false is expected, and something else is there")
    return value


def _whole(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise TypeError("a whole number is expected, and something else is there")
    return value


def _positive(value: Any) -> int:
    if _whole(value) == 0:
        raise ValueError("a number above 0 is expected")
    return int(value)
