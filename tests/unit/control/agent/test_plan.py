"""In which order LiveState and approvals are written, so that nothing approved is refused and nothing older wins."""

from weighbridge.control.agent.plan import Cluster, Stored, plan_approvals, plan_live, withheld

from .parts import NOW, approval, live


def stored(signed, version="9"):
    resource = signed.resource()
    return Stored(resource["metadata"]["name"], version, resource["spec"], "uid")


def operations(changes):
    return [(change.operation, change.name) for change in changes]


def test_live_state_is_created_where_there_is_none():
    change = plan_live(live(), None, None).change
    assert (change.operation, change.version) == ("create", "")


def test_newer_live_state_takes_the_place_of_exactly_what_was_read():
    before = live(sequence=4)
    change = plan_live(live(), stored(before), before).change
    assert (change.operation, change.version) == ("update", "9")


def test_a_lower_sequence_is_never_written():
    plan = plan_live(live(sequence=4), stored(live()), live())
    assert plan.change is None
    assert "offers live state 4, and the cluster has 5" in plan.problem


def test_the_same_sequence_with_another_content_is_not_written():
    plan = plan_live(live(frozen={"kb@1": {"id": "1"}}), stored(live()), live())
    assert plan.change is None
    assert "differ" in plan.problem


def test_what_is_there_already_is_not_written_again():
    found = live()
    assert plan_live(found, stored(found), found).change is None


def test_forged_live_state_is_replaced_whatever_sequence_it_claims():
    forged = Stored("prod", "9", {"environment": "prod", "token": live(sequence=99).token})
    assert plan_live(live(), forged, None).change.operation == "update"


def test_what_somebody_wrote_beside_the_token_is_undone():
    found = live()
    changed = Stored("prod", "9", {"environment": "dev", "token": found.token})
    assert plan_live(found, changed, found).change.operation == "update"


def cluster(*present, settled=True, **changes):
    by_name = {each.name: each for each in present}
    return Cluster(live(**changes), settled, {name: stored(each) for name, each in by_name.items()}, by_name)


def wanted(*approvals):
    return {each.name: each for each in approvals}


def test_a_new_release_waits_until_gatekeeper_has_the_live_state_that_announces_it():
    old, new = approval(revision="old"), approval()
    assert plan_approvals(wanted(new), cluster(old, settled=False), [new.name], NOW) == []
    changes = plan_approvals(wanted(new), cluster(old), [new.name], NOW)
    assert operations(changes) == [("update", new.name)]


def test_an_approval_of_a_release_that_is_not_announced_is_not_written():
    only_old = [{"revision": "old"}]
    assert plan_approvals(wanted(approval()), cluster(approval(revision="old"), releases=only_old), None, NOW) == []


def test_what_counts_no_more_is_replaced_at_once():
    ended, new = approval(revision="ancient"), approval()
    assert operations(plan_approvals(wanted(new), cluster(ended, settled=False), None, NOW)) == [("update", new.name)]
    # The old release's time is over: its approval counts no more.
    old = approval(revision="old")
    assert operations(plan_approvals(wanted(new), cluster(old, settled=False), None, 1_500)) == [("update", new.name)]


def test_a_missing_approval_is_created_at_once():
    assert operations(plan_approvals(wanted(approval()), cluster(settled=False), None, NOW)) == [
        ("create", "prod.kb.1")
    ]


def test_a_forged_approval_is_replaced_at_once():
    forged = Stored("prod.kb.1", "9", {"token": "a.b.c"})
    found = Cluster(live(), False, {"prod.kb.1": forged}, {})
    assert operations(plan_approvals(wanted(approval()), found, None, NOW)) == [("update", "prod.kb.1")]


def test_what_no_release_lists_goes_when_its_own_is_announced_no_more():
    gone = approval(version="2", revision="old")
    assert plan_approvals({}, cluster(gone), [], NOW) == []
    assert operations(plan_approvals({}, cluster(gone), [], 1_500)) == [("delete", gone.name)]
    assert plan_approvals({}, cluster(gone), None, 1_500) == []
    assert plan_approvals({}, cluster(gone), [gone.name], 1_500) == []


def test_who_withholds_approvals_takes_none_away_and_is_told():
    assert withheld({}, ["prod.kb.1"], "new") == ["prod.kb.1"]
    assert withheld(wanted(approval(revision="old")), ["prod.kb.1"], "new") == ["prod.kb.1"]
    assert withheld(wanted(approval()), ["prod.kb.1"], "new") == []


def test_nothing_to_do_is_nothing():
    found = approval()
    assert plan_approvals(wanted(found), cluster(found), [found.name], NOW) == []
