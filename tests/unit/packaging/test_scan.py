"""Walking a model folder: everything that could mean two things is refused, all of it at once."""

import hashlib
import os
import socket
import threading
from dataclasses import replace

import pytest

from weighbridge.errors import InputError
from weighbridge.packaging import folder as folders
from weighbridge.packaging import hashing
from weighbridge.packaging import scan as module
from weighbridge.packaging.scan import scan, scan_and_look
from weighbridge.packaging.view import FormatError


def problems(folder, **options):
    with pytest.raises(InputError) as caught:
        scan(folder, **options)
    return {problem.file: problem.message for problem in caught.value.problems}


def test_files_are_hashed_and_sorted(model):
    (model / "tokenizer-2").write_bytes(b"")
    found = [(file.path, file.size, file.sha256) for file in scan(model)]
    assert found == [
        ("model.onnx", 7000, hashlib.sha256(b"weights" * 1000).hexdigest()),
        ("tokenizer-2", 0, hashlib.sha256(b"").hexdigest()),
        ("tokenizer/vocabulary.txt", 4, hashlib.sha256(b"a\nb\n").hexdigest()),
    ]


def test_only_the_top_level_names_are_left_out(model):
    for name in ("manifest.json", "artifact.json", "evidence/x.json", "tokenizer/README.md", "tokenizer/evidence/y"):
        (model / name).parent.mkdir(exist_ok=True)
        (model / name).write_text("{}", "utf-8")
    paths = [file.path for file in scan(model)]
    assert paths == ["model.onnx", "tokenizer/README.md", "tokenizer/evidence/y", "tokenizer/vocabulary.txt"]


def test_empty_folders_and_times_and_modes_do_not_count(model):
    before = scan(model)
    (model / "empty").mkdir()
    os.utime(model / "model.onnx", (0, 0))
    (model / "model.onnx").chmod(0o600)
    assert scan(model) == before


def test_a_name_in_nfd_becomes_nfc(model):
    (model / "e\u0301.bin").write_bytes(b"1")
    assert "\u00e9.bin" in [file.path for file in scan(model)]


