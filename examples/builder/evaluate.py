"""Measures a model on its data set: the number in the evaluation statement is what the model really scored."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from builder.inference import load
from weighbridge.canonical import digest

DATASETS = Path(__file__).resolve().parent.parent / "dataset"


@dataclass(frozen=True)
class Evaluation:
    """A measurement."""

    exact_match: float
    """Share of the samples that were answered exactly as expected, rounded to four digits."""
    dataset: str
    """The data set's file name."""
    dataset_digest: str


def evaluate(model: str, folder: Path) -> Evaluation:
    """Run the model in the folder over its data set, `dataset/<model>.jsonl`: one `{"text", "expected"}` a line."""
    data = (DATASETS / f"{model}.jsonl").read_bytes()
    samples = [json.loads(line) for line in data.splitlines()]
    loaded = load(model, folder)
    hits = sum(loaded.answer(sample["text"]) == sample["expected"] for sample in samples)
    return Evaluation(round(hits / len(samples), 4), f"{model}.jsonl", digest(data))
