"""The versions of the fixtures about documentation: one that has it all, and one for each thing that can lack."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.images_catalogue.images import digest_of

SECTIONS = {
    "Threat model": "Whoever may call it can learn what it knows. Whoever can change its files changes its answers.",
    "Dependency list": "Nothing but Python's standard library.",
    "Required environment variables": "CACHE_DIR, where answers are kept.",
}


def without(title: str, text: str = "") -> str:
    """All sections but one, which is left out or says something else."""
    told = {name: text if name == title else body for name, body in SECTIONS.items()}
    return "\n".join(f"## {name}\n\n{body}\n" for name, body in told.items() if body)


@dataclass(frozen=True)
class Card:
    """A model card."""

    sections: str = without("nothing")
    replaced: dict[str, Any] = field(default_factory=dict)
    """Front matter that differs; None leaves a key out."""
    variables: tuple[str, ...] = ()
    lineage: bool = True
    sbom: bool = True

    def front(self, images: list[str]) -> dict[str, Any]:
        """The front matter, which names every image as one that serves this version."""
        block: dict[str, Any] = {"images": [{"digest": digest_of(nickname)} for nickname in images]}
        if self.lineage:
            block["lineage"] = {"parent_run_id": "run-1"}
        if self.variables:
            block["environment_variables"] = list(self.variables)
        given = {"license": "apache-2.0", "base_model": [], "datasets": ["example/questions"], "weighbridge": block}
        return {key: value for key, value in (given | self.replaced).items() if value is not None}


CARDS: dict[str, Card] = {
    "1.0": Card(),
    "1.1": Card(sbom=False),
    "1.2": Card(replaced={"license": "our own terms"}),
    "1.3": Card(sections=without("Threat model")),
    "1.4": Card(sections=without("Threat model", "TODO")),
    "1.5": Card(sections=without("Dependency list")),
    "1.6": Card(sections=without("Required environment variables")),
    "1.7": Card(lineage=False),
    "1.8": Card(sections=without("Threat model", "<!-- a long and thorough threat model -->")),
    "1.9": Card(variables=("CACHE_DIR", "Set TOKEN if you have one.")),
}
