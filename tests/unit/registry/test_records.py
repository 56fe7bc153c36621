import dataclasses

from weighbridge.catalogue.names import NEVER_NS
from weighbridge.registry.records import Held, Reason, Record, record_document, record_sha256

APPROVED = Record(
    environment="prod",
    name="qa@1",
    model="qa",
    version="1",
    approved=True,
    digest="sha256:" + "1" * 64,
    not_after=1768953600 * 10**9,
    required=("packaged",),
    images=("sha256:" + "2" * 64,),
    attestations={"packaged": Held(("ci",), ("sha256:" + "3" * 64,), NEVER_NS)},
    since_ns=1767225600 * 10**9,
    lineage={"parent_run_id": "run-1"},
)


def test_a_record_for_people_has_times_that_canonical_json_can_hold() -> None:
    document = record_document(APPROVED)
    assert document["not_after"] == "2026-01-21T00:00:00Z"
    assert document["since"] == "2026-01-01T00:00:00Z"
    assert document["attestations"]["packaged"]["expires"] is None
    assert record_sha256(APPROVED).startswith("sha256:")


def test_every_field_is_in_the_hash() -> None:
    seen = {record_sha256(APPROVED)}
    changes = {
        "environment": "dev", "model": "qb", "version": "2", "approved": False, "digest": "sha256:" + "4" * 64,
        "not_after": NEVER_NS, "required": (), "reasons": (Reason("REL-002", "scanned", "none"),), "images": (),
        "sources": ("oci://x",), "attestations": {}, "since_ns": None, "promotion": ("file",), "lineage": None,
    }  # fmt: skip
    for name, value in changes.items():
        seen.add(record_sha256(dataclasses.replace(APPROVED, **{name: value})))
    assert len(seen) == 1 + len(changes)


def test_missing_names_each_attestation_once() -> None:
    reasons = (
        Reason("REL-002", "scanned", "none"),
        Reason("REL-004", "evaluated", "old"),
        Reason("REL-003", "scanned", "bad"),
        Reason("REL-006", "", "no approvals"),
    )
    assert dataclasses.replace(APPROVED, reasons=reasons).missing == ("evaluated", "scanned")
