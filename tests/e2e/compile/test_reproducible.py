"""The same bytes from the same catalogue and `--at`, whoever compiles it, where and under which settings."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.engines
Workshop = Any
AT = "2026-01-15T00:00:00Z"


def digests(folder: Path) -> dict[str, tuple[str, int]]:
    """Hash and mode of each file, mode of each folder."""
    found = {}
    for path in sorted([folder, *folder.rglob("*")]):
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        found[path.relative_to(folder).as_posix()] = (content, path.stat().st_mode)
    return found


def command(workshop: Workshop, output: Path, *more: str) -> list[str]:
    for name in ("release", "live"):
        file = workshop.folder / f"{name}.pem"
        if not file.exists():
            file.write_bytes(workshop.pem(name))
    keys = ["--release-key", str(workshop.folder / "release.pem"), "--live-key", str(workshop.folder / "live.pem")]
    start = [sys.executable, "-m", "weighbridge", "compile", str(workshop.root)]
    return [*start, *keys, "--at", AT, "--output", str(output), *more]


def run(arguments: list[str], **settings: Any) -> None:
    environment = {**os.environ, **settings.pop("environment", {})}
    result = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=False, **settings)
    assert result.returncode == 0, result.stderr


def compiled(workshop: Workshop, name: str, *more: str, **settings: Any) -> dict[str, tuple[str, int]]:
    output = workshop.folder / "outputs" / name
    run(command(workshop, output, *more), **settings)
    return digests(output)


@pytest.fixture
def rich(workshop: Workshop) -> Workshop:
    """With several versions, orders, and names that sort differently in other locales."""
    for number, name in enumerate(("qa@1.0.0-b", "qa@1.0.10", "z0@1", "a-b@1", "ab@1")):
        workshop.version(name, weights=b"%d" % number, image=f"{number:064x}")
    workshop.order("freeze", "qa@1.0.10", "oncall", reason="größer als erlaubt \u2028 ☃")
    workshop.order("suspend", "acme", "oncall")
    return workshop


def test_same_bytes_under_other_settings(rich: Workshop) -> None:
    first = compiled(rich, "first", "--no-cache")
    assert all(mode in {0o100644, 0o040755} for _, mode in first.values())
    settings: dict[str, dict[str, Any]] = {
        "again": {},
        "elsewhere": {
            "environment": {"TZ": "Pacific/Kiritimati", "LC_ALL": "tr_TR.UTF-8", "PYTHONHASHSEED": "1"},
            "umask": 0o077,
            "cwd": "/",
        },
        "ascii": {
            "environment": {
                "LC_ALL": "C",
                "PYTHONUTF8": "0",
                "PYTHONCOERCECLOCALE": "0",
                "PYTHONHASHSEED": "4711",
                "PYTHONOPTIMIZE": "1",
            },
            "umask": 0,
        },
    }
    for name, setting in settings.items():
        assert compiled(rich, name, "--no-cache", **setting) == first, name


def test_same_bytes_with_any_number_of_jobs_and_from_elsewhere(rich: Workshop) -> None:
    first = compiled(rich, "first", "--no-cache", "--jobs", "1")
    assert compiled(rich, "jobs", "--no-cache", "--jobs", "3") == first
    moved = rich.folder / "moved" / "to" / "elsewhere"
    shutil.copytree(rich.root, moved)
    arguments = command(rich, rich.folder / "outputs/moved", "--no-cache")
    arguments[arguments.index(str(rich.root))] = str(moved)
    run(arguments)
    assert digests(rich.folder / "outputs/moved") == first
    # Nor does it matter what is written beside it, or in which order the files came to lie there.
    again = rich.folder / "again"
    for path in sorted(rich.root.rglob("*"), reverse=True):
        if path.is_file():
            target = again / path.relative_to(rich.root)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    arguments[arguments.index(str(moved))] = "again"
    run(arguments, cwd=rich.folder)
    assert digests(rich.folder / "outputs/moved") == first


def test_same_bytes_by_another_user(rich: Workshop) -> None:
    become = ["unshare", "--user", "--map-user=1234", "--map-group=1234"]
    if not shutil.which("unshare") or subprocess.run([*become, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody make a user namespace, in which to be somebody else")
    first = compiled(rich, "first", "--no-cache")
    run([*become, *command(rich, rich.folder / "outputs/theirs", "--no-cache")])
    assert digests(rich.folder / "outputs/theirs") == first


def test_another_at_is_in_the_index_and_never_in_a_release(workshop: Workshop) -> None:
    first = compiled(workshop, "first", "--no-cache")
    arguments = command(workshop, workshop.folder / "outputs/later", "--no-cache")
    arguments[arguments.index(AT)] = "2026-01-15T06:00:00Z"
    run(arguments)
    later = digests(workshop.folder / "outputs/later")
    changed = {path.rsplit("/", 1)[-1] for path in first if first[path] != later[path]}
    assert changed == {"index.json", "live.tar.gz", "livestate.jws", "livestate.yaml"}
