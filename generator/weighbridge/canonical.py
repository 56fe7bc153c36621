"""JSON: read strictly, written canonically.

Two canonical forms are in use, and they are not the same. RFC 8785 is what digests and signatures of documents rest on.
OPA hashes `data.json` and `.manifest` of a signed bundle in a form of its own (sorted keys, no white space, number
literals kept, U+2028 and U+2029 escaped), so those files are written with `opa_canonical` and with nothing else.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from typing import Any, NoReturn

import rfc8785

from weighbridge.errors import InputError

MAX_DEPTH = 64
"""Deepest nesting of a JSON document that is read."""
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BRACKET = re.compile(rb"[\[\]{}]")


def canonical(value: Any) -> bytes:
    """RFC 8785 bytes of a JSON value.

    Raises:
        ValueError: the value has no RFC 8785 form (an integer beyond 2**53, NaN, a lone surrogate).
    """
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeError) as error:
        raise ValueError(f"no canonical form: {error}") from error


def canonical_plain(value: Any) -> bytes:
    """RFC 8785 bytes of a value whose keys are ASCII and whose numbers are integers; ten times as fast as `canonical`.

    The two forms differ only in how they write floats and sort keys beyond ASCII, and in which integers they take.

    Raises:
        ValueError: a lone surrogate in a text. What the value may hold is for the caller to know.
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8")


def opa_canonical(value: Any) -> bytes:
    """The bytes that OPA hashes for a structured bundle file (measured on OPA 1.22.2, see docs/decisions)."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029").encode("utf-8")


def sha256_hex(data: bytes) -> str:
    """Bare lower-case hexadecimal SHA-256."""
    return hashlib.sha256(data).hexdigest()


def digest(data: bytes) -> str:
    """`sha256:<64 lower-case hex>` of the bytes."""
    return f"sha256:{sha256_hex(data)}"


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise ValueError(f"duplicate key {key!r}")
            seen.add(key)
    return document


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(literal: str) -> float:
    value = float(literal)
    if not math.isfinite(value):
        raise ValueError(f"the number {literal[:40]} is too large")
    return value


_decoder = json.JSONDecoder(object_pairs_hook=_no_duplicates, parse_constant=_no_constant, parse_float=_finite)


def parse_json(data: bytes, file: str) -> Any:
    """Parse JSON strictly: UTF-8 without BOM, no duplicate keys, no NaN, nothing behind it, bounded nesting.

    Args:
        data: the file's bytes; the caller has bounded their number.
        file: the name to put into the error.

    Raises:
        InputError: with line and column where the JSON is broken.
    """
    try:
        text = data.decode("utf-8")
        if text.startswith("\ufeff"):
            raise InputError.single(
                file, "starts with a byte order mark", "Save the file as UTF-8 without BOM.", line=1, column=1
            )
        _check_depth(data, file)
        return _decoder.decode(text)
    except json.JSONDecodeError as error:
        raise InputError.single(
            file, f"is not JSON: {error.msg}", "Correct the JSON.", line=error.lineno, column=error.colno
        ) from error
    except (ValueError, RecursionError) as error:
        raise InputError.single(
            file, f"is not acceptable JSON: {error}", "Write each key once, in UTF-8, without NaN or Infinity."
        ) from error


def _check_depth(data: bytes, file: str) -> None:
    # Counting all brackets bounds the depth from above; only a document that has many is looked at closely.
    if data.count(b"{") + data.count(b"[") <= MAX_DEPTH:
        return
    depth = deepest = 0
    for bracket in _BRACKET.findall(_STRING.sub(b"", data)):
        depth += 1 if bracket in b"{[" else -1
        deepest = max(deepest, depth)
    if deepest > MAX_DEPTH:
        raise InputError.single(
            file, f"is nested {deepest} levels deep, more than {MAX_DEPTH}", "Flatten the document."
        )
