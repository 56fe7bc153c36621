"""VEX suppresses exactly what it speaks about, with a reason, and only where the attestation accepts it."""

import json
from pathlib import Path

import pytest

from weighbridge.catalogue.names import parse_time_ns
from weighbridge.errors import InputError
from weighbridge.evidence.convert.formats import convert
from weighbridge.evidence.convert.report import Options

SAMPLES = Path(__file__).resolve().parents[2] / "documents" / "scanners"
REPORT = (SAMPLES / "grype.json").read_bytes()
VEX = json.loads((SAMPLES / "openvex.json").read_bytes())
SERVING = "sha256:e292067fa9c3dae5143d72e16f77495e5e3716f6d84c779ff518b632afc3f1b3"
OCI = "pkg:oci/serving@" + SERVING.replace(":", "%3A")
REQUESTS = "pkg:pypi/requests@2.19.0"
FINDING = "GHSA-x84v-xcm2-53pg"
AT = parse_time_ns("2026-11-24T00:00:00Z")
VULNS = "https://in-toto.io/attestation/vulns/v0.2"


def statement(**fields):
    given = {
        "vulnerability": {"name": "CVE-2018-18074"},
        "products": [{"@id": REQUESTS}],
        "status": "not_affected",
        "justification": "vulnerable_code_not_in_execute_path",
        **fields,
    }
    return {name: value for name, value in given.items() if value is not None}


def document(*statements, **fields):
    given = {**VEX, "statements": list(statements), **fields}
    return json.dumps({name: value for name, value in given.items() if value is not None}).encode()


def suppressed(*documents):
    options = Options(subject=SERVING, vex=tuple((f"vex{index}.json", data) for index, data in enumerate(documents)))
    result = convert("grype", REPORT, "grype.json", options).predicate["scanner"]["result"]
    return {entry["id"]: entry["suppressed"] for entry in result if "suppressed" in entry}


def test_the_sample_suppresses_one_finding_with_its_reason():
    assert suppressed((SAMPLES / "openvex.json").read_bytes()) == {
        FINDING: {
            "by": "openvex",
            "status": "not_affected",
            "justification": "vulnerable_code_not_in_execute_path; The server follows no redirects.",
            "source": "https://example.com/vex/kb-serving-1",
            "author": "Example ML Security <mlsec@example.com>",
            "timestamp": "2026-11-23T18:00:00Z",
        }
    }


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"products": [{"@id": "urn:x", "identifiers": {"purl": REQUESTS}}]},
        {"products": [{"@id": "pkg:npm/other@1"}, {"@id": REQUESTS}]},
        {"products": [{"@id": OCI}]},
        {"products": [{"@id": OCI + "?repository_url=registry/serving"}]},
        {"products": [{"@id": "urn:image", "hashes": {"sha-256": SERVING.removeprefix("sha256:")}}]},
        {"products": [{"@id": OCI, "subcomponents": [{"@id": "pkg:pypi/x@1"}, {"@id": REQUESTS}]}]},
        {"vulnerability": {"name": FINDING}},
        {"vulnerability": {"name": "OTHER-1", "aliases": [FINDING]}},
        {"justification": None, "impact_statement": "not reachable"},
        {"status": "fixed", "justification": None, "status_notes": "patched in our build"},
    ],
)
def test_what_speaks_about_exactly_this_suppresses_it(fields):
    assert set(suppressed(document(statement(**fields)))) == {FINDING}


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "under_investigation"},
        {"status": "affected"},
        {"justification": None},
        {"status": "fixed", "justification": None},
        {"status": "not_affected", "justification": None, "status_notes": "trust me"},
        {"justification": None, "impact_statement": ""},
        {"vulnerability": {"name": "CVE-2018-18075"}},
        {"vulnerability": {"name": "cve-2018-18074"}},
        {"products": [{"@id": "pkg:pypi/requests@2.19.1"}]},
        {"products": [{"@id": "pkg:pypi/requests"}]},
        {"products": [{"@id": "pkg:pypi/requests@2.19.0?arch=amd64"}]},
        {"products": [{"@id": "requests"}]},
        {"products": [{"@id": "pkg:oci/serving@sha256%3A" + "7" * 64}]},
        {"products": [{"@id": "pkg:oci/serving"}]},
        {"products": [{"@id": "urn:image", "hashes": {"sha-512": SERVING.removeprefix("sha256:")}}]},
        {"products": [{"@id": OCI, "subcomponents": [{"@id": "pkg:pypi/requests@2.20.0"}]}]},
        {"products": [{"@id": OCI, "subcomponents": []}]},
        {"products": [{"@id": "pkg:oci/other@sha256%3A" + "7" * 64, "subcomponents": [{"@id": REQUESTS}]}]},
        {"products": [{"@id": REQUESTS, "subcomponents": [{"@id": "pkg:pypi/urllib3@1"}]}]},
    ],
)
def test_what_speaks_about_something_else_or_says_nothing_suppresses_nothing(fields):
    assert suppressed(document(statement(**fields))) == {}


