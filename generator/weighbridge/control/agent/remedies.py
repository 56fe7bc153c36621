"""What to do about running workloads of what is revoked, and what to undo: pure, as calls that somebody else makes.

| `on_revoked` | Deployment, StatefulSet, ReplicaSet, Job that nobody controls | everything else that runs a pod |
|---|---|---|
| `report` | an Event | an Event on the pod's owner |
| `cordon` | each pod is labelled, and no NetworkPolicy lets anything to or from it | the same |
| `scale-to-zero` | no replicas (a Job: suspended); the number is remembered | its pods are deleted |
| `rollback` | a Deployment gets its newest earlier template that may run; if none, as above | as above |

What replaces a deleted pod is refused by admission, so nothing has to be known of operators' own kinds. When the order
is lifted, cordons end and what was scaled down gets its replicas back, unless somebody else has scaled it since; a
roll-back stays, since rolling forward is a deployment, and deleted pods are for their controllers to make again. Live
state that has ended undoes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weighbridge.control.agent.actions import Action, Call, Namespace, Ref, ref_of, uid
from weighbridge.control.agent.cordon import cordon_actions, opening_actions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from weighbridge.catalogue.workloads import OnRevoked
    from weighbridge.control.agent.blame import Blame, Judge

Object = dict[str, Any]
SCALED = ("Deployment", "StatefulSet", "ReplicaSet")
READ = ("Pod", "ReplicaSet", "Deployment", "StatefulSet", "DaemonSet", "Job")
"""Kinds that are read of each namespace."""
_FINISHED = frozenset({"Succeeded", "Failed"})
_REVISION = "deployment.kubernetes.io/revision"
_HASH = "pod-template-hash"
MOST_REPLICAS = 100_000
_MOST_OWNERS = 8


def remedies(
    judge: Judge, on_revoked: OnRevoked, namespace: Namespace, memory: Mapping[str, Mapping[str, Any]], *, undo: bool
) -> list[Action]:
    """Everything to do in one namespace now.

    Args:
        judge: what is revoked.
        on_revoked: the catalogue's choice.
        namespace: bound to the environment, and not exempt.
        memory: what was scaled down, by `actions.memory_key`.
        undo: whether what was done may be undone: live state is in time.
    """
    scene = _Scene(judge, namespace)
    actions = [
        Action("report", ref_of(obj), blame.order, f"runs {blame.why}", Call("event"))
        for obj, blame in scene.reported()
    ]
    if on_revoked == "cordon":
        actions += cordon_actions(namespace, scene.pods())
    elif on_revoked != "report":
        actions += _stops(scene, roll_back=on_revoked == "rollback")
    if undo:
        guilty = {uid(pod) for pod, _ in scene.pods()}
        actions += opening_actions(namespace, guilty)
        actions += _returns(scene, memory)
    return actions


class _Scene:
    """A namespace, with who controls whom and who is to blame."""

    def __init__(self, judge: Judge, namespace: Namespace) -> None:
        self.judge, self.name = judge, namespace.name
        self._objects = [obj for kind in READ for obj in namespace.objects.get(kind, ())]
        self._by_uid = {uid(obj): obj for obj in self._objects}
        self._blamed: dict[str, Blame] = {}
        for obj in self._objects:
            blame = _blame(judge, obj)
            if blame is not None:
                self._blamed[uid(obj)] = blame

    def blame(self, obj: Object) -> Blame | None:
        return self._blamed.get(uid(obj))

    def find(self, kind: str, name: str) -> Object | None:
        return next((obj for obj in self._objects if obj["kind"] == kind and obj["metadata"]["name"] == name), None)

    def pods(self) -> list[tuple[Object, Blame]]:
        """Pods that run and surely are of something revoked."""
        found = [(obj, self.blame(obj)) for obj in self._objects if obj["kind"] == "Pod"]
        return [(obj, blame) for obj, blame in found if blame is not None and blame.sure]

    def controllers(self) -> list[tuple[Object, Blame]]:
        """What makes such pods and is itself controlled by nobody."""
        found = [(obj, self.blame(obj)) for obj in self._objects if obj["kind"] != "Pod" and not _controller(obj)]
        return [(obj, blame) for obj, blame in found if blame is not None and blame.sure]

    def reported(self) -> list[tuple[Object, Blame]]:
        """The outermost object of each that runs, once."""
        found: dict[str, tuple[Object, Blame]] = {}
        for obj in self._objects:
            blame = self.blame(obj)
            if blame is None or not _runs(obj):
                continue
            top = self.top(obj)
            said = blame if blame.sure else type(blame)(blame.order, f"perhaps {blame.why}", sure=False)
            found.setdefault(uid(top), (top, said))
        return list(found.values())

    def top(self, obj: Object) -> Object:
        for _ in range(_MOST_OWNERS):
            owner = self._by_uid.get(str(_controller(obj).get("uid", "")))
            if owner is None:
                return obj
            obj = owner
        return obj

    def sets_of(self, deployment: Object) -> list[Object]:
        return [
            obj
            for obj in self._objects
            if obj["kind"] == "ReplicaSet" and _controller(obj).get("uid") == uid(deployment)
        ]


def _stops(scene: _Scene, *, roll_back: bool) -> list[Action]:
    actions, handled = [], set()
    for obj, blame in scene.controllers():
        action = (_rolled_back(scene, obj, blame) if roll_back else None) or _stopped(obj, blame)
        if action is not None:
            actions.append(action)
            handled.add(uid(obj))
    for pod, blame in scene.pods():
        # Its controller is told only now to end it. One that was told before, and has left it, may not be its at all:
        # whom an object names as its owner is what its author wrote. What replaces it is refused.
        if uid(scene.top(pod)) not in handled:
            call = Call("delete", uid(pod))
            actions.append(Action("delete", ref_of(pod), blame.order, blame.why, call))
    return actions


def _stopped(obj: Object, blame: Blame) -> Action | None:
    ref, spec = ref_of(obj), obj.get("spec") or {}
    if obj["kind"] in SCALED and spec.get("replicas", 1) != 0:
        remember = {"uid": ref.uid, "order": blame.order, "replicas": spec.get("replicas", 1)}
        call = Call("patch", {"spec": {"replicas": 0}}, "scale")
        return Action("scale to zero", ref, blame.order, blame.why, call, remember=remember)
    if obj["kind"] == "Job" and not spec.get("suspend") and _runs(obj):
        remember = {"uid": ref.uid, "order": blame.order}
        return Action(
            "suspend", ref, blame.order, blame.why, Call("patch", {"spec": {"suspend": True}}), remember=remember
        )
    return None


def _rolled_back(scene: _Scene, obj: Object, blame: Blame) -> Action | None:
    """To the newest earlier template that may run; None where there is none, or the Deployment is paused."""
    if obj["kind"] != "Deployment" or obj["spec"].get("paused"):
        return None
    sets = [(number, each) for each in scene.sets_of(obj) if (number := _number(each)) and _may_run(scene.judge, each)]
    if not sets:
        return None
    number, chosen = max(sets, key=lambda found: found[0])
    template = chosen["spec"]["template"]
    labels = {key: text for key, text in (template["metadata"].get("labels") or {}).items() if key != _HASH}
    template = {**template, "metadata": {**template["metadata"], "labels": labels}}
    operations = [
        # Refused with a conflict if somebody else has changed it since.
        {"op": "replace", "path": "/metadata/resourceVersion", "value": obj["metadata"]["resourceVersion"]},
        {"op": "replace", "path": "/spec/template", "value": template},
    ]
    call = Call("patch", operations)
    # What was approved once may lack what is demanded of pods today.
    otherwise = _stopped(obj, blame)
    return Action(f"roll back to revision {number}", ref_of(obj), blame.order, blame.why, call, otherwise=otherwise)


def _returns(scene: _Scene, memory: Mapping[str, Mapping[str, Any]]) -> list[Action]:
    actions = []
    for key, kept in sorted(memory.items()):
        kind, namespace, name = key.split("/", 2)
        if namespace != scene.name:
            continue
        ref = Ref(kind, namespace, name, str(kept.get("uid", "")))
        obj = scene.find(kind, name)
        order, why = str(kept.get("order", "")), "nothing about it is revoked any more"
        if obj is None or uid(obj) != ref.uid:
            actions.append(Action("forget", ref, order, "it is gone", Call("nothing"), forget=True))
        elif scene.blame(obj) is None:
            actions.append(_returned(ref, obj, kept, Action("restore", ref, order, why, Call("nothing"), forget=True)))
    return actions


def _returned(ref: Ref, obj: Object, kept: Mapping[str, Any], action: Action) -> Action:
    spec, replicas = obj.get("spec") or {}, kept.get("replicas")
    if ref.kind == "Job" and spec.get("suspend"):
        call = Call("patch", {"spec": {"suspend": False}})
        return Action("resume", ref, action.order, action.why, call, forget=True)
    if type(replicas) is int and 0 < replicas <= MOST_REPLICAS and spec.get("replicas") == 0:
        call = Call("patch", {"spec": {"replicas": replicas}}, "scale")
        return Action(f"scale back to {replicas}", ref, action.order, action.why, call, forget=True)
    return Action("forget", ref, action.order, "somebody else has scaled it since", Call("nothing"), forget=True)


def _blame(judge: Judge, obj: Object) -> Blame | None:
    metadata, spec = obj["metadata"], obj.get("spec") or {}
    if metadata.get("deletionTimestamp"):
        return None
    if obj["kind"] == "Pod":
        status = obj.get("status") or {}
        return None if status.get("phase") in _FINISHED else judge.blame(metadata, spec, status)
    template = spec.get("template") or {}
    return judge.blame(template.get("metadata") or {}, template.get("spec") or {})


def _may_run(judge: Judge, replica_set: Object) -> bool:
    template = replica_set["spec"].get("template") or {}
    return judge.may_run(template.get("metadata") or {}, template.get("spec") or {})


def _runs(obj: Object) -> bool:
    """Whether there is, or is to be, a pod of it."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    if obj["kind"] in SCALED:
        return bool(spec.get("replicas", 1) or status.get("replicas"))
    if obj["kind"] == "Job":
        ended = any(each.get("type") in {"Complete", "Failed"} for each in status.get("conditions") or ())
        return not ended and not spec.get("suspend")
    return True


def _number(obj: Object) -> int:
    given = (obj["metadata"].get("annotations") or {}).get(_REVISION, "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 10 else 0


def _controller(obj: Object) -> Object:
    references = obj["metadata"].get("ownerReferences") or ()
    found: Object = next((each for each in references if each.get("controller")), {})
    return found