def test_everything_wrong_is_told_at_once(model, monkeypatch):
    (model / "link").symlink_to("/etc/passwd")
    (model / "folder-link").symlink_to("tokenizer")
    (model / "dangling").symlink_to("nowhere")
    os.mkfifo(model / "tokenizer" / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        monkeypatch.chdir(model)  # a socket's path is short
        listening.bind("socket")
    os.close(os.open(os.fsencode(model) + b"/\xff\xfe", os.O_CREAT))
    (model / "a\nb").write_bytes(b"")
    (model / "back\\slash").write_bytes(b"")
    (model / "Model.onnx").write_bytes(b"")
    (model / "\u00e9.bin").write_bytes(b"")
    (model / "e\u0301.bin").write_bytes(b"")
    (model / "readme.md").write_bytes(b"")
    (model / "Tokenizer").mkdir()
    found = problems(model)
    expected = {
        "link": "symbolic link",
        "folder-link": "symbolic link",
        "dangling": "symbolic link",
        "tokenizer/pipe": "named pipe",
        "socket": "socket",
        "\\udcff\\udcfe": "not UTF-8",
        "a\\nb": "control",
        "back\\slash": "backslash",
        "model.onnx": "only by case",
        "\u00e9.bin": "Unicode form",
        "readme.md": "only by case",
        "tokenizer": "only by case",
    }
    assert found.keys() == expected.keys()
    assert all(part in found[file] for file, part in expected.items()), found


def test_a_character_device_is_refused(model):
    try:
        os.mknod(model / "zero", 0o20600, os.makedev(1, 5))
    except PermissionError:
        # Only root makes devices; anybody meets one, so look where every Linux has some.
        assert "is a character device" in problems("/dev").get("null", "")
        return
    assert problems(model) == {"zero": "is a character device"}


def test_no_file_is_no_model(tmp_path):
    (tmp_path / "README.md").write_text("# card", "utf-8")
    (tmp_path / "empty").mkdir()
    assert "holds no file" in problems(tmp_path)[str(tmp_path)]


def test_no_folder(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    assert "No such file" in problems(tmp_path / "none")[str(tmp_path / "none")]
    assert "Not a directory" in problems(tmp_path / "file")[str(tmp_path / "file")]


def test_too_deep(model):
    (model / "/".join(["d"] * 40)).mkdir(parents=True)
    assert "folders deep" in next(iter(problems(model).values()))


def test_too_many(model, monkeypatch):
    monkeypatch.setattr(folders, "MAX_FILES", 1)
    assert "one file more" in next(iter(problems(model).values()))


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "model.onnx").write_bytes(b"WEIGHTS" * 1000),
        lambda folder: (folder / "model.onnx").open("ab").write(b"more"),
        lambda folder: (folder / "model.onnx").write_bytes(b"less"),
        lambda folder: (folder / "model.onnx").unlink(),
        lambda folder: (folder / "model.onnx").replace(folder / "moved.onnx"),
        lambda folder: (folder / "late.bin").write_bytes(b"1"),
        lambda folder: ((folder / "model.onnx").unlink(), (folder / "model.onnx").symlink_to("/dev/zero")),
        lambda folder: ((folder / "tokenizer").rename(folder / "t2"), (folder / "tokenizer").symlink_to("t2")),
    ],
    ids=["same length", "longer", "shorter", "gone", "renamed", "new file", "now a link", "folder now a link"],
)
@pytest.mark.parametrize("when", ["before hashing", "while hashing"])
def test_a_change_while_reading_is_noticed(model, monkeypatch, change, when):
    lock, done = threading.Lock(), []

    def once():
        with lock:
            if not done:
                done.append(True)
                change(model)

    if when == "while hashing":
        found = problems(model, progress=lambda *_: once(), threads=1)
    else:
        original = module.hash_all
        monkeypatch.setattr(module, "hash_all", lambda *rest: (once(), original(*rest))[1])
        found = problems(model)
    assert done
    assert found


def test_progress_tells_every_byte(model):
    told = []
    scan(model, progress=lambda count, total: told.append((count, total)))
    assert sum(count for count, _ in told) == 7004
    assert {total for _, total in told} == {7004}


def test_a_folder_that_is_exchanged_and_put_back_is_noticed(model, monkeypatch):
    # Renaming a folder changes nothing about the files in it, so both walks see the same: the inode tells.
    (model.parent / "evil").mkdir()
    (model.parent / "evil" / "vocabulary.txt").write_text("x\ny\n", "utf-8")
    original = module.hash_all

    def exchanged(*rest):
        (model / "tokenizer").rename(model.parent / "aside")
        (model.parent / "evil").rename(model / "tokenizer")
        found = original(*rest)
        (model / "tokenizer").rename(model.parent / "evil")
        (model.parent / "aside").rename(model / "tokenizer")
        return found

    monkeypatch.setattr(module, "hash_all", exchanged)
    assert problems(model) == {"tokenizer/vocabulary.txt": "changed while it was read"}


@pytest.mark.parametrize("size", [3, 5])
def test_a_file_of_another_length_than_was_listed_has_no_hash(model, size):
    listed = folders.walk(model).files["tokenizer/vocabulary.txt"]
    assert hashing.hash_file(model, listed, lambda _: None)
    assert hashing.hash_file(model, replace(listed, size=size), lambda _: None) == ""


def test_each_name_of_a_hard_link_is_a_file(model):
    os.link(model / "model.onnx", model / "second.onnx")
    found = {file.path: file.sha256 for file in scan(model)}
    assert found["second.onnx"] == found["model.onnx"]


def test_a_hole_is_the_zeros_that_it_reads_as(model):
    with (model / "sparse.bin").open("wb") as stream:
        stream.truncate(3_000_000)
    found = {file.path: (file.size, file.sha256) for file in scan(model)}
    assert found["sparse.bin"] == (3_000_000, hashlib.sha256(bytes(3_000_000)).hexdigest())


