"""What CycloneDX calls so, as SPDX 3.0.1 calls it: purposes, classes, hash algorithms, licenses."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from weighbridge.sbom.licenses import is_expression

if TYPE_CHECKING:
    from collections.abc import Sequence

NO_ASSERTION = "https://spdx.org/rdf/3.0.1/terms/ExpandedLicensing/NoAssertionLicense"
PURPOSES = {
    "application": "application",
    "container": "container",
    "data": "data",
    "device": "device",
    "device-driver": "deviceDriver",
    "file": "file",
    "firmware": "firmware",
    "framework": "framework",
    "library": "library",
    "machine-learning-model": "model",
    "operating-system": "operatingSystem",
    "platform": "platform",
}
"""Component type to `software_primaryPurpose`."""
CLASSES = {
    "data": "dataset_DatasetPackage",
    "file": "software_File",
    "machine-learning-model": "ai_AIPackage",
}
"""Component type to class; whatever else there is, is a `software_Package`."""
HASHES = {
    "MD5": "md5",
    "SHA-1": "sha1",
    "SHA-256": "sha256",
    "SHA-384": "sha384",
    "SHA-512": "sha512",
    "SHA3-256": "sha3_256",
    "SHA3-384": "sha3_384",
    "SHA3-512": "sha3_512",
    "BLAKE2b-256": "blake2b256",
    "BLAKE2b-384": "blake2b384",
    "BLAKE2b-512": "blake2b512",
    "BLAKE3": "blake3",
}
"""`hashes[].alg` to `HashAlgorithm`."""
_NOT_IN_AN_ID = re.compile(r"[^A-Za-z0-9.-]+")


def license_expression(choices: Sequence[dict[str, Any]]) -> str | None:
    """All choices, joined by AND; None if there is none.

    A name that is not on SPDX's list becomes a `LicenseRef-`, which no list of accepted licenses holds by accident.
    """
    parts = list(dict.fromkeys(_part(choice) for choice in choices))
    if len(parts) > 1:
        parts = [f"({part})" if " " in part else part for part in parts]
    return " AND ".join(parts) if parts else None


def _part(choice: dict[str, Any]) -> str:
    if "expression" in choice:
        return str(choice["expression"])
    license_ = choice.get("license", {})
    if "id" in license_:
        return str(license_["id"])
    name = str(license_.get("name", ""))
    if is_expression(name):
        return name
    slug = _NOT_IN_AN_ID.sub("-", name).strip("-")
    return f"LicenseRef-{slug or 'unknown'}"


def is_plain(choice: dict[str, Any]) -> bool:
    """Whether the expression says all that the choice does; else the choice is kept beside it."""
    known = set(choice) <= {"license", "expression", "acknowledgement"}
    return known and set(choice.get("license", {})) <= {"id", "acknowledgement"}
