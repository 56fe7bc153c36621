"""A small model folder, as a user has one."""

import pytest


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "model"
    (folder / "tokenizer").mkdir(parents=True)
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n# A model\n", "utf-8")
    (folder / "model.onnx").write_bytes(b"weights" * 1000)
    (folder / "tokenizer" / "vocabulary.txt").write_text("a\nb\n", "utf-8")
    return folder
