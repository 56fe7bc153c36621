"""What weights should be, and who says so.

From the strongest to the weakest: the catalogue, whose package statement a trusted signer signed; a digest that was
given from outside, such as in the CronJob's own arguments; a manifest alone, which is worth as much as the place where
it lay. A manifest that does not have the digest given is not believed in anything.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from weighbridge.canonical import parse_json
from weighbridge.catalogue.names import Digest, VersionName
from weighbridge.catalogue.source import LIMITS
from weighbridge.catalogue.validation import validate, validate_value
from weighbridge.errors import InputError
from weighbridge.packaging.manifest import Manifest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_GIVE = "Give --catalogue with --model, --manifest, or --digest with --model."


@dataclass(frozen=True)
class Source:
    """Where a user says that the truth is."""

    manifest: Path | None = None
    catalogue: Path | None = None
    model: str | None = None
    """`<model>@<version>`."""
    digest: str | None = None
    """The artifact digest, `sha256:<hex>`."""
    root_key: Path | None = None
    require_signed_trust: bool = False
    allow_example_keys: bool = False
    at_ns: int | None = None
    """For the catalogue's evidence; None is now."""


@dataclass(frozen=True)
class Expected:
    """What the folder should hold."""

    model: str
    version: str
    digest: str
    files: Mapping[str, tuple[int, str]] | None
    """Size and bare hex SHA-256 by path; None where nothing but the digest is known."""
    vouched_by: str
    """`package statement by NAME, trust ...`, `digest`, or `nobody`."""
    objection: str = ""
    """Why it must not be believed; "" if it may."""


def expect(source: Source) -> Expected:
    """Learn what is expected.

    Raises:
        InputError: what was named contradicts itself or cannot be read.
        EngineError: OPA, which judges the catalogue's evidence, is missing or failed.
    """
    if source.digest is not None:
        validate_value(Digest, source.digest, "--digest")
    if source.model is not None:
        validate_value(VersionName, source.model, "--model")
    if source.catalogue is not None and source.manifest is not None:
        raise InputError.single("", "excludes --manifest", "Give one of them.", field="--catalogue")
    if source.catalogue is not None:
        return _checked(_from_catalogue(source, source.catalogue), source)
    if source.root_key is not None or source.require_signed_trust:
        raise InputError.single("", "is for a catalogue", "Give --catalogue, or leave it out.", field="--root")
    if source.manifest is not None:
        return _checked(_from_manifest(source.manifest, source.digest), source)
    if source.digest is None or source.model is None:
        raise InputError.single("", "nothing says what the weights should be", _GIVE)
    model, _, version = source.model.partition("@")
    return Expected(model, version, source.digest, None, "digest")


def _checked(expected: Expected, source: Source) -> Expected:
    """The same, with an objection if it is not what was asked for."""
    name = f"{expected.model}@{expected.version}"
    if source.model not in {None, name}:
        message = f"is {source.model}, but the manifest is that of {name}"
        raise InputError.single("", message, "Name the right manifest.", field="--model")
    if source.digest not in {None, expected.digest}:
        objection = f"what it is compared with has the artifact digest {expected.digest}, not {source.digest} as given"
        return Expected(expected.model, expected.version, str(source.digest), None, "nobody", objection)
    return expected


def _from_manifest(file: Path, digest: str | None) -> Expected:
    try:
        with file.open("rb") as stream:
            data = stream.read(LIMITS.manifest + 1)
    except OSError as error:
        raise InputError.single(str(file), f"cannot be read: {error.strerror}", _GIVE) from error
    if len(data) > LIMITS.manifest:
        raise InputError.single(str(file), f"is larger than {LIMITS.manifest} bytes", "No package has such a manifest.")
    manifest = validate(Manifest, parse_json(data, str(file)), str(file))
    return _of(manifest, "nobody" if digest is None else "digest")


def _of(manifest: Manifest, vouched_by: str) -> Expected:
    files = {file.path: (file.size, file.sha256) for file in manifest.files}
    return Expected(manifest.model, manifest.version, manifest.artifact_digest, files, vouched_by)


def _from_catalogue(source: Source, root: Path) -> Expected:
    from weighbridge.registry.judgement import JudgingOptions, judge_catalogue  # noqa: PLC0415 -- a node may lack OPA

    if source.model is None:
        raise InputError.single("", "needs a version", "Give --model MODEL@VERSION.", field="--catalogue")
    judged = judge_catalogue(
        root,
        JudgingOptions(
            at_ns=time.time_ns() if source.at_ns is None else source.at_ns,
            root_key=source.root_key,
            require_signed_trust=source.require_signed_trust,
            allow_example_keys=source.allow_example_keys,
            only=source.model,
        ),
    )
    manifest = judged.catalogue.versions[source.model].manifest
    package = judged.evidence[source.model].package
    if not package.matched:
        objection = f"the catalogue's manifest is not to be believed: {package.reason}"
        return Expected(manifest.model, manifest.version, manifest.artifact_digest, None, "nobody", objection)
    return _of(manifest, f"package statement by {package.signer}, trust {judged.trust}")
