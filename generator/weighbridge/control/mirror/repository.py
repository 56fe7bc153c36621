"""A repository in an OCI registry, in the form that OPA's own downloader takes.

Each bundle is an artifact of its own: one layer, the tar.gz, tagged `<environment>-live` and
`<environment>-<point>-release`; while keys are rotated, with `-<fp16>` behind. The log and what clusters are told lie
beside them (`<environment>-log`, `<environment>-livestate`). The manifest's annotations say the sequence, so an older
one gives way to a newer; registries take tags without conditions, so of two replicas within a moment the older may win
until the next publication.

Sources: OPA, `v1/download/oci_download.go` (media types); OCI distribution spec 1.1.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from weighbridge.canonical import canonical, parse_json, sha256_hex
from weighbridge.control.mirror.place import MirrorError, check_log
from weighbridge.control.mirror.publication import Kind
from weighbridge.errors import InputError
from weighbridge.oci.documents import MANIFEST, described
from weighbridge.oci.registry import Registry
from weighbridge.oci.store import MANIFEST_LIMIT, MissingError, parse_descriptor
from weighbridge.oci.transport import Limits

if TYPE_CHECKING:
    from weighbridge.control.mirror.publication import MirroredFile, Publication
    from weighbridge.oci.store import Descriptor

CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
SEQUENCE = "dev.weighbridge.sequence"
ENVIRONMENT = "dev.weighbridge.environment"
_MAX_LOG_BYTES = 1024**3
_LIMITS = Limits(attempts=1, connect_attempts=1, connect=5, silence=15, answer=60)
"""The mirror tries again itself, with what is newest by then; an exchange that waits long would hold that up."""
_CONFIG = b"{}"


class Repository:
    """A repository.

    Args:
        name: as the user wrote it.
        host: of the registry.
        repository: its name there.
        registry: instead of one at that host, for tests.
    """

    def __init__(self, name: str, host: str, repository: str, registry: Registry | None = None) -> None:
        self.name = name
        self._registry = registry or Registry(host, repository, limits=_LIMITS)

    def write(self, publication: Publication) -> int:
        """See `Place`.

        Raises:
            InputError: the registry refuses, or cannot be reached.
        """
        files = publication.in_order()
        there = {file.path: self._there(file, publication) for file in files}
        newest = max((sequence for sequence, _ in there.values()), default=0)
        if newest > publication.sequence:
            return newest
        for file in files:
            _, layer = there[file.path]
            if file.kind is Kind.LOG and layer is not None and layer.digest != f"sha256:{file.sha256}":
                present = self._registry.read(layer, _MAX_LOG_BYTES)
                check_log(file.path, file.data, len(present), sha256_hex(present))
        for file in files:
            # The sequence is in every manifest, but what did not change keeps its older one.
            _, layer = there[file.path]
            if layer is None or layer.digest != f"sha256:{file.sha256}":
                self._put(file, publication)
        return publication.sequence

    def _there(self, file: MirroredFile, publication: Publication) -> tuple[int, Descriptor | None]:
        """The sequence that a tag says, and its layer; 0 and None where there is no such tag."""
        tag = tag_of(file, publication.environment)
        try:
            descriptor = self._registry.resolve(tag)
        except MissingError:
            return 0, None
        try:
            document = parse_json(self._registry.read(descriptor, MANIFEST_LIMIT), tag)
            annotations = document["annotations"]
            sequence, environment = int(annotations[SEQUENCE]), annotations[ENVIRONMENT]
            (layer,) = document["layers"]
            found = parse_descriptor(layer, tag, "layers[0]")
        except (InputError, KeyError, TypeError, ValueError) as error:
            raise MirrorError(f"{tag} is there and not ours; remove it, or name another repository") from error
        if environment != publication.environment:
            raise MirrorError(f"{tag} is of {environment!a:.100}; remove it, or name another repository")
        return sequence, found

    def _put(self, file: MirroredFile, publication: Publication) -> None:
        config = described(_CONFIG, CONFIG)
        layer = described(file.data, LAYER if file.kind in {Kind.LIVE, Kind.RELEASE} else file.media_type)
        self._registry.put_blob(config, lambda: io.BytesIO(_CONFIG))
        self._registry.put_blob(layer, lambda: io.BytesIO(file.data))
        manifest = canonical(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": config.document(),
                "layers": [layer.document()],
                "annotations": {ENVIRONMENT: publication.environment, SEQUENCE: str(publication.sequence)},
            }
        )
        self._registry.put_manifest(manifest, MANIFEST, tag_of(file, publication.environment))


def tag_of(file: MirroredFile, environment: str) -> str:
    """The tag of a file."""
    names = {Kind.LOG: "log", Kind.STATE: "livestate", Kind.LIVE: "live", Kind.RELEASE: f"{file.point}-release"}
    return "-".join(part for part in (environment, names[file.kind], file.key) if part)
