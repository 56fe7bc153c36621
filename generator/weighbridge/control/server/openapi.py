"""The description of the interface, OpenAPI 3.1; the shapes of answers are those that write them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field
from pydantic.json_schema import models_json_schema

from weighbridge import __version__
from weighbridge.catalogue.names import Document
from weighbridge.control.answers import EnvironmentList, EnvironmentView, OrderAnswer, OrderList
from weighbridge.control.fleet_view import FleetView

_REF = "#/components/schemas/{model}"
_BUNDLE = "application/vnd.openpolicyagent.bundles"
_ENVIRONMENT = {"name": "environment", "in": "path", "required": True, "schema": {"type": "string"}}
_POINT = {"name": "point", "in": "path", "required": True, "schema": {"enum": ["envoy", "workload"]}}
_KEY = {
    "name": "key",
    "in": "path",
    "required": True,
    "description": "The first 16 hexadecimal digits of the signing key's fingerprint.",
    "schema": {"type": "string", "pattern": "^[0-9a-f]{16}$"},
}
_WAIT = [
    {
        "name": "Prefer",
        "in": "header",
        "description": "`wait=N`: answer once it has changed, after 0.8 N seconds (at most 20) at the latest.",
        "schema": {"type": "string"},
    },
    {"name": "If-None-Match", "in": "header", "schema": {"type": "string"}},
]


class ErrorDetail(Document):
    """What is wrong."""

    code: str
    message: str


class ErrorAnswer(Document):
    """Every answer that is none."""

    error: ErrorDetail


class ReadyAnswer(Document):
    """Whether this replica should get requests."""

    ready: bool
    reasons: tuple[str, ...] = Field(strict=False)


class ReceiptDetail(Document):
    """What an agent's receipt rests on, what is wrong, and what runs of something revoked."""

    proof: Literal["gatekeeper", "api-server", ""] = ""
    """Who has acknowledged the live state: a replica of Gatekeeper, or the API server alone."""
    problems: tuple[str, ...] = ()
    workloads: tuple[str, ...] = ()


class ReceiptBody(Document):
    """What an agent says that its cluster has."""

    environment: str
    cluster: str
    revision: str
    sequence: int
    at: str
    state: Literal["ok", "failing"]
    detail: ReceiptDetail = ReceiptDetail()


_MODELS: tuple[type[BaseModel], ...] = (
    *(EnvironmentList, EnvironmentView, ErrorAnswer, FleetView),
    *(OrderAnswer, OrderList, ReadyAnswer, ReceiptBody),
)


def document() -> dict[str, Any]:
    """The whole description."""
    _, schemas = models_json_schema([(model, "serialization") for model in _MODELS], ref_template=_REF)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Weighbridge control plane",
            "version": __version__,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {**_published(), **_orders(), **_reports(), **_process()},
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {
                "client": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token that `clients.yaml` knows by its hash: of a sidecar, agent or reader.",
                },
                "certificate": {"type": "mutualTLS", "description": "A client certificate that `clients.yaml` names."},
                "operator": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "Signed for one request with a key that may sign orders: claims iss, aud, iat, exp, "
                    "and sha256 of method, path with query, and body.",
                },
            },
        },
    }


def _published() -> dict[str, Any]:
    paths: dict[str, Any] = {}
    live, release = "/bundles/{environment}/%slive.tar.gz", "/bundles/{environment}/{point}/%srelease.tar.gz"
    for variant, keyed in (("", []), ("keys/{key}/", [_KEY])):
        suffix = " by one key" if keyed else ""
        paths[live % variant] = _read(f"The live bundle{suffix}", _BUNDLE, [_ENVIRONMENT, *keyed], _CLIENTS)
        paths[release % variant] = _read(
            f"A point's release bundle{suffix}", _BUNDLE, [_ENVIRONMENT, _POINT, *keyed], _CLIENTS
        )
        for name, media_type, told in (
            ("control.tar.gz", "application/gzip", "Control data"),
            ("livestate.jws", "application/jose", "The state for clusters"),
            ("approvals", "application/json", "The approvals for clusters"),
        ):
            path = f"/v1/environments/{{environment}}/{variant}{name}"
            paths[path] = _read(f"{told}{suffix}", media_type, [_ENVIRONMENT, *keyed], _READERS)
    paths["/v1/environments/{environment}/log.jsonl"] = _read(
        "The log, JSON Lines", "application/jsonl", [_ENVIRONMENT], _READERS
    )
    return paths


_CLIENTS: list[dict[str, Any]] = [{"client": []}, {"certificate": []}]
_READERS = [*_CLIENTS, {"operator": []}]


