"""What is told of an image: every answer, one that finds, one that does not, and one that is lied to."""

import io
import json
import os
import shutil
import sqlite3
import struct
import tarfile
import zipfile
from pathlib import Path

import pytest

from weighbridge.image.programs import file_capabilities
from weighbridge.image.tools import COMPILERS, NETWORK, PACKAGES, SHELLS, kind_by_name
from weighbridge.image.weights import weights_format

OS_RELEASE = {
    "distroless": 'PRETTY_NAME="Distroless"\nNAME="Debian GNU/Linux"\nID="debian"\nVERSION_ID="12"\n',
    "debian": 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"\n',
    "wolfi": 'ID=wolfi\nNAME="Wolfi"\nPRETTY_NAME="Wolfi"\nVERSION_ID="20230201"\n',
    "alpine": 'NAME="Alpine Linux"\nID=alpine\nVERSION_ID=3.22.1\n',
}
BASE_FILES = "Package: base-files\nVersion: 12.4\nArchitecture: amd64\n"
STATUS = f"{BASE_FILES}Status: install ok installed\n\nPackage: gone\nVersion: 1\nStatus: deinstall ok config-files\n"
APK = "C:Q1abc\nP:{name}\nV:1-r0\nA:x86_64\n\nP:musl\nV:1.2.5-r10\n\n"
WOLFI = {"etc/os-release": OS_RELEASE["wolfi"], "usr/lib/apk/db/installed": APK.format(name="wolfi-baselayout")}
ALPINE = {"etc/os-release": OS_RELEASE["alpine"], "lib/apk/db/installed": APK.format(name="alpine-baselayout")}


def distroless(kit):
    layer = kit.Layer().symlink("etc/os-release", "../usr/lib/os-release")
    layer.file("usr/lib/os-release", OS_RELEASE["distroless"])
    return layer.file("var/lib/dpkg/status.d/base-files", BASE_FILES).file(
        "etc/passwd", "nonroot:x:65532:65532::/:/no\n"
    )


def found(programs):
    return [(program.path, program.name, program.by) for program in programs]


def test_a_distroless_image(kit):
    profile = kit.profile(distroless(kit), User="nonroot", Entrypoint=["/app"], Env=["PATH=/usr/bin", "TOKEN=x"])
    assert (profile.base.family, profile.base.version, profile.base.contradictions) == ("distroless", "12", ())
    assert profile.minimal
    assert (profile.user.uid, profile.user.numeric) == (65532, False)
    assert profile.env == ("PATH", "TOKEN")
    assert profile.env_values == {"PATH": "/usr/bin"}
    assert [(p.name, p.version, p.manager) for p in profile.os_packages] == [("base-files", "12.4", "dpkg")]
    assert not profile.unread


@pytest.mark.parametrize(
    ("family", "files"),
    [
        ("scratch", {"app": "x"}),
        ("debian", {"etc/os-release": OS_RELEASE["debian"], "var/lib/dpkg/status": STATUS}),
        ("wolfi", WOLFI),
        ("alpine", ALPINE),
        ("unknown", {"lib/apk/db/installed": APK.format(name="x")}),
        ("other", {"etc/os-release": "ID=nixos\n"}),
    ],
)  # fmt: skip
def test_bases(kit, family, files):
    layer = kit.Layer()
    for path, text in files.items():
        layer.file(path, text)
    base = kit.profile(layer).base
    assert (base.family, base.contradictions) == (family, ())


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"etc/os-release": OS_RELEASE["wolfi"], "var/lib/dpkg/status": STATUS}, "no package of apk"),
        ({**ALPINE, "etc/os-release": OS_RELEASE["wolfi"]}, "none of wolfi"),
        ({"etc/os-release": OS_RELEASE["distroless"], "var/lib/dpkg/status": STATUS}, "says distroless"),
        ({"etc/os-release": OS_RELEASE["wolfi"]}, "no package of apk"),
        ({**WOLFI, "var/lib/dpkg/status": STATUS}, "apk and dpkg are installed together"),
    ],
)  # fmt: skip
def test_a_base_that_is_claimed_and_not_there_contradicts_itself(kit, files, reason):
    layer = kit.Layer()
    for path, text in files.items():
        layer.file(path, text)
    assert any(reason in text for text in kit.profile(layer).base.contradictions)


