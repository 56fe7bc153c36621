"""Encrypted keys: PKCS#8 and cosign's own files, their passwords, and files that were made to do harm."""

import base64
import json
import os
import pty
import subprocess
import sys

import nacl.secret
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from weighbridge import keys
from weighbridge.engines.locate import require
from weighbridge.errors import InputError
from weighbridge.signing.cosign_key import MAX_COST, decrypt_cosign_key

P256 = ec.derive_private_key(7, ec.SECP256R1())
KINDS = {
    "P-256": P256,
    "P-384": ec.derive_private_key(7, ec.SECP384R1()),
    "Ed25519": ed25519.Ed25519PrivateKey.from_private_bytes(b"\7" * 32),
    "RSA": rsa.generate_private_key(65537, 2048),
}


@pytest.fixture(autouse=True)
def no_password(monkeypatch):
    """No password but what a test gives, and no terminal to ask on."""
    for name in ("WEIGHBRIDGE_KEY_PASSWORD", "COSIGN_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "stdin", None)


def pkcs8(key, password=None, form=serialization.PrivateFormat.PKCS8):
    protection = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, protection)


def same(one, other):
    return keys.fingerprint(one.public_key()) == keys.fingerprint(other.public_key())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("variable", ["WEIGHBRIDGE_KEY_PASSWORD", "COSIGN_PASSWORD"])
def test_pkcs8_with_a_password_from_the_environment(tmp_path, monkeypatch, kind, variable):
    path = tmp_path / "k.pem"
    path.write_bytes(pkcs8(KINDS[kind], b"secret"))
    with pytest.raises(InputError, match=r"is encrypted, and no password was given\. Set WEIGHBRIDGE_KEY_PASSWORD"):
        keys.load_private_key(str(path))
    monkeypatch.setenv(variable, "secret")
    assert same(keys.load_private_key(str(path)), KINDS[kind])
    monkeypatch.setenv("WEIGHBRIDGE_KEY_PASSWORD", "another")
    with pytest.raises(InputError, match="wrong password"):
        keys.load_private_key(str(path))


def test_pkcs8_in_the_environment_and_the_older_form(tmp_path, monkeypatch):
    monkeypatch.setenv("WB_KEY", pkcs8(P256, b"secret").decode())
    monkeypatch.setenv("COSIGN_PASSWORD", "secret")
    assert same(keys.load_private_key("env:WB_KEY"), P256)
    older = pkcs8(P256, b"secret", serialization.PrivateFormat.TraditionalOpenSSL)
    (tmp_path / "k.pem").write_bytes(older)
    assert b"Proc-Type: 4,ENCRYPTED" in older
    assert same(keys.load_private_key(str(tmp_path / "k.pem")), P256)


def test_a_password_that_nobody_needs_is_not_asked_for(tmp_path, monkeypatch):
    (tmp_path / "k.pem").write_bytes(pkcs8(P256))
    monkeypatch.setenv("COSIGN_PASSWORD", "secret")
    assert same(keys.load_private_key(str(tmp_path / "k.pem")), P256)


def test_the_password_is_typed_on_a_terminal_and_not_shown(tmp_path):
    (tmp_path / "k.pem").write_bytes(pkcs8(P256, b"hunter2"))
    program = "import sys; from weighbridge import keys; keys.load_private_key(sys.argv[1]); print('opened')"
    pid, terminal = pty.fork()
    if not pid:  # the child, with the terminal as its own
        os.execv(sys.executable, [sys.executable, "-c", program, str(tmp_path / "k.pem")])
    shown = b""
    try:
        while not shown.endswith(b": "):
            shown += os.read(terminal, 1024)
        os.write(terminal, b"hunter2\n")
        while chunk := _read(terminal):
            shown += chunk
    finally:
        os.close(terminal)
        status = os.waitpid(pid, 0)[1]
    assert status == 0
    assert b"Password of" in shown
    assert b"opened" in shown
    assert b"hunter2" not in shown


def _read(terminal):
    try:
        return os.read(terminal, 1024)
    except OSError:  # Linux's way to say that the other side is gone
        return b""


# --- cosign's own files


