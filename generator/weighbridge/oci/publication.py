"""The statement that says where a model was pushed to (`https://weighbridge.dev/publication/v1`).

The card lies in what is pushed, so it cannot name the digest of it. Whoever pushes signs the address instead; an
attestation with the rule `publication` makes it a source from which the version's weights may come.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from weighbridge import keys
from weighbridge.catalogue.names import format_time
from weighbridge.errors import InputError
from weighbridge.evidence import dsse
from weighbridge.evidence.predicates import PUBLICATION
from weighbridge.evidence.statement import parse_statement
from weighbridge.evidence.times import statement_time_ns
from weighbridge.evidence.write import write_attestation
from weighbridge.oci.reference import parse_reference

if TYPE_CHECKING:
    from weighbridge.keys import PrivateKey
    from weighbridge.oci.push import Packaged

_STEM = "publication"


def address_of(packaged: Packaged, target: str) -> str:
    """`oci://host/repository@sha256:...`, under which the package will be at a target.

    Raises:
        InputError: the target is no registry, so that no cluster could fetch anything from it.
    """
    if not target.startswith("oci://"):
        fix = "Push to oci://host/repository:tag, or leave --key out."
        raise InputError.single("", "only what is pushed to a registry has an address to sign", fix, field="--key")
    named = parse_reference(target)
    return f"oci://{named.host}/{named.repository}@{packaged.descriptor.digest}"


def with_publication(packaged: Packaged, target: str, key: PrivateKey, at_ns: int) -> tuple[Packaged, str]:
    """The package with one more piece of evidence: where it is going to be.

    Of several publications by one signer the latest decides, so what this key's latest one names is kept.

    Args:
        packaged: as `read_package` returned it.
        target: where it is pushed to, `oci://...`.
        key: signs the statement.
        at_ns: the statement's time.

    Returns:
        The package, and the new file's name in `evidence/`.

    Raises:
        InputError: the target is no registry.
    """
    sources = sorted({address_of(packaged, target), *_published_before(packaged, key)})
    predicate = {"sources": sources, "at": format_time(at_ns)}
    subject = (f"{packaged.manifest.model}@{packaged.manifest.version}", packaged.manifest.artifact_digest)
    data = write_attestation(PUBLICATION, predicate, subject, [key], _STEM)
    number, name = 1, f"{_STEM}.sigstore.json"
    while name in packaged.evidence:
        number += 1
        name = f"{_STEM}-{number}.sigstore.json"
    return replace(packaged, evidence={**packaged.evidence, name: data}), name


def _published_before(packaged: Packaged, key: PrivateKey) -> set[str]:
    public = key.public_key()
    ring = dsse.KeyRing({keys.fingerprint(public): public})
    latest: tuple[int, set[str]] = (-1, set())
    for name, data in packaged.evidence.items():
        try:
            envelope = dsse.parse_envelope(data, name)
            statement = parse_statement(envelope, name)
        except InputError:
            continue  # of a kind that is no publication of ours
        ours = statement.predicate_type == PUBLICATION and statement.about(packaged.manifest.artifact_digest)
        if ours and dsse.verified_by(envelope, ring):
            said = statement_time_ns(PUBLICATION, statement.predicate) or 0, set(statement.predicate.get("sources", ()))
            # What an older one names may have been withdrawn since.
            latest = max(latest, said, key=lambda given: given[0])
    return latest[1]
