"""`compile`, `verify` and `explain` as somebody at a terminal, or a pipeline, meets them."""

import contextlib
import functools
import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from weighbridge.engines.locate import require

pytestmark = pytest.mark.engines
Workshop = Any
AT = ["--at", "2026-01-15T00:00:00Z"]
NAME = "qa@1.0.0"


@functools.cache
def engine_folder() -> Path:
    return require("opa").path.parent


def weighbridge(workshop: Workshop, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    # A cache of its own, but the engine that was found, wherever that is.
    path = f"{engine_folder()}{os.pathsep}{os.environ['PATH']}"
    settings = {**os.environ, "XDG_CACHE_HOME": str(workshop.folder / "cache"), "PATH": path, **environment}
    command = [sys.executable, "-m", "weighbridge", *arguments]
    return subprocess.run(command, env=settings, cwd=workshop.folder, capture_output=True, text=True, check=False)


def compiled(workshop: Workshop, *more: str, **environment: str) -> subprocess.CompletedProcess[str]:
    (workshop.folder / "release.pem").write_bytes(workshop.pem("release"))
    keys = ["--release-key", "release.pem", "--output", "out"]
    return weighbridge(workshop, "compile", "catalogue", *keys, *AT, *more, **environment)


def test_compile_says_what_became_of_it_and_that_trust_is_unsigned(workshop: Workshop) -> None:
    workshop.order("freeze", "qa@7.7.7", "oncall")
    result = compiled(workshop, "--format", "json")
    assert result.returncode == 0
    report = json.loads(result.stdout)
    assert report["environments"]["prod"] | {"revision": ""} == {
        "approved": 1,
        "refused": 0,
        "revoked": 0,
        "frozen": 0,
        "revision": "",
    }
    assert "trust: unsigned" in result.stderr
    assert "qa@7.7.7" in result.stderr
    text = compiled(workshop)
    assert "prod" in text.stdout
    assert "\x1b" not in text.stdout + text.stderr
    assert (workshop.folder / "cache/weighbridge/judgements").is_dir()


def test_keys_from_the_environment(workshop: Workshop) -> None:
    release, live = workshop.pem("release").decode(), workshop.pem("live").decode()
    keys = ["--release-key", "env:RELEASE", "--live-key", "env:LIVE", "--output", "out"]
    result = weighbridge(workshop, "compile", "catalogue", *keys, *AT, RELEASE=release, LIVE=live)
    assert result.returncode == 0, result.stderr
    assert (workshop.folder / "out/prod/live.tar.gz").exists()
    assert weighbridge(workshop, "compile", "catalogue", *keys, *AT).returncode == 2


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--at", "yesterday"], "RFC 3339"),
        (["--environment", "nowhere"], "no environment nowhere"),
        (["--root", "nothing.pub"], "nothing.pub"),
        (["--require-signed-trust"], "--root"),
        (["--live-key", "release.pem"], "the release key"),
        (["--output", "catalogue/models"], "the catalogue"),
        (["--jobs", "0"], "0"),
        (["--fixed-clock", "1"], "No such option"),
    ],
)
def test_wrong_usage_is_told_without_a_traceback(workshop: Workshop, more: list[str], message: str) -> None:
    result = compiled(workshop, *more)
    assert result.returncode == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert not (workshop.folder / "out").exists()


def test_without_opa(workshop: Workshop) -> None:
    result = compiled(workshop, PATH="/nowhere", HOME=str(workshop.folder))
    assert result.returncode == 2
    assert "weighbridge engines install opa" in result.stderr


