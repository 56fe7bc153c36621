"""Rebuilds `catalogue/` and the fixtures about images and documentation: `python -m tests.images_catalogue.build`.

Everything follows from the example's published keys and a fixed time, so a rebuild changes nothing.
"""

from __future__ import annotations

import copy
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "examples"))

from tests.images_catalogue.cards import CARDS  # noqa: E402 -- the same
from tests.images_catalogue.images import IMAGES, Image, digest_of, name_of  # noqa: E402 -- the same

from builder import statements  # noqa: E402 -- the example's builder lies beside the package, and is no part of it
from builder.material import published  # noqa: E402 -- the same
from weighbridge.catalogue.names import format_time, parse_time_ns  # noqa: E402 -- the same
from weighbridge.evidence.image_profile import ImageProfilePredicate  # noqa: E402 -- the same
from weighbridge.keys import public_pem  # noqa: E402 -- the same
from weighbridge.packaging.package import STATEMENT_FILE, package, sign_package  # noqa: E402 -- the same

AT = "2026-01-15T00:00:00Z"
DAY = 24 * 3600 * 10**9
KEYS = published().keys
CONFIGURATION = HERE / "weighbridge.yaml.txt"


def build(catalogue: Path) -> None:
    """Write the catalogue into a new folder."""
    write(catalogue, "weighbridge.yaml", CONFIGURATION.read_bytes())
    for signer in ("ci", "scanner", "eval"):
        write(catalogue, f"keys/{signer}.pub", public_pem(KEYS[signer].public_key()).encode())
    for nickname, image in IMAGES.items():
        for file, data in evidence(nickname, image).items():
            write(catalogue, f"images/{digest_of(nickname).removeprefix('sha256:')}/evidence/{file}", data)
    for version in CARDS:
        write_version(catalogue, version)


def write(folder: Path, path: str, data: bytes) -> None:
    """Write a file, and the folders above it."""
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)


def evidence(nickname: str, image: Image) -> dict[str, bytes]:
    """What is signed about an image."""
    name, digest, now = name_of(nickname), digest_of(nickname), parse_time_ns(AT)
    files: dict[str, bytes] = {}
    if image.profile is not None:
        changed = profile(name, digest, now - image.profile_days * DAY)
        image.profile(changed)
        files["profile.json"] = signed_profile(changed, name, digest, image.signer)
    if image.before:
        files["older.json"] = signed_profile(profile(name, digest, now - 30 * DAY), name, digest, image.signer)
    if image.sbom:
        files["sbom.json"] = statements.image_components(name, digest, KEYS["scanner"], now - DAY)
    if image.scan is not None:
        files["scan.json"] = statements.bundle(
            statements.VULNERABILITIES, scan(image, now - image.scan_days * DAY), (name, digest), KEYS["scanner"]
        )
    return files


def profile(name: str, digest: str, at_ns: int) -> dict[str, Any]:
    """The profile of a clean image."""
    written = statements.image_profile_predicate(name, digest, at_ns)
    return copy.deepcopy(written)


def signed_profile(predicate: dict[str, Any], name: str, digest: str, signer: str) -> bytes:
    """A profile that is of its form, signed."""
    checked = ImageProfilePredicate.model_validate(predicate).model_dump(mode="json", exclude_none=True)
    return statements.bundle(statements.IMAGE_PROFILE, checked, (name, digest), KEYS[signer])


def scan(image: Image, at_ns: int) -> dict[str, Any]:
    """A scan with the image's findings."""
    suppressed = {"by": "trivy", "status": "ignored", "justification": "noise", "source": ".trivyignore"}
    return {
        "scanner": {
            "uri": "https://example.com/scanner",
            "version": "1",
            "result": [
                {"id": cve, "severity": [{"method": "nvd", "score": severity}]}
                | ({"suppressed": suppressed} if image.suppressed else {})
                for cve, severity in image.scan or ()
            ],
        },
        "metadata": {"scanStartedOn": format_time(at_ns), "scanFinishedOn": format_time(at_ns)},
    }


def write_version(catalogue: Path, version: str) -> None:
    """Package one version, and sign what its card deserves."""
    card, now = CARDS[version], parse_time_ns(AT)
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        write(folder, "model.txt", f"weights of {version}\n".encode())
        front = card.front(list(IMAGES) if version == "1.0" else ["clean"])
        text = f"---\n{yaml.safe_dump(front, sort_keys=False, width=1000)}---\n\n# server@{version}\n\n{card.sections}"
        write(folder, "README.md", text.encode())
        packaged = package(folder, model="server", version=version)
        target = f"models/server/{version}"
        for path, data in packaged.files().items():
            write(catalogue, f"{target}/{path}", data)
        write(catalogue, f"{target}/{STATEMENT_FILE}", sign_package(packaged, KEYS["ci"], now - 3 * DAY))
        if card.sbom:
            data = statements.sbom(catalogue / target, KEYS["ci"], now - 3 * DAY)
            write(catalogue, f"{target}/evidence/sbom.json", data)


def main() -> None:
    """Rebuild in place."""
    from tests.images_catalogue.fixtures import write_fixtures  # noqa: PLC0415 -- it reads what is written here

    shutil.rmtree(HERE / "catalogue", ignore_errors=True)
    build(HERE / "catalogue")
    write_fixtures(HERE / "catalogue", HERE.parent / "fixtures" / "pods")


if __name__ == "__main__":
    main()