@pytest.fixture(scope="module")
def cosign_keys(tmp_path_factory):
    """Every kind of key as the real cosign writes it, with the password `secret`."""
    cosign, folder = require("cosign").path, tmp_path_factory.mktemp("cosign")
    environment = {"HOME": str(folder), "PATH": "/usr/bin:/bin", "COSIGN_PASSWORD": "secret"}

    def run(*arguments):
        subprocess.run([cosign, *arguments], cwd=folder, env=environment, capture_output=True, check=True, timeout=120)

    run("generate-key-pair", "--output-key-prefix", "own")
    for kind, key in KINDS.items():
        (folder / f"{kind}.pem").write_bytes(pkcs8(key))
        run("import-key-pair", "--yes", "--key", f"{kind}.pem", "--output-key-prefix", f"imported-{kind}")
    return folder


@pytest.mark.engines
@pytest.mark.parametrize("kind", KINDS)
def test_keys_that_cosign_imported(cosign_keys, monkeypatch, kind):
    path = cosign_keys / f"imported-{kind}.key"
    assert b"ENCRYPTED SIGSTORE PRIVATE KEY" in path.read_bytes()
    monkeypatch.setenv("COSIGN_PASSWORD", "secret")
    assert same(keys.load_private_key(str(path)), KINDS[kind])


@pytest.mark.engines
def test_a_key_that_cosign_made(cosign_keys, monkeypatch):
    path = cosign_keys / "own.key"
    public = keys.load_public_key((cosign_keys / "own.pub").read_bytes(), "own.pub")
    assert keys.fingerprint(keys.load_private_key(str(path), b"secret").public_key()) == keys.fingerprint(public)
    monkeypatch.setenv("WB_KEY", path.read_text())
    assert keys.load_private_key("env:WB_KEY", b"secret")
    with pytest.raises(InputError, match="is encrypted, and no password was given"):
        keys.load_private_key(str(path))
    with pytest.raises(InputError, match="wrong password, or a damaged file"):
        keys.load_private_key(str(path), b"wrong")
    older = path.read_text().replace("SIGSTORE", "COSIGN")
    (cosign_keys / "older.key").write_text(older)
    assert keys.load_private_key(str(cosign_keys / "older.key"), b"secret")


def cosign_file(password=b"", secret=None, **changes):
    """A small file of the format; `changes` replace or, as None, remove what lies below the path."""
    secret = pkcs8_der(P256) if secret is None else secret
    import hashlib  # noqa: PLC0415 -- beside its only use

    derived = hashlib.scrypt(password, salt=b"s" * 32, n=2, r=1, p=1, dklen=32)
    sealed = nacl.secret.SecretBox(derived).encrypt(secret, b"n" * 24).ciphertext
    document = {
        "kdf": {"name": "scrypt", "params": {"N": 2, "r": 1, "p": 1}, "salt": b64(b"s" * 32)},
        "cipher": {"name": "nacl/secretbox", "nonce": b64(b"n" * 24)},
        "ciphertext": b64(sealed),
    }
    for path, value in changes.items():
        *parents, last = path.split("_")
        target = document
        for parent in parents:
            target = target[parent]
        target[last] = value
    return block(json.dumps(document).encode())


def block(body, label="SIGSTORE"):
    kind = f"ENCRYPTED {label} PRIVATE KEY"
    return f"-----BEGIN {kind}-----\n{b64(body)}\n-----END {kind}-----\n".encode()


def b64(data):
    return base64.b64encode(data).decode()


def pkcs8_der(key):
    encoding, form = serialization.Encoding.DER, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, form, serialization.NoEncryption())


