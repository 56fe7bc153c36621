"""The keys that everybody has are refused, by whatever name they come."""

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric import ec

from weighbridge.canonical import digest, parse_json
from weighbridge.catalogue.load import load_catalogue
from weighbridge.cli.run import command as run
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
    signers, tenants = sorted(caught.value.problems, key=lambda problem: -len(problem.file))
    assert (signers.file, signers.field) == ("weighbridge.yaml", "trust.signers")
    assert signers.message.endswith(": ci, eval, mlsec, old, oncall, product, scanner")
    assert (tenants.file, tenants.field) == ("tenants.yaml", "keys")
    assert tenants.message.endswith(": e3x6p1rd, g4b9x2ue, i1n8t5ec, k7m2p9qa, m5d1n7ly, r8v4k2ed")


def test_own_keys_pass():
    assert not is_example_key(OWN)
    refuse_example_keys({"--release-key": OWN})


@pytest.mark.parametrize("half", ["pub", "pem"])
def test_no_sidecar_is_run_that_believes_them(half):
    keys = ROOT / "examples" / "keys"
    options = [
        "--release-key",
        str(keys / "example-only-release.pub"),
        "--live-key",
        str(keys / f"example-only-live.{half}"),
    ]
    result = CliRunner().invoke(run, [str(ROOT / "bundles" / "example"), "--environment", "prod", *options])
    assert isinstance(result.exception, InputError)
    assert {problem.field for problem in result.exception.problems} == {"--release-key", "--live-key"}
