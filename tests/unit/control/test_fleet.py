"""The fleet, derived: who is current, behind, silent, expired, failing or an alarm, and who has confirmed an order."""

from dataclasses import replace

import pytest

from weighbridge.control.fleet import fleet
from weighbridge.control.fleet_view import STATUSES, FleetView
from weighbridge.control.receipt import AcceptedOrder, Activation, Publication, Receipt

S = 10**9
MS = 10**6
START = 1_800_000_000 * S
SILENT = 90 * S


def published(number, *, entries=None, at=None, environment="prod", releases=("r1",)):
    """The n-th publication, ten seconds after the one before; it holds n - 1 entries."""
    at_ns = START + number * 10 * S if at is None else at
    return Publication(
        environment=environment,
        sequence=number,
        revision=f"{environment}-live-{number}-0",
        published_ns=at_ns,
        not_after_ns=at_ns + 600 * S,
        clusters_not_after_ns=at_ns + 3600 * S,
        log_entries=number - 1 if entries is None else entries,
        releases=releases,
    )


PUBLISHED = [published(number) for number in (1, 2, 3)]
NOW = START + 31 * S


def sidecar(identity="a", live=3, *, since=None, seen=NOW, **other):
    return Receipt(
        environment=other.pop("environment", "prod"),
        kind=other.pop("kind", "sidecar"),
        id=identity,
        cluster=other.pop("cluster", "c1"),
        point="envoy",
        live_revision=f"prod-live-{live}-0" if live else "",
        live_since_ns=(START + live * 10 * S + 5 * MS if since is None else since) if live else 0,
        release_revision=other.pop("release", "r1"),
        first_seen_ns=START,
        last_seen_ns=seen,
        **other,
    )


def view(*receipts, now=NOW, published=PUBLISHED, **other):
    return fleet("prod", receipts, published, now, silent_after_ns=SILENT, **other)


def one(receipt, **other):
    (point,) = view(receipt, **other).points
    return point


def test_whoever_has_the_newest_is_current_since_it_said_so():
    point = one(sidecar())
    assert (point.status, point.since, point.behind) == ("current", START + 30 * S + 5 * MS, 0)
    assert point.holds_until == START + 630 * S
    assert one(sidecar(kind="agent")).holds_until == START + 3630 * S
    assert point.name == "c1/a"
    assert one(sidecar(cluster="")).name == "a"


def test_whoever_has_an_older_one_is_behind_since_the_next_was_published():
    point = one(sidecar(live=1))
    assert (point.status, point.since, point.behind) == ("behind", START + 20 * S, 2)
    assert one(sidecar(live=2)).behind == 1


def test_whoever_has_nothing_is_behind_since_it_came():
    point = one(sidecar(live=0, release=""))
    assert (point.status, point.since, point.behind, point.holds_until) == ("behind", START, 3, None)
    assert "refuses everything" in point.message
    assert one(sidecar(live=0), published=[]).status == "behind"


def test_whoever_is_not_heard_of_is_silent_and_later_expired():
    seen = START + 30 * S
    assert one(sidecar(seen=seen), now=seen + SILENT).status == "current"
    point = one(sidecar(seen=seen), now=seen + SILENT + 1)
    assert (point.status, point.since) == ("silent", seen)
    ends = START + 630 * S
    assert one(sidecar(seen=seen), now=ends - 1).status == "silent"
    assert one(sidecar(seen=seen), now=ends).status == "expired"
    assert one(sidecar(live=0, seen=seen), now=seen + SILENT + 1).status == "expired"
    assert one(sidecar(kind="agent", seen=seen), now=ends).status == "silent"


def test_whoever_says_so_is_failing_whatever_it_holds():
    bad = sidecar(state="failing", code="bundle_error", message="no signature", state_since_ns=START + 7 * S)
    point = one(bad)
    assert (point.status, point.since, point.code, point.message) == (
        "failing",
        START + 7 * S,
        "bundle_error",
        "no signature",
    )
    assert one(replace(bad, last_seen_ns=START), now=START + 200 * S).status == "silent"


def test_whoever_talks_to_us_and_holds_what_has_ended_is_failing():
    ends = START + 630 * S
    assert one(sidecar(seen=ends), now=ends).status == "failing"
    assert one(sidecar(seen=ends - 1), now=ends - 1).status == "current"


def test_whoever_runs_a_release_that_is_over_is_failing():
    assert one(sidecar(release="r0")).status == "failing"
    assert one(sidecar(release=""), published=PUBLISHED).status == "current"
    both = [*PUBLISHED[:2], published(3, releases=("r1", "r0"))]
    assert one(sidecar(release="r0"), published=both).status == "current"


def test_what_was_never_published_is_an_alarm_however_silent():
    point = one(sidecar(live=9), now=START + 10_000 * S)
    assert point.status == "unknown"
    assert "never published" in point.message
    assert one(sidecar(live=1, environment="prod"), published=[published(1, environment="staging")]).status == "unknown"