@pytest.mark.parametrize(
    ("user", "uid"),
    [
        ("", 0), ("0", 0), ("root", 0), ("toor", 0), ("65532", 65532), ("65532:0", 65532), ("app", 1000),
        ("app:app", 1000),
        ("nobody", None), ("broken", 0), ("4294967296", None), ("-1", None), ("1000x", None), (":1000", 0),
        ("first", 5),
    ],
)  # fmt: skip
def test_users_as_runtimes_read_them(kit, user, uid):
    passwd = "root:x:0:0:::\ntoor:x:0:0:::\n app:x:1000:1000:::\nbroken:x:no:no:::\nfirst:x:5:5::\nfirst:x:0:0::\n"
    assert kit.profile(kit.Layer().file("etc/passwd", passwd), User=user).user.uid == uid


def test_a_user_by_name_without_passwd_is_nobody_known(kit):
    assert kit.profile(kit.Layer(), User="app").user.uid is None


def test_passwd_through_links_and_under_other_names(kit):
    """Contents that came under a name nobody asked for are read in a second pass."""
    layer = kit.Layer().file("data/x", "app:x:0:0::\n").symlink("etc/passwd", "/data/y").link("data/y", "data/x")
    assert kit.profile(layer, User="app").user.uid == 0
    lower, upper = kit.Layer().file("data/x", "app:x:7:7::\n"), kit.Layer().link("etc/passwd", "data/x")
    assert kit.profile(lower, upper, User="app").user.uid == 7


def test_real_shells_and_tools_are_known_by_name_and_under_another(kit):
    layer = kit.Layer().real("bin/bash", shutil.which("bash")).real("opt/model-server", os.path.realpath("/bin/sh"))
    layer.real("opt/quiet", shutil.which("bash"), mode=0o644).symlink("bin/sh", "bash").symlink("bin/zsh", "/nowhere")
    profile = kit.profile(layer)
    shell = found(profile.shells)
    assert ("/bin/bash", "bash", "content") in shell
    assert ("/bin/sh", "sh", "link") in shell
    assert {path for path, _, by in shell if by == "content"} == {"/bin/bash", "/opt/model-server", "/opt/quiet"}
    assert "/bin/zsh" not in {path for path, _, _ in shell}
    assert not profile.minimal


def test_a_renamed_compiler_and_package_manager_are_known_by_content(kit):
    gcc, dpkg = os.path.realpath(shutil.which("gcc")), os.path.realpath(shutil.which("dpkg"))
    profile = kit.profile(kit.Layer().real("a", gcc).real("b", dpkg))
    assert found(profile.compilers) == [("/a", "gcc", "content")]
    assert found(profile.package_managers) == [("/b", "dpkg", "content")]


@pytest.fixture(scope="session")
def busybox():
    program = shutil.which("busybox")
    assert program, "busybox is not installed: run `make packages`"
    return program


def test_busybox_is_shell_and_downloader_whatever_it_is_called(kit, busybox):
    layer = kit.Layer().real("usr/lib/libc-helper", busybox).symlink("bin/wget", "/usr/lib/libc-helper")
    profile = kit.profile(layer.link("bin/ls", "usr/lib/libc-helper"))
    assert ("/usr/lib/libc-helper", "busybox", "content") in found(profile.shells)
    assert ("/bin/ls", "busybox", "content") in found(profile.shells)
    assert {path for path, _, _ in found(profile.network_tools)} == {"/usr/lib/libc-helper", "/bin/ls", "/bin/wget"}


def test_what_has_a_tools_name_and_cannot_be_started_is_none(kit):
    layer = kit.Layer().file("usr/share/completions/curl", "x").folder("usr/share/doc/gcc").file("etc/apt", "x")
    profile = kit.profile(layer.symlink("curl", "usr/share/completions/curl"))
    assert profile.minimal


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("bash", SHELLS), ("gcc-12", COMPILERS), ("x86_64-linux-gnu-gcc-12", COMPILERS), ("clang-15", COMPILERS),
        ("aarch64-linux-gnu-ld.bfd", COMPILERS), ("python3", None), ("pip3.11", PACKAGES), ("curl", NETWORK),
        ("nc.openbsd", NETWORK), ("apt-get", PACKAGES), ("model", None), ("libcurl.so.4", None), ("cpp11", COMPILERS),
        ("f95", COMPILERS), ("server-2", None),
    ],
)  # fmt: skip
def test_names(name, kind):
    assert kind_by_name(name) == kind


