"""Layers applied one on the other, as runtimes do; where runtimes differ, refused."""

import bz2
import gzip
import io
import lzma
import os
import subprocess
import tarfile
from dataclasses import replace

import pytest
import zstandard
from tests.image_builder import LayerBuilder, digest

from weighbridge.errors import InputError
from weighbridge.image.layers import apply_layers, path_parts
from weighbridge.image.limits import LIMITS
from weighbridge.image.tree import LayerError


def refused(kit, *layers, **more):
    with pytest.raises(InputError) as caught:
        kit.apply(*layers, **more)
    return str(caught.value)


def test_a_later_layer_adds_replaces_and_hides(kit):
    lower = kit.Layer().folder("a").file("a/kept", "1").file("a/gone", "1").file("a/new", "1")
    upper = kit.Layer().file("a/new", "22").whiteout("a/gone").file("b/c/d")
    contents = kit.apply(lower, upper)
    assert [path for path, _ in contents.tree.walk()] == ["/a", "/a/kept", "/a/new", "/b", "/b/c", "/b/c/d"]
    assert contents.tree.lookup("/a/new")[1].size == 2
    assert contents.tree.lookup("/a/new")[1].layer == 1
    assert contents.counts == [4, 3]


def test_an_opaque_folder_hides_what_lower_layers_have_and_not_its_own(kit):
    lower = kit.Layer().file("a/x/1").file("a/y/2").file("a/3")
    for upper in (
        kit.Layer().folder("a").opaque("a").file("a/x/new"),
        kit.Layer().file("a/x/new").opaque("a"),
    ):
        assert kit.paths(lower, upper) == ["/a", "/a/x", "/a/x/new"]
        lower = kit.Layer().file("a/x/1").file("a/y/2").file("a/3")


def test_the_root_may_be_opaque(kit):
    assert kit.paths(kit.Layer().file("a"), kit.Layer().file(".wh..wh..opq").file("b")) == ["/b"]


def test_a_whiteout_of_nothing_is_nothing(kit):
    assert kit.paths(kit.Layer().file("a"), kit.Layer().whiteout("b").whiteout("c/d")) == ["/a"]


def test_a_removed_folder_is_gone_with_all_in_it_and_can_come_back(kit):
    layers = [kit.Layer().file("a/b/c"), kit.Layer().whiteout("a"), kit.Layer().file("a/d")]
    assert kit.paths(*layers) == ["/a", "/a/d"]


def test_files_become_folders_and_back(kit):
    layers = [kit.Layer().file("a", "x"), kit.Layer().folder("a").file("a/b"), kit.Layer().file("a", "yy")]
    contents = kit.apply(*layers)
    assert [path for path, _ in contents.tree.walk()] == ["/a"]
    assert contents.tree.lookup("/a")[1].size == 2
    assert kit.paths(kit.Layer().symlink("a", "b").file("b/c"), kit.Layer().folder("a").file("a/d")) == [
        "/a", "/a/d", "/b", "/b/c",
    ]  # fmt: skip


def test_of_an_entry_that_comes_twice_the_last_counts(kit):
    contents = kit.apply(kit.Layer().file("a", "1").file("./a", "22").folder("b").folder("b/", mode=0o700))
    assert contents.tree.lookup("a")[1].size == 2
    assert contents.tree.lookup("b")[1].mode == 0o700


def test_hard_links_are_one_file(kit):
    contents = kit.apply(kit.Layer().file("a", "1", mode=0o4755).link("b", "a"), kit.Layer().link("c", "./a"))
    nodes = [contents.tree.lookup(path)[1] for path in "abc"]
    assert nodes[0] is nodes[1]
    assert {(node.mode, node.origin, node.ordinal) for node in nodes} == {(0o4755, 0, 0)}
    assert nodes[2].layer == 1


@pytest.mark.parametrize(
    "layers",
    [
        [LayerBuilder().link("b", "a")],
        [LayerBuilder().file("a"), LayerBuilder().whiteout("a").link("b", "a")],
        [LayerBuilder().link("b", "a").file("a")],
        [LayerBuilder().file("a").link("a", "a")],
        [LayerBuilder().file("x/a"), LayerBuilder().opaque("x").link("b", "x/a")],
    ],
    ids=["absent", "hidden", "later", "itself", "hidden by an opaque folder"],
)
def test_a_hard_link_needs_its_target_there(kit, layers):
    assert "is a hard link to something that is not there" in refused(kit, *layers)


