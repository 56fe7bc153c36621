"""Compiling: a catalogue becomes signed bundles, or nothing is written.

Order of steps: read the catalogue and verify its trust; start OPA with our rules and the user's; verify and judge all
evidence; put every version before the gate of every environment; resolve the orders; build each environment's release;
sign; write everything at once. `--at` is the only clock. Reading happens in `catalogue.load`, writing in
`bundle.output`; in between everything is in memory.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from weighbridge import keys
from weighbridge.bundle.control import ControlBuilder
from weighbridge.bundle.gatekeeper import GatekeeperBuilder
from weighbridge.bundle.index import INDEX, IndexFacts, index_json
from weighbridge.bundle.live import first_live, live_bundle, live_document, livestate_jws
from weighbridge.bundle.output import WholeOutput
from weighbridge.bundle.release import Registries, Release, ReleaseBuilder, at_each_key
from weighbridge.catalogue.load import collector_paused
from weighbridge.catalogue.trust import UNSIGNED
from weighbridge.errors import InputError
from weighbridge.example_keys import refuse_example_keys
from weighbridge.registry.judgement import Judged, JudgingOptions, Progress, judge_catalogue, silent
from weighbridge.registry.registry import WORKLOAD_POINTS, envoy_registry, workload_registry
from weighbridge.registry.waivers import point_waivers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from weighbridge.keys import PrivateKey

_RESERVED = frozenset({"models", "images", "orders", "waivers", "policies", "keys"})
"""Folders of a catalogue that reading looks into."""


@dataclass(frozen=True)
class CompileOptions:
    """What a compile is told beside the catalogue."""

    output: Path
    release_key: PrivateKey
    at_ns: int
    """The only clock, in nanoseconds since the epoch."""
    live_key: PrivateKey | None = None
    further_release_keys: Sequence[PrivateKey] = ()
    """Sign the same once more, while one key replaces another."""
    further_live_keys: Sequence[PrivateKey] = ()
    """The same of live data."""
    root_key: Path | None = None
    """The public half of the key that signed the catalogue's trust."""
    require_signed_trust: bool = False
    environments: Sequence[str] = ()
    """Which are written; all if empty. All are judged."""
    jobs: int = 1
    cache: Path | None = None
    """None: nothing is kept between compiles."""
    pss: bool = False
    """PS256 instead of RS256 for RSA keys; its signatures are random."""
    allow_example_keys: bool = False
    """Accept keys whose private halves everybody has; without it they are refused in every role."""
    fixed_clock_ns: int | None = None
    """A clock that stands still in what is written, for the harness only; no command offers it."""


@dataclass(frozen=True)
class CompileResult:
    """What was decided and written."""

    judged: Judged
    revisions: Mapping[str, str]
    """Release revision by environment that was written."""
    warnings: tuple[str, ...]


def compile_catalogue(root: Path, options: CompileOptions, progress: Progress = silent) -> CompileResult:
    """Compile the catalogue and write `options.output`, whole or not at all.

    Raises:
        InputError: the catalogue, its trust, a key or an option is not acceptable; with every problem.
        EngineError: OPA is missing or failed.
        OutputError: nothing could be written.
    """
    _check_output(root, options.output)
    with collector_paused():
        return _compile(root, options, progress)


def _compile(root: Path, options: CompileOptions, progress: Progress) -> CompileResult:
    judging = JudgingOptions(
        at_ns=options.at_ns,
        root_key=options.root_key,
        require_signed_trust=options.require_signed_trust,
        allow_example_keys=options.allow_example_keys,
        jobs=options.jobs,
        cache=_cache(options),
    )
    judged = judge_catalogue(root, judging, progress)
    environments = _chosen(judged, options.environments)
    warnings = (*_check_keys(judged, options), *_uncached(options), *judged.warnings)
    builder = ReleaseBuilder(
        judged.catalogue,
        options.release_key,
        further=options.further_release_keys,
        pss=options.pss,
        fixed_ns=options.fixed_clock_ns,
    )
    control = ControlBuilder(judged.catalogue, judged.records, judged.waivers, options.at_ns)
    gatekeeper = _gatekeeper(judged, options)
    files = gatekeeper.cluster() if gatekeeper else {}
    revisions: dict[str, str] = {}
    for number, environment in enumerate(environments):
        progress("bundles", number, len(environments))
        registries = _registries(judged, environment, options)
        release = builder.build(environment, registries, control.document(environment, registries["envoy"]))
        revisions[environment] = release.revision
        files |= {f"{environment}/{path}": data for path, data in release.files.items()}
        files |= _live(judged, release, options)
        if gatekeeper:
            livestate = files[f"{environment}/livestate.jws"].decode()
            files |= gatekeeper.environment(release, registries["workload"], livestate)
    facts = IndexFacts(
        at_ns=options.at_ns,
        fixed_clock=options.fixed_clock_ns is not None,
        trust=judged.trust,
        trust_sha256=judged.catalogue.trust_sha256,
        release_key=keys.fingerprint(options.release_key.public_key()),
        live_key=keys.fingerprint(options.live_key.public_key()) if options.live_key else None,
        revisions=revisions,
        points=builder.points,
        records=judged.records,
    )
    with WholeOutput(options.output) as output:
        for path, data in files.items():
            output.write(path, data)
        output.write(INDEX, index_json(files, facts))
    progress("bundles", len(environments), len(environments))
    return CompileResult(judged, revisions, warnings)


