"""Following the control plane: the newest live state and release that verify, and what of the rest does not.

Two threads an environment: live state by long-poll, so that a revocation is here within milliseconds; approvals and
control data whenever live state announces other releases, and now and then. Either keeps what it has while the control
plane is away. What is offered and does not verify is told, and changes nothing.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from weighbridge.control.agent.signed import Approval, Live, UnverifiedError, read_approvals, read_live
from weighbridge.control.agent.talk import WAIT_SECONDS, TalkError
from weighbridge.control.control_data import read_control
from weighbridge.errors import InputError
from weighbridge.keys import fingerprint, short_fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from weighbridge.control.agent.talk import Talk
    from weighbridge.control.control_data import ControlData
    from weighbridge.keys import PublicKey

_PAUSE = 0.25
_LONGEST_PAUSE = 2.0
_LONGEST_RELEASE_PAUSE = 10.0
_RELEASE_SECONDS = 60.0
"""Between two looks at approvals and control data that nothing gave reason for."""
_AT_MOST_EVERY = 0.2
"""Seconds between two questions: who answers at once without news is not asked without pause."""


@dataclass(frozen=True)
class Trust:
    """Whose signatures count, for one environment."""

    environment: str
    release_keys: Sequence[PublicKey]
    live_keys: Sequence[PublicKey]


@dataclass(frozen=True)
class Release:
    """Approvals and control data, both verified."""

    approvals: Mapping[str, Approval] = field(default_factory=dict, repr=False)
    """By the resource's name."""
    control: ControlData | None = field(default=None, repr=False)


@dataclass
class Follower:
    """What one environment's control plane says, as far as it verifies.

    Attributes:
        live: the newest live state; None before the first.
        release: the newest release.
        problems: by document, why what is offered now is not believed, or why nothing is.
    """

    talk: Talk
    trust: Trust
    changed: Callable[[], None]
    """Called after each change of what is believed."""
    live: Live | None = None
    release: Release = field(default_factory=Release)
    problems: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._etags: dict[str, str] = {}
        self._by_key: dict[str, bool] = {}
        self._stopping = threading.Event()
        self._look = threading.Event()
        names = ("live", "release")
        runs = (self._follow_live, self._follow_release)
        self._threads = [
            threading.Thread(target=run, name=f"{name}-{self.trust.environment}", daemon=True)
            for name, run in zip(names, runs, strict=True)
        ]

    def start(self) -> None:
        """Begin to follow."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Follow no longer."""
        self._stopping.set()
        self._look.set()
        self.talk.close()

    def look(self) -> None:
        """Fetch approvals and control data soon."""
        self._look.set()

    def once(self) -> None:
        """Fetch everything one time, in this thread."""
        self._guarded("livestate.jws", self._read_live, 0)
        self._read_release()

    def _follow_live(self) -> None:
        pause = _PAUSE
        while not self._stopping.is_set():
            begun = time.monotonic()
            fine = self._guarded("livestate.jws", self._read_live, WAIT_SECONDS)
            pause = _PAUSE if fine else min(2 * pause, _LONGEST_PAUSE)
            self._stopping.wait(max(0.0, _AT_MOST_EVERY - (time.monotonic() - begun)) if fine else pause)

    def _follow_release(self) -> None:
        while not self._stopping.is_set():
            self._look.clear()
            fine = self._read_release()
            self._look.wait(_RELEASE_SECONDS if fine else _LONGEST_RELEASE_PAUSE)
            self._stopping.wait(_AT_MOST_EVERY)

    def _read_release(self) -> bool:
        control = self._guarded("control.tar.gz", self._read_control, 0)
        return self._guarded("approvals", self._read_approvals, 0) and control

    def _guarded(self, name: str, read: Callable[[bytes], str], wait: int) -> bool:
        """Read a document if it has changed; False if there is none to be believed."""
        try:
            answer = self.talk.read(self._path(name), self._etags.get(name, ""), wait=wait)
            if answer is None:
                return True
            problem = read(answer.data)
            # One that does not verify is not asked for again until it is another one.
            self._etags[name] = answer.etag
        except (TalkError, InputError, UnverifiedError) as error:
            problem = str(error)
            self._etags.pop(name, None)
            # Perhaps it is by another key that counts; and where there is only one, there is no document by each.
            self._by_key[name] = not isinstance(error, TalkError) and not self._by_key.get(name, False)
        except Exception as error:  # whatever a hostile answer brings about, this thread goes on
            problem = f"cannot be read: {error!r:.300}"
            self._etags.pop(name, None)
        self._tell(name, problem)
        return not problem

    def _path(self, name: str) -> str:
        """While a key is replaced there is a document by each; the first key that was named is the cluster's."""
        keys = self.trust.live_keys if name == "livestate.jws" else self.trust.release_keys
        place = short_fingerprint(fingerprint(keys[0]))
        return f"keys/{place}/{name}" if self._by_key.get(name) else name

    def _tell(self, name: str, problem: str) -> None:
        if self._stopping.is_set() or self.problems.get(name, "") == problem:
            return
        self.problems = {**{key: text for key, text in self.problems.items() if key != name}}
        if problem:
            self.problems = {**self.problems, name: problem}
        self.changed()

    def _read_live(self, data: bytes) -> str:
        live = read_live(data.decode("ascii", "replace").strip(), self.trust.live_keys, self.trust.environment)
        if self.live is not None and live.sequence < self.live.sequence:
            return f"the control plane offers live state {live.sequence} after {self.live.sequence}"
        if self.live is not None and live.sequence == self.live.sequence:
            return "" if live.token == self.live.token else f"there are two live states {live.sequence} that differ"
        announced = {} if self.live is None else self.live.releases
        self.live = live
        self.changed()
        if set(live.releases) != set(announced):
            self.look()
        return ""

    def _read_control(self, data: bytes) -> str:
        control = read_control(data, self.trust.release_keys, environment=self.trust.environment)
        self._set_release(control=control)
        return ""

    def _read_approvals(self, data: bytes) -> str:
        approvals, problems = read_approvals(data, self.trust.release_keys, self.trust.environment)
        self._set_release(approvals=approvals)
        return "; ".join(problems)

    def _set_release(self, **given: Any) -> None:
        present = {"approvals": self.release.approvals, "control": self.release.control}
        self.release = Release(**{**present, **given})
        self.changed()
