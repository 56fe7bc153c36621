"""A control plane in a process of its own, to be killed: `python plane_process.py DATABASE BUNDLES SIGNING_SECONDS`.

Orders come as lines of base64 on standard input; answers go as JSON lines to standard output, each once it is given.
The live key is slow, as one in a device is: so there is time between accepting and publishing in which to die.
"""

import asyncio
import base64
import json
import sys
import time
from pathlib import Path

from tests.control_plane import key, plane

from weighbridge.errors import WeighbridgeError
from weighbridge.keys import DeviceKey, PublicKey, sign


class SlowKey(DeviceKey):
    """The live key, in a device that takes its time."""

    source = "hsm:1"

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def public_key(self) -> PublicKey:
        return key("live").public_key()

    def sign_message(self, message: bytes, *, pss: bool = False) -> bytes:
        time.sleep(self._seconds)
        return sign(key("live"), message)


def say(document: object) -> None:
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()


async def serve(database: str, bundles: Path, seconds: float) -> None:
    reader = asyncio.StreamReader(limit=2**24)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async with plane(database, bundles, live_keys=(SlowKey(seconds),)) as given, asyncio.TaskGroup() as tasks:

        async def answer(data: bytes) -> None:
            try:
                results = await given.submit(data)
            except WeighbridgeError as error:
                say({"unavailable": str(error)})
                return
            for result in results:
                say(result.model_dump() | {"live": given.bundle("prod/live.tar.gz") is not None})

        say({"ready": list(given.not_ready())})
        while line := await reader.readline():
            tasks.create_task(answer(base64.b64decode(line)))


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], Path(sys.argv[2]), float(sys.argv[3])))
