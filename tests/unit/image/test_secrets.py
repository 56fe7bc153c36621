"""Secrets in images: found by their form or place, in hidden layers too, and never repeated."""

import base64

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from weighbridge.image.secrets import redacted, secrets_in, secrets_in_file


def pem():
    key = ed25519.Ed25519PrivateKey.generate()
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


TOKENS = {
    "huggingface-token": "hf_" + "aBcDeFgHiJkLmNoPqRsTuVwXyZaBcDeFgH",
    "github-token": "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8",
    "aws-access-key": "AKIA" + "Q3EGRIZ2QH6XABCD",
    "openai-key": "sk-proj-" + "a" * 24 + "T3BlbkFJ" + "b" * 24,
    "anthropic-key": "sk-ant-api03-" + "a" * 90,
    "gitlab-token": "glpat-" + "a1b2c3d4e5f6g7h8i9j0",
    "slack-token": "xoxb-" + "123456789012-abcdefghijkl",
    "google-api-key": "AIza" + "b" * 35,
    "npm-token": "npm_" + "a" * 36,
    "weighbridge-key": "wb_prod_k7m2p9qa_" + "A" * 43,
}


@pytest.mark.parametrize("kind", TOKENS)
def test_tokens_are_known_by_their_form(kit, kind):
    token = TOKENS[kind]
    assert secrets_in(f"x = '{token}'\n".encode()) == {kind}
    assert secrets_in(b"x" + token.encode()[:12]) == set()
    profile = kit.profile(kit.Layer().file("app/config.py", f"T = '{token}'"))
    assert [(entry.path, entry.kind, entry.hidden) for entry in profile.secrets] == [("/app/config.py", kind, False)]
    assert token not in profile.model_dump_json()


@pytest.mark.parametrize(
    ("path", "data", "kind"),
    [
        ("root/.netrc", "machine hub login x password y\n", "netrc"),
        ("root/.docker/config.json", '{"auths": {"x": {"auth": "dXNlcjpwYXNz"}}}', "registry-login"),
        ("root/.cache/huggingface/token", "hf_short_but_there", "huggingface-token"),
        ("etc/shadow", "root:$6$abc$0123456789abcdef:1::\n", "password-hash"),
        ("run/secrets/db", "x", "mounted-secret"),
        ("app/.env", "API_KEY=0123456789\n", "dotenv"),
        ("etc/pip.conf", "index-url = https://user:pass@example.com/simple\n", "index-password"),
        ("srv/store.p12", "0\x82", "key-store"),
        ("root/.aws/credentials", "aws_secret_access_key = x", "aws-credentials"),
    ],
)
def test_files_that_hold_secrets(path, data, kind):
    assert secrets_in_file(path, data.encode()) == {kind}


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("root/.netrc", ""), ("root/.docker/config.json", '{"credsStore": "x"}'), ("etc/shadow", "root:*:1::\n"),
        ("app/.env", "PORT=8080\n"), ("a.py", "BEGIN = '-----BEGIN PRIVATE KEY-----'\n"), ("a", "AKIAIOSFODNN7EXAMPLE"),
        ("a.py", "hf_hub_download"), ("etc/pip.conf", "index-url = https://example.com/simple\n"), ("a", "eyJ.eyJ.x"),
    ],
)  # fmt: skip
def test_what_only_looks_like_a_secret(path, data):
    assert secrets_in_file(path, data.encode()) == set()


def test_secrets_that_a_later_layer_hides_are_still_told(kit):
    profile = kit.profile(
        kit.Layer().file("root/key", pem()).file("root/again", pem()).file("a/b", pem()),
        kit.Layer().whiteout("root/key").file("root/again", "replaced").opaque("a"),
    )
    assert [(entry.path, entry.kind, entry.layer, entry.hidden) for entry in profile.secrets] == [
        ("/root/key", "private-key", 0, True), ("/root/again", "private-key", 0, True),
        ("/a/b", "private-key", 0, True),
    ]  # fmt: skip
    assert not profile.model_dump_json().count("BEGIN")


def test_a_secret_is_hidden_only_when_no_name_is_left(kit):
    layers = [kit.Layer().file("a", pem()), kit.Layer().link("b", "a"), kit.Layer().whiteout("a")]
    assert [entry.hidden for entry in kit.profile(*layers).secrets] == [False]
    assert [entry.hidden for entry in kit.profile(kit.Layer().file("a", pem()).file("a", "x")).secrets] == [True]


def test_secrets_in_the_configuration(kit):
    token = TOKENS["huggingface-token"]
    profile = kit.profile(
        kit.Layer(), Env=[f"HF_TOKEN={token}", f"NVIDIA_X={token}"], Cmd=["serve", f"--token={token}"],
        Labels={"l": token},
    )  # fmt: skip
    assert {entry.path for entry in profile.secrets} == {
        "config: variable HF_TOKEN", "config: variable NVIDIA_X", "config: Cmd", "config: label l",
    }  # fmt: skip
    assert profile.cmd == ("serve", "--token=[huggingface-token]")
    assert profile.env_values == {"NVIDIA_X": "[huggingface-token]"}
    assert token not in profile.model_dump_json()
    assert redacted(b"plain") == b"plain"
    assert redacted(f"a {token} b".encode()) == b"a [huggingface-token] b"


def test_a_secret_in_a_name_is_not_repeated(kit):
    token = TOKENS["github-token"]
    profile = kit.profile(kit.Layer().file(f"tmp/{token}/.netrc", "password x"), Env=[f"{token}=1"])
    assert token not in profile.model_dump_json()


def test_base64_is_not_looked_into(kit):
    """Said in the how-to: only what lies open is found."""
    hidden = base64.b64encode(TOKENS["github-token"].encode())
    assert kit.profile(kit.Layer().file("x", hidden)).secrets == ()


@pytest.mark.parametrize("before", ["\x7fELF", "GGUF", "\x00\x01"])
def test_a_secret_does_not_hide_behind_another_files_beginning(kit, before):
    profile = kit.profile(kit.Layer().file("x", f"{before}\n{pem()}"))
    assert [entry.kind for entry in profile.secrets] == ["private-key"]
