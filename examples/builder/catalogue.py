"""Writes the example catalogue: models are packaged and measured, evidence is signed, trust is signed last."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from string import Template

from builder import statements
from builder.cards import card, image_digest
from builder.evaluate import evaluate
from builder.material import SIGNERS, Material
from builder.tenants import tenants_yaml
from builder.versions import DAY, HOUR, IMAGES, VERSIONS, Version
from weighbridge.canonical import digest
from weighbridge.catalogue.trust import sign_trust
from weighbridge.keys import public_pem
from weighbridge.oci import modelpack
from weighbridge.packaging.package import STATEMENT_FILE, Package, package, sign_package

UPSTREAMS = {
    "magika@3.3.0": "http://magika-3-3-0.models:8000",
    "magika@3.3.1": "http://magika-3-3-1.models:8000",
    "magika@3.2.0": "http://magika-3-2-0.models:8000",
    "magika@3.2.1": "http://magika-3-2-1.models:8000",
    "magika@3.1.0": "http://magika-3-1-0.models:8000",
    "magika@3.0.0": "http://magika-3-0-0.models:8000",
    "kb-qa-001@2025.03.15": "http://kb-qa-001-2025-03-15.models:8000",
}
"""Where prod's versions are served: nothing serves the others."""
SUPPORT_IMAGE = "registry.example.com/log-shipper:1"
SBOM_FILE = "evidence/sbom.sigstore.json"
_TEMPLATE = Path(__file__).with_name("weighbridge.yaml.template")


@dataclass(frozen=True)
class Settings:
    """What differs between the committed example and the demo."""

    at_ns: int
    """The catalogue's present, in nanoseconds; all evidence is dated relative to it."""
    not_after_ns: int
    """Until when tenants' keys count, in nanoseconds."""
    upstreams: Mapping[str, str] = field(default_factory=lambda: UPSTREAMS)
    by_command: frozenset[str] = frozenset()
    """Versions of which only the model's own folder is written: commands do the rest."""
    remaining_ns: int = HOUR // 2
    """How long the approval of `magika@3.0.0` still lasts after `at_ns`."""
    versions: tuple[Version, ...] = VERSIONS


def build(catalogue: Path, models: Path, material: Material, settings: Settings) -> dict[str, Package]:
    """Write the whole catalogue.

    Args:
        catalogue: a folder that is not there yet.
        models: a folder, not there yet, for the models' own files: one folder a version, named after it.
        material: the keys to sign with.
        settings: times and upstreams.

    Returns:
        The packages, by `<model>@<version>`.
    """
    _write_trust(catalogue, material, settings)
    for image in IMAGES:
        _write_image(catalogue, image, material, settings)
    _write_image_evidence(catalogue, SUPPORT_IMAGE, support_digest(), material, settings.at_ns - DAY)
    packages = {
        version.name: _write_version(catalogue, models, version, material, settings) for version in settings.versions
    }
    _write_orders(catalogue, packages, material, settings.at_ns - 30 * HOUR)
    sign_trust(catalogue, material.keys["root"])
    return packages


def support_digest() -> str:
    """The digest of the support image; like those of serving images, of its name."""
    return f"sha256:{hashlib.sha256(SUPPORT_IMAGE.encode()).hexdigest()}"


def source(packaged: Package) -> str:
    """Where the weights come from: the ModelPack manifest that `weighbridge push` would put into a registry."""
    pack = modelpack.build(packaged.manifest, packaged.files())
    return f"oci://registry.example.com/models/{packaged.manifest.model}@{digest(pack.data)}"


def _write(folder: Path, path: str, data: bytes | str) -> None:
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data if isinstance(data, bytes) else data.encode("utf-8"))


def _write_trust(catalogue: Path, material: Material, settings: Settings) -> None:
    for name in SIGNERS:
        _write(catalogue, f"keys/{name}.pub", public_pem(material.keys[name].public_key()))
    upstreams = "\n".join(f"      {name}: {url}" for name, url in sorted(settings.upstreams.items()))
    text = Template(_TEMPLATE.read_text("utf-8")).substitute(
        upstreams=upstreams, support_image=support_digest(), classifier=image_digest("current")
    )
    _write(catalogue, "weighbridge.yaml", text)
    tenants = tenants_yaml(material, expired_ns=settings.at_ns - 30 * DAY, not_after_ns=settings.not_after_ns)
    _write(catalogue, "tenants.yaml", tenants)


