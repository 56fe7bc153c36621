"""Model cards: sections where a reader sees them, front matter that says something, and an `init` that adds only."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from weighbridge.cli.card import command
from weighbridge.errors import InputError, OutputError
from weighbridge.release.card import card_problems
from weighbridge.release.card_template import completed, init_card
from weighbridge.release.licenses import card_licenses, spdx_expression
from weighbridge.release.sections import MAX_CHARACTERS, find_sections

CARD = """---
license: apache-2.0
base_model: nreimers/MiniLM-L6-H384-uncased
datasets:
- snli
metrics: [cosine]
weighbridge:
  lineage: {parent_run_id: run-1}
  environment_variables: [HF_HOME]
---

# A model

## Intended use

Sentences become vectors.

## Threat model

Whoever can ask may copy it.

### What stands against it

Quotas.

## Dependency list

| library | version |
|---|---|
| torch | 2.4 |

## Required environment variables

- `HF_HOME`: where the weights are.
"""


def told(text: str) -> list[tuple[int, str, str]]:
    return [(problem.line, problem.field, problem.message) for problem in card_problems(text.encode(), "README.md")]


def changed(old: str, new: str) -> str:
    assert old in CARD
    return CARD.replace(old, new)


def test_a_complete_card() -> None:
    assert told(CARD) == []


@pytest.mark.parametrize(
    "heading",
    [
        "# Threat Model",
        "###### THREAT MODEL",
        "## **Threat** model:",
        "## 3.1 Threat model",
        "## `Threat model`",
        "Threat model\n------------",
        "##   Threat   model   ##",
        "## Threat&nbsp;model",
    ],
)
def test_headings_that_count(heading: str) -> None:
    assert told(changed("## Threat model", heading)) == []


@pytest.mark.parametrize(
    "hidden",
    [
        "<!-- ## Threat model -->",
        "<!--\n\n## Threat model\n",
        "```\n## Threat model\n```",
        "~~~\n## Threat model\n\n~~~\n",
        "    ## Threat model",
        "> ## Threat model",
        "- ## Threat model",
        "\\## Threat model",
        "##Threat model",
        "<h2>Threat model</h2>",
        "**Threat model**",
        "## Threats",
        "## Threat model of others",
    ],
)
def test_headings_that_do_not(hidden: str) -> None:
    assert "threat_model" in {field for _, field, _ in told(changed("## Threat model", hidden))}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("<!-- later -->", "is empty"),
        ("<div>later</div>", "is empty"),
        ("---", "is empty"),
        ("...", "is empty"),
        ("\u200b \u00a0", "is empty"),
        ("### Nothing below", "is empty"),
        ("[More Information Needed]", "still waits to be written: '[More Information Needed]'"),
        ("[more information\nneeded]", "still waits to be written: '[more information needed]'"),
        ("TODO", "still waits to be written: 'TODO'"),
        ("Quotas, and TBD.", "still waits to be written: 'TBD'"),
        ("To be done.", "still waits to be written: 'To be done'"),
        ("{{ threat_model }}", "still waits to be written: '{{ threat_model }}'"),
        ("None.", "still waits to be written: 'None.'"),
        ("N/A", "still waits to be written: 'N/A'"),
    ],
)
def test_sections_that_nobody_wrote(text: str, message: str) -> None:
    before = "Whoever can ask may copy it.\n\n### What stands against it\n\nQuotas.\n"
    line = CARD.splitlines().index("## Threat model") + 1
    assert told(changed(before, f"{text}\n")) == [(line, "threat_model", message)]


def test_none_is_an_answer_about_variables() -> None:
    card = changed("- `HF_HOME`: where the weights are.", "None.").replace("  environment_variables: [HF_HOME]\n", "")
    assert told(card) == []


def test_todo_as_a_word_of_another_language_is_text() -> None:
    """Lower case: "todo" is Spanish for "all"."""
    assert told(changed("Quotas.", "Quotas para todo.")) == []


def test_the_second_of_two_sections_is_looked_at() -> None:
    assert [field for _, field, _ in told(CARD + "\n## Threat model\n")] == ["threat_model"]


def test_a_section_ends_where_its_own_level_comes_again() -> None:
    """`Intended use` is empty though text follows, which belongs to the next."""
    assert [field for _, field, _ in told(changed("Sentences become vectors.\n", ""))] == ["intended_use"]


@pytest.mark.parametrize(
    ("old", "new", "line", "field"),
    [
        ("license: apache-2.0\n", "", 2, "license"),
        ("license: apache-2.0", "license: mine", 2, "license"),
        ("license: apache-2.0", "license: other", 2, "license"),
        ("license: apache-2.0", "license: [apache-2.0, '']", 2, "license"),
        ("base_model: nreimers/MiniLM-L6-H384-uncased", "base_model:", 3, "base_model"),
        ("datasets:\n- snli", "datasets: []", 4, "datasets"),
        ("metrics: [cosine]", "metrics:", 6, "metrics"),
        ("  lineage: {parent_run_id: run-1}\n", "", 8, "weighbridge.lineage"),
        ("  environment_variables: [HF_HOME]", "  environment_variables: [OTHER]", 32, "environment_variables"),
    ],
)
def test_front_matter(old: str, new: str, line: int, field: str) -> None:
    found = told(changed(old, new))
    assert [(given, name) for given, name, _ in found] == [(line, field)]


@pytest.mark.parametrize("given", ["base_model: []", "base_model: [a/b, c/d]"])
def test_base_models(given: str) -> None:
    assert told(changed("base_model: nreimers/MiniLM-L6-H384-uncased", given)) == []


def test_a_license_of_its_own() -> None:
    named = "license: other\nlicense_name: my license\nlicense_link: LICENSE"
    assert told(changed("license: apache-2.0", named)) == []
    assert card_licenses({"license": "other", "license_name": "my license", "license_link": "LICENSE"}) == (
        "LicenseRef-my-license",
    )


def test_everything_is_told_at_once() -> None:
    fields = [field for _, field, _ in told("# Nothing\n")]
    assert set(fields) == {
        "license", "base_model", "datasets", "metrics", "weighbridge",
        "intended_use", "threat_model", "dependencies", "environment_variables",
    }  # fmt: skip


def test_sections_are_checked_where_front_matter_is_broken() -> None:
    found = told(CARD.replace("license: apache-2.0", "license: a\nlicense: b").replace("Quotas.", "TODO"))
    assert any("given twice" in message for _, _, message in found), found
    assert any(field == "threat_model" for _, field, _ in found)


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", b"\xef\xbb\xbf# x", b"\x80"])
def test_what_is_no_text(data: bytes) -> None:
    with pytest.raises(InputError):
        card_problems(data, "README.md")


def test_too_much_text() -> None:
    with pytest.raises(InputError, match=f"more than {MAX_CHARACTERS}"):
        find_sections("x" * (MAX_CHARACTERS + 1), "README.md")


@pytest.mark.parametrize(
    "text",
    [
        "[" * 20_000,
        ">" * 20_000,
        "`" * 20_000,
        "{{" * 10_000,
        "- " * 10_000,
        "<!--" * 5_000,
        "|a" * 10_000,
        "*_" * 10_000,
    ],
)
def test_markdown_made_to_be_slow(text: str) -> None:
    assert find_sections(f"## Threat model\n\n{text}\n", "README.md")[0].name == "threat_model"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("apache-2.0", "Apache-2.0"),
        ("MIT and apache-2.0", "MIT AND Apache-2.0"),
        ("LicenseRef-a", "LicenseRef-a"),
        ("gpl", None),
        ("gpl-2.0", "GPL-2.0-only"),
        ("", None),
        ("mine", None),
        ("NOASSERTION", None),
        ("NONE", None),
        ("LicenseRef-", None),
        ("MIT OR (", None),
        ("MIT " * 500, None),
        ("(" * 900, None),
    ],
)
def test_spdx(text: str, expected: str | None) -> None:
    assert spdx_expression(text) == expected


# init


def test_init_starts_a_card_that_check_refuses(tmp_path: Path) -> None:
    file, added = init_card(tmp_path)
    assert len(added) == 9
    problems = card_problems(file.read_bytes(), "README.md")
    assert len(problems) == 9
    assert init_card(tmp_path) == (file, ())


@pytest.mark.parametrize(
    "card",
    [
        CARD,
        "# Only text\r\n".replace("\r", ""),
        "---\nlicense: mit\n---\n",
        "---\n---\ntext",
        "---\nlanguage: en\n---",
        "---\na: |\n  ----\n  --- b\n---\n\n## threat MODEL\n\nThieves.\n",
        "",
    ],
)
def test_init_adds_and_changes_nothing(tmp_path: Path, card: str) -> None:
    file = tmp_path / "README.md"
    file.write_text(card)
    file.chmod(0o640)
    init_card(tmp_path)
    after = file.read_text()
    lines = iter(after.splitlines())
    # Every line that was there is there still, in its order.
    assert all(line in lines for line in card.splitlines() if line.strip() not in {"---", ""})
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert completed(after, "README.md") == (after, ())
    assert not list(tmp_path.glob(".card-*"))


@pytest.mark.parametrize(
    "card", ["# Mine\n\n```\n", "<!-- ", "---\nlicense: mit\n", "---\nlicense: [\n---\n", " ---\na: b\n---\n", "a\r\n"]
)
def test_init_leaves_alone_what_it_cannot_read(tmp_path: Path, card: str) -> None:
    file = tmp_path / "README.md"
    file.write_bytes(card.encode())
    with pytest.raises(InputError):
        init_card(tmp_path)
    assert file.read_bytes() == card.encode()


def test_init_without_a_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        init_card(tmp_path / "none")
    (tmp_path / "README.md").mkdir()
    with pytest.raises(InputError):
        init_card(tmp_path)


def test_init_on_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stood in for, since no disk here is small enough."""
    file = tmp_path / "README.md"
    file.write_text("# Mine\n")

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("weighbridge.release.card_template.os.replace", full)
    with pytest.raises(OutputError, match="No space left"):
        init_card(tmp_path)
    assert file.read_text() == "# Mine\n"
    assert list(tmp_path.iterdir()) == [file]


# The command


def test_check_reports_every_card(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.md", tmp_path / "bad"
    good.write_text(CARD)
    bad.mkdir()
    (bad / "README.md").write_text(CARD.replace("Quotas.", "TODO"))
    result = CliRunner().invoke(command, ["check", str(good), str(bad)])
    assert result.exit_code == 1
    assert f"{good}: complete" in result.output
    assert f"{bad}/README.md:18:1: threat_model: still waits" in result.output
    report = json.loads(CliRunner().invoke(command, ["check", str(good), str(bad), "--format", "json"]).output)
    assert [len(entry["problems"]) for entry in report["results"]] == [0, 1]
    assert CliRunner().invoke(command, ["check", str(good)]).exit_code == 0


def test_check_of_what_is_not_there(tmp_path: Path) -> None:
    result = CliRunner().invoke(command, ["check", str(tmp_path / "none.md"), str(tmp_path)])
    assert isinstance(result.exception, InputError)
    assert len(result.exception.problems) == 2
