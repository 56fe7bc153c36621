"""A small model folder, as a user has one, and ways to look into single files."""

import pytest

from weighbridge.packaging.formats.recognise import read_header
from weighbridge.packaging.package import package
from weighbridge.packaging.scan import scan_and_look


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "model"
    (folder / "tokenizer").mkdir(parents=True)
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n# A model\n", "utf-8")
    (folder / "model.onnx").write_bytes(b"weights" * 1000)
    (folder / "tokenizer" / "vocabulary.txt").write_text("a\nb\n", "utf-8")
    return folder


@pytest.fixture
def header(tmp_path):
    """The header of a file with this name and these bytes."""

    def read(name, data):
        folder = tmp_path / "one"
        folder.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)

        def look(files):
            with files.open(name) as view:
                return read_header(name, view)

        return scan_and_look(folder, look)[2]

    return read


@pytest.fixture
def manifest(tmp_path):
    """The manifest of a model with these files."""

    def build(files, card="---\nlicense: mit\n---\n"):
        folder = tmp_path / "packaged"
        for path, data in {"README.md": card, **files}.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data if isinstance(data, bytes) else data.encode())
        return package(folder, model="m", version="1").manifest

    return build
