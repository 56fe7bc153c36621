"""Other tools' bills of materials in ours: nothing lost, everything with its origin, nothing understood by guess."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from weighbridge.canonical import digest
from weighbridge.errors import InputError
from weighbridge.sbom.cyclonedx import references
from weighbridge.sbom.described import describe
from weighbridge.sbom.foreign import MAX_BYTES, read_foreign
from weighbridge.sbom.merge import REFERRING
from weighbridge.sbom.schema import VERSIONS, _validator
from weighbridge.sbom.write import TYPES, make_sbom

if TYPE_CHECKING:
    from pathlib import Path

SAMPLES = {
    "syft-cyclonedx-1.4.json": ("CycloneDX 1.4", 6),
    "syft-cyclonedx-1.5.json": ("CycloneDX 1.5", 6),
    "syft-cyclonedx-1.6.json": ("CycloneDX 1.6", 6),
    "cyclonedx-py-1.7.json": ("CycloneDX 1.7", 3),
    "syft-spdx-2.3.json": ("SPDX 2.3", 10),
    "trivy-cyclonedx-1.6.json": ("CycloneDX 1.6", 4),
}
PLAIN: dict[str, Any] = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "version": 1,
    "components": [{"type": "library", "name": "numpy", "bom-ref": "file:config.json", "purl": "pkg:pypi/other@1"}],
    "dependencies": [{"ref": "file:config.json", "dependsOn": []}],
}


def merged(package: Path, kit: Any, *files: Path, kind: str = "cyclonedx-1.7") -> dict[str, Any]:
    document: dict[str, Any] = json.loads(make_sbom(describe(package, None, kit.AT), kind, files).data)
    return document


def write(folder: Path, document: Any, name: str = "other.json") -> Path:
    file = folder / name
    file.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    return file


def spdx(**more: Any) -> dict[str, Any]:
    package = {"SPDXID": "SPDXRef-a", "name": "a", "licenseDeclared": "MIT", "licenseConcluded": "MIT OR GPL-3.0-only"}
    return {
        "spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "name": "doc",
        "creationInfo": {"created": "2026-01-01T00:00:00Z", "creators": ["Tool: scanner-2", "Person: someone"]},
        "packages": [package], **more,
    }  # fmt: skip


@pytest.mark.parametrize("name", SAMPLES)
def test_real_ones(package: Path, kit: Any, name: str) -> None:
    form, count = SAMPLES[name]
    alone = kit.every(merged(package, kit))
    bom = merged(package, kit, kit.SAMPLES / name)
    theirs = [one for one in kit.every(bom) if kit.values(one, "origin:file")]
    assert len(theirs) == count
    # click and numpy were known by their package URL only; whoever described them takes their place.
    assert len(kit.every(bom)) == len(alone) + count - 2
    original = (kit.SAMPLES / name).read_bytes()
    for one in theirs:
        assert kit.values(one, "origin:digest") == [digest(original)]
        assert kit.values(one, "origin:format") == [form]
        assert kit.values(one, "origin:tool")
    pointer = [one for one in bom["externalReferences"] if one["type"] == "bom"]
    assert [one["hashes"][0]["content"] for one in pointer] == [digest(original).removeprefix("sha256:")]


def test_all_at_once(package: Path, kit: Any) -> None:
    bom = merged(package, kit, *(kit.SAMPLES / name for name in SAMPLES))
    assert len(kit.every(bom)) == len(kit.every(merged(package, kit))) + sum(count for _, count in SAMPLES.values()) - 2
    assert max(Counter(references(bom)).values()) == 1
    known = set(references(bom))
    for entry in bom["dependencies"]:
        assert {entry["ref"], *entry.get("dependsOn", [])} <= known
    tools = Counter(one["name"] for one in bom["metadata"]["tools"]["components"])
    assert tools["syft"] == 3
    assert tools["weighbridge"] == 1
    (known_bad,) = bom["vulnerabilities"]
    (affected,) = [one for one in kit.every(bom) if one.get("bom-ref") == known_bad["affects"][0]["ref"]]
    assert (affected["name"], kit.values(affected, "origin:tool")) == ("numpy", ["trivy 0.58.0"])


def test_what_stands_in_for_a_bare_dependency(package: Path, kit: Any) -> None:
    bom = merged(package, kit, kit.SAMPLES / "syft-cyclonedx-1.6.json")
    stands_in = [one for one in kit.every(bom) if kit.values(one, "manifest:dependency") == ["pkg:pypi/click@8.1.8"]]
    assert len(stands_in) == 2
    rests_on = bom["dependencies"][0]["dependsOn"]
    assert {one["bom-ref"] for one in stands_in} <= set(rests_on)
    assert "dependency:pkg:pypi/click@8.1.8" not in rests_on
    assert "dependency:pkg:npm/%40scope/thing@1.0.0" in rests_on


def test_references_that_collide(package: Path, kit: Any, tmp_path: Path) -> None:
    file = write(tmp_path, PLAIN)
    bom = merged(package, kit, file)
    theirs = next(one for one in bom["components"] if kit.values(one, "origin:file"))
    assert theirs["bom-ref"] == f"file:config.json#{digest(file.read_bytes())[7:23]}"
    assert {"ref": theirs["bom-ref"], "dependsOn": []} in bom["dependencies"]
    assert theirs["purl"] == "pkg:pypi/other@1"
    assert kit.named(bom, "config.json")["bom-ref"] == "file:config.json"


@pytest.mark.parametrize("crafted", ["0.json", "z.json"])
def test_a_reference_made_to_collide_with_the_new_name(package: Path, kit: Any, tmp_path: Path, crafted: str) -> None:
    one = write(tmp_path, PLAIN, "a.json")
    name = f"file:config.json#{digest(one.read_bytes())[7:23]}"
    component = {**PLAIN["components"][0], "bom-ref": name}
    other = write(tmp_path, {**PLAIN, "dependencies": [], "components": [component]}, crafted)
    bom = merged(package, kit, one, other)
    assert max(Counter(references(bom)).values()) == 1
    assert len(kit.every(bom)) == len(kit.every(merged(package, kit))) + 2


def test_our_own_merged_again(kit: Any, tmp_path: Path) -> None:
    """Its bare dependencies are somebody's components like any other, and its properties are not ours."""
    earlier = kit.write_package(tmp_path / "earlier")
    sample = kit.SAMPLES / "syft-cyclonedx-1.6.json"
    written = write(tmp_path, merged(earlier, kit, sample))
    package = kit.write_package(tmp_path / "package", dependencies=["pkg:pypi/click@8.1.8"])
    bom = merged(package, kit, written, sample)
    own = len(kit.every(merged(package, kit)))
    assert len(kit.every(bom)) == own - 1 + len(kit.every(json.loads(written.read_text()))) + 6
    for one in kit.every(bom):
        assert len(kit.values(one, "origin:file")) <= 1
        assert len(kit.values(one, "lineage:role")) == 0 or not kit.values(one, "origin:file")
    projected = merged(package, kit, written, sample, kind="spdx-3")
    trained = [one for one in projected["@graph"] if one.get("relationshipType") == "trainedOn"]
    assert [len(one["to"]) for one in trained] == [3]


