"""What a bill of materials is made from: a package folder, the model's own configuration, and one time.

All I/O on our side of an SBOM is here. Nothing of it is trusted or verified: an SBOM says what the package says, and is
bound to it by the artifact digest.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from weighbridge.canonical import digest, parse_json, sha256_hex
from weighbridge.catalogue.names import parse_time_ns
from weighbridge.catalogue.source import KIB, LIMITS, Source
from weighbridge.catalogue.versions import load_package
from weighbridge.errors import InputError
from weighbridge.evidence.dsse import parse_envelope
from weighbridge.evidence.predicates import PACKAGE
from weighbridge.evidence.statement import parse_statement
from weighbridge.evidence.times import statement_time_ns

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from weighbridge.catalogue.catalogue import EvidenceFile, ModelVersion

EPOCH = "SOURCE_DATE_EPOCH"
CONFIG = "config.json"
MAX_CONFIG = 4 * 1024 * KIB
"""Largest `config.json` that is read, in bytes."""


@dataclass(frozen=True)
class Described:
    """A packaged version, with what a bill of materials says about it beyond the manifest."""

    version: ModelVersion
    card: str = field(repr=False)
    """The text of the model card."""
    config: Mapping[str, Any]
    """The model's `config.json` (Hugging Face transformers), empty where it was not given."""
    at_ns: int
    """The time that the document bears, in nanoseconds."""


def describe(folder: Path, model_folder: Path | None, at: str | None) -> Described:
    """Read what an SBOM is made from.

    Args:
        folder: what `package` wrote.
        model_folder: the model's own folder, for its `config.json`; it must be the packaged one.
        at: the time, RFC 3339; without it `SOURCE_DATE_EPOCH` counts, then the package statement's time.

    Raises:
        InputError: the folder is no package, the configuration is not the packaged one, or there is no time.
    """
    version = load_package(folder)
    real = folder.resolve()
    card = Source(real).read("README.md", LIMITS.card)
    if digest(card) != version.card_sha256:
        raise InputError.single(str(folder / "README.md"), "changed while it was read", "Try again.")
    config = {} if model_folder is None else _config(model_folder, version)
    return Described(version, card.decode("utf-8"), config, _time(at, version))


def _config(folder: Path, version: ModelVersion) -> Mapping[str, Any]:
    if not folder.is_dir():
        raise InputError.single(str(folder), "is no folder", "Name the folder that was packaged.", field="--model-dir")
    packaged = {file.path: file.sha256 for file in version.manifest.files}
    expected = packaged.get(CONFIG)
    if expected is None:
        return {}
    name = str(folder / CONFIG)
    data = Source(folder).read(CONFIG, MAX_CONFIG)
    if sha256_hex(data) != expected:
        raise InputError.single(name, "is not the packaged one: its hash differs", "Name the folder that was packaged.")
    value = parse_json(data, name)
    return value if isinstance(value, dict) else {}


def _time(at: str | None, version: ModelVersion) -> int:
    if at is not None:
        return _parsed(at, "--at")
    epoch = os.environ.get(EPOCH)
    if epoch is not None:
        # https://reproducible-builds.org/specs/source-date-epoch/: seconds since the epoch, in decimal digits.
        if not (epoch.isascii() and epoch.isdigit() and len(epoch) <= 10):
            raise InputError.single(
                "", f"{epoch!r:.40} is no number of seconds", "Unset it, or correct it.", field=EPOCH
            )
        return int(epoch) * 10**9
    times = sorted(_package_times(version))
    if times:
        return times[-1]
    fix = (
        f"Sign the package, set {EPOCH}, or give --at: a document that bears the present time is never the same twice."
    )
    raise InputError.single(version.name, "has no package statement to take the time from", fix)


def _parsed(at: str, name: str) -> int:
    try:
        return parse_time_ns(at)
    except ValueError as error:
        raise InputError.single("", f"{at!r} {error}", field=name) from error


def _package_times(version: ModelVersion) -> Iterator[int]:
    for file in version.evidence:
        time = _package_time(file, version.artifact_digest)
        if time is not None:
            yield time


def _package_time(file: EvidenceFile, artifact_digest: str) -> int | None:
    """The time of a package statement about this artifact; other evidence, readable or not, has no say here."""
    try:
        statement = parse_statement(parse_envelope(file.data, file.path), file.path)
        if statement.predicate_type != PACKAGE or not statement.about(artifact_digest):
            return None
        return statement_time_ns(PACKAGE, statement.predicate)
    except (InputError, ValueError):
        return None
