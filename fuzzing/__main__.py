"""`python -m fuzzing [TARGET]... [--seconds N]`: each target for a bounded time.

Exit status 1 if one broke its promise. The inputs that showed it are kept below `fuzzing/found/`, corpora grow below
`fuzzing/corpus/`. Neither belongs in Git.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from fuzzing.targets import TARGETS

HERE = Path(__file__).parent
INPUT_SECONDS = 5
"""Longest time for one input; instrumented code runs several times slower."""
MEMORY_MIB = 1024
_DONE = re.compile(r"Done (\d+) runs in (\d+) second")
_COVERAGE = re.compile(r"cov: (\d+)")


def main() -> int:
    """Fuzz what was asked for, two at a time, and print a line for each."""
    parser = argparse.ArgumentParser(prog="python -m fuzzing", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"any of {', '.join(TARGETS)}; by default all")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    arguments = parser.parse_args()
    unknown = set(arguments.targets) - TARGETS.keys()
    if unknown:
        parser.error(f"no such target: {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        kept = list(pool.map(lambda name: fuzz(name, arguments.seconds), arguments.targets or TARGETS))
    return 0 if all(kept) else 1


def fuzz(name: str, seconds: int) -> bool:
    """Fuzz one target in a process of its own.

    Args:
        name: one of `TARGETS`.
        seconds: for how long.

    Returns:
        Whether the target kept its promise, for every input that was tried.
    """
    corpus = _seed(name)
    found = HERE / "found" / name
    found.mkdir(parents=True, exist_ok=True)
    options = [f"-max_total_time={seconds}", f"-max_len={TARGETS[name].limit}", f"-timeout={INPUT_SECONDS}",
               f"-rss_limit_mb={MEMORY_MIB}", f"-artifact_prefix={found}/", "-print_final_stats=0"]  # fmt: skip
    command = [sys.executable, "-m", "fuzzing.one", name, *options, str(corpus)]
    run = subprocess.run(command, cwd=HERE.parent, capture_output=True, text=True, errors="replace", check=False)
    done, coverage = _DONE.search(run.stderr), _COVERAGE.findall(run.stderr)
    if run.returncode == 0 and done:
        print(f"{name}: {int(done[1]):,} inputs in {done[2]} s, {coverage[-1] if coverage else 0} edges, none broke it")
        return True
    print(f"{name}: BROKEN, see {found.relative_to(HERE.parent)}\n{run.stdout[-3000:]}{run.stderr[-3000:]}")
    return False


def _seed(name: str) -> Path:
    corpus = HERE / "corpus" / name
    corpus.mkdir(parents=True, exist_ok=True)
    for seed in TARGETS[name].seeds():
        (corpus / hashlib.sha256(seed).hexdigest()).write_bytes(seed)
    return corpus


if __name__ == "__main__":
    sys.exit(main())