def test_pip_as_a_module(kit):
    profile = kit.profile(kit.Layer().file("usr/lib/python3/dist-packages/pip/__main__.py", "x"))
    assert found(profile.package_managers) == [("/usr/lib/python3/dist-packages/pip/__main__.py", "pip", "module")]


@pytest.mark.parametrize(
    ("config", "files", "reason"),
    [
        ({"Entrypoint": ["/bin/sh", "-c", "exec app"]}, {}, "word 1 is the shell sh"),
        ({"Cmd": ["bash"]}, {}, "word 1 is the shell bash"),
        ({"Entrypoint": ["tini", "--", "sh"]}, {}, "word 3 is the shell sh"),
        ({"Entrypoint": ["/start"]}, {"start": "#!/bin/sh\nexec app"}, "word 1 is a script for /bin/sh"),
        ({"Cmd": ["start"]}, {"bin/start": "#!/usr/bin/env -S A=1 bash -e\n"}, "word 1 is a script for bash"),
        ({"Cmd": ["./start"], "WorkingDir": "/srv"}, {"srv/start": "#! /bin/sh\n"}, "word 1 is a script for /bin/sh"),
        ({"Entrypoint": ["/app"]}, {"app": "#!/usr/bin/python3\n"}, None),
        ({"Entrypoint": ["python3", "-m", "server"]}, {}, None),
        ({}, {}, None),
    ],
)  # fmt: skip
def test_shell_entrypoints(kit, config, files, reason):
    layer = kit.Layer()
    for path, text in files.items():
        layer.program(path, text)
    assert kit.profile(layer, **config).entrypoint_shell == ((reason,) if reason else ())


def test_more_words_than_are_looked_at_are_told(kit):
    profile = kit.profile(kit.Layer(), Entrypoint=["a"] * 250, Cmd=["b"] * 6 + ["sh"])
    assert [entry.reason for entry in profile.unread] == ["starts with more than 256 words"]
    assert not profile.minimal


def test_a_renamed_shell_as_entrypoint(kit):
    layer = kit.Layer().real("opt/server", shutil.which("bash")).symlink("run", "opt/server")
    assert kit.profile(layer, Entrypoint=["/run"]).entrypoint_shell == ("word 1 is the shell bash under another name",)
    script = kit.Layer().real("opt/python3", shutil.which("bash")).program("run", "#!/opt/python3\n")
    assert kit.profile(script, Entrypoint=["/run"]).entrypoint_shell == ("word 1 is a script for /opt/python3",)


def test_a_tool_hides_neither_among_metadata_nor_behind_its_size(kit):
    bash = Path(shutil.which("bash")).read_bytes()
    layer = kit.Layer().program("a.egg-info", bash).program("big", bash + bytes(1024) * 5000)
    assert {path for path, _, _ in found(kit.profile(layer).shells)} == {"/a.egg-info", "/big"}


def test_setuid_and_capabilities(kit):
    capability = struct.pack("<IIIII", 0x02000001, 1 << 13 | 1 << 10, 0, 0, 0)
    info = tarfile.TarInfo("ping")
    info.mode, info.size = 0o755, 1
    # pax headers are text to tarfile; what it cannot say is escaped as it reads it.
    info.pax_headers = {"SCHILY.xattr.security.capability": capability.decode("utf-8", "surrogateescape")}
    layer = kit.Layer().program("su", "x", mode=0o4755).program("wall", "x", mode=0o2755).folder("d", mode=0o2755)
    profile = kit.profile(layer.raw(info, b"x").link("ping2", "ping"))
    assert [(entry.path, entry.mode, entry.setuid, entry.setgid, entry.capabilities) for entry in profile.setuid] == [
        ("/ping", "0755", False, False, ("cap_net_bind_service", "cap_net_raw")),
        ("/ping2", "0755", False, False, ("cap_net_bind_service", "cap_net_raw")),
        ("/su", "4755", True, False, ()),
        ("/wall", "2755", False, True, ()),
    ]


