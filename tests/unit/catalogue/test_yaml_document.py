"""YAML, read strictly."""

from __future__ import annotations

import time
from typing import Any

import pytest
from yaml.nodes import MappingNode, ScalarNode

from weighbridge.catalogue import yaml_nodes
from weighbridge.catalogue.yaml_document import MAX_SEPARATORS, decode, line_ends, parse_yaml
from weighbridge.catalogue.yaml_slow import PythonParser
from weighbridge.catalogue.yaml_values import MAX_DEPTH
from weighbridge.errors import InputError


def problems(text: str, first_line: int = 1) -> list[str]:
    with pytest.raises(InputError) as caught:
        parse_yaml(text, "f", first_line=first_line)
    return [str(problem) for problem in caught.value.problems]


def problem(text: str) -> str:
    (found,) = problems(text)
    return found


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("y", "y"),
        ("true", True),
        ("False", False),
        ("2026-01-15", "2026-01-15"),
        ("2026-01-15T00:00:00Z", "2026-01-15T00:00:00Z"),
        ("12:30:45", "12:30:45"),
        ("1_000", "1_000"),
        ("0x1F", "0x1F"),
        ("010", "010"),
        ("0o7", "0o7"),
        ("0", 0),
        ("-12", -12),
        ("+12", 12),
        ("1.5", 1.5),
        ("1.", 1.0),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("1.10", 1.1),
        ('"1.10"', "1.10"),
        ("'true'", "true"),
        ("~", None),
        ("null", None),
        ("", None),
        ('""', ""),
        ('"<<"', "<<"),
        ("|\n  a\n  b\n", "a\nb\n"),
        ("1e", "1e"),
        (".", "."),
        ('"\\u00e9"', "\u00e9"),
    ],
)
def test_scalars(text: str, value: Any) -> None:
    found = parse_yaml(f"a: {text}", "f").value["a"]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: 2\na: 3", "f:3:1: a: is given twice. Keep one of them."),
        ("a: {b: 1, 'b': 2}", "f:1:11: a.b: is given twice. Keep one of them."),
        ("a: &x 1\nb: *x", "f:2:4: is an alias (`*name`). Write the value out; aliases are not accepted."),
        ("b: *x", "f:1:4: uses an alias. Write the value itself; put text in quotes."),
        ("<<: {a: 1}", "f:1:1: is a merge key (`<<`). Write the merged keys out."),
        ("a: !!int 5", "f:1:4: a: carries a tag ('tag:yaml.org,2002:int'). Remove the tag; put text in quotes."),
        ("a: !!str no", "f:1:4: a: carries a tag ('tag:yaml.org,2002:str'). Remove the tag; put text in quotes."),
        ("a: !!python/name:os.system", "f:1:4: a: carries a tag ('tag:yaml.org,2002:python/name:os.system'). "),
        ("a: !!set {x}", "f:1:4: a: carries a tag ('tag:yaml.org,2002:set'). "),
        ("a: !x [1]", "f:1:4: a: carries a tag ('!x'). "),
        ("1: a", "f:1:1: has a key that is no text: 1. Put the key in quotes."),
        ("true: a", "f:1:1: has a key that is no text: true. Put the key in quotes."),
        ("~: a", "f:1:1: has a key that is no text: ~. Put the key in quotes."),
        ("? [a]\n: b", "f:1:3: has a key that is a mapping or a list. Use text as key."),
        ("? {a: b}\n: b", "f:1:3: has a key that is a mapping or a list. Use text as key."),
        ("!!str a: b", "f:1:1: carries a tag ('tag:yaml.org,2002:str'). "),
        ("a: .nan", "f:1:4: a: is no finite number: .nan. Give a number, or put text in quotes."),
        ("a: [1, -.INF]", "f:1:8: a[1]: is no finite number: -.INF. Give a number, or put text in quotes."),
        ("a: 1e999", "f:1:4: a: is no finite number: 1e999. Give a number, or put text in quotes."),
        ("a: 9007199254740992", "f:1:4: a: is an integer beyond 2**53. Put it in quotes if it is meant as text."),
        ("a: " + "9" * 5000, "f:1:4: a: is an integer beyond 2**53. Put it in quotes if it is meant as text."),
        ("a: 1\n---\nb: 2", "f:2:1: holds more than one document. Keep one document, without `---` in it."),
        ("a: 1\n...\n---\nb: 2", "f:3:1: holds more than one document. Keep one document, without `---` in it."),
        ("a:\tb", "f:1:3: holds a tab. Indent and separate with spaces."),
        ("a: b\r\nc: d\r\n", "f:1:5: has CRLF line ends. Save the file with LF line ends (Git: `* text=auto eol=lf`)."),
        ("a: b # c\u2028evil: true", "f:1:9: holds the hidden character U+2028. Remove it, or write it as an escape."),
        ("a: '\u202e'", "f:1:5: holds the hidden character U+202E. Remove it, or write it as an escape."),
        ("a: b\x85c: d", "f:1:5: holds the hidden character U+0085. Remove it, or write it as an escape."),
        ("a: \x00", "f:1:4: holds the hidden character U+0000. Remove it, or write it as an escape."),
        ("a: \ufeffb", "f:1:4: holds the hidden character U+FEFF. Remove it, or write it as an escape."),
        ("a: b: c", "f:1:5: is not valid YAML: "),
        ("a: [1, 2", "f:2:1: is not valid YAML: "),
        ("a: 'x", "f:1:6: is not valid YAML: "),
        ("a: @x", "f:1:4: is not valid YAML: "),
        ("a: b\n c: d\n", "f:2:3: is not valid YAML: "),
    ],
)
def test_refused(text: str, expected: str) -> None:
    assert problem(text).startswith(expected)


