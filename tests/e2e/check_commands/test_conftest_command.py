"""`weighbridge conftest`: the real conftest, on what was compiled and on nothing else."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric import ec

from weighbridge.bundle.compile import CompileOptions, compile_catalogue
from weighbridge.catalogue.names import parse_time_ns
from weighbridge.cli.main import cli
from weighbridge.errors import EngineError, InputError

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
AT_NS = parse_time_ns("2026-01-15T00:00:00Z")
ADMITTED = str(EXAMPLES / "pods" / "admitted.yaml")

pytestmark = pytest.mark.engines


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("compiled") / "out"
    options = CompileOptions(
        output=output,
        release_key=ec.generate_private_key(ec.SECP256R1()),
        at_ns=AT_NS,
        allow_example_keys=True,
        fixed_clock_ns=AT_NS,
    )
    compile_catalogue(EXAMPLES / "catalogue", options)
    return output


def conftest(bundle: Path, *arguments: str, stdin: bytes = b"") -> Result:
    return CliRunner().invoke(cli, ["conftest", "--bundle", str(bundle), *arguments], input=stdin)


def test_admitted(bundle: Path) -> None:
    result = conftest(bundle, "--environment", "prod", ADMITTED)
    assert result.exit_code == 0
    assert "0 failures" in result.stdout
    assert "\x1b" not in result.stdout


def test_denied_in_one_of_two_environments(bundle: Path) -> None:
    bare = Path(ADMITTED).read_bytes().replace(b"3.3.0", b"3.3.1")
    result = conftest(bundle, "--environment=prod", "--environment=dev", "--output", "json", "-", stdin=bare)
    assert result.exit_code == 1
    assert result.stderr.split() == ["prod:", "dev:"]
    assert "MOD-003" in result.stdout


def test_conftests_own_options(bundle: Path) -> None:
    result = conftest(bundle, "--environment", "prod", "-o", "json", ADMITTED)
    assert {report["filename"] for report in json.loads(result.stdout)} == {ADMITTED}


@pytest.mark.parametrize("arguments", [["nowhere.yaml"], ["--no-such-option", ADMITTED], ["-"]])
def test_what_cannot_be_judged_is_no_denial(bundle: Path, arguments: list[str]) -> None:
    result = conftest(bundle, "--environment", "prod", *arguments, stdin=b"a: [")
    assert isinstance(result.exception, EngineError)
    assert result.exception.exit_status == 2


def test_a_changed_rule_is_not_run(bundle: Path, tmp_path: Path) -> None:
    for file in bundle.rglob("*"):
        copy = tmp_path / "out" / file.relative_to(bundle)
        if file.is_file():
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(file.read_bytes())
    rule = next((tmp_path / "out" / "prod" / "conftest" / "policy").rglob("main.rego"))
    rule.write_text(rule.read_text(encoding="utf-8") + "\n# nothing\n", encoding="utf-8")
    assert isinstance(conftest(tmp_path / "out", "--environment", "prod", ADMITTED).exception, InputError)
    assert conftest(tmp_path / "out", "--environment", "dev", ADMITTED).exit_code == 0
