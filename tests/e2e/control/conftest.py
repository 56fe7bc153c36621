"""A real PostgreSQL server, once for a session; databases and control planes for single tests."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.control_plane import Postgres, Release, RunningPlane, settings


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """Nobody kills this one: a test that wants to makes its own."""
    # Not below pytest's own folder: every pytest that starts closes that to all other users, and PostgreSQL is one.
    with tempfile.TemporaryDirectory(prefix="wb-postgres-") as folder:
        Path(folder).chmod(0o755)
        server = Postgres(Path(folder) / "server").create()
        server.start()
        yield server
        server.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database, of each kind."""
    if request.param == "sqlite":
        return str(tmp_path / "control.sqlite")
    return request.getfixturevalue("postgres").database()


@pytest.fixture
def release(tmp_path: Path) -> Release:
    """A folder as `compile` writes it."""
    return Release(tmp_path / "out").write()


@pytest.fixture
def running_plane(tmp_path: Path, release: Release) -> Iterator[RunningPlane]:
    """A control plane on SQLite that serves a release of `prod`."""
    with RunningPlane(settings(tmp_path / "control.sqlite", release.folder)) as running:
        yield running
