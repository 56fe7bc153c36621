"""Pushing a packaged model: what `package` wrote, the model's files, and the evidence about them.

Order: read the package, hash the folder and compare it with the manifest, check every evidence file, and only then
send: blobs, the manifest by its digest, the evidence that refers to it, last the tag. So whoever resolves the tag finds
all of it.
"""

from __future__ import annotations

import io
import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, cast

from weighbridge.canonical import digest, parse_json
from weighbridge.catalogue.source import LIMITS, Source
from weighbridge.catalogue.validation import validate
from weighbridge.errors import InputError, Problem
from weighbridge.oci.documents import EMPTY, MANIFEST, described
from weighbridge.oci.evidence import attachment
from weighbridge.oci.modelpack import CONFIG_TYPE, FILE_PATH, ModelPack, build
from weighbridge.oci.parallel import Watched, in_parallel
from weighbridge.packaging import folder as folders
from weighbridge.packaging.digest import artifact_bytes
from weighbridge.packaging.manifest import Manifest
from weighbridge.packaging.scan import scan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path
    from threading import Event

    from weighbridge.oci.store import BlobSink, Descriptor
    from weighbridge.oci.store import Source as Opener
    from weighbridge.packaging.hashing import ScannedFile

    Progress = Callable[[int, int], None]
    """Called with the bytes just done and the bytes in all; from several threads."""

BESIDE = ("README.md", "artifact.json", "manifest.json")
"""What lies beside an artifact's files in its folder."""
_PACKAGE_AGAIN = "Package the folder again, or push the folder that was packaged."


@dataclass(frozen=True)
class Packaged:
    """A package and the folder that it is about, compared with each other."""

    folder: Path
    manifest: Manifest
    beside: Mapping[str, bytes]
    evidence: Mapping[str, bytes]
    """By file name."""
    pack: ModelPack = field(repr=False)

    @property
    def descriptor(self) -> Descriptor:
        """Of the ModelPack manifest."""
        return described(self.pack.data, MANIFEST)


@dataclass(frozen=True)
class Pushed:
    """What was pushed."""

    descriptor: Descriptor
    sent: int
    """Bytes that were not there yet."""
    there: int
    """Blobs that were there already."""
    evidence: int
    """Evidence files attached."""


def read_package(folder: Path, package: Path, *, progress: Progress | None = None) -> Packaged:
    """Read a package and compare it with the model's folder, every byte of which is hashed.

    Args:
        folder: the model's folder.
        package: what `weighbridge package` wrote about it; may be the same folder.
        progress: told how many bytes have been hashed.

    Raises:
        InputError: the two do not agree, file by file, or an evidence file holds no signed statement.
    """
    source = Source(package)
    beside = {
        "README.md": source.read("README.md", LIMITS.card),
        "artifact.json": source.read("artifact.json", LIMITS.manifest),
        "manifest.json": source.read("manifest.json", LIMITS.manifest),
    }
    manifest = validate(Manifest, parse_json(beside["manifest.json"], "manifest.json"), "manifest.json")
    if artifact_bytes(manifest.entries()) != beside["artifact.json"]:
        raise InputError.single("artifact.json", "does not have the files of manifest.json", _PACKAGE_AGAIN)
    evidence = _read_evidence(source)
    _compare(manifest, scan(folder, progress=progress))
    packaged = Packaged(folder, manifest, beside, evidence, build(manifest, beside))
    for name, data in evidence.items():
        attachment(data, name, packaged.descriptor)
    return packaged


def _read_evidence(source: Source) -> dict[str, bytes]:
    if not source.exists("evidence"):
        return {}
    entries, problems = source.entries("evidence")
    if len(entries) > LIMITS.folder:
        raise InputError.single("evidence", f"holds more than {LIMITS.folder} files", "Keep what is still judged.")
    for entry in entries:
        if entry.kind != "file" or not entry.name.endswith(".json"):
            problems.append(Problem(f"evidence/{entry.name}", message="is no evidence", fix="Keep only *.json there."))
    if problems:
        raise InputError(problems)
    return {entry.name: source.read(f"evidence/{entry.name}", LIMITS.evidence) for entry in entries}


