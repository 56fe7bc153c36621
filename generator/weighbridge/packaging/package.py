"""Packaging a model folder: scan it, then write what speaks about it.

Order: scan and hash the folder, read the card, build `manifest.json` and `artifact.json`, sign the package statement
that binds manifest and card to the artifact digest, write everything into a new folder that appears by one rename.
Weights are never copied: the catalogue knows them by their digest.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from weighbridge.canonical import canonical, digest
from weighbridge.catalogue.front_matter import read_card
from weighbridge.catalogue.names import Name, format_time
from weighbridge.catalogue.source import LIMITS
from weighbridge.errors import InputError, OutputError, Problem
from weighbridge.evidence.dsse import PAYLOAD_TYPE, bundle_json, sign_envelope
from weighbridge.evidence.executable_content import EXECUTABLE_CONTENT, executable_content
from weighbridge.evidence.predicates import PACKAGE
from weighbridge.evidence.statement import statement_json
from weighbridge.evidence.write import write_attestation
from weighbridge.packaging.describe import describe
from weighbridge.packaging.digest import artifact_bytes, artifact_digest
from weighbridge.packaging.manifest import Manifest
from weighbridge.packaging.roles import media_type_of
from weighbridge.packaging.scan import scan_and_look

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from weighbridge.catalogue.card import CardBlock
    from weighbridge.evidence.image_profile import ImageProfilePredicate
    from weighbridge.keys import PrivateKey
    from weighbridge.packaging.describe import Description
    from weighbridge.packaging.hashing import Progress, ScannedFile

CARD = "README.md"
MANIFEST = "manifest.json"
STATEMENT_FILE = "evidence/package.sigstore.json"
EXECUTABLE_FILE = "evidence/executable-content.sigstore.json"
_WRITE_CARD = "Write a model card; `weighbridge card init` starts one."
_NAME: TypeAdapter[str] = TypeAdapter(Name)


@dataclass(frozen=True)
class Package:
    """A packaged model version, in memory."""

    manifest: Manifest
    card: bytes
    """The card's bytes, as they lie in the folder."""

    @property
    def name(self) -> str:
        """`<model>@<version>`."""
        return f"{self.manifest.model}@{self.manifest.version}"

    @property
    def digest(self) -> str:
        """The artifact digest."""
        return self.manifest.artifact_digest

    @property
    def manifest_sha256(self) -> str:
        """`sha256:<hex>` of the RFC 8785 bytes of the manifest, which is what signers speak of."""
        return digest(canonical(self._manifest_document()))

    def _manifest_document(self) -> dict[str, object]:
        # Through JSON, as a dump in Python keeps tuples.
        document: dict[str, object] = json.loads(self.manifest.model_dump_json(by_alias=True, exclude_unset=True))
        return document

    def statement(self, at_ns: int) -> bytes:
        """The payload of the package statement (CONTRACTS: package/v1), signed time rounded down to seconds."""
        predicate = {
            "manifest_sha256": self.manifest_sha256,
            "card_sha256": digest(self.card),
            "at": format_time(at_ns),
        }
        return statement_json(PACKAGE, predicate, [(self.name, self.digest)])

    def files(self) -> dict[str, bytes]:
        """What goes into the catalogue, by path; the manifest is laid out to be read in a diff."""
        manifest = json.dumps(self._manifest_document(), indent=2, ensure_ascii=False) + "\n"
        return {
            MANIFEST: manifest.encode("utf-8"),
            "artifact.json": artifact_bytes(self.manifest.entries()),
            CARD: self.card,
        }


def package(
    folder: Path,
    *,
    model: str,
    version: str,
    profiles: Sequence[ImageProfilePredicate] = (),
    progress: Progress | None = None,
) -> Package:
    """Package a model folder.

    Args:
        folder: the model's folder; its `README.md` is the card.
        model: the model id.
        version: the version.
        profiles: of serving images that the card names, for the CUDA that they bring.
        progress: told how many bytes have been hashed.

    Raises:
        InputError: names outside the contract, no card or one that no catalogue takes, a profile of an image that the
            card does not name, or whatever `scan` refuses.
    """
    problems = _name_problems(model, version)
    card = b""
    front_matter: dict[str, Any] = {}
    try:
        card = _read_card(folder)
        # Nobody should sign a card that no catalogue would take.
        block, front_matter = read_card(card, str(folder / CARD))
        problems += _strange_images(block, profiles)
    except InputError as error:
        problems += error.problems
    images = [image for profile in profiles for image in profile.images]
    try:
        scanned = scan_and_look(folder, lambda files: describe(files, front_matter, images), progress=progress)
    except InputError as error:
        problems += error.problems
    if problems:
        raise InputError(problems)
    packaged = Package(_manifest(model, version, digest(card), *scanned), card)
    size = len(packaged.files()[MANIFEST])
    if size > LIMITS.manifest:
        message = f"would have {size:,} bytes, and no catalogue takes more than {LIMITS.manifest:,}"
        raise InputError.single(MANIFEST, message, "Pack small files together.")
    return packaged


