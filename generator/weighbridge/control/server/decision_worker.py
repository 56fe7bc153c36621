"""Decision logs in a process of their own: unpacking and reading megabytes would hold up whoever waits for an order.

The parent writes requests to standard input, `[length of the head, length of the body]` in eight bytes each, the head
as JSON and the body as it came, and reads one line of JSON for each from standard output. When the parent ends, however
it ends, so does its standard input, and with it this process.
"""

from __future__ import annotations

import json
import os
import signal
import struct
import sys
from pathlib import Path
from typing import BinaryIO

from weighbridge.control.server.decision_log import DecisionLog, Sender
from weighbridge.control.server.errors import Refused

LENGTHS = struct.Struct(">QQ")


def request(sender: Sender, body: bytes, coding: bytes) -> bytes:
    """What the parent writes for one batch."""
    head = json.dumps([sender.client, sender.environment, sender.cluster, coding.decode("latin-1")]).encode()
    return LENGTHS.pack(len(head), len(body)) + head + body


def serve(log: DecisionLog, source: BinaryIO, answers: BinaryIO) -> None:
    """Answer until the input ends."""
    while len(lengths := source.read(LENGTHS.size)) == LENGTHS.size:
        head_length, body_length = LENGTHS.unpack(lengths)
        head, body = source.read(head_length), source.read(body_length)
        if len(body) != body_length:
            return
        answers.write(json.dumps(_answer(log, head, body)).encode() + b"\n")
        answers.flush()


def _answer(log: DecisionLog, head: bytes, body: bytes) -> dict[str, object]:
    client, environment, cluster, coding = json.loads(head)
    try:
        return {"written": log.append(Sender(client, environment, cluster), body, coding.encode("latin-1"))}
    except Refused as refused:
        return {"status": refused.status, "code": refused.code, "message": refused.message}
    except OSError as error:
        return {"failed": error.strerror or type(error).__name__}


if __name__ == "__main__":
    # The terminal's Ctrl-C is for the parent, which ends this when all is written.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.umask(0o077)
    serve(DecisionLog(Path(sys.argv[1])), sys.stdin.buffer, sys.stdout.buffer)