def test_a_hard_link_to_a_folder_is_none(kit):
    assert "hard link to a folder" in refused(kit, kit.Layer().folder("a").link("b", "a"))


@pytest.mark.parametrize(
    ("layers", "reason"),
    [
        ([LayerBuilder().file("usr/bin/x").symlink("bin", "usr/bin"), LayerBuilder().file("bin/x")], "through a symb"),
        ([LayerBuilder().symlink("a", "/etc").file("a/x")], "leads through a symbolic link"),
        ([LayerBuilder().symlink("a", "b"), LayerBuilder().whiteout("a/x")], "leads through a symbolic link"),
        ([LayerBuilder().symlink("a", "b"), LayerBuilder().opaque("a")], "leads through a symbolic link"),
        ([LayerBuilder().file("b/c").symlink("a", "b").link("d", "a/c")], "leads through a symbolic link"),
        ([LayerBuilder().file("a"), LayerBuilder().file("a/b")], "lies below something that is no folder"),
        ([LayerBuilder().file("a").whiteout("a")], "added and removed by the same layer"),
        ([LayerBuilder().file("a"), LayerBuilder().whiteout("a").file("a")], "removed and added by the same layer"),
        ([LayerBuilder().file("a/b"), LayerBuilder().whiteout("a").file("a/c")], "removed and added by the same"),
        ([LayerBuilder().file("a/.wh.")], "whiteout of nothing"),
        ([LayerBuilder().file("a/.wh...")], "whiteout of nothing"),
        ([LayerBuilder().file("a/.wh.."), LayerBuilder()], "whiteout of nothing"),
        ([LayerBuilder().file(".wh..wh.plnk")], "whiteout of nothing"),
        ([LayerBuilder().file(".wh.a/b")], "lies below a whiteout"),
        ([LayerBuilder().device("a", 0, 0)], "take for a whiteout"),
        ([LayerBuilder().folder("a", pax={"SCHILY.xattr.trusted.overlay.opaque": "y"})], "only overlayfs may"),
        ([LayerBuilder().folder("a", pax={"SCHILY.xattr.user.overlay.redirect": "/b"})], "only overlayfs may"),
        ([LayerBuilder().file("../a")], "leads upwards"),
        ([LayerBuilder().file("a/../../b")], "leads upwards"),
        ([LayerBuilder().file("a/../b")], "leads upwards"),
        ([LayerBuilder().link("a", "../../etc/passwd")], "leads upwards"),
        ([LayerBuilder().symlink(".", "a")], "replaces the root folder"),
        ([LayerBuilder().file("a" * 256)], "too long"),
        ([LayerBuilder().file("a/" * 300 + "b")], "too deep"),
        ([LayerBuilder().file("abc/" * 1100 + "b")], "too long"),
        ([LayerBuilder().symlink("a", "b" * 5000)], "too long"),
    ],
)  # fmt: skip
def test_what_means_different_things_is_refused(kit, layers, reason):
    assert reason in refused(kit, *layers)


def test_names_are_read_from_the_root_however_they_are_written(kit):
    layer = kit.Layer().file("/etc/a").file("./etc/b").file("etc//c").folder("./").folder("/").file("etc/./d")
    assert kit.paths(layer) == ["/etc", "/etc/a", "/etc/b", "/etc/c", "/etc/d"]


def test_names_that_are_no_text_survive(kit):
    info = tarfile.TarInfo("a")
    info.name = b"caf\xe9".decode("utf-8", "surrogateescape")
    (path,) = kit.paths(kit.Layer(tarfile.GNU_FORMAT).raw(info))
    assert path.encode("utf-8", "surrogateescape") == b"/caf\xe9"


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT], ids=["pax", "gnu"])
def test_long_names_and_links(kit, form):
    name, target = "/".join(["d" * 100] * 3) + "/ünï", "t" * 300
    contents = kit.apply(kit.Layer(form).file(name, "x").symlink("l", target))
    assert contents.tree.lookup(name)[1].size == 1
    assert contents.tree.lookup("/") is not None
    assert contents.tree.find(("l",)).target == target.encode()


