"""Manifests as other people wrote them, judged by conftest and by `weighbridge check`, against the compiled example.

The files are not ours, so they are read where they lie, beside the checkout; where they do not, these tests say so.
Some untidy ones of our own are judged everywhere.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import ec

from weighbridge.bundle.compile import CompileOptions, compile_catalogue
from weighbridge.catalogue.names import parse_time_ns
from weighbridge.engines.host import LocalHost
from weighbridge.points.check import Checker, Report
from weighbridge.points.manifests import read_manifests

REPOSITORY = Path(__file__).resolve().parents[2]
REAL = REPOSITORY.parent / "shared" / "real"
UNTIDY = REPOSITORY / "tests" / "documents" / "manifests"
EXAMPLE_AT_NS = parse_time_ns("2026-01-15T00:00:00Z")
CODE = re.compile(r"^[A-Z]{3}-[0-9]{3}\b")
PODLESS = {
    "ClusterRole", "ClusterRoleBinding", "ConfigMap", "InferencePool", "Namespace", "PersistentVolumeClaim",
    "Secret", "Service",
}  # fmt: skip
"""The kinds among the real manifests that make no pods."""
DESCRIBED = {"DaemonSet", "Deployment", "Job", "Pod", "StatefulSet"}
"""Those of Kubernetes' own whose pods can be judged."""
UNDESCRIBED = {"kaito.sh", "ome.io"}
"""The groups of those that nobody described."""
OPERATORS = {
    "apps.nvidia.com", "leaderworkerset.x-k8s.io", "machinelearning.seldon.io", "mlops.seldon.io", "ray.io",
    "serving.kserve.io",
}  # fmt: skip
"""The groups of operators whose objects are understood, one or several pods each."""

