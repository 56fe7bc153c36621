"""Layout and registry, against the real docker-registry."""

import io
import os
import subprocess
import threading
from pathlib import Path

import pytest

from weighbridge.errors import InputError
from weighbridge.oci import transport
from weighbridge.oci.credentials import ANONYMOUS, Credentials
from weighbridge.oci.documents import EMPTY, MANIFEST, described, manifest_json, read_manifest
from weighbridge.oci.registry import Registry
from weighbridge.oci.store import Descriptor, MissingError
from weighbridge.oci.transport import Limits

from .conftest import Model, running_registry, succeed, weighbridge

pytestmark = pytest.mark.engines
QUICK = Limits(attempts=2, backoff=0.01, chunk=100_000)


# This registry writes a tag's link in place, and answers 500 to who reads it in that moment.
PATIENT = Limits(attempts=10, backoff=0.01)


def repository(host: str, name: str, limits: Limits = QUICK) -> Registry:
    return Registry(host, name, credentials=ANONYMOUS, limits=limits)


def blob(data: bytes) -> tuple[Descriptor, object]:
    return described(data, "application/x"), lambda: io.BytesIO(data)


def artifact(registry: Registry, data: bytes, tag: str | None = None, subject: Descriptor | None = None) -> Descriptor:
    registry.put_blob(EMPTY, lambda: io.BytesIO(b"{}"))
    descriptor, source = blob(data)
    registry.put_blob(descriptor, source)
    manifest = manifest_json(EMPTY, [descriptor], artifact_type="application/y", subject=subject)
    return registry.put_manifest(manifest, MANIFEST, tag)


@pytest.mark.parametrize("size", [0, 1, 99_999, 100_000, 100_001, 250_000, 1_000_000])
def test_a_blob_comes_back_whether_it_went_by_one_request_or_in_chunks(registry: str, size: int) -> None:
    store = repository(registry, "blobs/sizes")
    descriptor, source = blob(os.urandom(size))
    assert store.put_blob(descriptor, source)
    assert not store.put_blob(descriptor, source)
    assert store.read(descriptor, size) == source().read()
    with store.open(descriptor) as stream:
        assert b"".join(iter(lambda: stream.read(7777), b"")) == source().read()


def test_a_tag_and_a_digest_resolve_to_one_manifest(registry: str) -> None:
    store = repository(registry, "resolved")
    written = artifact(store, b"one", "v1")
    assert store.resolve("v1").digest == store.resolve(written.digest).digest == written.digest
    parsed = read_manifest(store, store.resolve("v1"), "v1")
    assert parsed.artifact_type == "application/y"
    with pytest.raises(MissingError, match="holds no v2"):
        store.resolve("v2")
    with pytest.raises(MissingError):
        store.resolve(f"sha256:{'0' * 64}")
    with pytest.raises(InputError, match="without a tag"):
        store.resolve(None)


def test_the_registry_refuses_a_blob_that_is_not_what_it_is_said_to_be(registry: str) -> None:
    store = repository(registry, "lying")
    descriptor, _ = blob(b"right")
    with pytest.raises(InputError, match="uploading"):
        store.put_blob(descriptor, lambda: io.BytesIO(b"wrong"))


def test_referrers_are_listed_by_the_fallback_tag(registry: str) -> None:
    store = repository(registry, "referred")
    subject = artifact(store, b"subject", "v1")
    assert store.referrers(subject.digest) == ()
    manifests = [
        manifest_json(EMPTY, [EMPTY], artifact_type=f"application/r{n}", subject=subject, annotations={"n": str(n)})
        for n in range(3)
    ]
    store.put_referrers(subject, manifests[:2])
    store.put_referrers(subject, manifests[1:])
    listed = store.referrers(subject.digest)
    assert {entry.artifact_type for entry in listed} == {"application/r0", "application/r1", "application/r2"}
    assert {entry.annotations["n"] for entry in listed} == {"0", "1", "2"}
    assert store.resolve(subject.digest.replace(":", "-")).media_type.endswith("index.v1+json")


