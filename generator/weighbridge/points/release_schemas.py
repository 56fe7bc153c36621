"""Schemas of what is asked when a version is released."""

from __future__ import annotations

from weighbridge.points.schema_parts import FLAG, TEXT, TIME, Schema, listing, mapping, nullable, record

_STATE = record({"reasons": listing(TEXT)}, held=FLAG, expires_ns=TIME)
_REASON = record({"attestation": TEXT}, code=TEXT, message=TEXT)
_LICENSES = listing(record(text=TEXT, spdx=nullable(TEXT)))
_ITEM = record(
    name=TEXT,
    digest=TEXT,
    package=record(matched=FLAG, reason=TEXT),
    record=record(approved=FLAG, not_after=TIME, reasons=listing(_REASON)),
    orders=listing(record(kind=TEXT, id=TEXT, reason=TEXT)),
    sboms=mapping(_STATE),
    licenses=record(card=_LICENSES, manifest=_LICENSES),
    sections=mapping(listing(record(line=TIME, words=TIME, placeholders=listing(TEXT)))),
    lineage=record(parent_run_id=nullable(TEXT), base_model=nullable(listing(TEXT)), datasets=nullable(listing(TEXT))),
    evaluation=record(metrics=listing(TEXT), attestations=mapping(_STATE)),
    approvals=nullable(record(threshold=TIME)),
)
_INPUT = record(at_ns=TIME, environment=TEXT, requires=listing(TEXT), item=_ITEM)

STEPS: dict[str, dict[str, Schema]] = {
    "release": {
        "input": _INPUT,
        "batch": record(items=mapping(_INPUT)),
        "decision": record(
            released=FLAG,
            requirements=listing(record(requirement=TEXT, met=FLAG, reasons=listing(record(code=TEXT, message=TEXT)))),
        ),
    }
}
"""As in `points.schemas`."""
