"""What the example's models answer: the same code measures them when they are evaluated and serves them in the demo."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Protocol

from magika import Magika


class Model(Protocol):
    """A model that answers text with text."""

    def answer(self, text: str) -> str:
        """The model's answer."""


class ContentType:
    """The real ONNX model, run by onnxruntime: which content type has this text?"""

    def __init__(self, folder: Path) -> None:
        self._model = Magika(model_dir=folder)

    def answer(self, text: str) -> str:
        """The label of the content type, such as `python`."""
        return str(self._model.identify_bytes(text.encode("utf-8", "replace")).output.label)


class KnowledgeBase:
    """The known question that shares the most words (Jaccard index) decides."""

    def __init__(self, folder: Path) -> None:
        answers = json.loads((folder / "answers.json").read_bytes())
        self._minimum = json.loads((folder / "config.json").read_bytes())["minimum_overlap"]
        self._answers = [(_words(question), answer) for question, answer in answers.items()]

    def answer(self, text: str) -> str:
        """The answer to the closest known question, or that there is none."""
        words = _words(text)
        overlap, answer = max(
            (len(words & known) / (len(words | known) or 1), answer) for known, answer in self._answers
        )
        return answer if overlap >= self._minimum else "I do not know."


def _words(text: str) -> set[str]:
    return set(re.findall(r"[a-z]+", text.lower()))


def load(model: str, folder: Path) -> Model:
    """The model in a folder, by its model id."""
    return ContentType(folder) if model == "magika" else KnowledgeBase(folder)
