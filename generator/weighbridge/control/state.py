"""The state that a log's entries make: what is restricted, announced and routed. Pure. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from weighbridge.control.entry import EMPTY, Head

if TYPE_CHECKING:
    from collections.abc import Mapping

    from weighbridge.bundle.live import LiveState
    from weighbridge.control.control_data import ControlData
    from weighbridge.control.entry import Entry


@dataclass(frozen=True)
class State:
    """What one environment's log says; every `apply` gives a new one and leaves this one as it is."""

    environment: str
    head: Head = EMPTY

    @classmethod
    def of(cls, control: ControlData) -> State:
        """The state of an empty log of that environment; the first entry must announce a release."""
        return cls.empty(control.environment)

    @classmethod
    def empty(cls, environment: str) -> State:
        """The state of an empty log."""
        return cls(environment)

    @property
    def release(self) -> ControlData | None:
        """The release that was announced last, whose authority judges orders; None before there is one."""
        raise NotImplementedError

    @property
    def settled(self) -> ControlData | None:
        """The release whose routes count."""
        raise NotImplementedError

    def accepted(self, order_id: str) -> int | None:
        """The number of the entry that accepted an order; None if none did."""
        raise NotImplementedError

    def apply(self, entry: Entry, control: ControlData | None = None) -> State:
        """The state after one more entry.

        Args:
            entry: verified, and the next one.
            control: of the release that a `release` entry announces; other entries need none.

        Raises:
            ValueError: the entry does not follow, or says what cannot be in this state.
        """
        raise NotImplementedError


def rebuild(environment: str, entries: tuple[Entry, ...], controls: Mapping[str, ControlData]) -> State:
    """The state after all entries of a log.

    Args:
        environment: whose log it is.
        entries: as `verify_log` gives them.
        controls: control data of every release that they announce, by `ControlData.sha256`.

    Raises:
        ValueError: control data is missing, or an entry says what cannot be.
    """
    raise NotImplementedError


def live_state(state: State, *, sequence: int, issued_at_ns: int) -> LiveState:
    """What a live bundle says at one moment; the same for the same entries, sequence and time.

    Args:
        state: after the entries that count.
        sequence: see `next_sequence`.
        issued_at_ns: when it is issued.

    Raises:
        ValueError: no release was announced.
    """
    raise NotImplementedError


def next_sequence(previous: int, at_ns: int) -> int:
    """The sequence after `previous`: Unix milliseconds, so that a server that lost its memory never goes back."""
    return max(previous + 1, at_ns // 10**6)


def bundle_metadata(state: State) -> dict[str, dict[str, int | str]]:
    """What a live bundle's manifest says of the log it was made from: `metadata`."""
    return {"log": {"entries": state.head.number, "sha256": state.head.sha256}}
