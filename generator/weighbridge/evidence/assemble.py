"""Dossiers become what is known about a version: attestations, package statement, approvals, promotions.

Nothing is read from manifest or card here but which serving images the card names, and that only once the latest
trusted package statement has matched both.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from weighbridge.evidence.select import Selection, select, state_of
from weighbridge.evidence.state import AttestationState, Consent, PackageState, Promotion, Refusal, VersionEvidence

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from weighbridge.catalogue.catalogue import ModelVersion
    from weighbridge.evidence.context import Context, Use
    from weighbridge.evidence.judge import Judgement
    from weighbridge.evidence.state import Verdict
    from weighbridge.evidence.verify import Candidate

_NO_STATEMENT = "no trusted package statement"


@dataclass(frozen=True)
class Dossier:
    """All verified and judged statements about one subject, whatever the time."""

    subject: str
    judged: tuple[tuple[Candidate, Judgement], ...]
    refused: tuple[tuple[int | None, Refusal], ...]
    """With the index of the use for which it was refused; None if for none."""

    def of(self, use: int) -> list[tuple[Candidate, Judgement]]:
        """What was judged for one use."""
        return [(candidate, judgement) for candidate, judgement in self.judged if candidate.use == use]


def version_evidence(
    version: ModelVersion, dossier: Dossier, images: Mapping[str, Dossier], context: Context
) -> VersionEvidence:
    """What the evidence proves about one version at the context's time.

    Args:
        version: as it was read; of its card only the serving images count, and only if a package statement matches.
        dossier: of its artifact digest.
        images: the dossiers of all images, by digest.
        context: the same as when the dossiers were made, but for the time.
    """
    refused: dict[int | None, list[Refusal]] = defaultdict(list)
    for index, refusal in dossier.refused:
        refused[index].append(refusal)
    states: dict[str, AttestationState] = {}
    selections: dict[int, Selection] = {}
    for index, use in enumerate(context.uses):
        if use.about == "model":
            selections[index] = select(use, dossier.of(index), context.at_ns)
            if use.kind == "attestation":
                states[use.name] = state_of(use, [selections[index]], refused[index], context.at_ns)
    package = _package(states.get(context.package), context.package)
    for index, use in enumerate(context.uses):
        if use.about == "images":
            states[use.name] = _images_state(index, use, version, (package, images), context)
    others = [use.kind != "attestation" for use in context.uses]
    unused = [*refused[None], *(refusal for index in selections if others[index] for refusal in refused[index])]
    unused += [refusal for index in selections if others[index] for refusal in selections[index].refused]
    return VersionEvidence(
        name=version.name,
        digest=version.artifact_digest,
        package=package,
        attestations={name: states[name] for name in sorted(states)},
        approvals=_approvals(selections, context),
        promotions=_promotions(selections, context),
        refused=tuple(sorted({*unused, *_failed(selections, context)})),
    )


def _package(state: AttestationState | None, name: str) -> PackageState:
    if state is None:
        return _unmatched(
            "weighbridge.yaml has not exactly one attestation about packaging that the rule `package` judges"
        )
    if not state.verdicts:
        return _unmatched("; ".join(f"{given.file} {given.reason}" for given in state.refused) or _NO_STATEMENT)
    latest = max(verdict.at_ns or 0 for verdict in state.verdicts)
    deciding = [verdict for verdict in state.verdicts if (verdict.at_ns or 0) == latest]
    against = [reason for verdict in deciding if not verdict.passed for reason in verdict.reasons]
    if against:
        return _unmatched("; ".join(against))
    if not state.held:
        return _unmatched(f"{name} does not hold: too few signers, or too old")
    return PackageState(matched=True, signer=deciding[0].signer, at_ns=deciding[0].at_ns, reason="")


def _unmatched(reason: str) -> PackageState:
    return PackageState(matched=False, signer="", at_ns=None, reason=reason)


def _images_state(
    index: int,
    use: Use,
    version: ModelVersion,
    known: tuple[PackageState, Mapping[str, Dossier]],
    context: Context,
) -> AttestationState:
    package, images = known
    card = f"models/{version.model}/{version.version}/README.md"
    if not package.matched:
        reason = f"which images serve is not known: {package.reason}"
        return state_of(use, [], [Refusal(card, reason)], context.at_ns)
    digests = list(dict.fromkeys(image.digest for image in version.card.images))
    if not digests:
        return state_of(use, [], [Refusal(card, "names no serving image")], context.at_ns)
    selections, refused = [], []
    for digest in digests:
        dossier = images.get(digest, Dossier(digest, (), ()))
        given = [refusal for meant, refusal in dossier.refused if meant in {index, None}]
        selection = select(use, dossier.of(index), context.at_ns)
        if not selection.verdicts and not selection.refused and not given and len(digests) > 1:
            given = [Refusal(f"images/{digest.removeprefix('sha256:')}/evidence", f"holds nothing for {use.name}")]
        selections.append(selection)
        refused += given
    # With no statement about any image there is no evidence at all, and nothing to report beside that.
    silent = all(not selection.verdicts and not selection.refused for selection in selections)
    return state_of(use, selections, [] if silent and _all_absent(refused) else refused, context.at_ns)


def _all_absent(refused: Sequence[Refusal]) -> bool:
    return all(refusal.file.endswith("/evidence") for refusal in refused)


def _verdicts(kind: str, selections: Mapping[int, Selection], context: Context) -> list[tuple[Use, Verdict]]:
    return [
        (context.uses[index], verdict)
        for index, selection in selections.items()
        if context.uses[index].kind == kind
        for verdict in selection.verdicts
    ]


def _counting(kind: str, selections: Mapping[int, Selection], context: Context) -> list[tuple[Use, Verdict, int]]:
    return [
        (use, verdict, verdict.at_ns)
        for use, verdict in _verdicts(kind, selections, context)
        if verdict.passed and verdict.expires_ns > context.at_ns and verdict.at_ns is not None
    ]


def _approvals(selections: Mapping[int, Selection], context: Context) -> tuple[Consent, ...]:
    return tuple(
        Consent(verdict.signer, verdict.fingerprint, use.name, verdict.claims["manifest_sha256"], at_ns, verdict.file)
        for use, verdict, at_ns in _counting("approval", selections, context)
    )


def _promotions(selections: Mapping[int, Selection], context: Context) -> tuple[Promotion, ...]:
    return tuple(
        Promotion(
            signer=verdict.signer,
            fingerprint=verdict.fingerprint,
            from_=verdict.claims["from"],
            to=verdict.claims["to"],
            at_ns=at_ns,
            record_sha256=verdict.claims["record_sha256"],
            file=verdict.file,
        )
        for _, verdict, at_ns in _counting("promotion", selections, context)
    )


def _failed(selections: Mapping[int, Selection], context: Context) -> list[Refusal]:
    return [
        Refusal(verdict.file, reason)
        for kind in ("approval", "promotion")
        for _, verdict in _verdicts(kind, selections, context)
        for reason in verdict.reasons
    ]
