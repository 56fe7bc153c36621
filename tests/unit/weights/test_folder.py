"""A folder of weights, looked at while somebody works against us."""

from __future__ import annotations

import os
import subprocess
import sys
import tracemalloc
import unicodedata
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weighbridge.canonical import sha256_hex
from weighbridge.errors import InputError
from weighbridge.packaging.digest import artifact_digest
from weighbridge.weights.expected import Expected
from weighbridge.weights.folder import MAX_ADDED, MAX_DEPTH, look
from weighbridge.weights.pace import CHUNK, Pace, lower_priority, parse_rate
from weighbridge.weights.verify import Verdict, verify

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CONTENT = {"config.json": b"{}", "model.safetensors": b"weights" * 100, "tokenizer/vocabulary.txt": b"a\nb\n"}


def expected_of(content: dict[str, bytes], *, files: bool = True) -> Expected:
    entries = {path: (len(data), sha256_hex(data)) for path, data in content.items()}
    digest = artifact_digest((path, *entry) for path, entry in entries.items())
    return Expected("m", "1", digest, entries if files else None, "digest")


EXPECTED = expected_of(CONTENT)


def write(folder: Path, content: dict[str, bytes]) -> Path:
    for path, data in content.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "weights", CONTENT)


def found(verdict: Verdict) -> dict[str, str]:
    return {one.path: one.kind for one in verdict.differences}


def test_as_packaged(folder: Path) -> None:
    verdict = verify(folder, EXPECTED, Pace())
    assert verdict.healthy
    assert verdict.observed_digest == EXPECTED.digest
    assert verdict.looked is not None
    assert verdict.looked.read == sum(map(len, CONTENT.values()))


def test_what_speaks_about_the_artifact_is_no_part_of_it(folder: Path) -> None:
    write(folder, {"README.md": b"#", "manifest.json": b"lies", "evidence/x.json": b"", "sub/README.md": b""})
    verdict = verify(folder, EXPECTED, Pace())
    assert found(verdict) == {"sub/README.md": "added"}
    assert verdict.document()["uncovered"] == ["README.md", "evidence", "manifest.json"]


@pytest.mark.parametrize("path", ["evidence/model.safetensors", "evidence/x.json/model.safetensors"])
def test_nothing_is_loaded_from_where_only_evidence_lies(folder: Path, path: str) -> None:
    """An index of shards may name any path, and the artifact's digest does not cover this one."""
    write(folder, {path: b"other weights"})
    verdict = verify(folder, EXPECTED, Pace())
    assert not verdict.healthy
    assert found(verdict) == {path: "added"}


@pytest.mark.parametrize("name", ["README.md", "manifest.json", "evidence"])
def test_a_document_by_name_only(folder: Path, name: str) -> None:
    os.mkfifo(folder / name)
    assert found(verify(folder, EXPECTED, Pace())) == {name: "added"}


def _same_size(folder: Path) -> None:
    file = folder / "model.safetensors"
    status = file.stat()
    file.write_bytes(b"W" + CONTENT["model.safetensors"][1:])
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))


def _swap(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "x")
    (folder / "config.json").rename(folder / "model.safetensors")
    (folder / "x").rename(folder / "config.json")


def _pipe(folder: Path) -> None:
    (folder / "config.json").unlink()
    os.mkfifo(folder / "config.json")


def _folder_for_a_file(folder: Path) -> None:
    (folder / "config.json").unlink()
    (folder / "config.json").mkdir()


def _link(folder: Path) -> None:
    (folder / "config.json").rename(folder.parent / "elsewhere")
    (folder / "config.json").symlink_to(folder.parent / "elsewhere")


def _linked_folder(folder: Path) -> None:
    (folder / "tokenizer").rename(folder.parent / "elsewhere")
    (folder / "tokenizer").symlink_to(folder.parent / "elsewhere")


def _deep(folder: Path) -> None:
    write(folder, {"/".join(["d"] * (MAX_DEPTH + 2)) + "/f": b""})