def test_clients_that_write_the_fallback_index_at_once_lose_nothing(registry: str) -> None:
    subject = artifact(repository(registry, "crowded"), b"subject", "v1")
    errors: list[BaseException] = []

    def attach(client: int) -> None:
        try:
            store = repository(registry, "crowded", PATIENT)
            for n in range(3):
                manifest = manifest_json(EMPTY, [EMPTY], artifact_type=f"application/r{client}-{n}", subject=subject)
                store.put_referrers(subject, [manifest])
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=attach, args=(client,)) for client in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert len(repository(registry, "crowded").referrers(subject.digest)) == 15


def test_the_right_password_is_needed_and_used(tmp_path: Path, registry: str) -> None:
    # bcrypt of "secret"
    (tmp_path / "htpasswd").write_text("alice:$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n")
    extra = f"auth: {{htpasswd: {{realm: here, path: {tmp_path / 'htpasswd'}}}}}\n"
    with running_registry(tmp_path / "private", extra) as host:
        wrong = Registry(host, "secret", credentials=Credentials("alice", "wrong"), limits=QUICK)
        with pytest.raises(InputError, match="asks for credentials"):
            artifact(repository(host, "secret"), b"x", "v1")
        with pytest.raises(InputError, match="refuses these credentials"):
            artifact(wrong, b"x", "v1")
        right = Registry(host, "secret", credentials=Credentials("alice", "secret"), limits=QUICK)
        written = artifact(right, b"x", "v1")
        assert right.resolve("v1").digest == written.digest


def test_a_password_on_standard_input_is_used_by_the_commands(tmp_path: Path, model: Model) -> None:
    (tmp_path / "htpasswd").write_text("alice:$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n")
    extra = f"auth: {{htpasswd: {{realm: here, path: {tmp_path / 'htpasswd'}}}}}\n"
    with running_registry(tmp_path / "private", extra) as host:
        target = f"oci://{host}/models/private:1.0"
        refused = weighbridge("push", model.folder, target, "--package", model.package)
        assert (refused.returncode, "asks for credentials" in refused.stderr) == (2, True)
        known = ("--username", "alice", "--password-stdin")
        succeed("push", model.folder, target, "--package", model.package, *known, stdin="secret\n")
        wrong = weighbridge("pull", target, "--output", tmp_path / "out", *known, stdin="guess\n")
        assert (wrong.returncode, "refuses these credentials" in wrong.stderr) == (2, True)
        assert "guess" not in wrong.stderr + wrong.stdout
        succeed("pull", target, "--output", tmp_path / "out", *known, stdin="secret\n")
        half = weighbridge("pull", target, "--output", tmp_path / "x", "--username", "alice")
        assert (half.returncode, "belong together" in half.stderr) == (2, True)


def test_a_registry_elsewhere_is_spoken_to_by_tls_with_a_certificate_that_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = ["-keyout", tmp_path / "tls.key", "-out", tmp_path / "tls.crt", "-days", "2", "-subj", "/CN=registry"]
    new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    subprocess.run([*new, *pair, "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    # As if this address were another machine's.
    monkeypatch.setattr(transport, "is_loopback", lambda _host: False)
    http = f", tls: {{certificate: {tmp_path / 'tls.crt'}, key: {tmp_path / 'tls.key'}}}"
    with running_registry(tmp_path / "tls", http=http) as host:
        with pytest.raises(InputError, match="CERTIFICATE_VERIFY_FAILED"):
            repository(host, "secure").resolve("v1")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "tls.crt"))
        written = artifact(repository(host, "secure"), b"x", "v1")
        assert repository(host, "secure").resolve("v1").digest == written.digest


def test_nobody_there_is_an_error_that_says_so() -> None:
    with pytest.raises(InputError, match=r"cannot be reached.*2 attempts"):
        repository("127.0.0.1:1", "x").resolve("v1")
