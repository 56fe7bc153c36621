"""`weighbridge check` on what `compile` wrote: the verdict with its place, and refusals to judge by changed files."""

import json
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric import ec

from weighbridge.bundle.compile import CompileOptions, compile_catalogue
from weighbridge.bundle.shards import shard_file
from weighbridge.catalogue.names import parse_time_ns
from weighbridge.cli.check import command
from weighbridge.engines.locate import require
from weighbridge.errors import InputError
from weighbridge.points import check
from weighbridge.points.check import Checker
from weighbridge.points.compiled import CompiledFolder
from weighbridge.points.manifests import parse_manifests

pytestmark = pytest.mark.engines
ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "tests" / "schemas" / "sarif-2.1.0.json"
SCALARS = """
y Yes on OFF n N ~ null 1 010 08 0o7 0o8 0x1F 0X1F 0b11 0b 0x -0x1 +5 -0 0 00 0_7 1_0 1__0 _1 a_1 true TRUE tRUE
1e3 .5 5. 1.5e-3 +.5 -.5e3 .5_0 ._5 .5__0 .5e1_0 .5_ 1e400x +. 1_.5_ 1e+1_0 0x_1 -_1 1.2.3 12:30 2001-01-01 <<x
"""
POD = """apiVersion: v1
kind: Pod
metadata: {name: web, namespace: models}
spec:
  containers:
  - name: web
    image: nginx
"""


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    at_ns = parse_time_ns("2026-01-15T00:00:00Z")
    output = tmp_path_factory.mktemp("check") / "bundles"
    options = CompileOptions(
        output=output, release_key=ec.generate_private_key(ec.SECP256R1()), at_ns=at_ns, environments=("prod",),
        allow_example_keys=True, fixed_clock_ns=at_ns,
    )  # fmt: skip
    compile_catalogue(ROOT / "examples" / "catalogue", options)
    return output


def run(compiled, *arguments, text=None):
    return CliRunner().invoke(command, [*arguments, "--bundle", str(compiled), "--environment", "prod"], input=text)


def test_a_denial_names_the_code_and_the_place(compiled, tmp_path):
    path = tmp_path / "pod.yaml"
    path.write_text(f"kind: Namespace\napiVersion: v1\nmetadata: {{name: x}}\n---\n{POD}")
    result = run(compiled, str(path), "--format", "json")
    assert result.exit_code == 1
    report = json.loads(result.output)
    assert set(report) == {"environment", "results", "summary"}
    assert [(each["document"], each["kind"], each["name"]) for each in report["results"]] == [
        (1, "Namespace", "x"),
        (2, "Pod", "web"),
    ]
    assert report["results"][0]["violations"] == []
    violations = report["results"][1]["violations"]
    assert {"MOD-001", "MOD-008"} <= {each["code"] for each in violations}
    assert all(set(each) == {"code", "severity", "effect", "message", "line", "column"} for each in violations)
    image = next(each for each in violations if each["code"] == "MOD-008")
    assert (image["line"], image["column"], image["effect"]) == (11, 5, "deny")


def test_as_text_and_from_standard_input(compiled):
    result = run(compiled, "-", text=POD)
    assert result.exit_code == 1
    assert "  -:7:5: deny MOD-008" in result.output
    assert "denied: Pod web (-, document 1)" in result.output
    assert "\x1b[" not in result.output


def test_what_helm_templates(compiled):
    other = "kind: Namespace\napiVersion: v1\n"
    text = f"---\n# Source: web/templates/a.yaml\n{POD}---\n# Source: web/templates/b.yaml\n{other}"
    result = run(compiled, "-", "--format", "github", text=text)
    assert result.exit_code == 1
    assert "::error file=web/templates/a.yaml,title=MOD-008 (high) Pod web::" in result.output
    assert "(line 9 of what was piped in)" in result.output
    assert "1 allowed, 1 denied" in result.output
    assert "document 1, from web/templates/a.yaml" in run(compiled, "-", text=text).output


def test_sarif_has_the_rules_with_their_help(compiled, tmp_path):
    path = tmp_path / "pod.yaml"
    path.write_text(POD)
    run_ = json.loads(run(compiled, str(path), "--format", "sarif").output)
    jsonschema.Draft4Validator(json.loads(SCHEMA.read_text())).validate(run_)
    rules = {rule["id"]: rule for rule in run_["runs"][0]["tool"]["driver"]["rules"]}
    assert {each["ruleId"] for each in run_["runs"][0]["results"]} <= set(rules)
    assert all(rule["help"]["text"] and rule["helpUri"].startswith("https://") for rule in rules.values())


def test_junit_fails_a_case_a_denied_document(compiled):
    suite = ET.fromstring(run(compiled, "-", "--format", "junit", text=f"{POD}---\nkind: X\napiVersion: v1\n").output)[
        0
    ]
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")


def test_a_folder_tells_what_it_does_not_judge(compiled, tmp_path):
    (tmp_path / "values.yaml").write_text("replicas: 1\n")
    (tmp_path / "namespace.yaml").write_text("kind: Namespace\napiVersion: v1\nmetadata: {name: x}\n")
    result = run(compiled, str(tmp_path))
    assert result.exit_code == 0
    assert "values.yaml, document 1: has no `kind`" in result.output
    assert run(compiled, str(tmp_path / "values.yaml")).exit_code == 1


