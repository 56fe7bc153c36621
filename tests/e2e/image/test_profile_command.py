"""From an image in a registry to evidence that a catalogue believes, with the command as users call it."""

import io
import json
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from unittest import mock

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests.image_builder import LayerBuilder, LayoutBuilder, docker_archive, on_platform

from weighbridge import keys, resources
from weighbridge.cli.main import main
from weighbridge.engines.opa import OpaServer
from weighbridge.engines.process import EngineProcess, free_port
from weighbridge.evidence.dsse import KeyRing, parse_envelope, verified_by
from weighbridge.evidence.predicates import IMAGE_PROFILE
from weighbridge.evidence.statement import parse_statement

AT = "2026-01-10T00:00:00Z"


def weighbridge(*arguments, **environment):
    return subprocess.run(
        [Path(sys.executable).parent / "weighbridge", *map(str, arguments)],
        env={**os.environ, "NO_COLOR": "1", **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture(scope="session")
def signing_key(tmp_path_factory):
    path = tmp_path_factory.mktemp("keys") / "scanner.pem"
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(ec.generate_private_key(ec.SECP256R1()).private_bytes(*form))
    return path


def small():
    return LayerBuilder().file("etc/passwd", "nonroot:x:65532:65532::\n").program("app", b"\x7fELF")


def large():
    """What a serving image should not be."""
    return small().real("bin/bash", shutil.which("bash")).program("su", "x", mode=0o4755).symlink("bin/sh", "bash")


@pytest.fixture
def layout(tmp_path):
    return LayoutBuilder(tmp_path / "layout")


def statement(file, signing_key):
    """The statement in a bundle, its signature verified."""
    data = file.read_bytes()
    envelope = parse_envelope(data, file.name)
    public = keys.load_private_key(str(signing_key)).public_key()
    assert set(verified_by(envelope, KeyRing({"scanner": public}))) == {"scanner"}
    return parse_statement(envelope, file.name)


def judged(engine, found, digest, **parameters):
    item = {
        "rule": "image_profile", "predicate_type": found.predicate_type, "predicate": dict(found.predicate),
        "digest": digest, "with": parameters,
    }  # fmt: skip
    return engine.query("weighbridge/evidence/batch/verdicts", {"items": [item]})["0"]


@pytest.fixture(scope="module")
def engine():
    with OpaServer([resources.policies() / "evidence"]) as server:
        yield server


@pytest.mark.engines
def test_what_is_signed_about_an_image_passes_or_not(layout, tmp_path, signing_key, engine):
    good = layout.image([small()], User="nonroot", Entrypoint=["/app"])
    bad = layout.image([large()], User="0", Entrypoint=["/bin/sh", "-c", "/app"])
    layout.tag(good, "good")
    layout.tag(bad, "bad")
    verdicts = {}
    for name, image in (("good", good), ("bad", bad)):
        out = tmp_path / name / "profile.json"
        result = weighbridge(
            "image", "profile", f"oci-layout:{layout.path}:{name}", "--key", signing_key, "--at", AT, "-o", out
        )
        assert result.returncode == 0, result.stderr
        found = statement(out, signing_key)
        assert found.predicate_type == IMAGE_PROFILE
        assert [digest for _, digest in found.subject] == [image["digest"]]
        assert found.predicate["at"] == AT
        verdicts[name] = judged(engine, found, image["digest"])
    assert verdicts["good"] == {
        "passed": True, "reasons": [], "claims": {"bases": ["scratch"], "platforms": ["linux/amd64"], "cuda": []},
        "facts": {"bases": ["scratch"], "cuda": [], "cudnn": [], "found": {}, "users": ["other"]},
    }  # fmt: skip
    assert not verdicts["bad"]["passed"]
    said = "; ".join(verdicts["bad"]["reasons"])
    for reason in (
        "runs as root",
        "started through a shell",
        "shells that are not accepted: /bin/bash, /bin/sh",
        "/su",
    ):
        assert reason in said
    # The same profile says nothing about another image.
    found = statement(tmp_path / "good" / "profile.json", signing_key)
    assert "about another image" in "; ".join(judged(engine, found, bad["digest"])["reasons"])


@pytest.mark.engines
def test_one_bad_platform_fails_an_index(layout, tmp_path, signing_key, engine):
    images = [layout.image([small()], User="9"), layout.image([large()], User="9", architecture="arm64")]
    index = layout.index(on_platform(images[0], "amd64"), on_platform(images[1], "arm64"))
    layout.tag(index)
    whole, one = tmp_path / "index.json", tmp_path / "one.json"
    location = f"oci-layout:{layout.path}"
    assert here("image", "profile", location, "--key", signing_key, "-o", whole).returncode == 0
    found = statement(whole, signing_key)
    assert found.about(index["digest"])
    verdict = judged(engine, found, index["digest"])
    assert not verdict["passed"]
    assert all("linux/arm64" in reason for reason in verdict["reasons"])
    result = here("image", "profile", location, "--platform", "linux/amd64", "--key", signing_key, "-o", one)
    assert result.returncode == 0, result.stderr
    found = statement(one, signing_key)
    assert found.predicate["index"] == index["digest"]
    assert judged(engine, found, images[0]["digest"])["passed"]


@contextmanager
def registry(folder):
    """Debian's docker-registry with a layout's blobs pushed to it, over plain HTTP on this machine."""
    port = free_port()
    configuration = folder / "registry.yml"
    configuration.write_text(
        f"version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {folder / 'registry'}}}}}\n"
        f"http: {{addr: 127.0.0.1:{port}}}\n"
    )
    process = EngineProcess("docker-registry", [shutil.which("docker-registry"), "serve", configuration])
    try:
        process.wait_until(lambda: _answers(f"http://127.0.0.1:{port}/v2/"), timeout=30)
        yield f"127.0.0.1:{port}"
    finally:
        process.stop()


def _answers(url):
    try:
        return httpx.get(url, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def pushed(host, layout, descriptor):
    """Push every blob and the manifest, as any client would."""
    with httpx.Client(base_url=f"http://{host}", trust_env=False) as client:
        for path in (layout.path / "blobs" / "sha256").iterdir():
            place = client.post("/v2/serving/app/blobs/uploads/").headers["Location"]
            separator = "&" if "?" in place else "?"
            put = client.put(f"{place}{separator}digest=sha256:{path.name}", content=path.read_bytes())
            assert put.status_code == 201
        manifest = (layout.path / "blobs" / "sha256" / descriptor["digest"].removeprefix("sha256:")).read_bytes()
        headers = {"Content-Type": descriptor["mediaType"]}
        assert client.put("/v2/serving/app/manifests/v1", content=manifest, headers=headers).status_code == 201


def test_an_image_in_a_registry(layout, tmp_path):
    descriptor = layout.image([small(), large()], User="nonroot")
    with registry(tmp_path) as host:
        pushed(host, layout, descriptor)
        found = {}
        for reference in (f"{host}/serving/app:v1", f"oci://{host}/serving/app@{descriptor['digest']}"):
            result = weighbridge("image", "profile", reference, "--format", "json")
            assert result.returncode == 0, result.stderr
            found = json.loads(result.stdout)
            assert found["digest"] == descriptor["digest"]
        assert [program["path"] for program in found["images"][0]["shells"]] == ["/bin/bash", "/bin/sh"]
        missing = weighbridge("image", "profile", f"{host}/serving/app:v2")
        assert missing.returncode == 2
        assert "Traceback" not in missing.stderr


def test_the_text_says_what_matters(layout):
    token = "hf_" + "aBcDeFgHiJkLmNoPqRsTuVwXyZaBcDeFgH"
    layout.tag(layout.image([large().file("root/token", token), LayerBuilder().whiteout("root/token")]))
    result = here("image", "profile", f"oci-layout:{layout.path}")
    assert result.returncode == 0
    for line in (
        "user             (none, so root): uid 0",
        "/bin/bash (bash, by content), /bin/sh (sh, by link)",
        "setuid           /su 4755",
        "secrets          /root/token (huggingface-token, layer 0, hidden by a later one)",
        "minimal          no",
        "not signed",
    ):
        assert line in result.stdout
    assert token not in result.stdout


def here(*arguments, **environment):
    """The same command in this process, where many are run."""
    out, err, status = io.StringIO(), io.StringIO(), 0
    argv = ["weighbridge", *map(str, arguments)]
    with (
        mock.patch.dict(os.environ, {"NO_COLOR": "1", **environment}),
        mock.patch.object(sys, "argv", argv),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as ended:
            status = int(ended.code or 0)
    return subprocess.CompletedProcess(argv, status, out.getvalue(), err.getvalue())


def refused(*arguments, **environment):
    result = here("image", "profile", *arguments, **environment)
    assert result.returncode == 2
    assert result.stdout == ""
    return result.stderr


def test_what_the_command_refuses(layout, tmp_path, signing_key):
    archive = docker_archive(tmp_path / "i.tar", [small()])
    layout.tag(layout.image([small()]))
    location = f"oci-layout:{layout.path}"
    assert "has no manifest" in refused(f"docker-archive:{archive}", "--key", signing_key, "-o", tmp_path / "o.json")
    assert "needs a file" in refused(location, "--key", signing_key)
    assert "--max-size" in refused(location, "--max-size", "1 GB")
    assert "--max-size" in refused(location, "--max-size", "2KiB")
    assert "--at" in refused(location, "--at", "yesterday")
    assert "cannot be read" in refused(f"docker-archive:{archive}", "--manifest", tmp_path / "none.json")
    assert "docker-archive:PATH" in refused("docker://app", DOCKER_HOST=f"unix://{tmp_path}/none.sock")
    assert not (tmp_path / "o.json").exists()
    there = tmp_path / "there.json"
    there.write_text("kept")
    result = here("image", "profile", location, "-o", there)
    assert (result.returncode, there.read_text()) == (2, "kept")


def test_without_a_key_the_predicate_is_written(layout, tmp_path):
    layout.tag(layout.image([small()]))
    out = tmp_path / "predicate.json"
    assert here("image", "profile", f"oci-layout:{layout.path}", "--at", AT, "-o", out).returncode == 0
    first = out.read_bytes()
    assert json.loads(first)["at"] == AT
    again = tmp_path / "again.json"
    here("image", "profile", f"oci-layout:{layout.path}", "--at", AT, "-o", again)
    assert again.read_bytes() == first


def test_memory_does_not_grow_with_the_image(tmp_path):
    """A layer of 300 MB, read by a process that may not have that much; docs/how-to has 5 GB's figure."""
    layer = LayerBuilder().file("big", os.urandom(1024 * 1024) * 300)
    layout = LayoutBuilder(tmp_path / "layout")
    layout.tag(layout.image([layer], compression=""))
    script = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_DATA, (200 * 2**20,) * 2);"
        "from weighbridge.cli.main import main; main()"
    )
    command = [sys.executable, "-c", script, "image", "profile", f"oci-layout:{layout.path}"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert "minimal          yes" in result.stdout
