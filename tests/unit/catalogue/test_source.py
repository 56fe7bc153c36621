"""Files below a root: what is read, and what never is."""

from __future__ import annotations

import os
import socket
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from weighbridge.catalogue.source import LIMITS, Source, display, unsafe_path
from weighbridge.errors import InputError

if TYPE_CHECKING:
    from .conftest import Tree

README = "models/kb-qa-001/2025.03.15/README.md"


def refusal(source: Source, path: str, limit: int = 100) -> str:
    with pytest.raises(InputError) as caught:
        source.read(path, limit)
    (problem,) = caught.value.problems
    return str(problem)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "outside").write_text("secret")
    (tmp_path / "outside.d").mkdir()
    (tmp_path / "outside.d" / "x").write_text("secret")
    folder = tmp_path / "root"
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / "b" / "x").write_text("0123456789")
    return folder


def test_reads_up_to_the_limit(root: Path) -> None:
    source = Source(root)
    assert source.read("a/b/x", 10) == b"0123456789"
    assert refusal(source, "a/b/x", 9) == (
        "a/b/x: is larger than 9 bytes, the limit for it. Shorten it, or split it into several."
    )
    (root / "empty").write_bytes(b"")
    assert source.read("empty", 0) == b""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no procfs on this system")
def test_a_file_that_says_it_is_empty_is_read_to_its_end_and_bounded() -> None:
    source = Source(Path("/proc/self"))
    assert source.read("status", 100_000)
    assert "is larger than 10 bytes" in refusal(source, "status", 10)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("../outside", "has an empty, `.` or `..` part"),
        ("a/../../outside", "has an empty, `.` or `..` part"),
        ("a/../a/b/x", "has an empty, `.` or `..` part"),
        ("./a/b/x", "has an empty, `.` or `..` part"),
        ("a//b/x", "has an empty, `.` or `..` part"),
        ("a/b/x/", "has an empty, `.` or `..` part"),
        ("", "has an empty, `.` or `..` part"),
        ("/etc/passwd", "is an absolute path"),
        ("a\\b", "holds a backslash or a character that cannot be seen"),
        ("a\nb", "holds a backslash or a character that cannot be seen"),
        ("a\0b", "holds a backslash or a character that cannot be seen"),
        ("a\udcffb", "holds a backslash or a character that cannot be seen"),
        ("a\u202eb", "holds a backslash or a character that cannot be seen"),
    ],
)
def test_paths(root: Path, path: str, message: str) -> None:
    assert message in refusal(Source(root), path)
    assert unsafe_path(path) == message


def test_links(root: Path) -> None:
    (root / "inside").symlink_to("a/b/x")
    (root / "folder").symlink_to("a")
    (root / "chain").symlink_to("inside")
    (root / "out").symlink_to("../outside")
    (root / "absolute").symlink_to(root.parent / "outside")
    (root / "outfolder").symlink_to("../outside.d")
    (root / "up").symlink_to("..")
    (root / "a" / "self").symlink_to("self")
    (root / "ping").symlink_to("pong")
    (root / "pong").symlink_to("ping")
    (root / "nowhere").symlink_to("gone")
    (root / "here").symlink_to(".")
    source = Source(root)
    for path in ("inside", "folder/b/x", "chain", "here/a/b/x", "here/here/inside"):
        assert source.read(path, 10) == b"0123456789"
    for path in ("out", "absolute", "outfolder/x", "up/outside", "up/outside.d/x"):
        assert "is a link that leaves the catalogue" in refusal(source, path)
    for path in ("a/self", "ping", "pong"):
        assert "is a link that leads in circles" in refusal(source, path)
    assert "is missing" in refusal(source, "nowhere")


def test_a_sibling_with_the_same_beginning_is_outside(root: Path) -> None:
    sibling = root.with_name("root2")
    sibling.mkdir()
    (sibling / "x").write_text("secret")
    (root / "link").symlink_to("../root2/x")
    assert "leaves the catalogue" in refusal(Source(root), "link")


def test_a_root_that_is_a_link_itself(root: Path) -> None:
    link = root.with_name("link")
    link.symlink_to("root")
    assert Source(link).read("a/b/x", 10) == b"0123456789"


