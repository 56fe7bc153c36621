"""Manifests as people write them, and nothing that two readers could understand differently."""

import pytest

from weighbridge.errors import InputError
from weighbridge.points.manifests import MAX_FILE_BYTES, Manifests, parse_manifests, read_manifests


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


def test_scalars_mean_what_they_mean_to_kubernetes():
    text = b"a: 2025.10\nb: 2025-03-15\nc: '1'\nd: 010\ne: no\nf: 1e3\ng: 0x10\n"
    text += b"h: !!str 1\ni: 1_000\nj: ~\n'on': yes\n1: x\n"
    value = parse_manifests(text, "f")[0].value
    assert value == {
        "a": 2025.1, "b": "2025-03-15", "c": "1", "d": 8, "e": False, "f": 1000.0, "g": 16, "h": "1", "i": 1000,
        "j": None, "on": True, "1": "x",
    }  # fmt: skip


def test_anchors_and_merge_keys_are_resolved_with_the_places_where_they_are_written():
    text = b"base: &base\n  image: nginx\n  name: a\nitems:\n- <<: *base\n  name: b\n- *base\n"
    (found,) = parse_manifests(text, "f")
    assert found.value["items"] == [{"image": "nginx", "name": "b"}, {"image": "nginx", "name": "a"}]
    assert found.place(["items", 0, "image"]) == (2, 3)
    assert found.place(["items", 0, "name"]) == (6, 3)
    assert found.place(["items", 1, "image"]) == (2, 3)


def test_of_merged_lists_the_earlier_counts():
    text = b"- &a {x: 1}\n- &b {x: 2, z: 2}\n- {<<: [*a, *b]}\n"
    assert parse_manifests(text, "f")[0].value[2] == {"x": 1, "z": 2}


def test_what_helm_says_of_templates():
    text = b"---\n# Source: web/templates/a.yaml\nkind: A\n---\n# Source: web/templates/b.yaml\n# more\nkind: B\n"
    text += b"---\nkind: C\n# Source: x\n"
    assert [each.source for each in parse_manifests(text, "-")] == ["web/templates/a.yaml", "web/templates/b.yaml", ""]


def test_a_byte_order_mark_and_a_file_without_an_end_of_line():
    (found,) = parse_manifests(b"\xef\xbb\xbfkind: Pod\r\nmetadata:\r\n  name: x", "f")
    assert found.value == {"kind": "Pod", "metadata": {"name": "x"}}
    assert found.place(["metadata", "name"]) == (3, 3)


def test_tabs_in_text_and_crlf_are_fine():
    value = parse_manifests(b"args:\r\n- |\r\n  a\tb\r\n", "f")[0].value
    assert value["args"] == ["a\tb\n"]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (b"a: 1\na: 2\n", "twice"),
        (b'{"a": 1, "a": 2}', "twice"),
        (b"a: *x\n", "alias"),
        (b"a: &x [*x]\n", "alias"),
        (b"a: &x 1\nb: &x 2\n", "anchor"),
        (b"a: &x {a: 1}\n*x : 1\n", "key"),
        (b"a: &x k\n*x : 1\n", "alias as a key"),
        (b"a: 1\n<<: {a: 2}\n", "merges"),
        (b"<<: [1]\n", "merges"),
        (
            b"a: &a [x,x,x,x,x,x,x,x,x]\n"
            + b"".join(b"%c: &%c [%s]\n" % (c, c, b",".join([b"*%c" % (c - 1)] * 9)) for c in range(98, 110)),
            "too large",
        ),
        (
            b"a: &a [x]\n"
            + b"".join(b"a%d: &a%d [*a%s]\n" % (c, c, b"%d" % (c - 1) if c else b"") for c in range(120)),
            "too deep",
        ),
        (b"a: .inf\n", "finite"),
        (b"a: 0x" + b"f" * 5000, "64 bits"),
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


def test_in_a_folder_what_no_cluster_takes_is_told_and_not_judged(tmp_path):
    (tmp_path / "values.yaml").write_text("image: nginx\n")
    (tmp_path / "Chart.yaml").write_text("apiVersion: v2\nname: x\n")
    (tmp_path / "kustomization.yaml").write_text("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n")
    (tmp_path / "patch.json").write_text('[{"op": "remove", "path": "/spec"}]')
    (tmp_path / "pod.yaml").write_text("kind: Pod\n---\nimage: x\n")
    (tmp_path / "odd.yaml").write_text("Kind: Pod\n")
    found = Manifests([tmp_path])
    assert [each.file.rsplit("/", 1)[-1] for each in found] == ["odd.yaml", "pod.yaml"]
    passed = [(each.file.rsplit("/", 1)[-1], each.document) for each in found.not_judged]
    assert passed == [
        ("Chart.yaml", 1),
        ("kustomization.yaml", 1),
        ("patch.json", 1),
        ("pod.yaml", 2),
        ("values.yaml", 1),
    ]
    assert len(list(Manifests([tmp_path / "values.yaml"]))) == 1


def test_templates_of_helm_are_an_error_with_its_cure_unless_they_are_left_out(tmp_path):
    (tmp_path / "chart" / "templates").mkdir(parents=True)
    (tmp_path / "chart" / "templates" / "pod.yaml").write_text("{{- if .Values.x }}\nkind: Pod\n{{- end }}\n")
    (tmp_path / "pod.yaml").write_text("kind: Pod\n")
    with pytest.raises(InputError, match="helm template CHART"):
        list(Manifests([tmp_path]))
    with pytest.raises(InputError, match="helm template CHART"):
        parse_manifests(b"image: {{ .Values.image }}\n", "f")
    assert len(list(Manifests([tmp_path], exclude=["*/templates"]))) == 1
    assert len(list(Manifests([tmp_path], exclude=["chart/"]))) == 1


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
