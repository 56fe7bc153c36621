"""Keyless signing through the real client, against the private instance over HTTP; and what happens without one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner
from tests.private_sigstore.instance import IDENTITY, ISSUER, Instance
from tests.private_sigstore.log import Log
from tests.private_sigstore.server import configuration, serve, token

from weighbridge.cli.attest import command
from weighbridge.errors import WeighbridgeError

DIGEST = "sha256:" + "d" * 64
PREDICATE = {"metrics": {"f1": 0.9}, "dataset": {"uri": "https://example.com/d", "digest": DIGEST}}
OF_CI = [
    *("GITHUB_ACTIONS", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_URL", "GITLAB_CI"),
    *("BUILDKITE", "CIRCLECI", "SIGSTORE_ID_TOKEN", "GOOGLE_SERVICE_ACCOUNT_NAME"),
]
NO_CI = dict.fromkeys(OF_CI)


@pytest.fixture(scope="module")
def served():
    instance = Instance()
    with serve(instance) as base:
        yield instance, base


@dataclass(frozen=True)
class Outcome:
    exit_code: int
    output: str


def invoke(arguments: list[str], env: dict[str, str | None] | None = None) -> Outcome:
    """What the program would exit with and say."""
    result = CliRunner().invoke(command, arguments, env=env)
    if isinstance(result.exception, WeighbridgeError):
        return Outcome(result.exception.exit_status, str(result.exception))
    assert isinstance(result.exception, SystemExit | None), result.exception
    return Outcome(result.exit_code, result.output)


@pytest.fixture
def attest(tmp_path, served):
    """Runs `weighbridge attest --keyless`."""
    instance, base = served
    predicate = tmp_path / "predicate.json"
    predicate.write_text(json.dumps(PREDICATE | {"finished_at": "2026-01-02T00:00:00Z"}))

    def run(*more: str, config: dict | None = None, env: dict | None = None, out: str = "out.json"):
        file = tmp_path / "config.json"
        file.write_text(json.dumps(config or configuration(instance, base)))
        arguments = ["--keyless", "--sigstore-config", str(file), "--from", str(predicate)]
        arguments += ["--predicate-type", "https://weighbridge.dev/evaluation/v1", "--digest", DIGEST]
        return invoke([*arguments, "-o", str(tmp_path / out), *more], NO_CI | (env or {}))

    return run


@pytest.mark.parametrize(("rekor", "stamped"), [(1, True), (1, False), (2, True)])
def test_what_is_signed_keyless_verifies(attest, served, tmp_path, verify, rekor, stamped):
    instance, base = served
    config = configuration(instance, base, rekor, stamped)
    result = attest("--identity-token", "env:TOKEN", config=config, env={"TOKEN": token()})
    assert result.exit_code == 0, result.output
    assert f"signed by  {IDENTITY} (issuer {ISSUER})" in result.output
    bundle = json.loads((tmp_path / "out.json").read_bytes())
    certified = verify(bundle, instance.trusted_root())
    assert abs(certified.time_ns / 1e9 - datetime.now(UTC).timestamp()) < 60
    assert ("signedTimestamp" in json.dumps(bundle)) == stamped


def test_the_report_names_the_identity(attest, tmp_path):
    file = tmp_path / "token"
    file.write_text(token("mlsec@example.com") + "\n")
    result = attest("--identity-token", str(file), "--format", "json")
    assert json.loads(result.output)["signed_by"] == [f"mlsec@example.com (issuer {ISSUER})"]


def test_without_a_credential_it_says_so(attest, tmp_path):
    result = attest()
    assert result.exit_code == 2
    assert "no identity to sign with: this machine offers none" in result.output
    assert not (tmp_path / "out.json").exists()


def test_an_action_without_permission_is_told(attest):
    result = attest(env={"GITHUB_ACTIONS": "true"})
    assert result.exit_code == 2
    assert "no identity to sign with: GitHub" in result.output


def test_an_ambient_credential_is_used(attest):
    """GitLab's way: the token lies in the environment, under a name that its audience tells."""
    result = attest(env={"GITLAB_CI": "true", "SIGSTORE_ID_TOKEN": token("ci@example.com")})
    assert result.exit_code == 0, result.output
    assert "signed by  ci@example.com" in result.output


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("nonsense", "Identity token is malformed"),
        (token(exp=datetime.now(UTC) - timedelta(hours=1)), "Identity token is malformed"),
        (token(aud="somebody-else"), "Identity token is malformed"),
        ("", "is empty, or larger than any token"),
        ("x" * 70000, "is empty, or larger than any token"),
    ],
)
def test_a_token_that_cannot_be_used_is_told_and_not_shown(attest, given, message):
    result = attest("--identity-token", "env:TOKEN", env={"TOKEN": given})
    assert result.exit_code == 2
    assert message in result.output
    assert not given or given not in result.output


def test_a_token_that_the_authority_refuses_signs_nothing(attest, tmp_path):
    forged = token()[:-4] + "AAAA"
    result = attest("--identity-token", "env:TOKEN", env={"TOKEN": forged})
    assert result.exit_code == 2
    assert "keyless signing failed" in result.output
    assert "401" in result.output
    assert forged not in result.output
    assert not (tmp_path / "out.json").exists()


def test_an_instance_that_is_not_there_is_told(attest, served, tmp_path):
    config = configuration(served[0], "http://127.0.0.1:9")
    result = attest("--identity-token", "env:TOKEN", config=config, env={"TOKEN": token()})
    assert result.exit_code == 2
    assert "keyless signing failed" in result.output
    assert not (tmp_path / "out.json").exists()


def test_what_does_not_verify_is_not_handed_out(attest, served, tmp_path):
    instance, base = served
    config = configuration(instance, base)
    honest = instance.log
    instance.log = Log("another.example.com")
    try:
        result = attest("--identity-token", "env:TOKEN", config=config, env={"TOKEN": token()})
    finally:
        instance.log = honest
    assert result.exit_code == 2
    assert "of a log that the root does not name" in result.output
    assert not (tmp_path / "out.json").exists()


def test_a_rekor_without_times_needs_a_timestamp_authority(attest, served):
    instance, base = served
    config = configuration(instance, base, rekor=2, stamped=False)
    result = attest("--identity-token", "env:TOKEN", config=config, env={"TOKEN": token()})
    assert result.exit_code == 2
    assert "inclusion promise or signed timestamp" in result.output


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"signingConfig": {"caUrls": [{"url": "http://fulcio.example.com"}]}}, "names a service without TLS"),
        ({"trustedRoot": {}}, "is no trusted root"),
        ({"signingConfig": {}}, "keyless signing failed"),
    ],
)
def test_a_configuration_that_cannot_be_used_is_told(attest, served, change, message):
    config = configuration(*served) | change
    result = attest("--identity-token", "env:TOKEN", config=config, env={"TOKEN": token()})
    assert result.exit_code == 2
    assert message in result.output


def test_options_that_contradict_each_other_are_refused(attest, tmp_path):
    assert "needs either a key or --keyless" in attest("--key", "x.pem").output
    base = ["--from", "x", "-o", "y", "--digest", DIGEST, "--predicate-type", "https://x"]
    assert "needs either a key or --keyless" in invoke(base).output
    result = invoke([*base, "--key", "k", "--identity-token", "t"])
    assert (result.exit_code, "is for keyless signing" in result.output) == (2, True)
