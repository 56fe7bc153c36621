"""What every kind of mirror must be able to do, and how it says that it may not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from weighbridge.canonical import sha256_hex
from weighbridge.errors import WeighbridgeError

if TYPE_CHECKING:
    from weighbridge.control.mirror.publication import Publication


class MirrorError(WeighbridgeError):
    """A mirror holds what must not be overwritten, or cannot be written; nothing of the control plane depends on it."""


class Place(Protocol):
    """Where files are published to; called from one thread at a time for each environment."""

    name: str
    """As the user wrote it."""

    def write(self, publication: Publication) -> int:
        """Bring the place up to a publication; what is there already is not written again.

        Returns:
            The sequence that is there now: a higher one than the publication's if another replica was faster, and then
            nothing was written.

        Raises:
            MirrorError: the place holds what is not ours, or a log that ours does not continue.
            Exception: whatever the library underneath raises.
        """
        ...


def check_log(path: str, ours: bytes, size: int, sha256: str) -> None:
    """Refuse a log that does not begin with the one that is there.

    A control plane that lost its database would otherwise erase the copy that it has to be rebuilt from, and publish
    live data without the orders in it.

    Args:
        path: of the log.
        ours: what would be written.
        size: of what is there, in bytes.
        sha256: hex, of what is there.

    Raises:
        MirrorError: it is not the beginning of ours.
    """
    if size > len(ours) or sha256_hex(ours[:size]) != sha256:
        raise MirrorError(
            f"{path} holds entries that this control plane's log does not. Rebuild with `weighbridge orders rebuild`,"
            " or move that file away if the log was begun anew on purpose"
        )
