"""What is pushed with a key says, signed, where it is."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from weighbridge.evidence import dsse
from weighbridge.evidence.predicates import PUBLICATION
from weighbridge.evidence.statement import Statement, parse_statement
from weighbridge.keys import fingerprint

from .conftest import Model, succeed, weighbridge

pytestmark = pytest.mark.engines
AT = ("--at", "2026-01-15T00:00:00Z")


def _key(file: Path) -> Path:
    plain = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(ec.generate_private_key(ec.SECP256R1()).private_bytes(*plain))
    return file


def push(model: Model, target: str, key: Path, *more: str) -> str:
    arguments = (model.folder, target, "--package", model.package, "--key", key, *AT, "--format", "json", *more)
    return str(json.loads(succeed("push", *arguments))["digest"])


def statement(file: Path, key: Path) -> Statement:
    """The statement, if the key has signed it."""
    envelope = dsse.parse_envelope(file.read_bytes(), file.name)
    public = serialization.load_pem_private_key(key.read_bytes(), None).public_key()
    assert dsse.verified_by(envelope, dsse.KeyRing({fingerprint(public): public})) == (fingerprint(public),)
    return parse_statement(envelope, file.name)


def test_the_address_is_signed_attached_and_kept(registry: str, model: Model, key: Path, tmp_path: Path) -> None:
    address = f"oci://{registry}/published/tiny"
    digest = push(model, f"{address}:1.0", key)
    said = statement(model.package / "evidence" / "publication.sigstore.json", key)
    manifest = json.loads((model.package / "manifest.json").read_text())
    assert said.predicate_type == PUBLICATION
    assert said.about(manifest["artifact_digest"])
    assert said.predicate == {"sources": [f"{address}@{digest}"], "at": "2026-01-15T00:00:00Z"}
    succeed("pull", f"{address}@{digest}", "--output", tmp_path / "out")
    assert statement(tmp_path / "out" / "evidence" / "publication.sigstore.json", key) == said


def test_a_second_place_is_added_to_the_first(registry: str, model: Model, key: Path) -> None:
    digest = push(model, f"oci://{registry}/first/tiny:1.0", key)
    assert push(model, f"oci://{registry}/second/tiny:1.0", key) == digest
    said = statement(model.package / "evidence" / "publication-2.sigstore.json", key)
    assert said.predicate["sources"] == [f"oci://{registry}/{where}/tiny@{digest}" for where in ("first", "second")]


def test_an_address_that_was_withdrawn_does_not_come_back(registry: str, model: Model, key: Path) -> None:
    push(model, f"oci://{registry}/old/tiny:1.0", key)
    old = model.package / "evidence" / "publication.sigstore.json"
    withdrawn = old.read_bytes()
    old.unlink()
    at = ("--at", "2026-01-16T00:00:00Z")
    digest = push(model, f"oci://{registry}/new/tiny:1.0", key, *at)
    old.rename(model.package / "evidence" / "newer.json")
    (model.package / "evidence" / "laid-there.json").write_bytes(withdrawn)
    push(model, f"oci://{registry}/new/tiny:2.0", key, "--at", "2026-01-17T00:00:00Z")
    said = statement(model.package / "evidence" / "publication.sigstore.json", key)
    assert said.predicate["sources"] == [f"oci://{registry}/new/tiny@{digest}"]


def test_what_another_signed_is_not_signed_again(registry: str, model: Model, key: Path, tmp_path: Path) -> None:
    push(model, f"oci://{registry}/stranger/tiny:1.0", _key(tmp_path / "stranger.pem"))
    digest = push(model, f"oci://{registry}/ours/tiny:1.0", key)
    said = statement(model.package / "evidence" / "publication-2.sigstore.json", key)
    assert said.predicate["sources"] == [f"oci://{registry}/ours/tiny@{digest}"]


def test_a_layout_has_no_address(model: Model, key: Path, tmp_path: Path) -> None:
    layout = f"oci-layout:{tmp_path / 'layout'}"
    result = weighbridge("push", model.folder, layout, "--package", model.package, "--key", key)
    assert result.returncode == 2
    assert "only what is pushed to a registry has an address to sign" in result.stderr
    assert not (tmp_path / "layout").exists()
    assert not list((model.package / "evidence").glob("publication*"))


def test_nothing_is_signed_where_the_push_fails(model: Model, key: Path) -> None:
    target = "oci://127.0.0.1:9/models/tiny:1.0"
    result = weighbridge("push", model.folder, target, "--package", model.package, "--key", key)
    assert result.returncode != 0
    assert not list((model.package / "evidence").glob("publication*"))