OLD, NEW = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"


def test_the_newest_statement_decides():
    excuse = statement(timestamp=OLD)
    assert suppressed(document(excuse, statement(timestamp=NEW, status="affected"))) == {}
    assert set(suppressed(document(excuse, statement(timestamp=OLD, status="affected", products=[{"@id": "x"}])))) == {
        FINDING
    }
    assert set(suppressed(document(statement(timestamp=OLD, status="affected"), statement(timestamp=NEW)))) == {FINDING}
    # Without a time of its own a statement has its document's, which is later than both.
    assert suppressed(document(statement(timestamp=NEW), statement(status="under_investigation"))) == {}
    # It overrules even where it speaks about the whole artifact, by an alias, and in another document.
    later = document(
        statement(timestamp=NEW, status="affected", products=[{"@id": OCI}], vulnerability={"name": FINDING}),
        **{"@id": "https://example.com/vex/other"},
    )
    assert suppressed(document(excuse), later) == {}
    assert suppressed(later, document(excuse)) == {}


def test_of_the_same_time_none_decides_if_they_differ():
    assert suppressed(document(statement(), statement(status="affected"))) == {}
    assert suppressed(document(statement(), statement(status="fixed", status_notes="x"))) == {}
    assert suppressed(document(statement(), statement(justification=None))) == {}
    assert set(suppressed(document(statement(), statement()))) == {FINDING}


def test_a_document_of_a_higher_version_replaces_the_lower():
    first, second = document(statement()), document(statement(status="affected"), version=2)
    assert suppressed(first, second) == suppressed(second, first) == {}
    assert set(suppressed(document(statement(), version=3), second)) == {FINDING}
    assert set(suppressed(first, first)) == {FINDING}
    with pytest.raises(InputError, match="another document that differs"):
        suppressed(first, document(statement(status="affected")))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"@context": "https://openvex.dev/ns"}, r"'https://openvex.dev/ns'; accepted: https://openvex.dev/ns/v0.2.0"),
        ({"@context": "https://openvex.dev/ns/v0.0.1"}, "v0.0.1'; accepted"),
        ({"@context": "https://openvex.dev/ns/v0.3.0"}, "v0.3.0'; accepted"),
        ({"@context": ["https://openvex.dev/ns/v0.2.0"]}, "accepted"),
        ({"@context": None}, "is missing; accepted"),
        ({"author": None}, "author: is missing"),
        ({"@id": ""}, "@id"),
        ({"version": 0}, "version"),
        ({"version": "1"}, "version"),
        ({"timestamp": "today"}, "timestamp"),
        ({"statements": []}, "statements"),
        ({"statements": [statement(status="safe")]}, r"statements\[0\].status"),
        ({"statements": [statement(justification="because")]}, "justification"),
        ({"statements": [statement(products=[])]}, "products"),
        ({"statements": [statement(products=["pkg:pypi/requests@2.19.0"])]}, "products"),
        ({"statements": [statement(vulnerability="CVE-2018-18074")]}, "vulnerability"),
        ({"statements": [statement(vulnerability={"name": "\u0421VE-2018-18074"})]}, "vulnerability.name"),
        ({"statements": [statement(impact_statement="fine \u202egnihton")]}, "turns the writing"),
    ],
)
def test_what_is_no_openvex_020_is_refused(fields, expected):
    with pytest.raises(InputError, match=expected):
        suppressed(document(**{"statements": [statement()], **fields}))
    if "@context" not in fields:
        with pytest.raises(InputError):
            convert("openvex", document(**{"statements": [statement()], **fields}), "vex.json", Options(SERVING))


