"""Files of the modules that engines are built from, such as Gatekeeper's own manifests: pinned as the engines are."""

from __future__ import annotations

import functools
import json
import os
import shutil
import tempfile
from pathlib import Path

from weighbridge import resources
from weighbridge.engines.go import find_go, wanted_go
from weighbridge.engines.locate import ENGINES, pinned_version
from weighbridge.engines.process import run
from weighbridge.errors import EngineError

_SECONDS = 300.0


@functools.cache
def module_file(name: str, path: str) -> str:
    """The text of a file in the module of an engine that is built here, in the version that `tools/` pins.

    Go fetches the module, or finds it in its cache, and compares it with the hash in `go.sum`.

    Args:
        name: a key of `ENGINES` with a module.
        path: of the file, below the module's root.

    Raises:
        EngineError: no Go, no network, another hash, or no such file.
    """
    engine = ENGINES[name]
    source = resources.tools() / engine.folder
    with tempfile.TemporaryDirectory(prefix="wb-module-") as folder:
        # The pinned module may lie in a read-only wheel, and Go wants to lock it.
        for file in ("go.mod", "go.sum"):
            shutil.copy(source / file, folder)
        module = f"{engine.module}@v{pinned_version(name)}"
        command: list[str | Path] = [find_go(wanted_go(source)), "-C", folder, "mod", "download", "-json", module]
        environment = {**os.environ, "GOFLAGS": "-mod=readonly", "GOTOOLCHAIN": "local", "GOWORK": "off"}
        result = run(command, timeout=_SECONDS, environment=environment)
    if result.returncode != 0:
        raise EngineError(f"{module} could not be fetched", (result.stdout + result.stderr).decode("utf-8", "replace"))
    file_path = Path(json.loads(result.stdout)["Dir"]) / path
    try:
        return file_path.read_text(encoding="utf-8")
    except OSError as error:
        raise EngineError(f"{module} has no {path}: {error.strerror}") from error
