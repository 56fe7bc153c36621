"""A private Sigstore instance, and a verifier that trusts it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.private_sigstore.instance import IDENTITY, ISSUER, Instance

from weighbridge.catalogue.keyless import Keyless
from weighbridge.evidence.dsse import parse_envelope
from weighbridge.evidence.keyless import Certified, KeylessSigner, KeylessVerifier
from weighbridge.evidence.trusted_root import Root

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(scope="session")
def honest() -> Instance:
    """One instance for all tests that do not bend it."""
    return Instance()


@pytest.fixture
def instance() -> Instance:
    """An instance of one's own."""
    return Instance()


def verify(bundle: dict[str, Any], root: dict[str, Any], **signer: Any) -> Certified:
    """Verify a bundle with one signer and one root."""
    keyless = Keyless.model_validate({"issuer": ISSUER, "identity": IDENTITY, "root": "private"} | signer)
    roots = {"private": Root(json.dumps(root).encode(), "private.json")}
    verifier = KeylessVerifier([KeylessSigner("ci", keyless, None)], roots)
    return verifier.verify(parse_envelope(json.dumps(bundle).encode(), "bundle.json", keyless=True))


@pytest.fixture(name="verify")
def verify_fixture() -> Callable[..., Certified]:
    return verify


@pytest.fixture
def refusal() -> Callable[..., str]:
    """The reason why a bundle proves nothing."""

    def reason(bundle: dict[str, Any], root: dict[str, Any], **signer: Any) -> str:
        with pytest.raises(ValueError, match=r".") as caught:
            verify(bundle, root, **signer)
        return str(caught.value)

    return reason
