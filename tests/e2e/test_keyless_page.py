"""The page about keyless signers, run as it stands against a private instance."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.private_sigstore.instance import Instance
from tests.private_sigstore.server import configuration, serve, token

pytestmark = pytest.mark.engines
PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "keyless.md"


def script() -> str:
    text = PAGE.read_text(encoding="utf-8")
    blocks = "\n".join(re.findall(r"^```sh\n(.*?)^```$", text, re.DOTALL | re.MULTILINE))
    return re.sub(r"^! (.*?)$", r"if \1; then exit 97; fi", blocks, flags=re.MULTILINE)


def test_the_page_runs(tmp_path: Path) -> None:
    instance = Instance()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    tokens = {"TOKEN": token("eval@example.com"), "OTHER": token("mallory@example.com")}
    with serve(instance) as base:
        (tmp_path / "trusted_root.json").write_text(json.dumps(instance.trusted_root()))
        (tmp_path / "sigstore.json").write_text(json.dumps(configuration(instance, base)))
        result = subprocess.run(
            ["bash", "-eu", "-o", "pipefail", "-c", script()],
            cwd=tmp_path, env={**os.environ, **tokens, "PATH": path, "NO_COLOR": "1"},
            capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    assert "Traceback" not in result.stderr
    assert "no identity to sign with" in result.stderr
    assert "signed by  eval@example.com (issuer https://token.example.com)" in result.stdout
    before, _, after = result.stdout.partition("signed by  mallory@example.com")
    assert "└── dev: approved" in before
    assert "evidence/eval.json, by eval, " in before
    assert "└── dev: refused" in after
    assert "'mallory@example.com' of issuer 'https://token.example.com', whom trust.signers does not name" in after
    assert token("x").split(".")[0] not in result.stdout + result.stderr
