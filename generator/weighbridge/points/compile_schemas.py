"""Schemas of what is asked at compile time: the gate about versions, the evidence rules about statements."""

from __future__ import annotations

from weighbridge.evidence.trim import RULES, Shape
from weighbridge.points.schema_parts import (
    ANY,
    FLAG,
    NUMBER,
    TEXT,
    TIME,
    Schema,
    listing,
    loose,
    mapping,
    nullable,
    record,
)

_SIGNED: dict[str, Schema] = {"signer": TEXT, "at_ns": TIME, "expires_ns": TIME, "file": TEXT}
_ATTESTATION = record(
    {
        # Only what does not hold has its story told.
        "signers": listing(TEXT),
        "verdicts": listing(
            record(file=TEXT, signer=TEXT, at_ns=nullable(TIME), passed=FLAG, reasons=listing(TEXT), expires_ns=TIME)
        ),
        "refused": listing(record(file=TEXT, reason=TEXT)),
        "subject": TEXT,
        "reasons": listing(TEXT),
    },
    held=FLAG,
    expires_ns=TIME,
)
_ITEM = record(
    {
        "package": record(matched=FLAG, at_ns=nullable(TIME), reason=TEXT),
        "attestations": mapping(_ATTESTATION),
        "claims": mapping(listing({"type": "object", "properties": {"metrics": mapping(NUMBER), "dataset": ANY}})),
        "approvals": listing(record(**_SIGNED, fingerprint=TEXT, environment=TEXT, manifest_sha256=TEXT)),
        "promotions": listing(record(**_SIGNED, from_=TEXT, to=TEXT)),
    },
    digest=TEXT,
    manifest_sha256=TEXT,
    previous=nullable(
        record(environment=TEXT, approved=FLAG, since_ns=nullable(TIME), not_after=TIME, codes=listing(TEXT))
    ),
)
_ENVIRONMENT = record(
    name=TEXT,
    requires=listing(TEXT),
    evaluations=listing(TEXT),
    metrics=mapping(record({"min": NUMBER, "max": NUMBER})),
    approvals=nullable(record(threshold=TIME, signers=listing(TEXT))),
    promotion=nullable(record(from_=TEXT, signers=listing(TEXT), min_time_ns=TIME)),
)
_GATE_INPUT = record(at_ns=TIME, package_attestation=TEXT, environment=_ENVIRONMENT, items=mapping(_ITEM))
_GATE_VERDICTS = mapping(
    record(
        approved=FLAG,
        reasons=listing(record({"attestation": TEXT}, code=TEXT, message=TEXT)),
        not_after=TIME,
        since_ns=nullable(TIME),
    )
)

_PARAMETERS: dict[str, tuple[str, ...]] = {
    "approval": ("environment",),
    "evaluation": ("datasets", "metrics"),
    "model_signature": ("symlinks", "ignore_paths"),
    "package": (),
    "promotion": ("from", "to"),
    "sbom": ("formats", "components", "allowed_licenses", "denied_licenses", "unlicensed"),
    "slsa_provenance": ("builders", "build_types", "source", "level"),
    "test_result": ("warnings", "tests"),
    "vulnerabilities": ("max_severity", "allowed", "scanners"),
}
"""What each rule reads of `with`."""
_OWN: dict[str, Schema] = {
    "approval": loose(environment=ANY, manifest_sha256=ANY, at=ANY),
    "evaluation": loose(metrics=ANY, dataset=loose(uri=ANY, digest=ANY), finished_at=ANY),
    "package": loose(manifest_sha256=ANY, card_sha256=ANY, at=ANY),
    "promotion": loose(from_=ANY, to=ANY, at=ANY, record_sha256=ANY),
}
"""Predicates of Weighbridge; `evidence.trim` has the others'."""
_LISTS = frozenset({"@graph", "packages", "resolvedDependencies", "resources", "result"})
"""Where foreign predicates hold lists; below `components` and `severity` nothing is looked at by a fixed path."""
_FIELDS: dict[str, Schema] = {
    "predicate_type": TEXT,
    "manifest_sha256": TEXT,
    "card_sha256": TEXT,
    "at_ns": TIME,
    "files": listing(listing(ANY)),
}


def _shaped(name: str, shape: Shape) -> Schema:
    """A predicate as far as its rule looks at it, whatever a stranger put there."""
    if not shape or name in {"components", "severity"}:
        return ANY
    # `result` is a list in vulns alone; where the shape ends there, nothing is said.
    schema: Schema = {"properties": {key: _shaped(key, below) for key, below in shape.items()}}
    return {"items": schema} if name in _LISTS else schema


def _item(rule: str) -> Schema:
    fields, shape = RULES[rule]
    parameters = _PARAMETERS[rule]
    optional = {name: _FIELDS[name] for name in sorted(fields)}
    return loose(
        rule=TEXT,
        with_={"type": "object", "properties": dict.fromkeys(parameters, ANY)} if parameters else {"type": "object"},
        predicate=_OWN.get(rule) or _shaped("predicate", shape),
        **optional,
    )


_VERDICT = record({"at_ns": TIME, "expires_ns": TIME, "claims": mapping(ANY)}, passed=FLAG, reasons=listing(TEXT))

STEPS: dict[str, dict[str, Schema]] = {
    "gate": {"input": _GATE_INPUT, "decision": _GATE_VERDICTS},
    "evidence": {
        **{rule: _item(rule) for rule in RULES},
        "parameters": loose(with_={"type": "object"}),
        "batch": record(items=listing(loose(rule=TEXT, with_={"type": "object"}, predicate=ANY))),
        "decision": mapping(_VERDICT),
    },
}
"""As in `points.schemas`."""
