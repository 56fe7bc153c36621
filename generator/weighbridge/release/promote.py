"""Promotion: the target's gate is asked for all but the promotion itself, and only then is one signed.

Order of steps: read the target's record and leave REL-008, the missing promotion, out of its reasons; refuse if
anything else is missing, or an order restricts the version; make the statement; ask the gate again with it, in memory;
make the verification summary of what the gate then says. Writing is the caller's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from weighbridge.catalogue.names import format_time
from weighbridge.errors import InputError
from weighbridge.evidence.predicates import PROMOTION
from weighbridge.evidence.verify import VERIFICATION_SUMMARY
from weighbridge.evidence.write import write_attestation
from weighbridge.registry.records import Reason, record_sha256
from weighbridge.release.evidence_file import new_evidence
from weighbridge.release.facts import orders_of
from weighbridge.release.rehearsal import RehearsalError, rehearse
from weighbridge.release.signers import require_environment
from weighbridge.release.summary import verification_summary

if TYPE_CHECKING:
    from weighbridge.catalogue.catalogue import EvidenceFile
    from weighbridge.keys import PrivateKey
    from weighbridge.registry.judgement import Judged

_PROMOTION_ITSELF = "REL-008"
_TOO_EARLY = "REL-009"
_RESTRICTED = "REL-012"


@dataclass(frozen=True)
class Outlook:
    """Whether a version can be promoted into an environment, and if not, why."""

    name: str
    """`<model>@<version>`."""
    origin: str
    target: str
    promoted: bool
    """It is approved there already."""
    missing: tuple[Reason, ...]
    """What keeps it out beside the promotion itself, sorted."""
    possible_from_ns: int | None
    """When `min_time` will have passed, where that is all that is known to be missing of time."""


def outlook(judged: Judged, name: str, target: str) -> Outlook:
    """What the gate says about promoting a version.

    Raises:
        InputError: there is no such environment, or nothing is promoted into it.
    """
    environment = require_environment(judged.catalogue, target, "--to")
    if environment.promotions is None or environment.promotes_from is None:
        message = f"{target} promotes from nothing: what its gate approves is in it"
        raise InputError.single("", message, "Name an environment with `promotes_from`.", field="--to")
    record = judged.records[target][name]
    missing = [reason for reason in record.reasons if reason.code != _PROMOTION_ITSELF]
    missing += [
        Reason(_RESTRICTED, "", f"{order['kind']} in {target} by order {order['id']}: {order['reason']}")
        for order in orders_of(judged, name, target)
    ]
    since = judged.records[environment.promotes_from][name].since_ns
    too_early = any(reason.code == _TOO_EARLY for reason in missing) and since is not None
    return Outlook(
        name=name,
        origin=environment.promotes_from,
        target=target,
        promoted=record.approved and not missing,
        missing=tuple(sorted(missing)),
        possible_from_ns=since + (environment.promotions.min_time or 0) if too_early and since is not None else None,
    )


def promote(
    judged: Judged, given: Outlook, key: PrivateKey, summary_key: PrivateKey, at_ns: int
) -> tuple[EvidenceFile, EvidenceFile]:
    """The signed promotion and the signed verification summary, not written yet.

    Args:
        judged: the catalogue.
        given: with nothing missing.
        key: of one of the target's `promotions.signers`.
        summary_key: of any signer.
        at_ns: `--at`.

    Raises:
        ValueError: something is missing.
        RehearsalError: the gate would refuse the version with this promotion; nothing should be written.
    """
    if given.missing or given.promoted:
        raise ValueError(f"{given.name} is not to be promoted")
    version = judged.catalogue.versions[given.name]
    subject = (given.name, version.artifact_digest)
    predicate = {
        "from": given.origin,
        "to": given.target,
        "at": format_time(at_ns),
        "record_sha256": record_sha256(judged.records[given.origin][given.name]),
    }
    data = write_attestation(PROMOTION, predicate, subject, [key], given.name)
    promotion = new_evidence(version, f"promotion-{given.target}", data)
    after = rehearse(judged, given.name, [promotion], at_ns)
    record = after.records[given.target][given.name]
    if not record.approved:
        reasons = "; ".join(f"{reason.code} {reason.message}" for reason in record.reasons)
        raise RehearsalError(f"with this promotion the gate would still refuse {given.name}: {reasons}")
    summary = verification_summary(after, given.name, given.target, at_ns)
    signed = write_attestation(VERIFICATION_SUMMARY, summary, subject, [summary_key], given.name)
    return promotion, new_evidence(version, f"verification-summary-{given.target}", signed)
