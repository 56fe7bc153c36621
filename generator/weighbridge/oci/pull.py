"""Pulling a model that `push` wrote: nothing is believed, and nothing appears before all of it has been verified.

Order: resolve the tag, read the ModelPack manifest by its digest, look at its layers (paths, sizes, types), fetch
`manifest.json` and `artifact.json` and compare them with the layers one to one, so that a surplus or a missing file
shows before anything large is fetched; fetch the evidence that refers to the manifest; fetch the files, each verified
by digest and size while it is written into a folder beside the target; let the folder appear by one rename.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import unicodedata
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weighbridge.canonical import parse_json
from weighbridge.catalogue.source import LIMITS, display
from weighbridge.catalogue.validation import validate
from weighbridge.errors import InputError, OutputError, Problem
from weighbridge.oci.documents import ImageManifest, read_manifest
from weighbridge.oci.evidence import FoundEvidence, fetch_evidence
from weighbridge.oci.modelpack import ARTIFACT_DIGEST, FILE_PATH, check_type
from weighbridge.oci.parallel import in_parallel, until
from weighbridge.oci.push import BESIDE
from weighbridge.oci.store import MANIFEST_LIMIT, chunks
from weighbridge.packaging.digest import artifact_bytes, check_path
from weighbridge.packaging.manifest import Manifest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from threading import Event

    from weighbridge.oci.push import Progress
    from weighbridge.oci.store import BlobStore, Descriptor

_LIMITS = {"README.md": LIMITS.card, "artifact.json": LIMITS.manifest, "manifest.json": LIMITS.manifest}
_PUSH_AGAIN = "Push the model again, from a folder that you trust."


@dataclass(frozen=True)
class Pulled:
    """What was pulled."""

    descriptor: Descriptor
    manifest: Manifest
    size: int
    """Bytes of the artifact's files."""
    evidence: tuple[FoundEvidence, ...]


def pull(store: BlobStore, reference: str | None, output: Path, *, progress: Progress | None = None) -> Pulled:
    """Pull a model into a new folder, which is then both the model's folder and its package.

    Args:
        store: a registry's repository or a layout.
        reference: a tag or digest; None where there is only one artifact.
        output: the folder, new or empty.
        progress: told how many bytes have been written.

    Raises:
        InputError: anything that is not as its digest, its manifest or `manifest.json` has it.
        OutputError: the folder cannot be written, or the disk has no room for it.
    """
    target = output.absolute()
    if target.is_symlink() or (target.exists() and not (target.is_dir() and not any(target.iterdir()))):
        raise InputError.single(display(str(output)), "is there already and not empty", "Name a new folder.")
    descriptor = store.resolve(reference)
    name = descriptor.digest
    pack = read_manifest(store, descriptor, name)
    if not isinstance(pack, ImageManifest):
        raise InputError.single(name, "is an index, not a model", "Name one of its manifests by digest.")
    check_type(pack, name)
    layers = layers_by_path(pack, name)
    beside = {path: store.read(layers[path], _LIMITS[path]) for path in BESIDE}
    manifest = _checked(pack, layers, beside, name)
    _check_config(pack, manifest, store.read(pack.config, MANIFEST_LIMIT), name)
    evidence = fetch_evidence(store, descriptor.digest)
    _write(store, target, layers, beside, evidence, progress)
    return Pulled(descriptor, manifest, sum(file.size for file in manifest.files), evidence)


def layers_by_path(pack: ImageManifest, name: str) -> dict[str, Descriptor]:
    """The layers by the path of their file.

    Raises:
        InputError: with every path that is missing, given twice, leaves the folder, would be another path's folder, or
            differs from another only by case or Unicode form; or what belongs beside the files is missing.
    """
    layers: dict[str, Descriptor] = {}
    seen: dict[str, str] = {}
    problems = []
    for index, layer in enumerate(pack.layers):
        path = layer.annotations.get(FILE_PATH, "")
        complaint = _path_complaint(path) or _clash(path, seen)
        if complaint:
            problems.append(Problem(name, field=f"layers[{index}]", message=complaint, fix=_PUSH_AGAIN))
        layers[path] = layer
    problems += [
        Problem(name, field="layers", message=f"has no {path}", fix="Only what `weighbridge push` wrote is read.")
        for path in BESIDE
        if path not in layers
    ]
    if problems:
        raise InputError(problems)
    return layers


def _path_complaint(path: str) -> str:
    if path in BESIDE:
        return ""
    try:
        check_path(path)
    except ValueError as error:
        return str(error)
    return ""


