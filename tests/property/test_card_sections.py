"""Whatever a card holds, its sections are found or it is refused; and what hides a heading from readers hides it."""

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from weighbridge.errors import InputError
from weighbridge.release.card import card_problems
from weighbridge.release.card_template import completed
from weighbridge.release.sections import find_sections

PIECES = st.sampled_from(
    [
        "---\n",
        "## Threat model\n",
        "# dependencies\n",
        "text\n",
        "\n",
        "```\n",
        "<!--",
        "-->",
        "> ",
        "- ",
        "    ",
        "|",
        "[",
        "TODO",
    ]
)
MARKDOWN = st.lists(PIECES | st.text(max_size=8), max_size=30).map("".join)


@given(MARKDOWN)
def test_any_text(text: str) -> None:
    for section in find_sections(text, "f"):
        assert 1 <= section.line <= text.count("\n") + 1
        assert section.documented == (section.words > 0 and not section.placeholders)


@given(st.binary(max_size=200) | MARKDOWN.map(lambda text: text.encode("utf-8", "replace")))
def test_any_bytes(data: bytes) -> None:
    with suppress(InputError):
        assert card_problems(data, "f")


@given(MARKDOWN)
def test_a_fence_hides_everything(text: str) -> None:
    inside = text.replace("```", "")
    assert find_sections(f"```\n{inside}\n```\n", "f") == ()


@given(MARKDOWN)
def test_completing_is_done_once(text: str) -> None:
    after = ""
    with suppress(InputError):
        after, _ = completed(text, "f")
    if after:
        assert completed(after, "f") == (after, ())
