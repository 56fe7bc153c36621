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

_NO_PACKAGE_RULE = "weighbridge.yaml has not exactly one attestation about packaging that the rule `package` judges"
_NO_STATEMENT = "there is no trusted package statement"


@dataclass(frozen=True)
class Dossier:
    """All verified and judged statements about one subject, whatever the time."""

    subject: str
    judged: Mapping[int, Sequence[tuple[Candidate, Judgement]]]
    """By the use's index in `Context.uses`."""
    refused: Mapping[int | None, Sequence[Refusal]]
    """By the index of the use for which they were refused; None if for none."""


@dataclass(frozen=True)
class Images:
    """The serving images of a version, as its trusted card names them, and what is known about each."""

    unknown: Refusal | None
    """Why it is not known which images serve; None if it is known."""
    dossiers: tuple[Dossier, ...]


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
    now_ns = context.at_ns
    states: dict[str, AttestationState] = {}
    consents: list[tuple[Use, Selection]] = []
    for index, use in enumerate(context.uses):
        if use.about == "images":
            continue
        selection = select(use, dossier.judged.get(index, ()), now_ns)
        if use.kind == "attestation":
            states[use.name] = state_of(use, [selection], dossier.refused.get(index, ()), now_ns)
        else:
            refused = (*selection.refused, *dossier.refused.get(index, ()))
            consents.append((use, Selection(selection.verdicts, refused)))
    package = _package(states.get(context.package))
    serving = _serving(version, package, images)
    for index, use in enumerate(context.uses):
        if use.about == "images":
            states[use.name] = _images_state(index, use, serving, now_ns)
    return VersionEvidence(
        name=version.name,
        digest=version.artifact_digest,
        package=package,
        attestations={name: states[name] for name in sorted(states)},
        approvals=tuple(_approval(*given) for given in _counting("approval", consents, now_ns)),
        promotions=tuple(_promotion(*given) for given in _counting("promotion", consents, now_ns)),
        refused=tuple(sorted({*dossier.refused.get(None, ()), *_failed(consents)})),
    )


def image_states(dossier: Dossier, context: Context) -> dict[str, AttestationState]:
    """The attestations about one image, by name, at the context's time."""
    serving = Images(None, (dossier,))
    return {
        use.name: _images_state(index, use, serving, context.at_ns)
        for index, use in enumerate(context.uses)
        if use.about == "images"
    }


def _package(state: AttestationState | None) -> PackageState:
    if state is None:
        return _unmatched(_NO_PACKAGE_RULE)
    if not state.verdicts:
        return _unmatched("; ".join(f"{given.file} {given.reason}" for given in state.refused) or _NO_STATEMENT)
    # Of several signers the latest decides, and of several at the same moment all.
    latest = max(verdict.at_ns or 0 for verdict in state.verdicts)
    deciding = [verdict for verdict in state.verdicts if (verdict.at_ns or 0) == latest]
    against = [f"{verdict.file} {reason}" for verdict in deciding if not verdict.passed for reason in verdict.reasons]
    if against:
        return _unmatched("; ".join(against))
    if not state.held:
        return _unmatched(f"{state.name} does not hold: too few signers, or too old")
    return PackageState(matched=True, signer=deciding[0].signer, at_ns=deciding[0].at_ns, reason="")


def _unmatched(reason: str) -> PackageState:
    return PackageState(matched=False, signer="", at_ns=None, reason=reason)


def _serving(version: ModelVersion, package: PackageState, images: Mapping[str, Dossier]) -> Images:
    card = f"models/{version.model}/{version.version}/README.md"
    if not package.matched:
        return Images(Refusal(card, f"names the serving images, but is not trusted: {package.reason}"), ())
    digests = dict.fromkeys(image.digest for image in version.card.images)
    if not digests:
        return Images(Refusal(card, "names no serving image; list their digests there under weighbridge.images"), ())
    return Images(None, tuple(images.get(digest, Dossier(digest, {}, {})) for digest in digests))


def _images_state(index: int, use: Use, serving: Images, now_ns: int) -> AttestationState:
    if serving.unknown:
        return state_of(use, [], [serving.unknown], now_ns)
    selections = []
    refused: list[Refusal] = []
    silent: list[Refusal] = []
    for dossier in serving.dossiers:
        selection = select(use, dossier.judged.get(index, ()), now_ns)
        given = [*dossier.refused.get(index, ()), *dossier.refused.get(None, ()), *selection.refused]
        if not selection.verdicts and not given:
            folder = f"images/{dossier.subject.removeprefix('sha256:')}/evidence"
            silent.append(Refusal(folder, f"holds nothing for {use.name}"))
        selections.append(selection)
        refused += given
    # Where no image has anything, there is no evidence at all, and nothing to report beside that.
    return state_of(use, selections, refused if len(silent) == len(selections) else [*refused, *silent], now_ns)


def _counting(kind: str, consents: Sequence[tuple[Use, Selection]], now_ns: int) -> list[tuple[Use, Verdict, int]]:
    return [
        (use, verdict, verdict.at_ns)
        for use, selection in consents
        if use.kind == kind
        for verdict in selection.verdicts
        if verdict.passed and verdict.expires_ns > now_ns and verdict.at_ns is not None
    ]


def _approval(use: Use, verdict: Verdict, at_ns: int) -> Consent:
    manifest_sha256 = verdict.claims["manifest_sha256"]
    return Consent(
        verdict.signer, verdict.fingerprint, use.name, manifest_sha256, at_ns, verdict.file, verdict.expires_ns
    )


def _promotion(_: Use, verdict: Verdict, at_ns: int) -> Promotion:
    return Promotion(
        signer=verdict.signer,
        fingerprint=verdict.fingerprint,
        from_=verdict.claims["from"],
        to=verdict.claims["to"],
        at_ns=at_ns,
        record_sha256=verdict.claims["record_sha256"],
        file=verdict.file,
        expires_ns=verdict.expires_ns,
    )


def _failed(consents: Sequence[tuple[Use, Selection]]) -> list[Refusal]:
    """Approvals and promotions that do not count: no attestation is there to report them."""
    refused: dict[str, list[str]] = defaultdict(list)
    for _, selection in consents:
        for verdict in selection.verdicts:
            refused[verdict.file] += verdict.reasons
        for refusal in selection.refused:
            refused[refusal.file].append(refusal.reason)
    return [Refusal(file, reason) for file, reasons in refused.items() for reason in reasons]
