"""The fleet view, whatever was reported: everybody in it once, nobody better than what was heard of them."""

from hypothesis import given, settings
from hypothesis import strategies as st

from weighbridge.control.fleet import fleet
from weighbridge.control.fleet_view import STATUSES, FleetView
from weighbridge.control.receipt import AcceptedOrder, Activation, Publication, Receipt

S = 10**9
SILENT = 60 * S
REVISIONS = st.integers(0, 8).map(lambda number: f"prod-live-{number}-0" if number else "")


@st.composite
def publications(draw):
    """Some of the numbers 1 to 6, each containing at least as much of the log as the one before."""
    numbers = sorted(draw(st.sets(st.integers(1, 6))))
    entries = sorted(draw(st.lists(st.integers(0, 4), min_size=len(numbers), max_size=len(numbers))))
    return [
        Publication(
            "prod", number, f"prod-live-{number}-0", number * S, number * S + 300 * S, number * S + 900 * S, held
        )
        for number, held in zip(numbers, entries, strict=True)
    ]


@st.composite
def receipts(draw):
    names = sorted(draw(st.sets(st.sampled_from("abcdef"))))
    return [
        Receipt(
            environment=draw(st.sampled_from(["prod", "prod", "prod", "staging"])),
            kind=draw(st.sampled_from(["sidecar", "agent"])),
            id=name,
            cluster=draw(st.sampled_from(["", "c1"])),
            point="envoy",
            live_revision=draw(REVISIONS),
            live_since_ns=draw(st.integers(0, 1000)) * S,
            release_revision=draw(st.sampled_from(["", "r1", "r2"])),
            first_seen_ns=0,
            last_seen_ns=draw(st.integers(0, 1000)) * S,
            state=draw(st.sampled_from(["ok", "ok", "failing"])),
            activations=tuple(
                draw(st.lists(st.builds(Activation, REVISIONS, st.integers(0, 1000).map(lambda s: s * S))))
            ),
        )
        for name in names
    ]


ORDERS = st.lists(
    st.builds(
        AcceptedOrder,
        id=st.uuids().map(str),
        kind=st.just("revoke"),
        target=st.just("m@1"),
        number=st.integers(1, 5),
        accepted_ns=st.integers(0, 1000).map(lambda s: s * S),
    ),
    max_size=3,
)
SITUATION = (receipts(), publications(), st.integers(0, 2000).map(lambda s: s * S), ORDERS)


@settings(max_examples=80, deadline=None)
@given(*SITUATION)
def test_everybody_is_there_once_and_counted_once(given_receipts, published, now, orders):
    view = fleet("prod", given_receipts, published, now, silent_after_ns=SILENT, orders=orders)
    own = sorted(receipt.id for receipt in given_receipts if receipt.environment == "prod")
    assert sorted(point.id for point in view.points) == own
    assert sum(view.counts.values()) == len(own)
    ranks = [STATUSES.index(point.status) for point in view.points]
    assert ranks == sorted(ranks)
    for progress in view.orders:
        named = [given.id for given in progress.confirmed] + [point.id for point in progress.waiting]
        assert sorted(named) == own
    assert FleetView.model_validate_json(view.model_dump_json()) == view


@settings(max_examples=80, deadline=None)
@given(*SITUATION)
def test_only_who_holds_an_order_has_confirmed_it(given_receipts, published, now, orders):
    view = fleet("prod", given_receipts, published, now, silent_after_ns=SILENT, orders=orders)
    entries = {publication.revision: publication.log_entries for publication in published}
    held = {point.id: entries.get(point.live_revision, -1) for point in view.points}
    for progress in view.orders:
        assert {given.id for given in progress.confirmed} == {
            name for name, number in held.items() if number >= progress.number
        }
        assert all(given.milliseconds >= 0 for given in progress.confirmed)
    newest = max((publication.sequence for publication in published), default=0)
    for point in view.points:
        if point.status == "current":
            assert point.live_revision == f"prod-live-{newest}-0"


@settings(max_examples=40, deadline=None)
@given(*SITUATION, st.randoms(use_true_random=False))
def test_the_order_of_what_is_known_changes_nothing(given_receipts, published, now, orders, random):
    view = fleet("prod", given_receipts, published, now, silent_after_ns=SILENT, orders=orders)
    random.shuffle(given_receipts)
    random.shuffle(published)
    assert fleet("prod", given_receipts, published, now, silent_after_ns=SILENT, orders=orders) == view


@settings(max_examples=40, deadline=None)
@given(*SITUATION)
def test_a_new_publication_makes_nobody_current_and_unconfirms_nothing(given_receipts, published, now, orders):
    before = fleet("prod", given_receipts, published, now, silent_after_ns=SILENT, orders=orders)
    more = [*published, Publication("prod", 99, "prod-live-99-0", now, now + 300 * S, now + 900 * S, 5)]
    after = fleet("prod", given_receipts, more, now, silent_after_ns=SILENT, orders=orders)
    assert after.counts["current"] == 0
    for old, new in zip(before.orders, after.orders, strict=True):
        assert old.confirmed == new.confirmed
