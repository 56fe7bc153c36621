"""A mirror in a folder: whole files, nothing that is not ours, no links, and dates that web servers can tell apart."""

from __future__ import annotations

import itertools
import os
import threading
from typing import TYPE_CHECKING

import pytest

from weighbridge.control.mirror.folder import Folder
from weighbridge.control.mirror.place import MirrorError
from weighbridge.control.mirror.publication import Publication
from weighbridge.control.mirror.record import RECORD

if TYPE_CHECKING:
    from pathlib import Path

LIVE = "prod/live.tar.gz"


def publication(sequence: int, live: bytes = b"live", log: bytes = b"one\n") -> Publication:
    files = {LIVE: live, "prod/envoy/release.tar.gz": b"release", "log/prod.jsonl": log}
    return Publication("prod", sequence, files)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(f"dir:{tmp_path}", tmp_path)


def test_what_is_written_can_be_read_and_nothing_else_lies_there(folder: Folder, tmp_path: Path) -> None:
    assert folder.write(publication(7)) == 7
    assert folder.write(publication(8, b"newer")) == 8
    found = {str(path.relative_to(tmp_path)): path for path in tmp_path.rglob("*") if path.is_file()}
    assert {path: file.read_bytes() for path, file in found.items() if ".mirror" not in path} == {
        **publication(8).files,
        LIVE: b"newer",
    }
    assert set(found) - set(publication(8).files) == {f"prod/{RECORD}", "prod/.mirror.lock"}
    assert all(found[path].stat().st_mode & 0o777 == 0o644 for path in publication(8).files)


def test_two_publications_of_one_second_have_dates_that_differ_by_one(folder: Folder, tmp_path: Path) -> None:
    dates = []
    for sequence in range(1, 5):
        folder.write(publication(sequence, b"%4d" % sequence))
        dates.append((tmp_path / LIVE).stat().st_mtime)
    assert all(date == int(date) for date in dates)
    assert all(later - earlier >= 1 for earlier, later in itertools.pairwise(dates))


def test_what_did_not_change_keeps_its_date(folder: Folder, tmp_path: Path) -> None:
    folder.write(publication(1))
    before = (tmp_path / "prod/envoy/release.tar.gz").stat()
    folder.write(publication(2, b"newer"))
    after = (tmp_path / "prod/envoy/release.tar.gz").stat()
    assert (before.st_mtime_ns, before.st_ino) == (after.st_mtime_ns, after.st_ino)


@pytest.mark.parametrize("path", [LIVE, "log/prod.jsonl", f"prod/{RECORD}"])
def test_a_link_is_neither_followed_nor_replaced(folder: Folder, tmp_path: Path, path: str) -> None:
    secret = tmp_path.parent / f"{tmp_path.name}-secret"
    secret.write_bytes(b"secret")
    (tmp_path / path).parent.mkdir(exist_ok=True)
    (tmp_path / path).symlink_to(secret)
    with pytest.raises(MirrorError, match="link"):
        folder.write(publication(7))
    assert (tmp_path / path).is_symlink()
    assert secret.read_bytes() == b"secret"


@pytest.mark.parametrize("name", ["prod", "log"])
def test_a_folder_that_is_a_link_is_not_entered(folder: Folder, tmp_path: Path, name: str) -> None:
    elsewhere = tmp_path.parent / f"{tmp_path.name}-elsewhere"
    elsewhere.mkdir()
    (tmp_path / name).symlink_to(elsewhere)
    with pytest.raises(OSError, match=r"symbolic|directory"):
        folder.write(publication(7))
    assert not list(elsewhere.iterdir())


def test_a_second_name_of_another_file_is_left_alone(folder: Folder, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"other")
    (tmp_path / "prod").mkdir()
    os.link(other, tmp_path / LIVE)
    with pytest.raises(MirrorError, match="link"):
        folder.write(publication(7))
    assert other.read_bytes() == b"other"


def test_a_foreign_file_is_left_alone_and_nothing_beside_it_is_written(folder: Folder, tmp_path: Path) -> None:
    (tmp_path / "prod").mkdir()
    (tmp_path / LIVE).write_bytes(b"somebody else's")
    with pytest.raises(MirrorError, match="not ours"):
        folder.write(publication(7))
    assert (tmp_path / LIVE).read_bytes() == b"somebody else's"
    assert not (tmp_path / "prod" / RECORD).exists()


@pytest.mark.parametrize(
    "record", [b"", b"{}", b"[]", b"\xff", b'{"environment":"dev","files":{},"sequence":1}', b"[" * 100_000]
)
def test_a_record_that_is_none_stops_it(folder: Folder, tmp_path: Path, record: bytes) -> None:
    (tmp_path / "prod").mkdir()
    (tmp_path / "prod" / RECORD).write_bytes(record)
    with pytest.raises(MirrorError, match="away"):
        folder.write(publication(7))


def test_what_was_broken_off_is_completed(folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rename = os.rename

    def full(source: str, target: str, **given: int) -> None:
        if target == "live.tar.gz":
            raise OSError(28, "No space left on device")
        rename(source, target, **given)

    folder.write(publication(7))
    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", full)
        with pytest.raises(OSError, match="No space"):
            folder.write(publication(8, b"newer"))
    assert (tmp_path / LIVE).read_bytes() == b"live"
    assert not list(tmp_path.rglob("*.new"))
    assert folder.write(publication(8, b"newer")) == 8
    assert (tmp_path / LIVE).read_bytes() == b"newer"


def test_a_reader_never_sees_half_a_file(folder: Folder, tmp_path: Path) -> None:
    whole = {bytes([number]) * 500_000 for number in range(1, 30)}
    folder.write(publication(1, b"\1" * 500_000))
    seen, done = set(), threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.add((tmp_path / LIVE).read_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(2, 30):
        folder.write(publication(number, bytes([number]) * 500_000))
    done.set()
    reader.join()
    assert seen <= whole


def test_two_replicas_at_once_leave_the_newest(tmp_path: Path) -> None:
    places = [Folder("dir:", tmp_path) for _ in range(2)]

    def write(place: Folder, sequences: range) -> None:
        for sequence in sequences:
            place.write(publication(sequence, b"%d" % sequence))

    threads = [
        threading.Thread(target=write, args=(place, range(1 + number, 40, 2))) for number, place in enumerate(places)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / LIVE).read_bytes() == b"39"
