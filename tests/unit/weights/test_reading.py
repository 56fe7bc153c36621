"""One file: hashed only if it is, and stays, the one that was seen."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from weighbridge.canonical import sha256_hex
from weighbridge.weights.pace import Pace
from weighbridge.weights.reading import FILE_FLAGS, hash_file, state_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DATA = b"weights" * 2000


def hashed(file: Path, act: Callable[[], object] = lambda: None) -> str | None:
    seen = state_of(file.stat())
    acted: list[int] = []

    def note(_count: int) -> None:
        if not acted:
            acted.append(1)
            act()

    return hash_file(os.open(file, FILE_FLAGS), seen, Pace(rate=40_960, sleep=lambda _seconds: None), note)


def test_a_file(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(DATA)
    assert hashed(tmp_path / "f") == sha256_hex(DATA)
    (tmp_path / "empty").touch()
    assert hashed(tmp_path / "empty") == sha256_hex(b"")


def test_another_file_than_was_seen(tmp_path: Path) -> None:
    for name in ("f", "g"):
        (tmp_path / name).write_bytes(DATA)
    seen = state_of((tmp_path / "f").stat())
    read: list[int] = []
    assert hash_file(os.open(tmp_path / "g", FILE_FLAGS), seen, Pace(), read.append) is None
    assert read == []


def test_one_that_changes_meanwhile(tmp_path: Path) -> None:
    file = tmp_path / "f"

    def in_place() -> None:
        with file.open("r+b") as stream:
            stream.seek(len(DATA) - 1)
            stream.write(b"S")

    def longer() -> None:
        with file.open("ab") as stream:
            stream.write(b"more")

    for act in (in_place, longer, lambda: os.truncate(file, 5000), lambda: file.chmod(0o600)):
        file.write_bytes(DATA)
        file.chmod(0o644)
        assert hashed(file, act) is None
