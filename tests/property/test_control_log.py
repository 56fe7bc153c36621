"""Whatever is ordered in whatever order: nothing revoked is lost, and a log comes to one state."""

import itertools
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.control_plane import control_document, predicate_of, version, version_digest
from tests.unit.control.core import LIVE_KEYS, Log, control, issued

from weighbridge.bundle.live import live_document
from weighbridge.control.entry import log_line, verify_log
from weighbridge.control.state import live_state, rebuild

NAMES = ("qa@1.0.0", "qa@2.0.0", "qa@3.0.0")
BASE = version_digest("base")
_FOLDER = Path(tempfile.mkdtemp(prefix="wb-log-"))


def _release(note, lineage):
    versions = {name: version(name, since=n, lineage=[BASE] if name == lineage else []) for n, name in enumerate(NAMES)}
    return control(_FOLDER, note, versions=versions, routes=control_document()["routes"])


RELEASES = [_release(note, lineage) for note, lineage in (("a", NAMES[0]), ("b", NAMES[1]), ("c", ""))]
RESTRICTING = st.one_of(
    st.tuples(st.just("revoke"), st.sampled_from([*NAMES, *map(version_digest, NAMES), BASE])),
    st.tuples(st.just("freeze"), st.sampled_from(NAMES)),
    st.tuples(st.just("suspend"), st.sampled_from(["acme", "nobody"])),
    st.tuples(st.just("distrust"), st.sampled_from(["ci", "nobody"])),
)
STEPS = st.lists(st.one_of(RESTRICTING, st.just("lift"), st.just("release"), st.sampled_from(NAMES)), max_size=14)
SOME = st.lists(RESTRICTING, min_size=2, max_size=6)
BOTH_WAYS = SOME.flatmap(lambda steps: st.tuples(st.just(steps), st.permutations(steps)))
LIFTS = {"revoke": "restore", "distrust": "restore", "freeze": "thaw", "suspend": "resume"}


def document(state, now):
    return live_document(live_state(state, sequence=1, issued_at_ns=now))


class Run:
    """A log, and what it must never lose."""

    def __init__(self):
        self.log = Log(RELEASES[0])
        self.releases = itertools.cycle(RELEASES[1:] + RELEASES[:1])
        self.standing = []

    def step(self, step):
        if step == "release":
            self.log.release(next(self.releases))
        elif step == "lift":
            self.lift()
        elif isinstance(step, str):
            now = self.log.state.active(self.log.now).get("qa-now")
            self.log.take(issued("route", "qa-now", to=step, expects=now))
        else:
            data = issued(*step)
            assert self.log.take(data).outcome == "accepted"
            self.standing.append(predicate_of(data))

    def lift(self):
        liftable = [order for order in self.standing if order["kind"] in LIFTS]
        if liftable:
            order = liftable[0]
            data = issued(LIFTS[order["kind"]], order["target"], undoes=order["id"], signers=("mlsec", "product"))
            assert self.log.take(data).outcome == "accepted"
            self.standing.remove(order)

    def check(self):
        live = document(self.log.state, self.log.now)
        for order in self.standing:
            if order["kind"] == "revoke":
                target = order["target"]
                assert (target if target.startswith("sha256:") else version_digest(target)) in live["revoked"]
            elif order["kind"] in {"freeze", "suspend"}:
                assert order["target"] in live["frozen" if order["kind"] == "freeze" else "suspended"]
        for name in live["active"].values():
            assert version_digest(name) not in live["revoked"]
            assert name not in live["frozen"]
        return live


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_nothing_is_lost_and_a_log_comes_to_one_state(steps):
    run = Run()
    for step in steps:
        run.step(step)
        run.check()
    log = run.log
    entries = verify_log([log_line(entry.text).decode() for entry in log.entries], LIVE_KEYS, head=log.state.head)
    again = rebuild("prod", entries, log.controls)
    assert document(again, log.now) == run.check()
    assert again.head == log.state.head


@settings(max_examples=40, deadline=None)
@given(
    st.lists(RESTRICTING, min_size=2, max_size=6).flatmap(
        lambda steps: st.tuples(st.just(steps), st.permutations(steps))
    )
)
def test_the_order_of_restrictions_does_not_matter(both):
    one, other = Run(), Run()
    for steps, run in zip(both, (one, other), strict=True):
        for step in steps:
            run.step(step)
    first, second = one.check(), other.check()
    for part in ("revoked", "frozen", "suspended", "keys"):
        assert set(first[part]) == set(second[part])
    assert first["active"] == second["active"]
