"""The page about the catalogue names every field that a user may write."""

import re
from pathlib import Path

import pytest

from weighbridge.catalogue import card, configuration
from weighbridge.catalogue.names import Document
from weighbridge.evidence import predicates

REPOSITORY = Path(__file__).resolve().parents[3]
PAGE = (REPOSITORY / "docs" / "reference" / "catalogue.md").read_text(encoding="utf-8")
DOCUMENTS = [
    each
    for module in (configuration, card, predicates)
    for each in vars(module).values()
    if isinstance(each, type) and issubclass(each, Document) and each is not Document
]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.__name__)
def test_every_field_is_named(document: type[Document]) -> None:
    fields = [field.alias or name for name, field in document.model_fields.items()]
    told = [name for name in fields if f"`{name}" in PAGE or f".{name}`" in PAGE or f".{name}." in PAGE]
    assert told == fields


def test_every_rule_and_parameter_is_named() -> None:
    internal = {"batch", "parameters", "approval", "promotion"}
    folders = [path for path in REPOSITORY.glob("policies/evidence/*") if path.name not in internal]
    texts = {path.name: (path / f"{path.name}.rego").read_text(encoding="utf-8") for path in folders}
    assert len(texts) == 10
    for rule, text in texts.items():
        (row,) = (line for line in PAGE.splitlines() if line.startswith(f"| `{rule}` |"))
        for parameters in re.findall(r"parameters\.unknown\(\{(.*?)\}\)", text):
            for parameter in re.findall(r'"(\w+)"', parameters):
                assert f"`{parameter}" in row, (rule, parameter)
