"""Where images come from: layouts and indexes, docker archives, a Docker daemon that is not there."""

import json
import subprocess
import tarfile
from pathlib import Path

import pytest
from tests.image_builder import (
    LayerBuilder,
    LayoutBuilder,
    configuration,
    digest,
    docker_archive,
    layer_bytes,
    on_platform,
)

from weighbridge.engines.go import find_go
from weighbridge.errors import EngineError, InputError
from weighbridge.image.limits import LIMITS
from weighbridge.image.location import located, spelled_out
from weighbridge.image.profile import profile_subject

TOOLS = Path(__file__).resolve().parents[3] / "tools" / "tests"


def profile(location, platform=None, manifest=None):
    with located(str(location), LIMITS, platform=platform, manifest=manifest, plain_http=False) as subject:
        return profile_subject(subject, str(location), 10**18)


def refused(location, **more):
    with pytest.raises(InputError) as caught:
        profile(location, **more)
    return str(caught.value)


@pytest.fixture
def layout(tmp_path):
    return LayoutBuilder(tmp_path / "layout")


@pytest.mark.parametrize("compression", ["gzip", "zstd", ""])
def test_a_layout(layout, compression):
    manifest = layout.image([LayerBuilder().program("bin/sh", "x")], compression=compression, User="5")
    layout.tag(manifest)
    found = profile(f"oci-layout:{layout.path}:latest")
    assert (found.digest, found.index) == (manifest["digest"], None)
    (image,) = found.images
    assert (image.digest, image.platform, image.user.uid) == (manifest["digest"], "linux/amd64", 5)
    assert [program.path for program in image.shells] == ["/bin/sh"]
    assert image.layers[0].digest in {digest(path.read_bytes()) for path in layout.path.glob("blobs/sha256/*")}


@pytest.fixture
def index(layout):
    """An index of two platforms, a shell in one of them, and an attestation as BuildKit adds one."""
    images = {
        architecture: layout.image([layer], architecture=architecture)
        for architecture, layer in (("amd64", LayerBuilder().file("a")), ("arm64", LayerBuilder().program("sh", "x")))
    }
    entries = [on_platform(image, architecture) for architecture, image in images.items()]
    descriptor = layout.index(*entries, on_platform(layout.image([]), "unknown", "unknown"))
    layout.tag(descriptor)
    return descriptor["digest"], {name: image["digest"] for name, image in images.items()}


def test_an_index_stands_for_every_platform_in_it(layout, index):
    found = profile(f"oci-layout:{layout.path}")
    assert (found.digest, found.index) == (index[0], None)
    assert [(image.digest, image.platform, image.minimal) for image in found.images] == [
        (index[1]["amd64"], "linux/amd64", True),
        (index[1]["arm64"], "linux/arm64", False),
    ]


def test_one_platform_of_an_index_names_both(layout, index):
    found = profile(f"oci-layout:{layout.path}", platform="linux/arm64")
    assert (found.digest, found.index) == (index[1]["arm64"], index[0])
    assert [image.platform for image in found.images] == ["linux/arm64"]


def test_a_platform_that_is_not_there(layout, index):
    assert "Choose one of: linux/amd64, linux/arm64" in refused(f"oci-layout:{layout.path}", platform="linux/s390x")
    where = f"oci-layout:{layout.path}@{index[1]['amd64']}"
    assert "is an image for linux/amd64, where linux/arm64 is expected" in refused(where, platform="linux/arm64")


def test_an_index_that_says_another_platform_than_its_image(layout):
    layout.tag(layout.index(on_platform(layout.image([LayerBuilder().file("a")]), "arm64")))
    assert "is an image for linux/amd64, where linux/arm64 is expected" in refused(f"oci-layout:{layout.path}")


def test_windows_is_not_understood(layout):
    config = {**configuration([]), "os": "windows"}
    layout.tag(layout.image([], config=config))
    assert "only linux is understood" in refused(f"oci-layout:{layout.path}")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"rootfs": {"type": "layers", "diff_ids": []}}, "0 diff_ids for 1 layers"),
        ({"rootfs": None}, "no list of SHA-256 digests"),
        ({"rootfs": {"diff_ids": ["sha512:" + "0" * 128]}}, "no list of SHA-256 digests"),
        ({"rootfs": {"diff_ids": ["sha256:" + "0" * 64]}}, "where the configuration says sha256:0000"),
        ({"config": {"Entrypoint": "/bin/sh"}}, "is not of the kind"),
        ({"config": {"Env": [1]}}, "is not of the kind"),
        ({"config": {"entrypoint": ["/bin/sh"]}}, "has the key 'entrypoint'"),
        ({"config": {"U\u017fer": "0"}}, "has the key"),
        ({"Config": {"User": "0"}}, "has the key 'Config'"),
        ({"config": {"Labels": {"user": "me"}}}, None),
        ({"config": []}, None),
        ({"config": [1]}, "is not of the kind"),
    ],
)
def test_configurations_that_are_none(layout, change, reason):
    data = LayerBuilder().file("a").bytes()
    layout.tag(layout.image([data], config={**configuration([data]), **change}))
    location = f"oci-layout:{layout.path}"
    if reason is None:
        assert profile(location).images[0].entrypoint == ()
    else:
        assert reason in refused(location)


