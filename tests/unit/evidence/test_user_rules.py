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
	request.subject.kind in {"call", "workload"}
	request.subject.pod != null
	not is_null(request.subject.pod)
	request.subject["object"].name == request.environment
	request.subject.pod.labels[request.subject.object.kind]
	request.subject.pod.containers[0].container.securityContext.anything.privileged
	request.subject.call.max_tokens > 1
	some entry in request.subject.pod.volumes
	entry.volume.hostPath
	every index, each in request.subject.pod.containers {
		each.container.image == request.subject.pod.path[index]
	}
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
    ("body", "line", "column", "words"),
    [
        ('deny contains sprintf("%v", [request.subject.nmae])', 5, 46, "Did you mean `object.name`?"),
        ("deny contains 1 if request.sbject.kind", 5, 28, "Did you mean `subject`?"),
        ("deny contains 1 if request.subject.pod.lables.x", 5, 40, "Did you mean `labels`?"),
        ('deny contains 1 if "x" == request.subject.object.nam', 5, 50, "Did you mean `name`?"),
        ("deny contains 1 if not request.subject.call.modle", 5, 45, "Did you mean `model`?"),
        ("deny contains 1 if data.lib.weighbridge.request.subject.knid", 5, 57, "Did you mean `kind`?"),
        ('deny contains 1 if request["subject"]["knid"]', 5, 39, "Did you mean `kind`?"),
        ("deny contains 1 if request.subject.pod.containers[_].contaner", 5, 54, "Did you mean `container`?"),
        ("deny contains 1 if request.subject.pod.labels[request.subject.object.knd]", 5, 70, "Did you mean `kind`?"),
        ("deny contains [x | x := request.subject.object.nam]", 5, 48, "Did you mean `name`?"),
        ('deny contains $"{request.subject.object.nam}"', 5, 41, "Did you mean `name`?"),
        ("x := 1 if { false } else := request.subject.knid", 5, 45, "Did you mean `kind`?"),
        ("import data.lib.weighbridge.request.subject as s\n\ndeny contains s.knid", 7, 17, "Did you mean `kind`?"),
        ("import data.lib.weighbridge.request.subject.pod\n\ndeny contains pod.lables", 7, 19, "`labels`?"),
        ("import data.lib.weighbridge.request.subjct as s\n\ndeny contains s.kind", 5, 37, "Did you mean `subject`?"),
        ("deny contains 1 if { every e in request.subject.pod.volumes { e.volum } }", 5, 65, "`volume`?"),
        ("deny contains 1 if { some e in request.subject.pod.volumes; e.volum }", 5, 0, '(there is "field", "volume")'),
        ("deny contains x if { x := [e | e := request.subject.labels[_]][0].lables }", 5, 0, "undefined ref"),
        ("deny contains 1 if request.subject.object.name.first", 5, 48, "request.subject.object.name has no fields"),
        ('deny contains 1 if request.subject.kind == "workloads"', 5, 44, "which it never is"),
        ('deny contains 1 if "calls" != request.subject.kind', 5, 20, "which it never is"),
        ('deny contains 1 if request.subject.form in {"pod", "pods"}', 5, 52, "which it never is"),
        ("deny contains 1 if { some k; request.subject[k] }", 5, 46, "computes which field of request.subject"),
        ("deny contains 1 if request[request.environment]", 5, 28, "computes which field of request "),
        ("deny contains 1 if request.subject.pod[_].owner", 5, 40, "computes which field of request.subject.pod"),
        ('deny contains 1 if object.get(request.subject, "knid", 0)', 5, 31, "takes request.subject as a whole"),
        ("deny contains 1 if { walk(request, x) }", 5, 27, "takes request as a whole"),
        ("deny contains x if { some x in request.subject }", 5, 32, "takes request.subject as a whole"),
        ("deny contains x if { x := data.lib.weighbridge.request }", 5, 27, "takes request as a whole"),
        ("deny contains 1 if { x := request.subject.pod; x.lables }", 5, 27, "takes request.subject.pod as a whole"),
        ("deny contains 1 if not request.subject.pod", 5, 24, "takes request.subject.pod as a whole"),
        ('deny contains 1 if { {"kind": x} = request.subject }', 5, 36, "takes request.subject as a whole"),
        ("f(request) := request.subject\n\ndeny contains f({})", 5, 3, "takes request as a whole"),
    ],
)
def test_a_field_that_is_not_there_is_refused_since_the_rule_would_be_silent(body, line, column, words):
    found = problems(REQUIREMENT + body)
    assert any(words in f"{problem.message}. {problem.fix}" for problem in found), found
    assert (line, column) in {(problem.line, problem.column) for problem in found}, found


@pytest.mark.parametrize(
    "body",
    [
        "deny contains request.headers.authorization",
        "deny contains request.http.headers.authorization",
        "deny contains request.subject.headers.authorization",
        'deny contains request["headers"]["authorization"]',
        "deny contains data.lib.weighbridge.request.headers",
        "import data.lib.weighbridge.request.headers as h\n\ndeny contains h.authorization",
        "deny contains json.marshal(request)",
        "deny contains request[_]",
        'deny contains request.grant("x")',
        'deny contains request.record("x")',
    ],
)
def test_no_requirement_sees_a_credential_or_what_is_ours_alone(body):
    assert any(
        words in problem.message
        for problem in problems(REQUIREMENT + body)
        for words in ("which is not there", "as a whole", "computes which field")
    )


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
