"""A repository in an OCI registry (distribution spec 1.1): a `BlobStore` and a `BlobSink`.

What a tag means is the registry's word; everything read below it is verified by digest while it streams, whoever served
it. A broken download goes on where it broke off.
"""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from io import BufferedReader
from typing import TYPE_CHECKING, BinaryIO

import httpx

from weighbridge.canonical import digest as digest_of
from weighbridge.catalogue.source import display
from weighbridge.errors import InputError
from weighbridge.oci.credentials import find_credentials
from weighbridge.oci.documents import INDEX_TYPES, MANIFEST, MANIFEST_TYPES, described
from weighbridge.oci.referrers import list_referrers, update_fallback
from weighbridge.oci.store import (
    BUFFER,
    DIGEST,
    MANIFEST_LIMIT,
    ConflictError,
    Descriptor,
    MissingError,
    VerifiedReader,
    parse_descriptor,
    read_all,
)
from weighbridge.oci.transport import LIMITS, Transport
from weighbridge.oci.upload import upload

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from weighbridge.oci.credentials import Credentials
    from weighbridge.oci.store import Source
    from weighbridge.oci.transport import Limits

ACCEPT = ", ".join(sorted(MANIFEST_TYPES | INDEX_TYPES))
_KEPT = 32
"""Manifests kept in memory: what `resolve` fetched is usually read next."""


class Registry:
    """One repository; may be used by several threads."""

    def __init__(
        self,
        host: str,
        repository: str,
        *,
        plain_http: bool = False,
        credentials: Credentials | None = None,
        limits: Limits = LIMITS,
    ) -> None:
        """Name a repository; nothing is sent yet.

        Args:
            host: the registry, with its port if it has an unusual one.
            repository: its name there.
            plain_http: speak HTTP without TLS to a registry that is not on this machine; on this machine it always is.
            credentials: by default what Docker's or Podman's configuration has for the registry.
            limits: bounds.

        Raises:
            InputError: a configuration of credentials that cannot be read.
        """
        self.host, self.repository, self.limits = host, repository, limits
        self.name = f"{host}/{repository}"
        found = find_credentials(host) if credentials is None else credentials
        self.transport = Transport(host, repository, plain_http=plain_http, credentials=found, limits=limits)
        self._kept: dict[str, bytes] = {}

    def path(self, kind: str, reference: str) -> str:
        """`/v2/<repository>/<kind>/<reference>`."""
        return f"/v2/{self.repository}/{kind}/{reference}"

    def resolve(self, reference: str | None) -> Descriptor:
        """See `BlobStore`; without a tag or digest nothing is meant, for `latest` means something else every day."""
        if reference is None:
            raise InputError.single(self.name, "is named without a tag or digest", "Write host/repository:tag.")
        with self.transport.exchange("GET", self.path("manifests", reference), headers={"Accept": ACCEPT}) as response:
            if response.status_code == httpx.codes.NOT_FOUND:
                raise MissingError.single(self.name, f"holds no {display(reference)}", "Name what it holds.")
            if response.status_code != httpx.codes.OK:
                raise self.transport.unexpected(response, f"reading {reference}")
            data = self.transport.body(response, MANIFEST_LIMIT)
            claimed = response.headers.get("Docker-Content-Digest", "")
            media_type = response.headers.get("Content-Type", "").partition(";")[0].strip()
        return self._resolved(reference, data, claimed, media_type)

    def _resolved(self, reference: str, data: bytes, claimed: str, media_type: str) -> Descriptor:
        actual = digest_of(data)
        wanted = reference if DIGEST.match(reference) else claimed if DIGEST.match(claimed) else actual
        if actual != wanted:
            message = f"gives a manifest with the digest {actual} as {wanted}"
            raise InputError.single(self.name, message, "Somebody changed it, or it was broken off.")
        self._keep(actual, data)
        value = {"mediaType": media_type, "digest": actual, "size": len(data)}
        return parse_descriptor(value, f"{self.name}:{display(reference)}", "")

    def _keep(self, digest: str, data: bytes) -> None:
        while len(self._kept) >= _KEPT:
            self._kept.pop(next(iter(self._kept)), None)
        self._kept[digest] = data

    def read(self, descriptor: Descriptor, limit: int) -> bytes:
        """See `BlobStore`."""
        kept = self._kept.get(descriptor.digest)
        if kept is not None and len(kept) == descriptor.size <= limit:
            return kept
        with self.open(descriptor) as stream:
            data = read_all(stream, descriptor, limit, f"{self.name}: {descriptor.digest}")
        if descriptor.media_type in MANIFEST_TYPES | INDEX_TYPES:
            self._keep(descriptor.digest, data)
        return data

    @contextmanager
    def open(self, descriptor: Descriptor) -> Iterator[BinaryIO]:
        """See `BlobStore`; nothing is requested before the first read."""
        download = _Download(self, descriptor)
        try:
            name = f"{self.name}: {descriptor.digest}"
            yield BufferedReader(VerifiedReader(download.read, descriptor, name), BUFFER)
        finally:
            download.close()

    def referrers(self, digest: str) -> tuple[Descriptor, ...]:
        """See `BlobStore`: by the referrers API and by the fallback tag."""
        return list_referrers(self, digest)

    def has(self, digest: str) -> bool:
        """Whether the registry says that it holds the blob."""
        with self.transport.exchange("HEAD", self.path("blobs", digest), actions="pull,push") as response:
            return response.status_code == httpx.codes.OK

    def put_blob(self, descriptor: Descriptor, source: Source) -> bool:
        """See `BlobSink`."""
        if self.has(descriptor.digest):
            return False
        upload(self, descriptor, source)
        return True

    def put_manifest(self, data: bytes, media_type: str, tag: str | None = None) -> Descriptor:
        """See `BlobSink`; for manifests with a subject there is `put_referrers`."""
        descriptor = described(data, media_type)
        self.send_manifest(data, descriptor, tag or descriptor.digest)
        return descriptor

    def send_manifest(self, data: bytes, descriptor: Descriptor, reference: str, match: str = "") -> httpx.Headers:
        """Put a manifest, if need be only over the one with the given ETag.

        Raises:
            ConflictError: another one is there by now.
            InputError: refused.
        """
        headers = {"Content-Type": descriptor.media_type, "Content-Length": str(descriptor.size)}
        if match:
            headers["If-Match"] = match
        with self.transport.exchange(
            "PUT", self.path("manifests", reference), headers=headers, body=lambda: [data], actions="pull,push"
        ) as response:
            if response.status_code == httpx.codes.PRECONDITION_FAILED:
                raise ConflictError.single(self.name, f"{reference} has changed meanwhile", "Try again.")
            if response.status_code not in {httpx.codes.OK, httpx.codes.CREATED}:
                raise self.transport.unexpected(response, f"writing {reference}")
            said = response.headers.get("Docker-Content-Digest", descriptor.digest)
            if said != descriptor.digest:
                message = f"stored {reference} as {display(said)[:80]}, expected {descriptor.digest}"
                raise InputError.single(self.name, message, "Use another registry.")
            return response.headers

    def put_referrers(self, subject: Descriptor, manifests: Sequence[bytes]) -> None:
        """See `BlobSink`: where the registry does not say that it lists them, the fallback tag does."""
        unlisted = []
        for data in manifests:
            descriptor = described(data, MANIFEST)
            headers = self.send_manifest(data, descriptor, descriptor.digest)
            if headers.get("OCI-Subject") != subject.digest:
                unlisted.append((descriptor, data))
        if unlisted:
            update_fallback(self, subject.digest, unlisted)


