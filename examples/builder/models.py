"""The files of the example's models.

`magika` is real: the ONNX model that PyPI's `magika` package ships, byte for byte; its other versions differ in the
thresholds of its configuration, as a team would tune them. `kb-qa-001` is a very small question answering model of our
own: questions, and the answers to them.
"""

from __future__ import annotations

import importlib.metadata
import json
import shutil
from pathlib import Path

import magika

from weighbridge.errors import InputError

MAGIKA_VERSION = "1.0.3"
"""The package that the committed example was built from; the lock file pins it, too."""
MAGIKA_FILES = ("config.min.json", "metadata.json", "model.onnx")

QUESTIONS = {
    "Which requests does Weighbridge judge?": "Calls to models, workloads that serve them, and pull requests.",
    "What is an attestation?": "A named claim that policy derives from verified evidence; nobody writes one by hand.",
    "Who may revoke a model version?": "The signers that the environment's trust names for the order kind 'revoke'.",
    "What happens when policy data is stale?": "Everything is refused until fresh data arrives.",
    "Where do the weights come from?": "From an immutable source that signed evidence names, such as an OCI digest.",
    "How is an artifact digest made?": "It is the SHA-256 over path, size and SHA-256 of every packaged file.",
    "What does a promotion need?": "Approval in the environment before, and a promotion statement.",
    "Which key signs the release bundle?": "The release key, which stays where releases are made.",
    "What can the live key do?": "Restrict, or route an alias among the versions that its release allows.",
    "How long does an approval last?": "Until the earliest expiry among the evidence it rests on.",
}


def installed_magika() -> Path:
    """The folder with the model inside the installed `magika` package.

    Raises:
        InputError: another version of the package than the example is built from.
    """
    version = importlib.metadata.version("magika")
    folder = Path(magika.__file__).parent / "models" / "standard_v3_3"
    if version != MAGIKA_VERSION or not folder.is_dir():
        message = f"is version {version}, and the example is built from {MAGIKA_VERSION}"
        raise InputError.single("magika", message, f"Install magika=={MAGIKA_VERSION}, as requirements/dev.lock says.")
    return folder


def write_magika(folder: Path, threshold: float | None) -> None:
    """The real model's files; with a threshold, its configuration demands that much confidence of every prediction."""
    folder.mkdir(parents=True)
    source = installed_magika()
    for name in MAGIKA_FILES:
        shutil.copyfile(source / name, folder / name)
    if threshold is not None:
        configuration = json.loads((source / "config.min.json").read_bytes())
        configuration["medium_confidence_threshold"] = threshold
        configuration["thresholds"] = dict.fromkeys(configuration["target_labels_space"], threshold)
        (folder / "config.min.json").write_text(json.dumps(configuration, separators=(",", ":")), "utf-8")


def write_kb_qa(folder: Path, answers: int) -> None:
    """The question answering model: the first so many questions and their answers."""
    folder.mkdir(parents=True)
    known = dict(list(QUESTIONS.items())[:answers])
    (folder / "answers.json").write_text(json.dumps(known, indent=1, ensure_ascii=False) + "\n", "utf-8")
    (folder / "config.json").write_text('{"architecture": "bag-of-words", "minimum_overlap": 0.3}\n', "utf-8")