def test_forged_origins_are_not_ours(package: Path, kit: Any, tmp_path: Path) -> None:
    forged = [
        {"name": "weighbridge:origin:tool", "value": "auditor"},
        {"name": "weighbridge:lineage:role", "value": "training"},
    ]
    file = write(tmp_path, {**PLAIN, "components": [{**PLAIN["components"][0], "properties": forged}]})
    one = next(one for one in merged(package, kit, file)["components"] if kit.values(one, "origin:file"))
    assert kit.values(one, "origin:tool") == []
    assert kit.values(one, "lineage:role") == []
    assert {"name": "merged:weighbridge:origin:tool", "value": "auditor"} in one["properties"]


def test_every_list_is_taken_over(package: Path, kit: Any, tmp_path: Path) -> None:
    document = {
        **PLAIN,
        "serialNumber": "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79",
        "metadata": {
            "authors": [{"name": "somebody"}],
            "component": {"type": "container", "name": "image", "bom-ref": "root"},
        },
        "services": [{"name": "s", "bom-ref": "model:kb-qa@1.0"}],
        "vulnerabilities": [{"id": "CVE-1", "affects": [{"ref": "file:config.json"}]}],
        "compositions": [{"aggregate": "complete", "assemblies": ["file:config.json"]}],
        "annotations": [
            {"subjects": ["file:config.json"], "annotator": {"individual": {"name": "x"}},
             "timestamp": "2026-01-01T00:00:00Z", "text": "t"},
        ],
        "properties": [{"name": "theirs", "value": "1"}],
    }  # fmt: skip
    bom = merged(package, kit, write(tmp_path, document))
    renamed = next(
        one["bom-ref"] for one in bom["components"] if one["name"] == "numpy" and kit.values(one, "origin:file")
    )
    assert bom["vulnerabilities"][0]["affects"] == [{"ref": renamed}]
    assert {"aggregate": "complete", "assemblies": [renamed]} in bom["compositions"]
    assert bom["annotations"][0]["subjects"] == [renamed]
    assert bom["services"][0]["bom-ref"].startswith("model:kb-qa@1.0#")
    assert {"name": "theirs", "value": "1"} in bom["properties"]
    assert any("somebody" in one["value"] for one in bom["properties"])
    assert kit.named(bom, "image")["type"] == "container"
    urls = [one["url"] for one in bom["externalReferences"]]
    assert "urn:cdx:3e671687-395b-41f5-a30f-a58921a69b79/1" in urls