class _Download:
    """A blob's bytes, fetched on demand; after a broken connection from where it broke off."""

    def __init__(self, registry: Registry, descriptor: Descriptor) -> None:
        self._registry, self._descriptor = registry, descriptor
        manifest = descriptor.media_type in MANIFEST_TYPES | INDEX_TYPES
        self._path = registry.path("manifests" if manifest else "blobs", descriptor.digest)
        self._headers = {"Accept": descriptor.media_type} if manifest else {}
        self._pieces: Iterator[bytes] | None = None
        self._connection = ExitStack()
        self._rest = b""
        self._count = 0
        self._started = time.monotonic()

    def read(self, size: int) -> bytes:
        """Up to `size` bytes; b"" at the end."""
        if not self._rest:
            self._rest = self._next()
        data, self._rest = self._rest[:size], self._rest[size:]
        self._count += len(data)
        return data

    def close(self) -> None:
        self._connection.close()

    def _next(self) -> bytes:
        limits = self._registry.limits
        for attempt in range(limits.attempts):
            if self._pieces is None:
                self._pieces = self._connect()
            try:
                piece = next(self._pieces, b"")
            except httpx.TransportError:
                piece = b""
            if piece or self._count >= self._descriptor.size:
                self._check_pace()
                return piece
            # The connection ended before the blob did.
            self._connection.close()
            self._pieces = None
            if attempt + 1 < limits.attempts:
                time.sleep(min(limits.backoff * 2**attempt, limits.longest_wait))
        return b""

    def _check_pace(self) -> None:
        limits, seconds = self._registry.limits, time.monotonic() - self._started
        if seconds > limits.answer + self._count / limits.slowest:
            message = f"gave {self._count:,} bytes of {self._descriptor.digest} in {seconds:.0f} s"
            raise InputError.single(self._registry.name, message, "Try again, or from a mirror that is faster.")

    def _connect(self) -> Iterator[bytes]:
        transport, headers = self._registry.transport, dict(self._headers)
        if self._count:
            headers["Range"] = f"bytes={self._count}-"
        response = self._connection.enter_context(transport.exchange("GET", self._path, headers=headers))
        if response.status_code == httpx.codes.NOT_FOUND:
            name = f"{self._registry.name}: {self._descriptor.digest}"
            raise MissingError.single(name, "is missing", "Push the artifact again.")
        if response.status_code == httpx.codes.PARTIAL_CONTENT and self._resumes(response):
            return transport.raw(response)
        if response.status_code != httpx.codes.OK:
            raise transport.unexpected(response, f"reading {self._descriptor.digest}")
        return _without(transport.raw(response), self._count)

    def _resumes(self, response: httpx.Response) -> bool:
        return response.headers.get("Content-Range", "").startswith(f"bytes {self._count}-") and self._count > 0


def _without(pieces: Iterator[bytes], count: int) -> Iterator[bytes]:
    """The pieces behind the first `count` bytes, for a server that does not resume."""
    for piece in pieces:
        skipped = min(count, len(piece))
        count -= skipped
        if rest := piece[skipped:]:
            yield rest
