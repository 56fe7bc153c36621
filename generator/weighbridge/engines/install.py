"""Building engines from the pinned modules in `tools/` into the cache.

Order of steps: find Go, copy the module (it may lie in a read-only wheel), build beside the final place, ask the result
for its version, move it into place in one step. Half a build is never found by anybody.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from weighbridge import resources
from weighbridge.engines.go import find_go, wanted_go
from weighbridge.engines.locate import ENGINES, cached_path, judge_binary, pinned_version
from weighbridge.errors import EngineError, InputError

if TYPE_CHECKING:
    from collections.abc import Callable

BUILT = tuple(name for name, engine in ENGINES.items() if engine.folder)
"""Engines that can be built."""
_FLAGS = ("-trimpath", "-ldflags=-s -w", "-gcflags=all=-dwarf=false", "-v")
"""What a debugger would read is stripped anyway; not to make it at all takes a fifth off the time."""
_KEPT_LINES = 60


def install(name: str, *, progress: Callable[[str], None] = lambda _: None) -> Path:
    """Build one engine, unless the cache has it already.

    Args:
        name: one of `BUILT`.
        progress: called with what is being done: each Go package as it is compiled.

    Returns:
        The binary in the cache.

    Raises:
        InputError: no engine of that name is built here.
        EngineError: no Go, no network, a build that failed, or a binary that is not what it should be.
    """
    if name not in BUILT:
        raise InputError.single(name, "cannot be built here", f"Name one of {', '.join(BUILT)}.")
    final = cached_path(name)
    if final.exists():
        return final
    engine = ENGINES[name]
    module = resources.tools() / engine.folder
    progress(f"{name}: looking for Go")
    go = find_go(wanted_go(module))
    base = final.parent.parent
    base.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"{name}-", dir=base) as temporary:
        source, built = Path(temporary) / "source", Path(temporary) / "built"
        shutil.copytree(module, source)
        built.mkdir()
        _build(go, source, engine.package, built / name, progress)
        _accept(name, built / name)
        # A build by another process, finished meanwhile, is the same.
        if not final.exists():
            built.rename(final.parent)
    return final


def _build(go: Path, source: Path, package: str, output: Path, progress: Callable[[str], None]) -> None:
    command = [str(go), "build", *_FLAGS, "-o", str(output), package]
    lines: list[str] = []
    try:
        with subprocess.Popen(
            command, cwd=source, env=_environment(), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        ) as process:
            for line in process.stderr or ():
                lines.append(line.rstrip())
                progress(f"{output.name}: building {line.strip()[-70:]}")
    except OSError as error:
        raise EngineError(f"{go} could not be started: {error.strerror}") from error
    if process.returncode != 0:
        raise EngineError(
            f"go build {package} failed with status {process.returncode}", "\n".join(lines[-_KEPT_LINES:])
        )


def _environment() -> dict[str, str]:
    # The user's own settings say from where modules come; what decides which modules, and how, is ours.
    ours = {"GOFLAGS": "-mod=readonly -buildvcs=false", "GOTOOLCHAIN": "local", "GOWORK": "off"}
    return {**os.environ, **ours}


def _accept(name: str, binary: Path) -> None:
    candidate = judge_binary(name, binary)
    if candidate.refused:
        raise EngineError(f"the {name} that was built cannot be used: {candidate.refused}")
    if candidate.version != pinned_version(name):
        raise EngineError(f"the {name} that was built says {candidate.version}, not {pinned_version(name)}")
    if name == "opa" and not candidate.envoy_plugin:
        raise EngineError("the opa that was built has no Envoy plugin")
