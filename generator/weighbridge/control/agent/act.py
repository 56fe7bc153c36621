"""Acting on what runs: read the namespaces that are bound, plan, do, and tell each refusal.

Only namespaces with the environment's label are looked at, never an exempt one. Everything is planned anew from what
is there, so a call that failed is simply planned again, and one that was done is not.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from weighbridge.control.agent.actions import Namespace, Ref, memory_key
from weighbridge.control.agent.blame import Judge
from weighbridge.control.agent.kinds import KINDS
from weighbridge.control.agent.kube import KubeError
from weighbridge.control.agent.remedies import READ, remedies
from weighbridge.control.agent.signed import ENVIRONMENT_LABEL
from weighbridge.points.gatekeeper.webhook import exempt

if TYPE_CHECKING:
    from collections.abc import Callable

    from weighbridge.control.agent.actions import Action
    from weighbridge.control.agent.kube import Kube, Object
    from weighbridge.control.agent.pace import Pace
    from weighbridge.control.agent.place import Place
    from weighbridge.control.agent.signed import Live
    from weighbridge.control.control_data import ControlData

_NEEDS_POLICIES = frozenset({"cordon"})
_MOST_EVENTS = 10_000
"""So many events are remembered as told."""


@dataclass(frozen=True)
class Acted:
    """What became of a round."""

    told: tuple[str, ...] = ()
    """What runs of something revoked, and what was done."""
    problems: tuple[str, ...] = ()
    """What could not be done, and why."""
    done: int = 0
    """How many calls changed something: there may be more to do."""
    complete: bool = True
    """False where something more urgent came in between."""


class Actor:
    """Acts in one cluster for one environment.

    Args:
        kube: the cluster.
        environment: whose namespaces.
        place: which cluster; in the agent's own namespace it remembers what it scaled down.
        pace: of calls that change something.
        log: takes what is done.
    """

    def __init__(self, kube: Kube, environment: str, place: Place, pace: Pace, log: Callable[[str], None]) -> None:
        self._kube, self._environment, self._place = kube, environment, place
        self._namespace = place.namespace
        self._pace, self._log = pace, log
        self._events: set[str] = set()
        self._idle = False

    def act(self, live: Live, control: ControlData, newer: Callable[[], bool]) -> Acted:
        """Do what is to be done now.

        Args:
            live: the newest verified live state.
            control: of the current release.
            newer: whether something more urgent has come.

        Raises:
            KubeError: what runs cannot be read.
        """
        now_ns = self._place.now_ns()
        judge = Judge(live, control, now_ns)
        memory = self._memory()
        if self._idle and not judge.anything and not memory:
            return Acted()
        told: list[str] = []
        problems: list[str] = []
        done = 0
        for name in self._bound(control):
            namespace = self._read(name, policies=control.on_revoked in _NEEDS_POLICIES)
            actions = remedies(judge, control.on_revoked, namespace, memory, undo=live.not_after_ns > now_ns)
            for action in actions:
                if newer():
                    return Acted(tuple(told), tuple(problems), done, complete=False)
                done += self._try(action, told, problems)
        # Once a look has found nothing to do or undo, there is none until something is revoked.
        self._idle = not (judge.anything or told or problems)
        return Acted(tuple(told), tuple(problems), done)

    def _try(self, action: Action, told: list[str], problems: list[str]) -> int:
        """Do it, or what stands for it where it is refused for good; 1 if that changed something."""
        try:
            done = self._do(action)
        except KubeError as error:
            problems.append(f"{action}: {error}")
            self._log(f"refused: {action}: {error}")
            otherwise = action.otherwise if error.final else None
            return self._try(otherwise, told, problems) if otherwise else 0
        told.append(str(action))
        return done

    def _bound(self, control: ControlData) -> list[str]:
        selector = f"{ENVIRONMENT_LABEL}={self._environment}"
        left_alone = exempt(control.exempt_namespaces)
        found, _ = self._kube.everything("Namespace", selector=selector)
        return [each["metadata"]["name"] for each in found if each["metadata"]["name"] not in left_alone]

    def _read(self, name: str, *, policies: bool) -> Namespace:
        kinds = [*READ, *(["NetworkPolicy"] if policies else [])]
        return Namespace(name, {kind: self._kube.everything(kind, name)[0] for kind in kinds})

    def _do(self, action: Action) -> int:
        """Do it; 1 if that changed something."""
        ref, call = action.ref, action.call
        if call.method == "event":
            self._tell(action)
            return 0
        if action.remember is not None:
            self._keep({memory_key(ref): dict(action.remember)}, [])
        if call.method != "nothing":
            self._pace.take()
        if call.method == "patch":
            self._kube.patch(ref.kind, ref.namespace, ref.name, call.body, call.subresource)
        elif call.method == "apply":
            self._kube.apply(call.body)
        elif call.method == "delete":
            self._kube.delete(ref.kind, ref.name, ref.namespace, uid=call.body)
        if action.forget:
            self._keep({}, [memory_key(ref)])
        self._log(str(action))
        return 1

    def _tell(self, action: Action) -> None:
        """One Event an object and order."""
        ref = action.ref
        name = f"weighbridge.{ref.uid[:36]}.{action.order[:36]}".lower().replace(" ", "-")
        if name in self._events:
            return
        self._log(f"found {ref}: {action.why}, order {action.order}")
        try:
            self._kube.create(_event(name, ref, action))
        except KubeError as error:
            if not error.conflict:
                raise
        if len(self._events) >= _MOST_EVENTS:
            self._events.clear()
        self._events.add(name)

    @property
    def _record(self) -> str:
        return f"weighbridge-scaled.{self._environment}"

    def _memory(self) -> dict[str, dict[str, Any]]:
        present = self._kube.get("ConfigMap", self._record, self._namespace)
        return _remembered(present) if present else {}

    def _keep(self, added: dict[str, dict[str, Any]], dropped: list[str]) -> None:
        """Write what is remembered, before it is needed; what is there already is not written over."""
        present = self._kube.get("ConfigMap", self._record, self._namespace)
        before = _remembered(present) if present else {}
        # A second look at something that is scaled down must not take 0 for what it had.
        kept = {**added, **{key: each for key, each in before.items() if _same(each, added.get(key, each))}}
        after = {key: each for key, each in kept.items() if key not in dropped}
        if after == before:
            return
        metadata = present["metadata"] if present else {"name": self._record, "namespace": self._namespace}
        record = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": metadata,
            "data": {key.replace("/", "_"): json.dumps({**each, "key": key}) for key, each in after.items()},
        }
        if present:
            self._kube.replace(record)
        else:
            self._kube.create(record)


def _same(kept: dict[str, Any], added: dict[str, Any]) -> bool:
    return kept.get("uid") == added.get("uid")


def _remembered(record: Object) -> dict[str, dict[str, Any]]:
    found = {}
    for text in (record.get("data") or {}).values():
        try:
            each = json.loads(text)
            key = each.pop("key")
        except (ValueError, KeyError, AttributeError, TypeError):
            continue
        if isinstance(key, str) and key.count("/") == 2 and key.partition("/")[0] in KINDS:
            found[key] = each
    return found


def _event(name: str, ref: Ref, action: Action) -> Object:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    about = {
        "apiVersion": KINDS[ref.kind].api_version,
        "kind": ref.kind,
        "name": ref.name,
        "namespace": ref.namespace,
        "uid": ref.uid,
    }
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": ref.namespace},
        "involvedObject": about,
        "type": "Warning",
        "reason": "ModelRevoked",
        "message": f"{action.why}; order {action.order}"[:1000],
        "source": {"component": "weighbridge-agent"},
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    }
