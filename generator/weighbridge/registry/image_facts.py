"""What verified evidence says of an image, for those who judge what runs it (architecture: Facts about images).

Facts are no verdict: a profile that its evidence rule refuses still tells what is in the image. What counts is decided
as for attestations: of each trusted key the latest statement, of enough distinct keys, until they expire. Of several
keys, and of several attestations, the worst that any says holds. Where an environment requires attestations of a kind,
only those are heard there, and all of them must speak; else every attestation of that kind is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from weighbridge.catalogue.configuration import AttestationDocument, Configuration
    from weighbridge.evidence.state import AttestationState, Verdict

KINDS = {"image_profile": "profile", "sbom": "sbom", "vulnerabilities": "vulnerabilities"}
"""By evidence rule, what its facts are called."""

Facts = dict[str, dict[str, Any]]


def image_facts(
    configuration: Configuration, environment: str, digest: str, states: Mapping[str, AttestationState]
) -> Facts:
    """The facts about one image in one environment; empty where nothing is known.

    Args:
        configuration: with the attestations.
        environment: whose requirements choose among them.
        digest: of the image.
        states: of the attestations about it, by name.
    """
    required = configuration.environments[environment].requires
    facts: Facts = {}
    for rule, kind in KINDS.items():
        defined = {
            name: document
            for name, document in configuration.attestations.items()
            if document.rule == rule and document.about == "images"
        }
        heard = [name for name in defined if name in required]
        told = {name: _told(defined[name], states.get(name), digest) for name in heard or defined}
        known = [found for found in told.values() if found is not None]
        if known and (not heard or len(known) == len(told)):
            facts[kind] = _worst(known)
    return facts


def _told(document: AttestationDocument, state: AttestationState | None, digest: str) -> dict[str, Any] | None:
    """What one attestation tells; None unless enough distinct keys tell anything."""
    told = [verdict for verdict in (state.verdicts if state else ()) if verdict.subject == digest and verdict.facts]
    ends = sorted(_latest_by_key(told).values(), reverse=True)
    if len(ends) < document.threshold:
        return None
    return _worst([dict(verdict.facts) for verdict in told]) | {"not_after": ends[document.threshold - 1]}


def _latest_by_key(told: Sequence[Verdict]) -> dict[str, int]:
    """Until when each key's word counts: what it rests on may end before the statement itself does."""
    return {
        verdict.fingerprint: min(verdict.expires_ns, verdict.facts.get("not_after", verdict.expires_ns))
        for verdict in told
    }


def _worst(told: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Of numbers the highest, but of ends the first; of lists everything that is in any of them."""
    if len(told) == 1:
        return told[0]
    keys = sorted({key for facts in told for key in facts})
    return {key: _worst_of(key, [facts[key] for facts in told if key in facts]) for key in keys}


def _worst_of(key: str, values: Sequence[Any]) -> Any:
    if key == "not_after":
        return min(values)
    if isinstance(values[0], dict):
        return _worst(values)
    if isinstance(values[0], list):
        return sorted({text for texts in values for text in texts})
    return max(values)