def test_a_changed_layer_is_refused(layout):
    layout.tag(layout.image([LayerBuilder().file("a", "x" * 10_000)]))
    blob = max(layout.path.glob("blobs/sha256/*"), key=lambda path: path.read_bytes()[:2] == b"\x1f\x8b")
    data = bytearray(blob.read_bytes())
    data[-5] ^= 1
    blob.write_bytes(data)
    assert "digest" in refused(f"oci-layout:{layout.path}") or "cannot be uncompressed" in refused(
        f"oci-layout:{layout.path}"
    )


def test_layers_of_an_unknown_type_are_refused(layout):
    data = LayerBuilder().bytes()
    kind = "application/vnd.oci.image.layer.v1.tar+gzip+encrypted"
    manifest = {
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": layout.blob(json.dumps(configuration([data])).encode(), "application/vnd.oci.image.config.v1+json"),
        "layers": [layout.blob(data, kind)],
    }  # fmt: skip
    layout.tag(layout.blob(json.dumps(manifest).encode(), manifest["mediaType"]))
    assert f"is of type {kind}, which is not read" in refused(f"oci-layout:{layout.path}")


def test_a_manifest_that_some_read_differently_is_refused(layout):
    """Go reads keys whatever their case, and the last of two counts."""
    descriptor = layout.image([LayerBuilder().file("a")])
    path = layout.path / "blobs/sha256" / descriptor["digest"].removeprefix("sha256:")
    document = json.loads(path.read_bytes())
    layout.tag(layout.blob(json.dumps({**document, "Layers": []}).encode(), descriptor["mediaType"]))
    assert "has the key 'Layers', which some read as 'layers'" in refused(f"oci-layout:{layout.path}")


def test_an_artifact_is_no_image(layout):
    manifest = {
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": layout.blob(b"{}", "application/vnd.oci.empty.v1+json"), "layers": [],
    }  # fmt: skip
    layout.tag(layout.blob(json.dumps(manifest).encode(), manifest["mediaType"]))
    assert "is no container image" in refused(f"oci-layout:{layout.path}")


def test_a_docker_archive(tmp_path):
    path = docker_archive(tmp_path / "i.tar", [LayerBuilder().file("a"), LayerBuilder().program("bash", "x")])
    found = profile(f"docker-archive:{path}")
    assert (found.digest, found.images[0].digest, len(found.images[0].layers)) == (None, None, 2)
    assert [program.path for program in found.images[0].shells] == ["/bash"]


def test_the_registrys_manifest_makes_an_archive_something_to_sign_about(layout, tmp_path):
    data = LayerBuilder().file("a").bytes()
    descriptor = layout.image([data])
    manifest = (layout.path / "blobs/sha256" / descriptor["digest"].removeprefix("sha256:")).read_bytes()
    path = docker_archive(tmp_path / "i.tar", [data])
    assert profile(f"docker-archive:{path}", manifest=manifest).digest == descriptor["digest"]
    other = docker_archive(tmp_path / "o.tar", [data], configuration([data], User="0"))
    assert "manifest of another image" in refused(f"docker-archive:{other}", manifest=manifest)
    assert "is an index" in refused(f"docker-archive:{path}", manifest=b'{"schemaVersion": 2, "manifests": []}')
    layout.tag(descriptor)
    assert "docker-archive: and docker:// only" in refused(f"oci-layout:{layout.path}", manifest=manifest)


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ([], "holds no file"),
        ([("x", b"")], "lacks manifest.json"),
        ([("manifest.json", b"[]")], "holds 0 images"),
        ([("manifest.json", b"[{}, {}]")], "holds 2 images"),
        ([("manifest.json", b"null")], "holds 0 images"),
        ([("manifest.json", b'[{"Config": "c", "Layers": ["l"]}]')], "lacks c"),
        ([("manifest.json", b'[{"Config": 1}]')], "names no config"),
        ([("manifest.json", b'[{"Config": "../../etc/passwd", "Layers": []}]')], "lacks"),
        ([("manifest.json", b"[]"), ("./manifest.json", b"[]")], "twice"),
    ],
)
def test_archives_that_are_none(tmp_path, members, reason):
    layer = LayerBuilder()
    for name, data in members:
        layer.file(name, data)
    (tmp_path / "i.tar").write_bytes(layer.bytes())
    assert reason in refused(f"docker-archive:{tmp_path / 'i.tar'}")