def test_capabilities_that_cannot_be_read_are_told():
    assert file_capabilities(b"") == []
    assert file_capabilities(b"xx") == ["unreadable"]
    assert file_capabilities(struct.pack("<III", 0x09000000, 0, 0)) == ["unreadable"]
    assert file_capabilities(struct.pack("<IIIIII", 0x03000000, 1, 0, 1 << 31, 0, 7)) == ["cap_chown", "unknown"]


def test_what_everybody_may_write_on_path(kit):
    layer = kit.Layer().folder("usr/bin").folder("opt/x", mode=0o777).program("usr/bin/app", "x", mode=0o757)
    profile = kit.profile(layer.symlink("bin", "usr/bin"), Env=["PATH=/bin:/opt/x:/none"])
    assert profile.writable_path == ("/opt/x", "/usr/bin/app")


def test_cuda_and_cudnn_from_everything_that_says_so(kit):
    version = json.dumps({"cuda": {"name": "CUDA SDK", "version": "12.4.1"}, "cuda_cudart": {"version": "12.4.127"}})
    header = "#define CUDNN_MAJOR 9\n#define CUDNN_MINOR 1\n#define CUDNN_PATCHLEVEL 0\n"
    site = "usr/lib/python3/dist-packages"
    layer = kit.Layer().file("usr/local/cuda-12.4/version.json", version).symlink("usr/local/cuda", "cuda-12.4")
    layer.file("usr/local/cuda-12.4/lib64/libcudart.so.12.4.127", "x").symlink(
        "usr/lib/libcudnn.so.9", "libcudnn.so.9.1.0"
    )
    layer.file("usr/include/cudnn_version.h", header).file(
        "var/lib/dpkg/status",
        "Package: cuda-cudart-12-4\nVersion: 12.4.127-1\nStatus: install ok installed\n\n"
        "Package: libcudnn9-cuda-12\nVersion: 9.1.0.70-1\nStatus: hold ok installed\n",
    )
    layer.file(
        f"{site}/nvidia_cuda_runtime_cu12-12.1.105.dist-info/METADATA",
        "Name: nvidia-cuda-runtime-cu12\nVersion: 12.1.105\n",
    )
    profile = kit.profile(layer, Env=["CUDA_VERSION=12.4.1", "NVIDIA_REQUIRE_CUDA=cuda>=12.4", "SECRET=1"])
    assert {(entry.version, entry.source) for entry in profile.cuda} == {
        ("12.4.1", "environment"), ("12.4.1", "version.json"), ("12.4.127", "library"), ("12.4.127", "os-package"),
        ("12.1.105", "python-package"),
    }  # fmt: skip
    assert {(entry.version, entry.source) for entry in profile.cudnn} == {
        ("9", "library"), ("9.1.0", "header"), ("9.1.0.70", "os-package"),
    }  # fmt: skip
    assert profile.env_values == {"CUDA_VERSION": "12.4.1", "NVIDIA_REQUIRE_CUDA": "cuda>=12.4"}


def test_versions_that_cannot_be_read_are_told(kit):
    layer = (
        kit.Layer()
        .file("usr/local/cuda/version.json", "{")
        .file("usr/include/cudnn_version.h", "#define CUDNN_MAJOR 9\n")
    )
    profile = kit.profile(layer)
    assert [entry.path for entry in profile.unread] == ["/usr/include/cudnn_version.h", "/usr/local/cuda/version.json"]
    assert not profile.minimal


def test_python_packages(kit):
    site = "opt/venv/lib/python3.11/site-packages"
    layer = kit.Layer().file(
        f"{site}/torch-2.4.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: torch\nVersion: 2.4.0+cu121\n\nText"
    )
    layer.file(f"{site}/old.egg-info", "Name: old\nVersion: 1\n").file(
        f"{site}/e.egg-info/PKG-INFO", "Name: e\nVersion: 2\n"
    )
    layer.file(f"{site}/bad-1.dist-info/METADATA", "nonsense")
    profile = kit.profile(layer)
    assert [(p.name, p.version) for p in profile.python_packages] == [
        ("e", "2"),
        ("old", "1"),
        ("torch", "2.4.0+cu121"),
    ]
    assert [entry.path for entry in profile.unread] == [f"/{site}/bad-1.dist-info/METADATA"]


