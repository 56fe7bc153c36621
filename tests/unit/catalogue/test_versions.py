"""Model folders, cards, manifests, and what may lie where."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from weighbridge.catalogue.card import CardBlock
from weighbridge.catalogue.front_matter import read_card
from weighbridge.catalogue.source import LIMITS
from weighbridge.catalogue.versions import list_versions, load_package
from weighbridge.errors import InputError

if TYPE_CHECKING:
    from .conftest import Tree

FOLDER = "models/kb-qa-001/2025.03.15"
CARD = f"{FOLDER}/README.md"
OWN = Path(__file__).resolve().parents[2] / "documents" / "cards"
REAL = Path(__file__).resolve().parents[4] / "shared" / "real" / "cards"


def card(tree: Tree, text: str | bytes) -> str:
    tree.write(CARD, text)
    return tree.problem().removeprefix(CARD)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# a card\n",
        "---\n---\n# a card\n",
        "---\nlicense: mit\n---",
        "---\n# nothing\n---\n",
        "---\nweighbridge:\n---\n",
        "---\nweighbridge: {}\n---\n",
        "----\na rule, no front matter\n",
        (
            "---\nunknown_hub_key: [1, {a: b}]\nlicense: [a, b]\nbase_model: x\ndatasets:\nmetrics: []\n"
            "model-index:\n---\n"
        ),
        "---\nmodel-index:\n- results:\n  - metrics: [{type: f1, value: 0.5}]\n    dataset: {args: {a: 1}}\n---\n",
        "---\nlicense: mit\n---\ntext with a\ttab and ---\n---\nand more: of: it\n",
    ],
)
def test_cards_that_are_fine(tree: Tree, text: str) -> None:
    tree.write(CARD, text)
    assert tree.load().versions["kb-qa-001@2025.03.15"].card == CardBlock()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("---\n- a\n---\n", ":2:1: has front matter that is no mapping. Write `key: value` lines."),
        ("---\nplain\n---\n", ":2:1: has front matter that is no mapping."),
        ("---\na: b\n", ":1:1: has front matter that is not closed. Close it with a line `---`."),
        ("---\na: b\n--- \n", ":1:1: has front matter that is not closed."),
        ("--- \na: b\n---\n", ":1:1: has a line `---` that is not quite the opening of a front matter."),
        ("\n---\na: b\n---\n", ":1:1: has a line `---` that is not quite the opening"),
        ("  ---\na: b\n---\n", ":1:1: has a line `---` that is not quite the opening"),
        ("---\na: b\n...\nc: d\n---\n", ":4:1: "),
        ("---\na: b\na: c\n---\n", ":3:1: a: is given twice. Keep one of them."),
        ("---\na:\tb\n---\n", ":2:3: holds a tab."),
        ("---\na: *b\n---\n", ":2:4: uses an alias."),
        ("---\na: b\n---\ntext\r\n", ":4:5: has CRLF line ends."),
        (b"\xef\xbb\xbf---\na: b\n---\n", ":1:1: starts with a byte order mark."),
        (b"---\na: \xe9\n---\n", ":2:4: is not UTF-8: byte 0xe9."),
        (b"---\na: b\n---\n\xff\n", ":4:1: is not UTF-8: byte 0xff."),
        ("---\nlicense: {a: b}\n---\n", ":2:10: license: is neither text nor a list of texts."),
        ("---\nlicense: 3\n---\n", ":2:10: license: is neither text nor a list of texts."),
        ("---\ndatasets: [a, 1]\n---\n", ":2:11: datasets: is neither text nor a list of texts."),
        ("---\nmodel-index: x\n---\n", ":2:14: model-index: is no list."),
        ("---\nmodel-index: [x]\n---\n", ":2:15: model-index[0]: is no mapping."),
        ("---\nmodel-index: [{results: x}]\n---\n", ":2:25: model-index[0].results: is no list."),
        ("---\nmodel-index: [{results: [x]}]\n---\n", ":2:26: model-index[0].results[0]: is no mapping."),
        (
            "---\nmodel-index: [{results: [{task: x}]}]\n---\n",
            ":2:33: model-index[0].results[0].task: is no mapping.",
        ),
        (
            "---\nmodel-index: [{results: [{metrics: {}}]}]\n---\n",
            ":2:36: model-index[0].results[0].metrics: is no list.",
        ),
        ("---\nweighbridge: x\n---\n", ":2:14: weighbridge: is 'x', expected a mapping."),
        ("---\nweighbridge: []\n---\n", ":2:14: weighbridge: is a list, expected a mapping."),
        (
            "---\nweighbridge:\n  soruce: x\n---\n",
            ":3:3: weighbridge.soruce: is not known here. Did you mean `source`?",
        ),
        (
            "---\nweighbridge: {lineage: {}}\n---\n",
            ":2:15: weighbridge.lineage.parent_run_id: is missing. Add `parent_run_id`.",
        ),
        (
            "---\nweighbridge: {images: [{digest: latest}]}\n---\n",
            ":2:33: weighbridge.images[0].digest: is 'latest', which has not the form expected.",
        ),
        (
            "---\nweighbridge: {sources: ['hf://org/model@main']}\n---\n",
            ":2:25: weighbridge.sources[0]: is 'hf://org/model@main', which has not the form expected. ",
        ),
        (
            "---\nweighbridge: {limits: {context_length: 1.5}}\n---\n",
            ":2:40: weighbridge.limits.context_length: is the number 1.5, expected a whole number.",
        ),
        ('---\nweighbridge: {source: "a\\0b"}\n---\n', ":2:23: weighbridge.source: is 'a\\x00b', which has not the"),
    ],
)
def test_cards_that_are_not(tree: Tree, text: str | bytes, expected: str) -> None:
    assert card(tree, text).startswith(expected)


def test_a_front_matter_above_its_limit(tree: Tree) -> None:
    text = "---\na: " + "x" * LIMITS.front_matter + "\n---\n"
    assert card(tree, text).startswith(f":2:1: has front matter of more than {LIMITS.front_matter} characters.")


def test_all_problems_of_a_card_come_at_once(tree: Tree) -> None:
    tree.write(CARD, "---\nlicense: 3\nmodel-index: 4\nweighbridge: {a: 1, limits: {b: 2}}\n---\n")
    assert len(tree.problems()) == 4


@pytest.mark.parametrize(
    "source",
    [
        "oci://registry.example.com/models/kb@sha256:" + "a" * 64,
        "hf://org/model@" + "0" * 40,
        "hf://gpt2@" + "0" * 40,
        "s3://bucket/key?versionId=abc.DEF-1",
        "gs://bucket/key#1712345678",
    ],
)
def test_immutable_sources(tree: Tree, source: str) -> None:
    tree.write(CARD, f"---\nweighbridge: {{sources: ['{source}']}}\n---\n")
    assert tree.load().versions["kb-qa-001@2025.03.15"].card.sources == (source,)


@pytest.mark.parametrize(
    ("folder", "least"),
    [
        pytest.param(OWN, 3, id="untidy"),
        pytest.param(
            REAL,
            8,
            id="real",
            marks=pytest.mark.skipif(
                not REAL.is_dir(), reason=f"the real model cards are not beside the checkout ({REAL})"
            ),
        ),
    ],
)
def test_cards_as_people_write_them_load(folder: Path, least: int) -> None:
    cards = sorted(folder.glob("*.md"))
    assert len(cards) >= least
    for path in cards:
        block, front_matter = read_card(path.read_bytes(), path.name)
        assert block == CardBlock()
        assert front_matter


@pytest.mark.parametrize("name", ["README.md", "manifest.json", "artifact.json"])
def test_a_missing_file(tree: Tree, name: str) -> None:
    tree.path(f"{FOLDER}/{name}").unlink()
    assert tree.problem().startswith(f"{FOLDER}/{name}: is missing. ")


def test_a_version_without_evidence(tree: Tree) -> None:
    tree.path(f"{FOLDER}/evidence/package.json").unlink()
    tree.path(f"{FOLDER}/evidence").rmdir()
    assert tree.load().versions["kb-qa-001@2025.03.15"].evidence == ()


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("model.onnx", "model.onnx: does not belong here. Remove it"),
        ("readme.md", "readme.md: does not belong here. Did you mean `README.md`?"),
        ("Evidence/x.json", "Evidence: does not belong here. Did you mean `evidence`?"),
        ("evidences/x.json", "evidences: does not belong here. Did you mean `evidence`?"),
        ("evidence/notes.txt", "evidence/notes.txt: is no `.json` file."),
        ("evidence/a.json/b.json", "evidence/a.json: is no `.json` file."),
        ("evidence/x.JSON", "evidence/x.JSON: is no `.json` file."),
        ("evidence/a\nb.json", "evidence/a\\nb.json: its path holds a backslash or a character that cannot be seen"),
        ("evidence/a\\b.json", "evidence/a\\b.json: its path holds a backslash"),
    ],
)
def test_what_does_not_belong_into_a_version(tree: Tree, path: str, expected: str) -> None:
    tree.write(f"{FOLDER}/{path}", "{}")
    assert tree.problem().startswith(f"{FOLDER}/{expected}")


def test_an_evidence_folder_that_is_a_file(tree: Tree) -> None:
    tree.path(f"{FOLDER}/evidence/package.json").unlink()
    tree.path(f"{FOLDER}/evidence").rmdir()
    tree.write(f"{FOLDER}/evidence", "{}")
    assert tree.problem() == f"{FOLDER}/evidence: is a file, expected a folder. Put a folder there."


def test_too_many_files_of_evidence(tree: Tree) -> None:
    for number in range(LIMITS.folder + 1):
        tree.write(f"{FOLDER}/evidence/{number}.json", "{}")
    assert tree.problem().startswith(f"{FOLDER}/evidence: holds more than 1000 files.")


@pytest.mark.parametrize(
    "name", ["KB-QA", "kb_qa", "kb..qa", "kb.-qa", "kb-.qa", ".kb", "kb.", "k" * 64, "kb\n", "k\u0435", "kb qa"]
)
def test_folders_that_are_no_names(tree: Tree, name: str) -> None:
    tree.path("models").joinpath(name, "1").mkdir(parents=True)
    tree.path("models/kb-qa-001").joinpath(name).mkdir()
    problems = tree.problems()
    assert len(problems) == 2
    assert sorted(" is no model id. " in problem for problem in problems) == [False, True]
    assert sorted(" is no version. " in problem for problem in problems) == [False, True]
    assert all(problem.isprintable() for problem in problems)


def test_a_name_that_is_not_utf8(tree: Tree) -> None:
    tree.path("models").joinpath(os.fsdecode(b"kb\xff")).mkdir()
    assert tree.problem().startswith("models/kb\\udcff: 'kb\\udcff' is no model id.")


def test_files_beside_models(tree: Tree) -> None:
    tree.write("models/.DS_Store", "")
    tree.write("models/kb-qa-001/README.md", "")
    tree.write("images/README.md", "")
    assert [problem.split(": ")[1] for problem in tree.problems()] == [
        "does not belong here. Remove it, or keep it outside models/, images/, orders/ and waivers/."
    ] * 3


def test_two_versions_with_one_name_in_a_cluster(tree: Tree) -> None:
    tree.version("a.b", "c")
    tree.version("a", "b.c")
    assert tree.problem() == "models/a.b/c: and `models/a/b.c` are both named a.b.c in a cluster. Rename one of them."
    with pytest.raises(InputError):
        list_versions(tree.root)


def manifest(tree: Tree, **more: object) -> list[str]:
    tree.version(**more)
    return [problem.removeprefix(f"{FOLDER}/") for problem in tree.problems()]


def test_a_manifest_of_another_version(tree: Tree) -> None:
    path = tree.path(f"{FOLDER}/manifest.json")
    document = json.loads(path.read_text())
    document.update(model="kb-qa-002", version="2025.03.16")
    tree.write(f"{FOLDER}/manifest.json", json.dumps(document, indent=1))
    assert tree.problems() == [
        (
            f"{FOLDER}/manifest.json:4:11: model: is 'kb-qa-002', but the folder says 'kb-qa-001'. Make folder and "
            "manifest agree."
        ),
        (
            f"{FOLDER}/manifest.json:5:13: version: is '2025.03.16', but the folder says '2025.03.15'. Make folder and "
            "manifest agree."
        ),
    ]


def test_a_digest_that_is_not_that_of_the_files(tree: Tree) -> None:
    (problem,) = manifest(tree, artifact_digest="sha256:" + "f" * 64)
    assert problem.startswith("manifest.json:1:1: `artifact_digest` is sha256:ffff")


def test_an_artifact_of_other_files(tree: Tree) -> None:
    tree.write(f"{FOLDER}/artifact.json", tree.path(f"{FOLDER}/artifact.json").read_bytes() + b"\n")
    assert tree.problem().startswith(f"{FOLDER}/artifact.json: has the digest sha256:")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("../x", "has an empty, '.' or '..' part"),
        ("/x", "is not relative"),
        ("a//x", "has an empty"),
        ("a\\x", "holds a backslash"),
        ("e\u0301", "is not in Unicode's NFC form"),
        ("README.md", "is about the artifact, not part of it"),
        ("evidence/x", "is about the artifact, not part of it"),
        ("model.onnx", "is given twice"),
    ],
)
def test_paths_in_a_manifest(tree: Tree, path: str, message: str) -> None:
    files = [{"path": name, "size": 1, "sha256": "0" * 64} for name in ("model.onnx", path)]
    (problem,) = manifest(tree, files=files)
    assert message in problem


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"files": []}, "files: is empty."),
        ({"filez": []}, "filez: is not known here. Did you mean `files`?"),
        ({"files": [{"path": "a", "size": -1, "sha256": "0" * 64}]}, "files[0].size: is the number -1, at least 0"),
        ({"files": [{"path": "a", "size": 1.5, "sha256": "0" * 64}]}, "files[0].size: is the number 1.5, expected a"),
        ({"files": [{"path": "a", "size": True, "sha256": "0" * 64}]}, "files[0].size: is `true`, expected a whole"),
        ({"files": [{"path": "a", "size": 2**53, "sha256": "0" * 64}]}, "files[0].size: is the number 90071992547"),
        ({"files": [{"path": "a", "size": 1, "sha256": "sha256:" + "0" * 64}]}, "files[0].sha256: is 'sha256:000"),
        ({"files": [{"path": "a", "size": 1, "sha256": "A" * 64}]}, "files[0].sha256: is 'AAAA"),
        ({"kind": "manifest"}, "kind: is 'manifest'. Allowed: `Manifest`."),
    ],
)
def test_shapes_of_a_manifest(tree: Tree, more: dict[str, object], expected: str) -> None:
    (problem,) = manifest(tree, **more)
    place, _, rest = problem.partition(": ")
    assert place.startswith("manifest.json:1:")
    assert rest.startswith(expected)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b'{"a":1,"a":2}',
        b'{"a":NaN}',
        b"\xef\xbb\xbf{}",
        b"\xff",
        b"[" * 100_000,
        b'{"a":1}x',
        b"null",
    ],
)
@pytest.mark.parametrize("name", ["manifest.json", "artifact.json"])
def test_files_that_are_no_manifest(tree: Tree, name: str, data: bytes) -> None:
    tree.write(f"{FOLDER}/{name}", data)
    assert all(problem.startswith(f"{FOLDER}/{name}") for problem in tree.problems())


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("order/x.json", "orders"),
        ("waiver/x.json", "waivers"),
        ("Orders/x.json", "orders"),
        ("model/x", "models"),
        ("image/x", "images"),
        ("policy/x.rego", "policies"),
        ("tenants.yml", "tenants.yaml"),
        ("Tenants.yaml", "tenants.yaml"),
        ("weighbridge.yaml.dsee", "weighbridge.yaml.dsse"),
    ],
)
def test_a_name_at_the_top_that_is_nearly_ours(tree: Tree, name: str, near: str) -> None:
    tree.write(name, "")
    top = name.partition("/")[0]
    assert tree.problem() == f"{top}: is not read, but looks like `{near}`. Rename it to `{near}`, or away."


def test_whatever_else_lies_at_the_top_is_left_alone(tree: Tree) -> None:
    for name in (
        "README.md",
        ".git/config",
        "keys/notes.txt",
        "fixtures/x.yaml",
        ".gitattributes",
        "docs/x",
        "schemas/x",
    ):
        tree.write(name, "")
    tree.path("dangling").symlink_to("/nowhere")
    assert tree.load()


def test_waivers_are_read_as_orders_are(tree: Tree) -> None:
    assert tree.load().waivers == ()
    tree.write("waivers/x.json", "{}")
    assert [(file.path, file.data) for file in tree.load().waivers] == [("waivers/x.json", b"{}")]
    tree.write("waivers/x.yaml", "{}")
    tree.write("waivers/old/y.json", "{}")
    assert [problem.partition(".json")[0] for problem in tree.problems()] == [
        "waivers/old: is no `",
        "waivers/x.yaml: is no `",
    ]


@pytest.mark.parametrize("name", ["models", "orders", "images", "policies"])
def test_a_file_where_a_folder_is_expected(tree: Tree, name: str) -> None:
    if tree.path(name).exists():
        tree.path(name).rename(tree.path("away"))
    tree.write(name, "")
    assert any(problem.startswith(f"{name}: is a file, expected a folder") for problem in tree.problems())


@pytest.mark.parametrize("name", ["latest", "A" * 64, "a" * 63, "sha256:" + "a" * 64, "a" * 65, "\u0661" * 64])
def test_images_are_named_after_their_digest(tree: Tree, name: str) -> None:
    tree.write(f"images/{name}/evidence/x.json", "{}")
    assert "is not named after a digest. Name it after the image's digest" in tree.problem()


def test_what_lies_beside_an_images_evidence(tree: Tree) -> None:
    tree.write(f"images/{'a' * 64}/sbom.json", "{}")
    assert tree.problem().startswith(f"images/{'a' * 64}/sbom.json: does not belong here.")


def test_one_package_by_itself(tree: Tree, tmp_path: Path) -> None:
    catalogue = tree.load()
    folder = catalogue.root / FOLDER
    (tmp_path / "linked").symlink_to(folder)
    for given in (folder, tmp_path / "linked", Path(os.path.relpath(folder))):
        found, known = load_package(given), catalogue.versions["kb-qa-001@2025.03.15"]
        assert (found.name, found.model, found.version) == (known.name, known.model, known.version)
        assert (found.manifest_sha256, found.card_sha256) == (known.manifest_sha256, known.card_sha256)
        assert [file.data for file in found.evidence] == [file.data for file in known.evidence]
    (folder / "manifest.json").unlink()
    with pytest.raises(InputError, match=r"manifest\.json: is missing"):
        load_package(folder)
    with pytest.raises(InputError, match="cannot be read: No such file"):
        load_package(folder / "none")
