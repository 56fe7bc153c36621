"""The model cards of the example: Hugging Face cards with everything that a release demands."""

from __future__ import annotations

import hashlib

import yaml

from builder.versions import IMAGES, Version

_TEXTS = {
    "magika": "Tells what kind of content a text is: the ONNX model of the `magika` package (Apache-2.0).",
    "kb-qa-001": "Answers questions about Weighbridge by the known question that shares the most words.",
}
_DATASETS = {"magika": "magika.jsonl", "kb-qa-001": "kb-qa-001.jsonl"}
_SECTIONS = """## Intended use

Shows what Weighbridge does with a model. What it answers is right for the samples in its data set, and promised for
nothing else.

## Threat model

Whoever may call it can learn, call by call, what it knows; the gateway counts tokens against that. Whoever can change
its files could change its answers: they are hashed, signed, and compared with what runs. It sees the prompts of every
tenant and keeps none.

## Dependency list

{dependencies}

## Required environment variables

None: the server is configured by its arguments alone.
"""
_DEPENDENCIES = {
    "magika": "ONNX Runtime 1.20 or later, on a CPU; no CUDA.",
    "kb-qa-001": "Nothing but Python's standard library.",
}


def image_digest(image: str) -> str:
    """The digest of a serving image, by its nickname in `IMAGES`."""
    return f"sha256:{hashlib.sha256(IMAGES[image].name.encode()).hexdigest()}"


def card(version: Version) -> str:
    """The README.md of a version."""
    front = {
        "license": "apache-2.0",
        "library_name": "onnx" if version.model == "magika" else "bag-of-words",
        "pipeline_tag": "text-classification" if version.model == "magika" else "question-answering",
        "language": ["en"],
        "tags": ["weighbridge-example"],
        "base_model": [],
        "datasets": [f"example/{_DATASETS[version.model]}"],
        "metrics": ["exact_match"],
        "weighbridge": {
            "source": f"example/{version.model}",
            "images": [{"digest": image_digest(version.image), "name": IMAGES[version.image].name}],
            "lineage": {
                "parent_run_id": f"run-{version.version}",
                "code": f"https://github.com/example/{version.model}",
            },
        },
    }
    sections = _SECTIONS.format(dependencies=_DEPENDENCIES[version.model])
    body = f"# {version.name}\n\n{_TEXTS[version.model]}\n\nWhat it shows in prod: {version.shows}.\n\n{sections}"
    return f"---\n{yaml.safe_dump(front, sort_keys=False, width=1000)}---\n\n{body}"
