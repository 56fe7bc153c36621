"""What `compile` wrote for conftest, read by `weighbridge check`: only what is needed, and nothing unverified.

Every file that is used is compared with `index.json` first, and what is used are the bytes that were compared. A file
that plain conftest would load and `index.json` does not name is refused, whether it would be used or not.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weighbridge.bundle.shards import PREFIX, REST, shard_file
from weighbridge.canonical import parse_json, sha256_hex
from weighbridge.errors import InputError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_COMPILE = "Compile again, and give the folder that `compile --output` wrote."


class CompiledFolder:
    """One environment's conftest folder.

    Args:
        bundle: the folder that `compile` wrote.
        environment: one of its environments.

    Attributes:
        policy: the Rego, by path below the policy folder.
        registry: the registry without its records.

    Raises:
        InputError: the folder is none that `compile` wrote, or was changed since.
    """

    def __init__(self, bundle: Path, environment: str) -> None:
        index = _index(bundle)
        self._bundle = bundle
        self._folder = f"{environment}/conftest/"
        self._listed = self._check(index, environment)
        problems: list[Problem] = []
        prefix = f"{self._folder}policy/"
        policy = sorted(path for path in self._listed if path.startswith(prefix))
        read = {path.removeprefix(prefix): self._bytes(path, problems) for path in policy}
        rest = self._bytes(f"{self._folder}data/{REST}", problems)
        if problems:
            raise InputError(problems)
        self.policy: Mapping[str, bytes] = read
        self.registry: dict[str, Any] = self._registry(f"{self._folder}data/{REST}", rest)
        self._shards: dict[str, dict[str, Any]] = {}

    def _check(self, index: dict[str, Any], environment: str) -> Mapping[str, str]:
        """The files that `index.json` names for conftest, once the folder holds nothing else."""
        files, environments = index.get("files"), index.get("environments")
        if not isinstance(files, dict) or not isinstance(environments, dict) or environment not in environments:
            known = ", ".join(sorted(environments)) if isinstance(environments, dict) and environments else "none"
            message = f"holds no environment {environment!r}, but: {known}"
            raise InputError.single(str(self._bundle), message, _COMPILE)
        listed = {path: digest for path, digest in files.items() if path.startswith(self._folder)}
        if f"{self._folder}data/{REST}" not in listed:
            raise InputError.single(str(self._bundle), f"holds nothing for {environment}/conftest", _COMPILE)
        present = _present(self._bundle, self._folder)
        problems = [
            Problem(str(self._bundle / path), message="is not in index.json", fix=_COMPILE)
            for path in present - set(listed)
        ]
        problems += [_differs(self._bundle / path) for path in set(listed) - present]
        if problems:
            raise InputError(problems)
        return listed

    def records(self, names: Iterable[str]) -> dict[str, Any]:
        """The records of these names, of those that there are.

        Raises:
            InputError: a file that they lie in was changed.
        """
        wanted: dict[str, Any] = {}
        for name in names:
            shard = self._shard(shard_file(name))
            if name in shard:
                wanted[name] = shard[name]
        return wanted

    def all_records(self) -> dict[str, Any]:
        """Every record.

        Raises:
            InputError: a file was changed.
        """
        prefix = f"{self._folder}data/"
        files = sorted(path.removeprefix(prefix) for path in self._listed if path.startswith(prefix + PREFIX))
        return {name: record for file in files for name, record in self._shard(file).items()}

    def files(self) -> dict[str, bytes]:
        """Everything of conftest's by its path in the compiled folder, as it was compared, and `index.json` itself.

        Raises:
            InputError: a file was changed.
        """
        problems: list[Problem] = []
        read = {path: self._bytes(path, problems) for path in sorted(self._listed)}
        if problems:
            raise InputError(problems)
        return {"index.json": (self._bundle / "index.json").read_bytes(), **read}

    def copy(self, target: Path) -> None:
        """Write everything of conftest's into a folder, `policy` and `data`, each file as it was compared.

        Raises:
            InputError: a file was changed; nothing is written.
            OSError: the folder cannot be written.
        """
        for path, data in self.files().items():
            if path.startswith(self._folder):
                file = target / path.removeprefix(self._folder)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(data)

    def _shard(self, file: str) -> dict[str, Any]:
        if file not in self._shards:
            path = f"{self._folder}data/{file}"
            records: dict[str, Any] = {}
            if path in self._listed:
                problems: list[Problem] = []
                data = self._bytes(path, problems)
                if problems:
                    raise InputError(problems)
                records = self._registry(path, data)["records"]
            self._shards[file] = records
        return self._shards[file]

    def _bytes(self, path: str, problems: list[Problem]) -> bytes:
        try:
            data = (self._bundle / path).read_bytes()
        except OSError:
            data = None
        if data is None or f"sha256:{sha256_hex(data)}" != self._listed[path]:
            problems.append(_differs(self._bundle / path))
            return b""
        return data

    def _registry(self, path: str, data: bytes) -> dict[str, Any]:
        document = parse_json(data, str(self._bundle / path))
        try:
            registry: dict[str, Any] = document["weighbridge"]["registry"]
            if isinstance(registry["records"], dict):
                return registry
        except (KeyError, TypeError):
            pass
        raise InputError.single(str(self._bundle / path), "is not what `compile` writes", _COMPILE)


def _index(bundle: Path) -> dict[str, Any]:
    path = bundle / "index.json"
    try:
        index = parse_json(path.read_bytes(), str(path))
    except OSError as error:
        raise InputError.single(str(path), f"cannot be read: {error.strerror}", _COMPILE) from error
    if not isinstance(index, dict) or index.get("kind") != "Index":
        raise InputError.single(str(path), "is not what `compile` writes", _COMPILE)
    return index


def _present(bundle: Path, folder: str) -> set[str]:
    """Everything below the folder that is no folder; a link to one counts, since conftest may follow it."""
    found = set()
    for base, folders, files in os.walk(bundle / folder):
        links = [name for name in folders if Path(base, name).is_symlink()]
        found |= {Path(base, name).relative_to(bundle).as_posix() for name in (*files, *links)}
    return found


def _differs(path: Path) -> Problem:
    return Problem(str(path), message="is missing, or differs from index.json", fix=_COMPILE)