def _strange_images(block: CardBlock, profiles: Sequence[ImageProfilePredicate]) -> list[Problem]:
    named = {image.digest for image in block.images}
    message = "is the profile of an image that the card does not name under weighbridge.images"
    fix = "Name the image's digest in the card, or leave the profile out."
    return [
        Problem(profile.name, field="--image-profile", message=message, fix=fix)
        for profile in profiles
        if named.isdisjoint({profile.digest, profile.index})
    ]


def _manifest(
    model: str,
    version: str,
    card_sha256: str,
    scanned: Sequence[ScannedFile],
    ignored: Sequence[str],
    description: Description,
) -> Manifest:
    document = {
        "apiVersion": "weighbridge.dev/v1",
        "kind": "Manifest",
        "model": model,
        "version": version,
        "artifact_digest": artifact_digest((file.path, file.size, file.sha256) for file in scanned),
        "card_sha256": card_sha256,
        "files": [
            {
                "path": file.path,
                "size": file.size,
                "sha256": file.sha256,
                "media_type": media_type_of(file.path),
                "role": description.roles[file.path],
            }
            for file in scanned
        ],
        **description.fields(),
        **({"ignored": ignored} if ignored else {}),
    }
    return Manifest.model_validate(document)


def _name_problems(model: str, version: str) -> list[Problem]:
    problems = []
    for field, value in (("--model", model), ("--version", version)):
        try:
            _NAME.validate_python(value)
        except ValidationError:
            fix = "Use lower-case letters, digits, '.' and '-', at most 63, such as kb-qa-001 or 2025.03.15."
            problems.append(Problem(file="", field=field, message=f"{value!r} is no name", fix=fix))
    if len(model) + len(version) + 1 > 253:
        problems.append(Problem(file="", field="--version", message="`<model>.<version>` has more than 253 characters"))
    return problems


def _read_card(folder: Path) -> bytes:
    file = folder / CARD
    try:
        with os.fdopen(os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as stream:
            regular = stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
            card = stream.read(LIMITS.card + 1) if regular else b""
    except OSError as error:
        why = "is a symbolic link" if error.errno == errno.ELOOP else f"cannot be read: {error.strerror}"
        raise InputError.single(str(file), why, _WRITE_CARD) from error
    if not regular:
        raise InputError.single(str(file), "is no regular file", _WRITE_CARD)
    if len(card) > LIMITS.card:
        raise InputError.single(str(file), f"is larger than {LIMITS.card} bytes", "Shorten the card.")
    return card


def sign_package(packaged: Package, key: PrivateKey, at_ns: int) -> bytes:
    """The package statement, signed, in a Sigstore bundle v0.3; the same bytes again, unless the key is in a device."""
    return bundle_json(sign_envelope(PAYLOAD_TYPE, packaged.statement(at_ns), [key]), key.public_key())


def sign_executable_content(packaged: Package, key: PrivateKey, at_ns: int) -> bytes:
    """What of the model can run, as a signed statement in a Sigstore bundle v0.3 (predicate executable-content/v1).

    Raises:
        InputError: more was found than a statement can hold.
    """
    predicate = executable_content(packaged.manifest, packaged.manifest_sha256, at_ns)
    return write_attestation(EXECUTABLE_CONTENT, predicate, (packaged.name, packaged.digest), [key], MANIFEST)


def check_output(folder: Path, output: Path) -> None:
    """Refuse an output that already holds something, or that would become part of the model.

    Raises:
        InputError: output inside the model's folder, or not a new or empty folder.
    """
    target = output.absolute()
    model = folder.resolve()
    if target.resolve().is_relative_to(model):
        raise InputError.single(str(output), "lies inside the model's folder", "Name a folder outside of it.")
    if target.is_symlink() or (target.exists() and not (target.is_dir() and not any(target.iterdir()))):
        fix = "Name a new folder; evidence is never overwritten, so move it over yourself."
        raise InputError.single(str(output), "is there already and not empty", fix)


def write_package(output: Path, files: Mapping[str, bytes]) -> None:
    """Write the files into a new or empty folder; it appears whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    target = output.absolute()
    work: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        for path, data in files.items():
            (work / path).parent.mkdir(parents=True, exist_ok=True)
            with (work / path).open("xb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
        work.chmod(0o755)
        # A rename replaces an empty folder and refuses any other, in one step.
        work.rename(target)
    except OSError as error:
        message = f"{output}: nothing was written: {error.strerror}. Make room, or name a new folder."
        raise OutputError(message) from error
    finally:
        if work is not None:
            shutil.rmtree(work, ignore_errors=True)