SPOILED: dict[str, tuple[Callable[[Path], object], dict[str, str]]] = {
    "same size": (_same_size, {"model.safetensors": "changed"}),
    "longer": (lambda f: (f / "config.json").write_bytes(b"{} "), {"config.json": "changed"}),
    "shorter": (lambda f: (f / "config.json").write_bytes(b"{"), {"config.json": "changed"}),
    "gone": (lambda f: (f / "config.json").unlink(), {"config.json": "missing"}),
    "more": (lambda f: (f / "evil.py").write_bytes(b"x"), {"evil.py": "added"}),
    "more, empty": (lambda f: (f / "empty").write_bytes(b""), {"empty": "added"}),
    "renamed": (
        lambda f: (f / "config.json").rename(f / "config.yaml"),
        {"config.json": "missing", "config.yaml": "added"},
    ),
    "swapped": (_swap, {"config.json": "changed", "model.safetensors": "changed"}),
    "by case": (
        lambda f: (f / "config.json").rename(f / "Config.json"),
        {"config.json": "missing", "Config.json": "added"},
    ),
    "a pipe": (_pipe, {"config.json": "changed"}),
    "a folder for a file": (_folder_for_a_file, {"config.json": "missing"}),
    "a link": (_link, {"config.json": "changed"}),
    "a linked folder": (_linked_folder, {"tokenizer": "added", "tokenizer/vocabulary.txt": "missing"}),
    "no text": (lambda f: (f / os.fsdecode(b"\xff\x1b")).write_bytes(b""), {"\\udcff\\x1b": "added"}),
    "a line break": (lambda f: (f / "a\nb").write_bytes(b""), {"a\\nb": "added"}),
    "too deep": (_deep, {"/".join(["d"] * (MAX_DEPTH + 1)): "added"}),
}


@pytest.mark.parametrize("name", SPOILED)
def test_every_difference(folder: Path, name: str) -> None:
    spoil, differences = SPOILED[name]
    spoil(folder)
    verdict = verify(folder, EXPECTED, Pace())
    assert found(verdict) == differences
    assert not verdict.healthy
    assert verdict.observed_digest is None
    assert all(one.detail for one in verdict.differences)
    assert not verify(folder, expected_of(CONTENT, files=False), Pace()).healthy


def test_an_empty_folder_is_no_difference(folder: Path) -> None:
    (folder / "empty").mkdir()
    assert verify(folder, EXPECTED, Pace()).healthy


def test_what_nobody_expects_is_not_read(folder: Path) -> None:
    (folder / "huge").open("wb").truncate(1 << 40)
    (folder / "config.json").open("wb").truncate(1 << 40)
    verdict = verify(folder, EXPECTED, Pace())
    assert found(verdict) == {"huge": "added", "config.json": "changed"}
    assert verdict.looked is not None
    assert verdict.looked.read < 1000


def test_more_than_anybody_wants_to_read(folder: Path) -> None:
    for number in range(MAX_ADDED + 5):
        (folder / f"a{number:05}").touch()
    verdict = verify(folder, EXPECTED, Pace())
    assert not verdict.healthy
    assert verdict.document()["cut_short"] is True
    assert {one.kind for one in verdict.differences} == {"added"}
    assert len(verdict.differences) == MAX_ADDED


def test_names_in_another_unicode_form(tmp_path: Path) -> None:
    name = unicodedata.normalize("NFC", "modèle.bin")
    folder = write(tmp_path / "w", {unicodedata.normalize("NFD", name): b"x"})
    expected = expected_of({name: b"x"})
    assert verify(folder, expected, Pace()).healthy
    (folder / name).write_bytes(b"y")
    assert not verify(folder, expected, Pace()).healthy


