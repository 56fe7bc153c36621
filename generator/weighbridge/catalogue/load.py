"""Reading a whole catalogue.

Order of steps: the trusted files, the tree's shape, every model version, images, orders, then what crosses references.
Each step adds its problems, and all of them are raised together at the end.
"""

from __future__ import annotations

import gc
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from weighbridge.catalogue.catalogue import Catalogue, EvidenceFile, ModelVersion
from weighbridge.catalogue.references import reference_problems
from weighbridge.catalogue.source import LIMITS, Source, display
from weighbridge.catalogue.tree import (
    EVIDENCE,
    IMAGES,
    ORDERS,
    WAIVERS,
    check_entries,
    check_top,
    file_entries,
    folder_entries,
)
from weighbridge.catalogue.trusted import read_trusted
from weighbridge.catalogue.versions import find_versions, read_evidence, read_version
from weighbridge.errors import InputError, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_CHUNK = 100
_HEX = frozenset("0123456789abcdef")
_Result = tuple[ModelVersion | None, tuple[Problem, ...]]


def load_catalogue(root: Path, *, progress: Callable[[int, int], None] | None = None, jobs: int = 1) -> Catalogue:
    """Read a catalogue strictly.

    Args:
        root: the folder with weighbridge.yaml.
        progress: called with the number of versions read and their total, now and then.
        jobs: processes that read versions.

    Raises:
        InputError: with every problem of the catalogue.
    """
    with collector_paused():
        return _load(Source(root), root, progress, jobs)


@contextmanager
def collector_paused() -> Iterator[None]:
    """No garbage collection: everything that is read stays, and looking through it again and again takes a third."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _load(source: Source, root: Path, progress: Callable[[int, int], None] | None, jobs: int) -> Catalogue:
    trusted = read_trusted(source)
    problems = [*trusted.problems, *check_top(source)]
    names, wrong = find_versions(source)
    problems += wrong
    versions: dict[str, ModelVersion] = {}
    for done, (version, problems_there) in enumerate(_read_versions(source, names, jobs), start=1):
        problems += problems_there
        if version is not None:
            versions[version.name] = version
        if progress and (done % _CHUNK == 0 or done == len(names)):
            progress(done, len(names))
    images = _read_images(source, problems)
    orders, acceptance = _read_orders(source, problems)
    waivers = tuple(_read_signed(source, WAIVERS, LIMITS.waivers, problems))
    problems += reference_problems(trusted, names)
    if problems or trusted.configuration is None:
        raise InputError(problems)
    return Catalogue(
        root=root,
        configuration=trusted.configuration,
        tenants=trusted.tenants,
        signers=dict(sorted(trusted.signers.items())),
        versions=dict(sorted(versions.items())),
        images=images,
        orders=orders,
        acceptance=acceptance,
        policies=tuple(trusted.policies),
        trusted=trusted.sorted_files(),
        trust_sha256=trusted.digest(),
        trust_envelope=trusted.envelope,
        roots=dict(sorted(trusted.roots.items())),
        waivers=waivers,
        control_plane=dict(sorted(trusted.control_plane.items())),
    )


def _read_versions(source: Source, names: list[tuple[str, str]], jobs: int) -> Iterator[_Result]:
    if jobs <= 1 or len(names) <= _CHUNK:
        yield from (_try_version(source, name) for name in names)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(partial(_try_version, source), names, chunksize=_CHUNK)


def _try_version(source: Source, name: tuple[str, str]) -> _Result:
    try:
        return read_version(source, *name), ()
    except InputError as error:
        return None, error.problems


def _read_images(source: Source, problems: list[Problem]) -> dict[str, tuple[EvidenceFile, ...]]:
    images: dict[str, tuple[EvidenceFile, ...]] = {}
    if not source.exists(IMAGES):
        return images
    for name in folder_entries(source, IMAGES, problems):
        folder = f"{IMAGES}/{name}"
        if len(name) != 64 or not _HEX.issuperset(name):
            fix = "Name it after the image's digest, without `sha256:`: 64 lower-case hexadecimal digits."
            problems.append(Problem(display(folder), message="is not named after a digest", fix=fix))
        elif check_entries(source, folder, {EVIDENCE: "folder"}, problems):
            images[f"sha256:{name}"] = read_evidence(source, f"{folder}/{EVIDENCE}", problems)
    return images


def _read_orders(source: Source, problems: list[Problem]) -> tuple[tuple[EvidenceFile, ...], tuple[EvidenceFile, ...]]:
    orders: list[EvidenceFile] = []
    acceptance: list[EvidenceFile] = []
    for file in _read_signed(source, ORDERS, LIMITS.orders, problems):
        (acceptance if file.path.endswith(".acceptance.json") else orders).append(file)
    return tuple(orders), tuple(acceptance)


def _read_signed(source: Source, folder: str, limit: int, problems: list[Problem]) -> list[EvidenceFile]:
    """The statements of a folder that need not be there."""
    files: list[EvidenceFile] = []
    for name in file_entries(source, folder, limit, problems) if source.exists(folder) else []:
        path = f"{folder}/{name}"
        try:
            files.append(EvidenceFile(path, source.read(path, LIMITS.order)))
        except InputError as error:
            problems += error.problems
    return files
