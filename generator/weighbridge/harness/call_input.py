"""What OPA would be asked about a request, built the way Envoy builds it.

It stands in for Envoy where a fixture goes through OPA's API alone. The real Envoy judges the same fixtures, and both
must agree: that is how a difference between this module and Envoy shows.
"""

from __future__ import annotations

import json
import posixpath
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from weighbridge.points.envoy import BODY_FIELDS, CONTENT_TYPE, METADATA_NAMESPACE, SEEN_BY_OPA

if TYPE_CHECKING:
    from weighbridge.harness.fixtures import RequestFixture

_JSON_TYPE = re.compile(CONTENT_TYPE)
_MAX_STRING = 8 * 1024
"""Bytes of a string that Envoy's filter still takes over into metadata."""


def body_bytes(request: RequestFixture) -> bytes:
    """The body as it goes over the wire."""
    return _written(request.body) + b" " * (request.padding or 0)


def _written(body: Any) -> bytes:
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode()
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def check_request(request: RequestFixture) -> dict[str, Any]:
    """The input of one decision, in the form of opa-envoy-plugin (Envoy's ext_authz v3 CheckRequest)."""
    body = body_bytes(request)
    headers = _headers(request, body)
    path = _normalised(request.path)
    http: dict[str, Any] = {
        "headers": headers,
        "host": "harness",
        "method": request.method,
        "path": path,
        "protocol": "HTTP/1.1",
        "scheme": "http",
    }
    if body and _JSON_TYPE.fullmatch(headers.get("content-type", "")):
        # A body of another type is still on its way when Envoy asks.
        http["size"] = len(body)
    metadata = {METADATA_NAMESPACE: call_metadata(headers.get("content-type", ""), body)}
    parts = urlsplit(path)
    return {
        "attributes": {"request": {"http": http}, "metadataContext": {"filterMetadata": metadata}},
        "parsed_path": unquote(parts.path).removeprefix("/").split("/"),
        "parsed_query": parse_qs(parts.query),
        "version": {"encoding": "protojson", "ext_authz": "v3"},
    }


def _headers(request: RequestFixture, body: bytes) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in request.sent_headers():
        key = name.lower()
        headers[key] = f"{headers[key]},{value}" if key in headers else value
    if body:
        headers.setdefault("content-length", str(len(body)))
    return {name: value for name, value in headers.items() if name in SEEN_BY_OPA}


def _normalised(target: str) -> str:
    path, mark, query = target.partition("?")
    path = re.sub(r"/{2,}", "/", path)
    normal = posixpath.normpath(path) + ("/" if path.endswith("/") and path != "/" else "")
    return normal + mark + query


def call_metadata(content_type: str, body: bytes) -> dict[str, Any]:
    """What Envoy's `json_to_metadata` reads from a body (as measured on Envoy 1.40)."""
    if not _JSON_TYPE.fullmatch(content_type):
        return {"body": "error"}
    if not body:
        return {"body": "missing"}
    # Envoy's parser ends at a NUL, and refuses half of a surrogate pair, escaped though it is.
    text, _, _ = body.partition(b"\0")
    try:
        document = _parse(text.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return {"body": "error"}
    if not isinstance(document, (dict, list)):
        return {"body": "missing"}
    found = {key: _at(document, path) for key, path in BODY_FIELDS.items()}
    return {"body": "json"} | {key: value for key, value in found.items() if _scalar(value)}


def _parse(text: str) -> Any:
    numbers: dict[str, Any] = {"parse_constant": _refuse, "parse_int": _integer, "parse_float": _float}
    document = json.loads(text, object_pairs_hook=_object, **numbers)
    json.dumps(document, ensure_ascii=False).encode()
    return document


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Of a key that is given twice the last counts, but the first must be right, too.
    json.dumps(pairs, ensure_ascii=False).encode()
    return dict(pairs)


def _at(document: Any, path: tuple[str, ...]) -> Any:
    for part in path:
        document = document.get(part) if isinstance(document, dict) else None
    return document


def _scalar(value: Any) -> bool:
    if isinstance(value, str):
        return len(value.encode("utf-8", "surrogatepass")) <= _MAX_STRING
    return isinstance(value, (bool, int, float))


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _float(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError("no finite number")
    return value


def _integer(text: str) -> float:
    # Metadata holds doubles. Envoy's parser refuses what fits an unsigned but no signed 64-bit integer.
    value = int(text) if len(text) <= 400 else float(text)
    if 2**63 <= value < 2**64:
        raise ValueError("no 64-bit integer")
    number = _float(text)
    return int(number) if number.is_integer() and abs(number) < 2**63 else number