def test_ustar_prefixes(kit):
    name = "p" * 90 + "/" + "q" * 90 + "/name"
    assert kit.paths(kit.Layer(tarfile.USTAR_FORMAT).file(name))[-1] == f"/{name}"


def test_links_are_followed_inside_the_image_only(kit):
    tree = kit.apply(
        kit.Layer()
        .file("etc/real", "x").symlink("etc/up", "../../../../etc/real").symlink("etc/abs", "/etc/up")
        .symlink("loop", "loop2").symlink("loop2", "loop").symlink("dir", "etc").symlink("none", "nowhere")
    ).tree  # fmt: skip
    for path in ("/etc/up", "/etc/abs", "/dir/abs", "/dir/../etc/./real", "etc/real"):
        assert tree.lookup(path)[0] == "/etc/real"
    assert [tree.lookup(path) for path in ("/loop", "/none", "/etc/real/x", "/dir/nothing")] == [None] * 4


def test_a_chain_of_links_ends(kit):
    layer = kit.Layer().file("l0")
    for number in range(1, 100):
        layer.symlink(f"l{number}", f"l{number - 1}")
    tree = kit.apply(layer).tree
    assert tree.lookup("l40") is not None
    assert tree.lookup("l41") is None


@pytest.mark.parametrize(
    "compress", [lambda data: data, gzip.compress, zstandard.compress], ids=["tar", "gzip", "zstd"]
)
def test_compressions(kit, compress):
    data = kit.Layer().file("a", os.urandom(3_000_000)).bytes()
    contents = apply_layers([kit.in_memory(compress(data), digest(data))])
    assert contents.sizes == [len(data)]


def test_several_gzip_members_and_zstd_frames_are_one_stream(kit):
    data = kit.Layer().file("a", os.urandom(200_000)).bytes()
    parts = [data[:1000], data[1000:70_000], data[70_000:]]
    for compress in (gzip.compress, zstandard.compress):
        blob = b"".join(compress(part) for part in parts)
        assert apply_layers([kit.in_memory(blob, digest(data))]).sizes == [len(data)]


@pytest.mark.parametrize(
    "compress", [lambda data: data, gzip.compress, zstandard.compress], ids=["tar", "gzip", "zstd"]
)
@pytest.mark.parametrize("keep", [0.01, 0.3, 0.9])
def test_what_is_cut_off_is_refused(kit, compress, keep):
    data = kit.Layer().file("a", os.urandom(100_000)).file("b", os.urandom(100_000)).bytes()
    blob = compress(data)
    with pytest.raises(InputError, match=r"cut off|cannot be uncompressed|diff_id"):
        apply_layers([kit.in_memory(blob[: int(len(blob) * keep)], digest(data))])


def test_a_wrong_diff_id_is_refused(kit):
    data = kit.Layer().file("a").bytes()
    with pytest.raises(InputError, match="where the configuration says sha256:0000"):
        apply_layers([kit.in_memory(data, "sha256:" + "0" * 64)])


def test_what_is_compressed_twice_or_otherwise_is_refused(kit):
    data = kit.Layer().file("a").bytes()
    twice = gzip.compress(gzip.compress(data))
    with pytest.raises(InputError, match="compressed twice"):
        apply_layers([kit.in_memory(twice, digest(gzip.compress(data)))])
    for other, name in ((bz2.compress(data), "bzip2"), (lzma.compress(data), "xz")):
        with pytest.raises(InputError, match=f"compressed with {name}"):
            apply_layers([kit.in_memory(other, digest(data))])


def test_a_gzip_with_something_behind_it_is_refused(kit):
    data = kit.Layer().file("a").bytes()
    with pytest.raises(InputError, match="cannot be uncompressed"):
        apply_layers([kit.in_memory(gzip.compress(data) + b"garbage", digest(data))])


