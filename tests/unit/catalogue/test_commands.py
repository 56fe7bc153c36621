"""`weighbridge tenant key`, `weighbridge init`, and that no error of a user's ends in a traceback."""

from __future__ import annotations

import json
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from weighbridge.canonical import digest
from weighbridge.catalogue.configuration import TenantKey
from weighbridge.catalogue.load import load_catalogue
from weighbridge.catalogue.names import parse_time_ns
from weighbridge.catalogue.yaml_document import parse_yaml
from weighbridge.cli.init import command as init
from weighbridge.cli.tenant import command as tenant
from weighbridge.errors import InputError, OutputError

if TYPE_CHECKING:
    from .conftest import Tree

KEY = re.compile(r"wb_prod_([a-z0-9]{8})_([A-Za-z0-9_-]{43})")


def test_a_tenants_key(tree: Tree) -> None:
    result = CliRunner().invoke(
        tenant, ["key", "acme", "--environment", "prod", "--not-after", "2099-01-01T00:00:00Z", "--models", "kb-qa-001"]
    )
    assert result.exit_code == 0, result.output
    (match,) = KEY.finditer(result.stdout)
    line = next(line.strip() for line in result.stdout.splitlines() if line.strip().startswith("- {"))
    (entry,) = parse_yaml(line, "f").value
    assert entry == {
        "id": match.group(1),
        "sha256": digest(match.group().encode()),
        "not_after": "2099-01-01T00:00:00Z",
        "models": ["kb-qa-001"],
    }
    assert TenantKey.model_validate(entry).not_after == parse_time_ns("2099-01-01T00:00:00Z")
    tree.write("tenants.yaml", tree.path("tenants.yaml").read_text() + f"        {line}\n")
    tenants = tree.load().tenants
    assert tenants is not None
    assert tenants.tenants["acme"].environments["prod"].keys[-1].id == match.group(1)


def test_a_tenants_key_as_json() -> None:
    runner = CliRunner()
    documents = []
    with runner.isolated_filesystem() as folder:
        for _ in range(2):
            result = runner.invoke(tenant, ["key", "acme", "--environment", "prod", "--format", "json"])
            documents.append(json.loads(result.stdout))
        assert not list(Path(folder).iterdir())
    first, second = documents
    assert KEY.fullmatch(first["key"])
    assert first["key"] != second["key"]
    assert first["entry"]["sha256"] == digest(first["key"].encode())
    assert "models" not in first["entry"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ACME", "--environment", "prod"], "TENANT: is 'ACME', which has not the form expected."),
        (["acme", "--environment", "pr_od"], "--environment: is 'pr_od', which has not the form expected."),
        (["acme", "--environment", "prod", "--models", "A"], "models[0]: is 'A', which has not the form expected."),
        (
            ["acme", "--environment", "prod", "--not-after", "tomorrow"],
            "--not-after: is 'tomorrow', must be an RFC",
        ),
        (["acme", "--environment", "prod", "--not-after", "2020-01-01T00:00:00Z"], "--not-after: is 2020-01-01T00:00"),
        (["acme", "--environment", "prod", "--not-after", "2026-02-30T00:00:00Z"], "--not-after: is '2026-02-30T00:00"),
    ],
)
def test_arguments_of_tenant_key(arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(tenant, ["key", *arguments])
    assert isinstance(result.exception, InputError)
    assert str(result.exception).startswith(message)
    assert not result.stdout


def test_init_without_keys(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "catalogue"
    result = CliRunner().invoke(init, [str(folder)])
    assert result.exit_code == 0, result.output
    assert load_catalogue(folder).signers["ci"].key is None
    assert not list(tmp_path.rglob("*.pem"))
    for name, schema in (("weighbridge.yaml", "configuration"), ("tenants.yaml", "tenants")):
        assert (folder / name).read_text().startswith(f"# yaml-language-server: $schema=schemas/{schema}.json\n")
        assert (folder / "schemas" / f"{schema}.json").exists()


def test_init_with_keys(tmp_path: Path) -> None:
    folder, keys = tmp_path / "catalogue", tmp_path / "keys"
    result = CliRunner().invoke(init, [str(folder), "--with-keys", str(keys), "--format", "json"])
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["private_keys"] == [str(keys / "ci.pem"), str(keys / "root.pem")]
    for path in map(Path, document["private_keys"]):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert (folder / "keys" / "ci.pub").read_bytes() == (keys / "ci.pub").read_bytes()
    assert load_catalogue(folder).signers["ci"].key is not None
    assert not any(b"PRIVATE" in path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_init_says_what_comes_next(tmp_path: Path) -> None:
    folder, keys = tmp_path / "catalogue", tmp_path / "keys"
    result = CliRunner().invoke(init, [str(folder), "--with-keys", str(keys)])
    for part in (f"--key {keys}/ci.pem", f"trust sign {folder} --key {keys}/root.pem", f"--root {keys}/root.pub"):
        assert part in result.stdout


def test_init_refuses(tmp_path: Path) -> None:
    full = tmp_path / "full"
    full.mkdir()
    (full / "x").write_text("")
    file = tmp_path / "file"
    file.write_text("")
    keys = tmp_path / "keys"
    keys.mkdir()
    (keys / "root.pem").symlink_to("nowhere")
    for arguments, message in (
        ([str(full)], "is not an empty folder"),
        ([str(file)], "is not an empty folder"),
        ([str(tmp_path / "a"), "--with-keys", str(tmp_path / "a" / "keys")], "lies inside the catalogue"),
        ([str(tmp_path / "a"), "--with-keys", str(tmp_path / "a")], "lies inside the catalogue"),
        ([str(tmp_path / "a"), "--with-keys", str(keys)], "exists already"),
    ):
        result = CliRunner().invoke(init, arguments)
        assert isinstance(result.exception, InputError), result.output
        assert message in str(result.exception)
    assert not (tmp_path / "a").exists()
    result = CliRunner().invoke(init, [str(file / "below")])
    assert isinstance(result.exception, (InputError, OutputError))


@pytest.mark.parametrize(
    "arguments",
    [
        ["trust", "show", "missing"],
        ["trust", "show", "."],
        ["trust", "sign", ".", "--key", "missing.pem"],
        ["tenant", "key", "A", "--environment", "prod"],
        ["init", "."],
    ],
)
def test_no_traceback_and_status_two(tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "weighbridge.yaml").write_bytes(b"a: *b\xff")
    program = [sys.executable, "-m", "weighbridge", *arguments]
    result = subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert result.stderr.startswith("error: ")
    assert "Traceback" not in result.stderr
    assert not result.stdout
