"""Keyless statements in both directions with the real cosign v3, on a private instance."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime

import pytest
from tests.private_sigstore.instance import EPOCH, IDENTITY, ISSUER, Instance
from tests.private_sigstore.log import sha256
from tests.private_sigstore.server import configuration, serve, token

from weighbridge.catalogue.keyless import Keyless
from weighbridge.engines.locate import require
from weighbridge.evidence.dsse import parse_envelope
from weighbridge.evidence.keyless import KeylessSigner, KeylessVerifier
from weighbridge.evidence.statement import parse_statement, statement_json
from weighbridge.evidence.trusted_root import Root

pytestmark = pytest.mark.engines
TYPE = "https://example.com/predicate"
BLOB = b"weights"
SUBJECT = ("blob", f"sha256:{sha256(BLOB).hex()}")


@pytest.fixture(scope="module")
def instance():
    return Instance()


@pytest.fixture
def cosign(tmp_path, instance):
    (tmp_path / "blob").write_bytes(BLOB)
    (tmp_path / "root.json").write_text(json.dumps(instance.trusted_root()))

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(require("cosign").path), *arguments],
            cwd=tmp_path, env={"HOME": str(tmp_path)}, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    return run


@pytest.mark.parametrize("rekor", [1, 2])
def test_cosign_verifies_the_private_instances_bundles_and_refuses_what_we_refuse(cosign, tmp_path, instance, rekor):
    """A second implementation agrees that the instance is honest: what tests bend is bent away from the standard."""
    stamped = ["--use-signed-timestamps"] if rekor == 2 else []
    at = EPOCH if rekor == 1 else datetime.now(UTC)

    def verify(**more):
        bundle = instance.bundle(statement_json(TYPE, {"a": 1}, [SUBJECT]), at=at, rekor=rekor, **more)
        (tmp_path / "bundle.json").write_text(json.dumps(bundle))
        who = ["--certificate-identity", IDENTITY, "--certificate-oidc-issuer", ISSUER]
        trust = ["--bundle", "bundle.json", "--trusted-root", "root.json", "--type", TYPE]
        return cosign("verify-blob-attestation", *who, *trust, *stamped, "blob")

    good = verify()
    assert good.returncode == 0, good.stderr
    assert verify(identity=IDENTITY + "x").returncode != 0
    assert verify(scts=0).returncode != 0


def test_we_verify_what_cosign_signs_keyless(cosign, tmp_path, instance):
    with serve(instance) as base:
        config = configuration(instance, base, rekor=2)
        (tmp_path / "services.json").write_text(json.dumps(config["signingConfig"]))
        (tmp_path / "token").write_text(token())
        (tmp_path / "predicate.json").write_text('{"a": 1}')
        signing = ["--signing-config", "services.json", "--trusted-root", "root.json", "--identity-token", "token"]
        what = ["--predicate", "predicate.json", "--type", TYPE, "--bundle", "out.json", "--yes", "blob"]
        result = cosign("attest-blob", *signing, *what)
    assert result.returncode == 0, result.stderr
    keyless = Keyless(issuer=ISSUER, identity=IDENTITY, root="private")
    root = Root(json.dumps(instance.trusted_root()).encode(), "root.json")
    verifier = KeylessVerifier([KeylessSigner("ci", keyless, None)], {"private": root})
    envelope = parse_envelope((tmp_path / "out.json").read_bytes(), "out.json", keyless=True)
    assert verifier.verify(envelope).certificate.identity == IDENTITY
    assert parse_statement(envelope, "out.json").about(SUBJECT[1])