class TestWhileItIsRead:
    """Whatever happens during the first file's hashing."""

    @staticmethod
    def verdict(folder: Path, act: Callable[[], object]) -> Verdict:
        acted: list[int] = []

        def once(_count: int) -> None:
            if not acted:
                acted.append(1)
                act()

        return verify(folder, EXPECTED, Pace(), progress=once)

    def test_the_file_itself(self, folder: Path) -> None:
        def rewrite() -> None:
            (folder / "config.json").write_bytes(b"{}")

        verdict = self.verdict(folder, rewrite)
        assert found(verdict) == {"config.json": "changed"}
        assert "changed while it was read" in verdict.differences[0].detail

    def test_it_grows(self, folder: Path) -> None:
        assert found(self.verdict(folder, lambda: (folder / "config.json").write_bytes(b"{}\n"))) == {
            "config.json": "changed"
        }

    def test_one_that_comes_later(self, folder: Path) -> None:
        verdict = self.verdict(folder, (folder / "model.safetensors").unlink)
        assert set(found(verdict).values()) == {"changed"}
        assert set(found(verdict)) == {"model.safetensors"}

    def test_replaced_by_an_equal_one(self, folder: Path) -> None:
        def replace() -> None:
            (folder / "new").write_bytes(CONTENT["model.safetensors"])
            (folder / "new").rename(folder / "model.safetensors")

        assert found(self.verdict(folder, replace)) == {"model.safetensors": "changed"}

    def test_one_more(self, folder: Path) -> None:
        assert found(self.verdict(folder, (folder / "evil.py").touch)) == {"evil.py": "added"}

    def test_replaced_by_a_link(self, folder: Path) -> None:
        def replace() -> None:
            (folder / "tokenizer/vocabulary.txt").rename(folder.parent / "v")
            (folder / "tokenizer/vocabulary.txt").symlink_to(folder.parent / "v")

        assert found(self.verdict(folder, replace)) == {"tokenizer/vocabulary.txt": "changed"}

    def test_after_it_was_hashed(self, folder: Path) -> None:
        done: list[int] = []

        def late(_count: int) -> None:
            done.append(1)
            if len(done) == 3:
                (folder / "config.json").write_bytes(b"[]")

        assert found(verify(folder, EXPECTED, Pace(), progress=late)) == {"config.json": "changed"}


class TestLinks:
    @pytest.fixture
    def cache(self, tmp_path: Path) -> Path:
        """A Hugging Face cache: snapshots of links into blobs."""
        top = tmp_path / "models--org--name"
        snapshot = top / "snapshots" / "0123abc"
        for number, (path, data) in enumerate(CONTENT.items()):
            write(top / "blobs", {str(number): data})
            (snapshot / path).parent.mkdir(parents=True, exist_ok=True)
            (snapshot / path).symlink_to(os.path.relpath(top / "blobs" / str(number), (snapshot / path).parent))
        return snapshot

    def test_only_where_it_is_said(self, cache: Path) -> None:
        verdict = verify(cache, EXPECTED, Pace())
        assert found(verdict) == dict.fromkeys(CONTENT, "changed")
        assert {one.detail for one in verdict.differences} == {"is a symbolic link"}
        for within in (cache.parents[1], cache.parents[1] / "blobs"):
            assert verify(cache, EXPECTED, Pace(), links_within=within).healthy
        assert not verify(cache, EXPECTED, Pace(), links_within=cache).healthy

    def test_a_changed_blob(self, cache: Path) -> None:
        (cache.parents[1] / "blobs" / "1").write_bytes(b"WEIGHTS" * 100)
        verdict = verify(cache, EXPECTED, Pace(), links_within=cache.parents[1])
        assert found(verdict) == {"model.safetensors": "changed"}

    @pytest.mark.parametrize(
        "target", ["/etc/hostname", "../../blobs-of-another/0", "../../blobs", "../../none", "config.json"]
    )
    def test_where_a_link_may_not_lead(self, cache: Path, target: str) -> None:
        write(cache.parents[1], {"blobs-of-another/0": b"{}"})
        (cache / "config.json").unlink()
        (cache / "config.json").symlink_to(target)
        verdict = verify(cache, EXPECTED, Pace(), links_within=cache.parents[1] / "blobs")
        assert found(verdict) == {"config.json": "changed"}

    def test_a_linked_folder_stays_a_difference(self, cache: Path) -> None:
        (cache / "tokenizer").rename(cache.parents[1] / "blobs" / "t")
        (cache / "tokenizer").symlink_to("../../blobs/t")
        verdict = verify(cache, EXPECTED, Pace(), links_within=cache.parents[1])
        assert found(verdict) == {"tokenizer": "added", "tokenizer/vocabulary.txt": "missing"}

    def test_a_root_that_is_not_there(self, cache: Path) -> None:
        with pytest.raises(InputError, match="--links-within"):
            look(cache, {}, Pace(), links_within=cache / "none")