def test_an_archive_that_is_cut_off_or_compressed_or_missing(tmp_path):
    path = docker_archive(tmp_path / "i.tar", [LayerBuilder().file("a", "x" * 5000)])
    (tmp_path / "cut.tar").write_bytes(path.read_bytes()[:6000])
    assert "cut off" in refused(f"docker-archive:{tmp_path / 'cut.tar'}")
    subprocess.run(["gzip", "-k", path], check=True)
    assert "compressed as a whole" in refused(f"docker-archive:{path}.gz")
    assert "cannot be read" in refused(f"docker-archive:{tmp_path / 'none.tar'}")
    assert "cannot be read" in refused(f"docker-archive:{tmp_path}")


def test_a_layer_that_is_a_link_in_the_archive(tmp_path):
    """Docker wrote layers that two images share as symbolic links."""
    data = LayerBuilder().program("sh", "x").bytes()
    config = json.dumps(configuration([data])).encode()
    listed = json.dumps([{"Config": "c.json", "Layers": ["two/layer.tar"]}])
    outer = LayerBuilder().file("one/layer.tar", data).symlink("two/layer.tar", "../one/layer.tar")
    (tmp_path / "i.tar").write_bytes(outer.file("c.json", config).file("manifest.json", listed).bytes())
    assert profile(f"docker-archive:{tmp_path / 'i.tar'}").images[0].shells
    escape = LayerBuilder().symlink("two/layer.tar", "../../../etc/passwd").file("c.json", config)
    (tmp_path / "e.tar").write_bytes(escape.file("manifest.json", listed).bytes())
    assert "lacks two/layer.tar" in refused(f"docker-archive:{tmp_path / 'e.tar'}")


@pytest.fixture(scope="session")
def public_archives():
    """Images that Docker itself saved, which the module of the go-containerregistry tools carries as test data."""
    command = [find_go((1, 25, 0)), "mod", "download", "-json", "github.com/google/go-containerregistry"]
    result = subprocess.run(command, cwd=TOOLS, check=True, capture_output=True)
    return Path(json.loads(result.stdout)["Dir"]) / "pkg" / "v1"


@pytest.mark.engines
@pytest.mark.parametrize(
    ("name", "platform", "sizes"),
    [
        ("tarball/testdata/hello-world-v25.tar", "linux/arm64", [10752]),
        ("tarball/testdata/test_image_1.tar", "linux/amd64", [10240]),
        ("mutate/testdata/whiteout_dir.tar", "linux/amd64", None),
        ("mutate/testdata/overwritten_file.tar", "linux/amd64", [10240] * 3),
    ],
)
def test_images_that_docker_saved(public_archives, name, platform, sizes):
    (image,) = profile(f"docker-archive:{public_archives / name}").images
    assert image.platform == platform
    assert sizes is None or [layer.size for layer in image.layers] == sizes
    assert image.base.family == "scratch"


@pytest.mark.engines
def test_a_public_index(public_archives):
    location = f"oci-layout:{public_archives / 'layout/testdata/test_index_one_image'}"
    assert profile(location).digest == "sha256:98ceaf93e482fe91b9bfd6bba07137c098e49ee2d55e69f09fb6c951e75e0e46"


def test_without_a_daemon_it_says_so(monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
    with pytest.raises(EngineError, match=r"docker.sock gave no image.*docker-archive:PATH"):
        profile("docker://python:3.12")


@pytest.mark.parametrize(
    ("given", "where"),
    [
        ("python:3.12", "oci://docker.io/python:3.12"),
        ("org/app", "oci://docker.io/org/app"),
        ("ghcr.io/org/app@sha256:1", "oci://ghcr.io/org/app@sha256:1"),
        ("localhost/app:1", "oci://localhost/app:1"),
        ("127.0.0.1:5000/app", "oci://127.0.0.1:5000/app"),
    ],
)
def test_references_as_docker_takes_them(given, where):
    assert spelled_out(given) == where


@pytest.mark.parametrize("given", ["docker-daemon:x", "oci:x", "dir:x", "https://x/y"])
def test_other_forms_are_not_known(given):
    with pytest.raises(InputError, match="of a form that is not known"):
        spelled_out(given)


def test_layers_are_read_once_in_order(tmp_path):
    """The outer archive may have its parts in any order."""
    data = layer_bytes(LayerBuilder().file("a"))
    path = docker_archive(tmp_path / "i.tar", [data])
    with tarfile.open(path) as tar:
        parts = [(info, tar.extractfile(info).read()) for info in tar]
    outer = LayerBuilder()
    for info, content in reversed(parts):
        outer.file(info.name, content)
    (tmp_path / "r.tar").write_bytes(outer.bytes())
    assert profile(f"docker-archive:{tmp_path / 'r.tar'}").images[0].layers[0].entries == 1
