"""The projection onto SPDX 3.0.1: read back whole, nothing lost."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from weighbridge.errors import InputError
from weighbridge.sbom.described import describe
from weighbridge.sbom.spdx3 import check_spdx
from weighbridge.sbom.spdx3_terms import license_expression
from weighbridge.sbom.write import make_sbom

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def document(package: Path, kit: Any) -> dict[str, Any]:
    samples = [
        kit.SAMPLES / name for name in ("syft-cyclonedx-1.6.json", "syft-spdx-2.3.json", "cyclonedx-py-1.7.json")
    ]
    made: dict[str, Any] = json.loads(make_sbom(describe(package, None, kit.AT), "spdx-3", samples).data)
    return made


def graph(document: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [one for one in document["@graph"] if one["type"] == kind]


def related(document: dict[str, Any], kind: str) -> set[tuple[str, str]]:
    names = {one["spdxId"]: one.get("name", "") for one in document["@graph"] if "spdxId" in one}
    relations = [one for one in graph(document, "Relationship") if one["relationshipType"] == kind]
    return {(names[one["from"]], names.get(target, target)) for one in relations for target in one["to"]}


def test_what_is_in_it(package: Path, kit: Any, document: dict[str, Any]) -> None:
    assert document["@context"] == "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"
    assert [one["created"] for one in graph(document, "CreationInfo")] == [kit.AT]
    models = {one["name"]: one for one in graph(document, "ai_AIPackage")}
    assert set(models) == {"kb-qa", "meta/base-7b", "a local model"}
    model = models["kb-qa"]
    digest = json.loads((package / "manifest.json").read_text())["artifact_digest"]
    assert model["verifiedUsing"][0]["hashValue"] == digest.removeprefix("sha256:")
    assert {"type": "DictionaryEntry", "key": "mc2 / truthfulqa", "value": "7"} in model["ai_metric"]
    assert model["ai_limitation"] == "It makes things up."
    assert related(document, "contains") >= {("kb-qa", "model.safetensors"), ("kb-qa", "ünï.txt")}
    assert related(document, "trainedOn") >= {("kb-qa", "squad"), ("kb-qa", "org/data")}
    assert related(document, "testedOn") == {("kb-qa", "squad"), ("kb-qa", "truthfulqa")}
    assert related(document, "descendantOf") == {("kb-qa", "meta/base-7b"), ("kb-qa", "a local model")}
    assert ("kb-qa", "CUDA") in related(document, "dependsOn")


def test_every_model_has_one_license_of_each_kind(document: dict[str, Any]) -> None:
    for kind in ("hasDeclaredLicense", "hasConcludedLicense"):
        of_models = [name for name, _ in related(document, kind) if name in {"kb-qa", "meta/base-7b", "a local model"}]
        assert Counter(of_models) == {"kb-qa": 1, "meta/base-7b": 1, "a local model": 1}


def test_as_many_components_as_in_cyclonedx(package: Path, kit: Any, document: dict[str, Any]) -> None:
    samples = [
        kit.SAMPLES / name for name in ("syft-cyclonedx-1.6.json", "syft-spdx-2.3.json", "cyclonedx-py-1.7.json")
    ]
    bom = json.loads(make_sbom(describe(package, None, kit.AT), "cyclonedx-1.7", samples).data)
    kinds = ("software_Package", "software_File", "ai_AIPackage", "dataset_DatasetPackage")
    found = sum(len(graph(document, kind)) for kind in kinds)
    assert found == len(kit.every(bom)) + len(bom["metadata"]["component"]["pedigree"]["ancestors"])
    statements = [json.loads(one["statement"]) for one in graph(document, "Annotation")]
    assert any(kit.values(one, "origin:tool") for one in statements)
    assert any("compositions" in one for one in statements)


def test_what_is_no_spdx(document: dict[str, Any]) -> None:
    check_spdx(json.dumps(document).encode(), "f")
    elements = document["@graph"]
    spoiled: list[dict[str, Any]] = [
        {**document, "@context": "https://example.com"},
        {**document, "@graph": [one for one in elements if one["type"] != "SpdxDocument"]},
        {**document, "@graph": [one for one in elements if one["type"] != "software_File"]},
        {
            **document,
            "@graph": [{**one, "relationshipType": "likes"} if "relationshipType" in one else one for one in elements],
        },
        {**document, "@graph": [{**one, "more": 1} if one["type"] == "SpdxDocument" else one for one in elements]},
    ]
    for one in spoiled:
        with pytest.raises(InputError):
            check_spdx(json.dumps(one).encode(), "f")


def test_what_is_written_is_read_back(package: Path, kit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weighbridge.sbom.write.project", lambda *_: {"@context": "https://spdx.org", "@graph": []})
    with pytest.raises(InputError, match=r"is no valid SPDX 3\.0\.1"):
        make_sbom(describe(package, None, kit.AT), "spdx-3")


@pytest.mark.parametrize(
    ("choices", "expected"),
    [
        ([], None),
        ([{"license": {"id": "MIT"}}], "MIT"),
        ([{"expression": "MIT OR BSD-3-Clause"}, {"license": {"id": "MIT"}}], "(MIT OR BSD-3-Clause) AND MIT"),
        ([{"license": {"name": "MIT OR Apache-2.0"}}], "MIT OR Apache-2.0"),
        ([{"license": {"name": "llama 3 / community"}}], "LicenseRef-llama-3-community"),
        ([{"license": {"name": "ライセンス"}}], "LicenseRef-unknown"),
        ([{"license": {"id": "MIT"}}, {"license": {"id": "MIT"}}], "MIT"),
    ],
)
def test_license_expressions(choices: list[dict[str, Any]], expected: str | None) -> None:
    assert license_expression(choices) == expected
