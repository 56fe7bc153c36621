"""Of everything that verified statements say for one use, what counts: of each key the latest, and enough keys.

A statement's own signed time orders the statements of one key; nothing else does, least of all file names. Where
the order cannot be told, none of them counts.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from weighbridge.catalogue.names import NEVER_NS, format_time
from weighbridge.evidence.state import AttestationState, Refusal, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weighbridge.evidence.context import TrustedSigner, Use
    from weighbridge.evidence.judge import Judgement
    from weighbridge.evidence.verify import Candidate

SUPERSEDED = "signed a later one"
"""In the reason of a statement that a newer one of the same key replaces: nothing is wrong with it."""


@dataclass(frozen=True)
class Selection:
    """What decides for one use and one subject."""

    verdicts: tuple[Verdict, ...]
    refused: tuple[Refusal, ...]


def select(use: Use, judged: Sequence[tuple[Candidate, Judgement]], now_ns: int) -> Selection:
    """Of each key's statements about one subject the one that counts, the others with the reason why they do not."""
    refused: list[Refusal] = []
    by_key: dict[str, dict[str, Verdict]] = defaultdict(dict)
    for candidate, judgement in judged:
        proven_ns = candidate.proven_ns
        signer = _signer(candidate.signers, now_ns if proven_ns is None else proven_ns)
        if signer is None:
            refused.append(Refusal(candidate.file, _untimely_signer(candidate)))
            continue
        if proven_ns is not None and proven_ns > now_ns:
            reason = f"was signed at {format_time(proven_ns)}, later than --at {format_time(now_ns)}"
            refused.append(Refusal(candidate.file, reason))
            continue
        verdict = _verdict(use, candidate, signer, judgement)
        if verdict.at_ns is not None and verdict.at_ns > now_ns:
            reason = f"is dated {format_time(verdict.at_ns)}, later than --at {format_time(now_ns)}"
            refused.append(Refusal(verdict.file, reason))
        else:
            # The same statement twice, in two files or signed twice, is one statement.
            by_key[verdict.fingerprint].setdefault(verdict.statement_sha256, verdict)
    chosen = [_latest(use, list(given.values()), refused) for given in by_key.values()]
    kept = sorted((verdict for verdict in chosen if verdict), key=lambda verdict: (verdict.file, verdict.fingerprint))
    return Selection(tuple(kept), tuple(sorted(set(refused))))


def _signer(signers: Sequence[TrustedSigner], moment_ns: int) -> TrustedSigner | None:
    """Under several names of one key, the one that counts longest."""
    counting = [signer for signer in signers if signer.not_before <= moment_ns < signer.not_after]
    return max(counting, key=lambda signer: (signer.not_after, signer.name), default=None)


def _untimely_signer(candidate: Candidate) -> str:
    periods = ", ".join(
        f"{signer.name} from {format_time(signer.not_before)} to "
        f"{'no end' if signer.not_after == NEVER_NS else format_time(signer.not_after)}"
        for signer in candidate.signers
    )
    proven_ns = candidate.proven_ns
    moment = "at --at" if proven_ns is None else f"at {format_time(proven_ns)}, when it was signed"
    return f"its signer does not count {moment}, only {periods}"


def _verdict(use: Use, candidate: Candidate, signer: TrustedSigner, judgement: Judgement) -> Verdict:
    # A time that only the rule could find counts as if it had been found before.
    at_ns = judgement.at_ns if candidate.at_ns is None else candidate.at_ns
    # What was signed while its signer counted goes on counting, if the time of it is proven.
    ends = signer.not_after if candidate.proven_ns is None else NEVER_NS
    ages_at = NEVER_NS if use.max_age is None or at_ns is None else at_ns + use.max_age
    return Verdict(
        file=candidate.file,
        signer=signer.name,
        fingerprint=signer.fingerprint,
        statement_sha256=candidate.statement_sha256,
        at_ns=at_ns,
        passed=judgement.passed,
        reasons=judgement.reasons,
        expires_ns=min(ages_at, ends, judgement.expires_ns, NEVER_NS),
        claims=judgement.claims if judgement.passed else {},
        subject=candidate.subject,
        facts=judgement.facts,
    )


def _latest(use: Use, verdicts: list[Verdict], refused: list[Refusal]) -> Verdict | None:
    times = [verdict.at_ns for verdict in verdicts if verdict.at_ns is not None]
    latest = [verdict for verdict in verdicts if len(verdicts) == 1 or (times and verdict.at_ns == max(times))]
    if len(verdicts) > 1 and (len(times) < len(verdicts) or len(latest) > 1):
        reason = f"{verdicts[0].signer} signed several that differ, and which is the latest cannot be told"
        refused.extend(Refusal(verdict.file, reason) for verdict in verdicts)
        return None
    for verdict in verdicts:
        if verdict is not latest[0]:
            reason = f"{verdict.signer} {SUPERSEDED}, of {format_time(max(times))}, in {latest[0].file}"
            refused.append(Refusal(verdict.file, reason))
    if use.max_age is not None and not times:
        refused.append(Refusal(latest[0].file, "carries no time, and this attestation has a max_age"))
        return None
    return latest[0]


def state_of(use: Use, subjects: Sequence[Selection], refused: Sequence[Refusal], now_ns: int) -> AttestationState:
    """The state of an attestation that must hold for every one of the subjects; without a subject nothing holds."""
    lapses = [_holds_until(use, selection.verdicts) for selection in subjects]
    # 0: it never held. Then age is not what is wrong.
    until = min(lapses, default=0)
    return AttestationState(
        name=use.name,
        held=until > now_ns,
        expires_ns=until or NEVER_NS,
        verdicts=tuple(verdict for selection in subjects for verdict in selection.verdicts),
        refused=tuple(sorted({*refused, *(refusal for selection in subjects for refusal in selection.refused)})),
    )


def _holds_until(use: Use, verdicts: Sequence[Verdict]) -> int:
    """Until when enough distinct keys pass; 0 if not enough ever did."""
    ends: dict[str, int] = {verdict.fingerprint: verdict.expires_ns for verdict in verdicts if verdict.passed}
    ordered = sorted(ends.values(), reverse=True)
    return ordered[use.threshold - 1] if 1 <= use.threshold <= len(ordered) else 0
