"""Fetching what a preview needs: control data of each environment, verified where a key is given.

An emergency is never held up by its preview: what cannot be had is said, and the order can be signed all the same.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from weighbridge.bundle.archive import read_archive
from weighbridge.bundle.signing import DATA
from weighbridge.canonical import digest
from weighbridge.control.ask import Unanswered
from weighbridge.control.control_data import FILE, MAX_BYTES, read_control
from weighbridge.control.known_control import read_known_control
from weighbridge.control.preview import Preview, preview
from weighbridge.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from weighbridge.control.client import ControlClient
    from weighbridge.control.control_data import ControlData
    from weighbridge.control.order import Request
    from weighbridge.control.preview import Trust
    from weighbridge.keys import PublicKey


@dataclass(frozen=True)
class Controls:
    """Control data of several environments."""

    trust: Trust
    """Of what was read: `verified` or `unverified`."""
    read: Mapping[str, ControlData]
    """By environment."""
    failed: Mapping[str, str]
    """Why there is none, by environment."""


async def read_controls(client: ControlClient, environments: Sequence[str], key: PublicKey | None) -> Controls:
    """The control data of the environments, as the control plane serves it.

    Args:
        client: of the control plane.
        environments: which ones.
        key: the public release key; without it nothing is verified.
    """
    read: dict[str, ControlData] = {}
    failed: dict[str, str] = {}

    async def one(name: str) -> None:
        try:
            data = await client.control(name)
            read[name] = _unverified(data, name) if key is None else read_control(data, [key], environment=name)
        except (Unanswered, InputError) as error:
            failed[name] = str(error)

    await asyncio.gather(*(one(name) for name in environments))
    return Controls("unverified" if key is None else "verified", read, failed)


def _unverified(data: bytes, environment: str) -> ControlData:
    """What control data says, whoever signed it: only ever shown, as the server's word."""
    files = read_archive(data, FILE, limit=MAX_BYTES)
    return read_known_control(data, digest(files.get(DATA, b"")), environment)


def previews_of(
    request: Request, controls: Controls, *, signed_by: Iterable[PublicKey], at_ns: int
) -> tuple[Preview, ...]:
    """A preview for each environment of the order, in its order; arguments as `preview` has them."""
    keys = tuple(signed_by)
    return tuple(
        preview(request, name, controls.read[name], trust=controls.trust, signed_by=keys, at_ns=at_ns)
        if name in controls.read
        else Preview(name, "unavailable", controls.failed.get(name, "it was not asked for"))
        for name in request.environments
    )