def test_a_release_that_was_never_announced_is_an_alarm_where_releases_are_known():
    assert one(sidecar(release="evil"), releases={"r1"}).status == "unknown"
    assert one(sidecar(release="evil"), releases=None).status == "failing"
    assert one(sidecar(release="r1"), releases={"r1"}).status == "current"
    assert one(sidecar(release=""), releases={"r1"}).status == "current"


def test_other_environments_are_left_out():
    found = view(sidecar(), sidecar("b", environment="staging"))
    assert [point.id for point in found.points] == ["a"]
    more = [*PUBLISHED, published(7, environment="staging")]
    assert one(sidecar(), published=more).status == "current"


def test_the_worst_stands_first_and_all_are_counted():
    receipts = [
        sidecar("current"),
        sidecar("behind", live=1),
        sidecar("silent", seen=NOW - SILENT - 1),
        sidecar("failing", state="failing"),
        sidecar("unknown", live=9),
        sidecar("expired", live=0, seen=START - 100 * S),
    ]
    found = view(*receipts)
    assert [point.id for point in found.points] == list(STATUSES)
    assert found.counts == dict.fromkeys(STATUSES, 1)
    assert found.revision == "prod-live-3-0"


def test_the_answer_is_read_as_it_was_written():
    order = AcceptedOrder("x", "revoke", "m@1", 2, START + 29 * S)
    found = view(sidecar(), sidecar("b", live=1), orders=[order])
    assert FleetView.model_validate_json(found.model_dump_json()) == found


ORDER = AcceptedOrder("x", "revoke", "m@1", 2, START + 30 * S - 2 * MS)
"""In the log as entry 2, which the third publication is the first to contain."""


def progress(*receipts, order=ORDER, **other):
    (found,) = view(*receipts, orders=[order], **other).orders
    return found


def test_an_order_is_confirmed_by_whoever_holds_it_and_by_nobody_else():
    found = progress(sidecar("a"), sidecar("b", live=2), sidecar("c", live=0), sidecar("d", live=9))
    assert [given.id for given in found.confirmed] == ["a"]
    assert {point.id for point in found.waiting} == {"b", "c", "d"}
    assert found.revision == "prod-live-3-0"
    assert found.confirmed[0].milliseconds == 7.0
    assert found.published_milliseconds == 2.0


def test_an_order_that_is_not_published_is_confirmed_by_nobody():
    found = progress(sidecar(), order=replace(ORDER, number=3))
    assert (found.revision, found.confirmed, found.published_milliseconds, found.fenced) == ("", (), None, None)
    assert [point.id for point in found.waiting] == ["a"]


def test_a_later_bundle_confirms_too_from_the_first_that_was_heard_of():
    first = START + 30 * S + 3 * MS
    receipt = sidecar(
        activations=(
            Activation("prod-live-2-0", START + 20 * S),
            Activation("prod-live-3-0", first),
            Activation("prod-live-4-0", START + 40 * S),
        )
    )
    later = replace(receipt, live_revision="prod-live-4-0", live_since_ns=START + 40 * S)
    found = progress(later, published=[*PUBLISHED, published(4)], now=START + 41 * S)
    assert found.confirmed[0].milliseconds == 5.0
    # What was forgotten cannot make it earlier than what is known.
    short = replace(later, activations=later.activations[2:])
    assert progress(short, published=[*PUBLISHED, published(4)]).confirmed[0].milliseconds == 10_002.0


def test_whoever_went_back_confirms_no_longer_and_anew_when_it_returns():
    went = (Activation("prod-live-3-0", START + 30 * S), Activation("prod-live-2-0", START + 35 * S))
    back = sidecar(live=2, since=START + 35 * S, activations=went)
    assert progress(back).confirmed == ()
    again = sidecar(live=3, since=START + 38 * S, activations=(*went, Activation("prod-live-3-0", START + 38 * S)))
    assert progress(again).confirmed[0].milliseconds == 8002.0


def test_nobody_waits_for_those_that_are_gone_and_hold_nothing_that_counts():
    gone = sidecar("gone", live=1, seen=START)
    found = progress(sidecar(), gone, now=START + 615 * S)
    assert [point.status for point in found.waiting] == ["expired"]
    assert found.awaited == ()
    assert progress(sidecar(), gone, now=START + 200 * S).awaited != ()


def test_the_fence_is_the_end_of_the_last_bundle_without_the_order():
    assert progress(sidecar()).fenced == PUBLISHED[1].not_after_ns
    assert progress(sidecar(), order=replace(ORDER, number=0)).fenced is None


@pytest.mark.parametrize(("share", "expected"), [(0.0, 1.0), (0.5, 50.0), (0.99, 99.0), (1.0, 100.0)])
def test_percentiles_are_of_the_nearest_rank(share, expected):
    receipts = [sidecar(str(n), since=ORDER.accepted_ns + n * MS) for n in range(1, 101)]
    assert progress(*receipts).percentile(share) == expected


def test_nothing_confirmed_has_no_percentile():
    assert progress().percentile(0.5) is None