def _clash(path: str, seen: dict[str, str]) -> str:
    """Why a path cannot lie beside those before it; "" if it can. Every folder on its way is remembered."""
    folded = unicodedata.normalize("NFC", path.casefold())
    parts = folded.split("/")
    known = seen.get(folded)
    if known is not None:
        return (
            f"path {display(path)!r} is given twice, or differs from {display(known)!r} only by case, or is its folder"
        )
    for length in range(1, len(parts)):
        folder = "/".join(parts[:length])
        if seen.setdefault(folder, folder + "/").endswith("/"):
            continue
        return f"path {display(path)!r} lies below {display(seen[folder])!r}, which is a file"
    seen[folded] = path
    return ""


def _checked(pack: ImageManifest, layers: Mapping[str, Descriptor], beside: Mapping[str, bytes], name: str) -> Manifest:
    """`manifest.json`, if its files are the layers, one to one; its artifact digest is recomputed from these."""
    manifest = validate(Manifest, parse_json(beside["manifest.json"], "manifest.json"), "manifest.json")
    listed = {path: (size, f"sha256:{sha256}") for path, size, sha256 in manifest.entries()}
    given = {path: (layer.size, layer.digest) for path, layer in layers.items() if path not in BESIDE}
    problems = []
    for path in sorted(listed.keys() | given.keys()):
        if path not in listed:
            problems.append(Problem(name, message=f"has the file {path!r}, which is not in manifest.json"))
        elif path not in given:
            problems.append(Problem(name, message=f"has no layer for {path!r}, which is in manifest.json"))
        elif listed[path] != given[path]:
            problems.append(Problem(name, message=f"has another {path!r} than manifest.json"))
    if artifact_bytes(manifest.entries()) != beside["artifact.json"]:
        problems.append(Problem(name, message="has an artifact.json that does not have the files of manifest.json"))
    if pack.annotations.get(ARTIFACT_DIGEST) != manifest.artifact_digest:
        problems.append(Problem(name, field=ARTIFACT_DIGEST, message="is not the artifact digest of manifest.json"))
    if problems:
        raise InputError(problems)
    return manifest


def _check_config(pack: ImageManifest, manifest: Manifest, data: bytes, name: str) -> None:
    config: Any = parse_json(data, f"{name} (config)")
    try:
        said = config["descriptor"]["name"], config["descriptor"]["version"], config["modelfs"]["diff_ids"]
    except (TypeError, LookupError) as error:
        raise InputError.single(f"{name} (config)", "is no ModelPack configuration", _PUSH_AGAIN) from error
    if said != (manifest.model, manifest.version, [layer.digest for layer in pack.layers]):
        raise InputError.single(f"{name} (config)", "speaks of another model or other layers", _PUSH_AGAIN)


def _write(
    store: BlobStore,
    target: Path,
    layers: Mapping[str, Descriptor],
    beside: Mapping[str, bytes],
    evidence: tuple[FoundEvidence, ...],
    progress: Progress | None,
) -> None:
    total = sum(layer.size for layer in layers.values())
    work: Path | None = None

    def one(path: str, stop: Event) -> None:
        with store.open(layers[path]) as stream:
            advance = partial(_told, progress, total)
            _store(folder / path, until(stop, chunks(stream)), advance)

    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        work = folder = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        free = shutil.disk_usage(work).free
        if total > free:
            raise OutputError(f"{target}: the model has {total:,} bytes, and the disk has room for {free:,}.")
        for path in layers:
            (work / path).parent.mkdir(parents=True, exist_ok=True)
        large = [path for path in layers if path not in beside]
        in_parallel(one, sorted(large, key=lambda path: (-layers[path].size, path)))
        for path, data in [*beside.items(), *((f"evidence/{file.name}", file.data) for file in evidence)]:
            (work / path).parent.mkdir(exist_ok=True)
            _store(work / path, [data])
        work.chmod(0o755)
        work.rename(target)
    except OSError as error:
        message = f"{target}: nothing was written: {error.strerror}. Make room, or name a new folder."
        raise OutputError(message) from error
    finally:
        if work is not None:
            shutil.rmtree(work, ignore_errors=True)


def _told(progress: Progress | None, total: int, count: int) -> None:
    if progress:
        progress(count, total)


def _store(file: Path, data: Iterable[bytes], advance: Callable[[int], None] = lambda _count: None) -> None:
    with file.open("xb") as stream:
        for piece in data:
            stream.write(piece)
            advance(len(piece))
        stream.flush()
        os.fsync(stream.fileno())