def test_something_behind_the_archive_is_refused(kit):
    assert "goes on behind the end" in refused(kit, kit.Layer().file("a").bytes() + b"\0" * 512 + b"x" * 512)


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress], ids=["gzip", "zstd"])
def test_bombs_are_stopped_by_their_ratio(kit, compress):
    limits = replace(LIMITS, ratio_from=4 * 1024**2)
    data = kit.Layer().file("zeros", bytes(32 * 1024**2)).bytes()
    with pytest.raises(InputError, match="as only a bomb does"):
        apply_layers([kit.in_memory(compress(data), digest(data))], limits)


def test_the_size_of_the_whole_image_is_bounded(kit):
    limits = replace(LIMITS, image_bytes=50_000)
    layers = [kit.Layer().file(f"f{number}", bytes(30_000)) for number in range(2)]
    assert "larger than 50,000 bytes" in refused(kit, *layers, limits=limits)


def test_the_number_of_entries_is_bounded(kit):
    limits = replace(LIMITS, entries=100)
    many = kit.Layer()
    for _ in range(101):
        many.folder("same")
    assert "more than 100 entries" in refused(kit, many, limits=limits)
    deep = kit.Layer()
    for number in range(10):
        deep.file(f"{number}/" + "x/" * 20 + "f")
    assert "more than 100 entries" in refused(kit, deep, limits=limits)


def test_the_number_of_layers_is_bounded(kit):
    assert "more than 3" in refused(kit, *[kit.Layer().file("a")] * 4, limits=replace(LIMITS, layers=3))


def test_what_is_kept_is_bounded(kit):
    layer = kit.Layer().file("var/lib/dpkg/status", b"x" * 10_000)
    assert "more than 5,000 bytes" in refused(kit, layer, limits=replace(LIMITS, kept_bytes=5_000))


@pytest.mark.parametrize("form", [("gnu", ""), ("posix", "0.0"), ("posix", "0.1"), ("posix", "1.0")], ids="-".join)
def test_sparse_files_of_gnu_tar(kit, tmp_path, form):
    """Written by the real tar; the file's contents are read with their holes."""
    with (tmp_path / "os-release").open("wb") as file:
        file.write(b"ID=wolfi\n#")
        file.seek(40_000)
        file.write(b"\nVERSION_ID=7\n")
        for offset in range(1, 40):
            file.seek(40_000 + offset * 20_000)
            file.write(b"x")
        file.truncate(1_000_000)
    version = [f"--sparse-version={form[1]}"] if form[1] else []
    command = ["tar", "-S", *version, f"--format={form[0]}", "-cf", "t.tar", "os-release"]
    subprocess.run(command, cwd=tmp_path, check=True)
    data = (tmp_path / "t.tar").read_bytes()
    assert len(data) < 900_000
    contents = kit.apply(data)
    node = contents.tree.lookup("/os-release")[1]
    assert node.size == 1_000_000
    kept = node.facts.kept
    assert kept.startswith(b"ID=wolfi\n#\0\0")
    assert kept[40_000:40_014] == b"\nVERSION_ID=7\n"
    assert not node.facts.whole


def archive(*members):
    """A tar from `(header fields, data)`, unchecked by tarfile."""
    out = io.BytesIO()
    for info, data in members:
        block = bytearray(info.tobuf(tarfile.USTAR_FORMAT))
        out.write(block + data + bytes(-len(data) % 512))
    return out.getvalue() + bytes(1024)


def header(name="a", kind=b"0", size=0, **fields):
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, size
    for key, value in fields.items():
        setattr(info, key, value)
    return info


