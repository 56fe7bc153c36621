"""Doing what was planned: in bound namespaces alone, remembered before it is done, and told when it is refused."""

import copy
import json

import pytest

from weighbridge.control.agent.act import Actor
from weighbridge.control.agent.kube import KubeError
from weighbridge.control.agent.pace import Pace
from weighbridge.control.agent.place import Place

from .parts import NOW, ORDER, Control, digest, live, pod, replica_set, workload

RECORD = "weighbridge-scaled.prod"


class Api:
    """Objects by kind and namespace, as the API server has them; `refuse` is asked about each call that changes one."""

    def __init__(self, *objects, namespaces=("models",)):
        self.namespaces, self.objects = namespaces, [copy.deepcopy(each) for each in objects]
        self.calls, self.listed, self.record, self.events = [], [], None, []
        self.refuse = lambda *call: None

    def everything(self, kind, namespace="", selector=""):
        if kind == "Namespace":
            assert selector == "weighbridge.dev/environment=prod"
            return [{"metadata": {"name": name}} for name in self.namespaces], "1"
        self.listed.append((kind, namespace))
        found = [each for each in self.objects if each["kind"] == kind and each["metadata"]["namespace"] == namespace]
        return found, "1"

    def get(self, kind, name, namespace):
        assert (kind, name, namespace) == ("ConfigMap", RECORD, "weighbridge-system")
        return copy.deepcopy(self.record)

    def create(self, obj):
        if obj["kind"] == "Event":
            self.events.append(obj["involvedObject"]["name"])
        else:
            self.keep(obj)

    def replace(self, obj):
        self.keep(obj)

    def keep(self, obj):
        self.call("remember", obj["metadata"]["name"])
        self.record = copy.deepcopy(obj)

    def patch(self, kind, namespace, name, change, subresource=""):
        self.call("patch", kind, name, subresource)
        found = next(each for each in self.objects if each["kind"] == kind and each["metadata"]["name"] == name)
        if isinstance(change, dict):
            found["spec"] |= change.get("spec", {})

    def delete(self, kind, name, namespace, *, uid):
        self.call("delete", kind, name)
        self.objects = [each for each in self.objects if each["metadata"]["uid"] != uid]

    def call(self, *call):
        self.refuse(*call)
        self.calls.append(call)


def actor(api):
    said = []
    found = Actor(api, "prod", Place("east", "weighbridge-system", lambda: NOW), Pace(10_000), said.append)
    found.said = said
    return found


def act(found, on_revoked="scale-to-zero", newer=lambda: False, **changes):
    changes = changes or {"revoked": {digest("a"): ORDER}}
    return found.act(live(**changes), Control(on_revoked=on_revoked), newer)


def remembered(api):
    return [json.loads(text) for text in api.record["data"].values()]


def test_what_is_scaled_is_remembered_before_and_once():
    api = Api(workload("Deployment", "1", name="d", replicas=3))
    found = actor(api)
    assert act(found).done == 1
    assert api.calls == [("remember", RECORD), ("patch", "Deployment", "d", "scale")]
    assert remembered(api) == [{"key": "Deployment/models/d", "uid": "uid-d", "order": ORDER["id"], "replicas": 3}]
    assert act(found).done == 0
    act(found, revoked={})
    assert api.objects[0]["spec"]["replicas"] == 3
    assert api.record["data"] == {}


def test_who_scales_up_again_meanwhile_is_not_what_is_remembered():
    api = Api(workload("Deployment", "1", name="d", replicas=3))
    found = actor(api)
    act(found)
    api.objects[0]["spec"]["replicas"] = 50
    act(found)
    assert remembered(api)[0]["replicas"] == 3


def test_nothing_is_scaled_that_could_not_be_remembered():
    api = Api(workload("Deployment", "1", name="d"))

    def refuse(*call):
        if call[0] == "remember":
            raise KubeError(403, "Forbidden", "no")

    api.refuse = refuse
    acted = act(actor(api))
    assert api.calls == []
    assert "403 Forbidden" in acted.problems[0]


@pytest.mark.parametrize(("status", "otherwise"), [(403, True), (422, True), (409, False), (0, False)])
def test_a_roll_back_that_is_refused_for_good_scales_down(status, otherwise):
    top = workload("Deployment", "1", name="d")
    api = Api(top, replica_set(top, "2", "2", revision=1))

    def refuse(*call):
        if call == ("patch", "Deployment", "d", ""):
            raise KubeError(status, "", "no")

    api.refuse = refuse
    acted = act(actor(api), "rollback")
    assert ("patch", "Deployment", "d", "scale") in api.calls or not otherwise
    assert bool(api.calls) is otherwise
    assert "roll back to revision 1" in acted.problems[0]


def test_exempt_namespaces_and_unbound_ones_are_never_read():
    api = Api(namespaces=("models", "kube-system", "gatekeeper-system"))
    act(actor(api))
    assert {namespace for _, namespace in api.listed} == {"models"}


def test_policies_are_read_only_where_they_are_needed():
    api = Api()
    act(actor(api))
    assert "NetworkPolicy" not in {kind for kind, _ in api.listed}
    act(actor(api), "cordon")
    assert ("NetworkPolicy", "models") in api.listed


def test_an_event_is_told_once():
    api = Api(pod("1"))
    found = actor(api)
    acted = [act(found, "report") for _ in range(3)]
    assert api.events == ["p"]
    assert [each.told for each in acted] == [acted[0].told] * 3


def test_while_nothing_is_revoked_workloads_are_read_once():
    api = Api(pod("1"))
    found = actor(api)
    act(found, revoked={})
    before = len(api.listed)
    act(found, revoked={})
    assert (before, len(api.listed)) == (6, 6)
    act(found)
    assert len(api.listed) == 12
    act(found, revoked={})
    assert len(api.listed) == 18


def test_newer_live_state_interrupts():
    api = Api(pod("1", name="a"), pod("1", name="b"))
    acted = act(actor(api), newer=lambda: True)
    assert (acted.complete, api.calls) == (False, [])


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"key": 7}', '{"key": "Secret/a/b"}', '{"key": "Deployment/d"}', "\x00"]
)
def test_what_nobody_could_have_remembered_is_passed_over(text):
    api = Api(workload("Deployment", "1", name="d", replicas=0))
    api.record = {"metadata": {"name": RECORD}, "data": {"x": text}}
    assert act(actor(api), revoked={}).problems == ()
    assert api.calls == []
