"""Who refers to a digest: by the referrers API, and by the index under the tag `sha256-<hex>`.

That index is written by clients where there is no API, so two can overwrite each other. As the distribution spec has
it, it is written with `If-Match` where the registry gives an ETag; as few registries heed that, it is read again after
it was written, until it twice holds all that was added.

Source: OCI distribution spec 1.1, Listing Referrers, Pushing Manifests with Subject, Referrers Tag Schema.
"""

from __future__ import annotations

import random
import re
import time
from typing import TYPE_CHECKING, Any

import httpx

from weighbridge.canonical import parse_json
from weighbridge.errors import InputError
from weighbridge.oci.documents import (
    INDEX,
    MAX_MANIFESTS,
    Index,
    described,
    index_json,
    parse_manifest,
)
from weighbridge.oci.store import MANIFEST_LIMIT, ConflictError, Descriptor, parse_descriptor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weighbridge.oci.registry import Registry

_UNSUPPORTED = frozenset({400, 404, 405, 406, 501})
"""How registries without the API answer."""
_NEXT = re.compile(r'<([^>]{1,4096})>\s*;\s*rel="?next"?')
_ROUNDS = 20


def fallback_tag(digest: str) -> str:
    """`sha256-<hex>`, the tag of the index of referrers."""
    return digest.replace(":", "-")


def list_referrers(registry: Registry, digest: str) -> tuple[Descriptor, ...]:
    """What a registry lists as referring to a digest, each once, sorted by digest.

    Raises:
        InputError: a list that is none, has too many entries or pages, or leads to another server.
    """
    # A registry that got the API later should list what lies under the tag, too; not every one does, and what it
    # leaves out may be the newer, failing evidence.
    entries = (_from_api(registry, digest) or []) + _entries(_fallback(registry, digest)[0])
    file = f"{registry.name}: referrers of {digest}"
    found = {}
    for index, entry in enumerate(entries):
        descriptor = parse_descriptor(entry, file, f"manifests[{index}]")
        found[descriptor.digest] = descriptor
    return tuple(found[key] for key in sorted(found))


def _entries(document: dict[str, Any]) -> list[Any]:
    entries: list[Any] = document["manifests"]
    return entries


def _from_api(registry: Registry, digest: str) -> list[Any] | None:
    """The entries of all pages; None where the registry does not know the API."""
    target, seen, entries = registry.path("referrers", digest), set[str](), list[Any]()
    while target:
        if target in seen or len(seen) >= registry.limits.pages:
            message = f"has more than {registry.limits.pages} pages, or pages that lead in circles"
            raise InputError.single(f"{registry.name}: referrers of {digest}", message, "Use another registry.")
        seen.add(target)
        with registry.transport.exchange("GET", target, headers={"Accept": INDEX}) as response:
            media_type = response.headers.get("Content-Type", "").partition(";")[0].strip()
            unknown = response.status_code == httpx.codes.OK and media_type != INDEX
            # A server that answers every path with a page of its own does not know the API either.
            if (response.status_code in _UNSUPPORTED or unknown) and len(seen) == 1:
                return None
            if response.status_code != httpx.codes.OK or unknown:
                raise registry.transport.unexpected(response, f"listing referrers of {digest}")
            data = registry.transport.body(response, MANIFEST_LIMIT)
            link = _NEXT.search(response.headers.get("Link", ""))
        entries += _entries(_index(data, f"{registry.name}: referrers of {digest}"))
        if len(entries) > MAX_MANIFESTS:
            message = f"has more than {MAX_MANIFESTS:,} entries"
            raise InputError.single(f"{registry.name}: referrers of {digest}", message, "Use another repository.")
        target = str(registry.transport.own_url(link.group(1))) if link else ""
    return entries


def _index(data: bytes, file: str) -> dict[str, Any]:
    """The index as JSON value, so that what is written back loses nothing."""
    if not isinstance(parse_manifest(data, described(data, INDEX), file), Index):
        raise InputError.single(file, "is no index", "Remove what somebody tagged so, or use another repository.")
    document: dict[str, Any] = parse_json(data, file)
    return document


def _fallback(registry: Registry, digest: str) -> tuple[dict[str, Any], str]:
    """The index under the fallback tag, an empty one if there is none, and its ETag."""
    tag = fallback_tag(digest)
    with registry.transport.exchange("GET", registry.path("manifests", tag), headers={"Accept": INDEX}) as response:
        if response.status_code == httpx.codes.NOT_FOUND:
            return {"manifests": []}, ""
        if response.status_code != httpx.codes.OK:
            raise registry.transport.unexpected(response, f"reading {tag}")
        data = registry.transport.body(response, MANIFEST_LIMIT)
        return _index(data, f"{registry.name}:{tag}"), response.headers.get("ETag", "")


def update_fallback(registry: Registry, digest: str, added: Sequence[tuple[Descriptor, bytes]]) -> None:
    """Add manifests to the index under a digest's fallback tag, beside others who do the same.

    Args:
        registry: where they are.
        digest: of the subject.
        added: the manifests that were written, and their bytes.

    Raises:
        InputError: another kind of manifest has the tag, or others overwrite it again and again.
    """
    wanted = [_entry(descriptor, data) for descriptor, data in added]
    seen = 0
    for _ in range(_ROUNDS):
        document, tag = _fallback(registry, digest)
        listed = {entry["digest"] for entry in document["manifests"]}
        missing = [entry for entry in wanted if entry["digest"] not in listed]
        if not missing:
            seen += 1
            if seen == 2:
                return
        else:
            seen = 0
            data = index_json([*document["manifests"], *missing])
            if len(data) > MANIFEST_LIMIT:
                message = f"would have {len(data):,} bytes, more than {MANIFEST_LIMIT:,}"
                raise InputError.single(f"{registry.name}:{fallback_tag(digest)}", message, "Attach less evidence.")
            try:
                registry.send_manifest(data, described(data, INDEX), fallback_tag(digest), match=tag)
            except ConflictError:
                continue
        # Whoever read the index before it was written writes it within a moment: wait longer than that.
        time.sleep(0.05 + random.random() / 10)  # noqa: S311 -- spreads clients, no secret
    message = "is overwritten by others again and again"
    raise InputError.single(f"{registry.name}:{fallback_tag(digest)}", message, "Push again when they are done.")


def _entry(descriptor: Descriptor, data: bytes) -> dict[str, Any]:
    """The entry that the spec asks for: the manifest's artifact type and annotations."""
    manifest = parse_manifest(data, descriptor, descriptor.digest)
    artifact_type = "" if isinstance(manifest, Index) else manifest.artifact_type
    return Descriptor(
        descriptor.media_type, descriptor.digest, descriptor.size, manifest.annotations, artifact_type
    ).document()
