"""Manifests as people write them, and nothing that two readers could understand differently."""

import pytest

from weighbridge.errors import InputError
from weighbridge.points.manifests import MAX_FILE_BYTES, parse_manifests, read_manifests


def test_several_documents_and_empty_ones():
    text = b"---\nkind: Pod\n---\n---\n# nothing\n---\nkind: Job\nmetadata:\n  name: x\n"
    found = parse_manifests(text, "f.yaml")
    assert [(each.document, each.value["kind"]) for each in found] == [(1, "Pod"), (4, "Job")]
    assert found[1].place(["metadata", "name"]) == (9, 3)
    assert found[1].place(["spec", "containers", 0]) == (7, 1)


def test_json_is_read_with_its_places():
    (found,) = parse_manifests(b'{\n  "kind": "Pod",\n  "spec": {"containers": [{"image": "x"}]}\n}', "f.json")
    assert found.value["spec"]["containers"][0]["image"] == "x"
    assert found.place(["spec", "containers", 0, "image"]) == (3, 28)


def test_what_is_text_stays_text():
    text = b"a: 2025.10\nb: 2025-03-15\nc: '1'\nd: 010\ne: no\nf: 1e3\n"
    value = parse_manifests(text, "f")[0].value
    assert value == {"a": 2025.1, "b": "2025-03-15", "c": "1", "d": "010", "e": "no", "f": 1000.0}


def test_tabs_in_text_and_crlf_are_fine():
    value = parse_manifests(b"args:\r\n- |\r\n  a\tb\r\n", "f")[0].value
    assert value["args"] == ["a\tb\n"]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (b"a: 1\na: 2\n", "twice"),
        (b'{"a": 1, "a": 2}', "twice"),
        (b"a: &x [1]\nb: *x\n", "alias"),
        (b"<<: {a: 1}\n", "merge"),
        (b"a: !!python/object/apply:os.system [ls]\n", "tag"),
        (b"a: [1\n", "valid YAML"),
        (b"a: b: c\n", "valid YAML"),
        (b"\ta: 1\n", "valid YAML"),
        (b"\xff\xfe", "byte order mark"),
        (b"a: \xff\n", "UTF-8"),
        (b"[" * 100_000, "nested"),
        (b"- " * 100_000 + b"1", "nested"),
        (b"a: 99999999999999999999\n", "integer"),
        (b"? [a]\n: 1\n", "key"),
    ],
)
def test_what_is_not_clear_is_refused_with_its_place(text, part):
    with pytest.raises(InputError) as caught:
        parse_manifests(text, "f.yaml")
    assert part in str(caught.value)
    assert all(problem.file == "f.yaml" for problem in caught.value.problems)


def test_files_folders_and_standard_input(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.yml").write_text("kind: B\n")
    (tmp_path / "a.json").write_text('{"kind": "A"}')
    (tmp_path / "notes.md").write_text("# no manifest")
    found = read_manifests([tmp_path, tmp_path / "a.json"], b"kind: C\n")
    assert [each.value["kind"] for each in found] == ["C", "A", "B"]
    assert found[0].file == "-"


def test_all_problems_of_all_files_come_at_once(tmp_path):
    (tmp_path / "a.yaml").write_text("a: 1\na: 2\n")
    (tmp_path / "b.yaml").write_text("b: [")
    with pytest.raises(InputError) as caught:
        read_manifests([tmp_path, tmp_path / "missing.yaml"])
    assert len(caught.value.problems) == 3


def test_nothing_is_no_success(tmp_path):
    with pytest.raises(InputError, match="no manifest"):
        read_manifests([tmp_path])
    with pytest.raises(InputError, match="no manifest"):
        read_manifests([], b"---\n")


def test_a_large_file_is_refused(tmp_path):
    path = tmp_path / "a.yaml"
    with path.open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    with pytest.raises(InputError, match="larger"):
        read_manifests([path])
