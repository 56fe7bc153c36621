"""The page about stopping a model: every command does what is said there, on a real control plane and a real OPA."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.e2e.control.operator_site import NEW, OLD, Site, ask, wait_for
from tests.e2e.test_how_to_pages import script

pytestmark = pytest.mark.engines
SERVER = "https://control.example.com:8282"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    site = Site(tmp_path_factory.mktemp("stop")).compile()
    with site.serving():
        yield site


def test_the_page_runs(site):
    text = script("stop-a-model.md")
    assert SERVER in text
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    with site.sidecar("gateway") as sidecar:
        result = subprocess.run(
            ["bash", "-eu", "-o", "pipefail", "-c", text.replace(SERVER, site.url)],
            cwd=site.folder,
            env={**os.environ, "PATH": path, "NO_COLOR": "1", "XDG_STATE_HOME": str(site.folder)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert result.returncode == 0, result.stdout + result.stderr
        for said in (
            f"alias kb-qa goes to {OLD}",
            "dry run: nothing signed",
            "prod: in force after",
            ", verified",
            "all have confirmed: 1 of 1",
            "prod: 1 current; live prod-live-",
            "leaks addresses (INC-7)",
            "NOT in force: one more signature is missing, of product",
            "signed by mlsec, product: enough",
            "NOT in force: send it with",
        ):
            assert said in result.stdout
        wait_for(lambda: ask(sidecar, OLD)[0] == 403)
        assert ask(sidecar, NEW)[0] == 200
