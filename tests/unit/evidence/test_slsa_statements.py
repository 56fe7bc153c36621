"""SLSA provenance as GitHub's generators write it: unsigned it can be attested, signed it is evidence as it is."""

import json
from pathlib import Path

import pytest

from weighbridge.errors import InputError
from weighbridge.evidence.convert.formats import convert
from weighbridge.evidence.convert.report import Options

SAMPLES = Path(__file__).resolve().parents[2] / "documents" / "scanners"
V1, V02 = "https://slsa.dev/provenance/v1", "https://slsa.dev/provenance/v0.2"
STATEMENTS = {
    V1: "slsa-v1.statement.json",
    V02: "slsa-v0.2.statement.json",
}
BUILDERS = {
    V1: "https://github.com/bazel-contrib/publish-to-bcr/.github/workflows/publish.yaml@refs/tags/v0.0.1",
    V02: "https://github.com/slsa-framework/slsa-github-generator/.github/workflows/"
    "generator_generic_slsa3.yml@refs/tags/v2.1.0",
}
SOURCES = {
    V1: "https://github.com/aspect-build/rules_lint",
    V02: "https://github.com/slsa-framework/example-package",
}


def statement(kind):
    return json.loads((SAMPLES / STATEMENTS[kind]).read_bytes())


def digest(document):
    return "sha256:" + document["subject"][0]["digest"]["sha256"]


def converted(document, subject=None):
    data = json.dumps(document).encode()
    return convert("auto", data, "statement.json", Options(subject or digest(document)))


@pytest.mark.parametrize("kind", STATEMENTS)
def test_what_a_generator_wrote_passes_signature_and_rule(workshop, kit, kind):
    """The bytes of the payload are the generator's; only the key is ours."""
    payload = (SAMPLES / STATEMENTS[kind]).read_bytes()
    document = json.loads(payload)
    again = json.dumps({**document, "subject": [{"digest": {"sha256": "d" * 64}}]}).encode()
    workshop.packaged()
    for name, parameters, expected in [
        ("built", {"source": SOURCES[kind], "builders": [{"id": BUILDERS[kind], "level": 3}], "level": 3}, True),
        ("elsewhere", {"source": "https://github.com/acme/other", "builders": [BUILDERS[kind]]}, False),
        ("by-others", {"builders": ["https://github.com/acme/builder"]}, False),
    ]:
        workshop.attestation(name, kind, "slsa_provenance", "ci", **{"with": parameters})
        workshop.evidence[1:] = []
        workshop.add(kit.signed(again, "ci"))
        state = workshop.attest().attestations[name]
        assert state.held is expected, (name, state)
    # About its own subject, and so not about ours.
    workshop.evidence[1:] = []
    workshop.add(kit.signed(payload, "ci"))
    assert "speaks about another subject" in workshop.reasons("built")


@pytest.mark.parametrize("kind", STATEMENTS)
def test_an_unsigned_statement_is_attested_by_its_predicate(kind):
    conversion = converted(statement(kind))
    assert conversion.predicate_type == kind
    assert conversion.predicate == statement(kind)["predicate"]
    with pytest.raises(InputError, match="is a report about"):
        converted(statement(kind), "sha256:" + "d" * 64)


@pytest.mark.parametrize(
    "signed",
    [
        {"payloadType": "application/vnd.in-toto+json", "payload": "e30=", "signatures": []},
        {"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "dsseEnvelope": {}, "verificationMaterial": {}},
    ],
)
def test_what_is_signed_already_is_evidence_as_it_is(signed):
    with pytest.raises(InputError, match=r"is signed already. Put the file itself into `evidence/`"):
        converted(signed, "sha256:" + "d" * 64)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"predicateType": "https://slsa.dev/provenance/v0.1"}, "provenance/v0.1'; accepted"),
        ({"predicateType": "https://slsa.dev/provenance/v2"}, "provenance/v2'; accepted"),
        ({"predicateType": None}, "predicateType"),
        ({"_type": "https://in-toto.io/Statement/v2"}, "unknown type or version"),
        ({"_type": 1}, "unknown type or version"),
        ({"predicate": []}, "predicate"),
        ({"subject": []}, "no subject"),
        ({"subject": [{"name": "x"}]}, "has no digest"),
        ({"subject": [{"name": "x", "digest": {"sha512": "d" * 128}}]}, "not about"),
    ],
)
def test_what_is_no_provenance_is_refused(change, expected):
    with pytest.raises(InputError, match=expected):
        converted({**statement(V1), **change}, "sha256:" + "d" * 64)


def test_an_older_provenance_says_its_time(workshop, kit):
    document = statement(V02)
    document["subject"][0]["digest"]["sha256"] = "d" * 64
    document["predicate"]["metadata"]["buildFinishedOn"] = "2027-01-01T00:00:00Z"
    workshop.packaged()
    workshop.attestation("built", V02, "slsa_provenance", "ci", **{"with": {"builders": [BUILDERS[V02]]}})
    workshop.add(kit.signed(json.dumps(document).encode(), "ci"))
    assert "later than --at" in workshop.reasons("built")