def test_what_is_no_regular_file(root: Path) -> None:
    os.mkfifo(root / "fifo")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(root / "socket"))
        (root / "null").symlink_to("/dev/null")
        source = Source(root)
        assert "is neither a file nor a folder, where a file is expected" in refusal(source, "fifo")
        assert "cannot be read" in refusal(source, "socket")
        assert "leaves the catalogue" in refusal(source, "null")
        assert "is a folder, where a file is expected" in refusal(source, "a")
        assert "is missing" in refusal(source, "a/b/x/y")
        entries, problems = source.entries("")
        assert [entry.name for entry in entries] == ["a"]
        assert sorted(problem.file for problem in problems) == ["fifo", "null", "socket"]


def test_unreadable_files_and_folders() -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o755)
        (root / "file").write_text("x")
        (root / "file").chmod(0)
        (root / "folder").mkdir(mode=0)
        user = os.geteuid()
        if user == 0:
            os.seteuid(65534)  # root reads everything, whatever the mode
        try:
            source = Source(root)
            for path in ("file", "folder/x"):
                assert "cannot be read: Permission denied. Make it readable" in refusal(source, path)
            with pytest.raises(InputError, match="folder: cannot be read: Permission denied"):
                source.entries("folder")
        finally:
            os.seteuid(user)
        (root / "folder").chmod(0o755)


def test_names_are_printed_so_that_a_terminal_survives(root: Path) -> None:
    (root / "line\nbreak\x1b[31m").symlink_to("/etc/passwd")
    (root / os.fsdecode(b"\xff\xfe")).symlink_to("/etc/passwd")
    _, problems = Source(root).entries("")
    assert sorted(problem.file for problem in problems) == ["\\udcff\\udcfe", "line\\nbreak\\x1b[31m"]
    assert all(str(problem).isprintable() for problem in problems)
    assert display("modell-\u00e9") == "modell-\u00e9"


def test_walking_is_bounded_and_follows_no_linked_folder(root: Path) -> None:
    (root / "a" / "loop").symlink_to("..")
    files, problems = Source(root).walk("a", 10)
    assert files == ["a/b/x"]
    assert [str(problem) for problem in problems] == ["a/loop: is a link to a folder. Put the folder itself there."]
    for number in range(11):
        (root / "a" / f"{number}").write_text("")
    with pytest.raises(InputError, match="a: holds more than 10 files"):
        Source(root).walk("a", 10)


def test_every_document_has_its_limit(tree: Tree) -> None:
    sizes = {
        "weighbridge.yaml": LIMITS.configuration,
        "tenants.yaml": LIMITS.tenants,
        "weighbridge.yaml.dsse": LIMITS.envelope,
        README: LIMITS.card,
        README.replace("README.md", "manifest.json"): LIMITS.manifest,
        README.replace("README.md", "artifact.json"): LIMITS.manifest,
        README.replace("README.md", "evidence/package.json"): LIMITS.evidence,
        "orders/x.json": LIMITS.order,
        "policies/x.rego": LIMITS.policy,
    }
    for name, limit in sizes.items():
        path = tree.write(name, b"")
        os.truncate(path, limit + 1)
    assert sorted(tree.problems()) == sorted(
        f"{name}: is larger than {limit} bytes, the limit for it. Shorten it, or split it into several."
        for name, limit in sizes.items()
    )


@pytest.mark.parametrize("name", ["weighbridge.yaml", "tenants.yaml", README, "keys/ci.pub", "models/kb-qa-001"])
def test_a_catalogue_reads_no_link_that_leaves_it(tree: Tree, name: str) -> None:
    path = tree.path(name)
    outside = path.rename(tree.root.parent / "outside")
    path.symlink_to(outside)
    assert any("a link that leaves the catalogue" in problem for problem in tree.problems())


def test_a_catalogue_with_links_inside_is_read(tree: Tree) -> None:
    path = tree.path("keys/ci.pub")
    path.rename(tree.path("keys/2026.pub"))
    path.symlink_to("2026.pub")
    assert "keys/ci.pub" in tree.load().trusted


@pytest.mark.parametrize(
    "name", ["weighbridge.yaml", "tenants.yaml", README, "keys/ci.pub", "policies/x.rego", "orders/x.json"]
)
def test_a_fifo_does_not_hang(tree: Tree, name: str) -> None:
    path = tree.path(name)
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    assert any("is neither a file nor a folder" in problem for problem in tree.problems())
