"""The CUDA of a serving image, as its profile tells it."""

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from weighbridge.errors import InputError
from weighbridge.evidence.predicates import IMAGE_PROFILE, PACKAGE
from weighbridge.evidence.write import write_attestation
from weighbridge.packaging.image import read_profile
from weighbridge.packaging.package import package

DIGEST = f"sha256:{'1' * 64}"


def profile(*cuda: str, cudnn: str = "9.1.0", digest: str = DIGEST, **more: Any) -> dict[str, Any]:
    def versions(given: tuple[str, ...]) -> list[dict[str, str]]:
        return [{"version": version, "source": "library", "where": "/x"} for version in given]

    image = {
        "config_digest": DIGEST,
        "platform": "linux/amd64",
        "layers": [{"diff_id": DIGEST, "size": 1, "entries": 1}],
        "base": {"family": "wolfi"},
        "minimal": True,
        "user": {"given": "5", "uid": 5, "numeric": True},
        "cuda": versions(cuda),
        "cudnn": versions((cudnn,) if cudnn else ()),
    }
    tool = {"name": "weighbridge", "version": "1"}
    return {"at": "2026-01-01T00:00:00Z", "tool": tool, "name": "serving", "digest": digest, "images": [image], **more}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    model = tmp_path / "served"
    model.mkdir()
    (model / "weights.bin").write_bytes(b"weights")
    card = f"---\nlicense: mit\nweighbridge: {{images: [{{digest: '{DIGEST}'}}]}}\n---\n# served\n"
    (model / "README.md").write_text(card)
    return model


def packaged(folder: Path, document: dict[str, Any]) -> Any:
    file = folder.parent / "profile.json"
    file.write_text(json.dumps(document))
    return package(folder, model="served", version="1", profiles=[read_profile(file)]).manifest


def test_the_image_tells_what_nothing_else_does(folder: Path) -> None:
    manifest = packaged(folder, profile("12.4.1", "12.2"))
    assert (manifest.cuda, manifest.cudnn, manifest.driver) == ("12.4", "9.1.0", "525.60.13")
    assert manifest.findings == ()


def test_an_image_without_cuda_tells_nothing(folder: Path) -> None:
    manifest = packaged(folder, profile(cudnn=""))
    assert (manifest.cuda, manifest.cudnn, manifest.driver) == (None, None, None)


def test_what_the_model_is_built_for_comes_first(folder: Path) -> None:
    (folder / "requirements.txt").write_text("nvidia-cuda-runtime-cu12==12.1.105\n")
    assert packaged(folder, profile("12.4.1")).cuda == "12.1"


def test_another_major_version_in_the_image_is_said(folder: Path) -> None:
    (folder / "requirements.txt").write_text("nvidia-cuda-runtime-cu12==12.1.105\n")
    manifest = packaged(folder, profile("11.8.0"))
    assert manifest.cuda == "12.1"
    (finding,) = manifest.findings
    assert finding.message == "the serving image has CUDA 11.8, and the model is built for 12.1"


def test_a_signed_statement_is_read_as_well(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "signed.json"
    key = ec.generate_private_key(ec.SECP256R1())
    file.write_bytes(write_attestation(IMAGE_PROFILE, profile("12.4"), ("serving", DIGEST), [key], "x"))
    assert package(folder, model="served", version="1", profiles=[read_profile(file)]).manifest.cuda == "12.4"


def test_an_image_that_the_card_does_not_name(folder: Path) -> None:
    other = f"sha256:{'2' * 64}"
    with pytest.raises(InputError, match="an image that the card does not name"):
        packaged(folder, profile("12.4", digest=other))
    assert packaged(folder, profile("12.4", digest=other, index=DIGEST)).cuda == "12.4"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "profile.json"),
        (b"[]", "is no JSON object"),
        (b"{}", "payload"),
        (b'{"at": "2026-01-01T00:00:00Z"}', "is missing"),
        (b'{"at": 1, "at": 2}', "twice|duplicate"),
        (b"\xff", "UTF-8"),
    ],
)
def test_what_is_no_profile(tmp_path: Path, data: bytes, reason: str) -> None:
    file = tmp_path / "profile.json"
    file.write_bytes(data)
    with pytest.raises(InputError, match=reason):
        read_profile(file)


def test_a_statement_of_another_type(tmp_path: Path) -> None:
    file = tmp_path / "package.json"
    key = ec.generate_private_key(ec.SECP256R1())
    predicate = {"manifest_sha256": DIGEST, "card_sha256": DIGEST, "at": "2026-01-01T00:00:00Z"}
    file.write_bytes(write_attestation(PACKAGE, predicate, ("x", DIGEST), [key], "x"))
    with pytest.raises(InputError, match="is a statement of another type"):
        read_profile(file)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_profile(tmp_path / "profile.json")
