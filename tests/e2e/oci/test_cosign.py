"""Evidence about an image by the real cosign, in a real registry, judged by a catalogue."""

import io
import json
import os
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from weighbridge.engines.locate import require
from weighbridge.oci.credentials import ANONYMOUS
from weighbridge.oci.documents import MANIFEST, described
from weighbridge.oci.registry import Registry
from weighbridge.oci.store import parse_descriptor

from .conftest import Model, succeed, weighbridge

pytestmark = pytest.mark.engines
VULNERABILITIES = "https://in-toto.io/attestation/vulns/v0.2"
AT = "2026-01-15T00:00:00Z"
CATALOGUE = """
apiVersion: weighbridge.dev/v1
kind: Catalogue
trust:
  signers:
    ci: {{key: keys/ci.pub}}
    scanner: {{key: keys/{scanner}.pub}}
attestations:
  packaged: {{predicate: https://weighbridge.dev/package/v1, about: model, signers: [ci], rule: package}}
  image-scanned:
    predicate: {predicate}
    about: images
    signers: [scanner]
    rule: vulnerabilities
    with: {{max_severity: medium}}
    max_age: 7d
environments:
  prod: {{requires: [image-scanned]}}
"""


@dataclass(frozen=True)
class Cosign:
    program: Path
    folder: Path

    def run(self, *arguments: str | Path) -> str:
        environment = {"HOME": str(self.folder), "COSIGN_PASSWORD": "", "PATH": os.environ["PATH"]}
        result = subprocess.run(
            [self.program, *map(str, arguments)],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert result.returncode == 0, result.stderr
        return result.stdout


@pytest.fixture(scope="module")
def cosign(tmp_path_factory: pytest.TempPathFactory) -> Cosign:
    made = Cosign(require("cosign").path, tmp_path_factory.mktemp("cosign"))
    made.run("generate-key-pair")
    # A signing configuration without any service: nothing is asked for a certificate, a log entry or a time.
    (made.folder / "offline.json").write_text(
        '{"mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json", "rekorTlogConfig": {}, "tsaConfig": {}}'
    )
    return made


def image(host: str, repository: str) -> str:
    """An image of one empty file; its digest."""
    store = Registry(host, repository, credentials=ANONYMOUS)
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("app"))
    layer = described(archive.getvalue(), "application/vnd.oci.image.layer.v1.tar")
    store.put_blob(layer, lambda: io.BytesIO(archive.getvalue()))
    configured = {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [layer.digest]}}
    data = json.dumps(configured | {"config": {"User": repository}}).encode()
    config = described(data, "application/vnd.oci.image.config.v1+json")
    store.put_blob(config, lambda: io.BytesIO(data))
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config.document(), "layers": [layer.document()]}
    return store.put_manifest(json.dumps(manifest).encode(), MANIFEST, "v1").digest


def scan(folder: Path, *severities: str, at: str = "2026-01-13T00:00:00Z") -> Path:
    result = [
        {"id": f"CVE-2026-{number}", "severity": [{"method": "nvd", "score": severity}]}
        for number, severity in enumerate(severities)
    ]
    times = {"scanStartedOn": at, "scanFinishedOn": at}
    database = {"uri": "https://example.com/db", "lastUpdate": at}
    scanner = {"uri": "https://example.com/scanner", "version": "1", "db": database, "result": result}
    file = folder / "scan.json"
    file.write_text(json.dumps({"scanner": scanner, "metadata": times}))
    return file


def attest(cosign: Cosign, reference: str, predicate: Path, *, legacy: bool) -> None:
    how = ["--use-signing-config=false", "--new-bundle-format=false", "--tlog-upload=false"]
    how = how if legacy else ["--signing-config", "offline.json"]
    common = ("attest", "--yes", "--key", "cosign.key", "--predicate", predicate, "--type", VULNERABILITIES)
    cosign.run(*common, *how, reference)


def catalogue(root: Path, model: Model, cosign: Cosign, image_digest: str) -> Path:
    """A catalogue of one version that this image serves, trusting cosign's key for its scans."""
    model.folder.joinpath("README.md").write_text(
        f"---\nlicense: apache-2.0\nweighbridge:\n  images:\n  - {{digest: '{image_digest}'}}\n---\n# tiny\n"
    )
    named = ("--model", "tiny", "--version", "1.0", "--at", "2026-01-01T00:00:00Z", "--key", model.key)
    succeed("package", model.folder, *named, "--output", root / "models" / "tiny" / "1.0")
    (root / "keys").mkdir()
    public = subprocess.run(["openssl", "ec", "-in", model.key, "-pubout"], capture_output=True, check=True).stdout
    (root / "keys" / "ci.pub").write_bytes(public)
    (root / "keys" / "scanner.pub").write_bytes((cosign.folder / "cosign.pub").read_bytes())
    (root / "weighbridge.yaml").write_text(CATALOGUE.format(scanner="scanner", predicate=VULNERABILITIES))
    return root


