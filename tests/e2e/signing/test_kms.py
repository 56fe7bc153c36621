"""Keys in a cloud's KMS: the real clients, against a small server on this machine that speaks AWS's and Vault's API.

Google's and Azure's clients speak to nobody but Google and Azure, so of them the errors are tested: nothing here has a
network, nor credentials.
"""

from __future__ import annotations

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

from weighbridge import keys
from weighbridge.errors import InputError
from weighbridge.signing.device_uri import is_device, parse_device_uri

from .conftest import weighbridge

AWS = {
    "p256": ec.generate_private_key(ec.SECP256R1()),
    "p384": ec.generate_private_key(ec.SECP384R1()),
    "rsa": rsa.generate_private_key(65537, 2048),
    "rotated": ec.generate_private_key(ec.SECP256R1()),
}
VAULT = ed25519.Ed25519PrivateKey.generate()
PSS = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
ALGORITHMS = {
    "p256": {"ECDSA_SHA_256": ec.ECDSA(utils.Prehashed(hashes.SHA256()))},
    "p384": {"ECDSA_SHA_384": ec.ECDSA(utils.Prehashed(hashes.SHA384()))},
    "rotated": {"ECDSA_SHA_256": ec.ECDSA(utils.Prehashed(hashes.SHA256()))},
    "rsa": {"RSASSA_PSS_SHA_256": PSS, "RSASSA_PKCS1_V1_5_SHA_256": padding.PKCS1v15()},
}


def der(key):
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.DER, form)


