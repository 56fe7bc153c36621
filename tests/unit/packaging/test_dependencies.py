"""What a model needs: read from the files that say so, and what does not say so plainly is a finding."""

import json

import pytest

from weighbridge.packaging.dependencies import cuda
from weighbridge.packaging.dependencies.cuda import driver_for

A, B = "a" * 64, "b" * 64
REQUIREMENTS = f"""\
# what it needs
-r sub/more.txt
--extra-index-url https://download.example.com/whl/cu121
Torch[extra]==2.4.0+cu121 ; python_version >= "3.9"  # pinned
numpy>=1.26,<3
scipy === 1.14.0 \\
    --hash=sha256:{A}
pillow==11.0.0 --hash=sha256:{A} --hash=sha256:{B}
mine @ https://example.com/mine-1.2.3-py3-none-any.whl#sha256={B}
Foo_Bar.Baz (==1.0)
wild==2.*
"""


def test_requirements(manifest):
    found = manifest({"requirements.txt": REQUIREMENTS, "sub/more.txt": "requests\n-c ../requirements.txt\n"})
    assert found.dependencies == (
        "pkg:pypi/foo-bar-baz@1.0",
        f"pkg:pypi/mine@1.2.3?checksum=sha256:{B}",
        "pkg:pypi/numpy",
        "pkg:pypi/pillow@11.0.0",
        "pkg:pypi/requests",
        f"pkg:pypi/scipy@1.14.0?checksum=sha256:{A}",
        "pkg:pypi/torch@2.4.0%2Bcu121",
        "pkg:pypi/wild",
    )
    assert (found.cuda, found.driver) == ("12.1", "525.60.13")
    assert found.findings == ()


@pytest.mark.parametrize(
    "line",
    [
        "-r ../outside.txt",
        "-r /etc/passwd",
        "-r https://example.com/x.txt",
        "-r nowhere.txt",
        "--requirement=..\\x.txt",
        "-e git+https://example.com/x",
        "git+https://example.com/x",
        "./local.whl",
        "torch 2.0",
        "torch==",
        "!!!",
        "x" * 3000,
    ],
)
def test_lines_that_say_nothing_plainly(manifest, line):
    found = manifest({"requirements.txt": f"numpy==1.0\n{line}\n"})
    assert [finding.about for finding in found.findings] == ["dependencies"]
    assert found.dependencies == ("pkg:pypi/numpy@1.0",)


def test_includes_in_circles(manifest):
    files = {"requirements.txt": "-r b/requirements.txt\nx==1", "b/requirements.txt": "-r ../requirements.txt\ny==2"}
    assert manifest(files).dependencies == ("pkg:pypi/x@1", "pkg:pypi/y@2")


UV = f"""\
version = 1
[[package]]
name = "project"
version = "0.1"
source = {{ virtual = "." }}
[[package]]
name = "nvidia-cuda-runtime-cu12"
version = "12.4.127"
source = {{ registry = "https://example.com" }}
wheels = [{{ url = "https://example.com/x.whl", hash = "sha256:{A}" }}]
[[package]]
name = "nvidia-cudnn-cu12"
version = "9.1.0.70"
"""
POETRY = f"""\
[[package]]
name = "torch"
version = "2.3.0"
files = [{{file = "a.whl", hash = "sha256:{A}"}}, {{file = "b.whl", hash = "sha256:{B}"}}]
"""
PYLOCK = f"""\
lock-version = "1.0"
[[packages]]
name = "attrs"
version = "25.1.0"
wheels = [{{name = "attrs.whl", hashes = {{sha256 = "{A}"}}}}]
"""
PIPFILE = json.dumps(
    {
        "default": {"x": {"version": "==1.0", "hashes": [f"sha256:{A}"]}, "y": {"git": "z"}},
        "develop": {"d": {"version": "==1"}},
    }
)
PYPROJECT = """\
[project]
dependencies = ["torch==2.4.0", "numpy>=1"]
[project.optional-dependencies]
dev = ["pytest"]
[tool.poetry.dependencies]
python = "^3.11"
scipy = "1.14.0"
pandas = {version = "^2"}
"""
CONDA = """\
name: env
channels: [pytorch, nvidia]
dependencies:
- python=3.11
- conda-forge::cuda-toolkit=12.6.0
- cudnn 9.3.0.75
- pytorch=2.4.0=py3.11_cuda12.6
- numpy>=1.26
- pip:
  - transformers==4.44.0
"""


