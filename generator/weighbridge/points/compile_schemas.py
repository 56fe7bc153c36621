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
    loose_list,
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
        # By code; left out where there is none.
        "waivers": mapping(listing(record(not_before=TIME, not_after=TIME))),
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
_REASONS = listing(record({"attestation": TEXT}, code=TEXT, message=TEXT))
_GATE_VERDICTS = mapping(
    record(
        approved=FLAG,
        reasons=_REASONS,
        waived=_REASONS,
        not_after=TIME,
        since_ns=nullable(TIME),
    )
)

_ALLOWANCES = loose_list(id=ANY, until=ANY, reason=ANY)
_BOUNDS = {"properties": {"min": ANY, "max": ANY, "none": ANY}}
_PARAMETERS: dict[str, dict[str, Schema]] = {
    "approval": {"environment": ANY},
    "evaluation": {"datasets": ANY, "metrics": ANY},
    "executable_content": dict.fromkeys(("allowed", "except", "unread", "scanners"), ANY),
    "image_profile": {**dict.fromkeys(("bases", "allow", "except"), ANY), **dict.fromkeys(("cuda", "cudnn"), _BOUNDS)},
    "model_signature": {"symlinks": ANY, "ignore_paths": ANY},
    "package": {},
    "promotion": {"from": ANY, "to": ANY},
    "publication": {"registries": ANY},
    "sbom": dict.fromkeys(("formats", "components", "allowed_licenses", "denied_licenses", "unlicensed"), ANY),
    # A builder is a text or an object.
    "slsa_provenance": {"builders": {"items": ANY}, **dict.fromkeys(("build_types", "source", "level"), ANY)},
    "test_result": {"warnings": ANY, "tests": ANY},
    "vulnerabilities": {"max_severity": ANY, "allowed": _ALLOWANCES, "scanners": ANY, "accept_suppressed_by": ANY},
}
"""What each rule reads of `with`."""
_OWN: dict[str, Schema] = {
    "approval": loose(environment=ANY, manifest_sha256=ANY, at=ANY),
    "evaluation": loose(metrics=ANY, dataset=loose(uri=ANY, digest=ANY), finished_at=ANY),
    "executable_content": loose(
        scanners=loose_list(name=ANY, version=ANY),
        at=ANY,
        manifest_sha256=ANY,
        files=ANY,
        executable=loose_list(path=ANY, kind=ANY, detail=ANY),
        findings=loose_list(path=ANY, about=ANY, message=ANY),
    ),
    "package": loose(manifest_sha256=ANY, card_sha256=ANY, at=ANY),
    "promotion": loose(from_=ANY, to=ANY, at=ANY, record_sha256=ANY),
    "publication": loose(sources=ANY, at=ANY),
}
"""Predicates of Weighbridge; `evidence.trim` has the others'."""
_LISTS = frozenset(
    {
        "@graph",
        "compilers",
        "components",
        "cuda",
        "cudnn",
        "images",
        "licenses",
        "materials",
        "network_tools",
        "package_managers",
        "packages",
        "resolvedDependencies",
        "resources",
        "result",
        "secrets",
        "setuid",
        "severity",
        "shells",
        "unread",
        "weights",
    }
)
"""Where predicates hold lists."""
_BELOW: dict[str, Schema] = {
    "serialization": loose(method=ANY, hash_type=ANY, allow_symlinks=ANY, ignore_paths=ANY),
    "buildConfigSource": loose(repository=ANY),
}
"""What rules look at below what is sent whole."""
_FIELDS: dict[str, Schema] = {
    "predicate_type": TEXT,
    "digest": TEXT,
    "manifest_sha256": TEXT,
    "card_sha256": TEXT,
    "at_ns": TIME,
    "files": listing(listing(ANY)),
}


def _shaped(name: str, shape: Shape, inside: frozenset[str] = frozenset()) -> Schema:
    """A predicate as far as its rule looks at it, whatever a stranger put there; what holds itself is told once."""
    if not shape or name in inside:
        return _BELOW.get(name, ANY)
    below = inside | ({name} & {"components"})
    schema: Schema = {"properties": {key: _shaped(key, found, below) for key, found in shape.items()}}
    return {"items": schema} if name in _LISTS else schema


def _item(rule: str) -> Schema:
    fields, shape = RULES[rule]
    parameters = _PARAMETERS[rule]
    optional = {name: _FIELDS[name] for name in sorted(fields)}
    return loose(
        rule=TEXT,
        with_={"type": "object", "properties": parameters} if parameters else {"type": "object"},
        predicate=_OWN.get(rule) or _shaped("predicate", shape),
        **optional,
    )


_VERDICT = record(
    {"at_ns": TIME, "expires_ns": TIME, "claims": mapping(ANY), "facts": mapping(ANY)},
    passed=FLAG,
    reasons=listing(TEXT),
)

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
