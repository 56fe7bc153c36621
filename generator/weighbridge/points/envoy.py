"""Envoy's bootstrap for one environment (CONTRACTS: Calls).

The template writes the envelope; what must be right word by word stands here: which headers are removed where, what is
read from a body, what OPA sees of a call, and how Envoy words its own refusals.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import jinja2
import yaml

from weighbridge.points.envoy_address import cluster_address, is_ip, listener_address, refuse_public

if TYPE_CHECKING:
    from weighbridge.catalogue.configuration import Environment

METADATA_NAMESPACE = "weighbridge.call"
"""Where OPA finds what was read from the body."""
OPA_CLUSTER = "weighbridge-opa"
ROUTE_HEADER = "x-weighbridge-route"
"""OPA sets it to `<model>@<version>` on every allowed call; nobody else can."""

BODY_FIELDS = {
    "model": ("model",),
    "stream": ("stream",),
    "include_usage": ("stream_options", "include_usage"),
    "max_tokens": ("max_tokens",),
    "max_completion_tokens": ("max_completion_tokens",),
    "n": ("n",),
}
"""Metadata key to its path in the body. Scalars keep their type; Envoy leaves out null, objects and arrays."""

CONTENT_TYPE = r'(?i)application/json[ \t]*(;[ \t]*charset[ \t]*=[ \t]*("utf-?8"|utf-?8)[ \t]*)?'
"""RE2 that the whole Content-Type must match for the body to be read."""

REMOVED_ON_ARRIVAL = (
    # Servers that honour one of these see another path or method than the one that was decided on.
    "x-original-url", "x-rewrite-url", "x-original-method", "x-http-method", "x-http-method-override",
    "x-method-override", "x-forwarded-host", "x-forwarded-prefix", "x-forwarded-path", "forwarded",
)  # fmt: skip
"""Request headers that no later part may see, beside everything below `x-weighbridge-`."""

SEEN_BY_OPA = (
    "authorization", "x-api-key", "api-key", "content-type", "content-encoding", "content-length", "x-request-id",
)  # fmt: skip
"""The only request headers that OPA, and so its decision log, gets to see."""

REMOVED_BEFORE_UPSTREAM = (
    "authorization", "proxy-authorization", "cookie", "x-api-key", "api-key", "x-goog-api-key",
    # What Envoy read as plain JSON is what the model's server must read, whatever a client calls its encoding.
    "content-encoding",
)  # fmt: skip
"""Request headers that the upstream does not get."""


@dataclass(frozen=True)
class EnvoySite:
    """What differs between the places where an Envoy runs; the body limit comes from the catalogue.

    Addresses are `host:port`, `[v6]:port` or `unix:///path`.
    """

    listen: str = "0.0.0.0:8080"
    """Where calls arrive."""
    opa_address: str = "127.0.0.1:9191"
    """Where OPA's Envoy plugin listens."""
    admin: str = "127.0.0.1:9901"
    """Envoy's own interface: loopback or a Unix socket only, as whoever reaches it can stop Envoy."""
    access_log: str = "/dev/stdout"
    """A file that gets one JSON object a line."""
    trusted_ca: str = "/etc/ssl/certs/ca-certificates.crt"
    """PEM file against which upstreams with `https` are verified."""
    connections: int = 10_000
    """Open connections of clients."""
    heap_bytes: int = 2 * 1024**3
    """Bytes of heap, from 95 % of which on new requests are refused with a 503."""
    request_seconds: int = 60
    """Seconds in which a request, body included, must have arrived."""
    decision_seconds: int = 1
    """Seconds in which OPA must have decided; later is a refusal."""
    answer_seconds: int = 600
    """Seconds in which an answer, streamed or not, must be complete (what the OpenAI SDK waits by default)."""


@dataclass(frozen=True)
class _Refusal:
    """What Envoy says when it refuses without asking OPA, or without its answer."""

    filter: dict[str, Any]
    code: str
    type: str
    message: str
    status: int | None = None


def _status(operator: str, value: int) -> dict[str, Any]:
    comparison = {"op": operator, "value": {"default_value": value, "runtime_key": "weighbridge.unused"}}
    return {"status_code_filter": {"comparison": comparison}}


def _details(expression: str) -> dict[str, Any]:
    cel = "type.googleapis.com/envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter"
    config = {"@type": cel, "expression": expression}
    return {"extension_filter": {"name": "envoy.access_loggers.extension_filters.cel", "typed_config": config}}


def _both(*filters: dict[str, Any]) -> dict[str, Any]:
    return {"and_filter": {"filters": list(filters)}}


_INVALID = "invalid_request_error"
_SERVER = "server_error"
_REFUSALS = (
    _Refusal(_both({"response_flag_filter": {"flags": ["UAEX"]}}, _status("GE", 400)), "INF-022", _SERVER,
             "No decision could be made about this call, so it is refused. Try again later.", 503),
    _Refusal(_status("EQ", 413), "INF-005", _INVALID, "The request's body is larger than allowed."),
    _Refusal(_both(_status("EQ", 400), _details("response.code_details.startsWith('path_normalization_failed')")),
             "INF-006", _INVALID, "The request's path is not acceptable: write it without escaped slashes."),
    _Refusal(_status("EQ", 404), "INF-025", _SERVER, "No server is configured for this model version."),
    _Refusal(_status("EQ", 408), "INF-001", _INVALID, "The request did not arrive in time, or was cut off."),
    _Refusal(_status("EQ", 426), "INF-006", _INVALID, "Use HTTP/1.1 or HTTP/2."),
    _Refusal(_status("EQ", 431), "INF-006", _INVALID, "The request's headers are too large or too many."),
    _Refusal(_status("EQ", 501), "INF-001", _INVALID, "The request uses a transfer encoding that is not supported."),
    _Refusal(_status("GE", 500), "INF-025", _SERVER,
             "The model's server cannot be reached or did not answer in time. Try again later."),
    _Refusal(_status("GE", 400), "INF-001", _INVALID, "The request is malformed."),
)  # fmt: skip
"""The first that matches is taken."""


