"""What `ci/` and `.pre-commit-hooks.yaml` hold: the steps as they are written, and the hooks by the real pre-commit."""

import json
import os
import shutil
import site
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import ec

from weighbridge.bundle.compile import CompileOptions, compile_catalogue
from weighbridge.catalogue.names import parse_time_ns
from weighbridge.engines.locate import require

REPOSITORY = Path(__file__).resolve().parents[3]
EXAMPLES = REPOSITORY / "examples"
AT_NS = parse_time_ns("2026-01-15T00:00:00Z")

pytestmark = pytest.mark.engines


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with an admitted and a denied workload, and what was compiled for it."""
    folder = tmp_path_factory.mktemp("project")
    options = CompileOptions(
        output=folder / "bundles",
        release_key=ec.generate_private_key(ec.SECP256R1()),
        at_ns=AT_NS,
        allow_example_keys=True,
        fixed_clock_ns=AT_NS,
    )
    compile_catalogue(EXAMPLES / "catalogue", options)
    (folder / "deploy").mkdir()
    admitted = (EXAMPLES / "pods" / "admitted.yaml").read_text(encoding="utf-8")
    (folder / "deploy" / "good.yaml").write_text(admitted, encoding="utf-8")
    (folder / "deploy" / "bad.yaml").write_text(admitted.replace("3.3.0", "9.9.9"), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--quiet", "wheel", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--wheel-dir", str(folder), str(REPOSITORY)], check=True)
    return next(folder.glob("*.whl"))


def shared_dependencies(environment: Path) -> None:
    """Let a virtual environment see the packages of ours, so that nothing but Weighbridge has to be installed."""
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    target = next((environment / "lib").glob("python*/site-packages"))
    paths = [path for path in site.getsitepackages() if Path(path).is_dir()]
    (target / "shared.pth").write_text("".join(f"{path}\n" for path in paths), encoding="utf-8")


def shell(script: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    engines = os.pathsep.join({str(require(name).path.parent) for name in ("opa", "regal")})
    environment = {**os.environ, "PATH": f"{engines}{os.pathsep}{os.environ['PATH']}", **variables}
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def action() -> dict[str, str]:
    """The scripts of the action's steps, by name."""
    document = yaml.safe_load((REPOSITORY / "ci" / "github" / "action.yml").read_text(encoding="utf-8"))
    assert set(document["inputs"]) == {"files", "bundle", "environments", "sarif"}
    return {step["name"]: step["run"] for step in document["runs"]["steps"] if "run" in step}


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory, action: dict[str, str]) -> Path:
    """The temporary folder of a runner on which the action has installed Weighbridge."""
    temporary = tmp_path_factory.mktemp("runner")
    shared_dependencies(temporary / "weighbridge")
    checkout = temporary / "action"
    # The build writes beside what it builds.
    shutil.copytree(
        REPOSITORY, checkout, ignore=shutil.ignore_patterns(".git", ".venv", "tests", "bundles", ".*_cache", "build")
    )
    variables = {"RUNNER_TEMP": str(temporary), "GITHUB_ACTION_PATH": str(checkout / "ci" / "github")}
    result = shell(action["Install"], temporary, **variables)
    assert result.returncode == 0, result.stderr
    assert (temporary / "weighbridge" / "bin" / "weighbridge").exists()
    return temporary


def check(action: dict[str, str], runner: Path, project: Path, **inputs: str) -> subprocess.CompletedProcess[str]:
    given = {"BUNDLE": "bundles", "ENVIRONMENTS": "prod", "SARIF": "", **inputs}
    return shell(action["Check"], project, RUNNER_TEMP=str(runner), **given)


def test_the_action_admits(action: dict[str, str], runner: Path, project: Path) -> None:
    result = check(action, runner, project, FILES="deploy/g*.yaml", ENVIRONMENTS="dev prod")
    assert (result.returncode, "::error" in result.stdout) == (0, False), result.stdout + result.stderr


