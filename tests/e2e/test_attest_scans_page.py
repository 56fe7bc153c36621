"""Every command in `docs/how-to/attest-scans.md` does what is said there, on reports that the tools really wrote."""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "how-to" / "attest-scans.md"
SAMPLES = ROOT / "tests" / "documents" / "scanners"


def script() -> str:
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    # `!` alone never ends a shell with -e, so what must fail is asked for.
    return re.sub(r"^! (.*)$", r"if \1; then exit 97; else test $? = 2; fi", "\n".join(blocks), flags=re.MULTILINE)


def predicate(file: Path) -> dict[str, object]:
    payload = json.loads(file.read_bytes())["dsseEnvelope"]["payload"]
    return dict(json.loads(base64.b64decode(payload))["predicate"])


def test_the_page_runs(tmp_path: Path) -> None:
    for name in ("grype", "osv-scanner", "pip-audit", "openvex", "lm-eval"):
        shutil.copy(SAMPLES / f"{name}.json", tmp_path)
    shutil.copy(SAMPLES / "slsa-v1.statement.json", tmp_path / "provenance.json")
    (tmp_path / "kb-qa.jsonl").write_text('{"question": "?"}\n')
    result = subprocess.run(
        ["bash", "-eu", "-o", "pipefail", "-c", script()],
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "Traceback" not in result.stderr
    assert "note       VEX https://example.com/vex/kb-serving-1 by" in result.stdout
    assert predicate(tmp_path / "evaluation.sigstore.json")["metrics"] == {"acc": 0.625, "exact_match": 0.0}
    assert {file.name for file in tmp_path.glob("*.sigstore.json")} == {
        f"{name}.sigstore.json" for name in ("scan", "osv", "pip-audit", "excused", "evaluation", "provenance")
    }
    assert not (tmp_path / "other.json").exists()
    assert not (tmp_path / "failed.json").exists()