def test_order_of_the_folder_does_not_count(model, monkeypatch):
    before = scan(model)
    original = os.listdir
    monkeypatch.setattr(os, "listdir", lambda folder: sorted(original(folder), reverse=True))
    assert scan(model) == before


def look(folder):
    return scan_and_look(folder, lambda _: None)


def test_what_is_left_out_is_named(model):
    (model / ".git" / "objects").mkdir(parents=True)
    (model / ".git" / "objects" / "x").write_bytes(b"1")
    (model / "cache.tmp").symlink_to("/etc/passwd")
    (model / "keep.tmp").write_bytes(b"1")
    (model / ".weighbridgeignore").write_text("# not ours\n.git/\n*.tmp\n!keep.tmp\n", "utf-8")
    files, ignored, _ = look(model)
    assert ignored == (".git", "cache.tmp")
    paths = [file.path for file in files]
    assert paths == [".weighbridgeignore", "keep.tmp", "model.onnx", "tokenizer/vocabulary.txt"]


def test_an_ignore_file_further_down_is_an_ordinary_file(model):
    (model / "tokenizer" / ".weighbridgeignore").write_text("*", "utf-8")
    files, ignored, _ = look(model)
    assert "tokenizer/vocabulary.txt" in [file.path for file in files]
    assert ignored == ()


def test_a_name_that_cannot_be_told_is_not_left_out_silently(model):
    os.close(os.open(os.fsencode(model) + b"/\xff.tmp", os.O_CREAT))
    (model / "a\nb.tmp").write_bytes(b"")
    (model / ".weighbridgeignore").write_text("*.tmp\n", "utf-8")
    assert problems(model).keys() == {"\\udcff.tmp", "a\\nb.tmp"}


@pytest.mark.parametrize(
    ("data", "message"),
    [(b"\xff", "cannot be read"), (b"x\n" * 40_000, "larger than"), (b"!\n", "cannot be read")],
    ids=["not UTF-8", "large", "no pattern"],
)
def test_an_ignore_file_that_cannot_be_read_ignores_nothing(model, data, message):
    (model / ".weighbridgeignore").write_bytes(data)
    assert message in problems(model)[".weighbridgeignore"]


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_an_ignore_file_is_a_regular_file(model, kind, tmp_path):
    file = model / ".weighbridgeignore"
    if kind == "link":
        (tmp_path / "rules").write_text("*", "utf-8")
        file.symlink_to(tmp_path / "rules")
    elif kind == "pipe":
        os.mkfifo(file)
    else:
        file.mkdir()
    assert problems(model).keys() == {".weighbridgeignore"}


def test_too_much_left_out(model, monkeypatch):
    monkeypatch.setattr(folders, "MAX_IGNORED", 0)
    (model / ".weighbridgeignore").write_text("tokenizer/\n", "utf-8")
    assert "entries left out" in next(iter(problems(model).values()))


def test_what_is_left_out_may_not_change_either(model):
    (model / ".weighbridgeignore").write_text("*.tmp\n", "utf-8")

    def late(files):
        (model / "late.tmp").write_bytes(b"1")

    with pytest.raises(InputError) as caught:
        scan_and_look(model, late)
    assert [problem.file for problem in caught.value.problems] == ["late.tmp"]


def test_a_file_exchanged_while_it_is_looked_at_is_noticed(model):
    def exchange(files):
        with files.open("model.onnx") as view:
            view.at(0, 7)
        (model / "model.onnx").write_bytes(b"WEIGHTS" * 1000)

    with pytest.raises(InputError, match="changed while it was read"):
        scan_and_look(model, exchange)


def test_reading_is_bounded(model):
    def read(files):
        with files.open("model.onnx") as view:
            assert view.at(6990, 10) == b"weightsweights"[-10:]
            assert view.head(10**9) == b"weights" * 1000
            for offset, count in ((6999, 2), (-1, 1), (0, -1), (7001, 0)):
                with pytest.raises(FormatError, match="cut off"):
                    view.at(offset, count)
        return "read"

    assert scan_and_look(model, read)[2] == "read"