@pytest.mark.parametrize(
    ("name", "text", "purls"),
    [
        (
            "uv.lock",
            UV,
            [f"pkg:pypi/nvidia-cuda-runtime-cu12@12.4.127?checksum=sha256:{A}", "pkg:pypi/nvidia-cudnn-cu12@9.1.0.70"],
        ),
        ("poetry.lock", POETRY, ["pkg:pypi/torch@2.3.0"]),
        ("pylock.toml", PYLOCK, [f"pkg:pypi/attrs@25.1.0?checksum=sha256:{A}"]),
        ("Pipfile.lock", PIPFILE, [f"pkg:pypi/x@1.0?checksum=sha256:{A}", "pkg:pypi/y"]),
        (
            "pyproject.toml",
            PYPROJECT,
            ["pkg:pypi/numpy", "pkg:pypi/pandas", "pkg:pypi/scipy@1.14.0", "pkg:pypi/torch@2.4.0"],
        ),
        (
            "environment.yml",
            CONDA,
            [
                "pkg:conda/cuda-toolkit@12.6.0",
                "pkg:conda/cudnn@9.3.0.75",
                "pkg:conda/numpy",
                "pkg:conda/python@3.11",
                "pkg:conda/pytorch@2.4.0",
                "pkg:pypi/transformers@4.44.0",
            ],
        ),
    ],
)
def test_locks(manifest, name, text, purls):
    found = manifest({name: text})
    assert found.dependencies == tuple(purls)
    assert found.findings == ()


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"uv.lock": UV}, ("12.4", "9.1.0.70", "525.60.13")),
        ({"environment.yml": CONDA}, ("12.6", "9.3.0.75", "525.60.13")),
        ({"lib/libcudart.so.12": b"\x7fELF", "lib/libcudnn.so.9": b"\x7fELF"}, ("12", "9", "525.60.13")),
        ({"lib/libcudart.so.11.8.89": b"\x7fELF"}, ("11.8", None, "450.80.02")),
        ({"requirements.txt": "nvidia-cublas-cu13==13.0.1"}, ("13", None, "580")),
        ({"requirements.txt": "torch==1.4.0+cu101"}, ("10.1", None, "418.39")),
        ({"requirements.txt": "torch==2.4.0+cpu"}, (None, None, None)),
        ({"requirements.txt": "torch==9+cu999"}, ("99.9", None, None)),
    ],
)
def test_cuda(manifest, files, expected):
    found = manifest(files)
    assert (found.cuda, found.cudnn, found.driver) == expected


def test_two_major_versions_of_cuda_are_said(manifest):
    found = manifest({"requirements.txt": "torch==2.4.0+cu118\nnvidia-cudnn-cu12==9.1"})
    assert found.cuda == "12"
    assert "several major versions" in found.findings[0].message


def test_every_driver_is_a_version():
    assert all(driver_for(version) for version in ("13.0", "12.8", "12", "11.0", "10.2"))
    assert driver_for("9.2") is None
    assert set(cuda.MINOR_COMPATIBLE) & {version.split(".")[0] for version in cuda.DRIVERS} == set()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("uv.lock", "[[package"),
        ("uv.lock", "package = 1"),
        ("uv.lock", "[[package]]\nversion = 1"),
        ("poetry.lock", "package = ['x']"),
        ("Pipfile.lock", "{"),
        ("Pipfile.lock", "[]"),
        ("Pipfile.lock", '{"default": 1}'),
        ("pyproject.toml", "project = 1\n"),
        ("pyproject.toml", "[project]\ndependencies = 1"),
        ("environment.yml", "a: *x"),
        ("environment.yml", "dependencies: 1"),
        ("environment.yml", "[]"),
        ("environment.yml", "dependencies: [{pip: 1}]"),
        ("Pipfile.lock", '{"default": {"../x": {"version": "==1"}}}'),
        ("uv.lock", '[[package]]\nname = "x y"\nversion = "1"'),
        ("requirements.txt", b"\xff\xfe"),
        ("pyproject.toml", b"\xff"),
    ],
)
def test_broken_files_are_findings(manifest, name, text):
    found = manifest({name: text})
    assert found.dependencies == ()
    assert {finding.about for finding in found.findings} == {"dependencies"}