def test_only_the_digest_is_known(folder: Path) -> None:
    expected = expected_of(CONTENT, files=False)
    assert verify(folder, expected, Pace()).healthy
    (folder / "config.json").write_bytes(b"[]")
    verdict = verify(folder, expected, Pace())
    assert not verdict.healthy
    assert verdict.differences == ()
    assert "the artifact digest is sha256:" in verdict.problems[0]


def test_no_folder(tmp_path: Path) -> None:
    for bad in (tmp_path / "none", write(tmp_path, {"file": b""}) / "file"):
        with pytest.raises(InputError, match="cannot be read as a folder"):
            look(bad, {}, Pace())


@pytest.mark.parametrize(("text", "expected"), [("50MiB/s", 50 * 1024**2), ("1B/s", 1), ("3GiB/s", 3 * 1024**3)])
def test_rates(text: str, expected: int) -> None:
    assert parse_rate(text) == expected


@pytest.mark.parametrize("text", ["", "50", "50MiB", "50MB/s", "0B/s", "-1B/s", "1B/s\n", "1 KiB/s"])
def test_no_rates(text: str) -> None:
    with pytest.raises(InputError, match="--rate-limit"):
        parse_rate(text)


@settings(deadline=None)
@given(st.integers(1, 10**9), st.lists(st.tuples(st.integers(0, CHUNK), st.floats(0, 5)), min_size=1, max_size=20))
def test_never_faster_than_allowed(rate: int, reads: list[tuple[int, float]]) -> None:
    """At any moment no more was read than the rate allows since the start, whatever pauses there were."""
    now = 0.0

    def sleep(seconds: float) -> None:
        nonlocal now
        assert seconds > 0
        now += seconds

    pace = Pace(rate, clock=lambda: now, sleep=sleep)
    assert 0 < pace.chunk <= CHUNK
    total = 0
    for count, pause in reads:
        now += pause
        pace.account(count)
        total += count
        assert total <= rate * now * (1 + 1e-9) + 1e-6


def test_a_pause_saves_nothing_up() -> None:
    now, slept = 100.0, []
    pace = Pace(1000, clock=lambda: now, sleep=slept.append)
    pace.account(1000)
    now += 50
    pace.account(500)
    assert slept == [1.0, 0.5]


def test_bounded_memory(tmp_path: Path) -> None:
    size = 32 * CHUNK
    (tmp_path / "w").open("wb").truncate(size)
    tracemalloc.start()
    look(tmp_path, None, Pace())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3 * CHUNK


def test_the_lowest_priority_that_still_gets_on() -> None:
    code = (
        "import ctypes, os, platform; from weighbridge.weights.pace import lower_priority; print(lower_priority());"
        "number = {'x86_64': 252, 'aarch64': 31}[platform.machine()];"
        "print(os.nice(0), ctypes.CDLL(None).syscall(number, 1, 0))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split("\n")
    assert shown[0] == "[]"
    assert int(shown[1].split()[0]) >= 10
    assert shown[1].split()[1] == str((2 << 13) | 7)
    assert callable(lower_priority)