pytestmark = pytest.mark.engines
beside = pytest.mark.skipif(not REAL.is_dir(), reason=f"the real manifests do not lie in {REAL.name}/ beside us")
UNTIDY_FOLDER = pytest.param(UNTIDY, 3, id="untidy")
SERVING = pytest.param(REAL / "serving", 40, id="serving", marks=beside)
PSA = pytest.param(REAL / "psa", 40, id="psa", marks=beside)
"""Folders, and how many files at least lie there."""


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example as of its own present: its approvals have lapsed by now."""
    output = tmp_path_factory.mktemp("compiled") / "bundles"
    options = CompileOptions(
        output=output,
        release_key=ec.generate_private_key(ec.SECP256R1()),
        at_ns=EXAMPLE_AT_NS,
        environments=("prod",),
        allow_example_keys=True,
        fixed_clock_ns=EXAMPLE_AT_NS,
    )
    compile_catalogue(REPOSITORY / "examples" / "catalogue", options)
    return output


@pytest.fixture(scope="module")
def checker(compiled: Path) -> Iterator[Checker]:
    with Checker(compiled, "prod") as checker:
        yield checker


def files_of(folder: Path, least: int) -> list[Path]:
    files = sorted(folder.rglob("*.yaml"))
    assert len(files) >= least
    return files


def by_file(report: Report) -> dict[str, set[str]]:
    said: dict[str, set[str]] = {}
    for result in report.results:
        said.setdefault(result.file, set()).update(each.code for each in result.violations)
    return said


def conftest_by_file(compiled: Path, files: list[Path], home: Path) -> dict[str, set[str]]:
    folder = compiled / "prod" / "conftest"
    arguments = ["test", "-p", folder / "policy", "-d", folder / "data", "--output=json", *files]
    result = LocalHost().run("conftest", arguments, timeout=300, environment={"HOME": str(home)})
    assert result.returncode in {0, 1}, result.stderr.decode()
    said: dict[str, set[str]] = {}
    for each in json.loads(result.stdout):
        found = {CODE.match(failure["msg"])[0] for failure in each.get("failures", [])}
        said.setdefault(each["filename"], set()).update(found)
    return said


@pytest.mark.parametrize(("folder", "least"), [UNTIDY_FOLDER, SERVING, PSA])
def test_both_points_say_the_same_about_every_real_file(
    compiled: Path, checker: Checker, tmp_path: Path, folder: Path, least: int
) -> None:
    files = files_of(folder, least)
    said = by_file(checker.check(read_manifests(files)))
    assert said == conftest_by_file(compiled, files, tmp_path)


@pytest.mark.parametrize(("folder", "least"), [UNTIDY_FOLDER, SERVING, PSA])
def test_every_real_object_is_understood(checker: Checker, folder: Path, least: int) -> None:
    report = checker.check(read_manifests(files_of(folder, least)))
    lost = [(result.file, result.kind) for result in report.results if "MOD-010" in _codes(result)]
    assert lost == []


@pytest.mark.parametrize(("folder", "least"), [UNTIDY_FOLDER, SERVING])
def test_nothing_that_holds_pods_passes_in_silence(checker: Checker, folder: Path, least: int) -> None:
    manifests = read_manifests(files_of(folder, least))
    report = checker.check(manifests)
    for manifest, result in zip(manifests, report.results, strict=True):
        exempt = (manifest.value.get("metadata") or {}).get("namespace") == "kube-system"
        if result.kind in PODLESS or exempt:
            assert not result.denied, (result.file, result.violations)
        else:
            assert result.denied, (result.file, result.kind)


@pytest.mark.parametrize(("folder", "least"), [SERVING])
def test_a_kind_that_nobody_described_is_told_so_and_nothing_else(checker: Checker, folder: Path, least: int) -> None:
    manifests = read_manifests(files_of(folder, least))
    strange = [_codes(result) for result in of_groups(checker, manifests, UNDESCRIBED)]
    assert strange == [{"MOD-011"}] * 4


@pytest.mark.parametrize(
    ("folder", "least", "objects"), [(UNTIDY, 3, 2), pytest.param(REAL / "serving", 40, 21, marks=beside)]
)
def test_objects_of_serving_operators_are_understood(checker: Checker, folder: Path, least: int, objects: int) -> None:
    """None of them carries the labels or pins an image by digest; each is told so, for each of its pods."""
    manifests = read_manifests(files_of(folder, least))
    results = of_groups(checker, manifests, OPERATORS)
    assert len(results) >= objects
    for result in results:
        codes = _codes(result)
        assert {"MOD-001", "MOD-008"} <= codes, result
        assert not codes & {"MOD-010", "MOD-011", "MOD-012", "POD-001"}, result
    for manifest, result in zip(manifests, checker.check(manifests).results, strict=True):
        if manifest.value["kind"] == "RayCluster":
            lines = {violation.line for violation in result.violations if violation.code == "MOD-008"}
            assert len(lines) == 1 + len(manifest.value["spec"]["workerGroupSpecs"])


def of_groups(checker: Checker, manifests: list[Any], groups: set[str]) -> list[Any]:
    results = checker.check(manifests).results
    both = zip(manifests, results, strict=True)
    return [result for manifest, result in both if manifest.value["apiVersion"].partition("/")[0] in groups]


@pytest.mark.parametrize(
    ("folders", "least"),
    [
        pytest.param([UNTIDY], 4, id="untidy"),
        pytest.param([REAL / "serving", REAL / "psa"], 100, id="real", marks=beside),
    ],
)
def test_each_real_pod_is_denied_for_the_right_reasons(checker: Checker, folders: list[Path], least: int) -> None:
    """None of them carries the labels, and of all their images hardly one is pinned."""
    report = checker.check(read_manifests([file for folder in folders for file in files_of(folder, 1)]))
    pods = [result for result in report.results if result.kind in DESCRIBED - {"DaemonSet"}]
    assert len(pods) >= least
    for result in pods:
        models = {code for code in _codes(result) if code.startswith("MOD-")}
        assert {"MOD-001"} <= models <= {"MOD-001", "MOD-008", "MOD-009", "MOD-018"}, result


@pytest.mark.parametrize(
    "folders",
    [pytest.param([UNTIDY], id="untidy"), pytest.param([REAL / "serving", REAL / "psa"], id="real", marks=beside)],
)
def test_each_real_pod_is_hardened_as_far_as_it_says(checker: Checker, folders: list[Path]) -> None:
    """What can be told in a line here is told alike; and nothing that Kubernetes takes is unreadable."""
    manifests = read_manifests([file for folder in folders for file in files_of(folder, 1)])
    for manifest, result in zip(manifests, checker.check(manifests).results, strict=True):
        if result.kind in DESCRIBED and result.denied:
            assert "POD-001" not in _codes(result), result
            told = _plainly_soft(manifest.value)
            assert _codes(result) & set(PLAIN) == told, (result.file, told)


PLAIN = ("POD-003", "POD-004", "POD-005", "POD-015", "POD-022", "POD-023")


def _plainly_soft(manifest: Any) -> set[str]:
    pod = manifest["spec"] if manifest["kind"] == "Pod" else manifest["spec"]["template"]["spec"]
    lists = ("initContainers", "containers", "ephemeralContainers")
    contexts = [each.get("securityContext") or {} for name in lists for each in pod.get(name) or []]
    windows = (pod.get("os") or {}).get("name") == "windows"
    told = (
        any(pod.get(name) for name in ("hostNetwork", "hostPID", "hostIPC")),
        any(context.get("privileged") for context in contexts),
        any("hostPath" in volume for volume in pod.get("volumes") or []),
        not windows and any(context.get("allowPrivilegeEscalation") is not False for context in contexts),
        not windows and any(context.get("readOnlyRootFilesystem") is not True for context in contexts),
        pod.get("automountServiceAccountToken") is not False,
    )
    return {code for code, holds in zip(PLAIN, told, strict=True) if holds}


def test_hardened_counterparts_are_admitted_and_each_other_pod_is_denied_for_its_reason(
    compiled: Path, checker: Checker, tmp_path: Path
) -> None:
    files = sorted((REPOSITORY / "examples" / "pods").glob("*.yaml"))
    expected = {str(file): _expected(file) for file in files}
    assert set() in expected.values()
    assert by_file(checker.check(read_manifests(files))) == expected
    assert conftest_by_file(compiled, files, tmp_path) == expected


def test_empty_documents_are_nothing_and_hide_nothing(compiled: Path, checker: Checker, tmp_path: Path) -> None:
    refused = (REPOSITORY / "examples" / "pods" / "refused.yaml").read_text(encoding="utf-8")
    nothing = tmp_path / "nothing.yaml"
    nothing.write_text("# only a comment\n---\n---\nkind: Namespace\napiVersion: v1\nmetadata: {name: a}\n")
    something = tmp_path / "something.yaml"
    something.write_text(f"# a comment\n---\n---\n{refused}---\n")
    files = [nothing, something]
    expected = {str(nothing): set(), str(something): {"MOD-003"}}
    assert by_file(checker.check(read_manifests(files))) == expected
    assert conftest_by_file(compiled, files, tmp_path) == expected


HIDDEN = {
    "space": "--- \n",
    "tab": "---\t\n",
    "comment": "--- # the next one\n",
    "other line end": "---\r\n",
}


@pytest.mark.parametrize("separator", HIDDEN.values(), ids=HIDDEN)
def test_check_reads_the_documents_that_conftest_does_not(
    compiled: Path, checker: Checker, tmp_path: Path, separator: str
) -> None:
    """kubectl applies all of them. The threat model says so; once conftest reads them, this changes."""
    admitted, refused = (
        (REPOSITORY / "examples" / "pods" / name).read_text(encoding="utf-8")
        for name in ("admitted.yaml", "refused.yaml")
    )
    file = tmp_path / "two.yaml"
    file.write_bytes(f"{admitted}{separator}{refused}".encode())
    assert by_file(checker.check(read_manifests([file]))) == {str(file): {"MOD-003"}}
    assert conftest_by_file(compiled, [file], tmp_path) == {str(file): set()}


def test_the_message_names_the_missing_attestation(compiled: Path, checker: Checker, tmp_path: Path) -> None:
    """Deny pods whose `model_version` label lacks an approved attestation."""
    file = REPOSITORY / "tests" / "fixtures" / "pods" / "mod-003-fail-missing-scan.yaml"
    pod = tmp_path / "pod.yaml"
    pod.write_text(yaml.safe_dump(yaml.safe_load(file.read_text())["object"]))
    (violation,) = checker.check(read_manifests([pod])).results[0].violations
    assert violation.code == "MOD-003"
    assert violation.message.startswith(
        "magika@3.3.1: its `model_version` label lacks an approved attestation in prod: vuln-scan-clean"
    )
    assert "vuln-scan-clean" in violation.message[:200]
    assert violation.line == _line(pod, "model_version")


def _codes(result: Any) -> set[str]:
    return {violation.code for violation in result.violations}


def _expected(file: Path) -> set[str]:
    first = file.read_text(encoding="utf-8").splitlines()[0]
    named = set(first.removeprefix("# expect: ").split(", "))
    return named - {"admitted"}


def _line(file: Path, text: str) -> int:
    return 1 + next(i for i, line in enumerate(file.read_text().splitlines()) if text in line)
