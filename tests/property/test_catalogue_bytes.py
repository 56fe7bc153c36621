"""No bytes whatever, put anywhere into a catalogue, yield anything but a document or an InputError."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weighbridge.canonical import canonical, canonical_plain
from weighbridge.catalogue.configuration import Configuration, Tenants
from weighbridge.catalogue.front_matter import read_card
from weighbridge.catalogue.load import load_catalogue
from weighbridge.catalogue.names import format_time, is_name, parse_time_ns
from weighbridge.catalogue.source import display, unsafe_path
from weighbridge.catalogue.validation import validate, validate_partly
from weighbridge.catalogue.yaml_document import compose_places, decode, parse_yaml
from weighbridge.catalogue.yaml_nodes import Places
from weighbridge.errors import InputError

MARKS = (
    "a|b: |- |? |[|]|{|}|, |: |\n|  |'|\"|>\n|&x |*x|!!int |!t |<<: |---\n|...\n|#|%YAML 1.1\n|~|1|1.5|.nan|no|\t|\r\n"
)
WORDS = "weighbridge:\n|apiVersion: weighbridge.dev/v1\n|kind: Catalogue\n|trust:\n|signers:\n|\\x00|\u2028|\U0001f600"
YAML_BITS = st.sampled_from([*MARKS.split("|"), *WORDS.split("|"), "|\n"])
YAMLISH = st.lists(YAML_BITS, max_size=60).map("".join)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
KEYS = st.sampled_from(
    ["apiVersion", "kind", "trust", "signers", "ci", "key", "attestations", "environments", "prod", "requires"]
)
DOCUMENTS = st.recursive(
    JSON,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | st.text(max_size=5), inner, max_size=6),
    max_leaves=30,
)


def plain(value: Any) -> bool:
    """Whether a value is nothing but JSON."""
    if isinstance(value, dict):
        return all(type(key) is str and plain(item) for key, item in value.items())
    if isinstance(value, list):
        return all(plain(item) for item in value)
    return value is None or type(value) in {str, int, float, bool}


def check(error: InputError) -> None:
    """Every problem names a file and a sentence, and prints on one line that a terminal survives."""
    for problem in error.problems:
        assert problem.file
        assert problem.message
        assert str(problem).isprintable(), str(problem)
        assert (problem.line > 0) == (problem.column > 0)


@given(st.binary(max_size=300) | YAMLISH.map(str.encode) | st.text(max_size=300).map(str.encode))
@settings(max_examples=400, deadline=None)
def test_yaml(data: bytes) -> None:
    try:
        document = parse_yaml(decode(data, "f"), "f")
    except InputError as error:
        check(error)
    else:
        assert plain(document.value)
        canonical(document.value)


@given(st.binary(max_size=300) | YAMLISH.map(lambda text: f"---\n{text}\n---\n".encode()) | YAMLISH.map(str.encode))
@settings(max_examples=300, deadline=None)
def test_cards(data: bytes) -> None:
    try:
        _, front_matter = read_card(data, "f")
    except InputError as error:
        check(error)
    else:
        assert plain(front_matter)


@given(JSON)
@settings(max_examples=150, deadline=None)
def test_what_yaml_reads_of_json_is_what_json_says(value: Any) -> None:
    """JSON is YAML, nearly: where both read a text, they read the same, and a number or text never changes its type."""
    text = json.dumps(value)
    try:
        found = parse_yaml(text, "f").value
    except InputError as error:
        check(error)
    else:
        assert found == value


@given(DOCUMENTS, st.sampled_from([Configuration, Tenants]))
@settings(max_examples=150, deadline=None)
def test_any_value_is_a_document_or_problems(value: Any, model: type[Configuration | Tenants]) -> None:
    places = compose_places(json.dumps(value))
    try:
        validate(model, value, "f", lambda: places)
    except InputError as error:
        assert all(problem.message and "pydantic" not in problem.message for problem in error.problems)
        _, problems = validate_partly(model, value, "f", Places(None))
        assert len(set(problems)) == len(error.problems)


@given(
    name=st.sampled_from(["weighbridge.yaml", "tenants.yaml", "weighbridge.yaml.dsse", "models/m/1/README.md"])
    | st.sampled_from(["models/m/1/manifest.json", "models/m/1/artifact.json", "policies/x.rego", "orders/x.json"]),
    data=st.binary(max_size=200) | YAMLISH.map(str.encode) | DOCUMENTS.map(lambda value: json.dumps(value).encode()),
)
@settings(max_examples=300, deadline=None)
def test_a_catalogue_with_any_file_in_it(name: str, data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        with pytest.raises(InputError) as caught:
            load_catalogue(Path(folder))
        check(caught.value)


@given(st.text(max_size=80))
def test_names(value: str) -> None:
    if is_name(value):
        assert value.isascii()
        assert value == value.lower()
        assert 1 <= len(value) <= 63
        assert not unsafe_path(value)


@given(st.text(max_size=80))
def test_what_is_displayed_prints_on_one_line(value: str) -> None:
    assert display(value).isprintable()


@given(st.integers(0, 2**63 // 10**9 - 1))
def test_times_survive(seconds: int) -> None:
    assert parse_time_ns(format_time(seconds * 10**9)) == seconds * 10**9


@given(
    st.text(max_size=40)
    | st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?Z", fullmatch=True)
)
def test_times(value: str) -> None:
    try:
        assert 0 <= parse_time_ns(value) < 2**63 - 1
    except ValueError as error:
        assert str(error)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(max_codepoint=127)), inner),
        max_leaves=10,
    )
)
def test_the_fast_canonical_form_is_the_same(value: Any) -> None:
    assert canonical_plain(value) == canonical(value)
