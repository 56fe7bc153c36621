"""What one replica knows of one environment: its log, the state that follows, its releases and what was published.

Everything comes from the store and nothing in it is believed: entries are verified, each following the one before;
control data must be what its entry names; a live bundle must be signed by one of our own live keys. A log that has
become shorter, or whose entries are others than before, is refused and said.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from weighbridge.bundle.live import KEYID, ROOTS
from weighbridge.bundle.signing import live_scope
from weighbridge.bundle.verify import verify_bundle
from weighbridge.control.control_data import read_control
from weighbridge.control.entry import Announced, parse_entry
from weighbridge.control.known_control import read_known_control
from weighbridge.control.plane_parts import UnavailableError
from weighbridge.control.state import State
from weighbridge.control.store import log, published, releases
from weighbridge.errors import InputError
from weighbridge.keys import fingerprint, short_fingerprint

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from weighbridge.control.control_data import ControlData
    from weighbridge.control.entry import Entry
    from weighbridge.control.plane_parts import Served
    from weighbridge.control.store.log import PendingOrder
    from weighbridge.control.store.published import FileKey, StoredPublication
    from weighbridge.control.store.releases import StoredRelease
    from weighbridge.keys import PublicKey

LIVE_FILE, STATE_FILE = "live.tar.gz", "livestate.jws"
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trusted:
    """Whose signatures count."""

    log_keys: Mapping[str, PublicKey]
    """By fingerprint: live keys, and those of the past."""
    live_keys: Sequence[PublicKey]
    release_keys: Sequence[PublicKey]

    @functools.cached_property
    def live_names(self) -> frozenset[str]:
        """What a whole publication is signed by: the first key for plain paths, and each by its name."""
        return frozenset({"", *(short_fingerprint(fingerprint(key)) for key in self.live_keys)})


@dataclass
class Ledger:
    """One environment. Changed by the event loop only, and only after what it says is committed."""

    environment: str
    trusted: Trusted
    state: State
    entries: list[Entry] = field(default_factory=list, repr=False)
    """The whole log."""
    announced: dict[str, Entry] = field(default_factory=dict)
    """Entry by the revision that it announces, in their order."""
    releases: dict[str, StoredRelease] = field(default_factory=dict)
    published: StoredPublication | None = None
    contained: int = 0
    """Entries that the newest publication contains which was signed by all of our own live keys."""
    learned: float = float("-inf")
    """Monotonic time at which the newest publication became known."""
    pending: list[PendingOrder] = field(default_factory=list, repr=False)
    rebuilt_ns: int = 0
    log_file: tuple[int, Served] | None = field(default=None, repr=False)
    """The log as it was served last, and how many entries that is."""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)
    """Held by whoever reads or appends entries, so that no entry is taken twice."""

    @classmethod
    def empty(cls, environment: str, trusted: Trusted) -> Ledger:
        """Before anything was read."""
        return cls(environment, trusted, State.empty(environment))

    @property
    def sequence(self) -> int:
        """Of the newest publication; 0 before the first."""
        return self.published.publication.sequence if self.published else 0

    @property
    def unpublished(self) -> bool:
        """Whether there are entries that no publication by all of our keys contains."""
        return self.state.head.number > self.contained

    @property
    def whole(self) -> bool:
        """Whether the newest publication is signed by all of our own live keys."""
        return self.published is not None and {name for name, _ in self.published.files} >= self.trusted.live_names

    async def catch_up(self, connection: AsyncConnection) -> None:
        """Read and verify what was appended since.

        Raises:
            InputError: the log, or control data, is not what it must be.
            UnavailableError: the log has lost entries that were read before.
        """
        texts = await log.entries_after(connection, self.environment, self.state.head.number)
        if texts:
            await self._read(connection, texts)
        elif await log.head_number(connection, self.environment) < self.state.head.number:
            raise UnavailableError(
                f"the log of {self.environment} in the database is shorter than it was: it was put back to an older"
                " state, so nothing is accepted"
            )

    async def _read(self, connection: AsyncConnection, texts: Sequence[str]) -> None:
        entries = await asyncio.to_thread(self._parsed, texts)
        controls: dict[str, ControlData] = {}
        for entry in entries:
            if isinstance(entry.content, Announced):
                controls[entry.content.revision] = await self._control(connection, entry.content)
        self.take(entries, await asyncio.to_thread(self._applied, entries, controls))

    def _parsed(self, texts: Sequence[str]) -> list[Entry]:
        try:
            return [parse_entry(text, self.trusted.log_keys) for text in texts]
        except ValueError as error:
            raise self._bad(f"has an entry that does not verify: {error}") from error

    def _applied(self, entries: Sequence[Entry], controls: Mapping[str, ControlData]) -> State:
        state = self.state
        try:
            for entry in entries:
                content = entry.content
                state = state.apply(entry, controls[content.revision] if isinstance(content, Announced) else None)
        except ValueError as error:
            raise self._bad(f"cannot be as it is: {error}") from error
        return state

    async def _control(self, connection: AsyncConnection, content: Announced) -> ControlData:
        data = await releases.control_of(connection, self.environment, content.revision)
        if data is None:
            raise self._bad(f"names release {content.revision}, whose control data is missing")
        named = (content.control_sha256, self.environment, content.revision)
        return await asyncio.to_thread(read_known_control, data, *named)

    def take(self, entries: Sequence[Entry], state: State) -> None:
        """Take in entries that are committed, and the state after them."""
        self.entries += entries
        self.announced |= {entry.content.revision: entry for entry in entries if isinstance(entry.content, Announced)}
        self.state = state

    async def read_published(self, connection: AsyncConnection) -> bool:
        """Learn of the newest publication; whether it is news."""
        newest = await published.newest(connection, self.environment)
        if newest is None or newest.publication.sequence <= self.sequence:
            return False
        files = await published.files_of(connection, self.environment, newest.publication.sequence)
        files = await asyncio.to_thread(self._verified, newest.publication.revision, files)
        self.learn(published.StoredPublication(newest.publication, newest.issued_ns, newest.log_sha256, files))
        return True

    def learn(self, publication: StoredPublication) -> None:
        """Take in a publication that is committed, unless a newer one is known."""
        if publication.publication.sequence <= self.sequence:
            return
        self.published, self.learned = publication, time.monotonic()
        if self.whole:
            self.contained = publication.publication.log_entries

    def _verified(self, revision: str, files: Mapping[FileKey, bytes]) -> dict[FileKey, bytes]:
        """Those files that are signed by our own live keys: a replica with others may have published, too."""
        kept: dict[FileKey, bytes] = {}
        for key, name in files:
            if name == LIVE_FILE and self._fits(revision, files[key, name]):
                kept |= {(key, part): files[key, part] for part in (LIVE_FILE, STATE_FILE) if (key, part) in files}
        if not kept:
            _LOG.warning("%s was published without any of our live keys", revision)
        return kept

    def _fits(self, revision: str, data: bytes) -> bool:
        scope, keys = live_scope(self.environment), self.trusted.live_keys
        try:
            return verify_bundle(data, keys, keyid=KEYID, scope=scope, roots=ROOTS).revision == revision
        except InputError:
            return False

    async def read_rest(self, connection: AsyncConnection) -> None:
        """Read which releases are served, and which orders wait."""
        found = await releases.releases(connection, self.environment)
        self.releases = {release.revision: release for release in found if release.revision in self.announced}
        self.pending = await log.pending_orders(connection, self.environment, 0)
        self.rebuilt_ns = await log.rebuilt_ns(connection, self.environment)

    def check_release_key(self, control: bytes) -> None:
        """Demand that the newest release is by a release key that counts today.

        Raises:
            InputError: it is not.
        """
        read_control(control, self.trusted.release_keys, environment=self.environment)

    def _bad(self, what: str) -> InputError:
        fix = "Run `weighbridge orders verify` on the published log, and `weighbridge orders rebuild` if it is well."
        return InputError.single(f"the log of {self.environment}", what, fix)
