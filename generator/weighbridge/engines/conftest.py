"""conftest with what `compile` wrote: verified first, run on a copy, and its exit status made plain."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from weighbridge.engines import process
from weighbridge.engines.locate import require
from weighbridge.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weighbridge.points.compiled import CompiledFolder

SECONDS = 600.0
"""How long conftest may take."""
_ERROR = b"Error: "


@dataclass(frozen=True)
class Tested:
    """What conftest said."""

    denied: bool
    stdout: bytes
    stderr: bytes


def conftest_test(compiled: CompiledFolder, arguments: Sequence[str], stdin: bytes = b"") -> Tested:
    """Run `conftest test` with one environment's policy and data.

    Args:
        compiled: the environment's folder; all of it is compared with `index.json` and copied before conftest sees it.
        arguments: files and options of conftest's, in its own order.
        stdin: what `-` among the arguments reads.

    Raises:
        InputError: a file of the folder was changed.
        EngineError: conftest is missing, or could not judge: it ends with the same status as for a denial, and says
            `Error:`.
    """
    conftest = require("conftest").path
    with tempfile.TemporaryDirectory(prefix="weighbridge-") as name:
        folder = Path(name)
        compiled.copy(folder)
        given = ["test", f"--policy={folder / 'policy'}", f"--data={folder / 'data'}", *arguments]
        # conftest looks for plugins below HOME, and fails without one; here there are none.
        result = process.run([conftest, *given], timeout=SECONDS, environment={"HOME": name}, stdin=stdin)
    if result.returncode != 0 and result.stderr.lstrip().startswith(_ERROR):
        raise EngineError("conftest could not judge", result.stderr.decode("utf-8", "replace").strip())
    return Tested(result.returncode != 0, result.stdout, result.stderr)
