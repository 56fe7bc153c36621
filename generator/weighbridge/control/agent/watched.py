"""A local copy of one of our kinds in the cluster, kept current by a watch, so that who changes one by hand is undone.

Begin with a list, go on with a watch from its version; where that breaks (API server restarted, connection half-open,
410 Gone because the version is too old) begin anew. Between two watches the copy is old but never wrong for long: every
write names the version that it replaces, and the API server refuses it if there is a newer one.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from weighbridge.control.agent.kube import KubeError
from weighbridge.control.agent.plan import Stored
from weighbridge.control.agent.signed import ENVIRONMENT_LABEL

if TYPE_CHECKING:
    from collections.abc import Callable

    from weighbridge.control.agent.kube import Kube, Object

_PAUSE = 0.25
_LONGEST_PAUSE = 2.0


class Watched:
    """Resources of one kind and environment.

    Args:
        kube: the cluster.
        kind: `LiveState` or `ModelApproval`.
        environment: whose.
        changed: called after each change, also by this agent's own writes.
        log: takes what goes wrong.
    """

    def __init__(
        self, kube: Kube, kind: str, environment: str, changed: Callable[[], None], log: Callable[[str], None]
    ) -> None:
        self._kube, self._kind, self._changed, self._log = kube, kind, changed, log
        self._environment = environment
        self._selector = f"{ENVIRONMENT_LABEL}={environment}"
        self._objects: dict[str, Stored] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"watch-{kind}-{environment}", daemon=True)
        self.listed = threading.Event()
        """Set once the copy is complete."""

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """Watch no longer; the thread ends with its present request."""
        self._stopping.set()

    def objects(self) -> dict[str, Stored]:
        """Everything that is there, by name."""
        with self._lock:
            return dict(self._objects)

    def refresh(self) -> str:
        """Read all of it anew, and give the version from which a watch goes on.

        Raises:
            KubeError: refused, or no answer.
        """
        objects, version = self._kube.everything(self._kind, selector=self._selector)
        found = {each["metadata"]["name"]: _stored(each) for each in objects}
        with self._lock:
            self._objects = found
        self.listed.set()
        self._changed()
        return version

    def wrote(self, obj: Object) -> Stored:
        """Take what the API server answered to a write, without waiting for the watch to tell."""
        stored = _stored(obj)
        with self._lock:
            self._objects[stored.name] = stored
        return stored

    def forget(self, name: str) -> None:
        """The object of that name is gone."""
        with self._lock:
            self._objects.pop(name, None)

    def _run(self) -> None:
        version, pause = "", _PAUSE
        while not self._stopping.is_set():
            try:
                version = self._follow(version or self.refresh())
                pause = _PAUSE
            except KubeError as error:
                # What is too old to go on from, or cannot be told, is read anew.
                version = ""
                if not error.gone:
                    self._log(f"watching {self._kind} of {self._environment}: {error}")
                    self._stopping.wait(pause)
                    pause = min(2 * pause, _LONGEST_PAUSE)

    def _follow(self, version: str) -> str:
        for event, obj in self._kube.watch(self._kind, version, self._selector):
            if self._stopping.is_set():
                break
            version = str(obj["metadata"].get("resourceVersion", version))
            if event == "BOOKMARK":
                continue
            with self._lock:
                if event == "DELETED":
                    self._objects.pop(obj["metadata"]["name"], None)
                else:
                    self._objects[obj["metadata"]["name"]] = _stored(obj)
            self._changed()
        return version


def _stored(obj: Object) -> Stored:
    metadata, spec = obj["metadata"], obj.get("spec")
    spec = spec if isinstance(spec, dict) else {}
    return Stored(metadata["name"], metadata["resourceVersion"], spec, str(metadata.get("uid", "")))