def _cache(options: CompileOptions) -> tuple[Path, keys.LocalKey] | None:
    # What is kept is authenticated by a key derived from the release key, and out of a device nothing is derived.
    if options.cache is None or isinstance(options.release_key, keys.DeviceKey):
        return None
    return options.cache, options.release_key


def _uncached(options: CompileOptions) -> list[str]:
    if options.cache is None or _cache(options) is not None:
        return []
    return ["no judgement is kept: the release key is in a device, and the cache needs a key derived from it"]


def _registries(judged: Judged, environment: str, options: CompileOptions) -> Registries:
    records, orders = judged.records[environment], judged.orders.restrictions[environment]
    support = judged.support_facts.get(environment, {})
    waivers = point_waivers(judged.waivers, environment, options.at_ns)
    registries = {
        point: workload_registry(judged.catalogue, environment, point, records, orders, support, waivers)
        for point in WORKLOAD_POINTS
    }
    registries["envoy"] = envoy_registry(judged.catalogue, environment, records, orders, at_ns=options.at_ns)
    return registries


def _gatekeeper(judged: Judged, options: CompileOptions) -> GatekeeperBuilder | None:
    if options.live_key is None:
        return None
    return GatekeeperBuilder(
        judged.catalogue,
        (options.release_key, *options.further_release_keys),
        (options.live_key, *options.further_live_keys),
        pss=options.pss,
        fixed_ns=options.fixed_clock_ns,
    )


def _live(judged: Judged, release: Release, options: CompileOptions) -> dict[str, bytes]:
    if options.live_key is None:
        return {}
    configured = judged.catalogue.configuration.environments[release.environment]
    state = first_live(release.environment, configured, revision=release.revision, at_ns=options.at_ns)
    live_keys, document = (options.live_key, *options.further_live_keys), live_document(state)
    bundles = {key: live_bundle(document, key, pss=options.pss) for key in live_keys}
    states = {key: livestate_jws(state, key, pss=options.pss).encode() for key in live_keys}
    files = at_each_key("live.tar.gz", bundles) | at_each_key("livestate.jws", states)
    return {f"{release.environment}/{path}": data for path, data in files.items()}


def _chosen(judged: Judged, wanted: Sequence[str]) -> list[str]:
    known = judged.catalogue.configuration.environments
    strange = sorted(set(wanted) - set(known))
    if strange:
        raise InputError.single(
            "weighbridge.yaml", f"has no environment {', '.join(strange)}", f"It has {', '.join(known)}."
        )
    return sorted(set(wanted) or known)


def _check_output(root: Path, output: Path) -> None:
    """Refuse an output that the next reading of the catalogue would take for a part of it."""
    # Unlike Path.resolve, realpath bears links that go round in a circle; writing refuses those.
    real, inside = Path(os.path.realpath(output)), Path(os.path.realpath(root))
    reserved = real.is_relative_to(inside) and real.relative_to(inside).parts[:1]
    if real == inside or inside.is_relative_to(real) or (reserved and reserved[0] in _RESERVED):
        raise InputError.single(
            str(output), "holds the catalogue, or is a part of it that is read", "Name a folder outside the catalogue."
        )


def _check_keys(judged: Judged, options: CompileOptions) -> list[str]:
    """One key in two roles undoes what the roles are kept apart for.

    Raises:
        InputError: the live key, which lies on an online server, is the release key, the root's or a signer's.
    """
    release_keys = (options.release_key, *options.further_release_keys)
    live_keys = (options.live_key, *options.further_live_keys) if options.live_key is not None else ()
    if not options.allow_example_keys:
        for option, given in (("--release-key", release_keys), ("--live-key", live_keys)):
            for key in given:
                refuse_example_keys({option: key.public_key()})
    releases = [keys.fingerprint(key.public_key()) for key in release_keys]
    lives = [keys.fingerprint(key.public_key()) for key in live_keys]
    for name, prints in (("release", releases), ("live", lives)):
        if len(set(prints)) != len(prints):
            raise InputError.single(f"the {name} key", "is given twice", "Give each key once.")
    others = {signer.fingerprint: f"the key of signer {name}" for name, signer in judged.catalogue.signers.items()}
    if judged.trust != UNSIGNED:
        others[judged.trust] = "the root key"
    for live in lives:
        twin = "the release key" if live in releases else others.get(live)
        if twin:
            raise InputError.single("the live key", f"is {twin}", "Make a key for each.")
    return [
        f"the release key is {others[release]}: whoever compiles can also state what is compiled"
        for release in releases
        if release in others
    ]
