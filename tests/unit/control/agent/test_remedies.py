"""What is done about what runs, for each choice; pure plans over the objects of a namespace."""

import copy

import pytest

from weighbridge.control.agent.actions import Namespace, Ref, memory_key
from weighbridge.control.agent.cordon import CORDONED, POLICY, selects
from weighbridge.control.agent.remedies import remedies

from .parts import ORDER, digest, image, judge, labels, pod, replica_set, workload

REVOKED = judge(revoked={digest("a"): ORDER})
CHOICES = ("report", "cordon", "scale-to-zero", "rollback")


def namespace(*objects):
    kinds = {}
    for each in objects:
        kinds.setdefault(each["kind"], []).append(each)
    return Namespace("models", kinds)


def plan(choice, *objects, judged=REVOKED, memory=None, undo=True):
    return remedies(judged, choice, namespace(*objects), memory or {}, undo=undo)


def told(actions, verb=None):
    return [(each.verb, each.ref.kind, each.ref.name) for each in actions if verb is None or each.verb == verb]


def done(actions):
    return [each for each in told(actions) if each[0] != "report"]


def policy(name="gateway", selector=None, **spec):
    metadata = {"name": name, "namespace": "models", "uid": f"uid-{name}", "resourceVersion": "3"}
    return {"kind": "NetworkPolicy", "metadata": metadata, "spec": {"podSelector": selector or {}, **spec}}


def deployed(version, *letters, revisions=(), **given):
    """A Deployment, its ReplicaSet with one pod, and earlier ReplicaSets."""
    top = workload("Deployment", version, *letters, name="d", **given)
    current = replica_set(top, version, *letters, revision=9, replicas=1)
    running = pod(version, *letters, name="d-9-x", owner=current)
    earlier = [replica_set(top, older, *images, revision=number) for number, older, *images in revisions]
    return [top, current, running, *earlier]


@pytest.mark.parametrize("choice", CHOICES)
def test_where_nothing_is_revoked_nothing_is_done(choice):
    assert plan(choice, *deployed("1"), pod("2", "2"), judged=judge()) == []


@pytest.mark.parametrize("choice", CHOICES)
def test_other_versions_and_frozen_ones_are_left_alone(choice):
    frozen = judge(frozen={"kb@1": ORDER})
    assert plan(choice, *deployed("1"), judged=frozen) == []
    assert plan(choice, *deployed("2", "2")) == []


@pytest.mark.parametrize("choice", CHOICES)
def test_support_pods_are_left_alone(choice):
    assert plan(choice, pod("1", "5")) == []


def test_a_report_names_the_outermost_object_once():
    actions = plan("report", *deployed("1"), pod("1", name="bare"))
    assert told(actions) == [("report", "Deployment", "d"), ("report", "Pod", "bare")]
    assert all(each.order == ORDER["id"] for each in actions)


def test_what_is_not_certain_is_told_and_not_acted_upon():
    shared = judge(revoked={digest("b"): ORDER})
    for choice in CHOICES:
        actions = plan(choice, pod("unknown", "2"), judged=shared)
        assert told(actions) == [("report", "Pod", "p")]
        assert "perhaps kb@2" in actions[0].why


def test_pods_that_have_ended_or_are_about_to_are_left_alone():
    ended = pod("1", name="ended", phase="Succeeded")
    ending = pod("1", name="ending", deletionTimestamp="2026-01-01T00:00:00Z")
    assert plan("scale-to-zero", ended, ending) == []


def test_what_can_be_scaled_is_and_its_number_is_remembered():
    actions = plan("scale-to-zero", *deployed("1", replicas=3), workload("StatefulSet", "1", name="s"))
    assert done(actions) == [("scale to zero", "Deployment", "d"), ("scale to zero", "StatefulSet", "s")]
    scaled = next(each for each in actions if each.ref.name == "d" and each.verb != "report")
    assert (scaled.call.subresource, scaled.call.body) == ("scale", {"spec": {"replicas": 0}})
    assert scaled.remember == {"uid": "uid-d", "order": ORDER["id"], "replicas": 3}