VERSIONED = POD.replace("namespace: models}", 'namespace: models, labels: {model_id: magika, model_version: "3.3.0"}}')


def codes(report):
    return [{violation.code for violation in result.violations} for result in report.results]


def test_only_the_records_that_manifests_name_are_loaded_and_no_other_passes_for_unknown(compiled, monkeypatch):
    manifests = parse_manifests(VERSIONED.encode(), "f")
    asked = []
    whole = CompiledFolder.all_records
    monkeypatch.setattr(CompiledFolder, "all_records", lambda self: asked.append(1) or whole(self))
    with Checker(compiled, "prod") as checker:
        plain = checker.check(manifests)
        assert list(checker.compiled._shards) == [shard_file("magika@3.3.0")]
    assert asked == []
    assert not codes(plain)[0] & {"MOD-002"}
    monkeypatch.setattr(check, "meant_names", lambda *_: set())
    with Checker(compiled, "prod") as checker:
        assert codes(checker.check(manifests)) == codes(plain)
    assert asked == [1]


def test_many_documents_keep_their_order(compiled):
    texts = [
        VERSIONED if number % 3 else "kind: Namespace\napiVersion: v1\n" for number in range(check.SMALLEST * 2 + 7)
    ]
    manifests = parse_manifests("---\n".join(texts).encode(), "f")
    with Checker(compiled, "prod") as checker:
        report = checker.check(manifests)
    assert [each.document for each in report.results] == list(range(1, len(texts) + 1))
    assert [bool(each.violations) for each in report.results] == [bool(number % 3) for number in range(len(texts))]


def test_scalars_are_read_as_conftest_reads_them(tmp_path):
    words = SCALARS.split()
    path = tmp_path / "f.yaml"
    path.write_text("".join(f"- {word}\n" for word in words) + "- &x {a: 1}\n- {<<: *x, b: 2}\n- {on: 1, 1: 2}\n")
    command = [require("conftest").path, "parse", "--parser", "yaml", path]
    done = subprocess.run(command, capture_output=True, check=True, env={"HOME": str(tmp_path)})
    theirs = json.loads(done.stdout)
    assert parse_manifests(path.read_bytes(), "f")[0].value == theirs


def test_what_is_no_workload_is_allowed(compiled):
    result = run(compiled, "-", text="apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")
    assert result.exit_code == 0
    assert "1 allowed, 0 denied" in result.output


@pytest.mark.parametrize(
    "text", ["[]", "1", '"Pod"', "kind: [Pod]", "{}", "a: 1", "kind: List\nitems: 5\napiVersion: v1\n"]
)
def test_what_cannot_be_understood_is_denied(compiled, text):
    assert run(compiled, "-", text=text).exit_code == 1


@pytest.mark.parametrize("text", ["kind: Pod\nkind: Job\n", "a: [", "---\n"])
def test_what_cannot_be_read_is_an_error(compiled, text):
    result = run(compiled, "-", text=text)
    assert isinstance(result.exception, InputError)


def test_items_of_a_list_keep_their_places(compiled):
    pod = POD.replace("\n", "\n  ").rstrip()
    result = run(compiled, "-", "--format", "json", text=f"apiVersion: v1\nkind: List\nitems:\n- {pod}\n")
    violations = json.loads(result.output)["results"][0]["violations"]
    assert next(each for each in violations if each["code"] == "MOD-008")["line"] == 10


def test_another_environment_is_an_error(compiled):
    with pytest.raises(InputError, match="but: prod"):
        Checker(compiled, "dev")
    with pytest.raises(InputError, match="holds no environment"):
        Checker(compiled, "../prod")


def test_files_that_were_changed_added_or_taken_away_are_not_judged_by(compiled, tmp_path):
    def copy():
        target = tmp_path / "copy"
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(compiled, target)
        return target

    changed = copy()
    path = next((changed / "prod" / "conftest" / "policy").rglob("decision.rego"))
    path.write_text(path.read_text() + "\n")
    with pytest.raises(InputError, match="differs"):
        Checker(changed, "prod")
    added = copy()
    (added / "prod" / "conftest" / "policy" / "more.rego").write_text("package more\n")
    with pytest.raises(InputError, match="is not in index"):
        Checker(added, "prod")
    taken = copy()
    next((taken / "prod" / "conftest" / "policy").rglob("images.rego")).unlink()
    with pytest.raises(InputError, match="missing"):
        Checker(taken, "prod")
    data = copy() / "prod" / "conftest" / "data"
    shard = data / shard_file("magika@3.3.0")
    shard.write_text(shard.read_text() + " ")
    with Checker(tmp_path / "copy", "prod") as checker, pytest.raises(InputError, match="differs"):
        checker.check(parse_manifests(VERSIONED.encode(), "f"))
    shutil.rmtree(data / "more", ignore_errors=True)
    (data / "more").symlink_to(tmp_path)
    with pytest.raises(InputError, match="is not in index"):
        Checker(tmp_path / "copy", "prod")
    (data / "more").unlink()
    (taken / "index.json").write_text("{}")
    with pytest.raises(InputError, match="not what `compile` writes"):
        Checker(taken, "prod")
    with pytest.raises(InputError, match="cannot be read"):
        Checker(tmp_path / "nothing", "prod")
