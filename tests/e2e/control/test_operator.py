"""One person orders, a second one signs with them, and both see who has confirmed: the real server, the real OPA."""

import json
import re
import signal

import pytest
from tests.e2e.control.operator_site import MODEL, NEW, OLD, Site, ask, run, wait_for

pytestmark = pytest.mark.engines
ALIAS = "kb-qa"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    site = Site(tmp_path_factory.mktemp("operator")).compile()
    with site.serving():
        yield site


@pytest.fixture(scope="module")
def sidecar(site):
    with site.sidecar("gateway") as sidecar:
        yield sidecar


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


def orders_of(site):
    return json.loads(run("orders", "list", "--server", site.url, "--key", site.key("oncall"), "--format", "json"))[
        "orders"
    ]


def lift(site, kind, target):
    """Taken back by two people, each at a machine of their own."""
    output = site.order(kind, target, key="mlsec", status=1)
    order_id = re.search(r"orders cosign (\S+)", output).group(1)
    signed = ("--key", site.key("product"), "--server", site.url, "--yes", *site.verifying)
    return output, run("orders", "cosign", order_id, *signed, "--wait", "20s")


def test_a_revoked_version_answers_nothing_and_its_callers_get_the_one_before(site, sidecar):
    assert ask(sidecar) == (200, "", NEW)
    output = site.order("revoke", NEW, "--yes", "--wait", "20s")
    assert f"{NEW}: this is its name, and this is its artifact" in output
    assert f"alias {ALIAS} goes to {OLD}" in output
    assert re.search(r"prod: in force after \d+ ms: log entry \d+, verified", output)
    assert re.search(r"prod: all have confirmed: 1 of 1 have confirmed, p50 \d+ ms", output)
    assert ask(sidecar, NEW)[:2] == (403, "INF-014")
    assert ask(sidecar) == (200, "", OLD)


def test_taking_it_back_takes_two_people(site, sidecar):
    pending, signed = lift(site, "restore", NEW)
    assert "takes back revoke kb-qa-001@2.0 by oncall: bad answers" in pending
    assert "prod: NOT in force: one more signature is missing, of product" in pending
    assert "signed so far by mlsec" in signed
    assert "signed by mlsec, product: enough" in signed
    assert "prod: in force after" in signed
    assert "all have confirmed" in signed
    assert ask(sidecar) == (200, "", NEW)
    assert ask(sidecar, NEW) == (200, "", NEW)


def test_between_the_two_nothing_has_changed(site, sidecar):
    site.order("freeze", NEW, "--wait", "20s")
    assert ask(sidecar, NEW)[0] == 403
    site.order("thaw", NEW, key="mlsec", status=1)
    assert ask(sidecar, NEW)[0] == 403
    assert [order["state"] for order in orders_of(site)] == ["pending", "in-force"]
    (waiting,) = [order for order in orders_of(site) if order["state"] == "pending"]
    signed = ("--key", site.key("product"), "--server", site.url, "--yes", "--wait", "20s")
    run("orders", "cosign", waiting["id"], *signed)
    assert ask(sidecar, NEW)[0] == 200
    assert orders_of(site) == []


def test_an_alias_is_routed_from_where_it_points_and_from_nowhere_else(site, sidecar):
    site.order("route", ALIAS, OLD, "--wait", "20s")
    assert ask(sidecar) == (200, "", OLD)
    refused = site.order("route", ALIAS, NEW, "--expects", NEW, status=1)
    assert "REFUSED: ORD-014" in refused
    assert ask(sidecar) == (200, "", OLD)
    site.order("route", ALIAS, NEW, "--wait", "20s")
    assert ask(sidecar) == (200, "", NEW)


def test_a_tenant_and_a_key_of_a_tenant(site, sidecar):
    site.order("suspend", "acme", "--wait", "20s")
    assert ask(sidecar)[0] == 403
    lift(site, "resume", "acme")
    assert ask(sidecar)[0] == 200
    output = site.order("revoke-key", "aaaaaaaa")
    assert "there is no key aaaaaaaa in this release" in output
    assert "in force" in output


def test_who_may_not_order_is_told_so_twice(site, sidecar):
    output = site.order("revoke", NEW, "--yes", key="stranger", status=1)
    assert "no preview" in output
    assert "REFUSED: ORD-005" in output
    output = site.order("revoke", NEW, "--yes", key="product", status=1)
    assert "this key may not order revoke here; these may: oncall" in output
    assert ask(sidecar, NEW)[0] == 200


def test_the_same_order_can_be_sent_again(site, sidecar, tmp_path):
    file = tmp_path / "order.json"
    site.order("freeze", OLD, "--output", file)
    assert ask(sidecar, OLD)[0] == 200
    assert "in force after" in run("orders", "send", file, "--server", site.url)
    again = run("orders", "send", file, "--server", site.url, "--key", site.key("oncall"), *site.verifying)
    assert re.search(r"in force, and was before: log entry \d+, verified", again)
    wait_for(lambda: ask(sidecar, OLD)[0] == 403)
    lift(site, "thaw", OLD)


def test_an_order_is_shown_with_the_envelope_that_can_be_sent_elsewhere(site, sidecar, tmp_path):
    site.order("freeze", OLD, "--wait", "20s")
    (order,) = [order for order in orders_of(site) if order["kind"] == "freeze"]
    file = tmp_path / "order.json"
    reading = ("--server", site.url, "--key", site.key("product"))
    assert "prod: in-force" in run("orders", "show", order["id"], *reading, "--envelope", file)
    assert "in force, and was before" in run("orders", "send", file, "--server", site.url)
    lift(site, "thaw", OLD)


def test_who_has_not_confirmed_is_named_and_the_fleet_shows_them(site, sidecar):
    with site.sidecar("asleep") as other:
        site.order("freeze", OLD, "--wait", "20s")
        other.stop()
        output = site.order("suspend", "nobody", "--wait", "2s", status=1)
        assert "prod: in force" in output
        assert "NOT confirmed by all within 2 s: 1 of 2 have confirmed" in output
        assert re.search(r"  sidecar eu-1/\S+: (behind|silent|failing) since", output)
    reading = ("--server", site.url, "--key", site.key("oncall"))
    table = run("fleet", *reading, "--exit-code", status=1)
    assert re.search(r"prod: 1 current, 1 (behind|silent|failing); live prod-live-", table)
    first, second = table.splitlines()[2:4]
    assert "current" not in first
    assert "current" in second
    document = json.loads(run("fleet", *reading, "--format", "json"))
    assert document["environments"][0]["counts"]["current"] == 1


def test_breaking_off_the_waiting_leaves_the_order_in_force(site, sidecar):
    # The sidecar that the test before has ended is still missed.
    command = ("freeze", NEW, "--environment", "prod", "--reason", "x", "--key", site.key("oncall"), "--wait", "60s")
    process = site.start(*command)
    seen = ""
    for line in process.stdout:
        seen += line
        if "1 of 2 have confirmed" in line:
            process.send_signal(signal.SIGINT)
            break
    rest, _ = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "the waiting was broken off; the order stays in force" in rest
    assert "prod: in force" in seen + rest
    assert ask(sidecar, NEW)[0] == 403


def test_distrusting_who_packaged_everything_leaves_nothing(site, sidecar):
    output = site.order("distrust", "ci", "--yes")
    assert "reaches 2 versions" in output
    assert f"alias {ALIAS} goes nowhere: its callers are denied" in output
    wait_for(lambda: "INF-014" in ask(sidecar, OLD)[1])
    assert ask(sidecar)[0] != 200
    assert MODEL in output