def pax(*records):
    data = b""
    for record in records:
        length = len(record) + 3
        while len(f"{length} ") + len(record) + 1 != length:
            length += 1 if len(f"{length} ") + len(record) + 1 > length else -1
        data += f"{length} ".encode() + record + b"\n"
    return header("x", b"x", len(data)), data


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ([(header(kind=b"V"), b"")], "which no runtime unpacks"),
        ([(header(kind=b"X"), b"")], "which no runtime unpacks"),
        ([(header("a/"), b"")], "a file with the name of a folder"),
        ([(header("a", b"5", 3), b"abc")], "is no file and has contents"),
        ([(header("a", b"1", 3, linkname="b"), b"abc")], "is no file and has contents"),
        ([pax(b"path=b"), pax(b"path=c"), (header(), b"")], "two extended headers"),
        ([pax(b"path=a\0b"), (header(), b"")], "no key and value"),
        ([pax(b"size=-1"), (header(), b"")], "no number"),
        ([pax(b"size=99999999999999999999"), (header(), b"")], "no number"),
        ([pax(b"path=b", b"path=c"), (header(), b"")], "twice"),
        ([pax(b"path=b")], "nothing behind it"),
        ([(header("x", b"x", 4), b"9 a\n"), (header(), b"")], "cut off"),
        ([(header("x", b"x", 4), b"a=b\n"), (header(), b"")], "no length"),
        ([(header("x", b"x", 2_000_000), bytes(2_000_000)), (header(), b"")], "more than 1,048,576"),
        ([(header("L", b"L", 2), b"b\0"), pax(b"path=c"), (header(), b"")], "two names"),
        ([(header("L", b"L", 2), b"b\0"), (header("L", b"L", 2), b"c\0"), (header(), b"")], "two long names"),
        ([(header("g", b"g", 12), b"12 path=abc\n"), (header(), b"")], "only some readers apply"),
        ([pax(b"path=b"), (header("g", b"g", 12), b"12 comm=abc\n"), (header(), b"")], "stands between"),
        ([pax(b"GNU.sparse.major=2", b"GNU.sparse.minor=0", b"GNU.sparse.size=1"), (header(), b"")], "unknown version"),
        ([pax(b"GNU.sparse.name=b", b"GNU.sparse.size=0"), (header(), b"")], "unknown version"),
        ([pax(b"GNU.sparse.map=0,1,2", b"GNU.sparse.size=9"), (header(size=3), b"abc")], "incomplete"),
        ([pax(b"GNU.sparse.map=0,9", b"GNU.sparse.size=5"), (header(size=9), b"abcabcabc")], "beyond the file"),
        ([pax(b"GNU.sparse.map=5,1,0,1", b"GNU.sparse.size=9"), (header(size=2), b"ab")], "overlaps"),
        ([pax(b"GNU.sparse.map=0,1", b"GNU.sparse.size=9"), (header(size=2), b"ab")], "does not fit"),
        ([(header(kind=b"S"), b"")], "in an archive that is not GNU's"),
    ],
)  # fmt: skip
def test_headers_that_readers_understand_differently_are_refused(kit, members, reason):
    assert reason in refused(kit, archive(*members))


def test_a_broken_header_in_the_middle_is_no_end(kit):
    data = bytearray(kit.Layer(tarfile.USTAR_FORMAT).file("a").file("b").bytes())
    data[512 + 150] ^= 1
    assert "header that cannot be read" in refused(kit, bytes(data))


def test_one_block_of_zeros_is_no_end(kit):
    first = kit.Layer(tarfile.USTAR_FORMAT).file("a").bytes()[:512]
    assert "block of zeros stands before it" in refused(kit, first + bytes(512) + first)


def test_an_archive_may_end_without_its_zeros(kit):
    assert kit.paths(kit.Layer(tarfile.USTAR_FORMAT).file("a").bytes()[:512]) == ["/a"]
    assert kit.paths(b"") == []


def test_a_comment_for_all_entries_is_harmless(kit):
    members = [(header("pax_global_header", b"g", 14), b"14 comment=ab\n"), (header("a"), b"")]
    assert kit.paths(archive(*members)) == ["/a"]


def test_numbers_in_base_256(kit):
    info = header("a", uid=0)
    info.uid = 3_000_000_000
    data = info.tobuf(tarfile.GNU_FORMAT) + bytes(1024)
    assert kit.apply(data).tree.lookup("a")[1].uid == 3_000_000_000


def test_a_hard_links_own_mode_counts_where_it_is_worse(kit):
    info = tarfile.TarInfo("b")
    info.type, info.linkname, info.mode = tarfile.LNKTYPE, "a", 0o4755
    contents = kit.apply(kit.Layer().file("a", "x", mode=0o644).raw(info))
    assert {contents.tree.lookup(path)[1].mode for path in "ab"} == {0o4755}


def test_a_name_with_a_nul_is_none():
    with pytest.raises(LayerError, match="NUL"):
        path_parts(b"a\0b")


def test_an_empty_image_has_nothing(kit):
    assert kit.apply().sizes == []
