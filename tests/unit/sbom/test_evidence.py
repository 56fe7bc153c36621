"""What `sbom --key` writes is evidence that the rule `sbom` judges, whatever the format."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from weighbridge import resources
from weighbridge.cli.sbom import command
from weighbridge.engines.opa import OpaServer
from weighbridge.errors import InputError
from weighbridge.evidence.dsse import parse_envelope
from weighbridge.evidence.judge import Judgement, judge
from weighbridge.evidence.statement import parse_statement
from weighbridge.evidence.times import statement_time_ns
from weighbridge.evidence.trim import item_json
from weighbridge.sbom.write import PREDICATE_TYPES, TYPES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.engines


@pytest.fixture(scope="module")
def engine() -> Iterator[OpaServer]:
    with OpaServer([resources.policies() / "evidence"]) as server:
        yield server


def run(*arguments: object) -> Any:
    result = CliRunner().invoke(command, [str(one) for one in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result


def judged(engine: OpaServer, statement: Path, **parameters: Any) -> Judgement:
    read = parse_statement(parse_envelope(statement.read_bytes(), "f"), "f")
    given = {"predicate_type": read.predicate_type, "predicate": read.predicate, "with": parameters}
    (judgement,) = judge([item_json("sbom", given)], engine)
    return judgement


@pytest.mark.parametrize("kind", TYPES)
def test_it_passes(package: Path, kit: Any, tmp_path: Path, engine: OpaServer, kind: str) -> None:
    key, output = kit.write_key(tmp_path / "key.pem"), tmp_path / "out" / "bom.json"
    run(
        package,
        "--type",
        kind,
        "-o",
        output,
        "--key",
        key,
        "--at",
        kit.AT,
        "--merge",
        kit.SAMPLES / "syft-cyclonedx-1.6.json",
    )
    statement = package / "evidence" / f"sbom-{kind}.sigstore.json"
    read = parse_statement(parse_envelope(statement.read_bytes(), "f"), "f")
    assert read.predicate_type == PREDICATE_TYPES[kind]
    assert read.predicate == json.loads(output.read_bytes())
    digest = json.loads((package / "manifest.json").read_text())["artifact_digest"]
    assert read.subject == (("kb-qa@1.0", digest),)
    assert statement_time_ns(read.predicate_type, read.predicate) == 1768435200 * 10**9
    assert judged(engine, statement).passed
    assert judged(
        engine, statement, components=["numpy", "CUDA", "squad"], formats=["spdx" if kind == "spdx-3" else "cyclonedx"]
    ).passed
    refused = judged(engine, statement, components=["torch"])
    assert refused.reasons == ("a component that `components` demands is missing",)
    # Datasets and the platform have no license that anybody knows.
    assert not judged(engine, statement, denied_licenses=["GPL-3.0-only"]).passed
    assert judged(engine, statement, denied_licenses=["GPL-3.0-only"], unlicensed="allow").passed
    assert not judged(engine, statement, denied_licenses=["Apache-2.0"], unlicensed="allow").passed
    assert not judged(engine, statement, denied_licenses=["BSD-3-Clause"], unlicensed="allow").passed


def test_a_denied_license_comes_with_what_is_merged(package: Path, kit: Any, tmp_path: Path, engine: OpaServer) -> None:
    """Declared and concluded differ: both count, in each of our formats."""
    document = {
        "spdxVersion": "SPDX-2.3",
        "creationInfo": {"creators": []},
        "packages": [{"SPDXID": "a", "name": "a", "licenseDeclared": "GPL-3.0-only", "licenseConcluded": "MIT"}],
    }
    (tmp_path / "spdx.json").write_text(json.dumps(document))
    key = kit.write_key(tmp_path / "key.pem")
    for kind in TYPES:
        statement = tmp_path / f"{kind}.statement"
        run(package, "--type", kind, "-o", tmp_path / kind, "--key", key, "--at", kit.AT, "--statement", statement,
            "--merge", tmp_path / "spdx.json")  # fmt: skip
        assert not judged(engine, statement, denied_licenses=["GPL-3.0-only"], unlicensed="allow").passed
        assert judged(engine, statement, denied_licenses=["MPL-2.0"], unlicensed="allow").passed


def test_a_component_without_a_name_is_no_evidence(package: Path, kit: Any, tmp_path: Path, engine: OpaServer) -> None:
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "components": [{"type": "library", "name": ""}],
    }
    (tmp_path / "nameless.json").write_text(json.dumps(document))
    statement = tmp_path / "statement"
    key = kit.write_key(tmp_path / "k")
    run(package, "-o", tmp_path / "out", "--key", key, "--at", kit.AT, "--statement", statement,
        "--merge", tmp_path / "nameless.json")  # fmt: skip
    assert judged(engine, statement).reasons == ("it lists no component, or one without a name",)


class TestCommand:
    def test_reports(self, package: Path, kit: Any, tmp_path: Path) -> None:
        sample = kit.SAMPLES / "syft-cyclonedx-1.6.json"
        arguments = (package, "--at", kit.AT, "--merge", sample, "-o")
        report = json.loads(run(*arguments, tmp_path / "a.json", "--format", "json").output)
        assert report["type"] == "cyclonedx-1.6"
        assert report["merged"][0]["components"] == 6
        assert report["merged"][0]["file"] == "syft-cyclonedx-1.6.json"
        assert report["statement"] is None
        text = run(*arguments, tmp_path / "b.json").output
        assert "merged     syft-cyclonedx-1.6.json: 6 components, CycloneDX 1.6 by syft" in text

    @pytest.mark.parametrize(
        ("output", "more", "expected"),
        [
            ("package/bom.json", (), "lies in the package folder"),
            ("there.json", (), "is there already"),
            ("new.json", ("--statement", "s.json"), "needs a key to sign with"),
            ("new.json", ("--merge", "none.json"), "cannot be read"),
            ("new.json", ("--at", "yesterday"), "RFC 3339"),
            ("new.json", ("--key", "none.pem"), "cannot be read"),
        ],
    )
    def test_refuses(
        self, package: Path, kit: Any, tmp_path: Path, output: str, more: tuple[str, ...], expected: str
    ) -> None:
        (tmp_path / "there.json").write_text("mine")
        before = sorted(tmp_path.rglob("*"))
        with pytest.raises(InputError, match=expected):
            run(package, "--at", kit.AT, "-o", tmp_path / output, *more)
        assert sorted(tmp_path.rglob("*")) == before
        assert (tmp_path / "there.json").read_text() == "mine"

    def test_evidence_that_is_there_stays(self, package: Path, kit: Any, tmp_path: Path) -> None:
        statement = package / "evidence" / "sbom-cyclonedx-1.6.sigstore.json"
        statement.write_text("{}")
        with pytest.raises(InputError, match="is there already"):
            run(package, "--at", kit.AT, "-o", tmp_path / "x", "--key", kit.write_key(tmp_path / "k"))
        assert not (tmp_path / "x").exists()