def test_spdx_keeps_everything(package: Path, kit: Any, tmp_path: Path) -> None:
    document = spdx(
        packages=[
            {
                "SPDXID": "SPDXRef-a", "name": "a", "versionInfo": "1", "licenseDeclared": "MIT",
                "licenseConcluded": "MIT OR GPL-3.0-only", "primaryPackagePurpose": "SOURCE", "supplier": "Person: x",
                "checksums": [
                    {"algorithm": "SHA256", "checksumValue": "AB" * 32},
                    {"algorithm": "MD2", "checksumValue": "00"},
                ],
                "externalRefs": [
                    {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
                     "referenceLocator": "pkg:pypi/a@1"},
                    {"referenceCategory": "SECURITY", "referenceType": "advisory",
                     "referenceLocator": "https://e.com"},
                ],
            },
            {"SPDXID": "SPDXRef-b", "name": "b", "primaryPackagePurpose": "CONTAINER",
             "licenseDeclared": "NOASSERTION"},
        ],
        files=[{"SPDXID": "SPDXRef-f", "fileName": "./f", "licenseInfoInFiles": ["MIT"]}],
        relationships=[
            {"spdxElementId": "SPDXRef-a", "relatedSpdxElement": "SPDXRef-b", "relationshipType": "DEPENDENCY_OF"},
            {"spdxElementId": "SPDXRef-b", "relatedSpdxElement": "SPDXRef-f", "relationshipType": "CONTAINS"},
            {"spdxElementId": "SPDXRef-DOCUMENT", "relatedSpdxElement": "SPDXRef-b", "relationshipType": "DESCRIBES"},
        ],
    )  # fmt: skip
    bom = merged(package, kit, write(tmp_path, document))
    one = kit.named(bom, "a")
    assert (one["version"], one["purl"], one["type"]) == ("1", "pkg:pypi/a@1", "library")
    assert one["hashes"] == [{"alg": "SHA-256", "content": "ab" * 32}]
    assert one["licenses"] == [
        {"license": {"id": "MIT", "acknowledgement": "declared"}},
        {"license": {"name": "MIT OR GPL-3.0-only", "acknowledgement": "concluded"}},
    ]
    kept = {entry["name"]: entry["value"] for entry in one["properties"]}
    assert kept["spdx:supplier"] == "Person: x"
    assert "MD2" in kept["spdx:checksums"]
    assert "advisory" in kept["spdx:externalRefs"]
    assert kept["spdx:primaryPackagePurpose"] == "SOURCE"
    assert kit.named(bom, "b")["type"] == "container"
    assert "licenses" not in kit.named(bom, "b")
    assert {"ref": "SPDXRef-b", "dependsOn": ["SPDXRef-a"]} in bom["dependencies"]
    assert any(
        entry["name"] == "spdx:relationship" and "CONTAINS" in entry["value"]
        for entry in kit.named(bom, "b")["properties"]
    )
    assert any("DESCRIBES" in entry["value"] and "Person: someone" in entry["value"] for entry in bom["properties"])
    assert kit.values(one, "origin:tool") == ["scanner-2"]


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({**PLAIN, "specVersion": "1.3"}, "specVersion: is CycloneDX '1.3', which is not known"),
        ({**PLAIN, "specVersion": "1.8"}, "is CycloneDX '1.8', which is not known"),
        ({**PLAIN, "specVersion": 1.6}, "is CycloneDX 1.6, which is not known"),
        (spdx(spdxVersion="SPDX-2.2"), "is 'SPDX-2.2', which is not known"),
        (spdx(spdxVersion="SPDX-3.0"), "is 'SPDX-3.0', which is not known"),
        ({"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", "@graph": []}, "SPDX 3, which is not merged"),
        ({"artifacts": []}, "is no bill of materials that is known"),
        ([PLAIN], "is no bill of materials: no JSON object"),
        ("<bom/>", "is not JSON"),
        ('{"bomFormat": "CycloneDX", "bomFormat": "SPDX"}', "duplicate key"),
        ({**PLAIN, "components": [{"type": "library"}]}, "is no valid CycloneDX 1.6: 'name' is a required property"),
        ({**PLAIN, "bom": 1}, "Additional properties are not allowed"),
        (
            {**PLAIN, "components": [*PLAIN["components"], {**PLAIN["components"][0], "name": "b"}]},
            "other.json: bom-ref: 'file:config.json' is given twice",
        ),
        ({**PLAIN, "definitions": {"standards": []}}, "holds `definitions`"),
        ({**PLAIN, "declarations": {}}, "holds `declarations`"),
        (spdx(packages=[{"name": "a"}]), r"packages[0].SPDXID: is missing"),
        (spdx(packages=[{"SPDXID": "a", "name": 1}]), r"packages[0].name: is missing or of another kind"),
        (spdx(packages=[{"SPDXID": "a", "name": "a", "checksums": {"a": 1}}]), "packages[0].checksums"),
        (
            spdx(packages=[{"SPDXID": "a", "name": "a", "externalRefs": [{"referenceType": 1}]}]),
            "packages[0].externalRefs",
        ),
        (spdx(packages=[{"SPDXID": "a", "name": "a", "attributionTexts": ["\ud800"]}]), "holds what cannot be kept"),
        (spdx(packages=[{"SPDXID": "a", "name": "a", "attributionTexts": [2**60]}]), "holds what cannot be kept"),
        ({**PLAIN, "components": [{"type": "library", "name": "\ud800"}]}, "has no canonical form"),
        (spdx(packages=[]), "packages: lists nothing"),
        (spdx(packages="all"), "packages: is no list"),
        (spdx(creationInfo={}), "creationInfo.creators"),
        (spdx(packages=[{"SPDXID": "a", "name": "a"}, {"SPDXID": "a", "name": "b"}]), "is given twice"),
    ],
)
def test_refused(package: Path, kit: Any, tmp_path: Path, document: Any, expected: str) -> None:
    with pytest.raises(InputError) as caught:
        merged(package, kit, write(tmp_path, document))
    assert expected in str(caught.value)


