"""A database that is lost, and the copies that lie beside it: the server goes on where it was."""

import asyncio
import os
from pathlib import Path

from click.testing import CliRunner
from tests.control_plane import Identity, Release, control_document, key, order, plane, revoke, status, until
from tests.e2e.control.processes import accepted_ids, log

from weighbridge.cli.main import cli
from weighbridge.control.store.opening import log_folder
from weighbridge.errors import InputError
from weighbridge.keys import public_pem


async def filled(database: Path, release: Release) -> tuple[dict[int, str], str]:
    """Accepted orders, and the revision of the live bundle, after a second release has settled."""
    async with plane(database, release.folder) as before:
        release.write(control_document(tenants=["acme", "globex"]))
        await until(lambda: not before._replica._desks["prod"].rolling and len(log(before)) == 4)
        await asyncio.gather(*map(before.submit, [revoke(), *(order("suspend", "acme") for _ in range(9))]))
        await until(lambda: not before._ledgers["prod"].unpublished)
        return accepted_ids(before), before._ledgers["prod"].published.publication.revision


def test_a_lost_database_is_rebuilt_from_what_lies_beside_it(tmp_path: Path, release: Release) -> None:
    database = tmp_path / "control.sqlite"
    accepted, revision = asyncio.run(filled(database, release))
    beside, new = log_folder(database), tmp_path / "new.sqlite"
    database.write_bytes(os.urandom(10_000))
    public = tmp_path / "live.pub"
    public.write_text(public_pem(key("live").public_key()))
    arguments = ["orders", "rebuild", str(beside / "prod.jsonl"), "--live-key", str(public)]
    lacking = CliRunner().invoke(cli, [*arguments, "--bundles", str(release.folder), "--database", str(new)])
    assert isinstance(lacking.exception, InputError)
    done = CliRunner().invoke(cli, [*arguments, "--bundles", str(beside / "prod"), "--database", str(new)])
    assert (done.exit_code, done.output[:5]) == (0, "prod:")

    async def test() -> None:
        async with plane(new, release.folder) as again:
            assert accepted_ids(again) == accepted
            assert (
                again.bundle("prod/envoy/release.tar.gz").data
                == (release.folder / "prod/envoy/release.tar.gz").read_bytes()
            )
            # What the lost database had issued raises no alarm; what nobody can have issued does.
            await again.receive_status(Identity(), status("old", revision, release.revisions["prod"]))
            await again.receive_status(Identity(), status("forged", "prod-live-9999999999999-1"))
            while len((await again.fleet("prod")).points) < 2:
                await asyncio.sleep(0.01)
            assert [alarm.subject for alarm in await again.alarms("prod")] == ["east/forged"]
            assert not again.not_ready()

    asyncio.run(test())
