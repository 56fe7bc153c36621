"""What a log comes to: restrictions, reach, routes and rollback, releases."""

import pytest
from tests.control_plane import control_document, key, predicate_of, version, version_digest
from tests.unit.control.core import NOW, Log, control, issued

from weighbridge.bundle.live import live_bundle, live_document
from weighbridge.control.entry import EMPTY, Accepted, Announced, Settled, sign_entry
from weighbridge.control.reach import reach
from weighbridge.control.state import State, bundle_metadata, live_state, next_sequence, rebuild

ONE, TWO = version_digest("qa@1.0.0"), version_digest("qa@2.0.0")
IMAGE, BASE = version_digest("an image"), version_digest("a base model")


def live(log):
    return live_document(live_state(log.state, sequence=7, issued_at_ns=log.now))


def rich(folder, note="", **changes):
    """Versions of one alias, tied by image, lineage and signer."""
    versions = {
        "qa@1.0.0": version("qa@1.0.0", since=10, images=[IMAGE], signers=["ci", "eve"]),
        "qa@2.0.0": version("qa@2.0.0", since=20, lineage=["hf://base", BASE]),
        "qa@3.0.0": version("qa@3.0.0", since=30, images=[IMAGE], lineage=["qa@2.0.0", TWO]),
        "qa@0.9.0": version("qa@0.9.0", since=40, approved=False),
        "qa@0.8.0": version("qa@0.8.0", since=50, served=False),
        "other@1.0.0": version("other@1.0.0", since=60),
    }
    routes = {"qa-now": {"models": ["qa"], "active": "qa@3.0.0"}}
    return control(folder, note, **({"versions": versions, "routes": routes} | changes))


def lift(log, kind, data):
    given = predicate_of(data)
    lifting = issued(kind, given["target"], undoes=given["id"], signers=("mlsec", "product"))
    assert log.take(lifting).outcome == "accepted"


def test_the_first_release_is_announced_and_routed(tmp_path):
    log = Log()
    log.release(rich(tmp_path), settle=False)
    document = live(log)
    assert document["releases"] == [{"revision": log.state.release.revision}]
    assert document["active"] == {"qa-now": "qa@3.0.0"}
    assert document["not_after"] == log.now + 600 * 10**9
    assert document["revoked"] == document["frozen"] == document["suspended"] == document["keys"] == {}
    assert live_bundle(document, key("live"), metadata=bundle_metadata(log.state))


def test_nothing_is_live_without_a_release():
    with pytest.raises(ValueError, match="announce a release"):
        live_state(State.empty("prod"), sequence=1, issued_at_ns=NOW)


@pytest.mark.parametrize(
    ("kind", "target", "revoked", "active"),
    [
        ("revoke", version_digest("qa@3.0.0"), {"qa@3.0.0"}, "qa@2.0.0"),
        ("revoke", "qa@3.0.0", {"qa@3.0.0"}, "qa@2.0.0"),
        ("revoke", IMAGE, {"qa@1.0.0", "qa@3.0.0"}, "qa@2.0.0"),
        ("revoke", TWO, {"qa@2.0.0", "qa@3.0.0"}, "qa@1.0.0"),
        ("revoke", "qa@2.0.0", {"qa@2.0.0", "qa@3.0.0"}, "qa@1.0.0"),
        ("revoke", BASE, {"qa@2.0.0"}, "qa@3.0.0"),
        ("revoke", "hf://base", {"qa@2.0.0"}, "qa@3.0.0"),
        ("distrust", "eve", {"qa@1.0.0"}, "qa@3.0.0"),
        ("distrust", "ci", {"qa@0.8.0", "qa@0.9.0", "qa@1.0.0", "qa@2.0.0", "qa@3.0.0", "other@1.0.0"}, None),
    ],
)
def test_what_a_revocation_reaches(tmp_path, kind, target, revoked, active):
    log = Log(rich(tmp_path))
    foreseen = reach(log.state.release, kind, target)
    data = issued(kind, target)
    assert log.take(data).outcome == "accepted"
    document = live(log)
    digests = {version_digest(name) for name in revoked}
    assert set(document["revoked"]) - {target} == digests - {target}
    assert (target in document["revoked"]) == target.startswith("sha256:")
    assert document["active"].get("qa-now") == active
    assert set(foreseen.versions) == revoked
    assert set(foreseen.digests) == set(document["revoked"])
    if "qa@3.0.0" in revoked:
        assert foreseen.aliases == {"qa-now": active}
    lift(log, "restore", data)
    assert live(log)["revoked"] == {}
    assert live(log)["active"] == {"qa-now": "qa@3.0.0"}