def test_an_empty_password_is_one(tmp_path, monkeypatch):
    (tmp_path / "k.key").write_bytes(cosign_file())
    monkeypatch.setenv("COSIGN_PASSWORD", "")
    assert same(keys.load_private_key(str(tmp_path / "k.key")), P256)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"kdf_params_N": 2**40}, "costs too much"),
        ({"kdf_params_N": 2**4000}, "costs too much"),
        ({"kdf_params_N": MAX_COST * 2}, "costs too much"),
        ({"kdf_params_N": 2**16, "kdf_params_r": 8, "kdf_params_p": 5}, "costs too much"),
        ({"kdf_params_r": 2**30}, "costs too much"),
        ({"kdf_params_p": 2**30}, "costs too much"),
        ({"kdf_params_N": 3}, "power of two"),
        ({"kdf_params_N": 1}, "power of two"),
        ({"kdf_params_N": 0}, "power of two"),
        ({"kdf_params_N": -2}, "power of two"),
        ({"kdf_params_N": True}, "power of two"),
        ({"kdf_params_N": 2.0}, "power of two"),
        ({"kdf_params_N": "2"}, "power of two"),
        ({"kdf_params_r": 0}, "r and p positive"),
        ({"kdf_params": None}, "power of two"),
        ({"kdf_name": "pbkdf2"}, "kdf is not scrypt"),
        ({"kdf": []}, "kdf is not scrypt"),
        ({"cipher_name": "aes"}, "cipher is not nacl/secretbox"),
        ({"kdf_salt": ""}, "salt has 0 bytes"),
        ({"kdf_salt": "AAAA" * 100}, "salt has 300 bytes"),
        ({"kdf_salt": 7}, "salt is not base64"),
        ({"cipher_nonce": "AAAA"}, "nonce has 3 bytes"),
        ({"ciphertext": "AAAA"}, "ciphertext has 3 bytes"),
        ({"ciphertext": "!"}, "ciphertext is not base64"),
        ({"ciphertext": b64(b"x" * 100)}, "damaged file"),
    ],
)
def test_hostile_parameters_are_refused_before_anything_is_derived(changes, reason):
    with pytest.raises(InputError, match=reason):
        decrypt_cosign_key(cosign_file(**changes), b"", "k.key")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (cosign_file() + b"x", "something beside it"),
        (b"x" + cosign_file(), "something beside it"),
        (cosign_file() * 2, "something beside it"),
        (cosign_file()[:-20], "not whole"),
        (cosign_file().replace(b"END ENCRYPTED SIGSTORE", b"END ENCRYPTED COSIGN"), "not whole"),
        (block(b"[]"), "kdf is not scrypt"),
        (block(b"{"), "is not JSON"),
        (block(b'{"kdf": 1, "kdf": 2}'), "duplicate key"),
        (block(b"[" * 5000), "nested"),
    ],
)
def test_files_that_are_no_cosign_keys(data, reason):
    with pytest.raises(InputError, match=reason):
        decrypt_cosign_key(data, b"", "k.key")


@pytest.mark.parametrize("secret", [b"no key at all, but decrypted", b""])
def test_what_is_decrypted_has_to_be_a_key(tmp_path, secret):
    (tmp_path / "k.key").write_bytes(cosign_file(secret=secret))
    with pytest.raises(InputError):
        keys.load_private_key(str(tmp_path / "k.key"), b"")


def test_kinds_that_are_not_accepted_are_not_accepted_encrypted(tmp_path):
    (tmp_path / "k.key").write_bytes(cosign_file(secret=pkcs8_der(ec.generate_private_key(ec.SECP521R1()))))
    with pytest.raises(InputError, match="not accepted"):
        keys.load_private_key(str(tmp_path / "k.key"), b"")


def test_a_large_file_is_no_key(tmp_path):
    (tmp_path / "k.pem").write_bytes(pkcs8(P256) + b" " * keys.MAX_KEY_BYTES)
    with pytest.raises(InputError, match="is larger than 65536 bytes"):
        keys.load_private_key(str(tmp_path / "k.pem"))


@given(st.binary(max_size=200))
def test_whatever_stands_in_the_block_is_an_input_error_or_a_key(body):
    with pytest.raises(InputError):
        decrypt_cosign_key(block(body), b"", "k.key")


@given(st.dictionaries(st.sampled_from(["N", "r", "p"]), st.integers() | st.floats() | st.text() | st.none()))
def test_no_parameters_take_more_than_the_bound(params):
    try:
        decrypt_cosign_key(cosign_file(kdf_params=params), b"wrong", "k.key")
    except InputError:
        return
    raise AssertionError(params)


@pytest.mark.parametrize("data", [b"", b"\x00\xff", b"not a key"])
def test_a_file_without_a_key_is_told_in_our_words(tmp_path, data):
    path = tmp_path / "key.pem"
    path.write_bytes(data)
    with pytest.raises(InputError, match="holds no private key: no PEM block of one is in it") as raised:
        keys.load_private_key(str(path))
    assert "cryptography.io" not in str(raised.value)
