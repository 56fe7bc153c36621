import pytest

from weighbridge.catalogue.names import parse_time_ns
from weighbridge.evidence.times import statement_time_ns

NOON = "2026-01-01T12:00:00Z"
SLSA = "https://slsa.dev/provenance/v1"
SPDX3 = "https://spdx.dev/Document/v3.0.1"
CREATION = {"type": "CreationInfo", "@id": "_:c", "created": NOON}


@pytest.mark.parametrize(
    ("predicate_type", "predicate"),
    [
        ("https://weighbridge.dev/package/v1", {"at": NOON}),
        ("https://weighbridge.dev/approval/v1", {"at": NOON}),
        ("https://weighbridge.dev/promotion/v1", {"at": NOON}),
        ("https://weighbridge.dev/image-profile/v1", {"at": NOON}),
        ("https://weighbridge.dev/evaluation/v1", {"finished_at": NOON}),
        (SLSA, {"runDetails": {"metadata": {"finishedOn": NOON, "startedOn": "2025-01-01T00:00:00Z"}}}),
        (SLSA, {"runDetails": {"metadata": {"startedOn": NOON}}}),
        ("https://in-toto.io/attestation/vulns/v0.2", {"metadata": {"scanFinishedOn": NOON}}),
        ("https://cyclonedx.org/bom", {"metadata": {"timestamp": NOON}}),
        ("https://cyclonedx.org/bom/v1.6", {"metadata": {"timestamp": NOON}}),
        ("https://spdx.dev/Document", {"creationInfo": {"created": NOON}}),
        ("https://spdx.dev/Document/v2.3", {"creationInfo": {"created": NOON}}),
        (SPDX3, {"@graph": [{"type": "SpdxDocument", "creationInfo": "_:c"}, CREATION]}),
        (SPDX3, {"@graph": [{"type": "SpdxDocument", "creationInfo": CREATION}]}),
    ],
)
def test_each_type_says_its_time_in_its_own_place(predicate_type, predicate):
    assert statement_time_ns(predicate_type, predicate) == parse_time_ns(NOON)


@pytest.mark.parametrize(
    ("predicate_type", "predicate"),
    [
        ("https://weighbridge.dev/package/v1", {}),
        ("https://weighbridge.dev/package/v1/", {"at": NOON}),
        ("https://weighbridge.dev/package/v1", {"at": None}),
        ("https://in-toto.io/attestation/test-result/v0.1", {"at": NOON}),
        ("https://model_signing/signature/v1.0", {"at": NOON}),
        (SLSA, {"runDetails": "x"}),
        (SLSA, {"runDetails": {"metadata": []}}),
        (SPDX3, {"@graph": [{"type": "SpdxDocument", "creationInfo": "_:other"}, CREATION]}),
        (SPDX3, {"@graph": [{"type": "SpdxDocument", "creationInfo": "_:c"}, CREATION, CREATION]}),
        ("https://cyclonedx.org/bom/v1.6/", {"metadata": {"timestamp": NOON}}),
    ],
)
def test_no_time_is_none(predicate_type, predicate):
    assert statement_time_ns(predicate_type, predicate) is None


@pytest.mark.parametrize(
    ("predicate_type", "predicate"),
    [
        ("https://weighbridge.dev/package/v1", {"at": "yesterday"}),
        ("https://weighbridge.dev/package/v1", {"at": ""}),
        ("https://weighbridge.dev/package/v1", {"at": 1_700_000_000}),
        ("https://weighbridge.dev/package/v1", {"at": [NOON]}),
        ("https://weighbridge.dev/package/v1", {"at": "2026-01-01T12:00:00"}),
        ("https://weighbridge.dev/package/v1", {"at": "2026-01-01T12:00:00Z\n"}),
        ("https://weighbridge.dev/package/v1", {"at": "٢٠٢٦-01-01T12:00:00Z"}),
        ("https://weighbridge.dev/package/v1", {"at": "2262-04-11T23:47:16.854775807Z"}),
        (SLSA, {"runDetails": {"metadata": {"finishedOn": "soon", "startedOn": NOON}}}),
        (SPDX3, {"@graph": []}),
        (SPDX3, {"@graph": "x"}),
        (SPDX3, {"@graph": [{"type": "SpdxDocument"}, {"type": "SpdxDocument"}]}),
    ],
)
def test_a_time_that_cannot_be_read_is_an_error(predicate_type, predicate):
    with pytest.raises(ValueError, match=r"."):
        statement_time_ns(predicate_type, predicate)