def test_verify_finds_nothing_then_something_then_cannot_read(workshop: Workshop) -> None:
    good = weighbridge(workshop, "verify", "catalogue", *AT, "--format", "json")
    assert good.returncode == 0, good.stdout
    assert json.loads(good.stdout)["findings"] == []
    before = {path: path.read_bytes() for path in workshop.root.rglob("*") if path.is_file()}
    # A scan that a newer one replaces is in order; one that says no is not.
    image = workshop.root / f"images/{'a' * 64}/evidence"
    (image / "old.json").write_bytes((image / "scan.json").read_bytes())
    workshop.scan(at="2026-01-14T12:00:00Z")
    assert weighbridge(workshop, "verify", "catalogue", *AT).returncode == 0
    workshop.scan(at="2026-01-14T12:00:00Z", severity="critical")
    bad = weighbridge(workshop, "verify", "catalogue", *AT, "--format", "json")
    assert bad.returncode == 1
    (finding,) = json.loads(bad.stdout)["findings"]
    assert finding["file"].endswith("scan.json")
    assert "CVE-2025-10000" in finding["reason"]
    assert finding["reason"] in weighbridge(workshop, "verify", "catalogue", *AT).stdout
    workshop.order("freeze", NAME, "stranger")
    unreadable = weighbridge(workshop, "verify", "catalogue", *AT)
    assert unreadable.returncode == 2
    assert "orders/" in unreadable.stderr
    after = {path for path in workshop.root.rglob("*") if path.is_file()}
    assert len(after) == len(before) + 2


def test_verify_tells_what_is_too_old(workshop: Workshop) -> None:
    workshop.scan(at="2026-01-01T00:00:00Z")
    result = weighbridge(workshop, "verify", "catalogue", *AT)
    assert result.returncode == 1
    assert "does not hold since 2026-01-08T00:00:00Z" in result.stdout


def test_explain_an_approved_version(workshop: Workshop) -> None:
    result = weighbridge(workshop, "explain", "catalogue", NAME, *AT, "--environment", "prod")
    assert result.returncode == 0, result.stderr
    for part in ("approved until 2026-01-21T00:00:00Z", "by scanner", "24 hours old", "approvals: 2 of mlsec, product"):
        assert part in result.stdout


def test_explain_a_refused_version(workshop: Workshop) -> None:
    (workshop.root / "models/qa/1.0.0/evidence/approval-product.json").unlink()
    workshop.write("models/qa/1.0.0/evidence/junk.json", "{}")
    result = weighbridge(workshop, "explain", "catalogue", NAME, *AT)
    assert result.returncode == 1
    for part in ("REL-006", "signed by: product", "junk.json", "does not count", "dev: approved"):
        assert part in result.stdout
    document = json.loads(weighbridge(workshop, "explain", "catalogue", NAME, *AT, "--format", "json").stdout)
    prod = document["environments"][-1]
    unmet = [part["requirement"] for part in prod["requirements"] if not part["met"]]
    assert unmet == ["approvals: 2 of mlsec, product"]
    assert "metrics: exact_match at least 0.7" in [part["requirement"] for part in prod["requirements"]]
    assert prod["record"]["approved"] is False
    assert document["unusable"][0]["file"].endswith("junk.json")


def test_explain_a_revoked_version(workshop: Workshop) -> None:
    workshop.order("revoke", NAME, "oncall", reason="[red]leaks[/red] secrets")
    result = weighbridge(workshop, "explain", "catalogue", NAME, *AT, "--environment", "prod")
    assert result.returncode == 1
    assert "revoked since 2026-01-14T00:00:00Z: [red]leaks[/red] secrets" in result.stdout


def test_explain_a_version_that_is_not_there(workshop: Workshop) -> None:
    result = weighbridge(workshop, "explain", "catalogue", "qa@1.0.1", *AT)
    assert result.returncode == 2
    assert NAME in result.stderr


@pytest.mark.parametrize("arguments", [["verify", "catalogue"], ["explain", "catalogue", NAME]])
def test_on_a_terminal_long_work_shows_itself(workshop: Workshop, arguments: list[str]) -> None:
    ours, theirs = pty.openpty()
    settings = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    command = [sys.executable, "-m", "weighbridge", *arguments, *AT]
    shown = b""
    with subprocess.Popen(
        command, env=settings, cwd=workshop.folder, stdout=subprocess.DEVNULL, stderr=theirs
    ) as process:
        os.close(theirs)
        # Linux says with an error that nobody holds the other end any more.
        with contextlib.suppress(OSError):
            while read := os.read(ours, 4096):
                shown += read
        os.close(ours)
    assert process.returncode == 0
    assert b"Reading the catalogue" in shown
    piped = weighbridge(workshop, *arguments, *AT)
    assert "Reading the catalogue" not in piped.stdout + piped.stderr
