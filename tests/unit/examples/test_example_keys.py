"""The keys that everybody has are refused, by whatever name they come."""

from pathlib import Path

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import ec

from weighbridge.canonical import digest, parse_json
from weighbridge.catalogue.load import load_catalogue
from weighbridge.errors import InputError
from weighbridge.example_keys import is_example_key, refuse_example_keys
from weighbridge.keys import load_private_key, load_public_key

ROOT = Path(__file__).resolve().parents[3]
KEYS = sorted((ROOT / "examples" / "keys").glob("*.pem"))
OWN = ec.generate_private_key(ec.SECP256R1()).public_key()


def test_there_are_keys():
    assert len(KEYS) == 10


@pytest.mark.parametrize("file", KEYS, ids=lambda file: file.stem)
def test_every_published_key_is_refused(file):
    assert file.name.startswith("example-only-")
    private = load_private_key(str(file)).public_key()
    assert is_example_key(private)
    assert is_example_key(load_public_key(file.with_suffix(".pub").read_bytes(), file.name))
    with pytest.raises(InputError, match=r"--live-key.*everybody has"):
        refuse_example_keys({"--release-key": OWN, "--live-key": private})


def test_every_published_tenant_key_is_listed():
    listed = parse_json((ROOT / "policies" / "example-keys.json").read_bytes(), "example-keys.json")["tenant_keys"]
    published = yaml.safe_load((ROOT / "examples" / "example-only-tenant-keys.yaml").read_text("utf-8"))["keys"]
    assert {digest(key["key"].encode()): key["id"] for key in published} == listed


def test_a_catalogue_that_trusts_them_is_refused_with_every_one():
    with pytest.raises(InputError) as caught:
        refuse_example_keys({}, load_catalogue(ROOT / "examples" / "catalogue"))
    fields = {problem.field for problem in caught.value.problems}
    assert len(fields) == 13
    assert "trust.signers.ci" in fields
    assert "tenants.acme.environments.prod.keys.k7m2p9qa" in fields


def test_own_keys_pass():
    assert not is_example_key(OWN)
    refuse_example_keys({"--release-key": OWN})
