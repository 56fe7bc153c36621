"""From a package folder to a bill of materials that is valid, and, with a key, to evidence.

Order of steps: read everything, build, merge, project, encode, validate what was encoded. Writing it is the caller's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from weighbridge.errors import InputError
from weighbridge.evidence.write import read_predicate, write_attestation
from weighbridge.sbom.cyclonedx import build, check_references, encode, finish
from weighbridge.sbom.foreign import count_components, read_foreign
from weighbridge.sbom.merge import merge
from weighbridge.sbom.schema import check_schema
from weighbridge.sbom.spdx3 import check_spdx, project

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from weighbridge.keys import PrivateKey
    from weighbridge.sbom.described import Described
    from weighbridge.sbom.foreign import Foreign

TYPES = ("cyclonedx-1.6", "cyclonedx-1.7", "spdx-3")
PREDICATE_TYPES = {
    "cyclonedx-1.6": "https://cyclonedx.org/bom",
    "cyclonedx-1.7": "https://cyclonedx.org/bom",
    "spdx-3": "https://spdx.dev/Document",
}
"""The predicate type of each, as cosign names them, too."""
_FIX = "Write it with --type cyclonedx-1.7, which has room for more, or correct what was merged."


@dataclass(frozen=True)
class Sbom:
    """A bill of materials, ready to be written."""

    kind: str
    """One of `TYPES`."""
    data: bytes = field(repr=False)
    name: str
    digest: str
    """The artifact digest that it is about."""
    components: int
    """Nested ones too, and the model itself."""
    merged: tuple[Foreign, ...]


def make_sbom(described: Described, kind: str, merging: Sequence[Path] = ()) -> Sbom:
    """The bill of materials of a packaged version.

    Args:
        described: the version.
        kind: one of `TYPES`.
        merging: other bills of materials to take in.

    Raises:
        InputError: something that is read is not as it must be, or what came out is not valid.
    """
    spec = "1.7" if kind == "spdx-3" else kind.removeprefix("cyclonedx-")
    documents = read_foreign(merging)
    try:
        bom = merge(build(described, spec), documents)
        data = _encoded(bom, kind, described.version.name)
    except ValueError as error:
        raise InputError.single(
            described.version.name, f"has no canonical form: {error}", "Correct what is merged."
        ) from error
    components = count_components(bom)
    return Sbom(kind, data, described.version.name, described.version.artifact_digest, components, tuple(documents))


def _encoded(bom: dict[str, Any], kind: str, name: str) -> bytes:
    if kind == "spdx-3":
        data = encode(project(bom, name))
        check_spdx(data, name)
        return data
    data = encode(finish(bom))
    check_schema(data, kind.removeprefix("cyclonedx-"), name, _FIX)
    check_references(bom, name, _FIX)
    return data


def sign_sbom(sbom: Sbom, key: PrivateKey) -> bytes:
    """The signed statement that this is the bill of materials of the artifact.

    Raises:
        InputError: a component without a name, which no gate accepts, or a document too large to be evidence.
    """
    predicate = read_predicate(sbom.data, sbom.name, PREDICATE_TYPES[sbom.kind])
    subject = (sbom.name, sbom.digest)
    return write_attestation(PREDICATE_TYPES[sbom.kind], predicate, subject, [key], sbom.name)
