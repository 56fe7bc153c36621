"""CycloneDX's own JSON Schemas, strict, as the library ships them; two of their checks are done in linear time by ours.

The library's checker of `iri-reference` parses each with a general grammar, 0.1 s an address and more for a long one,
and its `uniqueItems` compares all pairs: a large document would take minutes, and a hostile one as long as its author
likes.
"""

from __future__ import annotations

import json
import re
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any

from weighbridge.errors import InputError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jsonschema import ValidationError
    from jsonschema.protocols import Validator

VERSIONS = ("1.4", "1.5", "1.6", "1.7")
"""Versions of CycloneDX that are read; the last two are written."""
_SHOWN = 20
"""Schema errors that are told of one document."""
_TEXT = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2}|[^\x00-\x9f\ufdd0-\ufdef\ufff0-\uffff\ud800-\udfff])"
_SCHEME = r"(?:[A-Za-z][A-Za-z0-9+.-]*:|(?![^/?#]*:))"
_AUTHORITY = r"(?://[^/?#\s<>\"{}|\\^`\x00-\x1f]*(?=[/?#]|\Z))?"
_IRI = re.compile(rf"{_SCHEME}{_AUTHORITY}{_TEXT}*(?:\?(?:{_TEXT}|\?)*)?(?:#(?:{_TEXT}|\?)*)?")


def is_iri_reference(value: object) -> bool:
    """Whether a text is an IRI reference (RFC 3987): a scheme or none, a path, a query, a fragment, no blank."""
    return not isinstance(value, str) or _IRI.fullmatch(value) is not None


def check_schema(data: bytes, spec: str, file: str, fix: str) -> None:
    """Demand that a document holds to its schema, strictly: unknown fields are errors.

    Args:
        data: the document's bytes, known to be JSON.
        spec: one of `VERSIONS`.
        file: the name for errors.
        fix: what to do about it.

    Raises:
        InputError: with the first problems.
    """
    problems = []
    for found in islice(_validator(spec).iter_errors(json.loads(data)), _SHOWN):
        field = ".".join(str(part) for part in found.absolute_path)
        message = f"is no valid CycloneDX {spec}: {found.message:.300}"
        problems.append(Problem(file, field=field, message=message, fix=fix))
    if problems:
        raise InputError(problems)


@cache
def _validator(spec: str) -> Validator:
    from cyclonedx.schema import SchemaVersion  # noqa: PLC0415 -- costs 2 s, with the checkers of formats
    from cyclonedx.validation.json import JsonStrictValidator  # noqa: PLC0415 -- the same
    from jsonschema import Draft7Validator, FormatChecker, validators  # noqa: PLC0415 -- the same

    # Private, but the only way to the schema with its references resolved; a test notices when it goes.
    shipped: Any = JsonStrictValidator(SchemaVersion.from_version(spec))._validator
    formats = FormatChecker(())
    formats.checkers = {**shipped.format_checker.checkers, "iri-reference": (is_iri_reference, ())}
    extend: Any = validators.extend  # has no types
    checker = extend(Draft7Validator, {"uniqueItems": _unique_items})
    made: Validator = checker(shipped.schema, registry=shipped._registry, format_checker=formats)
    return made


def _unique_items(_validator: Any, wanted: bool, items: Any, _schema: Any) -> Iterator[ValidationError]:
    """JSON Schema's `uniqueItems`, by hash: the library compares each item with each other one."""
    from jsonschema import ValidationError  # noqa: PLC0415 -- loaded by now

    if wanted and isinstance(items, list):
        known = {json.dumps(item, sort_keys=True) for item in items}
        if len(known) != len(items):
            yield ValidationError("has non-unique elements")