def test_a_document_that_multiplies_is_refused():
    names = {"name": "CVE-1", "aliases": [f"CVE-{number}" for number in range(1500)]}
    products = [{"@id": f"pkg:pypi/x@{number}"} for number in range(1000)]
    with pytest.raises(InputError, match="more than 1000000 vulnerabilities in products"):
        suppressed(document(statement(vulnerability=names, products=products)))


def test_openvex_alone_is_evidence_that_suppresses_nothing():
    conversion = convert("auto", (SAMPLES / "openvex.json").read_bytes(), "vex.json", Options(SERVING))
    assert conversion.predicate_type == "https://openvex.dev/ns/v0.2.0"
    assert conversion.predicate == VEX
    assert "suppresses no finding" in conversion.notes[0]
    with pytest.raises(InputError, match="names no product with the digest"):
        convert("openvex", (SAMPLES / "openvex.json").read_bytes(), "vex.json", Options("sha256:" + "7" * 64))


def test_the_note_counts_what_is_suppressed():
    options = Options(SERVING, vex=(("vex.json", document(statement())),))
    (note,) = convert("grype", REPORT, "grype.json", options).notes
    assert note.endswith("suppresses 1 of 4 findings")


def judged(workshop, kit, parameters):
    excuse = document(statement(), statement(vulnerability={"name": "CVE-2019-10906"}, products=[{"@id": OCI}]))
    options = Options(SERVING, vex=(("vex.json", excuse),))
    predicate = convert("grype", REPORT, "grype.json", options).predicate
    workshop.packaged()
    rule = {"with": {"max_severity": "low", "allowed": [], **parameters}}
    workshop.attestation("clean", VULNS, "vulnerabilities", "scan", about="images", **rule)
    workshop.serving = [SERVING]
    workshop.images.clear()
    workshop.add(kit.signed(kit.payload(VULNS, predicate, SERVING), "scan"), image=SERVING)
    return workshop.attest(at_ns=AT).attestations["clean"]


def test_a_suppression_counts_only_where_the_attestation_accepts_it(workshop, kit):
    openssl = [{"id": "CVE-2023-5363", "until": "2027-01-01T00:00:00Z", "reason": "no TLS in here"}]
    refused = judged(workshop, kit, {"allowed": openssl})
    assert not refused.held
    assert f"{FINDING} is suppressed by openvex, which is not accepted here" in refused.verdicts[0].reasons
    for accepted in (["sarif"], [], "openvex", ["openvex", "nobody"], {"a": "openvex"}, [True]):
        assert not judged(workshop, kit, {"allowed": openssl, "accept_suppressed_by": accepted}).held, accepted
    held = judged(workshop, kit, {"allowed": openssl, "accept_suppressed_by": ["openvex"]})
    assert held.held
    (verdict,) = held.verdicts
    assert [entry["id"] for entry in verdict.claims["suppressed"]] == ["GHSA-462w-v97r-4m45", FINDING]
    assert all(entry["justification"] and entry["source"] for entry in verdict.claims["suppressed"])
    assert not judged(workshop, kit, {"accept_suppressed_by": ["openvex"]}).held
