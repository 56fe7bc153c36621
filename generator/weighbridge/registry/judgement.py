"""From a catalogue's folder to records: what `compile`, `verify` and `explain` share.

Order of steps: read, verify the trust, check the user's rules, resolve the orders, start OPA, verify and judge the
evidence, ask the gate. Nothing is written.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from weighbridge import resources
from weighbridge.bundle.policies import evidence_rules_of
from weighbridge.catalogue import mutual_tls
from weighbridge.catalogue.load import load_catalogue
from weighbridge.catalogue.trust import TrustState, load_root_key, verify_trust
from weighbridge.engines.opa import OpaServer
from weighbridge.errors import InputError
from weighbridge.evidence.attest import attest, attest_images
from weighbridge.evidence.user_rules import check_user_rules
from weighbridge.example_keys import refuse_example_keys
from weighbridge.registry.cache import JudgementCache
from weighbridge.registry.cache_key import boundaries, context_of_judgements, judgement_key, span_of
from weighbridge.registry.gate import judge
from weighbridge.registry.image_facts import image_facts
from weighbridge.registry.orders import resolve_orders
from weighbridge.registry.question import promotion_order
from weighbridge.registry.waivers import lifted_artifacts, read_waivers, waiver_warnings
from weighbridge.release.documented import with_documentation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from weighbridge.catalogue.catalogue import Catalogue
    from weighbridge.evidence.state import VersionEvidence
    from weighbridge.keys import LocalKey
    from weighbridge.registry.gate import Records
    from weighbridge.registry.image_facts import Facts
    from weighbridge.registry.orders import ResolvedOrders
    from weighbridge.registry.waivers import Waiver


class Progress(Protocol):
    """Told how far a step is."""

    def __call__(self, step: str, done: int, total: int) -> None:
        """`done` of `total` of a step, such as `evidence`."""


def silent(step: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True)
class Judged:
    """A catalogue and everything that was found out about it."""

    catalogue: Catalogue
    trust: str
    """`unsigned`, or the fingerprint of the root key."""
    evidence: Mapping[str, VersionEvidence]
    """By version; without those whose records came from the cache."""
    records: Records
    orders: ResolvedOrders
    support_facts: Mapping[str, Mapping[str, Facts]] = field(default_factory=dict)
    """By environment and digest, what evidence says of the support images."""
    waivers: tuple[Waiver, ...] = ()
    """Every waiver of the catalogue, verified, also those that have ended or not begun."""
    warnings: tuple[str, ...] = ()
    """What a reader should know of orders and waivers, and of what environments leave unsaid."""


@dataclass(frozen=True)
class JudgingOptions:
    """What judging is told beside the catalogue."""

    at_ns: int
    """`--at`, the only clock, in nanoseconds since the epoch."""
    root_key: Path | None = None
    """The public key that must have signed the catalogue's trust; None takes it unsigned."""
    require_signed_trust: bool = False
    """Refuse unsigned trust."""
    allow_example_keys: bool = False
    """Accept signers and tenants' keys whose private halves everybody has."""
    jobs: int = 1
    """Processes that read and verify."""
    cache: tuple[Path, LocalKey] | None = None
    """Where judgements are kept between compiles, and the release key, which protects them."""
    only: str = ""
    """Judge this version alone, `<model>@<version>`; the whole catalogue is read all the same."""
    siblings: bool = False
    """With `only`, judge the other versions of its model as well."""


def judge_catalogue(root: Path, options: JudgingOptions, progress: Progress = silent) -> Judged:
    """Read a catalogue and decide about every version in every environment.

    Raises:
        InputError: the catalogue, its trust, its rules, its orders or its waivers are not acceptable.
        EngineError: OPA is missing or failed.
    """
    catalogue = load_catalogue(root, progress=lambda done, total: progress("catalogue", done, total), jobs=options.jobs)
    if not options.allow_example_keys:
        refuse_example_keys({}, catalogue)
    trust = _trust(catalogue, options)
    check_user_rules(catalogue.policies)
    orders, waivers = resolve_orders(catalogue, options.at_ns), read_waivers(catalogue, options.at_ns)
    unsaid = mutual_tls.unsaid(catalogue.configuration.environments)
    warnings = (*orders.warnings, *waiver_warnings(catalogue, waivers, options.at_ns), *unsaid)
    whole = catalogue
    if options.only:
        catalogue = _reduced(catalogue, _chosen(catalogue, options))
    if options.cache is None:
        evidence, records = judge_versions(catalogue, options, progress)
    else:
        evidence, records = _judge_changed(catalogue, options, options.cache, progress)
    support = support_facts(whole, options)
    return Judged(catalogue, trust, evidence, records, orders, support, waivers, warnings)


