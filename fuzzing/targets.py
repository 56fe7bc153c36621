"""What is fuzzed: every reader of bytes from outside, and bytes that it takes, to start from.

A reader keeps its promise if it returns or raises one of our own errors. Anything else it raises, more than a second
for one input of `limit` bytes, or more memory than `__main__` grants, is a defect: put the input that showed it into
`tests/fixtures/fuzz/<target>/`, where the tests run it for ever.
"""

from __future__ import annotations

import functools
import gzip
import io
import tarfile
import zlib
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import sigstore.verify  # noqa: F401 -- our code imports it late, and no input shall be charged with the time of that

from fuzzing.model_files import READERS
from weighbridge.canonical import digest as sha256_digest
from weighbridge.canonical import parse_json
from weighbridge.catalogue.configuration import Configuration
from weighbridge.catalogue.front_matter import read_card
from weighbridge.catalogue.keyless import PUBLIC, Keyless
from weighbridge.catalogue.validation import validate
from weighbridge.catalogue.yaml_document import decode, parse_yaml
from weighbridge.errors import WeighbridgeError
from weighbridge.evidence import dsse
from weighbridge.evidence.convert import formats
from weighbridge.evidence.convert.reading import parse_report
from weighbridge.evidence.convert.report import Options
from weighbridge.evidence.keyless import KeylessSigner, KeylessVerifier, own_certificate
from weighbridge.evidence.statement import parse_statement
from weighbridge.evidence.trusted_root import Root, require_root, shipped_root
from weighbridge.evidence.write import artifact_subject
from weighbridge.image.limits import LIMITS
from weighbridge.image.profile import profile_image
from weighbridge.image.source import Image, Layer
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
FUZZED = replace(LIMITS, image_bytes=16 * 1024**2, entries=10_000)
"""Of an image's layers: small enough that one input does not take long."""
REPORTS = ROOT / "tests" / "documents" / "scanners"
_DIGEST = "sha256:e292067fa9c3dae5143d72e16f77495e5e3716f6d84c779ff518b632afc3f1b3"
_DATED = Options(_DIGEST, scanned_at_ns=10**18, exit_code=1)
_MEASURED = Options("sha256:" + "d" * 64, dataset=("https://example.com/d", "sha256:" + "5" * 64))
_GIVEN = {
    "grype": (Options(_DIGEST), "grype.json"),
    "trivy": (Options(_DIGEST), "trivy.json"),
    "openvex": (Options(_DIGEST), "openvex.json"),
    "osv-scanner": (_DATED, "osv-scanner.json"),
    "sarif": (_DATED, "osv-scanner.sarif"),
    "pip-audit": (Options(_DIGEST, scanned_at_ns=10**18), "pip-audit.json"),
    "lm-eval": (_MEASURED, "lm-eval.json"),
    "mlflow": (_MEASURED, "mlflow.json"),
    "slsa": (
        Options("sha256:06ce330900a7d6403bc8d88e5dfad6aeeb8ae40179f66bb89e69c8bf6f6b1a0b"),
        "slsa-v1.statement.json",
    ),
}
"""For each format what its report does not say itself, and a report."""


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


def _report(data: bytes) -> None:
    name = formats.detect(parse_report(data, FILE), FILE)
    formats.convert(name, data, FILE, _GIVEN[name][0])


def _reports() -> Iterable[bytes]:
    return ((REPORTS / name).read_bytes() for _, name in _GIVEN.values())


def _layer(data: bytes) -> None:
    """As a layer of an image, whatever it is compressed with, told of as a profile tells."""
    config = {"os": "linux", "config": {"User": "app", "Entrypoint": ["/start"]}}
    layer = Layer(FILE, "", sha256_digest(_plain(data)), lambda: nullcontext(io.BytesIO(data)))
    profile_image(Image(FILE, None, sha256_digest(b""), config, (layer,)), FUZZED)


def _plain(data: bytes) -> bytes:
    """Uncompressed as far as it goes, so that a mutated layer can still have its diff_id."""
    if data[:2] != b"\x1f\x8b":
        return data
    try:
        return zlib.decompressobj(31).decompress(data, FUZZED.image_bytes)
    except zlib.error:
        return b""


def _layers() -> Iterable[bytes]:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, data in (
            ("etc/passwd", b"app:x:5:5::"),
            ("start", b"#!/bin/sh"),
            ("a/.wh.b", b""),
            ("n" * 120, b"x"),
        ):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    plain = out.getvalue().rstrip(b"\0") + bytes(512)
    plain += bytes(-len(plain) % 512)
    return plain, gzip.compress(plain, mtime=0)


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
    "scan-report": Target(_report, _reports, 16384),
    "image-layer": Target(_layer, _layers, 8192),
    "artifact": Target(lambda data: artifact_subject(data, FILE), _files("models/*/*/artifact.json"), 8192),
    **{name: Target(*reader) for name, reader in READERS.items()},
}
