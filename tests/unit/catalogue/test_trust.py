"""Trust: signed by a root key from outside, over exactly the files that decide who is trusted."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from weighbridge.canonical import canonical
from weighbridge.catalogue.keyless import Keyless
from weighbridge.catalogue.trust import STATEMENT, TRUST, UNSIGNED, sign_trust, verify_trust
from weighbridge.cli.trust import command
from weighbridge.errors import InputError, OutputError
from weighbridge.evidence.dsse import PAYLOAD_TYPE, envelope_json, sign_envelope
from weighbridge.keys import fingerprint, public_pem

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Tree

ENVELOPE = "weighbridge.yaml.dsse"
KEY = ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
def root_key(tmp_path: Path) -> Path:
    path = tmp_path / "root.pub"
    path.write_text(public_pem(KEY.public_key()))
    return path


def refused(tree: Tree, root_key: Path) -> list[str]:
    with pytest.raises(InputError) as caught:
        verify_trust(tree.load(), root_key)
    return [str(problem) for problem in caught.value.problems]


def test_signed_trust_verifies(tree: Tree, root_key: Path) -> None:
    tree.write("policies/x.rego", "package weighbridge.user.evidence.x\n")
    tree.write("policies/deep/README.md", "text")
    _, files = sign_trust(tree.root, KEY)
    assert list(files) == [
        "keys/ci.pub",
        "keys/mlsec.pub",
        "policies/deep/README.md",
        "policies/x.rego",
        "tenants.yaml",
        "weighbridge.yaml",
    ]
    assert verify_trust(tree.load(), root_key) == fingerprint(KEY.public_key())


def test_without_a_root_key_trust_is_unsigned(tree: Tree) -> None:
    assert verify_trust(tree.load(), None) == UNSIGNED
    sign_trust(tree.root, KEY)
    assert verify_trust(tree.load(), None) == UNSIGNED


def test_signing_is_deterministic(tree: Tree) -> None:
    target, _ = sign_trust(tree.root, KEY)
    first = target.read_bytes()
    sign_trust(tree.root, KEY)
    assert target.read_bytes() == first


def test_what_is_outside_trust_may_change(tree: Tree, root_key: Path) -> None:
    sign_trust(tree.root, KEY)
    tree.version("other", "1")
    tree.write("README.md", "text")
    tree.write("keys/notes.txt", "nobody's key")
    assert verify_trust(tree.load(), root_key)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("weighbridge.yaml", "threshold: 2", "threshold: 1"),
        ("weighbridge.yaml", "kind: Catalogue\n", "kind: Catalogue\n\n"),
        ("tenants.yaml", "max_tokens: 4096", "max_tokens: 8192"),
        ("policies/x.rego", "x", "y"),
    ],
)
def test_a_changed_file(tree: Tree, root_key: Path, name: str, old: str, new: str) -> None:
    tree.write("policies/x.rego", "# x\npackage weighbridge.user.a\n")
    sign_trust(tree.root, KEY)
    tree.edit(name, old, new)
    (problem,) = refused(tree, root_key)
    assert problem.startswith(f"{name}: was changed since trust was signed. Review the change, then sign trust anew")


def test_a_swapped_signer_key(tree: Tree, root_key: Path) -> None:
    sign_trust(tree.root, KEY)
    tree.key("ci")
    assert refused(tree, root_key)[0].startswith("keys/ci.pub: was changed since trust was signed.")


def test_a_signer_key_that_is_a_link_to_another_file(tree: Tree, root_key: Path) -> None:
    sign_trust(tree.root, KEY)
    tree.key("evil")
    tree.path("keys/ci.pub").unlink()
    tree.path("keys/ci.pub").symlink_to("evil.pub")
    assert refused(tree, root_key)[0].startswith("keys/ci.pub: was changed since trust was signed.")


def test_an_added_and_a_removed_policy(tree: Tree, root_key: Path) -> None:
    tree.write("policies/old.rego", "package weighbridge.user.evidence.old\n")
    sign_trust(tree.root, KEY)
    tree.path("policies/old.rego").rename(tree.path("policies/new.rego"))
    assert [problem.split(". ")[0] for problem in refused(tree, root_key)] == [
        "policies/new.rego: decides who is trusted, and trust does not sign it",
        "policies/old.rego: is signed by trust, but is not there or not used",
    ]


def test_removed_tenants(tree: Tree, root_key: Path) -> None:
    sign_trust(tree.root, KEY)
    tree.path("tenants.yaml").unlink()
    assert refused(tree, root_key)[0].startswith("tenants.yaml: is signed by trust, but is not there or not used.")


def test_another_root_key(tree: Tree, tmp_path: Path) -> None:
    sign_trust(tree.root, KEY)
    other = tmp_path / "other.pub"
    other.write_text(public_pem(ec.generate_private_key(ec.SECP256R1()).public_key()))
    assert refused(tree, other)[0].startswith(f"{ENVELOPE}: is not signed by the root key sha256:")


def test_no_envelope(tree: Tree, root_key: Path) -> None:
    assert refused(tree, root_key) == [
        f"{ENVELOPE}: is missing, so trust is unsigned. Sign it with `weighbridge trust sign`."
    ]


def statement(tree: Tree) -> dict[str, Any]:
    subjects = [{"name": name, "digest": {"sha256": value}} for name, value in tree.load().trusted.items()]
    return {"_type": STATEMENT, "subject": subjects, "predicateType": TRUST, "predicate": {}}


def signed(tree: Tree, value: Any, payload_type: str = PAYLOAD_TYPE) -> None:
    payload = value if isinstance(value, bytes) else canonical(value)
    tree.write(ENVELOPE, envelope_json(sign_envelope(payload_type, payload, [KEY])))


def test_a_statement_made_elsewhere_verifies(tree: Tree, root_key: Path) -> None:
    signed(tree, statement(tree))
    assert verify_trust(tree.load(), root_key)


@pytest.mark.parametrize(
    "change",
    [
        {"_type": "https://in-toto.io/Statement/v0.1"},
        {"predicateType": "https://weighbridge.dev/trust/v2"},
        {"predicateType": "https://weighbridge.dev/package/v1"},
        {"predicate": {"except": ["keys/ci.pub"]}},
        {"predicate": None},
        {"more": 1},
        {"subject": []},
        {"subject": None},
        {"subject": "x"},
        {"subject": [{"name": "weighbridge.yaml"}]},
        {"subject": [{"name": 1, "digest": {"sha256": "0" * 64}}]},
        {"subject": [{"name": "weighbridge.yaml", "digest": "sha256"}]},
        {"subject": [{"name": "weighbridge.yaml", "digest": {"sha256": "A" * 64}}]},
        {"subject": [{"name": "weighbridge.yaml", "digest": {"sha256": ["0" * 64]}}]},
    ],
)
def test_statements_of_another_form(tree: Tree, root_key: Path, change: dict[str, Any]) -> None:
    signed(tree, {**statement(tree), **change})
    assert refused(tree, root_key)


def test_a_subject_that_says_more(tree: Tree, root_key: Path) -> None:
    value = statement(tree)
    value["subject"][0]["digest"]["sha512"] = "0" * 128
    signed(tree, value)
    assert "that can be understood" in refused(tree, root_key)[0]


def test_a_subject_given_twice(tree: Tree, root_key: Path) -> None:
    value = statement(tree)
    value["subject"].append(dict(value["subject"][0]))
    signed(tree, value)
    assert "that can be understood" in refused(tree, root_key)[0]


@pytest.mark.parametrize("payload", [b"[]", b"null", b"", b"{", b'"x"', b'{"_type":1,"_type":2}'])
def test_payloads_that_are_no_statement(tree: Tree, root_key: Path, payload: bytes) -> None:
    if payload:
        signed(tree, payload)
    else:
        tree.write(ENVELOPE, "")
    assert refused(tree, root_key)[0].startswith(ENVELOPE)


def test_another_payload_type(tree: Tree, root_key: Path) -> None:
    signed(tree, statement(tree), "application/json")
    assert "has the payload type 'application/json'" in refused(tree, root_key)[0]


def test_a_changed_payload(tree: Tree, root_key: Path) -> None:
    sign_trust(tree.root, KEY)
    tree.edit("weighbridge.yaml", "threshold: 2", "threshold: 1")
    document = json.loads(tree.path(ENVELOPE).read_text())
    signed(tree, statement(tree))
    forged = json.loads(tree.path(ENVELOPE).read_text())
    forged["signatures"] = document["signatures"]
    tree.write(ENVELOPE, json.dumps(forged))
    assert "is not signed by the root key" in refused(tree, root_key)[0]


def test_a_root_key_inside_the_catalogue(tree: Tree, tmp_path: Path, root_key: Path) -> None:
    sign_trust(tree.root, KEY)
    inside = tree.write("keys/root.pub", root_key.read_bytes())
    link = tmp_path / "link.pub"
    link.symlink_to(inside)
    folder = tmp_path / "folder"
    folder.symlink_to(tree.root)
    for path in (inside, link, folder / "keys" / "root.pub", tree.root / "keys" / ".." / "keys" / "root.pub"):
        assert "lies inside the catalogue that it shall judge" in refused(tree, path)[0]


@pytest.mark.parametrize("name", ["missing.pub", "catalogue", "text.pub", "private.pub"])
def test_root_keys_that_are_none(tree: Tree, tmp_path: Path, name: str) -> None:
    sign_trust(tree.root, KEY)
    (tmp_path / "text.pub").write_text("no key")
    (tmp_path / "private.pub").write_text("-----BEGIN PRIVATE KEY-----\n")
    assert refused(tree, tmp_path / name)


def test_what_does_not_load_is_not_signed(tree: Tree) -> None:
    tree.path("keys/ci.pub").unlink()
    with pytest.raises(InputError, match="is missing"):
        sign_trust(tree.root, KEY)
    assert not tree.path(ENVELOPE).exists()


def test_writing_fails_whole(tree: Tree) -> None:
    tree.path(ENVELOPE).mkdir()
    with pytest.raises((InputError, OutputError)):
        sign_trust(tree.root, KEY)
    assert not list(tree.root.glob(".trust-*"))


def test_the_envelope_may_not_be_a_link_out(tree: Tree, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    tree.path(ENVELOPE).symlink_to(victim)
    with pytest.raises(InputError, match="leaves the catalogue"):
        sign_trust(tree.root, KEY)
    assert victim.read_text() == "precious"


def test_the_commands(tree: Tree, tmp_path: Path, root_key: Path) -> None:
    private = tmp_path / "root.pem"
    private.write_bytes(
        KEY.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    runner = CliRunner()
    result = runner.invoke(command, ["sign", str(tree.root), "--key", str(private), "--format", "json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["root"] == fingerprint(KEY.public_key())
    result = runner.invoke(command, ["show", str(tree.root)])
    assert result.stdout.startswith("trust: unsigned (not verified: ")
    result = runner.invoke(command, ["show", str(tree.root), "--root", str(root_key), "--format", "json"])
    document = json.loads(result.stdout)
    assert document["trust"] == fingerprint(KEY.public_key())
    assert document["trust_sha256"] == tree.load().trust_sha256
    assert document["signers"]["auditor"] == {
        "issuer": "https://accounts.example.com",
        "identity": "auditor@example.com",
        "root": "public",
        "fingerprint": Keyless(issuer="https://accounts.example.com", identity="auditor@example.com").fingerprint,
    }
    result = runner.invoke(command, ["show", str(tree.root), "--root", str(root_key)])
    assert re.search(r"^trust: sha256:[0-9a-f]{64}$", result.stdout, re.MULTILINE)
    tree.key("ci")
    result = runner.invoke(command, ["show", str(tree.root), "--root", str(root_key)])
    assert isinstance(result.exception, InputError)
    assert "trust: sha256" not in result.stdout
