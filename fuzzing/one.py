"""`python -m fuzzing.one TARGET LIBFUZZER_OPTION…`: one target under atheris.

A process of its own, as libFuzzer ends it.
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["weighbridge"]):
    from fuzzing.targets import TARGETS


def main() -> None:
    """Fuzz until libFuzzer's options say to stop, or a defect is found."""
    target = TARGETS[sys.argv[1]]
    atheris.Setup([sys.argv[0], *sys.argv[2:]], target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