def test_what_is_scaled_down_is_not_scaled_again():
    assert plan("scale-to-zero", *deployed("1", replicas=0)[:1]) == []


def test_a_pod_that_what_is_scaled_down_leaves_is_deleted():
    """Whom a pod names as its owner is what its author wrote."""
    top = workload("Deployment", "1", name="d", replicas=0)
    assert done(plan("scale-to-zero", top, pod("1", name="hidden", owner=top))) == [("delete", "Pod", "hidden")]


def test_no_replicas_said_means_one():
    found = workload("Deployment", "1")
    del found["spec"]["replicas"]
    assert plan("scale-to-zero", found)[1].remember["replicas"] == 1


def test_a_job_is_suspended_unless_it_has_ended():
    ended = workload("Job", "1", name="ended")
    ended["status"] = {"conditions": [{"type": "Complete"}]}
    assert done(plan("scale-to-zero", workload("Job", "1", name="j"), ended)) == [("suspend", "Job", "j")]
    assert done(plan("scale-to-zero", workload("Job", "1", suspend=True))) == []


def test_pods_of_what_cannot_be_scaled_are_deleted():
    daemons = workload("DaemonSet", "1", name="ds")
    operated = {"kind": "InferenceService", "metadata": {"name": "i", "namespace": "models", "uid": "uid-i"}}
    served = workload("Deployment", "1", name="served", owner=operated)
    inner = replica_set(served, "1", revision=1, replicas=1)
    actions = plan(
        "scale-to-zero",
        daemons,
        pod("1", name="of-daemons", owner=daemons),
        served,
        inner,
        pod("1", name="of-operator", owner=inner),
        pod("1", name="bare"),
    )
    assert done(actions) == [("delete", "Pod", name) for name in ("of-daemons", "of-operator", "bare")]
    assert [each.call.body for each in actions if each.verb == "delete"] == [
        "uid-of-daemons",
        "uid-of-operator",
        "uid-bare",
    ]


def test_an_old_replica_set_of_a_good_deployment_loses_its_pods():
    top = workload("Deployment", "2", "2", name="d")
    old = replica_set(top, "1", revision=1, replicas=1)
    assert done(plan("scale-to-zero", top, old, pod("1", name="left", owner=old))) == [("delete", "Pod", "left")]


def test_a_roll_back_takes_the_newest_earlier_template_that_may_run():
    objects = deployed("1", revisions=[(3, "2", "2"), (5, "3", "2"), (7, "unknown", "2"), (8, "1", "1")])
    actions = plan("rollback", *objects)
    assert done(actions) == [("roll back to revision 5", "Deployment", "d")]
    version, template = actions[1].call.body
    assert version == {"op": "replace", "path": "/metadata/resourceVersion", "value": "7"}
    assert template["value"]["metadata"]["labels"] == labels("3")
    assert template["value"]["spec"]["containers"][0]["image"] == image("2")


@pytest.mark.parametrize("revisions", [[], [(8, "1", "1")], [(8, "unknown", "2")]])
def test_without_an_earlier_version_it_is_scaled_down(revisions):
    assert done(plan("rollback", *deployed("1", revisions=revisions))) == [("scale to zero", "Deployment", "d")]


def test_frozen_versions_are_not_rolled_back_to():
    judged = judge(revoked={digest("a"): ORDER}, frozen={"kb@2": ORDER})
    assert done(plan("rollback", *deployed("1", revisions=[(3, "2", "2")]), judged=judged))[0][0] == "scale to zero"


def test_a_paused_deployment_would_not_roll_so_it_is_scaled_down():
    objects = deployed("1", revisions=[(3, "2", "2")], paused=True)
    assert done(plan("rollback", *objects)) == [("scale to zero", "Deployment", "d")]


