"""Strict reading and both canonical forms."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.canonical import MAX_DEPTH, canonical, opa_canonical, parse_json
from weighbridge.errors import InputError

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(json_values)
def test_both_forms_are_json_of_the_same_value(value):
    assert parse_json(canonical(value), "f") == value
    assert parse_json(opa_canonical(value), "f") == value


@given(st.binary(max_size=200))
def test_any_bytes_are_a_document_or_an_input_error(data):
    try:
        parse_json(data, "f")
    except InputError as error:
        assert error.problems[0].file == "f"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b'{"a":1,"a":2}', "duplicate key 'a'"),
        (b'{"a":{"b":1,"b":1}}', "duplicate key 'b'"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        (b"[NaN]", "NaN"),
        (b"[-Infinity]", "Infinity"),
        (b"[1e400]", "too large"),
        (b"[" + b"9" * 5000 + b"]", "4300 digits"),
        (b"{} {}", "is not JSON"),
        (b"", "is not JSON"),
        (b'"\xff"', "utf-8"),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "nested 65 levels"),
    ],
)
def test_what_is_ambiguous_or_unbounded_is_refused(data, words):
    with pytest.raises(InputError, match=words):
        parse_json(data, "f")


def test_brackets_inside_strings_are_not_depth():
    assert parse_json(json.dumps(["[{" * 100]).encode(), "f") == ["[{" * 100]


def test_deep_nesting_is_found_behind_a_quoted_escape():
    with pytest.raises(InputError, match="nested"):
        parse_json(b'["\\"",' + b"[" * 70 + b"]" * 70 + b"]", "f")


def test_line_and_column_of_broken_json():
    with pytest.raises(InputError) as caught:
        parse_json(b'{\n  "a": ,\n}', "x.json")
    assert (caught.value.problems[0].line, caught.value.problems[0].column) == (2, 8)


@pytest.mark.parametrize("value", [2**53 + 1, float("nan"), "\ud800"])
def test_no_canonical_form(value):
    with pytest.raises(ValueError, match="no canonical form"):
        canonical(value)


def test_opa_escapes_the_two_line_separators_and_nothing_else():
    assert opa_canonical({"k": "\u2028\u2029é<&"}) == '{"k":"\\u2028\\u2029é<&"}'.encode()
