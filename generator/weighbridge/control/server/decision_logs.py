"""The server's side of the process that writes decision logs."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from typing import TYPE_CHECKING, Any

from weighbridge.control.server import decision_worker
from weighbridge.control.server.decision_log import Sender
from weighbridge.control.server.errors import Refused, unavailable
from weighbridge.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from weighbridge.control.server.identity import Identity

MOST_WAITING = 64
"""Batches that wait for their turn; further ones are to come again."""
_PASSED_ON = ("PATH", "PYTHONPATH", "VIRTUAL_ENV", "LANG", "LC_ALL", "TZ")
"""The live key may stand in a variable, and a process that reads what strangers send should not know it."""
_STOP_SECONDS = 3.0


class DecisionLogs:
    """Takes decision logs.

    Args:
        folder: where they go; made where there is none, for this user alone.

    Attributes:
        written: events since the start.

    Raises:
        InputError: it is no folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._process: asyncio.subprocess.Process | None = None
        self.written = 0
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            field = "--decision-logs"
            raise InputError.single(str(folder), f"is no folder: {error.strerror}", "Name one.", field=field) from error

    async def append(self, identity: Identity, body: bytes, coding: bytes) -> None:
        """Have the events of one request written.

        Raises:
            Refused: they are none, there is no room for them, or too many wait already.
        """
        if self._waiting >= MOST_WAITING:
            raise unavailable("Too many decision logs wait to be written.")
        self._waiting += 1
        try:
            async with self._turn:
                answer = await self._asked(identity, body, coding)
        finally:
            self._waiting -= 1
        if "status" in answer:
            raise Refused(answer["status"], answer["code"], answer["message"])
        if "failed" in answer:
            raise unavailable(f"The decision log cannot be written: {answer['failed']}.")
        self.written += answer["written"]

    async def stop(self) -> None:
        """End the process, once it has written what it was given."""
        if self._process is None or self._process.stdin is None:
            return
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), _STOP_SECONDS)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def _asked(self, identity: Identity, body: bytes, coding: bytes) -> dict[str, Any]:
        process = await self._running()
        assert process.stdin is not None  # noqa: S101 -- asked for when it was started
        assert process.stdout is not None  # noqa: S101
        sender = Sender(identity.name, identity.environment, identity.cluster)
        try:
            process.stdin.write(decision_worker.request(sender, body, coding))
            await process.stdin.drain()
            answer: dict[str, Any] = json.loads(await process.stdout.readline())
        except BaseException as error:
            # Half a question or half an answer is left in its pipes: the next one is for another process.
            self._process = None
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            if isinstance(error, OSError | ValueError):
                return {"failed": "the process that writes it ended"}
            raise
        return answer

    async def _running(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", decision_worker.__name__, str(self._folder)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env=environment,
                start_new_session=True,
            )
        return self._process