def test_a_replica_set_of_somebody_else_is_nothing_to_roll_back_to():
    other = workload("Deployment", "2", "2", name="other")
    objects = [*deployed("1"), other, replica_set(other, "2", "2", revision=3)]
    assert done(plan("rollback", *objects)) == [("scale to zero", "Deployment", "d")]


def test_after_a_roll_back_pods_that_are_left_go():
    top, current, running, earlier = deployed("1", revisions=[(3, "2", "2")])
    top["spec"]["template"] = copy.deepcopy(earlier["spec"]["template"])
    assert done(plan("rollback", top, current, running, earlier)) == [("delete", "Pod", "d-9-x")]


def test_what_is_restored_gets_its_replicas_back():
    top = deployed("1", replicas=0)[0]
    key = memory_key(Ref("Deployment", "models", "d"))
    memory = {key: {"uid": "uid-d", "replicas": 3, "order": ORDER["id"]}}
    (action,) = plan("scale-to-zero", top, judged=judge(), memory=memory)
    assert (action.verb, action.call.body, action.forget) == ("scale back to 3", {"spec": {"replicas": 3}}, True)
    # While it is revoked, and while live state has ended, it stays down.
    assert done(plan("scale-to-zero", top, memory=memory)) == []
    assert plan("scale-to-zero", top, judged=judge(), memory=memory, undo=False) == []


@pytest.mark.parametrize("replicas", [0, -1, 10**9, "3", None, True])
def test_a_number_that_nobody_could_have_remembered_scales_nothing(replicas):
    key = memory_key(Ref("Deployment", "models", "d"))
    memory = {key: {"uid": "uid-d", "replicas": replicas, "order": "x"}}
    (action,) = plan("scale-to-zero", deployed("1", replicas=0)[0], judged=judge(), memory=memory)
    assert (action.verb, action.call.method) == ("forget", "nothing")


def test_what_somebody_scaled_or_made_anew_meanwhile_is_theirs():
    key = memory_key(Ref("Deployment", "models", "d"))
    memory = {key: {"uid": "uid-d", "replicas": 3, "order": "x"}}
    anew = deployed("1", replicas=0)[0]
    anew["metadata"]["uid"] = "another"
    for objects in ([deployed("1", replicas=1)[0]], [], [anew]):
        (action,) = plan("scale-to-zero", *objects, judged=judge(), memory=memory)
        assert (action.verb, action.call.method, action.forget) == ("forget", "nothing", True)


def test_a_suspended_job_resumes():
    key = memory_key(Ref("Job", "models", "j"))
    memory = {key: {"uid": "uid-j", "order": "x"}}
    (action,) = plan("rollback", workload("Job", "1", name="j", suspend=True), judged=judge(), memory=memory)
    assert (action.verb, action.call.body) == ("resume", {"spec": {"suspend": False}})


def test_what_is_remembered_of_another_namespace_is_left_to_that():
    memory = {memory_key(Ref("Deployment", "elsewhere", "d")): {"uid": "u", "replicas": 3}}
    assert plan("scale-to-zero", judged=judge(), memory=memory) == []