def envoy_bootstrap(environment_name: str, environment: Environment, site: EnvoySite | None = None) -> str:
    """The bootstrap as YAML; the same for the same arguments.

    Args:
        environment_name: its name, for the access log.
        environment: upstreams and call limits.
        site: addresses and limits; without it the ones that `compile` writes.

    Raises:
        ValueError: an address of another form, or an admin interface that others could reach.
    """
    site = site or EnvoySite()
    refuse_public(site.admin)
    return _template().render(
        environment=environment_name,
        site=site,
        listen=listener_address(site.listen),
        opa=cluster_address(site.opa_address),
        admin=listener_address(site.admin),
        body_limit=environment.calls.body_limit,
        namespace=METADATA_NAMESPACE,
        opa_cluster=OPA_CLUSTER,
        route_header=ROUTE_HEADER,
        body_fields=BODY_FIELDS,
        content_type=CONTENT_TYPE,
        removed_on_arrival=REMOVED_ON_ARRIVAL,
        seen_by_opa=SEEN_BY_OPA,
        removed_before_upstream=list(REMOVED_BEFORE_UPSTREAM),
        refusals=_REFUSALS,
        method=_known_only("request.method", {call.split()[0] for call in environment.calls.paths}),
        path=_known_only("request.url_path", {call.split()[1] for call in environment.calls.paths}),
        upstreams=[_upstream(name, url, site.trusted_ca) for name, url in sorted(environment.upstreams.items())],
        authz=_authz,
    )


def relocate(
    bootstrap: str,
    *,
    listen: str,
    opa_address: str,
    admin: str,
    access_log: str,
    upstream: str | None = None,
    decision_seconds: int | None = None,
) -> str:
    """The same bootstrap at other addresses, as `weighbridge run` and the harness start what `compile` wrote.

    Args:
        bootstrap: what `envoy_bootstrap` wrote.
        listen: as in `EnvoySite`, like the next three.
        opa_address: where OPA listens.
        admin: Envoy's own interface.
        access_log: a file.
        upstream: where every version's calls go instead, in plain HTTP; for tests.
        decision_seconds: how long OPA may take instead; for tests, which ask what is decided on however busy a machine.

    Raises:
        ValueError: an address of another form, or an admin interface that others could reach.
    """
    refuse_public(admin)
    document = yaml.safe_load(bootstrap)
    document["admin"]["address"] = listener_address(admin)
    listener = document["static_resources"]["listeners"][0]
    listener["address"] = listener_address(listen)
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    manager["access_log"][0]["typed_config"]["path"] = access_log
    for given in manager["http_filters"] if decision_seconds is not None else ():
        if "grpc_service" in given["typed_config"]:
            given["typed_config"]["grpc_service"]["timeout"] = f"{decision_seconds}s"
    for cluster in document["static_resources"]["clusters"]:
        if cluster["name"] == OPA_CLUSTER:
            _move(cluster, opa_address)
        elif upstream is not None:
            _move(cluster, upstream)
            cluster.pop("transport_socket", None)
    # Not as YAML: PyYAML leaves the key `n` bare, which Envoy reads as false.
    return json.dumps(document, indent=1)


def _move(cluster: dict[str, Any], address: str) -> None:
    moved = cluster_address(address)
    cluster["type"] = moved["type"]
    cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"] = moved["address"]


def _template() -> jinja2.Template:
    text = (resources.files("weighbridge.points") / "templates" / "envoy.yaml.j2").read_text(encoding="utf-8")
    # Every value goes through `tojson`, so nothing in it can end the string that it stands in.
    return jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False).from_string(text)  # noqa: S701 -- YAML, not HTML


def _authz(path: str) -> str:
    return f"%DYNAMIC_METADATA(envoy.filters.http.ext_authz:{path})%"


def _known_only(attribute: str, known: set[str]) -> str:
    # A CEL expression for the access log: what the catalogue names, or nothing. Envoy's CEL has no concatenation.
    listed = ", ".join(f"'{each}'" for each in sorted(known))
    return f"%CEL({attribute} in [{listed}] ? {attribute} : '')%"


def _upstream(version: str, url: str, trusted_ca: str) -> dict[str, Any]:
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    cluster = cluster_address(f"{host}:{port}")
    tls = _tls(host, trusted_ca) if parts.scheme == "https" else None
    return {"version": version, "authority": parts.netloc, "tls": tls, **cluster}


def _tls(host: str, trusted_ca: str) -> dict[str, Any]:
    validation = {
        "trusted_ca": {"filename": trusted_ca},
        # Without this Envoy accepts any certificate of a trusted authority, whoever it was issued to.
        "match_typed_subject_alt_names": [
            {"san_type": "IP_ADDRESS" if is_ip(host) else "DNS", "matcher": {"exact": host}}
        ],
    }
    context: dict[str, Any] = {
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
        "common_tls_context": {
            "validation_context": validation,
            "tls_params": {"tls_minimum_protocol_version": "TLSv1_2"},
        },
    }
    return context if is_ip(host) else {**context, "sni": host}
