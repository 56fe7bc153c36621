"""The pages of `docs/how-to/`: some tell one story, the others stand alone; every command does what is said there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from weighbridge.engines.locate import require

HOW_TO = Path(__file__).resolve().parents[2] / "docs" / "how-to"
STORY = ("first-catalogue.md", "bad-model.md", "rotate-keys.md")
ALONE = {
    "behind-the-gateway.md": ["NET-001", "TLS-005", "NET-008", "NET-010", "prod: 5 allowed, 0 denied"],
    "check-in-ci.md": [
        "prod: 1 allowed, 0 denied; 1 not judged",
        "denied: Pod web (-, document 1, from web/templates/pod.yaml)",
        "::error file=rendered.yaml,line=5,col=",
        '<failure message="denied: MOD-001',
    ],
    "introduce-a-requirement.md": ["prod: 1 allowed, 0 denied", "POD-022", "prod: 0 allowed, 1 denied"],
    "isolate-accelerators.md": ["prod: 1 allowed, 0 denied", "GPU-002", "GPU-003", "GPU-007"],
    "registry.md": ["kb-qa-001@1.0 is at oci://127.0.0.1:", "evidence          1 attached", "1 files, 8 bytes"],
    "package-a-model.md": [
        "6 parameters",
        "CUDA 12.1, driver 525.60.13",
        "left out          .cache",
        "training_args.bin: pickle-dangerous (posix.system)",
    ],
    "profile-an-image.md": [
        "/bin/helper (bash, by content)",
        "uid 65532",
        "kb-qa-001@1.0",
        "approved",
        "prod: 1 allowed, 0 denied",
        "IMG-020",
        "IMG-002",
    ],
    "release-and-promote.md": [
        "REL-006 0 of 2 approvals",
        "every requirement is met",
        '"attestations":["evaluated","packaged","sbom"]',
        "all of it counts and passes",
        "✓ promotion from staging by ci",
    ],
    "sbom.md": ["kb-qa-001@1.0", "approved", "merged     serving.cdx.json: 1 components, CycloneDX 1.5 by syft 1.18.1"],
    "see-the-impact.md": [
        "prod: 1 workloads, 1 would be denied\n",
        "    new   Deployment models/kb-qa: Deployment/kb-qa: container `server` may run as root.",
        "          runAsNonRoot: true",
    ],
    "sign-a-model.md": ["model: 2 files, exactly as signed", "'.git/config' is there, and not signed"],
    "stop-in-clusters.md": ["kind: ClusterRole", "kind: Deployment"],
    "waive-a-requirement.md": [
        "waived POD-022 in prod for kb-qa-001@1.0 until",
        "prod: 1 allowed, 0 denied",
        "29 days",
    ],
    "verify-weights.md": ["changed  model.onnx", "added    evil.py", "prod: 1 allowed, 0 denied"],
}
"""Pages that need no other, and what they must print."""
OWN = {
    "admission-with-gatekeeper.md": "test_admission_page.py",
    "attest-scans.md": "test_attest_scans_page.py",
    "keyless.md": "test_keyless_page.py",
    "mirror-bundles.md": "control/test_mirrors.py",
    "recover-the-log.md": "control/test_orders_log.py",
    "run-the-control-plane.md": "test_run_the_control_plane_page.py",
    "stop-a-model.md": "test_stop_a_model_page.py",
}
"""Pages with a test of their own, as they need files beside them."""

pytestmark = pytest.mark.engines


def script(*names: str) -> str:
    """All `sh` blocks in their order. `!` alone never ends a shell with -e, so what must fail is asked for."""
    pages = [(HOW_TO / name).read_text(encoding="utf-8") for name in names]
    blocks = [block for page in pages for block in re.findall(r"^```sh\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)]
    return re.sub(r"^! (.*?)( +#.*)?$", r"if \1; then exit 97; fi", "\n".join(blocks), flags=re.MULTILINE)


def test_the_pages_are_all_told() -> None:
    assert {path.name for path in HOW_TO.glob("*.md")} == {*STORY, *ALONE, *OWN}
    assert all(page in (Path(__file__).parent / test).read_text(encoding="utf-8") for page, test in OWN.items())
    assert script(*STORY).count("exit 97") == 3


def run(folder: Path, *names: str) -> subprocess.CompletedProcess[str]:
    # Users have cosign on PATH; here it may lie among the engines.
    path = os.pathsep.join([str(Path(sys.executable).parent), str(require("cosign").path.parent), os.environ["PATH"]])
    result = subprocess.run(
        ["bash", "-eu", "-o", "pipefail", "-c", script(*names)],
        cwd=folder,
        env={**os.environ, "PATH": path, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "Traceback" not in result.stderr
    return result


def test_the_story_runs(tmp_path: Path) -> None:
    result = run(tmp_path, *STORY)
    assert "MOD-006" in result.stdout
    assert "✗ revoked since" in result.stdout
    assert result.stdout.count("prod: 1 allowed, 0 denied") == 2
    assert "scanner says no" not in result.stdout


@pytest.mark.parametrize("name", sorted(ALONE))
def test_a_page_runs_alone(tmp_path: Path, name: str) -> None:
    result = run(tmp_path, name)
    assert [text for text in ALONE[name] if text not in result.stdout] == []
