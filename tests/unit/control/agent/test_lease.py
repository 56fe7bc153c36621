"""Who acts: one at a time, whatever the clocks say."""

import copy

import pytest

from weighbridge.control.agent import lease as module
from weighbridge.control.agent.kube import KubeError
from weighbridge.control.agent.lease import Lease


class Api:
    """Leases with optimistic concurrency, as the API server has them."""

    def __init__(self):
        self.lease, self.version, self.down = None, 0, False
        self.before_write = lambda: None

    def get(self, kind, name, namespace):
        if self.down:
            raise KubeError(0, "Unreachable", "down")
        return copy.deepcopy(self.lease)

    def create(self, obj):
        self.before_write()
        if self.lease is not None:
            raise KubeError(409, "AlreadyExists", "exists")
        return self.keep(obj)

    def replace(self, obj):
        self.before_write()
        if obj["metadata"]["resourceVersion"] != self.lease["metadata"]["resourceVersion"]:
            raise KubeError(409, "Conflict", "changed")
        return self.keep(obj)

    def keep(self, obj):
        self.version += 1
        self.lease = copy.deepcopy(obj)
        self.lease["metadata"]["resourceVersion"] = str(self.version)
        return self.lease


class Clock:
    now = 100.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    found = Clock()
    monkeypatch.setattr(module, "time", found)
    return found


def lease(api, identity):
    return Lease(api, "weighbridge-system", identity, lambda _: None)


def test_one_takes_it_and_another_waits(clock):
    api = Api()
    one, two = lease(api, "one"), lease(api, "two")
    one.attempt()
    two.attempt()
    assert (one.held, two.held) == (True, False)
    for _ in range(20):
        clock.now += 4
        one.attempt()
        two.attempt()
        assert (one.held, two.held) == (True, False)


def test_who_does_not_renew_ceases_to_act_before_another_begins(clock):
    api = Api()
    one, two = lease(api, "one"), lease(api, "two")
    one.attempt()
    two.attempt()
    overlap = False
    for _ in range(10):
        clock.now += 2
        two.attempt()
        overlap |= one.held and two.held
    assert not overlap
    assert two.held
    one.attempt()
    assert not one.held
    assert api.lease["spec"]["leaseTransitions"] == 1


def test_a_lease_with_a_time_in_the_future_is_judged_by_its_changes(clock):
    api = Api()
    one, two = lease(api, "one"), lease(api, "two")
    one.attempt()
    api.lease["spec"]["renewTime"] = "2099-01-01T00:00:00.000000Z"
    two.attempt()
    clock.now += 16
    two.attempt()
    assert two.held


def test_of_two_that_write_at_once_one_loses(clock):
    api = Api()
    one, two = lease(api, "one"), lease(api, "two")
    api.before_write = lambda: (setattr(api, "before_write", lambda: None), two.attempt())
    one.attempt()
    assert (one.held, two.held) == (False, True)


def test_a_holder_whose_lease_was_taken_from_it_stops_at_once(clock):
    api = Api()
    one = lease(api, "one")
    one.attempt()
    api.before_write = lambda: (setattr(api, "before_write", lambda: None), api.keep(api.lease))
    one.attempt()
    assert not one.held


def test_an_api_server_that_is_away_ends_it_in_time(clock):
    api = Api()
    one = lease(api, "one")
    one.attempt()
    api.down = True
    clock.now += 9
    with pytest.raises(KubeError):
        one.attempt()
    assert one.held
    clock.now += 2
    assert not one.held


def test_who_stops_gives_it_up(clock):
    api = Api()
    one, two = lease(api, "one"), lease(api, "two")
    one.start()
    for _ in range(1000):
        if one.held:
            break
        one._thread.join(0.005)
    one.stop()
    assert not one.held
    two.attempt()
    assert two.held