@pytest.mark.parametrize("legacy", [False, True], ids=["referrer", "att-tag"])
def test_a_catalogue_counts_what_cosign_attested(
    registry: str, cosign: Cosign, model: Model, tmp_path: Path, *, legacy: bool
) -> None:
    repository = f"images/serve-{'old' if legacy else 'new'}"
    image_digest = image(registry, repository)
    root = catalogue(tmp_path / "catalogue", model, cosign, image_digest)
    location = f"oci://{registry}/{repository}:v1"
    assert weighbridge("image", "evidence", location, "--output", root).returncode == 1
    assert weighbridge("explain", root, "tiny@1.0", "--environment", "prod", "--at", AT).returncode == 1

    attest(cosign, f"{registry}/{repository}@{image_digest}", scan(tmp_path, "low"), legacy=legacy)
    told = json.loads(succeed("image", "evidence", location, "--output", root, "--format", "json"))
    assert (told["digest"], told["new"], len(told["files"])) == (image_digest, 1, 1)
    assert told["files"][0]["name"].endswith(".dsse.json" if legacy else ".sigstore.json")
    succeed("verify", root, "--at", AT)
    succeed("explain", root, "tiny@1.0", "--environment", "prod", "--at", AT)

    newer = scan(tmp_path, "critical", at="2026-01-14T00:00:00Z")
    attest(cosign, f"{registry}/{repository}@{image_digest}", newer, legacy=legacy)
    assert json.loads(succeed("image", "evidence", location, "--output", root, "--format", "json"))["new"] == 1
    refused = weighbridge("verify", root, "--at", AT)
    assert (refused.returncode, "CVE-2026-0 is critical" in refused.stdout) == (1, True), refused.stdout


def test_evidence_of_another_image_does_not_count(registry: str, cosign: Cosign, model: Model, tmp_path: Path) -> None:
    mine, other = image(registry, "images/mine"), image(registry, "images/other")
    assert mine != other
    attest(cosign, f"{registry}/images/other@{other}", scan(tmp_path), legacy=True)
    # Whoever may push may copy cosign's image under another's tag: only what is signed in it says what it is about.
    store = Registry(registry, "images/other", credentials=ANONYMOUS)
    att = store.resolve(f"{other.replace(':', '-')}.att")
    data = store.read(att, att.size)
    copied = Registry(registry, "images/mine", credentials=ANONYMOUS)
    for value in [json.loads(data)["config"], *json.loads(data)["layers"]]:
        descriptor = parse_descriptor(value, "manifest", "")
        blob = store.read(descriptor, descriptor.size)
        copied.put_blob(descriptor, lambda blob=blob: io.BytesIO(blob))
    copied.put_manifest(data, MANIFEST, f"{mine.replace(':', '-')}.att")
    root = catalogue(tmp_path / "catalogue", model, cosign, mine)
    succeed("image", "evidence", f"oci://{registry}/images/mine:v1", "--output", root)
    result = weighbridge("verify", root, "--at", AT)
    assert (result.returncode, "speaks about another subject" in result.stdout) == (1, True), result.stdout


def test_evidence_is_read_from_what_cosign_saved(registry: str, cosign: Cosign, tmp_path: Path) -> None:
    image_digest = image(registry, "images/saved")
    attest(cosign, f"{registry}/images/saved@{image_digest}", scan(tmp_path), legacy=True)
    cosign.run("save", "--dir", tmp_path / "saved", f"{registry}/images/saved:v1")
    saved = f"oci-layout:{tmp_path / 'saved'}"
    told = json.loads(succeed("image", "evidence", saved, "--output", tmp_path / "out", "--format", "json"))
    assert (told["digest"], len(told["files"])) == (image_digest, 1)


def test_cosign_verifies_evidence_that_push_attached(
    registry: str, cosign: Cosign, model: Model, tmp_path: Path
) -> None:
    """What `push` attaches is found by cosign, whose own rule is that the subject is the manifest: so attest that."""
    target = f"oci://{registry}/models/attested:1.0"
    pushed = json.loads(succeed("push", model.folder, target, "--package", model.package, "--format", "json"))
    attest(cosign, f"{registry}/models/attested@{pushed['digest']}", scan(tmp_path), legacy=False)
    succeed("pull", target, "--output", tmp_path / "out")
    names = {path.name for path in (tmp_path / "out" / "evidence").iterdir()}
    assert "package.sigstore.json" in names
    assert len(names) == 2
    verified = cosign.run(
        "verify-attestation",
        "--key",
        "cosign.pub",
        "--insecure-ignore-tlog=true",
        "--type",
        VULNERABILITIES,
        f"{registry}/models/attested@{pushed['digest']}",
    )
    assert verified
