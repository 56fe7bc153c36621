"""The committed example is what its builder writes, whoever builds it and where."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from weighbridge.canonical import canonical, digest
from weighbridge.catalogue.load import load_catalogue
from weighbridge.catalogue.trust import verify_trust
from weighbridge.errors import InputError

ROOT = Path(__file__).resolve().parents[3]
GENERATED = ("examples/catalogue", "examples/keys", "examples/pods")
SINGLE = ("examples/example-only-tenant-keys.yaml", "policies/example-keys.json")


def files(root):
    found = {single: (root / single).read_bytes() for single in SINGLE}
    for folder in GENERATED:
        for file in (root / folder).rglob("*"):
            if file.is_file():
                found[str(file.relative_to(root))] = file.read_bytes()
    return found


def build(output, **environment):
    command = [sys.executable, str(ROOT / "examples" / "build.py"), "--output", str(output)]
    hostile = {**os.environ, "TZ": "Asia/Kathmandu", "LC_ALL": "C", "PYTHONHASHSEED": "77", **environment}
    return subprocess.run(command, env=hostile, cwd="/", capture_output=True, text=True, umask=0o077, check=False)


def test_a_rebuild_elsewhere_changes_nothing(tmp_path):
    result = build(tmp_path)
    assert result.returncode == 0, result.stderr
    assert files(tmp_path) == files(ROOT)


def test_another_magika_is_refused(tmp_path):
    (tmp_path / "magika-9.9.9.dist-info").mkdir()
    (tmp_path / "magika-9.9.9.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: magika\nVersion: 9.9.9\n"
    )
    result = build(tmp_path / "out", PYTHONPATH=str(tmp_path))
    assert result.returncode == 1
    assert "magika: is version 9.9.9, and the example is built from 1.0.3" in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "out" / "examples" / "catalogue").exists()


def test_it_loads_and_its_trust_is_signed():
    catalogue = load_catalogue(ROOT / "examples" / "catalogue")
    assert len(catalogue.versions) == 11
    assert verify_trust(catalogue, ROOT / "examples" / "keys" / "example-only-root.pub") != "unsigned"
    with pytest.raises(InputError):
        verify_trust(catalogue, ROOT / "examples" / "keys" / "example-only-ci.pub")


def test_the_digests_are_those_of_the_installed_model():
    import magika  # noqa: PLC0415 -- slow to import, and needed here only

    folder = Path(magika.__file__).parent / "models" / "standard_v3_3"
    manifest = json.loads((ROOT / "examples/catalogue/models/magika/3.3.0/manifest.json").read_bytes())
    entries = []
    for file in manifest["files"]:
        data = (folder / file["path"]).read_bytes()
        entries.append([file["path"], len(data), digest(data).removeprefix("sha256:")])
    assert digest(canonical(entries)) == manifest["artifact_digest"]


def test_no_weights_are_committed():
    names = {file.name for file in (ROOT / "examples" / "catalogue" / "models").rglob("*") if file.is_file()}
    assert {name for name in names if not name.endswith(".json")} == {"README.md"}


@pytest.mark.parametrize("file", sorted((ROOT / "examples" / "pods").glob("*.yaml")), ids=lambda file: file.stem)
def test_every_workload_says_what_becomes_of_it(file):
    text = file.read_text("utf-8")
    assert text.startswith("# expect: ")
    labels = yaml.safe_load(text)["spec"]["template"]["metadata"]["labels"]
    assert all(isinstance(value, str) for value in labels.values())
