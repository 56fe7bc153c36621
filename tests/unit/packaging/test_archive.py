"""The reproducible archive, read back by GNU tar."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import zstandard
from click.testing import CliRunner

from weighbridge.cli.package import command
from weighbridge.errors import InputError, OutputError
from weighbridge.packaging import archive as module
from weighbridge.packaging.archive import check_archive, write_archive
from weighbridge.packaging.package import package


def packaged(folder):
    return package(folder, model="m", version="1")


def unpack(archive, target):
    """With GNU tar, which knows nothing of us."""
    target.mkdir()
    plain = zstandard.ZstdDecompressor().stream_reader(archive.open("rb")).read()
    return subprocess.run(["tar", "-xvf", "-", "-C", str(target)], input=plain, capture_output=True, check=True)


def test_what_is_unpacked_has_the_same_digest(model, tmp_path):
    (model / "tokenizer" / ("\u00e9" + "x" * 120)).write_bytes(b"long and not ASCII")
    with (model / "sparse.bin").open("wb") as stream:
        stream.truncate(1_000_000)
    os.link(model / "model.onnx", model / "second.onnx")
    before = packaged(model)
    write_archive(model, before, tmp_path / "m.tar.zst")
    result = unpack(tmp_path / "m.tar.zst", tmp_path / "unpacked")
    assert result.stderr == b""
    after = packaged(tmp_path / "unpacked")
    assert (after.digest, after.manifest_sha256) == (before.digest, before.manifest_sha256)
    assert (tmp_path / "unpacked" / "artifact.json").read_bytes() == before.files()["artifact.json"]
    file = tmp_path / "unpacked" / "model.onnx"
    assert (file.stat().st_mode & 0o777, int(file.stat().st_mtime)) == (0o644, module.TIME)


def test_owners_and_order(model, tmp_path):
    write_archive(model, packaged(model), tmp_path / "m.tar.zst")
    plain = zstandard.ZstdDecompressor().stream_reader((tmp_path / "m.tar.zst").open("rb")).read()
    command = ["tar", "-tv", "--numeric-owner", "--utc", "-f", "-"]
    listed = subprocess.run(command, input=plain, capture_output=True, check=True).stdout.decode().splitlines()
    assert [line.split()[-1] for line in listed] == [
        "README.md",
        "artifact.json",
        "manifest.json",
        "model.onnx",
        "tokenizer/vocabulary.txt",
    ]
    assert all(line.startswith("-rw-r--r-- 0/0 ") and " 1980-01-01 00:00 " in line for line in listed)


def test_the_same_bytes_wherever_it_is_made(model, tmp_path):
    script = "import sys; from weighbridge.cli.main import main; main()"
    base = [sys.executable, "-c", script, "package", str(model), "--model", "m", "--version", "1"]
    seen = set()
    for name, environment, mask in (
        ("one", {"TZ": "Asia/Kathmandu", "LC_ALL": "C", "PYTHONHASHSEED": "1"}, 0o077),
        ("two", {"TZ": "UTC", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "2"}, 0o002),
    ):
        os.utime(model / "model.onnx", (1, 1) if name == "one" else (10**9, 10**9))
        options = ["--output", str(tmp_path / name), "--archive", str(tmp_path / f"{name}.tar.zst")]
        subprocess.run(
            [*base, *options], env={**os.environ, **environment}, umask=mask, capture_output=True, check=True
        )
        seen.add((tmp_path / f"{name}.tar.zst").read_bytes() + (tmp_path / name / "manifest.json").read_bytes())
    assert len(seen) == 1


def test_cores_do_not_count(model, tmp_path, monkeypatch):
    (model / "large.bin").write_bytes(os.urandom(1000) * 20_000)
    found = packaged(model)
    for count in (1, 4):
        monkeypatch.setattr(module, "cores", lambda count=count: count)
        write_archive(model, found, tmp_path / f"{count}.tar.zst")
    assert (tmp_path / "1.tar.zst").read_bytes() == (tmp_path / "4.tar.zst").read_bytes()


@pytest.mark.parametrize("size", [6_999, 7_000, 7_001, 0])
def test_a_file_that_is_no_longer_what_was_packaged(model, tmp_path, size):
    found = packaged(model)
    (model / "model.onnx").write_bytes(b"x" * size)
    with pytest.raises(InputError, match="changed while it was read"):
        write_archive(model, found, tmp_path / "m.tar.zst")
    (model / "model.onnx").unlink()
    with pytest.raises(InputError, match="changed while it was read"):
        write_archive(model, found, tmp_path / "m.tar.zst")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_where_no_archive_is_written(model, tmp_path):
    (tmp_path / "there").write_text("precious", "utf-8")
    (tmp_path / "link").symlink_to("nowhere")
    for name in ("there", "link", "model/inside.tar.zst"):
        with pytest.raises(InputError):
            check_archive(model, tmp_path / name)
    with pytest.raises(OutputError):
        write_archive(model, packaged(model), tmp_path / "there" / "m.tar.zst")
    assert (tmp_path / "there").read_text("utf-8") == "precious"


def test_the_command_writes_both_or_says_why(model, tmp_path):
    arguments = [str(model), "--model", "m", "--version", "1", "--output", str(tmp_path / "out")]
    result = CliRunner().invoke(command, [*arguments, "--archive", str(tmp_path / "m.tar.zst")])
    assert result.exit_code == 0, result.output
    assert str(tmp_path / "m.tar.zst") in result.output
    again = CliRunner().invoke(
        command, [*arguments[:-1], str(tmp_path / "two"), "--archive", str(tmp_path / "m.tar.zst")]
    )
    assert isinstance(again.exception, InputError)
    assert not Path(tmp_path / "two").exists()
