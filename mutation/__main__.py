"""`python -m mutation [FOLDER]... [--sample N]`: change the rules one place at a time, and see who notices.

At least nine of ten must be noticed. Those that are not are listed in `mutation/survivors.yaml`, each with the reason
why it may live; one that is not listed, or listed and noticed after all, fails a whole run. A sample is held to its
share alone: another line in a rule makes another sample.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections import Counter
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
    return _report(fates, allowed, whole=not arguments.sample and tuple(arguments.folders) == FOLDERS)


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


def _report(fates: Mapping[Mutant, Fate], allowed: set[str], *, whole: bool) -> int:
    count = Counter(fates.values())
    valid = count["killed"] + count["survived"]
    share = count["killed"] / valid if valid else 0.0
    living = {mutant.identity: mutant for mutant, fate in fates.items() if fate == "survived"}
    unexplained = {name: mutant for name, mutant in living.items() if name not in allowed}
    for name, mutant in unexplained.items():
        print(f"policies/{mutant.file}:{mutant.line}: survived: {name}")
    stale = sorted(allowed - living.keys()) if whole else []
    for name in stale:
        print(f"listed as a survivor, and there is none: {name}")
    print(
        f"{len(fates)} mutants: {count['killed']} noticed, {count['survived']} not ({len(unexplained)} unexplained), "
        f"{count['invalid']} do not compile; {share:.1%} of the valid ones die (demanded: {DEMANDED:.0%})"
    )
    return 1 if share < DEMANDED or (whole and (unexplained or stale)) else 0


if __name__ == "__main__":
    sys.exit(main())