def rpm_database(tmp_path, packages):
    """A database of rpm's SQLite form: each blob a header without its magic."""
    path = tmp_path / "rpmdb.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB NOT NULL)")
    for name, version, release, epoch in packages:
        store, index = b"", b""
        for tag, text in ((1000, name), (1001, version), (1002, release)):
            index += struct.pack(">IIII", tag, 6, len(store), 1)
            store += text.encode() + b"\0"
        store += bytes(-len(store) % 4)
        if epoch is not None:
            index += struct.pack(">IIII", 1003, 4, len(store), 1)
            store += struct.pack(">I", epoch)
        blob = struct.pack(">II", len(index) // 16, len(store)) + index + store
        connection.execute("INSERT INTO Packages (blob) VALUES (?)", (blob,))
    connection.execute("PRAGMA journal_mode=WAL")
    connection.commit()
    connection.close()
    return path.read_bytes()


def test_rpm_packages(kit, tmp_path):
    data = rpm_database(tmp_path, [("redhat-release", "9.4", "0.5.el9", None), ("bash", "5.1.8", "9.el9", 1)])
    layer = kit.Layer().file("etc/os-release", 'ID="rhel"\nVERSION_ID="9.4"\n').file("var/lib/rpm/rpmdb.sqlite", data)
    profile = kit.profile(layer)
    assert [(p.name, p.version) for p in profile.os_packages] == [
        ("bash", "1:5.1.8-9.el9"),
        ("redhat-release", "9.4-0.5.el9"),
    ]
    assert (profile.base.family, profile.base.contradictions) == ("rhel", ())


@pytest.mark.parametrize(
    ("name", "data"),
    [("rpmdb.sqlite", b"nonsense"), ("rpmdb.sqlite", b"SQLite format 3\0" + b"x" * 500), ("Packages", b"\0" * 16)],
)
def test_rpm_databases_that_cannot_be_read_are_told(kit, name, data):
    profile = kit.profile(kit.Layer().file(f"var/lib/rpm/{name}", data))
    assert [entry.path for entry in profile.unread] == [f"/var/lib/rpm/{name}"]
    assert profile.base.family == "unknown"


def safetensors():
    head = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    return struct.pack("<Q", len(head)) + head + bytes(4)


def torch_zip():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02")
        archive.writestr("archive/data/0", bytes(2000))
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "form"),
    [
        ("model.safetensors", safetensors(), "safetensors"),
        ("harmless.txt", safetensors(), "safetensors"),
        ("x", b"GGUF\x03\0\0\0", "gguf"),
        ("weights", torch_zip(), "pytorch"),
        ("model.onnx", b"\x08\x07" + bytes(2000), "onnx"),
        ("saved_model.pb", b"\x08\x01" + bytes(2000), "tensorflow"),
        ("variables.data-00000-of-00001", bytes(2000), "tensorflow"),
        ("m.h5", b"\x89HDF\r\n\x1a\n", "hdf5"),
        ("distutils-precedence.pth", b"import os; " * 200, None),
        ("notes.plan", b"text " * 500, None),
        ("empty.onnx", b"", None),
        ("x.bin", struct.pack("<Q", 30) + b"{not json at all, just a brace}", None),
    ],
)
def test_weights(kit, name, data, form):
    assert weights_format(name, data[:4096], len(data)) == form
    found_ = kit.profile(kit.Layer().file(f"srv/{name}", data)).weights
    assert [entry.format for entry in found_] == ([form] if form else [])


def test_nothing_from_an_image_reaches_a_terminal_as_a_command(kit):
    layer = kit.Layer().file("etc/os-release", 'ID=x\nPRETTY_NAME="\x1b[31mred\u202e"\n').program("a\x1b[2Jb/bash", "x")
    text = kit.profile(layer, Cmd=["\x1b]0;x\x07"], User="\x1b").model_dump_json()
    assert "\\u001b" not in text
    assert "\u202e" not in text
    assert "\\\\x1b" in text
