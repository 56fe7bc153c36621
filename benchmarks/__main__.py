"""`python -m benchmarks all|NAME`, of which `--help` lists the names: status 1 if a target is missed."""

from __future__ import annotations

import argparse
import importlib
import sys

NAMES = ("compile", "envoy", "scale", "memory", "hashing", "check", "admission", "killswitch", "activation", "opal")
MODULES = {"compile": "compiling", "envoy": "envoy_latency", "scale": "scaling", "check": "checking"}
"""Benchmarks whose module has another name."""
SIZES = {"hashing": "mebibytes"}
"""What size a benchmark has; `versions` unless it stands here."""


def main() -> int:
    """Run the benchmarks that were asked for, one after the other."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", nargs="?", default="all", choices=("all", *NAMES))
    parser.add_argument("--versions", type=int, help="model versions, instead of what the targets are stated for")
    parser.add_argument("--mebibytes", type=int, help="size of what is hashed, instead of 2048")
    parser.add_argument("--rounds", type=int, help="how often each thing is measured")
    arguments = parser.parse_args()
    met = True
    for name in NAMES if arguments.name == "all" else (arguments.name,):
        names = (SIZES.get(name, "versions"), "rounds")
        options = {option: value for option in names if (value := getattr(arguments, option)) is not None}
        report = importlib.import_module(f"benchmarks.{MODULES.get(name, name)}").run(**options)
        report.print()
        met = met and report.met
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
