"""`weighbridge check` on what `compile` wrote: the verdict with its place, and refusals to judge by changed files."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric import ec

from weighbridge.bundle.compile import CompileOptions, compile_catalogue
from weighbridge.catalogue.names import parse_time_ns
from weighbridge.cli.check import command
from weighbridge.errors import InputError
from weighbridge.points.check import Checker

pytestmark = pytest.mark.engines
ROOT = Path(__file__).parents[2]
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
    assert "-:7:5: deny MOD-008" in result.output
    assert "denied: Pod web (-, document 1)" in result.output


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
    (taken / "index.json").write_text("{}")
    with pytest.raises(InputError, match="not what `compile` writes"):
        Checker(taken, "prod")
    with pytest.raises(InputError, match="cannot be read"):
        Checker(tmp_path / "nothing", "prod")