class Service(BaseHTTPRequestHandler):
    """AWS KMS (`TrentService`, JSON 1.1) and Vault's transit engine, as far as they sign."""

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path.startswith("/v1/"):
            signature = VAULT.sign(base64.b64decode(request.get("input") or request["hash_input"]))
            self.answer(200, {"data": {"signature": f"vault:v2:{base64.b64encode(signature).decode()}"}})
            return
        action = self.headers["X-Amz-Target"].partition(".")[2]
        name = request["KeyId"].removeprefix("alias/")
        if name not in AWS:
            self.answer(400, {"__type": "NotFoundException", "message": f"Key {name} does not exist"})
        elif action == "GetPublicKey":
            public = base64.b64encode(der(AWS[name])).decode()
            self.answer(200, {"PublicKey": public, "SigningAlgorithms": list(ALGORITHMS[name])})
        else:
            self.answer(200, {"Signature": base64.b64encode(self.signed(name, request)).decode()})

    def signed(self, name, request):
        digest, algorithm = base64.b64decode(request["Message"]), ALGORITHMS[name][request["SigningAlgorithm"]]
        if name == "rotated":
            return AWS["p256"].sign(digest, algorithm)
        if name == "rsa":
            return AWS[name].sign(digest, algorithm, utils.Prehashed(hashes.SHA256()))
        return AWS[name].sign(digest, algorithm)

    def do_GET(self):
        if self.headers.get("X-Vault-Token") != "token":
            self.answer(403, {"errors": ["permission denied"]})
            return
        raw = VAULT.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        versions = {"1": {"public_key": base64.b64encode(b"\0" * 32).decode()}}
        versions["2"] = {"public_key": base64.b64encode(raw).decode()}
        self.answer(200, {"data": {"keys": versions, "type": "ed25519"}})

    def answer(self, status, document):
        data = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def service():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def nowhere(monkeypatch, tmp_path):
    """No credentials, and nobody who is asked for any."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "VAULT_TOKEN", "VAULT_ADDR",
                 "GOOGLE_APPLICATION_CREDENTIALS", "AZURE_CLIENT_ID"):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("boto3.DEFAULT_SESSION", None)  # it remembers the credentials of the test before
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("NO_GCE_CHECK", "true")


@pytest.fixture
def aws(service, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", service)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")


@pytest.fixture
def vault(service, monkeypatch):
    monkeypatch.setenv("VAULT_ADDR", service)
    monkeypatch.setenv("VAULT_TOKEN", "token")


@pytest.mark.parametrize("name", ["p256", "p384", "rsa"])
@pytest.mark.parametrize("spelling", ["awskms:alias/{}", "awskms:///alias/{}"])
def test_aws(aws, name, spelling):
    key = keys.load_private_key(spelling.format(name))
    assert keys.fingerprint(key.public_key()) == keys.fingerprint(AWS[name].public_key())
    assert keys.verify(key.public_key(), keys.sign(key, b"m"), b"m")
    assert not keys.verify(key.public_key(), keys.sign(key, b"m"), b"n")
    for pss in (False, True):
        token = keys.jws(key, keys.bundle_algorithm(key, "k", pss=pss), {}, b"{}")
        assert token.count(".") == 2


def test_rsa_at_aws_pads_as_it_is_told(aws):
    key = keys.load_private_key("awskms:rsa")
    head, payload, signature = keys.jws(key, "RS256", {}, b"{}").split(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    AWS["rsa"].public_key().verify(raw, f"{head}.{payload}".encode(), padding.PKCS1v15(), hashes.SHA256())
    assert keys.jws(key, "RS256", {}, b"{}") == f"{head}.{payload}.{signature}"
    head, payload, signature = keys.jws(key, "PS256", {}, b"{}").split(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    AWS["rsa"].public_key().verify(raw, f"{head}.{payload}".encode(), PSS, hashes.SHA256())
    assert keys.sign(key, b"m") == keys.sign(AWS["rsa"], b"m")


def test_a_key_that_was_rotated_meanwhile_is_noticed(aws):
    key = keys.load_private_key("awskms:rotated")
    with pytest.raises(InputError, match=r"awskms:rotated: answered with a signature that does not fit its public key"):
        keys.sign(key, b"m")


def test_every_command_takes_it(aws, model, tmp_path):
    assert weighbridge("sign", "model", "--key", "awskms:p256", cwd=tmp_path).returncode == 0
    (tmp_path / "k.pub").write_text(weighbridge("public-key", "awskms:p256", cwd=tmp_path).stdout)
    arguments = ("verify-signature", "model", "--signature", "model.sig", "--key", "k.pub")
    assert weighbridge(*arguments, cwd=tmp_path).returncode == 0


@pytest.mark.parametrize("source", ["hv:release", "hv:release/2", "hashivault://release"])
def test_vault(vault, source):
    key = keys.load_private_key(source)
    assert keys.fingerprint(key.public_key()) == keys.fingerprint(VAULT.public_key())
    assert keys.verify(key.public_key(), keys.sign(key, b"m"), b"m")
    with pytest.raises(InputError, match="OPA verifies no EdDSA"):
        keys.bundle_algorithm(key, "k")


def test_an_older_version_in_vault(vault):
    with pytest.raises(InputError, match="is not the newest version, which is 2"):
        keys.load_private_key("hv:release/1")


# --- without credentials, without a network


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("awskms:p256", "Unable to locate credentials"),
        (
            "gcpkms:projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1",
            "default credentials were not found",
        ),
        ("hv:release", "cannot be used"),
    ],
)
def test_without_credentials_it_says_so(source, reason, monkeypatch, tmp_path):
    monkeypatch.setenv("VAULT_ADDR", "http://127.0.0.1:1")
    result = weighbridge("public-key", source, cwd=tmp_path)
    assert (result.returncode, reason in result.stderr) == (2, True), result.stderr
    assert source in result.stderr
    assert result.stderr.count("\n") == 1


def test_errors_of_the_service_are_told(aws, vault, monkeypatch, tmp_path):
    result = weighbridge("public-key", "awskms:nothing", cwd=tmp_path)
    assert (result.returncode, "Key nothing does not exist" in result.stderr) == (2, True)
    monkeypatch.setenv("VAULT_TOKEN", "wrong")
    result = weighbridge("public-key", "hv:release", cwd=tmp_path)
    assert (result.returncode, "permission denied" in result.stderr) == (2, True)


# --- spellings


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("hsm:", ("hsm", "", "", "")),
        ("hsm:7?label=my+token%231", ("hsm", "7", "my token#1", "")),
        ("awskms:arn:aws:kms:eu-central-1:1:key/x", ("awskms", "arn:aws:kms:eu-central-1:1:key/x", "", "")),
        ("gcpkms://projects/p/locations/l/keyRings/r/cryptoKeys/k/versions/3",
         ("gcpkms", "projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/3", "", "")),
        ("azurekms://v.vault.azure.net/keys/k/" + "0" * 32, ("azurekms", "k", "v", "0" * 32)),
        ("azurekms://v.vault.azure.net/keys/k", ("azurekms", "k", "v", "")),
        ("hashivault://k", ("hv", "k", "", "")),
    ],
)  # fmt: skip
def test_spellings(source, expected):
    assert is_device(source)
    uri = parse_device_uri(source)
    assert (uri.scheme, uri.key, uri.holder, uri.version) == expected


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("pkcs11:token=t;id=%01?pin-value=12345678", "Write hsm:"),
        ("hsm:1?label=t&pin=12345678", "is no hsm key"),
        ("awskms://localhost:4566/alias/x", "AWS_ENDPOINT_URL_KMS names an endpoint"),
        ("awskms:", "is no awskms key"),
        ("gcpkms://projects/p/locations/l/keyRings/r/cryptoKeys/k", "cryptoKeyVersions/V"),
        ("azurekms://v.vault.azure.net/k", "azurekms://VAULT.vault.azure.net/keys/KEY"),
        ("azurekms://evil.example.com/keys/k", "is no azurekms key"),
        ("hv:a/b/c", "is no hv key"),
        ("openbao://k", "Use Vault's transit engine"),
        ("k8s://ns/name", "Fetch the key"),
        ("gitlab://1", "Fetch the key"),
    ],
)
def test_spellings_that_are_explained(source, reason):
    with pytest.raises(InputError, match=reason) as caught:
        keys.load_private_key(source)
    assert "12345678" not in str(caught.value)


@pytest.mark.parametrize("source", ["./hsm:1", "/keys/hsm:1", "env:HSM", "hsmx:1", "k.pem", "HSM:1"])
def test_what_is_no_device(source):
    assert not is_device(source)
