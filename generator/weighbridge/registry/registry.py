"""Registry documents: `data.weighbridge.registry` of each point (architecture: Records and the registry).

Everything here is looked up by key at decision time, so that a decision's cost does not grow with the catalogue. Times
are integer nanoseconds. What `clear` says is derived from the orders and nothing else, so that the hot path and the
full rules agree.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weighbridge import keys
from weighbridge.catalogue import kinds
from weighbridge.catalogue.enforcement import timeline
from weighbridge.catalogue.names import NEVER_NS
from weighbridge.errors import InputError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from weighbridge.catalogue.catalogue import Catalogue
    from weighbridge.catalogue.configuration import Entitlement, Environment, TenantKey, Threshold
    from weighbridge.registry.image_facts import Facts
    from weighbridge.registry.orders import Restrictions
    from weighbridge.registry.records import Record

WORKLOAD_POINTS = ("workload", "conftest")
"""The points that judge workloads; `envoy` judges calls."""

Document = dict[str, Any]


def envoy_registry(
    catalogue: Catalogue, environment: str, records: Mapping[str, Record], orders: Restrictions, *, at_ns: int
) -> Document:
    """What the envoy point of one environment knows.

    Raises:
        InputError: one key of two tenants.
    """
    configured = catalogue.configuration.environments[environment]
    return {
        "environment": environment,
        "point": "envoy",
        "modes": _modes(configured),
        "multi_tenant": configured.multi_tenant,
        "records": {
            name: _call_record(record, orders, served=name in configured.upstreams) for name, record in records.items()
        },
        "models": _models(configured, records),
        "routes": {alias: {"models": _set(route.models)} for alias, route in configured.routes.items()},
        "grants": _grants(catalogue, environment, orders),
        "calls": {
            "body_limit": configured.calls.body_limit,
            "paths": {path: rule.model_dump(exclude_none=True) for path, rule in configured.calls.paths.items()},
        },
        "orders": orders.document(),
        "authority": _authority(catalogue, configured, at_ns),
    }


def workload_registry(
    catalogue: Catalogue,
    environment: str,
    point: str,
    records: Mapping[str, Record],
    orders: Restrictions,
    support: Mapping[str, Facts] | None = None,
    waivers: Mapping[str, Any] | None = None,
) -> Document:
    """What a point that judges workloads knows of one environment; the last two are as in `workload_settings`."""
    return {
        **workload_settings(catalogue, environment, support, waivers),
        "point": point,
        "orders": orders.document(),
        "records": {name: _workload_record(record) for name, record in records.items()},
    }


def workload_settings(
    catalogue: Catalogue,
    environment: str,
    support: Mapping[str, Facts] | None = None,
    waivers: Mapping[str, Any] | None = None,
) -> Document:
    """What every point that judges workloads knows beside records and orders, whichever way it gets there.

    Args:
        catalogue: as it was read.
        environment: whose workloads are judged.
        support: by digest, what is known of the support images there (`Judged.support_facts`).
        waivers: by code, as `registry.waivers.point_waivers` gives them; without them nothing is waived.
    """
    known = support or {}
    configuration = catalogue.configuration
    configured = configuration.environments[environment]
    return {
        "environment": environment,
        "multi_tenant": configured.multi_tenant,
        # What agents do about running workloads is none of what a rule judges.
        "limits": configured.workloads.model_dump(mode="json", exclude={"on_revoked"}),
        "labels": {
            "model_id": configuration.labels.model_id,
            "model_version": configuration.labels.model_version,
        },
        "support_images": {image: known.get(image, {}) for image in configuration.support_images},
        "exempt_namespaces": _set(configuration.exempt_namespaces),
        "kinds": kinds.table(configuration.kinds),
        "modes": _modes(configured),
        "waivers": dict(waivers or {}),
    }


def _modes(environment: Environment) -> Document:
    """By code, the steps of its enforcement, each with the moment from which it holds."""
    return {code: timeline(steps) for code, steps in sorted(environment.enforcement.items())}


def _set(names: Iterable[str]) -> dict[str, bool]:
    """Names as an object, since Rego finds a key at once and an array's element only by looking at all."""
    return dict.fromkeys(names, True)


