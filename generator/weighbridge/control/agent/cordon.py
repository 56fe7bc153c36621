"""Cutting pods off the network, by a label and NetworkPolicies; pure.

Policies only ever add what is allowed, so one that denies everything does nothing for a pod that another policy lets
traffic to, and in a namespace of an environment there is one: the gateway's. So each other policy that selects such a
pod is narrowed to pods without the label, by one expression more in its selector, which is without effect once no pod
bears the label, and goes then. What the network plugin makes of connections that are open is the plugin's: many let
them go on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weighbridge.control.agent.actions import Action, Call, Ref, ref_of, uid

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from weighbridge.control.agent.actions import Namespace
    from weighbridge.control.agent.blame import Blame

Object = dict[str, Any]
CORDONED = "weighbridge.dev/cordoned"
"""The label of a pod that is cut off; its value is the order's id."""
POLICY = "weighbridge-cordon"
"""The NetworkPolicy that selects it, in each namespace that has one."""
_SPARED = {"key": CORDONED, "operator": "DoesNotExist"}
_MOST_LABEL = 63


def cordon_actions(namespace: Namespace, guilty: Sequence[tuple[Object, Blame]]) -> list[Action]:
    """What cuts these pods off: policies first, so that each pod is cut off the moment it is labelled."""
    if not guilty:
        return []
    order, why = guilty[0][1].order, guilty[0][1].why
    policies = namespace.objects.get("NetworkPolicy", ())
    actions = []
    own = next((each for each in policies if each["metadata"]["name"] == POLICY), None)
    wanted = _policy(namespace.name)
    if own is None or own.get("spec") != wanted["spec"]:
        ref = Ref("NetworkPolicy", namespace.name, POLICY)
        actions.append(Action("isolate", ref, order, why, Call("apply", wanted)))
    actions += [
        Action("narrow", ref_of(each), order, why, Call("patch", _narrowed(each, [_SPARED])))
        for each in policies
        if each is not own and not _spares(each) and any(_selects(each, pod) for pod, _ in guilty)
    ]
    for pod, blame in guilty:
        if CORDONED not in _labels(pod):
            change = {"metadata": {"labels": {CORDONED: blame.order[:_MOST_LABEL]}}}
            actions.append(Action("cordon", ref_of(pod), blame.order, blame.why, Call("patch", change)))
    return actions


def opening_actions(namespace: Namespace, guilty: Collection[str]) -> list[Action]:
    """What ends cordons of pods whose uid is not among these; the policies go with the last pod."""
    why = "nothing about it is revoked any more"
    cordoned = [pod for pod in namespace.objects.get("Pod", ()) if CORDONED in _labels(pod)]
    actions = [
        Action("uncordon", ref_of(pod), _labels(pod)[CORDONED], why,
               Call("patch", {"metadata": {"labels": {CORDONED: None}}}))
        for pod in cordoned if uid(pod) not in guilty
    ]  # fmt: skip
    if guilty or len(actions) < len(cordoned):
        return actions
    if cordoned:
        # The policies go once a further look shows no such pod: one that could not be freed keeps them.
        return actions
    why = "no pod here is cordoned any more"
    policies = namespace.objects.get("NetworkPolicy", ())
    spared = [each for each in policies if _spares(each)]
    actions += [Action("widen", ref_of(each), "", why, Call("patch", _narrowed(each, []))) for each in spared]
    own = [each for each in policies if each["metadata"]["name"] == POLICY]
    return actions + [Action("open", ref_of(each), "", why, Call("delete", uid(each))) for each in own]


def selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a label selector (LabelSelector, `meta/v1`) selects what bears these labels."""
    wanted = selector.get("matchLabels") or {}
    if any(labels.get(key) != value for key, value in wanted.items()):
        return False
    return all(_fulfilled(each, labels) for each in selector.get("matchExpressions") or ())


def _fulfilled(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, values = expression.get("key", ""), expression.get("values") or ()
    match expression.get("operator"):
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
    # An operator that nobody knows: narrowing one policy too many does no harm.
    return True


def _selects(policy: Object, pod: Object) -> bool:
    return selects((policy.get("spec") or {}).get("podSelector") or {}, _labels(pod))


def _spares(policy: Object) -> bool:
    return _SPARED in _expressions(policy)


def _expressions(policy: Object) -> list[Any]:
    selector = (policy.get("spec") or {}).get("podSelector") or {}
    return list(selector.get("matchExpressions") or ())


def _narrowed(policy: Object, added: list[Any]) -> Object:
    kept = [each for each in _expressions(policy) if each != _SPARED]
    # With its version: a selector that somebody else changes meanwhile is not put back.
    version = policy["metadata"]["resourceVersion"]
    expressions = [*kept, *added] or None
    return {"metadata": {"resourceVersion": version}, "spec": {"podSelector": {"matchExpressions": expressions}}}


def _policy(namespace: str) -> Object:
    selector = {"matchExpressions": [{"key": CORDONED, "operator": "Exists"}]}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": POLICY, "namespace": namespace},
        "spec": {"podSelector": selector, "policyTypes": ["Ingress", "Egress"]},
    }


def _labels(obj: Object) -> Mapping[str, str]:
    return obj["metadata"].get("labels") or {}