def test_what_the_older_version_has_no_room_for(package: Path, kit: Any, tmp_path: Path) -> None:
    component = {"type": "library", "name": "new", "isExternal": True, "versionRange": "vers:pypi/>=1"}
    file = write(tmp_path, {**PLAIN, "specVersion": "1.7", "components": [component], "dependencies": []})
    assert kit.named(merged(package, kit, file), "new")["isExternal"] is True
    with pytest.raises(InputError, match=r"Write it with --type cyclonedx-1\.7"):
        merged(package, kit, file, kind="cyclonedx-1.6")


def test_the_same_document_twice(package: Path, kit: Any, tmp_path: Path) -> None:
    one, other = write(tmp_path, PLAIN, "a.json"), write(tmp_path, PLAIN, "b.json")
    with pytest.raises(InputError, match="names the same document twice"):
        merged(package, kit, one, other)


def test_all_problems_at_once(tmp_path: Path) -> None:
    (tmp_path / "large.json").open("wb").truncate(MAX_BYTES + 1)
    files = [tmp_path / "none.json", tmp_path / "large.json", write(tmp_path, "[" * 100 + "]" * 100)]
    with pytest.raises(InputError) as caught:
        read_foreign(files)
    assert [problem.message for problem in caught.value.problems] == [
        f"is larger than {MAX_BYTES} bytes",
        "cannot be read: No such file or directory",
        "is nested 100 levels deep, more than 64",
    ]


