"""A user's own Rego may judge, and may not reach anything of ours. Real OPA parses and compiles each."""

import json

import pytest

from weighbridge import resources
from weighbridge.catalogue.catalogue import UserPolicy
from weighbridge.engines.capabilities import documents
from weighbridge.engines.opa import OpaServer, opa_command
from weighbridge.errors import InputError
from weighbridge.evidence.user_rules import check_user_rules

EVIDENCE = "package weighbridge.user.evidence.mine\n\n"
REQUIREMENT = "package lib.weighbridge.user.requirements.mine\n\nimport data.lib.weighbridge.request\n\n"
GOOD_EVIDENCE = (
    EVIDENCE
    + """import input.predicate as p

default verdict := {"passed": false, "reasons": ["no"], "claims": {}}

verdict := {"passed": true, "reasons": [], "claims": {"z": z}} if {
	p.score > input.with.minimum
	some key in input.keys
	allowed(key)
	data.weighbridge.user.evidence.mine.z == 1
	$"{key}" == "a"
	every entry in p.entries {
		count(entry) > 0
	}
}

allowed(key) if key in {"a", "b"}

z := 1
"""
)
GOOD_REQUIREMENT = (
    REQUIREMENT
    + """deny contains {"code": "USR-100", "message": sprintf("%v", [request.now_ns])} if {
	not request.record("x").approved
	request.limits[request.name]
	data.lib.weighbridge.request.now_ns > 1
}
"""
)


def problems(text, path="policies/mine.rego"):
    with pytest.raises(InputError) as caught:
        check_user_rules([UserPolicy(path, text)])
    assert all(problem.file == path for problem in caught.value.problems)
    return caught.value.problems


def test_what_keeps_to_its_package_is_accepted():
    check_user_rules([])
    check_user_rules([UserPolicy("policies/a.rego", GOOD_EVIDENCE), UserPolicy("policies/b.rego", GOOD_REQUIREMENT)])


def test_a_test_is_never_loaded_and_may_do_what_it_likes():
    check_user_rules([UserPolicy("policies/mine_test.rego", "package anything\n\nx := data.weighbridge")])


@pytest.mark.parametrize(
    "body",
    [
        "verdict := data.weighbridge.gate.x",
        "verdict := data",
        "verdict := x if { some k; x := data[k] }",
        "verdict := x if { k := input.k; x := data[k] }",
        'verdict := data["weighbridge"]["live"]',
        "verdict := x if { some x in data }",
        "verdict := x if { walk(data, [x, _]) }",
        "verdict := y if { x := data; y := x.weighbridge }",
        "verdict := y if { y = data.weighbridge.x }",
        'verdict := object.get(data, "x", 1)',
        "verdict := input.x[data.weighbridge.y]",
        'verdict := {"a": 1}[data.weighbridge.y]',
        "verdict := [x | x := data.weighbridge.live]",
        'verdict := {k: v | some k, v in {y | y := data["weighbridge"]["live"]}}',
        "verdict := {data.weighbridge.x: 1}",
        "verdict := {data.weighbridge}",
        'verdict := $"{data.weighbridge.live.x}"',
        "verdict := 1 if { false } else := data.weighbridge.x",
        "verdict := f(1)\n\nf(x) := data.weighbridge.x",
        "verdict := data.weighbridge.gate.verdict(1)",
        "verdict[data.weighbridge.x] := 1",
        "verdict contains data.weighbridge.x",
        "verdict := 1 if { every x in data.weighbridge { x } }",
        "verdict := 1 if { not data.weighbridge.x }",
        "verdict := data.weighbridge.user.evidence.other.verdict",
        "verdict := data.weighbridge.user.evidence",
        "verdict := data.weighbridge.user.evidence[input.x]",
        "verdict := data.lib.weighbridge.request.record",
        "import data.weighbridge.gate as g\n\nverdict := g.x",
        "import data\n\nverdict := 1",
        "import data.weighbridge.user.evidence as e\n\nverdict := e.other",
        "data.foo := 1",
        "data := 1",
        "verdict := 1 if data.x",
    ],
)
def test_a_foreign_reference_is_refused_wherever_it_hides(body):
    assert any("is not its own" in problem.message for problem in problems(EVIDENCE + body))


