"""Content-addressed stores: what a layout and a registry have in common.

Nothing a store says is believed: a blob is what its digest says, or an error. Only a tag's meaning is the store's own
word, so `resolve` returns the descriptor, digest and all, and everything below is verified against that.

Sources: OCI image spec 1.1 (descriptor, image layout), OCI distribution spec 1.1.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from weighbridge.catalogue.source import display
from weighbridge.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from _typeshed import WriteableBuffer

    from weighbridge.oci.credentials import Credentials

    Source = Callable[[], AbstractContextManager[BinaryIO]]
    """Opens a blob's bytes; called again for every attempt at an upload."""

DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}\Z")
MANIFEST_LIMIT = 4 * 1024**2
"""Largest manifest or index, in bytes: what the distribution spec asks every registry to take."""
BUFFER = 1024**2
"""Bytes that are read, hashed and written at a time."""
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+;= -]{0,126}\Z")
_ANNOTATIONS = 1000
_WHOLE = "Push it anew with the tool that wrote it."


class MissingError(InputError):
    """There is no such thing in the store; everything else that is wrong stays an `InputError`."""


class ConflictError(InputError):
    """A conditional write came too late: somebody else has written meanwhile."""


@dataclass(frozen=True)
class Descriptor:
    """What a blob is, by digest (OCI image spec, descriptor.md)."""

    media_type: str
    digest: str
    """`sha256:<64 lower-case hex>`."""
    size: int
    """Bytes."""
    annotations: Mapping[str, str] = field(default_factory=dict, hash=False)
    artifact_type: str = ""

    def document(self) -> dict[str, Any]:
        """The descriptor as JSON value."""
        document: dict[str, Any] = {"mediaType": self.media_type, "digest": self.digest, "size": self.size}
        if self.annotations:
            document["annotations"] = dict(self.annotations)
        if self.artifact_type:
            document["artifactType"] = self.artifact_type
        return document


class BlobStore(Protocol):
    """Where content is read from."""

    def resolve(self, reference: str | None) -> Descriptor:
        """The manifest that a tag or a digest names; None means the only one that there is.

        Raises:
            MissingError: there is none.
            InputError: more than one, or nothing that could be read.
        """
        ...

    def read(self, descriptor: Descriptor, limit: int) -> bytes:
        """The bytes of a blob or manifest, size and digest verified.

        Raises:
            InputError: larger than `limit` bytes, missing, or not what the descriptor says.
        """
        ...

    def open(self, descriptor: Descriptor) -> AbstractContextManager[BinaryIO]:
        """A blob as a stream; the read that reaches its end raises InputError unless size and digest are right.

        Whoever acts on what it read before the end, or stops earlier, acts on bytes that nobody verified.
        """
        ...

    def referrers(self, digest: str) -> tuple[Descriptor, ...]:
        """The manifests that say they refer to a digest, by the store's own word: read them and compare `subject`."""
        ...


class BlobSink(Protocol):
    """Where content is written to."""

    def put_blob(self, descriptor: Descriptor, source: Source) -> bool:
        """Store a blob under its digest; False if it was there already."""
        ...

    def put_manifest(self, data: bytes, media_type: str, tag: str | None = None) -> Descriptor:
        """Store a manifest whose blobs are there, and let a tag point to it."""
        ...

    def put_referrers(self, subject: Descriptor, manifests: Sequence[bytes]) -> None:
        """Store OCI image manifests with this `subject`, so that `referrers` finds them."""
        ...


def parse_descriptor(value: Any, file: str, where: str) -> Descriptor:
    """A descriptor from JSON, strictly; `urls`, `data` and `platform` are not read.

    Args:
        value: the JSON value.
        file: the document's name, for the error.
        where: the field's path, for the error.

    Raises:
        InputError: a digest that is no SHA-256, a size that is none, or anything else of the wrong form.
    """
    if not isinstance(value, Mapping):
        raise InputError.single(file, "is no descriptor", _WHOLE, field=where)
    digest, size = value.get("digest"), value.get("size")
    if not isinstance(digest, str) or not DIGEST.match(digest):
        raise InputError.single(file, f"is {digest!a:.100}, expected a SHA-256 digest", _WHOLE, field=f"{where}.digest")
    if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size < 2**53:
        raise InputError.single(file, f"is {size!a:.40}, expected a number of bytes", _WHOLE, field=f"{where}.size")
    return Descriptor(
        media_type_of(value, "mediaType", file, where),
        digest,
        size,
        annotations_of(value, file, where),
        media_type_of(value, "artifactType", file, where) if "artifactType" in value else "",
    )


