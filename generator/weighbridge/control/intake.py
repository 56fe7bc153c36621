"""Taking in a release: what `compile` wrote, verified as a whole before any of it counts.

Order of steps: read the index; read every file of every environment that the control plane serves, and compare its
hash; verify control data and each point's bundle with the release keys; demand that all of an environment name one
revision. Files under `keys/<fp16>/` are the same release by another key and are held to the same. No database.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from weighbridge.bundle.index import INDEX
from weighbridge.bundle.policies import ENVOY, WORKLOAD, declared_point
from weighbridge.bundle.release import KEYID
from weighbridge.bundle.signing import release_scope
from weighbridge.bundle.verify import verify_bundle
from weighbridge.canonical import canonical, digest, parse_json, sha256_hex
from weighbridge.catalogue.names import is_name
from weighbridge.control.agent.signed import read_approvals
from weighbridge.control.control_data import FILE as CONTROL_FILE
from weighbridge.control.control_data import read_control
from weighbridge.errors import InputError, Problem
from weighbridge.keys import short_fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from weighbridge.control.control_data import ControlData
    from weighbridge.keys import PublicKey

MAX_INDEX_BYTES = 64 * 1024**2
_POINTS = (ENVOY, WORKLOAD)
_VARIANT = r"(?:(?P<key>keys/[0-9a-f]{16})/)?"
_BUNDLE = re.compile(rf"(?P<point>[^/]+)/{_VARIANT}release\.tar\.gz\Z")
_CONTROL = re.compile(rf"{_VARIANT}control\.tar\.gz\Z")
_APPROVALS = re.compile(rf"{_VARIANT}gatekeeper/approvals/[0-9]+\.yaml\Z")
_COMPILE = "Compile again with --release-key, and give the folder as it was written."


@dataclass(frozen=True)
class GivenRelease:
    """One environment's release, verified."""

    control: ControlData
    files: Mapping[str, bytes] = field(repr=False)
    """By the path at which they are served, below the environment's."""

    @property
    def files_sha256(self) -> str:
        """Over all files."""
        return digest(canonical([[path, sha256_hex(self.files[path])] for path in sorted(self.files)]))


def read_releases(folder: Path, keys: Sequence[PublicKey]) -> list[GivenRelease]:
    """All releases of a folder that `compile` wrote.

    Args:
        folder: with its `index.json`.
        keys: the release keys that count.

    Raises:
        InputError: with the problems of every environment.
    """
    index = _index(folder)
    found, problems = [], []
    for environment in sorted(index["environments"]):
        try:
            found.append(_release(folder, environment, index, keys))
        except InputError as error:
            problems += [
                Problem(f"{environment}/{problem.file}", field=problem.field, message=problem.message, fix=problem.fix)
                for problem in error.problems
            ]
    if problems:
        raise InputError(problems)
    return found


def _index(folder: Path) -> dict[str, Any]:
    document = parse_json(_read(folder, INDEX, MAX_INDEX_BYTES), INDEX)
    try:
        environments, files = document["environments"], document["files"]
        fine = document["kind"] == "Index" and all(map(is_name, environments)) and all(files.values())
        fine = fine and all(isinstance(given["revision"], str) for given in environments.values())
    except (KeyError, TypeError, AttributeError):
        fine = False
    if not fine or document.get("clock") != "real":
        raise InputError.single(INDEX, "is none that `compile` writes", _COMPILE)
    return dict(document)


def _release(folder: Path, environment: str, index: Mapping[str, Any], keys: Sequence[PublicKey]) -> GivenRelease:
    files = _files(folder, environment, index["files"])
    if CONTROL_FILE not in files:
        raise InputError.single(CONTROL_FILE, "is missing", _COMPILE)
    control = read_control(files[CONTROL_FILE], keys, environment=environment)
    if control.revision != index["environments"][environment]["revision"]:
        raise InputError.single(CONTROL_FILE, f"is of {control.revision}, which the index does not name", _COMPILE)
    missing = [point for point in _POINTS if f"{point}/release.tar.gz" not in files]
    if missing:
        raise InputError.single(f"{missing[0]}/release.tar.gz", "is missing", _COMPILE)
    for path, data in files.items():
        _check(path, data, control, keys)
    served = _served(files)
    for path, data in served.items():
        if path.endswith("approvals"):
            _check_approvals(path, data, control, keys)
    return GivenRelease(control, _at_own_key(served, control.key_fingerprint))


