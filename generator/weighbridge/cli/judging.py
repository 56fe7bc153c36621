"""How commands about one version judge it, with their progress shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weighbridge.cli.progress import watched
from weighbridge.registry.judgement import JudgingOptions, judge_catalogue

if TYPE_CHECKING:
    from pathlib import Path

    from weighbridge.registry.judgement import Judged


def judge_version(
    catalogue: Path,
    version: str,
    at_ns: int,
    *,
    root_key: Path | None,
    require_signed_trust: bool,
    allow_example_keys: bool,
    siblings: bool = False,
) -> Judged:
    """Judge a version of a catalogue as the options say; with `siblings` the model's other versions, too.

    Raises:
        InputError: the catalogue cannot be read or trusted, or has no such version.
        EngineError: OPA is gone; nothing can be decided.
    """
    judging = JudgingOptions(
        at_ns=at_ns,
        root_key=root_key,
        require_signed_trust=require_signed_trust,
        allow_example_keys=allow_example_keys,
        only=version,
        siblings=siblings,
    )
    with watched() as progress:
        return judge_catalogue(catalogue, judging, progress)