def _read(told: str, media_type: str, parameters: list[dict[str, Any]], security: list[dict[str, Any]]) -> Any:
    content = {media_type: {"schema": {"type": "string", "format": "binary"}}}
    answers = {
        "200": {"description": told, "content": content, "headers": {"ETag": {"schema": {"type": "string"}}}},
        "304": {"description": "What the client has is what is served."},
        **_errors("401", "403", "404", "429"),
    }
    operation = {"summary": told, "parameters": [*parameters, *_WAIT], "security": security, "responses": answers}
    return {"get": operation}


def _orders() -> dict[str, Any]:
    answers = {
        "200": _answer("OrderAnswer", "Accepted, or known already, at least in one environment"),
        "202": _answer("OrderAnswer", "Kept until further signatures come"),
        "422": _answer("OrderAnswer", "Refused, with the reasons"),
        **_errors("408", "413", "429", "503"),
    }
    submit = {
        "summary": "Send an order: a DSSE envelope, judged by its own signatures",
        "requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}},
        "responses": answers,
        "security": [{}, {"operator": []}],
    }
    query = [
        {"name": "environment", "in": "query", "schema": {"type": "string"}},
        {"name": "all", "in": "query", "schema": {"type": "boolean", "default": False}},
    ]
    fleet = _get("FleetView", "The fleet", [_ENVIRONMENT, _query("order"), *_WAIT])
    fleet["get"]["responses"]["304"] = {"description": "Nothing has changed."}
    identifier = {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}}
    return {
        "/v1/orders": {"post": submit, **_get("OrderList", "Orders", query)},
        "/v1/orders/{id}": _get("OrderList", "One order", [identifier]),
        "/v1/environments": _get("EnvironmentList", "Environments that this client may look at", []),
        "/v1/environments/{environment}": _get("EnvironmentView", "What live data says now", [_ENVIRONMENT]),
        "/v1/environments/{environment}/fleet": fleet,
    }


def _query(name: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": {"type": "string"}}


def _get(schema: str, told: str, parameters: list[dict[str, Any]]) -> dict[str, Any]:
    answers = {"200": _answer(schema, told), **_errors("400", "401", "403", "404", "429")}
    return {"get": {"summary": told, "parameters": parameters, "security": _READERS, "responses": answers}}


def _reports() -> dict[str, Any]:
    taken = {"200": {"description": "Taken"}, **_errors("400", "401", "403", "408", "413", "422", "429", "503")}

    def post(told: str, schema: dict[str, Any]) -> dict[str, Any]:
        body = {"required": True, "content": {"application/json": {"schema": schema}}}
        return {"post": {"summary": told, "requestBody": body, "security": _CLIENTS, "responses": taken}}

    return {
        "/status": post("A sidecar's status, in OPA's format, plain or gzip", {"type": "object"}),
        "/logs": post("Decisions, in OPA's format, plain or gzip", {"type": "array", "items": {"type": "object"}}),
        "/v1/receipts": post("What a cluster has", {"$ref": _REF.format(model="ReceiptBody")}),
    }


def _process() -> dict[str, Any]:
    def get(told: str, answers: dict[str, Any], security: list[dict[str, Any]]) -> dict[str, Any]:
        return {"get": {"summary": told, "security": security, "responses": answers}}

    text = {"200": {"description": "Metrics", "content": {"text/plain": {"schema": {"type": "string"}}}}}
    ready = {"200": _answer("ReadyAnswer", "Ready"), "503": _answer("ReadyAnswer", "Not ready, and why")}
    return {
        "/health": get("The process answers", {"200": {"description": "It does"}}, [{}]),
        "/ready": get("Whether this replica should get requests", ready, [{}]),
        "/metrics": get("For Prometheus", {**text, **_errors("401", "403", "429")}, _CLIENTS),
        "/openapi.json": get("This description", {"200": {"description": "It"}}, [{}]),
    }


def _answer(schema: str, told: str) -> dict[str, Any]:
    return {"description": told, "content": {"application/json": {"schema": {"$ref": _REF.format(model=schema)}}}}


_TOLD = {
    "400": "Not understood",
    "401": "No credential that is known",
    "403": "Not for this client",
    "404": "Nothing there",
    "408": "Too slow",
    "413": "Too large",
    "422": "Refused",
    "429": "Too many",
    "503": "Not now",
}


def _errors(*statuses: str) -> dict[str, Any]:
    return {status: _answer("ErrorAnswer", _TOLD[status]) for status in statuses}
