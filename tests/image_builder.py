"""Real images for tests, written by hand: layers, docker archives as `docker save` writes them, OCI layouts."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import zstandard

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

OCI = "application/vnd.oci.image"


class LayerBuilder:
    """One layer, entry by entry, in the order of the calls."""

    def __init__(self, form: int = tarfile.PAX_FORMAT) -> None:
        self._buffer = io.BytesIO()
        self._tar = tarfile.open(fileobj=self._buffer, mode="w", format=form)  # noqa: SIM115 -- closed by `bytes`

    def _add(self, name: str, kind: bytes, data: bytes = b"", **fields: Any) -> LayerBuilder:
        info = tarfile.TarInfo(name)
        info.type, info.size = kind, len(data)
        info.mode = fields.pop("mode", 0o755 if kind == tarfile.DIRTYPE else 0o644)
        info.pax_headers = fields.pop("pax", {})
        for field, value in fields.items():
            setattr(info, field, value)
        self._tar.addfile(info, io.BytesIO(data))
        return self

    def file(self, name: str, data: bytes | str = b"", **fields: Any) -> LayerBuilder:
        return self._add(name, tarfile.REGTYPE, data.encode() if isinstance(data, str) else data, **fields)

    def program(self, name: str, data: bytes | str, **fields: Any) -> LayerBuilder:
        return self.file(name, data, **{"mode": 0o755, **fields})

    def folder(self, name: str, **fields: Any) -> LayerBuilder:
        return self._add(name, tarfile.DIRTYPE, **fields)

    def symlink(self, name: str, target: str) -> LayerBuilder:
        return self._add(name, tarfile.SYMTYPE, linkname=target)

    def link(self, name: str, target: str) -> LayerBuilder:
        return self._add(name, tarfile.LNKTYPE, linkname=target)

    def device(self, name: str, major: int, minor: int) -> LayerBuilder:
        return self._add(name, tarfile.CHRTYPE, devmajor=major, devminor=minor)

    def whiteout(self, name: str) -> LayerBuilder:
        folder, _, base = name.rpartition("/")
        return self.file(f"{folder}/.wh.{base}" if folder else f".wh.{base}")

    def opaque(self, folder: str) -> LayerBuilder:
        return self.file(f"{folder}/.wh..wh..opq")

    def real(self, name: str, path: str | Path, **fields: Any) -> LayerBuilder:
        """A file of this machine under a name in the image."""
        return self.program(name, Path(path).read_bytes(), **fields)

    def tree(self, folder: Path) -> LayerBuilder:
        """Everything in a folder, as it is there, but owned by root."""

        def owned(info: tarfile.TarInfo) -> tarfile.TarInfo:
            info.uid = info.gid = 0
            return info

        self._tar.add(folder, arcname=".", filter=owned)
        return self

    def raw(self, info: tarfile.TarInfo, data: bytes = b"") -> LayerBuilder:
        self._tar.addfile(info, io.BytesIO(data))
        return self

    def bytes(self) -> bytes:
        self._tar.close()
        return self._buffer.getvalue()


def layer_bytes(layer: LayerBuilder | bytes) -> bytes:
    return layer.bytes() if isinstance(layer, LayerBuilder) else layer


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def configuration(layers: Iterable[bytes], *, architecture: str = "amd64", **config: Any) -> dict[str, Any]:
    """An image's configuration; keyword arguments go to its inner `config`."""
    return {
        "architecture": architecture,
        "os": "linux",
        "created": "2026-01-01T00:00:00Z",
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": [digest(layer) for layer in layers]},
        "history": [],
    }


def docker_archive(path: Path, layers: Iterable[LayerBuilder | bytes], config: Mapping[str, Any] | None = None) -> Path:
    """An archive as `docker save` writes one; `config` replaces the configuration."""
    data = [layer_bytes(layer) for layer in layers]
    document = json.dumps(config if config is not None else configuration(data)).encode()
    config_name = f"{hashlib.sha256(document).hexdigest()}.json"
    names = [f"{number:064x}/layer.tar" for number in range(len(data))]
    listed = [{"Config": config_name, "RepoTags": ["test:latest"], "Layers": names}]
    with tarfile.open(path, "w") as tar:
        for name, content in (
            (config_name, document),
            *zip(names, data, strict=True),
            ("manifest.json", json.dumps(listed).encode()),
        ):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


class LayoutBuilder:
    """An OCI layout on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / "blobs" / "sha256").mkdir(parents=True)
        (path / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        self._index({"schemaVersion": 2, "mediaType": f"{OCI}.index.v1+json", "manifests": []})

    def _index(self, document: dict[str, Any]) -> None:
        (self.path / "index.json").write_text(json.dumps(document))

    def blob(self, data: bytes, media_type: str) -> dict[str, Any]:
        name = digest(data)
        (self.path / "blobs" / "sha256" / name.removeprefix("sha256:")).write_bytes(data)
        return {"mediaType": media_type, "digest": name, "size": len(data)}

    def image(
        self,
        layers: Iterable[LayerBuilder | bytes],
        *,
        compression: str = "gzip",
        config: Mapping[str, Any] | None = None,
        **inner: Any,
    ) -> dict[str, Any]:
        """Write an image; gives the descriptor of its manifest."""
        data = [layer_bytes(layer) for layer in layers]
        document = config if config is not None else configuration(data, **inner)
        suffix = f"+{compression}" if compression else ""
        manifest = {
            "schemaVersion": 2,
            "mediaType": f"{OCI}.manifest.v1+json",
            "config": self.blob(json.dumps(document).encode(), f"{OCI}.config.v1+json"),
            "layers": [self.blob(compressed(layer, compression), f"{OCI}.layer.v1.tar{suffix}") for layer in data],
        }
        return self.blob(json.dumps(manifest).encode(), f"{OCI}.manifest.v1+json")

    def index(self, *manifests: dict[str, Any]) -> dict[str, Any]:
        """Write an index of manifests, each with a `platform`; gives its descriptor."""
        document = {"schemaVersion": 2, "mediaType": f"{OCI}.index.v1+json", "manifests": list(manifests)}
        return self.blob(json.dumps(document).encode(), f"{OCI}.index.v1+json")

    def tag(self, descriptor: dict[str, Any], name: str = "latest") -> Path:
        """Let the layout's own index name a manifest or an index."""
        document = json.loads((self.path / "index.json").read_bytes())
        document["manifests"].append({**descriptor, "annotations": {"org.opencontainers.image.ref.name": name}})
        self._index(document)
        return self.path


def compressed(data: bytes, how: str) -> bytes:
    if how == "gzip":
        return gzip.compress(data, mtime=0)
    return zstandard.compress(data) if how == "zstd" else data


def on_platform(descriptor: dict[str, Any], architecture: str, os: str = "linux") -> dict[str, Any]:
    return {**descriptor, "platform": {"os": os, "architecture": architecture}}