def test_a_cordon_puts_policies_first():
    actions = plan("cordon", pod("1"), policy(), policy("others", {"matchLabels": {"model_version": "2"}}))
    assert done(actions) == [
        ("isolate", "NetworkPolicy", POLICY),
        ("narrow", "NetworkPolicy", "gateway"),
        ("cordon", "Pod", "p"),
    ]
    isolate, narrow, cordon = actions[1:]
    assert isolate.call.body["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert narrow.call.body["metadata"] == {"resourceVersion": "3"}
    assert narrow.call.body["spec"]["podSelector"]["matchExpressions"] == [
        {"key": CORDONED, "operator": "DoesNotExist"}
    ]
    assert cordon.call.body == {"metadata": {"labels": {CORDONED: ORDER["id"]}}}


def apply(objects, actions):
    """What the API server would make of a plan."""
    found = [copy.deepcopy(each) for each in objects]
    for action in actions:
        at = next(
            (n for n, each in enumerate(found) if each["metadata"].get("uid") == action.ref.uid and action.ref.uid),
            None,
        )
        if action.call.method == "apply":
            made = copy.deepcopy(action.call.body)
            made["metadata"] |= {"uid": f"uid-{action.ref.name}", "resourceVersion": "1"}
            found = [each for each in found if each["metadata"]["uid"] != made["metadata"]["uid"]] + [made]
        elif action.call.method == "delete":
            del found[at]
        elif action.call.method == "patch":
            merge(found[at], action.call.body)
    return found


def merge(target, change):
    for key, value in change.items():
        if value is None:
            target.pop(key, None)
        elif isinstance(value, dict):
            merge(target.setdefault(key, {}), value)
        else:
            target[key] = value


def reachable(objects, name):
    """Kubernetes' rule: a pod that policies select is reached by what one of them lets in; any other by everybody."""
    bears = next(each for each in objects if each["metadata"]["name"] == name)["metadata"]["labels"]
    selecting = [
        each for each in objects if each["kind"] == "NetworkPolicy" and selects(each["spec"]["podSelector"], bears)
    ]
    return not selecting or any(each["spec"].get("ingress") for each in selecting)


def test_a_cordoned_pod_is_reached_by_nobody_although_another_policy_lets_the_gateway_in():
    before = [pod("1"), pod("2", "2", name="good"), policy(ingress=[{}])]
    assert reachable(before, "p")
    during = apply(before, plan("cordon", *before))
    assert not reachable(during, "p")
    assert reachable(during, "good")
    assert done(plan("cordon", *during)) == []
    assert done(plan("cordon", *during, judged=judge())) == [("uncordon", "Pod", "p")]
    first = apply(during, plan("cordon", *during, judged=judge()))
    after = apply(first, plan("cordon", *first, judged=judge()))
    assert after == [pod("1"), pod("2", "2", name="good"), policy(ingress=[{}])]


def test_cordons_end_pod_by_pod_and_policies_with_the_last():
    marked = pod("1", labels={**labels("1"), CORDONED: "x"})
    restored = pod("2", "2", name="restored", labels={**labels("2"), CORDONED: "x"})
    narrowed = policy(selector={"matchExpressions": [{"key": CORDONED, "operator": "DoesNotExist"}]})
    actions = plan("cordon", marked, restored, narrowed, policy(POLICY))
    assert ("uncordon", "Pod", "restored") in done(actions)
    assert not {"open", "widen"} & {verb for verb, _, _ in done(actions)}
    assert plan("cordon", marked, judged=judge(), undo=False) == []


def test_a_policy_that_somebody_opened_is_closed_again():
    opened = policy(POLICY, ingress=[{}])
    marked = pod("1", labels={**labels("1"), CORDONED: "x"})
    assert ("isolate", "NetworkPolicy", POLICY) in done(plan("cordon", marked, opened))


@pytest.mark.parametrize(
    ("selector", "chosen"),
    [
        ({}, True),
        ({"matchLabels": {"a": "1"}}, True),
        ({"matchLabels": {"a": "2"}}, False),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["1"]}]}, True),
        ({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["1"]}]}, False),
        ({"matchExpressions": [{"key": "b", "operator": "NotIn", "values": ["1"]}]}, True),
        ({"matchExpressions": [{"key": "a", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}, False),
        ({"matchExpressions": [{"key": "a", "operator": "Unheard"}]}, True),
    ],
)
def test_label_selectors(selector, chosen):
    assert selects(selector, {"a": "1"}) is chosen


@pytest.mark.parametrize("number", ["", "x", "-1", "٣", "9" * 12])
def test_revisions_that_are_no_numbers_are_nothing_to_roll_back_to(number):
    objects = deployed("1", revisions=[(3, "2", "2")])
    objects[-1]["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = number
    assert done(plan("rollback", *objects))[0][0] == "scale to zero"
