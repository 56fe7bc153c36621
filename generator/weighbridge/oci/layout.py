"""OCI image layouts: folders with `oci-layout`, `index.json` and `blobs/sha256/<hex>`.

Source: OCI image spec 1.1, image-layout.md.

Reading follows links, since some build tools link their blobs: what is read is verified by its digest, so a link can
lead to nothing but the right bytes. Writing fills a new folder that appears by one rename.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from weighbridge.canonical import canonical, parse_json
from weighbridge.catalogue.source import display
from weighbridge.errors import InputError, OutputError
from weighbridge.oci.documents import (
    INDEX_TYPES,
    MANIFEST,
    MANIFEST_TYPES,
    Index,
    described,
    index_json,
    media_type_in,
    parse_manifest,
)
from weighbridge.oci.store import (
    BUFFER,
    DIGEST,
    MANIFEST_LIMIT,
    TAG,
    Descriptor,
    MissingError,
    VerifiedReader,
    chunks,
    read_all,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from weighbridge.oci.documents import ImageManifest
    from weighbridge.oci.store import Source

REF_NAME = "org.opencontainers.image.ref.name"
_VERSION = "1.0.0"
_COSIGN_IMAGE = "dev.cosignproject.cosign/image"
_COSIGN_ATTESTATIONS = "dev.cosignproject.cosign/atts"
"""What `cosign save` writes under the annotation `kind` instead of tags; such a layout holds one image."""
_MAX_DEPTH = 4
_MAX_VISITED = 10_000
_LAYOUT = "Name the folder that holds oci-layout, index.json and blobs/."


def split_location(location: str) -> tuple[Path, str | None]:
    """The folder and the tag or digest of `oci-layout:PATH[:tag|@digest]`; a colon before the last slash is a name's.

    Raises:
        InputError: no path, or neither tag nor digest behind it.
    """
    path = location.removeprefix("oci-layout:")
    reference: str | None = None
    head, at, digest = path.rpartition("@")
    if at and "/" not in digest:
        path, reference = head, digest
    elif ":" in path.rpartition("/")[2]:
        path, _, reference = path.rpartition(":")
    if not path or (reference is not None and not (DIGEST.match(reference) or TAG.match(reference))):
        fix = "Write oci-layout:PATH, oci-layout:PATH:tag or oci-layout:PATH@sha256:..."
        raise InputError.single(display(location), "is no location of an OCI layout", fix)
    return Path(path), reference


class Layout:
    """A layout that is read; a `BlobStore`."""

    def __init__(self, path: Path) -> None:
        """Open a layout.

        Raises:
            InputError: it is none, or of another version.
        """
        self.path = path
        self.name = display(str(path))
        marker = parse_json(self._bounded("oci-layout", 4096), f"{self.name}/oci-layout")
        version = marker.get("imageLayoutVersion") if isinstance(marker, dict) else None
        if version != _VERSION:
            message = f"says imageLayoutVersion {version!a:.40}, expected {_VERSION}"
            raise InputError.single(f"{self.name}/oci-layout", message, _LAYOUT)
        data = self._bounded("index.json", MANIFEST_LIMIT)
        index = parse_manifest(data, described(data, ""), f"{self.name}/index.json")
        if not isinstance(index, Index):
            raise InputError.single(f"{self.name}/index.json", "is no index", _LAYOUT)
        self.index = index

    def resolve(self, reference: str | None) -> Descriptor:
        """See `BlobStore`; a tag is the annotation `org.opencontainers.image.ref.name`."""
        entries = [entry.descriptor for entry in self.index.manifests]
        if reference is not None and DIGEST.match(reference):
            return next((entry for entry in entries if entry.digest == reference), None) or self._unlisted(reference)
        if reference is not None:
            kind = _COSIGN_ATTESTATIONS if reference.endswith(".att") else ""
            entries = [
                entry
                for entry in entries
                if entry.annotations.get(REF_NAME) == reference or (kind and entry.annotations.get("kind") == kind)
            ]
        elif len(entries) > 1:
            # Evidence lies beside what it is about, and fallback tags too: neither is what somebody names a layout for.
            entries = [entry for entry in entries if not self._refers(entry)]
        found = {entry.digest: entry for entry in entries}
        if len(found) == 1:
            return next(iter(found.values()))
        what = "holds no manifest" if not found else f"holds {len(found)} manifests"
        tags = sorted({entry.descriptor.annotations.get(REF_NAME, "") for entry in self.index.manifests} - {""})
        tagged = f" with the tag {display(reference)}" if reference is not None else ""
        known = f"Tags: {', '.join(display(tag) for tag in tags[:20])}." if tags else "Name one by its digest."
        fault = InputError if found else MissingError
        raise fault.single(self.name, what + tagged, known)

    def _refers(self, entry: Descriptor) -> bool:
        kind = entry.annotations.get("kind", "")
        if entry.annotations.get(REF_NAME, "").startswith("sha256-") or (kind and kind != _COSIGN_IMAGE):
            return True
        try:
            return self._parsed(entry).subject is not None
        except InputError:
            return False

    def _unlisted(self, digest: str) -> Descriptor:
        path = self._blob(digest)
        size = path.stat().st_size if path.is_file() else -1
        if size < 0:
            raise MissingError.single(self.name, f"holds no {digest}", "Name a digest that it holds.")
        data = self.read(Descriptor("application/octet-stream", digest, size), MANIFEST_LIMIT)
        return Descriptor(media_type_in(data, f"{self.name}: {digest}"), digest, size)

    def read(self, descriptor: Descriptor, limit: int) -> bytes:
        """See `BlobStore`."""
        with self.open(descriptor) as stream:
            return read_all(stream, descriptor, limit, f"{self.name}: {descriptor.digest}")

    @contextmanager
    def open(self, descriptor: Descriptor) -> Iterator[BinaryIO]:
        """See `BlobStore`."""
        name = f"{self.name}: {descriptor.digest}"
        with self._file(self._blob(descriptor.digest), name) as raw:
            yield BufferedReader(VerifiedReader(raw.read, descriptor, name), BUFFER)

    def referrers(self, digest: str) -> tuple[Descriptor, ...]:
        """See `BlobStore`: every manifest that the index reaches and whose `subject` is the digest."""
        found: dict[str, Descriptor] = {}
        visited: set[str] = set()
        waiting = [(entry.descriptor, 0) for entry in self.index.manifests]
        while waiting:
            descriptor, depth = waiting.pop()
            if descriptor.digest in visited or descriptor.media_type not in MANIFEST_TYPES | INDEX_TYPES:
                continue
            visited.add(descriptor.digest)
            if len(visited) > _MAX_VISITED or depth > _MAX_DEPTH:
                message = f"nests or holds more than {_MAX_VISITED:,} manifests"
                raise InputError.single(self.name, message, "Name a smaller layout.")
            try:
                manifest = self._parsed(descriptor)
            except MissingError:
                continue  # a layout may hold one platform of many
            if manifest.subject is not None and manifest.subject.digest == digest:
                artifact_type = "" if isinstance(manifest, Index) else manifest.artifact_type
                entry = replace(descriptor, annotations=manifest.annotations, artifact_type=artifact_type)
                found[descriptor.digest] = entry
            if isinstance(manifest, Index):
                waiting += [(entry.descriptor, depth + 1) for entry in manifest.manifests]
        return tuple(found[key] for key in sorted(found))

    def _parsed(self, descriptor: Descriptor) -> ImageManifest | Index:
        return parse_manifest(self.read(descriptor, MANIFEST_LIMIT), descriptor, f"{self.name}: {descriptor.digest}")

    def _blob(self, digest: str) -> Path:
        if not DIGEST.match(digest):  # it becomes a file name
            raise InputError.single(self.name, f"{digest!a:.100} is no SHA-256 digest", "Use SHA-256.")
        return self.path / "blobs" / "sha256" / digest.removeprefix("sha256:")

    def _bounded(self, file: str, limit: int) -> bytes:
        name = f"{self.name}/{file}"
        with self._file(self.path / file, name) as stream:
            data = stream.read(limit + 1)
        if len(data) > limit:
            raise InputError.single(name, f"has more than {limit:,} bytes", _LAYOUT)
        return data

    @contextmanager
    def _file(self, path: Path, name: str) -> Iterator[BinaryIO]:
        try:
            # O_NONBLOCK: opening a FIFO that nobody writes to would wait for ever.
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise MissingError.single(name, "is missing", _LAYOUT) from error
        except OSError as error:
            raise InputError.single(name, f"cannot be read: {error.strerror}", _LAYOUT) from error
        with os.fdopen(descriptor, "rb") as stream:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise InputError.single(name, "is no regular file", _LAYOUT)
            yield stream


class LayoutWriter:
    """A new layout; a `BlobSink`. Nothing of it can be seen before `finish`."""

    def __init__(self, path: Path) -> None:
        """Start a layout beside the place where it will be.

        Raises:
            InputError: something is there already.
            OutputError: the folder cannot be written.
        """
        self.path = path.absolute()
        if self.path.is_symlink() or (self.path.exists() and not (self.path.is_dir() and not any(self.path.iterdir()))):
            raise InputError.single(display(str(path)), "is there already and not empty", "Name a new folder.")
        self._entries: dict[tuple[str, str], Descriptor] = {}
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._work = Path(tempfile.mkdtemp(prefix=f".{self.path.name}.", dir=self.path.parent))
            (self._work / "blobs" / "sha256").mkdir(parents=True)
        except OSError as error:
            raise _unwritten(path, error) from error

    def put_blob(self, descriptor: Descriptor, source: Source) -> bool:
        """See `BlobSink`; what the source gives is verified.

        Raises:
            InputError: the source gives other bytes than the descriptor says.
            OutputError: it cannot be written.
        """
        target = self._work / "blobs" / "sha256" / descriptor.digest.removeprefix("sha256:")
        if target.exists():
            return False
        with source() as raw:
            reader = BufferedReader(VerifiedReader(raw.read, descriptor, descriptor.digest), BUFFER)
            try:
                with target.open("xb") as stream:
                    for data in chunks(reader):
                        stream.write(data)
                    stream.flush()
                    os.fsync(stream.fileno())
            except OSError as error:
                raise _unwritten(self.path, error) from error
        return True

    def put_manifest(self, data: bytes, media_type: str, tag: str | None = None) -> Descriptor:
        """See `BlobSink`."""
        descriptor = described(data, media_type)
        target = self._work / "blobs" / "sha256" / descriptor.digest.removeprefix("sha256:")
        try:
            target.write_bytes(data)
        except OSError as error:
            raise _unwritten(self.path, error) from error
        parsed = parse_manifest(data, descriptor, descriptor.digest)
        artifact_type = "" if isinstance(parsed, Index) else parsed.artifact_type
        annotations = {REF_NAME: tag} if tag else {}
        if tag:
            self._entries.pop(("", descriptor.digest), None)
        entry = replace(descriptor, annotations=annotations, artifact_type=artifact_type)
        self._entries[tag or "", descriptor.digest] = entry
        return descriptor

    def put_referrers(self, subject: Descriptor, manifests: Sequence[bytes]) -> None:  # noqa: ARG002 -- they name it
        """See `BlobSink`."""
        for data in manifests:
            self.put_manifest(data, MANIFEST)

    def finish(self) -> None:
        """Let the layout appear.

        Raises:
            OutputError: it cannot be written; nothing is left behind.
        """
        entries = [entry.document() for _, entry in sorted(self._entries.items())]
        try:
            (self._work / "oci-layout").write_bytes(canonical({"imageLayoutVersion": _VERSION}))
            (self._work / "index.json").write_bytes(index_json(entries))
            self._work.chmod(0o755)
            self._work.rename(self.path)
        except OSError as error:
            raise _unwritten(self.path, error) from error

    def discard(self) -> None:
        """Remove what has not appeared; harmless after `finish`."""
        shutil.rmtree(self._work, ignore_errors=True)


def _unwritten(path: Path, error: OSError) -> OutputError:
    return OutputError(f"{path}: nothing was written: {error.strerror}. Make room, or name a new folder.")
