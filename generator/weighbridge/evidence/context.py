"""Who may state what, drawn from the configuration once: small, picklable, all that a worker needs to verify.

A *use* is one thing that a statement can count for: an attestation, an environment's approvals, or its promotions.
All three are verified alike, and differ only in what is made of them.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from weighbridge import keys
from weighbridge.catalogue.keyless import PUBLIC
from weighbridge.catalogue.names import NEVER_NS
from weighbridge.evidence.keyless import KeylessSigner
from weighbridge.evidence.predicates import APPROVAL, PACKAGE, PROMOTION

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from weighbridge.catalogue.catalogue import Catalogue, Signer

UseKind = Literal["attestation", "approval", "promotion"]


@dataclass(frozen=True)
class TrustedSigner:
    """A signer, by key or keyless, and when its statements count."""

    name: str
    fingerprint: str
    not_before: int
    """Nanoseconds; it counts from then on."""
    not_after: int
    """Nanoseconds; it counts until just before then. NEVER_NS if without end."""


@dataclass(frozen=True)
class Use:
    """One thing that a statement can count for."""

    kind: UseKind
    name: str
    """The attestation's name, or the environment's."""
    predicate: str
    about: Literal["model", "images"]
    rule: str
    parameters: Mapping[str, Any]
    """What the rule gets as `with`."""
    signers: tuple[TrustedSigner, ...]
    max_age: int | None = None
    """Nanoseconds."""
    threshold: int = 1

    @property
    def title(self) -> str:
        """What refusals call it."""
        return self.name if self.kind == "attestation" else f"{self.kind}s of {self.name}"


@dataclass(frozen=True)
class Context:
    """What verification needs beside the evidence itself."""

    at_ns: int
    pems: Mapping[str, str]
    """Every trusted key, by fingerprint."""
    names: Mapping[str, tuple[str, ...]]
    """What the signers with this key are called, by fingerprint."""
    compromised: Mapping[str, int]
    """Nanoseconds from when on, by fingerprint. A key is compromised for all its names."""
    timed: frozenset[str]
    """Fingerprints of the keys for which it matters when they signed."""
    keyless: tuple[KeylessSigner, ...]
    roots: Mapping[str, bytes]
    """Sigstore's trusted roots, by the name that signers give."""
    shipped_root: bool
    """Whether the public one is the one that `sigstore` carries."""
    uses: tuple[Use, ...]
    package: str
    """The one attestation about packaging; "" unless there is exactly one, and the `package` rule judges it."""


def context_of(catalogue: Catalogue, at_ns: int) -> Context:
    """The context of a catalogue at one time; reads no manifest, no card and no evidence."""
    uses = (*_attestations(catalogue), *_environments(catalogue))
    names: dict[str, list[str]] = defaultdict(list)
    pems = {}
    compromised: dict[str, int] = {}
    timed: set[str] = set()
    for signer in catalogue.signers.values():
        if signer.key is None:
            continue
        names[signer.fingerprint].append(signer.name)
        pems[signer.fingerprint] = keys.public_pem(signer.key)
        document = signer.document
        # Whatever --at says: a bare signature proves no time, so one made after the theft can be dated before it.
        if document.compromised_from is not None:
            known = compromised.get(signer.fingerprint, NEVER_NS)
            compromised[signer.fingerprint] = min(known, document.compromised_from)
        if any(given is not None for given in (document.compromised_from, document.not_before, document.not_after)):
            timed.add(signer.fingerprint)
    return Context(
        at_ns=at_ns,
        pems=pems,
        names={fingerprint: tuple(sorted(given)) for fingerprint, given in names.items()},
        compromised=compromised,
        timed=frozenset(timed),
        keyless=tuple(_keyless(catalogue)),
        roots=catalogue.roots,
        shipped_root=PUBLIC not in catalogue.configuration.trust.sigstore,
        uses=uses,
        package=_package(uses),
    )


def _keyless(catalogue: Catalogue) -> Iterable[KeylessSigner]:
    for signer in catalogue.signers.values():
        if signer.document.sigstore is not None:
            yield KeylessSigner(signer.name, signer.document.sigstore, signer.document.compromised_from)


def _package(uses: Iterable[Use]) -> str:
    found = [use for use in uses if use.predicate == PACKAGE and use.kind == "attestation"]
    usable = len(found) == 1 and found[0].rule == "package" and found[0].about == "model"
    return found[0].name if usable else ""


def _attestations(catalogue: Catalogue) -> Iterable[Use]:
    for name, document in catalogue.configuration.attestations.items():
        yield Use(
            kind="attestation",
            name=name,
            predicate=document.predicate,
            about=document.about,
            rule=document.rule,
            parameters=document.with_,
            signers=_trusted(catalogue, document.signers),
            max_age=document.max_age,
            threshold=document.threshold,
        )


def _environments(catalogue: Catalogue) -> Iterable[Use]:
    for name, environment in catalogue.configuration.environments.items():
        if environment.approvals is not None:
            signers = _trusted(catalogue, environment.approvals.signers)
            yield Use("approval", name, APPROVAL, "model", "approval", {"environment": name}, signers)
        if environment.promotions is not None:
            signers = _trusted(catalogue, environment.promotions.signers)
            parameters = {"from": environment.promotes_from, "to": name}
            yield Use("promotion", name, PROMOTION, "model", "promotion", parameters, signers)


def _trusted(catalogue: Catalogue, names: Iterable[str]) -> tuple[TrustedSigner, ...]:
    return tuple(_signer(catalogue.signers[name]) for name in dict.fromkeys(names))


def _signer(signer: Signer) -> TrustedSigner:
    document = signer.document
    not_after = NEVER_NS if document.not_after is None else document.not_after
    return TrustedSigner(signer.name, signer.fingerprint, document.not_before or 0, not_after)