def judge_versions(
    catalogue: Catalogue, options: JudgingOptions, progress: Progress = silent
) -> tuple[Mapping[str, VersionEvidence], Records]:
    """Verify and judge the evidence of every version of a catalogue that was read, and ask the gate.

    Raises:
        EngineError: OPA is missing or failed.
    """
    policies = resources.policies()
    subjects = len(catalogue.versions) + len(catalogue.images)
    judgements = len(catalogue.versions) * len(catalogue.configuration.environments)
    with OpaServer(
        [policies / step for step in ("evidence", "gate", "release")], modules=_user_modules(catalogue)
    ) as engine:
        evidence = attest(
            catalogue,
            at_ns=options.at_ns,
            engine=engine,
            jobs=options.jobs,
            progress=_counted(progress, "evidence", subjects),
        )
        records = judge(
            catalogue,
            evidence,
            at_ns=options.at_ns,
            engine=engine,
            waivers=read_waivers(catalogue, options.at_ns),
            advance=_counted(progress, "gate", judgements),
        )
        records = with_documentation(catalogue, evidence, records, at_ns=options.at_ns, engine=engine)
    return evidence, records


def support_facts(catalogue: Catalogue, options: JudgingOptions) -> dict[str, dict[str, Facts]]:
    """What evidence says of the support images, by environment and digest; nothing is asked where there is none.

    Raises:
        EngineError: OPA is missing or failed.
    """
    configuration = catalogue.configuration
    known = [digest for digest in configuration.support_images if digest in catalogue.images]
    if not known or options.only:
        return {}
    with OpaServer([resources.policies() / "evidence"], modules=_user_modules(catalogue)) as engine:
        states = attest_images(catalogue, known, at_ns=options.at_ns, engine=engine)
    return {
        name: {digest: image_facts(configuration, name, digest, found) for digest, found in states.items()}
        for name in configuration.environments
    }


def _user_modules(catalogue: Catalogue) -> dict[str, str]:
    return {policy.path: policy.text for policy in evidence_rules_of(catalogue.policies)}


def _judge_changed(
    catalogue: Catalogue, options: JudgingOptions, kept: tuple[Path, LocalKey], progress: Progress
) -> tuple[Mapping[str, VersionEvidence], Records]:
    """As `judge_versions`, but for versions whose records are known already."""
    at_ns = options.at_ns
    cache = JudgementCache(*kept, context_of_judgements(catalogue), at_ns)
    cache_keys = {name: judgement_key(catalogue, version) for name, version in catalogue.versions.items()}
    # What the gate waives depends on the moment, and on files that no key covers: it is judged each time.
    lifted = lifted_artifacts(read_waivers(catalogue, at_ns))
    for name, version in catalogue.versions.items():
        if version.artifact_digest in lifted:
            del cache_keys[name]
    known = {name: found for name, key in cache_keys.items() if (found := cache.get(key)) is not None}
    changed = [name for name in catalogue.versions if name not in known]
    environments = promotion_order(catalogue.configuration)
    evidence: Mapping[str, VersionEvidence] = {}
    fresh: Records = {name: {} for name in environments}
    if changed:
        evidence, fresh = judge_versions(_reduced(catalogue, changed), options, progress)
        shipped = {
            name: (resources.policies() / "evidence" / document.rule).is_dir()
            for name, document in catalogue.configuration.attestations.items()
        }
        boundary = boundaries(catalogue, at_ns)
        for name in changed:
            records = {environment: fresh[environment][name] for environment in environments}
            if name in cache_keys:
                cache.put(cache_keys[name], records, span_of(evidence[name], records, shipped, at_ns, boundary))
    cache.save()
    return evidence, {
        environment: {
            name: known[name][environment] if name in known else fresh[environment][name] for name in catalogue.versions
        }
        for environment in environments
    }


def _chosen(catalogue: Catalogue, options: JudgingOptions) -> list[str]:
    model = options.only.partition("@")[0] if options.siblings else None
    return sorted({options.only, *(name for name, version in catalogue.versions.items() if version.model == model)})


def _reduced(catalogue: Catalogue, names: Sequence[str]) -> Catalogue:
    """The catalogue with these versions only, and with the images that serve them."""
    for name in names:
        if name not in catalogue.versions:
            close = difflib.get_close_matches(name, catalogue.versions, n=3) or list(catalogue.versions)[:3]
            raise InputError.single("", f"there is no version {name}", f"There is {', '.join(close) or 'none at all'}.")
    versions = {name: catalogue.versions[name] for name in names}
    named = {image.digest for version in versions.values() for image in version.card.images}
    images = {digest: files for digest, files in catalogue.images.items() if digest in named}
    return replace(catalogue, versions=versions, images=images)


def _counted(progress: Progress, step: str, total: int) -> Callable[[int], None]:
    """Progress of one step for somebody who tells only how much was added."""
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        progress(step, done, total)

    return advance


def _trust(catalogue: Catalogue, options: JudgingOptions) -> TrustState:
    if options.root_key is None and options.require_signed_trust:
        raise InputError.single(
            "weighbridge.yaml",
            "its trust is not verified, as no root key was given",
            "Give the root key with `--root`; `weighbridge trust sign` signs.",
        )
    if options.root_key is not None and not options.allow_example_keys:
        refuse_example_keys({"--root": load_root_key(options.root_key, catalogue.root)})
    return verify_trust(catalogue, options.root_key)
