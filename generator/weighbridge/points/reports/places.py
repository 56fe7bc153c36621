"""What other programs call the file of a result: relative where they look for it in a checkout."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from weighbridge.points.report import Result

STDIN = "-"


def reported_file(result: Result, folder: Path) -> tuple[str, bool]:
    """A path, and whether the result's lines are lines of that file.

    Of what came through a pipe the template is named, if Helm said so; its lines are others. `folder` is what relative
    paths start from, and below it absolute ones are made relative.
    """
    if result.file == STDIN:
        # The name is a comment in the stream, which must not lead out of the checkout.
        source = Path(result.source)
        inside = result.source and not source.is_absolute() and ".." not in source.parts
        return (source.as_posix(), False) if inside else ("", False)
    path = Path(result.file)
    if path.is_absolute() and path.is_relative_to(folder):
        path = path.relative_to(folder)
    return path.as_posix(), True
