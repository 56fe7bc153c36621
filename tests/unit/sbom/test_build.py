"""What is in a bill of materials, that it is valid, and that it is the same bytes every time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weighbridge.canonical import sha256_hex
from weighbridge.errors import InputError
from weighbridge.evidence.predicates import PACKAGE
from weighbridge.evidence.write import write_attestation
from weighbridge.keys import load_private_key
from weighbridge.sbom.described import describe
from weighbridge.sbom.licenses import license_choice
from weighbridge.sbom.schema import VERSIONS, check_schema, is_iri_reference
from weighbridge.sbom.sections import card_sections
from weighbridge.sbom.write import TYPES, make_sbom

if TYPE_CHECKING:
    from pathlib import Path


def built(package: Path, kit: Any, kind: str = "cyclonedx-1.6", **more: Any) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(make_sbom(describe(package, None, kit.AT), kind, **more).data)
    return document


@pytest.mark.parametrize("kind", ["cyclonedx-1.6", "cyclonedx-1.7"])
def test_what_is_in_it(package: Path, kit: Any, kind: str) -> None:
    bom = built(package, kit, kind)
    assert bom["specVersion"] == kind.removeprefix("cyclonedx-")
    assert bom["metadata"]["timestamp"] == kit.AT
    model = bom["metadata"]["component"]
    assert (model["type"], model["name"], model["version"]) == ("machine-learning-model", "kb-qa", "1.0")
    manifest = json.loads((package / "manifest.json").read_text())
    assert "sha256:" + model["hashes"][0]["content"] == manifest["artifact_digest"]
    assert model["licenses"] == [{"license": {"id": "Apache-2.0", "acknowledgement": "declared"}}]
    assert model["purl"] == "pkg:huggingface/meta/kb-qa@0123456789abcdef0123456789abcdef01234567"
    assert [one["name"] for one in model["components"]] == ["config.json", "model.safetensors", "ünï.txt"]
    weights = kit.named(bom, "model.safetensors")
    assert weights["hashes"] == [{"alg": "SHA-256", "content": sha256_hex(b"w" * 10)}]
    assert kit.values(weights, "weights:dtype:F16") == ["3"]
    assert "mime-type" not in kit.named(bom, "ünï.txt")
    assert kit.values(kit.named(bom, "config.json"), "executable:remote-code") == ["auto_map"]
    assert kit.named(bom, "thing")["group"] == "@scope"
    assert kit.named(bom, "nvidia-cuda-runtime-cu12")["type"] == "framework"
    cuda = kit.named(bom, "CUDA")
    assert (cuda["type"], cuda["version"]) == ("framework", "12.4")
    assert cuda["cpe"] == "cpe:2.3:a:nvidia:cuda_toolkit:12.4:*:*:*:*:*:*:*"
    assert kit.values(kit.named(bom, "NVIDIA driver"), "driver:minimum") == ["550.54.14"]
    assert [one["name"] for one in model["pedigree"]["ancestors"]] == ["a local model", "meta/base-7b"]
    assert model["pedigree"]["ancestors"][1]["purl"] == "pkg:huggingface/meta/base-7b"
    assert {"type": "vcs", "url": "https://example.com/code.git"} in model["externalReferences"]
    assert model["tags"] == ["retrieval", "qa"]
    assert "platform:cuda" in bom["dependencies"][0]["dependsOn"]


def test_data_has_its_lineage(package: Path, kit: Any) -> None:
    bom = built(package, kit)
    squad = kit.named(bom, "squad")
    assert kit.values(squad, "lineage:role") == ["evaluation", "training"]
    assert kit.values(squad, "lineage:parent_run_id") == ["run-42"]
    assert squad["data"][0]["contents"]["url"] == "https://huggingface.co/datasets/squad"
    assert kit.values(kit.named(bom, "truthfulqa"), "lineage:role") == ["evaluation"]
    assert kit.named(bom, "s3://bucket/set?versionId=1")["data"][0]["contents"]["url"] == "s3://bucket/set?versionId=1"
    trained = bom["metadata"]["component"]["modelCard"]["modelParameters"]["datasets"]
    assert {"ref": "data:squad"} in trained
    assert {"ref": "data:truthfulqa"} not in trained


def test_model_card(package: Path, kit: Any, tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_bytes(kit.CONFIG)
    document = json.loads(make_sbom(describe(package, model, kit.AT), "cyclonedx-1.6").data)
    card = document["metadata"]["component"]["modelCard"]
    parameters = card["modelParameters"]
    assert (parameters["task"], parameters["architectureFamily"]) == ("text-generation", "bert")
    assert parameters["modelArchitecture"] == "BertModel"
    metrics = card["quantitativeAnalysis"]["performanceMetrics"]
    assert metrics[:2] == [
        {"type": "exact_match", "value": "0.81", "slice": "question-answering / SQuAD / squad / test"},
        {"type": "f1", "value": "88.5", "slice": "question-answering / SQuAD / squad / test"},
    ]
    assert metrics[2]["value"] == '{"a":2,"b":1}'
    assert metrics[3] == {"type": "mc2", "value": "7", "slice": "truthfulqa"}
    considerations = card["considerations"]
    assert considerations["useCases"] == ["Answers questions.\n### As a library\n```python\n## Limitations\n```"]
    assert considerations["technicalLimitations"] == ["It makes things up."]
    assert considerations["ethicalConsiderations"] == [{"name": "Bias of the corpus."}]
    assert kit.values(card, "card:threat_model") == ["docs/threats.md"]
    assert kit.values(card, "card:dependency") == ["tritonserver 2.40"]


@pytest.mark.parametrize("kind", TYPES[1:])
def test_the_same_bytes_whatever_the_hash_seed(package: Path, kit: Any, kind: str, tmp_path: Path) -> None:
    samples = [kit.SAMPLES / "syft-cyclonedx-1.5.json", kit.SAMPLES / "syft-spdx-2.3.json"]
    expected = make_sbom(describe(package, None, kit.AT), kind, samples).data
    assert make_sbom(describe(package, None, kit.AT), kind, samples[::-1]).data == expected
    output = tmp_path / "other.json"
    merging = [part for file in samples for part in ("--merge", str(file))]
    subprocess.run(
        [sys.executable, "-m", "weighbridge", "sbom", str(package), "--type", kind, "-o", str(output), *merging],
        env={**os.environ, "PYTHONHASHSEED": "4242", "SOURCE_DATE_EPOCH": "1768435200", "TZ": "Asia/Tokyo"},
        check=True,
        capture_output=True,
    )
    assert output.read_bytes() == expected


def test_the_serial_number_follows_from_the_content(package: Path, kit: Any, tmp_path: Path) -> None:
    one = built(package, kit)
    other = built(kit.write_package(tmp_path / "other", cuda="12.5"), kit)
    assert one["serialNumber"] != other["serialNumber"]
    assert built(package, kit, "cyclonedx-1.7")["serialNumber"] not in {one["serialNumber"], other["serialNumber"]}


class TestTime:
    def test_option_before_epoch_before_package(
        self, package: Path, kit: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
        with pytest.raises(InputError, match="has no package statement to take the time from"):
            describe(package, None, None)
        digest = json.loads((package / "manifest.json").read_text())["artifact_digest"]
        key = load_private_key(str(kit.write_key(tmp_path / "key.pem")))
        times = {"kb-qa@1.0": "2026-01-02T00:00:00Z", "older": "2026-01-01T00:00:00Z"}
        for name, at in times.items():
            predicate = {"manifest_sha256": digest, "card_sha256": digest, "at": at}
            data = write_attestation(PACKAGE, predicate, (name, digest), [key], "x")
            (package / "evidence" / f"{name}.json").write_bytes(data)
        other = write_attestation(
            PACKAGE, {**predicate, "at": "2026-06-01T00:00:00Z"}, ("o", "sha256:" + "0" * 64), [key], "x"
        )
        (package / "evidence" / "of-another.json").write_bytes(other)
        (package / "evidence" / "unreadable.json").write_bytes(b"{")
        assert describe(package, None, None).at_ns == 1767312000 * 10**9
        monkeypatch.setenv("SOURCE_DATE_EPOCH", "1768435200")
        assert describe(package, None, None).at_ns == 1768435200 * 10**9
        assert describe(package, None, "2026-01-16T00:00:00Z").at_ns == 1768521600 * 10**9

    @pytest.mark.parametrize("epoch", ["", "-1", "1e9", "99999999999", "now", "\u0661"])
    def test_an_epoch_that_is_none(self, package: Path, monkeypatch: pytest.MonkeyPatch, epoch: str) -> None:
        monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
        with pytest.raises(InputError, match=r"SOURCE_DATE_EPOCH: .* is no number of seconds"):
            describe(package, None, None)


def test_a_configuration_of_another_model(package: Path, kit: Any, tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_bytes(kit.CONFIG + b" ")
    with pytest.raises(InputError, match="is not the packaged one"):
        describe(package, model, kit.AT)


def test_a_dependency_that_is_no_package_url(kit: Any, tmp_path: Path) -> None:
    package = kit.write_package(tmp_path / "p", dependencies=["numpy==2", "pkg:pypi/ok@1", "pkg:"])
    with pytest.raises(InputError) as caught:
        built(package, kit)
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([], []),
        (["mit"], [{"license": {"id": "MIT", "acknowledgement": "declared"}}]),
        (["MIT OR Apache-2.0"], [{"expression": "MIT OR Apache-2.0", "acknowledgement": "declared"}]),
        (["llama 3"], [{"license": {"name": "llama 3", "acknowledgement": "declared"}}]),
        (
            ["MIT OR Apache-2.0", "BSD-3-Clause"],
            [{"expression": "(MIT OR Apache-2.0) AND BSD-3-Clause", "acknowledgement": "declared"}],
        ),
        (
            ["MIT", "llama 3", "MIT"],
            [
                {"license": {"id": "MIT", "acknowledgement": "declared"}},
                {"license": {"name": "llama 3", "acknowledgement": "declared"}},
            ],
        ),
    ],
)
def test_licenses(texts: list[str], expected: list[dict[str, Any]]) -> None:
    assert license_choice(texts) == expected


@pytest.mark.parametrize("version", VERSIONS)
def test_the_schema_refuses_what_it_does_not_know(version: str) -> None:
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": version,
        "version": 1,
        "components": [{"type": "file", "name": "a"}],
    }
    check_schema(json.dumps(document).encode(), version, "f", "")
    for spoiled in (
        {**document, "components": [{"type": "file"}]},
        {**document, "more": 1},
        {**document, "components": [document["components"][0], dict(document["components"][0])]},
        {
            **document,
            "components": [{"type": "file", "name": "a", "externalReferences": [{"type": "vcs", "url": "a b"}]}],
        },
    ):
        with pytest.raises(InputError, match=f"is no valid CycloneDX {version}"):
            check_schema(json.dumps(spoiled).encode(), version, "f", "")


@pytest.mark.parametrize(
    "text",
    ["", "a", "https://e.com/a?b#c", "urn:cdx:1/2#x", "//h/p", "http://[::1]/", "hf://ü/x@1", "?q", "#f", "a%20b"],
)
def test_iri_references(text: str) -> None:
    assert is_iri_reference(text)


@pytest.mark.parametrize(
    "text", ["a b", "a%2", "<x>", 'a"b', "1a:b", "a#b#c", "a\nb", "http://[::1/<", "\ud800", "a^b"]
)
def test_no_iri_references(text: str) -> None:
    assert not is_iri_reference(text)


@settings(deadline=None)
@given(st.text(alphabet="#`~ \nabAB*-<>!", max_size=300))
def test_any_card_has_sections_or_none(text: str) -> None:
    found = card_sections(text, {"a": "x", "b": "y"})
    assert set(found) <= {"x", "y"}
    assert all(section.strip() for given_ in found.values() for section in given_)


def test_a_model_folder_that_is_none_is_told(package: Path, kit: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--model-dir: is no folder"):
        describe(package, tmp_path / "nowhere", kit.AT)
