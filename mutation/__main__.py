"""`python -m mutation [FOLDER]... [--sample N]`: change the rules one place at a time, and see who notices.

At least nine of ten must be noticed. Those that are not are listed in `mutation/survivors.yaml`, each with the reason
why it may live; one that is not listed, or listed and noticed after all, fails a run of all mutants of a folder. A
sample is held to its share alone: another line in a rule makes another sample.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from rich.console import Console
from rich.progress import track

from mutation.judges import Judge, fixture_judge, judge, unit_judges
from mutation.mutants import Mutant, mutants
from weighbridge.bundle.policies import CONFTEST

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mutation.judges import Fate

ROOT = Path(__file__).resolve().parent.parent
POLICIES = ROOT / "policies"
SURVIVORS = Path(__file__).parent / "survivors.yaml"
FOLDERS = ("lib", "points", "guard", "evidence", "gate", "release")
FATES: tuple[Fate, ...] = ("killed", "survived", "invalid")
DEMANDED = 0.9
"""Share of the valid mutants that must die."""


def main() -> int:
    """Run what was asked for and print who survived."""
    parser = argparse.ArgumentParser(prog="python -m mutation", description=__doc__)
    parser.add_argument("folders", nargs="*", default=list(FOLDERS), help="below policies/; by default all of them")
    parser.add_argument("--sample", type=int, default=0, help="so many mutants, spread evenly; by default all")
    arguments = parser.parse_args()
    chosen = _sample(_all(arguments.folders), arguments.sample)
    groups = yaml.safe_load(SURVIVORS.read_text(encoding="utf-8")) or []
    allowed = {name for group in groups for name in group["mutants"]}
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
        judges = _judges({POLICIES / mutant.file for mutant in chosen}, Path(folder))
        _sound(judges)
        fates = _run(chosen, judges)
    whole = tuple(arguments.folders) if not arguments.sample else ()
    return _report(fates, allowed, whole)


def _judges(files: set[Path], folder: Path) -> list[Judge]:
    found = [each for each in unit_judges(POLICIES) if files & set(each.files)]
    if any(each.name == CONFTEST for each in found):
        found.append(fixture_judge(POLICIES, ROOT / "tests" / "fixtures" / "pods", folder))
    return found


def _all(folders: Sequence[str]) -> list[Mutant]:
    files = [file for folder in folders for file in sorted((POLICIES / folder).rglob("*.rego"))]
    rules = [file for file in files if not file.name.endswith("_test.rego")]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return [mutant for found in pool.map(lambda file: mutants(POLICIES, file), rules) for mutant in found]


def _sample(found: list[Mutant], wanted: int) -> list[Mutant]:
    if not wanted or wanted >= len(found):
        return found
    return [found[number * len(found) // wanted] for number in range(wanted)]


def _sound(judges: Sequence[Judge]) -> None:
    """A judge that fails without any mutant would condemn all of them."""
    for each in judges:
        rules = each.files[0]
        if (fate := each.verdict(rules, rules)) != "survived":
            sys.exit(f"the judge {each.name} is not content with the rules as they are ({fate})")


def _run(chosen: Sequence[Mutant], judges: Sequence[Judge]) -> dict[Mutant, Fate]:
    console = Console(stderr=True)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        fates = pool.map(lambda mutant: judge(mutant, POLICIES, judges), chosen)
        shown = track(fates, "mutants", total=len(chosen), console=console, disable=not console.is_terminal)
        return dict(zip(chosen, shown, strict=True))


def _report(fates: Mapping[Mutant, Fate], allowed: set[str], whole: Sequence[str]) -> int:
    """Print what became of them; the exit status.

    Args:
        fates: by mutant.
        allowed: names of mutants that may live.
        whole: the folders of which all mutants were judged.
    """
    living = {mutant.identity: mutant for mutant, fate in fates.items() if fate == "survived"}
    unexplained = {name: mutant for name, mutant in living.items() if name not in allowed}
    for name, mutant in unexplained.items():
        print(f"policies/{mutant.file}:{mutant.line}: survived: {name}")
    stale = sorted(name for name in allowed - living.keys() if any(_below(name, folder) for folder in whole))
    for name in stale:
        print(f"listed as a survivor, and there is none: {name}")
    folders: dict[str, Counter[Fate]] = defaultdict(Counter)
    for mutant, fate in fates.items():
        folders[mutant.file.rpartition("/")[0]][fate] += 1
    for folder, count in sorted(folders.items()):
        print(f"{folder}: {_share(count)}")
    total = Counter(fates.values())
    print(f"{len(fates)} mutants, {len(unexplained)} of the survivors unexplained: {_share(total)}")
    few = total["killed"] < DEMANDED * (total["killed"] + total["survived"])
    return 1 if few or (whole and (unexplained or stale)) else 0


def _below(name: str, folder: str) -> bool:
    return name.startswith((f"{folder.rstrip('/')}/", f"{folder} "))


def _share(count: Mapping[Fate, int]) -> str:
    killed, survived, invalid = (count.get(fate, 0) for fate in FATES)
    said = f"{killed} noticed, {survived} not, {invalid} do not compile"
    return f"{said}; {killed / (killed + survived):.1%} of the valid ones die" if killed + survived else said


if __name__ == "__main__":
    sys.exit(main())
