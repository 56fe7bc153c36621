"""What is fuzzed: every reader of bytes from outside, and bytes that it takes, to start from.

A reader keeps its promise if it returns or raises one of our own errors. Anything else it raises, more than a second
for one input of `limit` bytes, or more memory than `__main__` grants, is a defect: put the input that showed it into
`tests/fixtures/fuzz/<target>/`, where the tests run it for ever.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import sigstore.verify  # noqa: F401 -- our code imports it late, and no input shall be charged with the time of that

from weighbridge.canonical import parse_json
from weighbridge.catalogue.configuration import Configuration
from weighbridge.catalogue.front_matter import read_card
from weighbridge.catalogue.keyless import PUBLIC, Keyless
from weighbridge.catalogue.validation import validate
from weighbridge.catalogue.yaml_document import decode, parse_yaml
from weighbridge.errors import WeighbridgeError
from weighbridge.evidence import dsse
from weighbridge.evidence.keyless import KeylessSigner, KeylessVerifier, own_certificate
from weighbridge.evidence.statement import parse_statement
from weighbridge.evidence.trusted_root import Root, require_root, shipped_root
from weighbridge.evidence.write import artifact_subject
from weighbridge.oci.documents import MANIFEST, ImageManifest, described, index_json, parse_manifest
from weighbridge.oci.modelpack import build
from weighbridge.oci.pull import layers_by_path
from weighbridge.oci.push import BESIDE
from weighbridge.packaging.manifest import Manifest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "examples" / "catalogue"
FOUND = ROOT / "tests" / "fixtures" / "fuzz"
FILE = "fuzzed"


@dataclass(frozen=True)
class Target:
    """One reader."""

    read: Callable[[bytes], object]
    seeds: Callable[[], Iterable[bytes]]
    """Bytes that it takes."""
    limit: int = 4096
    """Longest input to try, in bytes."""

    def __call__(self, data: bytes) -> None:
        """Read; our own errors are an answer, all others escape."""
        try:
            self.read(data)
        except WeighbridgeError:
            return


def _envelope(data: bytes) -> None:
    parse_statement(dsse.parse_envelope(data, FILE), FILE)


@functools.cache
def _keyless() -> KeylessVerifier:
    """Trusts whom the real bundles name, so that none is turned away before all of it was read."""
    named = [own_certificate(dsse.parse_envelope(data, FILE, keyless=True)) for data in _bundles()]
    known = [Keyless(issuer=given.issuer, identity=given.identity) for given in named]
    signers = [KeylessSigner(FILE, keyless, None) for keyless in known]
    return KeylessVerifier(signers, {PUBLIC: Root(shipped_root(), FILE)})


def _bundles() -> Iterable[bytes]:
    folder = ROOT / "tests" / "unit" / "keyless" / "data"
    return (path.read_bytes() for path in sorted(folder.glob("pypi-*.json")))


def _bundle(data: bytes) -> None:
    envelope = dsse.parse_envelope(data, FILE, keyless=True)
    if envelope.keyless:
        try:
            _keyless().verify(envelope)
        except ValueError:
            return


def _statement(data: bytes) -> None:
    parse_statement(dsse.Envelope(dsse.PAYLOAD_TYPE, data, ()), FILE)


def _configuration(data: bytes) -> None:
    document = parse_yaml(decode(data, FILE), FILE)
    validate(Configuration, document.value, FILE, lambda: document.places)


def _manifest(data: bytes) -> None:
    validate(Manifest, parse_json(data, FILE), FILE)


def _oci_manifest(data: bytes) -> None:
    """As whatever the bytes themselves say to be: an image's manifest, a model's, or an index."""
    parsed = parse_manifest(data, described(data, ""), FILE)
    if isinstance(parsed, ImageManifest):
        layers_by_path(parsed, FILE)


def _oci_manifests() -> Iterable[bytes]:
    manifest = validate(Manifest, parse_json(next(iter(_files("models/*/*/manifest.json")())), FILE), FILE)
    pack = build(manifest, dict.fromkeys(BESIDE, b""))
    entry = described(pack.data, MANIFEST)
    return pack.data, index_json([entry.document()])


def _files(pattern: str, largest: int = 65536) -> Callable[[], Iterable[bytes]]:
    return lambda: (data for path in sorted(EXAMPLE.glob(pattern)) if len(data := path.read_bytes()) <= largest)


def _payloads() -> Iterable[bytes]:
    return (dsse.parse_envelope(data, FILE).payload for data in _files("models/*/*/evidence/*.json")())


TARGETS: dict[str, Target] = {
    "envelope": Target(_envelope, _files("models/*/*/evidence/*.json"), 8192),
    "keyless-bundle": Target(_bundle, _bundles, 16384),
    "trusted-root": Target(lambda data: require_root(data, FILE), lambda: [shipped_root()], 16384),
    "statement": Target(_statement, _payloads, 8192),
    "card": Target(lambda data: read_card(data, FILE), _files("models/*/*/README.md"), 8192),
    "configuration": Target(_configuration, _files("weighbridge.yaml"), 16384),
    "manifest": Target(_manifest, _files("models/*/*/manifest.json"), 8192),
    "oci-manifest": Target(_oci_manifest, _oci_manifests, 16384),
    "artifact": Target(lambda data: artifact_subject(data, FILE), _files("models/*/*/artifact.json"), 8192),
}
