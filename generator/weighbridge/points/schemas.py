"""JSON Schemas of what rules read and points answer: `python -m weighbridge.points.schemas`.

`policies/schemas/rego/<step>/` has a schema for every document that the rules of one step see. METADATA in the rules
links them by name, so that the same rule, linked at two points, is checked against each point's own registry.
`opa check --schema` then finds a field that no document has; the tests find a document that its schema does not allow.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from weighbridge import resources
from weighbridge.bundle.policies import CONFTEST, ENVOY, WORKLOAD
from weighbridge.catalogue import schemas as documents
from weighbridge.catalogue.workloads import PodSecurity
from weighbridge.points import (
    accelerator_schemas,
    compile_schemas,
    image_schemas,
    network_schemas,
    operator_schemas,
    release_schemas,
)
from weighbridge.points.envoy import BODY_FIELDS, METADATA_NAMESPACE, SEEN_BY_OPA
from weighbridge.points.schema_parts import (
    ANY,
    DIALECT,
    FLAG,
    MEMBERS,
    TEXT,
    TIME,
    Schema,
    listing,
    loose,
    loose_list,
    mapping,
    record,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

DIGEST_ANNOTATION = "weighbridge.dev/artifact-digest"

_ORDER = record({"reference": TEXT, "expires": TIME}, id=TEXT, reason=TEXT, issued_at=TIME)
_ORDERS = record(revoked=mapping(_ORDER), frozen=mapping(_ORDER), suspended=mapping(_ORDER), keys=mapping(_ORDER))
_REASON = record({"attestation": TEXT}, code=TEXT, message=TEXT)
_VERSION: dict[str, Schema] = {"model": TEXT, "version": TEXT, "approved": FLAG, "digest": TEXT}
_HEAD: dict[str, Schema] = {"environment": TEXT, "point": TEXT, "multi_tenant": FLAG}

# By code, every step with the moment from which it holds; the first holds from the beginning of time.
_MODES = mapping(listing(record(mode=TEXT, from_=TIME)))
_WAIVER = record(
    file=TEXT,
    signer=TEXT,
    not_before=TIME,
    not_after=TIME,
    scope=record({"artifact": TEXT, "namespace": TEXT, "kind": TEXT, "name": TEXT, "images": listing(TEXT)}),
)

_ENVOY_REGISTRY = record(
    **_HEAD,
    modes=_MODES,
    records=mapping(
        record({"not_after": TIME, "clear": FLAG, "served": FLAG, "reasons": listing(_REASON)}, **_VERSION)
    ),
    routes=mapping(record(models=MEMBERS)),
    models=mapping(record(versions=MEMBERS, aliases=MEMBERS)),
    grants=mapping(record({"max_tokens": TIME}, tenant=TEXT, key=TEXT, not_after=TIME, models=MEMBERS, clear=FLAG)),
    calls=record(body_limit=TIME, paths=mapping(record({"model": TEXT, "answer": TEXT}))),
    orders=_ORDERS,
    authority=mapping(record(keys=mapping(TEXT), threshold=TIME)),
)
_WORKLOAD_REGISTRY = record(
    **_HEAD,
    limits=record(
        pod_security={"type": "string", "enum": list(get_args(PodSecurity))},
        user_namespaces=FLAG,
        images=image_schemas.LIMITS,
        documented=listing(TEXT),
        mutual_tls=network_schemas.MUTUAL_TLS,
        exposure=network_schemas.EXPOSURE,
        accelerators=accelerator_schemas.ACCELERATORS,
    ),
    labels=record(model_id=TEXT, model_version=TEXT),
    support_images=mapping(image_schemas.FACTS),
    exempt_namespaces=MEMBERS,
    kinds=mapping(ANY),
    modes=_MODES,
    waivers=mapping(listing(_WAIVER)),
    orders=_ORDERS,
    records=mapping(
        record(
            **_VERSION,
            not_after=TIME,
            images=mapping(image_schemas.FACTS),
            sources=MEMBERS,
            required=listing(TEXT),
            missing=listing(TEXT),
            reasons=listing(_REASON),
            lacking=listing(record({"from": TIME}, code=TEXT, message=TEXT)),
            environment_variables=MEMBERS,
        )
    ),
)
_LIVE = record(
    environment=TEXT,
    sequence=TIME,
    issued_at=TIME,
    not_after=TIME,
    releases=listing(record({"until": TIME}, revision=TEXT)),
    revoked=mapping(_ORDER),
    frozen=mapping(_ORDER),
    suspended=mapping(_ORDER),
    keys=mapping(_ORDER),
    active=mapping(TEXT),
    exhausted=mapping(ANY),
)

# Envoy leaves out what is no scalar.
_SCALAR: Schema = {"anyOf": [{"type": "string"}, {"type": "number"}, {"type": "boolean"}]}
_HTTP = loose(
    method=TEXT,
    path=TEXT,
    host=TEXT,
    scheme=TEXT,
    protocol=TEXT,
    headers={"type": "object", "properties": dict.fromkeys(SEEN_BY_OPA, TEXT)},
)
_CALL = {
    "type": "object",
    "properties": {
        "body": {"enum": ["json", "missing", "error"], "type": "string"},
        **dict.fromkeys(BODY_FIELDS, _SCALAR),
    },
    "additionalProperties": False,
}
_CALL_INPUT = loose(
    attributes=loose(
        request=loose(http=_HTTP),
        metadataContext=loose(filterMetadata={"type": "object", "properties": {METADATA_NAMESPACE: _CALL}}),
    ),
    parsed_path=listing(TEXT),
    parsed_query=mapping(listing(TEXT)),
    version=mapping(TEXT),
)
# A manifest can be anything, so nothing is said about types: these are the names that rules look at.
_RESOURCES = loose(limits=loose(memory=ANY, cpu=ANY), requests=loose(cpu=ANY))
_SECURITY_CONTEXT = loose(
    **dict.fromkeys(("allowPrivilegeEscalation", "readOnlyRootFilesystem", "runAsNonRoot"), ANY),
    capabilities=loose(add=ANY, drop=ANY),
    seccompProfile=loose(type=ANY),
)
_CONTAINER = loose(
    **dict.fromkeys(("name", "image", "command", "args", "envFrom"), ANY),
    **dict.fromkeys(("volumeMounts", "volumeDevices"), operator_schemas.MOUNTS),
    env=loose_list(name=ANY, value=ANY, valueFrom=ANY),
    ports=loose_list(hostPort=ANY),
    resources=_RESOURCES,
    securityContext=_SECURITY_CONTEXT,
)
_POD = loose(
    **{key: {"items": _CONTAINER} for key in ("containers", "initContainers", "ephemeralContainers")},
    volumes=loose_list(
        name=ANY,
        image=loose(reference=ANY),
        hostPath=ANY,
        persistentVolumeClaim=operator_schemas.CLAIM,
        projected=loose(sources=loose_list(serviceAccountToken=loose(audience=ANY))),
    ),
    automountServiceAccountToken=ANY,
    hostUsers=ANY,
    os=loose(name=ANY),
    resources=_RESOURCES,
    securityContext=loose(sysctls=loose_list(name=ANY)),
)
_WORKLOAD_INPUT = loose(
    apiVersion=ANY,
    kind=ANY,
    metadata=loose(
        **dict.fromkeys(("name", "generateName", "namespace", "labels", "ownerReferences"), ANY),
        annotations={"properties": {DIGEST_ANNOTATION: ANY}},
    ),
    # Of a pod, or of what makes one.
    spec={
        "properties": {
            **network_schemas.FIELDS,
            **accelerator_schemas.FIELDS,
            **operator_schemas.FIELDS,
            **_POD["properties"],
            "template": loose(metadata=ANY, spec=_POD),
            "volumeClaimTemplates": ANY,
        }
    },
    items=ANY,
)

_VIOLATION = record(code=TEXT, severity=TEXT, effect=TEXT, message=TEXT, field=listing(ANY))
_SUBJECT = record(kind=TEXT, name=TEXT, namespace=TEXT, model=TEXT, version=TEXT)
_WORKLOAD_DECISION = record(allowed=FLAG, environment=TEXT, subject=_SUBJECT, violations=listing(_VIOLATION))
_ERROR = record(message=TEXT, type_=TEXT, code=TEXT, param={"type": "null"}, codes=listing(TEXT))
_METADATA = record(
    {"error": _ERROR, **dict.fromkeys(("tenant", "key", "model", "version", "digest", "alias", "warned"), TEXT)},
    codes=TEXT,
)
_CALL_DECISION = record(
    {"http_status": TIME, "body": TEXT, "request_headers_to_remove": listing(TEXT)},
    allowed=FLAG,
    headers=mapping(TEXT),
    dynamic_metadata=_METADATA,
)

_BUNDLE = loose(manifest=loose(revision=ANY, roots=ANY, wasm=ANY, metadata=ANY, rego_version=ANY))
# What OPA logs is the input of any point, as it came.
_EVENT = loose(
    input=loose(attributes=_CALL_INPUT["properties"]["attributes"], **_WORKLOAD_INPUT["properties"]),
    path=ANY,
    result=ANY,
)

STEPS: dict[str, dict[str, Schema]] = {
    ENVOY: {"registry": _ENVOY_REGISTRY, "live": _LIVE, "input": _CALL_INPUT, "decision": _CALL_DECISION},
    WORKLOAD: {
        "registry": _WORKLOAD_REGISTRY,
        "live": _LIVE,
        "input": _WORKLOAD_INPUT,
        "decision": _WORKLOAD_DECISION,
    },
    CONFTEST: {
        "registry": _WORKLOAD_REGISTRY,
        "loaded": record(records=MEMBERS),
        # There is none at this point: the rules that it shares with others name it.
        "live": _LIVE,
        "input": _WORKLOAD_INPUT,
        "decision": _WORKLOAD_DECISION,
    },
    "guard": {
        "registry": loose(**dict.fromkeys(_HEAD, ANY), calls=loose(paths=mapping(ANY))),
        "live": _LIVE,
        "settings": record(environment=TEXT),
        "bundles": loose(live=_BUNDLE, release=_BUNDLE),
        "request": loose(method=TEXT, path=listing(TEXT)),
        "event": _EVENT,
    },
    **compile_schemas.STEPS,
    **release_schemas.STEPS,
}
"""By step, the schemas that `opa check` is given, by the name that METADATA calls them."""


def schemas() -> dict[str, Schema]:
    """Every schema, by its path below `policies/schemas/rego/`."""
    return {
        f"{step}/{name}.json": {"$schema": DIALECT, "title": f"{name} ({step})", **schema}
        for step, named in STEPS.items()
        for name, schema in named.items()
    }


def field_names(step: str) -> list[str]:
    """Every name of a field in what the rules of one step read, sorted."""
    read = [schema for name, schema in STEPS[step].items() if name != "decision"]
    return sorted({name for schema in read for name in _names(schema)} - {"*"})


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for entry in value:
            yield from _names(entry)
    elif isinstance(value, dict):
        yield from value.get("properties", {})
        for entry in (*value.get("properties", {}).values(), value.get("items"), value.get("anyOf")):
            yield from _names(entry)


def main() -> None:
    """Write every schema."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else resources.policies() / "schemas" / "rego"
    for name, schema in schemas().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(documents.text(schema), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
