import gzip
import io
import subprocess
import tarfile
import zlib

import pytest

from weighbridge.bundle import archive
from weighbridge.bundle.archive import bundle_archive, read_archive
from weighbridge.canonical import sha256_hex
from weighbridge.errors import InputError

FILES = {
    "data.json": b"{}",
    ".manifest": b'{"roots":["a"]}',
    "a/é.rego": b"package a\n",
    "a/b/c.rego": b"package a.b.c\n",
}


def test_round_trip() -> None:
    assert read_archive(bundle_archive(FILES), "b") == FILES


def test_order_of_the_files_does_not_matter() -> None:
    assert bundle_archive(FILES) == bundle_archive(dict(reversed(FILES.items())))


def test_bytes_are_those_of_the_committed_vector() -> None:
    # Written once; another value on any machine means that bundles are not reproducible there.
    expected = "22fac0e60af745c0833628912ca14f6f9ed960bdd6ca7030be3b789e9ae0c2c9"
    assert sha256_hex(bundle_archive(FILES)) == expected


def test_nothing_of_this_machine_is_inside() -> None:
    data = bundle_archive(FILES)
    assert data[:10] == bytes.fromhex("1f8b08000000000000ff")
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(data))) as tar:
        for entry in tar:
            assert (entry.uid, entry.gid, entry.uname, entry.gname, entry.mtime, entry.mode) == (0, 0, "", "", 0, 0o644)


def test_names_come_sorted_by_their_bytes() -> None:
    files = {"\U00010000": b"", "\uffff": b"", "b": b"", "B": b""}
    assert list(read_archive(bundle_archive(files), "b")) == ["B", "b", "\uffff", "\U00010000"]


@pytest.mark.parametrize(
    "size", [0, 1, 65_534, 65_535, 65_536, archive.STORED_LIMIT_BYTES, 3 * archive.STORED_LIMIT_BYTES]
)
def test_other_programs_can_read_it(size: int, tmp_path) -> None:
    files = {"data.json": b"x" * size, "b": b"y"}
    data = bundle_archive(files)
    assert read_archive(data, "b") == files
    (tmp_path / "b.tar.gz").write_bytes(data)
    subprocess.run(["tar", "xzf", "b.tar.gz"], cwd=tmp_path, check=True)
    assert (tmp_path / "data.json").read_bytes() == files["data.json"]


def test_a_small_archive_does_not_depend_on_the_compressor(monkeypatch) -> None:
    monkeypatch.setattr(zlib, "compressobj", lambda *_: pytest.fail("compressed"))
    assert read_archive(bundle_archive(FILES), "b") == FILES


def test_a_large_archive_is_compressed() -> None:
    assert len(bundle_archive({"data.json": b"x" * 5_000_000})) < 100_000


@pytest.mark.parametrize("name", ["", "/data.json", "a//b", "a/", "../a", "a/../b", "./a", "a\\b", "a\nb", "a\x00b"])
def test_a_name_that_is_no_file_of_a_bundle_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no file name"):
        bundle_archive({name: b""})


def _tar(*entries: tuple[tarfile.TarInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for entry, content in entries:
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return gzip.compress(buffer.getvalue())


def _link(kind: bytes) -> tarfile.TarInfo:
    entry = tarfile.TarInfo("data.json")
    entry.type, entry.linkname = kind, "/etc/passwd"
    return entry


def _sparse() -> bytes:
    entry = tarfile.TarInfo("data.json")
    size = {"GNU.sparse.major": "0", "GNU.sparse.minor": "1", "GNU.sparse.size": str(2**50)}
    entry.pax_headers = {**size, "GNU.sparse.numblocks": "1", "GNU.sparse.map": "0,4"}
    return _tar((entry, b"{}  "))


def _sized(size: int) -> bytes:
    """An entry whose header states this size in binary, with the checksum that fits."""
    header = bytearray(tarfile.TarInfo("data.json").tobuf(tarfile.GNU_FORMAT))
    header[124:136] = (size & (2**96 - 1)).to_bytes(12, "big")
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return gzip.compress(bytes(header) + bytes(1024))


def _extended(count: int) -> bytes:
    entry = tarfile.TarInfo("pax")
    entry.type = tarfile.XHDTYPE
    return gzip.compress(entry.tobuf(tarfile.GNU_FORMAT) * count + bytes(1024))


GOOD = bundle_archive(FILES)
HOSTILE = {
    "empty": b"",
    "no gzip": b"hello",
    "cut off": GOOD[:-5],
    "cut off inside": GOOD[: len(GOOD) // 2],
    "bad checksum": GOOD[:-8] + b"\0\0\0\0" + GOOD[-4:],
    "something behind": GOOD + b"x",
    "two members": GOOD + GOOD,
    "gzip of no tar": gzip.compress(b"hello" * 1000),
    "symbolic link": _tar((_link(tarfile.SYMTYPE), b"")),
    "hard link": _tar((_link(tarfile.LNKTYPE), b"")),
    "device": _tar((_link(tarfile.CHRTYPE), b"")),
    "folder": _tar((_link(tarfile.DIRTYPE), b"")),
    "leaves the folder": _tar((tarfile.TarInfo("../x"), b"")),
    "twice": _tar((tarfile.TarInfo("x"), b"1"), (tarfile.TarInfo("/x"), b"2")),
    "sparse": _sparse(),
    "larger than any memory": _sized(2**64 | 2**95),
    "of a negative size": _sized(-1024),
    "headers of headers": _extended(5000),
    "tar cut off": gzip.compress(gzip.decompress(GOOD)[:700]),
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
def test_what_is_no_bundle_is_refused(data: bytes) -> None:
    with pytest.raises(InputError, match="is no bundle"):
        read_archive(data, "b.tar.gz")


def test_a_bomb_is_never_unpacked() -> None:
    with pytest.raises(InputError, match="unpacks to more than 1000000 bytes"):
        read_archive(gzip.compress(b"\0" * 100_000_000), "bomb", limit=1_000_000)


def test_what_opa_builds_can_be_read() -> None:
    entry = tarfile.TarInfo("/data.json")
    assert read_archive(_tar((entry, b"{}")), "b") == {"data.json": b"{}"}


def test_too_many_files_are_refused(monkeypatch) -> None:
    monkeypatch.setattr(archive, "MAX_ENTRIES", 3)
    with pytest.raises(InputError, match="one too many"):
        read_archive(GOOD, "b")