def _call_record(record: Record, orders: Restrictions, *, served: bool) -> Document:
    document: Document = {
        "model": record.model,
        "version": record.version,
        "approved": record.approved,
        "digest": record.digest,
    }
    if not record.approved:
        return document | {"reasons": [reason.document() for reason in record.reasons]}
    clear = record.digest not in orders.revoked and record.name not in orders.frozen
    return document | {"not_after": record.not_after, "clear": clear, "served": served}


def _models(environment: Environment, records: Mapping[str, Record]) -> Document:
    """By model id its approved and served versions and its aliases, so that listing them never walks all records."""
    models: dict[str, Document] = {}
    for name, record in records.items():
        if record.approved and name in environment.upstreams:
            models.setdefault(record.model, {"versions": {}, "aliases": {}})["versions"][name] = True
    for alias, route in environment.routes.items():
        for model in route.models:
            models.setdefault(model, {"versions": {}, "aliases": {}})["aliases"][alias] = True
    return models


def _workload_record(record: Record) -> Document:
    return {
        "model": record.model,
        "version": record.version,
        "approved": record.approved,
        "digest": record.digest,
        "not_after": record.not_after,
        "images": {image: dict(record.image_facts.get(image, {})) for image in record.images},
        "sources": _set(record.sources),
        "required": list(record.required),
        "missing": list(record.missing),
        "reasons": [reason.document() for reason in record.reasons],
        "lacking": [dict(entry) for entry in record.lacking],
        "environment_variables": _set(record.environment_variables),
    }


def _grants(catalogue: Catalogue, environment: str, orders: Restrictions) -> Document:
    grants: Document = {}
    problems: list[Problem] = []
    tenants = catalogue.tenants.tenants if catalogue.tenants else {}
    for tenant, document in sorted(tenants.items()):
        entitlement = document.environments.get(environment)
        for key in entitlement.keys if entitlement else ():
            field = f"tenants.{tenant}.environments.{environment}.keys"
            if (hexadecimal := key.sha256.removeprefix("sha256:")) in grants:
                problems.append(
                    Problem(
                        "tenants.yaml", field=field, message=f"key {key.id} is there twice", fix="Make another key."
                    )
                )
            elif entitlement:
                grants[hexadecimal] = _grant(tenant, entitlement, key, orders)
    if problems:
        raise InputError(problems)
    return grants


def _grant(tenant: str, entitlement: Entitlement, key: TenantKey, orders: Restrictions) -> Document:
    models = entitlement.models if key.models is None else [name for name in key.models if name in entitlement.models]
    limit = entitlement.limits.max_tokens
    return {
        "tenant": tenant,
        "key": key.id,
        "not_after": key.not_after,
        "models": _set(models),
        "clear": tenant not in orders.suspended and key.id not in orders.keys,
        **({} if limit is None else {"max_tokens": limit}),
    }


def _authority(catalogue: Catalogue, environment: Environment, at_ns: int) -> Document:
    """Who may order what: the keys that count at `--at`; a kind whose threshold they cannot meet is left out."""
    authority: Document = {}
    for kind, threshold in sorted(environment.orders.items()):
        held = _counting_keys(catalogue, threshold, at_ns)
        if len({fingerprint for fingerprint, _ in held.values()}) >= threshold.threshold:
            pems = {signer: pem for signer, (_, pem) in held.items()}
            authority[kind] = {"keys": pems, "threshold": threshold.threshold}
    return authority


def _counting_keys(catalogue: Catalogue, threshold: Threshold, at_ns: int) -> dict[str, tuple[str, str]]:
    """Fingerprint and PEM of each named signer whose key is valid now and was not compromised."""
    held = {}
    for name in sorted(set(threshold.signers)):
        signer = catalogue.signers[name]
        document = signer.document
        valid = (document.not_before or 0) <= at_ns < (document.not_after or NEVER_NS)
        if signer.key is not None and valid and document.compromised_from is None:
            held[name] = (signer.fingerprint, keys.public_pem(signer.key))
    return held