def _write_image(catalogue: Path, nickname: str, material: Material, settings: Settings) -> None:
    image = IMAGES[nickname]
    if image.scan_age is None:
        return
    age = image.scan_age - (settings.remaining_ns if nickname == "ageing" else 0)
    _write_image_evidence(catalogue, image.name, image_digest(nickname), material, settings.at_ns - age)


def _write_image_evidence(catalogue: Path, name: str, digest_: str, material: Material, at_ns: int) -> None:
    key, folder = material.keys["scanner"], f"images/{digest_.removeprefix('sha256:')}/evidence"
    _write(catalogue, f"{folder}/scan.sigstore.json", statements.scan(name, digest_, key, at_ns))
    _write(catalogue, f"{folder}/profile.sigstore.json", statements.image_profile(name, digest_, key, at_ns))
    _write(catalogue, f"{folder}/sbom.sigstore.json", statements.image_components(name, digest_, key, at_ns))


def _write_version(catalogue: Path, models: Path, version: Version, material: Material, settings: Settings) -> Package:
    files = models / version.name
    version.write(files)
    _write(files, "README.md", card(version))
    packaged = package(files, model=version.model, version=version.version)
    if version.name in settings.by_command:
        return packaged
    folder = f"models/{version.model}/{version.version}"
    for path, data in packaged.files().items():
        _write(catalogue, f"{folder}/{path}", data)
    evidence = _evidence(version, packaged, files, material, settings.at_ns)
    evidence[SBOM_FILE] = statements.sbom(catalogue / folder, material.keys["ci"], settings.at_ns - 20 * DAY)
    for path, data in evidence.items():
        _write(catalogue, f"{folder}/{path}", data)
    if version.card_edited:
        _write(catalogue, f"{folder}/README.md", packaged.card + b"\nEdited by hand, and not packaged again.\n")
    return packaged


def _evidence(version: Version, packaged: Package, files: Path, material: Material, at_ns: int) -> dict[str, bytes]:
    ci, keys = material.keys["ci"], material.keys
    measured = evaluate(version.model, files)
    evidence = {
        "evidence/provenance.sigstore.json": statements.provenance(packaged, ci, at_ns - 21 * DAY),
        STATEMENT_FILE: sign_package(packaged, ci, at_ns - 20 * DAY),
        "evidence/model-signature.sigstore.json": statements.model_signature(packaged, ci),
        "evidence/publication.sigstore.json": statements.publication(packaged, source(packaged), ci, at_ns - 20 * DAY),
        "evidence/evaluation.sigstore.json": statements.evaluation(packaged, measured, keys["eval"], at_ns - 19 * DAY),
    }
    for name in version.approved_by:
        data = statements.approval(packaged, "prod", keys[name], at_ns - 11 * DAY)
        evidence[f"evidence/approval-prod-{name}.dsse.json"] = data
    steps = {"staging": ("dev", 18 * DAY), "prod": ("staging", 10 * DAY)}
    for target in version.promoted:
        origin, age = steps[target]
        data = statements.promotion(packaged, origin, target, ci, at_ns - age)
        evidence[f"evidence/promotion-{target}.dsse.json"] = data
    return evidence


def _write_orders(catalogue: Path, packages: Mapping[str, Package], material: Material, at_ns: int) -> None:
    oncall = material.keys["oncall"]
    orders = {
        "revoke-magika-3.1.0": ("revoke", packages["magika@3.1.0"].digest, "labels scripts as text"),
        "freeze-magika-3.2.1": ("freeze", "magika@3.2.1", "slow answers are being looked into"),
        "suspend-initech": ("suspend", "initech", "unpaid, and not answering"),
        "revoke-key-r8v4k2ed": ("revoke-key", "r8v4k2ed", "found in a public repository"),
    }
    for name, (kind, target, reason) in orders.items():
        _write(catalogue, f"orders/{name}.json", statements.order(kind, target, reason, oncall, at_ns))
