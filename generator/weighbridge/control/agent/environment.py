"""One environment in one cluster: what was followed is brought there, then acted upon, then told.

Order of steps, of which a newer live state interrupts every one but the first: bring live state; find out whether
Gatekeeper has it, and send the receipt; bring approvals; act on what already runs. Whatever fails is told in the
receipt and tried again after a pause that grows; nothing that was reached before is given up meanwhile, since live
state ends by itself.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from weighbridge.catalogue.names import format_time
from weighbridge.control.agent.act import Acted, Actor
from weighbridge.control.agent.bring import Bringer
from weighbridge.control.agent.kube import KubeError
from weighbridge.control.agent.receipts import Receipt, Sender
from weighbridge.control.agent.watched import Watched

if TYPE_CHECKING:
    from collections.abc import Callable

    from weighbridge.control.agent.bring import Brought
    from weighbridge.control.agent.follow import Follower
    from weighbridge.control.agent.kube import Kube
    from weighbridge.control.agent.pace import Pace
    from weighbridge.control.agent.place import Place
    from weighbridge.control.agent.signed import Live
    from weighbridge.control.control_data import ControlData

RESYNC_SECONDS = 30.0
"""Between two looks at what runs, while nothing has changed."""
_SOON_SECONDS = 0.5
"""After a call that changed something, or while approvals wait for Gatekeeper."""
_LONGEST_PAUSE = 15.0


@dataclass(frozen=True)
class Round:
    """What one round came to."""

    receipt: Receipt
    pause: float
    """Seconds until the next one, unless something changes."""
    fine: bool


class EnvironmentAgent:
    """Brings, acts and tells, for one environment.

    Args:
        kube: the cluster.
        place: which one.
        follower: what the control plane says; its `changed` is set here.
        acts: whether this agent is the one that acts now.
        pace: of writes.
        log: takes what happens.
    """

    def __init__(
        self,
        kube: Kube,
        place: Place,
        follower: Follower,
        *,
        acts: Callable[[], bool],
        pace: Pace,
        log: Callable[[str], None],
    ) -> None:
        environment = follower.trust.environment
        self._log, self._place, self._follower, self._acts = log, place, follower, acts
        self._environment = environment
        self._wake = threading.Event()
        follower.changed = self._wake.set
        self._lives = Watched(kube, "LiveState", environment, self._wake.set, log)
        self._approvals = Watched(kube, "ModelApproval", environment, self._wake.set, log)
        self._bringer = Bringer(kube, follower.trust, self._lives, self._approvals, place=place, pace=pace)
        self._actor = Actor(kube, environment, place, pace, log)
        self._sender = Sender(follower.talk, acts, log, place.now_ns)
        self._acted: tuple[object, float, Acted] = (None, 0.0, Acted())
        self._said: tuple[str, ...] = ()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=f"agent-{environment}", daemon=True)

    def start(self) -> None:
        """Begin."""
        for part in (self._lives, self._approvals, self._follower, self._sender):
            part.start()
        self._thread.start()

    def stop(self) -> None:
        """Finish the present call, and end."""
        self._stopping = True
        self._wake.set()
        for part in (self._follower, self._lives, self._approvals, self._sender):
            part.stop()
        self._thread.join(timeout=_LONGEST_PAUSE)

    def once(self) -> Receipt:
        """Everything one time, in this thread; waits for Gatekeeper where approvals do.

        Raises:
            KubeError: the cluster cannot be read.
        """
        self._follower.once()
        self._lives.refresh()
        self._approvals.refresh()
        found = self._round()
        while found.fine and found.pause < RESYNC_SECONDS:
            time.sleep(found.pause)
            found = self._round()
        self._sender.tell(found.receipt)
        self._sender.send()
        return found.receipt

    def _run(self) -> None:
        pause, failed = 0.0, 0
        while not self._stopping:
            self._wake.wait(pause)
            self._wake.clear()
            if not (self._acts() and self._lives.listed.is_set() and self._approvals.listed.is_set()):
                pause = _SOON_SECONDS
                continue
            try:
                found = self._round()
            except Exception as error:  # one round's fault is not the end of all that follow
                self._log(f"{self._environment}: {error!r}")
                found = Round(self._receipt(None, (f"the agent itself: {error!r}",), ()), _SOON_SECONDS, fine=False)
            self._sender.tell(found.receipt)
            self._say(found.receipt.problems)
            failed = 0 if found.fine else failed + 1
            pause = found.pause if found.fine else min(_SOON_SECONDS * 2 ** min(failed, 10), _LONGEST_PAUSE)

    def _round(self) -> Round:
        offered = self._follower.live
        problems = list(self._follower.problems.values())
        try:
            brought = self._bringer.bring_live(offered, lambda: self._newer(offered))
        except KubeError as error:
            return Round(self._receipt(None, (*problems, f"live state: {error}"), ()), _SOON_SECONDS, fine=False)
        problems += [brought.problem] if brought.problem else []
        if brought.live is None:
            return Round(self._receipt(brought, tuple(problems), ()), _SOON_SECONDS, fine=False)
        if brought.live.not_after_ns <= self._place.now_ns():
            problems.append(f"live state has ended at {format_time(brought.live.not_after_ns)}: everything is refused")
        # Before anything that takes longer: this is what somebody waits for.
        self._sender.tell(self._receipt(brought, tuple(problems), self._acted[2].told))
        done, acted = self._approve(brought.live, problems), self._act(brought.live, problems)
        receipt = self._receipt(brought, tuple(problems), acted.told)
        waits = not done or acted.done or not acted.complete
        return Round(receipt, _SOON_SECONDS if waits else RESYNC_SECONDS, fine=not problems)

    def _approve(self, live: Live, problems: list[str]) -> bool:
        try:
            done, found = self._bringer.bring_approvals(live, self._follower.release, lambda: self._newer(live))
        except KubeError as error:
            problems.append(f"approvals: {error}")
            return False
        problems += found
        return done

    def _act(self, live: Live, problems: list[str]) -> Acted:
        control = self._current(live)
        if control is None:
            return Acted()
        # What is revoked and what is chosen; both are compared by identity, as each is read once.
        reason, at, acted = self._acted
        now = time.monotonic()
        same = reason == (live.token, control.sha256)
        if same and acted.complete and not acted.done and not acted.problems and now - at < RESYNC_SECONDS:
            problems += acted.problems
            return acted
        try:
            acted = self._actor.act(live, control, lambda: self._newer(live))
        except KubeError as error:
            problems.append(f"what runs cannot be read: {error}")
            return Acted(complete=False)
        self._acted = ((live.token, control.sha256), now, acted)
        problems += acted.problems
        return acted

    def _current(self, live: Live) -> ControlData | None:
        control = self._follower.release.control
        return control if control is not None and live.announced(control.revision, self._place.now_ns()) else None

    def _newer(self, live: Live | None) -> bool:
        """Whether live state has come that is newer than this one."""
        newest = self._follower.live
        return self._stopping or (newest is not None and (live is None or newest.sequence > live.sequence))

    def _receipt(self, brought: Brought | None, problems: tuple[str, ...], told: tuple[str, ...]) -> Receipt:
        live = brought.live if brought else None
        control = self._current(live) if live else None
        return Receipt(
            environment=self._environment,
            cluster=self._place.cluster,
            revision=control.revision if control else "",
            sequence=live.sequence if live else 0,
            proof=brought.proof if brought else "",
            problems=problems,
            workloads=told,
        )

    def _say(self, problems: tuple[str, ...]) -> None:
        for problem in problems:
            if problem not in self._said:
                self._log(f"{self._environment}: {problem}")
        self._said = problems
