"""Bundles that real signers made with the public Sigstore instances, verified offline with the shipped root."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from weighbridge.catalogue.keyless import Keyless
from weighbridge.catalogue.names import format_time
from weighbridge.evidence.dsse import parse_envelope
from weighbridge.evidence.keyless import KeylessSigner, KeylessVerifier
from weighbridge.evidence.trusted_root import Root, require_root, shipped_root

DATA = Path(__file__).parent / "data"
GITHUB = "https://token.actions.githubusercontent.com"
RELEASE = "https://github.com/trailofbits/pypi-attestations/.github/workflows/release.yml@refs/tags/v0.0.19"
CIRCLECI = "fdd9283f-e619-46af-8f9c-851f7d3e8b2b/pipeline-definitions/8e4f8ab2-8d7c-4827-9f15-de076d6d647f"
REAL = {
    "pypi-slsa": (GITHUB, RELEASE, "2024-12-04T23:13:46Z"),
    "pypi-circleci": (
        "https://oidc.circleci.com",
        f"https://circleci.com/api/v2/projects/{CIRCLECI}",
        "",
    ),
    "pypi-gitlab": (
        "https://gitlab.com",
        "https://gitlab.com/facutuesca/gitlab-oidc-project//.gitlab-ci.yml@refs/heads/main",
        "",
    ),
    "pypi-gcb": ("https://accounts.google.com", "919436158236-compute@developer.gserviceaccount.com", ""),
    "cosign-image": ("https://github.com/login/oauth", "cody@soyland.com", "2025-02-28T19:18:11Z"),
}


def staging_root() -> bytes:
    package = Path(importlib.util.find_spec("sigstore").origin).parent
    return (package / "_store" / "https%3A%2F%2Ftuf-repo-cdn.sigstage.dev" / "trusted_root.json").read_bytes()


def verify(name: str, root: bytes | None = None, edit=None, **keyless: object):
    verifier = KeylessVerifier(
        [KeylessSigner("them", Keyless.model_validate(keyless), None)],
        {"public": Root(root or shipped_root(), "trust.sigstore.public")},
        "" if root else "public",
    )
    document = json.loads((DATA / f"{name}.json").read_bytes())
    if edit:
        edit(document)
    return verifier.verify(parse_envelope(json.dumps(document).encode(), name, keyless=True))


@pytest.mark.parametrize("name", REAL)
def test_a_real_bundle_verifies(name):
    issuer, identity, time = REAL[name]
    certified = verify(name, issuer=issuer, identity=identity)
    assert certified.certificate.identity == identity
    assert not time or format_time(certified.time_ns) == time


@pytest.mark.parametrize("name", REAL)
def test_a_real_bundle_of_somebody_else_is_refused(name):
    issuer, identity, _ = REAL[name]
    with pytest.raises(ValueError, match=r"whom trust\.signers does not name"):
        verify(name, issuer=issuer, identity=identity + "x")
    with pytest.raises(ValueError, match="trusted by another issuer only"):
        verify(name, issuer=issuer + "/x", identity=identity)


@pytest.mark.parametrize("name", REAL)
def test_a_real_bundle_with_one_bit_of_its_payload_changed_is_refused(name):
    issuer, identity, _ = REAL[name]

    def edit(document):
        payload = document["dsseEnvelope"]["payload"]
        document["dsseEnvelope"]["payload"] = ("f" if payload[0] != "f" else "e") + payload[1:]

    with pytest.raises(ValueError, match="DSSE: invalid signature"):
        verify(name, edit=edit, issuer=issuer, identity=identity)


def test_a_real_workflow_by_pattern_and_claims():
    pattern = r"https://github\.com/trailofbits/pypi-attestations/\.github/workflows/release\.yml@refs/tags/v[0-9.]+"
    claims = {"runner_environment": "github-hosted", "source_repository_identifier": "772247423"}
    assert verify("pypi-slsa", issuer=GITHUB, identity_pattern=pattern, claims=claims)
    claims = {"source_repository_identifier": "1"}
    with pytest.raises(ValueError, match="source_repository_identifier is '772247423', not '1'"):
        verify("pypi-slsa", issuer=GITHUB, identity_pattern=pattern, claims=claims)


def test_a_bundle_of_another_instance_needs_its_root():
    who = {"issuer": "https://github.com/login/oauth", "identity": "william@yossarian.net"}
    with pytest.raises(ValueError, match=r"that sigstore [0-9.]+ carries .* of a log that the root does not name"):
        verify("pypi-staging", **who)
    assert verify("pypi-staging", staging_root(), **who)


def test_entries_whose_kind_binds_no_payload_are_refused():
    identity = "https://github.com/sigstore/sigstore-js/.github/workflows/release.yml@refs/heads/main"
    with pytest.raises(ValueError, match=r"dsse/hashedrekord 0\.0\.1"):
        verify("npm-intoto", issuer=GITHUB, identity=identity)
    with pytest.raises(ValueError, match="holds 3 certificates"):
        verify("npm-chain", issuer=GITHUB, identity=identity)


def test_the_shipped_roots_can_be_used():
    require_root(shipped_root(), "public")
    require_root(staging_root(), "staging")