def media_type_of(value: Mapping[str, Any], key: str, file: str, where: str) -> str:
    """The media type under a key (RFC 6838), or an InputError."""
    given = value.get(key)
    if not isinstance(given, str) or not _MEDIA_TYPE.match(given):
        field_path = f"{where}.{key}".lstrip(".")
        raise InputError.single(file, f"is {given!a:.100}, expected a media type", _WHOLE, field=field_path)
    return given


def annotations_of(value: Mapping[str, Any], file: str, where: str) -> dict[str, str]:
    """The annotations of a manifest or descriptor: text to text, or an InputError."""
    given = value.get("annotations")
    if given is None:
        return {}
    right = isinstance(given, Mapping) and len(given) <= _ANNOTATIONS
    if not right or not all(isinstance(key, str) and isinstance(text, str) for key, text in given.items()):
        field_path = f"{where}.annotations".lstrip(".")
        raise InputError.single(file, f"maps no text to text, or more than {_ANNOTATIONS}", _WHOLE, field=field_path)
    return dict(given)


class VerifiedReader(io.RawIOBase):
    """A stream that gives its last byte only when size and digest are those of the descriptor."""

    def __init__(self, read: Callable[[int], bytes], descriptor: Descriptor, name: str) -> None:
        """Wrap a source.

        Args:
            read: gives up to that many bytes, b"" at the end.
            descriptor: what must come.
            name: of the blob, for errors.
        """
        super().__init__()
        self._read, self._descriptor, self._name = read, descriptor, name
        self._sha256, self._count = hashlib.sha256(), 0
        if descriptor.size == 0:
            self._finish()

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill the buffer; see `BlobStore.open` for what is raised at the end."""
        view = memoryview(buffer)
        left = self._descriptor.size - self._count
        if not left or not view.nbytes:
            return 0
        data = self._read(min(len(view), left))
        if not data:
            raise self._wrong(f"ends after {self._count:,} bytes, expected {self._descriptor.size:,}")
        self._sha256.update(data)
        self._count += len(data)
        if self._count == self._descriptor.size:
            self._finish()
        view[: len(data)] = data
        return len(data)

    def _finish(self) -> None:
        if self._read(1):
            raise self._wrong(f"has more than the {self._descriptor.size:,} bytes that its descriptor says")
        if f"sha256:{self._sha256.hexdigest()}" != self._descriptor.digest:
            raise self._wrong(f"has the digest sha256:{self._sha256.hexdigest()}, expected {self._descriptor.digest}")

    def _wrong(self, message: str) -> InputError:
        return InputError.single(self._name, message, "Fetch it again; if that does not help, somebody changed it.")


def read_all(stream: BinaryIO, descriptor: Descriptor, limit: int, name: str) -> bytes:
    """A verified stream's bytes.

    Raises:
        InputError: the descriptor has more than `limit` bytes, or what the stream raises.
    """
    if descriptor.size > limit:
        message = f"has {descriptor.size:,} bytes, more than {limit:,}"
        raise InputError.single(name, message, "It is larger than anything of its kind should be.")
    return stream.read()


def chunks(stream: BinaryIO) -> Iterator[bytes]:
    """The stream's bytes, piece by piece."""
    while data := stream.read(BUFFER):
        yield data


def open_store(
    location: str, *, plain_http: bool = False, credentials: Credentials | None = None
) -> tuple[BlobStore, str | None]:
    """The store that a location names, and the tag or digest in it.

    Args:
        location: `oci://host/repository[:tag][@digest]` or `oci-layout:PATH[:tag|@digest]`.
        plain_http: speak HTTP without TLS to a registry that is not on this machine.
        credentials: for a registry; None: what Docker's configuration has.

    Raises:
        InputError: no such location.
    """
    if location.startswith("oci-layout:"):
        from weighbridge.oci.layout import Layout, split_location  # noqa: PLC0415 -- layouts import this module

        path, reference = split_location(location)
        return Layout(path), reference
    if location.startswith("oci://"):
        from weighbridge.oci.reference import parse_reference  # noqa: PLC0415 -- references import this module
        from weighbridge.oci.registry import Registry  # noqa: PLC0415 -- registries import this module

        named = parse_reference(location)
        registry = Registry(named.host, named.repository, plain_http=plain_http, credentials=credentials)
        return registry, named.reference
    raise InputError.single(
        display(location), "is no location of an artifact", "Write oci://host/repository:tag or oci-layout:PATH."
    )
