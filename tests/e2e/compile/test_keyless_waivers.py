"""Waivers that a person signs by an identity, with no key to keep: a private Sigstore instance vouches."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tests.private_sigstore.instance import IDENTITY, ISSUER, Instance
from tests.private_sigstore.server import configuration, serve, token

from weighbridge.cli.main import cli
from weighbridge.errors import InputError

Workshop = Any
NAME = "qa@1.0.0"


@pytest.fixture
def waive(workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """`weighbridge waive --keyless`, in a catalogue where one identity may waive POD-022."""
    instance = Instance()
    trust = workshop.configuration["trust"]
    person = {"sigstore": {"issuer": ISSUER, "identity": IDENTITY, "root": "private"}, "waives": ["POD-022"]}
    trust["signers"]["person"] = person
    trust["sigstore"] = {"private": "trust/private.json"}
    workshop.configure()
    workshop.write("trust/private.json", json.dumps(instance.trusted_root()))
    workshop.version()
    with serve(instance) as base:
        services = tmp_path / "sigstore.json"
        services.write_text(json.dumps(configuration(instance, base)), "utf-8")

        def signed(code: str, identity: str = IDENTITY) -> Any:
            monkeypatch.setenv("TOKEN", token(identity))
            keyless = ["--keyless", "--identity-token=env:TOKEN", f"--sigstore-config={services}"]
            what = [code, "--environment=prod", f"--model={NAME}", "--reason=a test", "--for=7d", "--format=json"]
            return CliRunner().invoke(cli, ["waive", str(workshop.root), *what, *keyless])

        yield signed


def test_an_identity_that_may_waive_does(workshop: Workshop, waive: Any) -> None:
    made = waive("POD-022")
    assert made.exit_code == 0, made.output
    listed = CliRunner().invoke(cli, ["waivers", str(workshop.root), "--format=json"])
    (waiver,) = json.loads(listed.stdout)["waivers"]
    assert (waiver["signer"], waiver["codes"], waiver["state"]) == ("person", ["POD-022"], "current")


@pytest.mark.parametrize(
    ("code", "identity", "expected"),
    [
        ("POD-021", IDENTITY, "person may not waive POD-021"),
        ("POD-022", "mallory@example.com", "whom trust.signers does not name"),
        ("MOD-006", IDENTITY, "MOD-006 can neither be waived"),
    ],
)
def test_no_other_identity_and_no_other_code(
    workshop: Workshop, waive: Any, code: str, identity: str, expected: str
) -> None:
    refused = waive(code, identity)
    assert isinstance(refused.exception, InputError)
    assert expected in str(refused.exception)
    assert not list(workshop.root.glob("waivers/*"))


def test_a_bundle_that_was_changed_counts_for_nothing(workshop: Workshop, waive: Any) -> None:
    file = workshop.root / json.loads(waive("POD-022").stdout)["file"]
    bundle = json.loads(file.read_text("utf-8"))
    bundle["dsseEnvelope"]["payload"] = "e30="
    file.write_text(json.dumps(bundle), "utf-8")
    listed = CliRunner().invoke(cli, ["waivers", str(workshop.root)])
    assert isinstance(listed.exception, InputError)
    assert file.name in str(listed.exception)