def test_all_problems_at_once_where_the_file_has_them() -> None:
    places = [found.split(": ")[0] for found in problems("a: !x 1\na: .nan\n1: 2\n", first_line=10)]
    assert places == ["f:10:4", "f:11:1", "f:11:4", "f:12:1"]


def test_a_bomb_of_aliases_does_not_explode() -> None:
    bomb = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 20)}]\n" for n in range(1, 30))
    started = time.monotonic()
    assert all("is an alias" in found for found in problems(bomb))
    assert time.monotonic() - started < 5


def test_a_list_that_holds_itself() -> None:
    assert "is an alias" in problem("a: &x [*x]")
    assert "is an alias" in problem("&x a: {b: *x}")


def nested(levels: int, style: str) -> str:
    if style == "flow list":
        return "[" * levels + "]" * levels
    if style == "open":
        return "[" * levels
    if style == "flow mapping":
        return "{a: " * levels + "x" + "}" * levels
    if style == "compact":
        return "- " * levels + "x"
    if style == "question":
        return "? " * levels + "x"
    return "\n".join(" " * level + "a:" for level in range(levels))


@pytest.mark.parametrize("style", ["flow list", "open", "flow mapping", "compact", "question", "block"])
@pytest.mark.parametrize("levels", [MAX_DEPTH + 1, 150, 3_000, 200_000])
def test_deep_nesting_is_refused_before_it_ends_the_process(style: str, levels: int) -> None:
    if style == "block":
        levels = min(levels, 3_000)
    assert problems(nested(levels, style))


@pytest.mark.parametrize("style", ["flow list", "flow mapping", "compact", "block"])
def test_nesting_up_to_the_limit_is_read(style: str) -> None:
    assert parse_yaml(nested(MAX_DEPTH, style), "f").value
    assert f"more than {MAX_DEPTH} levels" in problem(nested(MAX_DEPTH + 1, style))


def test_many_brackets_side_by_side_are_no_depth() -> None:
    assert len(parse_yaml("a: [" + "[], " * 1000 + "]", "f").value["a"]) == 1000


def test_the_number_of_values_is_bounded() -> None:
    assert (
        problem("a: [" + "1," * MAX_SEPARATORS + "]") == "f: holds more than 2000000 values. Split it, or shorten it."
    )


def test_empty_documents() -> None:
    for text in ("", "# nothing\n", "---\n", "---\n...\n"):
        assert parse_yaml(text, "f").value is None


def test_decoding() -> None:
    assert decode("\u00e9\u6f22".encode(), "f") == "\u00e9\u6f22"
    for start in (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"):
        with pytest.raises(InputError, match="f:1:1: starts with a byte order mark"):
            decode(start + b"a", "f")
    for bad, place in (
        (b"a\nb\xffc", "2:2"),
        (b"\xc0\x80", "1:1"),
        (b"\xed\xa0\x80", "1:1"),
        ("\u00e9".encode("latin1"), "1:1"),
    ):
        with pytest.raises(InputError, match=f"f:{place}: is not UTF-8: byte 0x"):
            decode(bad, "f")


def test_line_ends() -> None:
    line_ends("a\nb\n", "f")
    with pytest.raises(InputError, match="f:2:2: has CRLF line ends"):
        line_ends("a\nb\r\n", "f")


def test_without_libyaml_the_nodes_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    class SlowParser(PythonParser):
        descend_resolver = yaml_nodes.NodeParser.descend_resolver
        ascend_resolver = yaml_nodes.NodeParser.ascend_resolver
        resolve = yaml_nodes.NodeParser.resolve

    text = "a: [no, 1, 1.5, ~, '2']\nb: {c: true, d: 2026-01-15}\ne: !x y\n"
    fast = yaml_nodes.compose(text)
    monkeypatch.setattr(yaml_nodes, "NodeParser", SlowParser)
    slow = yaml_nodes.compose(text)
    assert shape(fast) == shape(slow)
    with pytest.raises(InputError):
        parse_yaml("[" * 100_000, "f")


def shape(node: Any) -> Any:
    mark = (node.tag, node.start_mark.line, node.start_mark.column)
    if isinstance(node, ScalarNode):
        return (*mark, node.value)
    if isinstance(node, MappingNode):
        return (*mark, [(shape(key), shape(value)) for key, value in node.value])
    return (*mark, [shape(item) for item in node.value])