def _at_own_key(files: dict[str, bytes], key_fingerprint: str) -> dict[str, bytes]:
    """A release by one key is served at that key's own paths, too: who asks there goes on once a rotation ends."""
    if any("keys/" in path for path in files):
        return files
    place = f"keys/{short_fingerprint(key_fingerprint)}"
    parts = {path: path.rpartition("/") for path in files}
    return files | {
        f"{folder}/{place}/{name}" if folder else f"{place}/{name}": files[path]
        for path, (folder, _, name) in parts.items()
    }


def _files(folder: Path, environment: str, listed: Mapping[str, str]) -> dict[str, bytes]:
    """What the control plane serves of an environment, each as the index says."""
    found = {}
    for path in sorted(listed):
        inside = path.removeprefix(f"{environment}/")
        if inside == path or not any(form.match(inside) for form in (_BUNDLE, _CONTROL, _APPROVALS)):
            continue
        data = _read(folder / environment, inside)
        if digest(data) != listed[path]:
            # Also where a compile put another folder in place while this one was read.
            raise InputError.single(inside, "is not what the index says", _COMPILE)
        found[inside] = data
    return found


def _check(path: str, data: bytes, control: ControlData, keys: Sequence[PublicKey]) -> None:
    if _CONTROL.match(path):
        other = read_control(data, keys, environment=control.environment)
        if (other.revision, other.sha256) != (control.revision, control.sha256):
            raise InputError.single(path, "is of another release than control.tar.gz", _COMPILE)
    bundle = _BUNDLE.match(path)
    if bundle is None:
        return
    if bundle["point"] not in _POINTS:
        raise InputError.single(path, "is of no point that loads bundles", _COMPILE)
    scope, roots = release_scope(control.environment), declared_point(bundle["point"]).roots
    verified = verify_bundle(data, keys, keyid=KEYID, scope=scope, roots=roots, file=path)
    if verified.revision != control.revision:
        raise InputError.single(path, f"is of {verified.revision}, not of {control.revision}", _COMPILE)


def _check_approvals(path: str, data: bytes, control: ControlData, keys: Sequence[PublicKey]) -> None:
    approvals, problems = read_approvals(data, keys, control.environment)
    other = sorted({approval.revision for approval in approvals.values()} - {control.revision})
    told = [*problems, *(f"is of {revision}, not of {control.revision}" for revision in other)]
    if told:
        raise InputError(Problem(path, message=message, fix=_COMPILE) for message in told)


def _served(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files at the paths where they are served; approvals as one file."""
    kept = {path: data for path, data in files.items() if not _APPROVALS.match(path)}
    approvals: dict[str, list[bytes]] = {}
    for path in sorted(files):
        match = _APPROVALS.match(path)
        if match:
            approvals.setdefault(f"{match['key']}/approvals" if match["key"] else "approvals", []).append(files[path])
    return kept | {path: b"".join(parts) for path, parts in approvals.items()}


def _read(folder: Path, path: str, limit: int = 1024**3) -> bytes:
    try:
        with (folder / path).open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise InputError.single(path, f"cannot be read: {error.strerror}", _COMPILE) from error
    if len(data) > limit:
        raise InputError.single(path, f"is larger than {limit} bytes", _COMPILE)
    return data


def watched(folder: Path) -> Iterator[bool]:
    """Whether the index is another one than the last time, for each time it is asked."""
    known: tuple[int, ...] | None = None
    while True:
        try:
            status = (folder / INDEX).stat()
            seen: tuple[int, ...] | None = (status.st_ino, status.st_mtime_ns, status.st_size)
        except OSError:
            seen = None
        yield seen is not None and seen != known
        known = seen