def _compare(manifest: Manifest, scanned: Sequence[ScannedFile]) -> None:
    there = {file.path: (file.size, file.sha256) for file in scanned}
    listed = {path: (size, sha256) for path, size, sha256 in manifest.entries()}
    problems = []
    for path in sorted(there.keys() | listed.keys()):
        if path not in listed:
            problems.append(Problem(path, message="is not in manifest.json", fix=_PACKAGE_AGAIN))
        elif path not in there:
            problems.append(Problem(path, message="is in manifest.json but not in the folder", fix=_PACKAGE_AGAIN))
        elif there[path] != listed[path]:
            problems.append(Problem(path, message="is not the file that manifest.json describes", fix=_PACKAGE_AGAIN))
    if problems:
        raise InputError(problems)


def push(packaged: Packaged, sink: BlobSink, tag: str | None, *, progress: Progress | None = None) -> Pushed:
    """Push a package; the tag is set last.

    Args:
        packaged: as `read_package` returned it.
        sink: a registry's repository or a new layout.
        tag: to set; None sets none.
        progress: told how many bytes have been sent.

    Raises:
        InputError: the registry refuses something, or a file changed since it was hashed.
    """
    pack, subject = packaged.pack, packaged.descriptor
    sources = _sources(packaged)
    total = sum(descriptor.size for descriptor, _ in sources)

    def one(item: tuple[Descriptor, Opener], stop: Event) -> int:
        descriptor, source = item
        watched = Watched(lambda count: progress(count, total) if progress else None, stop)
        sent = sink.put_blob(descriptor, _watching(source, watched))
        watched.reach(descriptor.size)
        return descriptor.size if sent else -1

    # Largest first, so that no thread is left alone with it at the end.
    results = in_parallel(one, sorted(sources, key=lambda item: (-item[0].size, item[0].digest)))
    sink.put_manifest(pack.data, MANIFEST)
    _attach(packaged, sink, subject)
    if tag is not None:
        sink.put_manifest(pack.data, MANIFEST, tag)
    sent = [size for size in results if size >= 0]
    return Pushed(subject, sum(sent), len(results) - len(sent), len(packaged.evidence))


def _attach(packaged: Packaged, sink: BlobSink, subject: Descriptor) -> None:
    manifests = []
    for name, data in sorted(packaged.evidence.items()):
        manifest, layer = attachment(data, name, subject)
        sink.put_blob(layer, _bytes(data))
        manifests.append(manifest)
    if manifests:
        sink.put_blob(EMPTY, _bytes(b"{}"))
        sink.put_referrers(subject, manifests)


def _sources(packaged: Packaged) -> list[tuple[Descriptor, Opener]]:
    """Every blob of the model once, and what opens it."""
    seen = folders.walk(packaged.folder).files
    found: dict[str, tuple[Descriptor, Opener]] = {}
    for layer in packaged.pack.layers:
        path = layer.annotations[FILE_PATH]
        if path in packaged.beside:
            found[layer.digest] = layer, _bytes(packaged.beside[path])
        elif path not in seen:
            raise InputError([folders.changed(path)])
        else:
            found[layer.digest] = layer, _file(packaged.folder, path, seen[path])
    config = packaged.pack.config
    found[digest(config)] = described(config, CONFIG_TYPE), _bytes(config)
    return list(found.values())


def _watching(source: Opener, watched: Watched) -> Opener:
    @contextmanager
    def opened() -> Iterator[BinaryIO]:
        with source() as stream:
            yield cast(BinaryIO, watched.over(stream))

    return opened


def _bytes(data: bytes) -> Opener:
    @contextmanager
    def opened() -> Iterator[BinaryIO]:
        yield io.BytesIO(data)

    return opened


def _file(folder: Path, path: str, seen: folders.Seen) -> Opener:
    @contextmanager
    def opened() -> Iterator[BinaryIO]:
        try:
            descriptor = folders.open_seen(folder, seen)
        except OSError as error:
            raise InputError.single(path, f"cannot be read: {error.strerror}", "Give read permission.") from error
        if descriptor is None:
            raise InputError([folders.changed(path)])
        with os.fdopen(descriptor, "rb") as stream:
            yield stream

    return opened