def test_a_frozen_version_is_rolled_back_from_and_thawed(tmp_path):
    log = Log(rich(tmp_path))
    data = issued("freeze", "qa@3.0.0")
    log.take(data)
    assert set(live(log)["frozen"]) == {"qa@3.0.0"}
    assert live(log)["active"] == {"qa-now": "qa@2.0.0"}
    lift(log, "thaw", data)
    assert live(log)["active"] == {"qa-now": "qa@3.0.0"}


def test_an_alias_goes_back_to_where_it_was(tmp_path):
    log = Log(rich(tmp_path))
    for to, expects in (("qa@1.0.0", "qa@3.0.0"), ("qa@2.0.0", "qa@1.0.0")):
        assert log.take(issued("route", "qa-now", to=to, expects=expects)).outcome == "accepted"
    log.take(issued("freeze", "qa@2.0.0"))
    assert live(log)["active"] == {"qa-now": "qa@1.0.0"}


def test_tenants_and_keys(tmp_path):
    log = Log(rich(tmp_path))
    tenant, credential = issued("suspend", "acme"), issued("revoke-key", "k7m2p9qa")
    log.take(tenant)
    log.take(credential)
    document = live(log)
    assert (set(document["suspended"]), set(document["keys"])) == ({"acme"}, {"k7m2p9qa"})
    lift(log, "resume", tenant)
    assert live(log)["suspended"] == {}


def test_a_restriction_ends_by_itself(tmp_path):
    log = Log(rich(tmp_path))
    log.take(issued("freeze", "qa@3.0.0", expires="2026-01-15T00:01:00Z"))
    assert live(log)["active"] == {"qa-now": "qa@2.0.0"}
    log.now = NOW + 60 * 10**9
    assert live(log)["frozen"] == {}
    assert live(log)["active"] == {"qa-now": "qa@3.0.0"}


def test_of_two_orders_the_one_that_lasts_longer_is_told(tmp_path):
    log = Log(rich(tmp_path))
    forever = issued("freeze", "qa@3.0.0")
    log.take(forever)
    log.take(issued("freeze", "qa@3.0.0", expires="2026-01-15T00:01:00Z"))
    assert live(log)["frozen"]["qa@3.0.0"]["id"] == predicate_of(forever)["id"]


def test_a_later_version_that_leads_to_it_is_revoked_as_well(tmp_path):
    log = Log(rich(tmp_path))
    log.take(issued("revoke", BASE))
    versions = control_document()["versions"] | {"qa@4.0.0": version("qa@4.0.0", lineage=[BASE])}
    log.release(rich(tmp_path, "two", versions=versions))
    revoked = live(log)["revoked"]
    assert version_digest("qa@4.0.0") in revoked
    # What it reached once stays revoked, though the new release does not say what it was made from.
    assert TWO in revoked


def test_a_release_in_which_a_signer_is_gone_lifts_nothing(tmp_path):
    log = Log(rich(tmp_path))
    log.take(issued("revoke", version_digest("qa@3.0.0")))
    authority = control_document()["authority"]
    authority = authority | {"revoke": {"keys": {"mlsec": authority["revoke"]["keys"]["mlsec"]}, "threshold": 1}}
    log.release(rich(tmp_path, "two", authority=authority))
    assert version_digest("qa@3.0.0") in live(log)["revoked"]
    assert log.judge(issued("revoke", ONE)).code == "ORD-005"


def test_a_roll_out(tmp_path):
    first = rich(tmp_path)
    log = Log(first)
    routes = {"qa-now": {"models": ["qa"], "active": "qa@2.0.0"}}
    second = rich(tmp_path, "two", routes=routes)
    log.release(second, settle=False, until_ns=log.now + 100 * 10**9)
    document = live(log)
    assert document["releases"] == [
        {"revision": second.revision},
        {"revision": first.revision, "until": log.entries[-1].content.until_ns},
    ]
    assert document["active"] == {"qa-now": "qa@3.0.0"}
    log.append(Settled(second.revision))
    assert live(log)["active"] == {"qa-now": "qa@2.0.0"}
    log.now += 200 * 10**9
    assert live(log)["releases"] == [{"revision": second.revision}]


def test_a_release_that_never_settled_is_reached_as_long_as_it_runs(tmp_path):
    log = Log(rich(tmp_path))
    versions = {name: version(name) for name in ("qa@1.0.0", "qa@3.0.0", "qa@8.0.0")}
    versions["qa@8.0.0"]["lineage"] = [BASE]
    log.release(rich(tmp_path, "two", versions=versions), settle=False)
    end = log.now + 100 * 10**9
    log.release(rich(tmp_path, "three"), settle=False, until_ns=end)
    log.take(issued("revoke", BASE))
    assert version_digest("qa@8.0.0") in live(log)["revoked"]
    log.now = end
    log.take(issued("freeze", "qa@1.0.0"))
    log.take(issued("revoke", version_digest("qa@1.0.0")))
    assert len(live(log)["releases"]) == 2
    # It has ended, and what it reached stays revoked.
    assert version_digest("qa@8.0.0") in live(log)["revoked"]


