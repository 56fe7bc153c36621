"""The `modelCard` of CycloneDX (1.5 and later), from a Hugging Face model card: parameters, metrics, considerations.

What the author says of himself is written down as what he says: metrics are his texts, nothing is rounded or judged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weighbridge.canonical import canonical
from weighbridge.sbom.components import properties, results, texts
from weighbridge.sbom.sections import card_sections

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from weighbridge.sbom.described import Described

_HEADINGS = {
    "users": "users",
    "intended users": "users",
    "primary intended users": "users",
    "uses": "useCases",
    "use cases": "useCases",
    "direct use": "useCases",
    "downstream use": "useCases",
    "intended use": "useCases",
    "intended uses": "useCases",
    "primary intended uses": "useCases",
    "intended uses & limitations": "useCases",
    "limitations": "technicalLimitations",
    "known limitations": "technicalLimitations",
    "technical limitations": "technicalLimitations",
    "limitations and bias": "technicalLimitations",
    "bias, risks, and limitations": "technicalLimitations",
    "out-of-scope use": "technicalLimitations",
    "out-of-scope uses": "technicalLimitations",
    "performance tradeoffs": "performanceTradeoffs",
    "trade-offs": "performanceTradeoffs",
    "tradeoffs": "performanceTradeoffs",
    "ethical considerations": "ethicalConsiderations",
    "ethical considerations and limitations": "ethicalConsiderations",
    "bias": "ethicalConsiderations",
    "risks": "ethicalConsiderations",
    "threat model": "ethicalConsiderations",
    "environmental impact": "environmentalConsiderations",
    "carbon emissions": "environmentalConsiderations",
}
"""Heading of a card's section to the consideration that it is."""


def model_card(described: Described, datasets: Iterable[str]) -> dict[str, Any]:
    """The `modelCard` section.

    Args:
        described: the version.
        datasets: `bom-ref` of each dataset that it was trained on.
    """
    card: dict[str, Any] = {"bom-ref": "model-card", "modelParameters": _parameters(described, datasets)}
    metrics = list(_metrics(described.version.front_matter))
    if metrics:
        card["quantitativeAnalysis"] = {"performanceMetrics": metrics}
    considerations = _considerations(described.card)
    if considerations:
        card["considerations"] = considerations
    listed = properties(_more(described))
    return {**card, "properties": listed} if listed else card


def _parameters(described: Described, datasets: Iterable[str]) -> dict[str, Any]:
    parameters: dict[str, Any] = {}
    task = described.version.front_matter.get("pipeline_tag")
    family, architectures = described.config.get("model_type"), described.config.get("architectures")
    if isinstance(task, str):
        parameters["task"] = task
    if isinstance(family, str):
        parameters["architectureFamily"] = family
    if texts(architectures):
        parameters["modelArchitecture"] = ", ".join(texts(architectures))
    references = [{"ref": reference} for reference in datasets]
    return {**parameters, "datasets": references} if references else parameters


def _metrics(matter: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """The author's own results, in the order of the card. A value is a text in CycloneDX, whatever it was before."""
    for result in results(matter):
        dataset = result.get("dataset") or {}
        where = [dataset.get(key) for key in ("name", "type", "config", "split", "revision")]
        task = (result.get("task") or {}).get("type")
        slice_ = " / ".join(str(part) for part in dict.fromkeys([task, *where]) if part is not None)
        for metric in result.get("metrics") or []:
            entry = {"type": as_text(metric.get("type", metric.get("name", "")))}
            if "value" in metric:
                entry["value"] = as_text(metric["value"])
            yield {**entry, "slice": slice_} if slice_ else entry


def _considerations(card: str) -> dict[str, Any]:
    found: dict[str, Any] = dict(sorted(card_sections(card, _HEADINGS).items()))
    if "ethicalConsiderations" in found:
        found["ethicalConsiderations"] = [{"name": text} for text in found["ethicalConsiderations"]]
    if "environmentalConsiderations" in found:
        named = [("card:environmental_impact", text) for text in found["environmentalConsiderations"]]
        found["environmentalConsiderations"] = {"properties": properties(named)}
    return found


def _more(described: Described) -> Iterator[tuple[str, Any]]:
    matter, block = described.version.front_matter, described.version.card
    for language in texts(matter.get("language")):
        yield "card:language", language
    for key in ("library_name", "base_model_relation", "license", "license_name", "license_link"):
        for value in texts(matter.get(key)):
            yield f"card:{key}", value
    yield "card:threat_model", block.threat_model
    yield "card:context_length", block.limits.context_length
    yield "card:max_output_tokens", block.limits.max_output_tokens
    for name in block.environment_variables:
        yield "card:environment_variable", name
    for name in block.dependencies:
        yield "card:dependency", name


def as_text(value: Any) -> str:
    """A card's value as a text: itself if it is one, else its RFC 8785 JSON."""
    return value if isinstance(value, str) else canonical(value).decode("utf-8")