@pytest.mark.parametrize(
    "body",
    [
        "deny contains data.lib.weighbridge[input.x]",
        "deny contains data.lib.weighbridge",
        "deny contains data.lib.weighbridge.requestx",
        "deny contains data.lib.weighbridge.decision.violations",
        "deny contains data.lib.weighbridge.user.requirements.other.x",
        "deny contains data.weighbridge.registry.records",
    ],
)
def test_a_requirement_sees_the_request_and_nothing_else(body):
    assert any("is not its own" in problem.message for problem in problems(REQUIREMENT + body))


@pytest.mark.parametrize(
    "body", ["deny contains input.x", "deny contains x if { x := input }", "import input.x\n\ndeny contains x"]
)
def test_a_requirement_does_not_see_the_input(body):
    assert any("refers to `input`" in problem.message for problem in problems(REQUIREMENT + body))


@pytest.mark.parametrize(
    "call",
    [
        'http.send({"url": "http://example.com", "method": "get"})',
        "opa.runtime().env",
        "time.now_ns()",
        'net.lookup_ip_addr("example.com")',
        'net.cidr_expand("10.0.0.0/8")',
        'rand.intn("x", 10)',
        'uuid.rfc4122("x")',
        "rego.metadata.rule()",
        'rego.parse_module("x", "package x")',
        'io.jwt.decode_verify("x", {})',
        'json.match_schema({}, {"$ref": "http://example.com"})',
        'trace("x")',
        'print("x")',
        '[1 | $"{opa.runtime().env}"]',
    ],
)
def test_a_builtin_that_looks_outside_is_refused(call):
    body = f"verdict := 1 if {{\n\t{call}\n}}\n"
    assert any("which a user's rule may not" in problem.message for problem in problems(EVIDENCE + body))


@pytest.mark.parametrize(
    "expression",
    [
        "input.x with input as {}",
        "z with data.weighbridge.user.evidence.mine.z as 1",
        "z with data.weighbridge.gate as {}",
        "count([]) == 0 with count as f",
        "count([]) == 0 with count as http.send",
    ],
)
def test_nothing_is_replaced_with_something_else(expression):
    body = f"verdict := 1 if {{\n\t{expression}\n}}\n\nz := 1\n\nf(x) := 0\n"
    assert any("uses `with`" in problem.message for problem in problems(EVIDENCE + body))


@pytest.mark.parametrize(
    "text",
    [
        "package weighbridge.user.evidence\n\nmine.verdict := 1",
        "package weighbridge.user.evidence.mine.deeper\n\nverdict := 1",
        "package weighbridge.evidence.batch\n\nverdicts := {}",
        "package lib.weighbridge.decision\n\ndeny := set()",
        "package lib.weighbridge.user\n\nx := 1",
        "package lib.weighbridge.user.requirements\n\nx := 1",
        "package lib.weighbridge.request\n\nx := 1",
        "package system.log\n\ndrop := true",
        "package main\n\nx := 1",
        "package x\n\nx := 1",
    ],
)
def test_any_other_package_is_refused(text):
    assert "which is not the user's" in problems(text)[0].message


@pytest.mark.parametrize(
    "text",
    [
        'package weighbridge.user.evidence["mine"]\n\nverdict := 1',
        "\tpackage weighbridge.user.evidence.mine\n\nverdict := 1",
        "package  weighbridge.user.evidence.mine\n\nverdict := 1",
        EVIDENCE + "x := `\npackage lib.weighbridge.user.requirements.other\n`\n\nverdict := 1",
        EVIDENCE + "x := `\n\tpackage x`\n\nverdict := 1",
    ],
)
def test_what_kind_of_file_it_is_can_be_told_from_one_line(text):
    assert "begins with `package`" in problems(text)[0].message


def test_a_rule_that_is_shipped_is_not_replaced():
    for name in ("package", "sbom", "batch", "parameters"):
        text = f'package weighbridge.user.evidence["{name}"]\n\nverdict := 1'
        assert any("which Weighbridge ships" in problem.message for problem in problems(text))