def test_while_a_release_rolls_out_both_must_know_the_version(tmp_path):
    log = Log(rich(tmp_path))
    versions = {name: version(name) for name in ("qa@1.0.0", "qa@2.0.0")}
    log.release(rich(tmp_path, "two", versions=versions), settle=False)
    assert live(log)["active"] == {"qa-now": "qa@2.0.0"}


def test_compiled_in_orders_are_rolled_back_from(tmp_path):
    entry = {"id": "00000000-0000-4000-8000-000000000001", "reason": "bad", "issued_at": 1}
    orders = control_document()["orders"] | {"frozen": {"qa@3.0.0": entry}}
    log = Log(rich(tmp_path, orders=orders))
    assert live(log)["active"] == {"qa-now": "qa@2.0.0"}
    assert live(log)["frozen"] == {}


def test_an_approval_that_ends_is_rolled_back_from(tmp_path):
    versions = {
        "qa@1.0.0": version("qa@1.0.0"),
        "qa@2.0.0": version("qa@2.0.0", not_after=NOW + 60 * 10**9),
    }
    routes = {"qa-now": {"models": ["qa"], "active": "qa@2.0.0"}}
    log = Log(rich(tmp_path, versions=versions, routes=routes))
    assert live(log)["active"] == {"qa-now": "qa@2.0.0"}
    log.now = NOW + 60 * 10**9
    assert live(log)["active"] == {"qa-now": "qa@1.0.0"}


def test_sequences_never_go_back():
    assert next_sequence(0, 5 * 10**9) == 5000
    assert next_sequence(9000, 5 * 10**9) == 9001


def entry(log, content, **changes):
    given = {"environment": "prod", "head": log.state.head, "at_ns": log.now} | changes
    return sign_entry(content, key("live"), **given)


def test_entries_that_cannot_follow(tmp_path):
    first = rich(tmp_path)
    log = Log(first)
    data = issued("revoke", ONE)
    accepted = log.judge(data).accepted
    log.append(accepted)
    before = log.state
    other = log.judge(issued("revoke", TWO)).accepted
    lifting = issued("restore", ONE, undoes=predicate_of(data)["id"], signers=("mlsec", "product"))
    undone = log.judge(lifting).accepted
    log.append(undone)
    second = rich(tmp_path, "two")
    bad = [
        (entry(log, other, environment="dev"), None),
        (entry(log, other, head=EMPTY), None),
        (entry(log, other, head=before.head), None),
        (entry(log, accepted), None),
        (entry(log, undone), None),
        (entry(log, Accepted(other.envelope, accepted.id, "r", ("oncall",), "revoke")), None),
        (entry(log, Accepted(other.envelope, other.id, "r", ("oncall",), "freeze")), None),
        (entry(log, Accepted({"payload": "e30="}, other.id, "r", ("oncall",), "revoke")), None),
        (entry(log, Settled("another")), None),
        (entry(log, Announced(second.revision, second.sha256, {}, None)), second),
        (entry(log, Announced(second.revision, second.sha256, {}, NOW)), None),
        (entry(log, Announced(second.revision, second.sha256, {}, NOW)), first),
        (entry(log, Announced(second.revision, "sha256:" + "0" * 64, {}, NOW)), second),
    ]
    state = log.state
    for each, given in bad:
        with pytest.raises(ValueError, match=r"\S"):
            state.apply(each, given)
    assert log.state is state
    dev = control(tmp_path, environment="dev")
    with pytest.raises(ValueError, match="environment"):
        State.empty("prod").apply(
            sign_entry(Announced(dev.revision, dev.sha256, {}), key("live"), environment="prod", head=EMPTY, at_ns=NOW),
            dev,
        )


def test_rebuilt_from_its_log(tmp_path):
    log = Log(rich(tmp_path))
    log.take(issued("revoke", IMAGE))
    log.release(rich(tmp_path, "two"))
    log.take(issued("suspend", "acme"))
    again = rebuild("prod", tuple(log.entries), log.controls)
    assert live_document(live_state(again, sequence=7, issued_at_ns=log.now)) == live(log)
    with pytest.raises(ValueError, match="missing"):
        rebuild("prod", tuple(log.entries), {})
