"""The versions of CUDA and cuDNN that a model is built for, and the driver that they need.

Told by NVIDIA's own wheels (`nvidia-cuda-runtime-cu12`), by PyTorch's local versions (`2.4.0+cu121`) and wheel index,
by conda's `cuda-toolkit` and `pytorch-cuda`, and by names of libraries (`libcudart.so.12`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from weighbridge.packaging.dependencies.package import Dependency

MINOR_COMPATIBLE = {"13": "580", "12": "525.60.13", "11": "450.80.02"}
"""CUDA major version to the lowest Linux driver with which all its minor versions run (NVIDIA, "CUDA Compatibility",
minor version compatibility, https://docs.nvidia.com/deploy/cuda-compatibility/; patch levels from the release notes,
https://docs.nvidia.com/cuda/cuda-toolkit-release-notes/)."""
DRIVERS = {"10.2": "440.33", "10.1": "418.39", "10.0": "410.48"}
"""CUDA version before that compatibility to the Linux driver that it came with (the same guide, its table of 10.x)."""
_RUNTIME = frozenset(
    {"nvidia-cuda-runtime", "cuda-toolkit", "cudatoolkit", "cuda-cudart", "cuda-runtime", "cuda-version"}
)
_LOCAL = re.compile(r"\+cu([0-9]{2,3})\Z")
_SUFFIX = re.compile(r"-cu([0-9]{2,3})\Z")
_LIBRARY = re.compile(r"lib(cudart|cublas|cudnn|nvinfer)[a-z_]*\.so\.([0-9]+(?:\.[0-9]+)*)\Z")


class Cuda(NamedTuple):
    """What is needed; None where nothing says so."""

    version: str | None = None
    cudnn: str | None = None
    driver: str | None = None
    findings: tuple[str, ...] = ()


def cuda_of(packages: Iterable[Dependency], indexes: Iterable[str], paths: Iterable[str]) -> Cuda:
    """The highest versions that anything names, since all of it has to run.

    Args:
        packages: what the model needs.
        indexes: digits of PyTorch's wheel indexes, such as `121`.
        paths: of its files.
    """
    versions, cudnn = {_dotted(digits) for digits in indexes}, set()
    for package in packages:
        found, deep = _of_package(package.name, package.version)
        versions |= {found} if found else set()
        cudnn |= {deep} if deep else set()
    for path in paths:
        library = _LIBRARY.match(path.rpartition("/")[2])
        if library and library.group(1) == "cudart":
            versions.add(_short(library.group(2)))
        elif library and library.group(1) == "cudnn":
            cudnn.add(library.group(2))
    version = _highest(versions)
    majors = {found.split(".")[0] for found in versions}
    message = f"several major versions of CUDA are named: {', '.join(sorted(versions, key=_key))}"
    findings = (message,) if len(majors) > 1 else ()
    return Cuda(version, _highest(cudnn), driver_for(version) if version else None, findings)


def with_image(cuda: Cuda, versions: Iterable[str], cudnn: Iterable[str]) -> Cuda:
    """What is needed, where the serving image has a say: it fills in what nothing else told, and must not contradict.

    Args:
        cuda: what the model's own files say.
        versions: of CUDA in the image.
        cudnn: of cuDNN in it.
    """
    there = {_short(version) for version in versions if version[:1].isdigit()}
    found = _highest(there)
    findings = cuda.findings
    if cuda.version and there and cuda.version.split(".")[0] not in {version.split(".")[0] for version in there}:
        findings += (f"the serving image has CUDA {found}, and the model is built for {cuda.version}",)
    version = cuda.version or found
    deep = cuda.cudnn or _highest({given for given in cudnn if given[:1].isdigit()})
    return Cuda(version, deep, driver_for(version) if version else None, findings)


def driver_for(version: str) -> str | None:
    """The lowest Linux driver that runs code built for a version of CUDA; None if the tables do not have it."""
    major = version.split(".", maxsplit=1)[0]
    return MINOR_COMPATIBLE.get(major) or DRIVERS.get(_short(version))


def _of_package(name: str, version: str) -> tuple[str | None, str | None]:
    """Versions of CUDA and cuDNN that one package stands for."""
    suffix, local = _SUFFIX.search(name), _LOCAL.search(version)
    base = _SUFFIX.sub("", name)
    if base in _RUNTIME:
        return (_short(version) if version[:1].isdigit() else (_dotted(suffix.group(1)) if suffix else None)), None
    if base in {"cudnn", "nvidia-cudnn"}:
        return (_dotted(suffix.group(1)) if suffix else None), version if version[:1].isdigit() else None
    if name == "pytorch-cuda" and version[:1].isdigit():
        return _short(version), None
    if local:
        return _dotted(local.group(1)), None
    nvidia = suffix is not None and name.startswith(("nvidia-", "cupy", "tensorrt", "onnxruntime"))
    return (_dotted(suffix.group(1)) if suffix and nvidia else None), None


def _dotted(digits: str) -> str:
    """`121` is 12.1, `12` is 12."""
    return f"{digits[:2]}.{digits[2:]}" if len(digits) > 2 else digits


def _short(version: str) -> str:
    """Major and minor version."""
    return ".".join(re.findall(r"[0-9]+", version)[:2])


def _key(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"[0-9]+", version)]


def _highest(versions: set[str]) -> str | None:
    return max(sorted(versions), key=_key, default=None)
