"""`weighbridge lint`: every kind of finding, by the real OPA and Regal, and none on a rule that is in order."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from weighbridge.cli.main import cli
from weighbridge.errors import InputError

GOOD = """# METADATA
# description: Every pod names its owner.
package lib.weighbridge.user.requirements.owners

import data.lib.weighbridge.request

# METADATA
# description: A pod without an owner.
deny contains violation if {
	request.subject.kind == "workload"
	request.subject.pod != null
	not owned
	violation := {"code": "OWN-001", "message": "nobody owns it"}
}

owned if request.subject.pod.labels.owner != ""
"""
TEST = """package lib.weighbridge.user.requirements.owners_test

import data.lib.weighbridge.user.requirements.owners

workload := {"subject": {"kind": "workload", "pod": {}}}

test_unowned if count(owners.deny) == 1 with data.lib.weighbridge.request as workload
"""

pytestmark = pytest.mark.engines


def write(tmp_path: Path, **files: str) -> Path:
    tmp_path.mkdir(exist_ok=True)
    (tmp_path / "weighbridge.yaml").write_text("kind: Catalogue\n", encoding="utf-8")
    for name, text in files.items():
        path = tmp_path / "policies" / f"{name}.rego"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    # Without a configuration of the user's own, the shipped one counts; above a temporary folder there is none.
    return tmp_path


def lint(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["lint", *arguments])


def found(folder: Path, *arguments: str) -> list[tuple[str, int]]:
    document = json.loads(lint(str(folder), "--format=json", *arguments).stdout)
    return [(each["rule"], each["line"]) for each in document["findings"]]


def test_nothing_to_say(tmp_path: Path) -> None:
    result = lint(str(write(tmp_path, owners=GOOD, owners_test=TEST)))
    assert (result.exit_code, result.stdout) == (0, "2 files, 0 errors, 0 warnings\n")


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("subject.kind ==", "subject.kin ==", ("weighbridge", 10)),
        ("data.lib.weighbridge.request\n", "data.lib.weighbridge.requests\n", ("weighbridge", 5)),
        (
            "owned if request",
            'owned if http.send({"url": "x", "method": "get"})\n\nowned if request',
            ("weighbridge", 16),
        ),
        ("import data", "import data.lib.weighbridge.registry\nimport data", ("weighbridge", 5)),
        ("\tnot owned\n", "\tnot owned(1)\n", ("weighbridge", 12)),
        ("deny contains violation if {", "deny contains violation {", ("weighbridge", 9)),
        ("\tnot owned\n", "  not owned\n", ("opa-fmt", 1)),
        ("owned if request", "Owned if request", ("weighbridge", 12)),
        ("not owned", 'not owned\n\t"a" == concat("", ["a"])', ("style/yoda-condition", 13)),
    ],
)
def test_each_kind_is_found(tmp_path: Path, before: str, after: str, expected: tuple[str, int]) -> None:
    assert before in GOOD
    folder = write(tmp_path, owners=GOOD.replace(before, after))
    assert lint(str(folder)).exit_code == 1
    assert expected in found(folder)


def test_a_test_that_does_not_compile(tmp_path: Path) -> None:
    folder = write(tmp_path, owners=GOOD, owners_test=TEST.replace("count(owners.deny)", "owners.deny(1)"))
    assert [rule for rule, _ in found(folder)] == ["opa-check"]


def test_fix_formats_and_nothing_else(tmp_path: Path) -> None:
    folder = write(tmp_path, owners=GOOD.replace("\tnot owned", "  not owned"), broken="package x\n\n  deny if {\n")
    result = lint("--fix", str(folder / "policies" / "owners.rego"))
    assert (result.exit_code, result.stderr) == (0, f"{folder / 'policies' / 'owners.rego'}: formatted\n")
    assert (folder / "policies" / "owners.rego").read_text(encoding="utf-8") == GOOD
    assert lint("--fix", str(folder)).exit_code == 1
    assert (folder / "policies" / "broken.rego").read_text(encoding="utf-8") == "package x\n\n  deny if {\n"


def test_the_users_own_configuration_counts(tmp_path: Path) -> None:
    long = GOOD.replace('"nobody owns it"', '"' + "nobody owns it and " * 12 + '"')
    folder = write(tmp_path, owners=long)
    assert ("style/line-length", 13) in found(folder)
    (folder / ".regal").mkdir()
    (folder / ".regal" / "config.yaml").write_text(
        "rules: {style: {line-length: {level: warning}}}\n", encoding="utf-8"
    )
    result = lint(str(folder), "--format=json")
    levels = {each["rule"]: each["level"] for each in json.loads(result.stdout)["findings"]}
    assert levels["style/line-length"] == "warning"


def test_github_annotations_cannot_be_forged(tmp_path: Path) -> None:
    folder = write(tmp_path / "a,b:c%", owners=GOOD.replace("\tnot owned", "  not owned"))
    line = lint(str(folder), "--format=github").stdout.splitlines()
    assert len(line) == 1
    assert line[0].startswith("::error file=")
    assert "a%2Cb%3Ac%25" in line[0]


@pytest.mark.parametrize("path", ["nowhere", "empty"])
def test_nothing_to_read(tmp_path: Path, path: str) -> None:
    (tmp_path / "empty").mkdir()
    result = lint(str(tmp_path / path))
    assert isinstance(result.exception, InputError)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "a.rego").write_bytes(b"package a\xff")
    result = lint(str(tmp_path))
    assert isinstance(result.exception, InputError)
    assert "UTF-8" in str(result.exception)
