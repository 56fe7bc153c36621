"""tenants.yaml against the rest: environments and models that nobody defined, key ids and keys given twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weighbridge.catalogue.trusted import TENANTS
from weighbridge.catalogue.undefined import names_at, undefined
from weighbridge.catalogue.yaml_nodes import Places, field_path
from weighbridge.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from weighbridge.catalogue.configuration import Entitlement
    from weighbridge.catalogue.trusted import Trusted

_Path = tuple[str | int, ...]
_Complaint = tuple[_Path, str, str]


def tenant_problems(trusted: Trusted, models: set[str]) -> list[Problem]:
    """Every problem of tenants.yaml that shows only beside weighbridge.yaml and the models.

    Args:
        trusted: what was read.
        models: ids of the models in the catalogue.
    """
    document = trusted.tenants_document
    places = document.places if document else Places(None)
    problems = []
    for path, message, fix in _complaints(trusted, models):
        line, column = places.value(path)
        problems.append(Problem(TENANTS, line, column, field_path(path), message, fix))
    return problems


def _complaints(trusted: Trusted, models: set[str]) -> Iterator[_Complaint]:
    if trusted.tenants is None:
        return
    written: Any = trusted.configuration_document.value if trusted.configuration_document else None
    environments = names_at(written, "environments")
    ids: dict[str, str] = {}
    hashes: dict[str, str] = {}
    for tenant, document in trusted.tenants.tenants.items():
        for environment, entitlement in document.environments.items():
            path = ("tenants", tenant, "environments", environment)
            if written is not None and environment not in environments:
                yield path, *undefined(environment, "environment", environments)
            yield from _models(path, entitlement, models)
            for index, key in enumerate(entitlement.keys):
                here = (*path, "keys", index)
                yield from _once(ids, (*here, "id"), key.id, "key id")
                yield from _once(hashes, (*here, "sha256"), key.sha256, "key")


def _models(path: _Path, entitlement: Entitlement, models: set[str]) -> Iterator[_Complaint]:
    for index, model in enumerate(entitlement.models):
        if model not in models:
            yield (*path, "models", index), *undefined(model, "model", models)
    for number, key in enumerate(entitlement.keys):
        for index, model in enumerate(key.models or ()):
            if model not in entitlement.models:
                message = f"names the model `{model}`, to which the tenant itself is not entitled"
                yield (*path, "keys", number, "models", index), message, "Add it to the tenant's models, or remove it."


def _once(seen: dict[str, str], path: _Path, value: str, what: str) -> Iterator[_Complaint]:
    first = seen.setdefault(value, field_path(path))
    if first != field_path(path):
        fix = "Make a new key with `weighbridge tenant key`."
        yield path, f"gives a {what} that {first} gives already: who revokes one would revoke both", fix