def test_every_field_that_refers_is_known() -> None:
    """As the schemas have it; `url` may link to another document and never refers within this one."""
    kinds = {"refType", "refLinkType", "bomLinkElementType"}

    def refers(schema: Any) -> bool:
        if isinstance(schema, list):
            return any(map(refers, schema))
        if not isinstance(schema, dict):
            return False
        if str(schema.get("$ref", "")).rpartition("/")[2] in kinds:
            return True
        return any(refers(schema[key]) for key in ("anyOf", "oneOf", "allOf", "items") if key in schema)

    def fields(schema: Any) -> set[str]:
        if isinstance(schema, list):
            return set().union(*map(fields, schema)) if schema else set()
        if not isinstance(schema, dict):
            return set()
        listed = schema.get("properties")
        own = {name for name, inner in listed.items() if refers(inner)} if isinstance(listed, dict) else set()
        return own.union(*(fields(inner) for inner in schema.values()))

    found = set().union(*(fields(_validator(version).schema) for version in VERSIONS))
    assert found - {"url"} <= REFERRING


def test_properties_without_a_name(package: Path, kit: Any, tmp_path: Path) -> None:
    component = {**PLAIN["components"][0], "properties": [{"value": "x"}]}
    file = write(tmp_path, {**PLAIN, "specVersion": "1.4", "components": [component]})
    with pytest.raises(InputError, match="'name' is a required property"):
        merged(package, kit, file)


def places(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Path of every value in a document."""
    listed = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    return [path, *(inner for key, value in listed for inner in places(value, (*path, key)))]


SPOILING = (None, True, -1, 2**60, 1.5, "", "a", "\ud800", [], {}, [None], {"a": 1}, "file:config.json", "MIT AND (")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_real_ones_spoiled(kit: Any, tmp_path: Path, data: st.DataObject) -> None:
    """Whatever stands in one place of a real document: it is merged, or refused with a reason."""
    package = tmp_path / "package"
    if not package.exists():
        kit.write_package(package)
    document = json.loads((kit.SAMPLES / data.draw(st.sampled_from(sorted(SAMPLES)))).read_text())
    *where, last = data.draw(st.sampled_from([path for path in places(document) if path]))
    inner = document
    for key in where:
        inner = inner[key]
    inner[last] = data.draw(st.sampled_from(SPOILING))
    with contextlib.suppress(InputError):
        merged(package, kit, write(tmp_path, document), kind=data.draw(st.sampled_from(TYPES)))


KEYS = ("packages", "files", "relationships", "SPDXID", "name", "creationInfo", "creators", "checksums", "externalRefs")
LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=20,
)


@settings(deadline=None)
@given(TREES)
def test_any_spdx_is_read_or_refused(value: Any) -> None:
    from weighbridge.sbom.spdx23 import as_cyclonedx  # noqa: PLC0415 -- beside its only use

    document = {"spdxVersion": "SPDX-2.3", **(value if isinstance(value, dict) else {"packages": value})}
    try:
        as_cyclonedx(document, "f")
    except InputError:
        return
