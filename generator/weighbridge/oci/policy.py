"""Pushing one environment's policy and data so that `conftest pull` takes them.

Format: conftest's own, `internal/commands/push.go`: a layer a file, its path in `org.opencontainers.image.title`, Rego
and data told apart by their media types. The paths are those of the compiled folder and `index.json` is among them, so
what was pulled is a folder that `weighbridge check --bundle` takes, too. No registry vouches for what it holds: pull by
digest, or compare the digest that was printed when it was pushed.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from weighbridge.canonical import canonical
from weighbridge.oci.documents import MANIFEST, described

if TYPE_CHECKING:
    from collections.abc import Mapping

    from weighbridge.oci.store import BlobSink, Descriptor

CONFIG = "application/vnd.cncf.openpolicyagent.config.v1+json"
POLICY = "application/vnd.cncf.openpolicyagent.policy.layer.v1+rego"
DATA = "application/vnd.cncf.openpolicyagent.data.layer.v1+json"
TITLE = "org.opencontainers.image.title"
_EMPTY = b"{}"


def push_policy(files: Mapping[str, bytes], sink: BlobSink, tag: str | None) -> Descriptor:
    """Push files, and then the manifest that names them; equal files have an equal digest.

    Args:
        files: verified bytes, by their path in the compiled folder.
        sink: a registry's repository, or a new layout.
        tag: to set; None sets none.

    Raises:
        InputError: the registry refuses something.
    """
    config = described(_EMPTY, CONFIG)
    sink.put_blob(config, lambda: io.BytesIO(_EMPTY))
    layers = []
    for path in sorted(files, key=str.encode):
        data = files[path]
        layer = described(data, POLICY if path.endswith(".rego") else DATA, {TITLE: path})
        sink.put_blob(layer, lambda data=data: io.BytesIO(data))  # type: ignore[misc] # mypy infers no default's type
        layers.append(layer.document())
    document = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config.document(), "layers": layers}
    manifest = canonical(document)
    return sink.put_manifest(manifest, MANIFEST, tag)
