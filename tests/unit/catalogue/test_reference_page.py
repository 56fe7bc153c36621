"""The page about the catalogue names every field that a user may write."""

from pathlib import Path

import pytest

from weighbridge.catalogue import card, configuration
from weighbridge.catalogue.names import Document
from weighbridge.evidence import predicates

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "reference" / "catalogue.md").read_text(encoding="utf-8")
WAIVERS = {"WaiverScope", "WaiverPredicate"}  # not supported yet
DOCUMENTS = [
    each
    for module in (configuration, card, predicates)
    for each in vars(module).values()
    if isinstance(each, type) and issubclass(each, Document) and each is not Document and each.__name__ not in WAIVERS
]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.__name__)
def test_every_field_is_named(document: type[Document]) -> None:
    fields = [field.alias or name for name, field in document.model_fields.items()]
    told = [name for name in fields if f"`{name}" in PAGE or f".{name}`" in PAGE or f".{name}." in PAGE]
    assert told == fields