@pytest.mark.parametrize("line", ["import rego.v1", "import future.keywords.in", "import future.keywords.and"])
def test_the_syntax_stays_ours(line):
    assert any(problem.message.startswith("imports ") for problem in problems(f"{EVIDENCE}{line}\n\nverdict := 1"))


@pytest.mark.parametrize(
    ("text", "words", "line"),
    [
        ("", "empty module", 0),
        ("verdict := 1", "package expected", 1),
        (EVIDENCE + "verdict := ", "unexpected eof", 3),
        (EVIDENCE + 'verdict := "\x00"', "illegal null character", 3),
        (EVIDENCE + "verdict := count(1)", "invalid argument", 3),
        (EVIDENCE + "verdict := nosuch(1)", "undefined function nosuch", 3),
        (EVIDENCE + "verdict := verdict", "recursive", 3),
        (EVIDENCE + "verdict := " + "[" * 3000 + "]" * 3000, "nested more than 64 levels", 0),
        (EVIDENCE + "input := 1", "must not shadow input", 3),
        (EVIDENCE + "import input.foo as data\n\nverdict := 1", "reserved name", 3),
    ],
)
def test_what_does_not_compile_is_an_error_with_its_line(text, words, line):
    found = problems(text)
    assert any(words in problem.message for problem in found)
    assert line in {problem.line for problem in found}


def test_every_violation_of_every_file_comes_at_once():
    text = EVIDENCE + "a := data.x\n\nb := opa.runtime()\n\nc := data.y\n"
    with pytest.raises(InputError) as caught:
        check_user_rules([UserPolicy("policies/a.rego", text), UserPolicy("policies/b.rego", "package x\n\ny := 1")])
    places = [(problem.file, problem.line, problem.column) for problem in caught.value.problems]
    assert places == [
        ("policies/a.rego", 3, 6),
        ("policies/a.rego", 5, 6),
        ("policies/a.rego", 7, 6),
        ("policies/b.rego", 1, 1),
    ]


def test_what_one_foreign_line_would_do():
    # Why all of this is checked: packages are open, and this one would pass everything.
    hole = "package weighbridge.evidence.batch\n\nshipped contains 1 if false\n\njudged(_, _) := 1 if false\n"
    item = {"rule": "promotion", "with": {}, "predicate": {}}
    forged = (
        hole + '\nverdicts[index] := {"passed": true, "reasons": [], "claims": {}} if some index, _ in input.none\n'
    )
    with OpaServer([resources.policies() / "evidence"]) as server:
        assert server.query("weighbridge/evidence/batch/verdicts", {"items": [item]})["0"]["passed"] is False
    opened = (
        'package weighbridge.evidence.promotion\n\nproblems contains "x" if false\n\nholds := true\n\nclaims := {}\n'
    )
    with OpaServer([resources.policies() / "evidence"], modules={"hole": opened}) as server:
        assert server.query("weighbridge/evidence/batch/verdicts", {"items": [item]})["0"]["passed"] is True
    for text in (forged, opened):
        assert "which is not the user's" in problems(text)[0].message


def test_the_capabilities_are_those_of_the_pinned_engine():
    # Written by `python -m weighbridge.engines.capabilities`.
    for name, data in documents().items():
        assert (resources.policies() / name).read_bytes() == data


def test_nothing_in_the_capabilities_looks_outside():
    current = {builtin["name"] for builtin in json.loads(opa_command("capabilities", "--current"))["builtins"]}
    for name, more in (("capabilities.json", {"time.now_ns"}), ("capabilities-user.json", set())):
        document = json.loads((resources.policies() / name).read_bytes())
        names = {builtin["name"] for builtin in document["builtins"]}
        assert document["allow_net"] == []
        assert {builtin["name"] for builtin in document["builtins"] if builtin.get("nondeterministic")} == more
        assert names < current
        for prefix in ("http.", "net.", "opa.", "rand.", "rego.", "uuid.", "trace", "print", "providers."):
            assert not any(builtin.startswith(prefix) for builtin in names)