def test_the_action_annotates(action: dict[str, str], runner: Path, project: Path, tmp_path: Path) -> None:
    result = check(action, runner, project, FILES="deploy", ENVIRONMENTS="dev prod", SARIF=str(tmp_path / "sarif"))
    assert result.returncode == 1
    assert "::error file=deploy/bad.yaml,line=" in result.stdout
    reports = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in (tmp_path / "sarif").iterdir()}
    assert set(reports) == {"dev.sarif", "prod.sarif"}
    assert all(report["runs"][0]["results"] for report in reports.values())


def test_the_worst_status_counts(action: dict[str, str], runner: Path, project: Path) -> None:
    assert check(action, runner, project, FILES="deploy", ENVIRONMENTS="nowhere prod").returncode == 2


def test_inputs_are_no_commands(action: dict[str, str], runner: Path, project: Path) -> None:
    for name in ("FILES", "ENVIRONMENTS", "BUNDLE"):
        given = {"FILES": "deploy/good.yaml", name: "$(touch hacked);`touch hacked`"}
        assert check(action, runner, project, **given).returncode == 2
    assert not (project / "hacked").exists()


def gitlab(project: Path, *, prepare: bool = True, **variables: str) -> subprocess.CompletedProcess[str]:
    job: dict[str, Any] = yaml.safe_load((REPOSITORY / "ci" / "gitlab" / "check.yml").read_text(encoding="utf-8"))
    template = job[".weighbridge-check"]
    fixed = {name: value for name, value in template["variables"].items() if "$" not in value}
    # GitLab runs both lists as one script that ends with the first command that fails.
    lines = [*(template["before_script"] if prepare else ()), *template["script"]]
    return shell("\n".join(["set -e", *lines]), project, **{**fixed, **variables})


def test_gitlab(project: Path, wheel: Path, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    shutil.copytree(project, folder)
    shared_dependencies(folder / ".weighbridge")
    unsaid = gitlab(folder)
    assert unsaid.returncode != 0
    assert "say what pip is to install" in unsaid.stderr
    result = gitlab(folder, WEIGHBRIDGE_PACKAGE=str(wheel), WEIGHBRIDGE_FILES="deploy")
    assert result.returncode == 1, result.stdout + result.stderr
    assert ET.parse(folder / "weighbridge.xml").findall(".//failure")
    assert gitlab(folder, prepare=False, WEIGHBRIDGE_FILES="deploy/good.yaml").returncode == 0
    assert not ET.parse(folder / "weighbridge.xml").findall(".//failure")


def test_the_hooks(project: Path, tmp_path: Path) -> None:
    """The hooks by pre-commit itself; Weighbridge is already installed, so `language: system` stands for its venv."""
    hooks = yaml.safe_load((REPOSITORY / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert [hook["language"] for hook in hooks] == ["python", "python"]
    local = [{**hook, "language": "system"} for hook in hooks]
    local[0]["args"] = ["--bundle", str(project / "bundles"), "--environment", "prod"]
    repository = tmp_path / "repository"
    shutil.copytree(project / "deploy", repository / "deploy")
    (repository / "policies").mkdir()
    (repository / "policies" / "mine.rego").write_text("package mine\n", encoding="utf-8")
    config = {"repos": [{"repo": "local", "hooks": local}]}
    (repository / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    binaries = Path(sys.executable).parent
    script = f"""
        export PATH={binaries}:$PATH HOME={tmp_path}
        git init -q . && git add .
        pre-commit run weighbridge-check --files deploy/good.yaml || exit 10
        pre-commit run weighbridge-check --files deploy/bad.yaml && exit 11
        pre-commit run weighbridge-lint --files policies/mine.rego && exit 12
        exit 0
    """
    result = shell(script, repository)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "MOD-002" in result.stdout
    assert "not the user's" in result.stdout


def test_pre_commit_accepts_the_manifest() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pre_commit", "validate-manifest", str(REPOSITORY / ".pre-commit-hooks.yaml")],
        check=False,
    )
    assert done.returncode == 0
