"""Walking a model folder: everything that could mean two things is refused, all of it at once."""

import hashlib
import os
import socket
import threading
from dataclasses import replace

import pytest

from weighbridge.errors import InputError
from weighbridge.packaging import scan as module
from weighbridge.packaging.scan import scan


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
    monkeypatch.setattr(module, "MAX_FILES", 1)
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
        original = module._hash_all
        monkeypatch.setattr(module, "_hash_all", lambda *rest: (once(), original(*rest))[1])
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
    original = module._hash_all

    def exchanged(*rest):
        (model / "tokenizer").rename(model.parent / "aside")
        (model.parent / "evil").rename(model / "tokenizer")
        found = original(*rest)
        (model / "tokenizer").rename(model.parent / "evil")
        (model.parent / "aside").rename(model / "tokenizer")
        return found

    monkeypatch.setattr(module, "_hash_all", exchanged)
    assert problems(model) == {"tokenizer/vocabulary.txt": "changed while it was read"}


@pytest.mark.parametrize("size", [3, 5])
def test_a_file_of_another_length_than_was_listed_has_no_hash(model, size):
    listed = module._walk(model).files["tokenizer/vocabulary.txt"]
    assert module._hash(model, listed, lambda _: None)
    assert module._hash(model, replace(listed, size=size), lambda _: None) == ""
