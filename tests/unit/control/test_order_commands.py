"""The commands that order, against a control plane that says what each test wants."""

import json
import signal
import threading
import time

import pytest
from click.testing import CliRunner
from tests.unit.control.plane_simulator import (
    DIGESTS,
    LIVE,
    MLSEC,
    ONCALL,
    STRANGER,
    Simulator,
    control_bundle,
    control_document,
    simulated,
    write_keys,
)

from weighbridge.cli.main import cli
from weighbridge.control.entry import EMPTY, Accepted, log_line, sign_entry
from weighbridge.control.fleet import fleet
from weighbridge.control.fleet_view import instant
from weighbridge.control.order import Request, has_signed, order_predicate, sign_order
from weighbridge.control.receipt import AcceptedOrder, Publication, Receipt
from weighbridge.engines.process import free_port
from weighbridge.errors import InputError
from weighbridge.evidence.dsse import parse_envelope

S = 10**9


@pytest.fixture
def keys(tmp_path):
    return write_keys(tmp_path)


@pytest.fixture(scope="module")
def served():
    with simulated() as (simulator, url):
        yield simulator, url


@pytest.fixture
def plane(served):
    simulator, url = served
    simulator.forget()
    simulator.url = url
    return simulator


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    folder = tmp_path / "state"
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))
    for name in ("WEIGHBRIDGE_SERVER", "WEIGHBRIDGE_CA", "WEIGHBRIDGE_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    return folder / "weighbridge" / "orders"


def call(*arguments, **given):
    result = CliRunner().invoke(cli, [str(argument) for argument in arguments], **given)
    if isinstance(result.exception, InputError):
        return result, str(result.exception)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result, result.output


def revoke(plane, keys, *more, target="kb@2", key="oncall", **given):
    arguments = ["revoke", target, "--reason", "bad answers", "--key", keys[key], "--server", plane.url, *more]
    if "--all-environments" not in more and "--environment" not in more:
        arguments += ["--environment", "prod"]
    return call(*arguments, **given)


def sent(plane):
    envelope = parse_envelope(plane.received[-1], "order")
    return json.loads(envelope.payload)["predicate"], envelope


# What is shown before anything is signed


def test_a_dry_run_shows_what_is_reached_and_signs_nothing(plane, keys):
    result, output = revoke(plane, keys, "--dry-run", "--release-key", keys["release"])
    assert result.exit_code == 0
    assert "kb@2: this is its artifact" in output or "kb@2: this is its name" in output
    assert "alias qa goes to kb@1" in output
    assert f"image sha256:{'9' * 64}" in output
    assert "signed by oncall: enough" in output
    assert "unverified" not in output
    assert "dry run: nothing signed" in output
    assert plane.received == []


def test_a_base_model_reaches_whatever_was_made_from_it(plane, keys):
    _, output = revoke(plane, keys, "--dry-run", "--release-key", keys["release"], target="hf://base@1")
    assert "reaches 2 versions" in output
    assert "it was made from this" in output
    assert "alias qa goes nowhere: its callers are denied" in output


def test_what_is_unknown_is_said(plane, keys):
    _, output = revoke(plane, keys, "--dry-run", "--release-key", keys["release"], target=f"sha256:{'f' * 64}")
    assert "reaches 0 versions" in output
    assert "nothing in this release has to do with" in output


@pytest.mark.parametrize(
    ("arguments", "warning"),
    [
        (["suspend", "acne"], "there is no tenant acne"),
        (["revoke-key", "aaaaaaaa"], "there is no key aaaaaaaa"),
        (["freeze", "kb@9"], "there is no version kb@9"),
        (["distrust", "nobody"], "no approval in this release rests on nobody"),
        (["route", "qi", "kb@1"], "there is no alias qi"),
        (["route", "qa", "kb@9"], "there is no version kb@9"),
        (["route", "qa", "chat@1"], "qa may point to versions of kb only"),
    ],
)
def test_what_is_unknown_is_said_for_each_kind(plane, keys, arguments, warning):
    _, output = call(
        *arguments, "--environment", "prod", "--reason", "x", "--key", keys["oncall"], "--server", plane.url,
        "--dry-run", "--release-key", keys["release"],
    )  # fmt: skip
    assert f"warning: {warning}" in output


def test_a_key_that_may_not_order_is_told_so_before_it_signs(plane, keys):
    _, output = revoke(plane, keys, "--dry-run", "--release-key", keys["release"], key="stranger")
    assert "this key may not order revoke here; these may: oncall" in output


def test_without_the_release_key_the_preview_says_whose_word_it_is(plane, keys):
    _, output = revoke(plane, keys, "--dry-run")
    assert "unverified" in output
    assert "kb@2" in output


def test_control_data_by_another_key_is_no_preview_and_holds_nobody_up(plane, keys):
    plane.controls["prod"] = control_bundle(key=STRANGER)
    result, output = revoke(plane, keys, "--yes", "--release-key", keys["release"])
    assert result.exit_code == 0
    assert "no preview" in output
    assert "in force" in output


def test_control_data_that_is_gone_holds_nobody_up(plane, keys):
    plane.controls.clear()
    result, output = revoke(plane, keys, "--yes")
    assert result.exit_code == 0
    assert "no preview" in output


def test_a_revocation_is_asked_for(plane, keys):
    result, output = revoke(plane, keys, input="")
    assert result.exit_code == 2 or "no terminal" in output
    assert plane.received == []


def test_everything_that_is_shown_can_be_shown(plane, keys):
    document = control_document()
    document["routes"]["\x1b[2Jqa"] = document["routes"].pop("qa")
    plane.controls["prod"] = control_bundle(document)
    _, output = revoke(plane, keys, "--dry-run")
    assert "\x1b" not in output


# What became of it


def test_an_accepted_order_is_in_force_and_what_was_sent_is_the_order(plane, keys, state):
    result, output = revoke(plane, keys, "--yes", "--reference", "CVE-2026-1", "--expires", "7d")
    assert result.exit_code == 0
    assert "prod: in force after" in output
    assert "log entry 7" in output
    predicate, envelope = sent(plane)
    assert (predicate["kind"], predicate["target"], predicate["environments"]) == ("revoke", "kb@2", ["prod"])
    assert (predicate["reason"], predicate["reference"]) == ("bad answers", "CVE-2026-1")
    assert has_signed(envelope, ONCALL.public_key())
    assert list(state.iterdir()) == []


def test_the_artifact_that_is_meant_is_named_where_it_is_known_for_sure(plane, keys):
    revoke(plane, keys, "--yes", "--release-key", keys["release"])
    assert sent(plane)[0]["expects"] == DIGESTS["kb@2"]
    revoke(plane, keys, "--yes")
    assert "expects" not in sent(plane)[0]
    revoke(plane, keys, "--yes", "--release-key", keys["release"], target="hf://base@1")
    assert "expects" not in sent(plane)[0]


def test_all_environments_that_the_server_knows(plane, keys):
    plane.environments = ["prod", "staging"]
    plane.controls["staging"] = control_bundle(control_document("staging"))
    result, output = revoke(plane, keys, "--yes", "--all-environments")
    assert result.exit_code == 0
    assert sent(plane)[0]["environments"] == ["prod", "staging"]
    assert "staging: in force" in output


@pytest.mark.parametrize(
    ("outcome", "status", "said"),
    [
        ({"outcome": "known", "number": 3}, 0, "in force, and was before: log entry 3"),
        ({"outcome": "refused", "code": "ORD-005", "reason": "not by this key"}, 1, "REFUSED: ORD-005 not by this key"),
        (
            {"outcome": "pending", "code": "ORD-001", "reason": "one more", "missing_signatures": 1},
            1,
            "NOT in force: one more signature is missing",
        ),
    ],
)
def test_every_answer_is_said_with_its_status(plane, keys, outcome, status, said):
    plane.outcomes["prod"] = outcome
    result, output = revoke(plane, keys, "--yes", "--release-key", keys["release"])
    assert result.exit_code == status
    assert said in output
    if outcome["outcome"] == "pending":
        assert f"weighbridge orders cosign {sent(plane)[0]['id']} --key K --server http://127.0.0.1" in output


def test_one_environment_that_refuses_is_no_success(plane, keys):
    plane.environments = ["prod", "staging"]
    plane.outcomes["staging"] = {"outcome": "refused", "code": "ORD-005", "reason": "x"}
    result, output = revoke(plane, keys, "--yes", "--all-environments")
    assert result.exit_code == 1
    assert "prod: in force" in output
    assert "staging: REFUSED" in output


def test_an_environment_that_nothing_is_said_of_is_unknown(plane, keys, state):
    plane.results = [{"environment": "staging", "outcome": "accepted", "number": 1}]
    result, output = revoke(plane, keys, "--yes")
    assert result.exit_code == 1
    assert "prod: UNKNOWN" in output
    assert len(list(state.iterdir())) == 1


def test_a_refusal_of_the_order_itself_counts_everywhere(plane, keys):
    plane.results = [{"environment": "", "outcome": "refused", "code": "ORD-000", "reason": "is no order"}]
    plane.status = 422
    result, output = revoke(plane, keys, "--yes")
    assert result.exit_code == 1
    assert "prod: REFUSED: ORD-000 is no order" in output


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (b"<html>It works!</html>", 200),
        (b'{"results": [{"environment": "prod", "outcome": "of course"}]}', 200),
        (b'{"results": "yes"}', 200),
        (b"[" * 10_000, 200),
        (b"", 204),
        (b"no", 500),
    ],
    ids=["html", "outcome", "form", "deep", "empty", "broken"],
)
def test_an_answer_that_says_nothing_keeps_the_order(plane, keys, state, answer, status):
    plane.results, plane.status = answer, status
    result, output = revoke(plane, keys, "--yes")
    assert result.exit_code == 1
    assert "may have been accepted" in output
    (file,) = state.iterdir()
    assert file.read_bytes() == plane.received[-1]
    assert f"weighbridge orders send {file}" in output
    plane.results, plane.status = None, 200
    again, said = call("orders", "send", file, "--server", plane.url)
    assert again.exit_code == 0
    assert "prod: in force" in said
    assert plane.received[-1] == file.read_bytes()


def test_a_server_that_is_not_there_keeps_the_order_and_says_that_it_was_not_sent(keys, state):
    plane = Simulator()
    plane.url = f"http://127.0.0.1:{free_port()}"
    result, output = revoke(plane, keys, "--yes")
    assert result.exit_code == 1
    assert "it was not sent" in output
    assert len(list(state.iterdir())) == 1


def test_no_folder_to_keep_it_in_holds_nobody_up(plane, keys, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", "/proc/nowhere")
    monkeypatch.setattr("tempfile.tempdir", "/proc/nowhere")
    result, _ = revoke(plane, keys, "--yes")
    assert result.exit_code == 0


def test_replicas_are_asked_until_one_answers(plane, keys):
    result, output = revoke(plane, keys, "--yes", "--server", f"http://127.0.0.1:{free_port()}", "--server", plane.url)
    assert result.exit_code == 0
    assert "in force" in output


def test_the_server_may_stand_in_the_environment(plane, keys, monkeypatch):
    monkeypatch.setenv("WEIGHBRIDGE_SERVER", f"http://127.0.0.1:{free_port()} {plane.url}")
    result, _ = call(
        "freeze", "kb@2", "--environment", "prod", "--reason", "x", "--key", keys["oncall"]
    )  # fmt: skip
    assert result.exit_code == 0


def test_json_says_it_all_in_one_document(plane, keys):
    plane.environments = ["prod", "staging"]
    plane.outcomes["staging"] = {"outcome": "refused", "code": "ORD-005", "reason": "x"}
    result, _ = revoke(plane, keys, "--yes", "--all-environments", "--format", "json", "--release-key", keys["release"])
    document = json.loads(result.stdout)
    assert result.exit_code == 1
    assert document["order"]["id"] == document["id"]
    assert [one["in_force"] for one in document["results"]] == [True, False]
    assert document["preview"][0]["aliases"] == {"qa": "kb@1"}
    assert document["preview"][0]["trust"] == "verified"


# A server that lies


def log_with(envelope, key=LIVE, environment="prod", number=1):
    content = Accepted(json.loads(envelope), "00000000-0000-4000-8000-000000000001", "sha256:0", ("oncall",), "revoke")
    entry = sign_entry(content, key, environment=environment, head=EMPTY, at_ns=1)
    return log_line(entry.text)


def test_with_the_live_key_the_log_entry_is_looked_at(plane, keys):
    plane.outcomes["prod"] = {"outcome": "accepted", "number": 1}
    result, output = revoke(plane, keys, "--yes", "--live-key", keys["live"])
    assert result.exit_code == 1
    assert "NOT PROVEN" in output

    another = sign_order(order_predicate(Request("revoke", "kb@2", ("prod",), "x"), at_ns=time.time_ns()), [ONCALL])
    plane.logs["prod"] = log_with(another)
    assert "about something else" in revoke(plane, keys, "--yes", "--live-key", keys["live"])[1]


def test_orders_are_exported_from_a_server_whose_log_verifies(plane, keys, tmp_path):
    data = sign_order(order_predicate(Request("revoke", "kb@2", ("prod",), "x"), at_ns=time.time_ns()), [ONCALL])
    arguments = ("orders", "export", "--server", plane.url, "--key", keys["oncall"], "--live-key", keys["live"])
    plane.logs["prod"] = log_with(data, key=STRANGER)
    result, _ = call(*arguments, "--output", tmp_path / "orders")
    assert result.exit_code != 0
    assert not (tmp_path / "orders").exists()
    plane.logs["prod"] = log_with(data)
    result, output = call(*arguments, "--output", tmp_path / "orders")
    assert result.exit_code == 0, output
    assert len([*(tmp_path / "orders").iterdir()]) == 2


@pytest.mark.parametrize(
    ("forge", "said"),
    [
        (log_with, ""),
        (lambda data: log_with(data, key=STRANGER), "does not verify"),
        (lambda data: log_with(data, environment="staging"), "no entry 1 for prod"),
        (lambda data: b"", "no entry 1"),
        (lambda data: b"{}\n", "does not verify"),
        (lambda data: b"\xff\xfe\n", "does not verify"),
    ],
    ids=["true", "another key", "another environment", "empty", "no entry", "no text"],
)
def test_a_log_that_does_not_show_the_order_proves_nothing(plane, keys, tmp_path, forge, said):
    plane.outcomes["prod"] = {"outcome": "accepted", "number": 1}
    file = tmp_path / "order.json"
    assert revoke(plane, keys, "--yes", "--output", file)[0].exit_code == 0
    plane.logs["prod"] = forge(file.read_bytes())
    result, output = call(
        "orders", "send", file, "--server", plane.url, "--live-key", keys["live"], "--key", keys["oncall"]
    )
    if said:
        assert result.exit_code == 1
        assert "NOT PROVEN" in output
        assert said in output
    else:
        assert result.exit_code == 0
        assert "log entry 1, verified" in output


# Written instead of sent


def test_an_order_can_be_signed_where_there_is_no_network(keys, tmp_path, plane):
    file = tmp_path / "order.json"
    result, output = call(
        "revoke", "kb@2", "--environment", "prod", "--reason", "x", "--key", keys["oncall"], "--yes", "--output", file
    )
    assert result.exit_code == 0
    assert "NOT in force" in output
    assert call("orders", "send", file, "--server", plane.url)[0].exit_code == 0
    again, said = call(
        "revoke", "kb@2", "--environment", "prod", "--reason", "x", "--key", keys["oncall"], "--yes", "--output", file
    )
    assert again.exit_code != 0
    assert "is there already" in said


def test_sending_needs_no_key_but_waiting_does(plane, keys, tmp_path):
    file = tmp_path / "order.json"
    revoke(plane, keys, "--yes", "--output", file)
    result, output = call("orders", "send", file, "--server", plane.url, "--live-key", keys["live"])
    assert result.exit_code == 0
    assert "without --key it is not looked at" in output
    assert ", verified" not in output
    _, output = call("orders", "send", file, "--server", plane.url, "--wait")
    assert "Receipts are read by a key" in output


# What lifts and routes


def restriction(**changes):
    return {
        "environment": "prod",
        "id": "9f0a8c3e-0c5b-4f5f-8f0e-0a1b2c3d4e5f",
        "kind": "revoke",
        "target": "kb@2",
        "state": "in-force",
        "reason": "bad answers",
        "issued_at": "2026-01-01T00:00:00Z",
        "number": 3,
        "signers": ["oncall"],
        **changes,
    }


def restore(plane, keys, *more, target="kb@2"):
    return call(
        "restore", target, "--environment", "prod", "--reason", "fixed", "--key", keys["mlsec"], "--server", plane.url,
        "--release-key", keys["release"], *more,
    )  # fmt: skip


def test_what_is_taken_back_is_found(plane, keys):
    plane.orders = [restriction(), restriction(id="9f0a8c3e-0c5b-4f5f-8f0e-0a1b2c3d4e50", target="kb@1")]
    result, output = restore(plane, keys)
    assert result.exit_code == 0
    assert sent(plane)[0]["undoes"] == restriction()["id"]
    assert "signed by mlsec; 1 more of product must sign" in output


def test_a_version_and_its_digest_are_one_thing_and_what_was_typed_is_signed(plane, keys):
    plane.orders = [restriction(target=DIGESTS["kb@2"])]
    result, output = restore(plane, keys)
    assert result.exit_code == 0
    assert f"takes back revoke {DIGESTS['kb@2']} by oncall: bad answers" in output
    assert sent(plane)[0]["target"] == "kb@2"
    assert sent(plane)[0]["undoes"] == restriction()["id"]


def test_what_takes_back_is_not_issued_before_though_clocks_differ_by_a_little(plane, keys):
    for ahead, equal in ((20 * S, True), (3600 * S, False)):
        issued = instant(time.time_ns() + ahead)
        plane.orders = [restriction(issued_at=issued)]
        assert restore(plane, keys)[0].exit_code == 0
        assert (sent(plane)[0]["issued_at"] == issued) is equal


def test_what_is_not_restricted_cannot_be_restored(plane, keys):
    plane.orders = [restriction(kind="freeze"), restriction(state="lifted"), restriction(target="kb@1")]
    result, output = restore(plane, keys)
    assert result.exit_code != 0
    assert "nothing that is in force in prod revokes kb@2" in output
    assert plane.received == []


def test_several_are_listed_and_none_is_chosen(plane, keys):
    other = "9f0a8c3e-0c5b-4f5f-8f0e-0a1b2c3d4e50"
    plane.orders = [restriction(), restriction(id=other, reason="and again")]
    result, output = restore(plane, keys)
    assert result.exit_code != 0
    assert restriction()["id"] in output
    assert other in output
    assert "and again" in output
    assert restore(plane, keys, "--undoes", other)[0].exit_code == 0
    assert sent(plane)[0]["undoes"] == other


def test_the_named_one_must_be_about_that(plane, keys):
    plane.orders = [restriction(target="kb@1")]
    assert "is about kb@1" in restore(plane, keys, "--undoes", restriction()["id"])[1]
    assert "there is no order" in restore(plane, keys, "--undoes", "9f0a8c3e-0c5b-4f5f-8f0e-0a1b2c3d4e50")[1]


def test_what_a_release_revokes_only_a_release_restores(plane, keys):
    plane.orders = [restriction(state="compiled-in", number=None)]
    assert "only a release lifts it" in restore(plane, keys)[1]
    plane.orders.append(restriction(id="9f0a8c3e-0c5b-4f5f-8f0e-0a1b2c3d4e50"))
    assert restore(plane, keys)[0].exit_code == 0


def test_a_route_expects_what_is_so(plane, keys):
    result, _ = call(
        "route", "qa", "kb@1", "--environment", "prod", "--reason", "x", "--key", keys["oncall"], "--server", plane.url
    )
    assert result.exit_code == 0
    assert {name: sent(plane)[0].get(name) for name in ("to", "expects")} == {"to": "kb@1", "expects": "kb@2"}
    plane.active = {}
    call(
        "route", "qa", "kb@1", "--environment", "prod", "--reason", "x", "--key", keys["oncall"], "--server", plane.url
    )
    assert "expects" not in sent(plane)[0]


# Signing as well


def test_a_second_person_sees_the_order_and_signs_it(plane, keys, tmp_path):
    file = tmp_path / "order.json"
    plane.orders = [restriction()]
    assert restore(plane, keys, "--output", file)[0].exit_code == 0
    predicate = json.loads(parse_envelope(file.read_bytes(), "order").payload)["predicate"]
    waiting = {**restriction(**predicate), "state": "pending", "envelope": json.loads(file.read_bytes())}
    plane.orders.append(waiting)
    result, output = call(
        "orders", "cosign", predicate["id"], "--key", keys["product"], "--server", plane.url, "--yes",
        "--release-key", keys["release"],
    )  # fmt: skip
    assert result.exit_code == 0
    assert "signed so far by mlsec" in output
    assert "signed by mlsec, product: enough" in output
    envelope = sent(plane)[1]
    assert has_signed(envelope, MLSEC.public_key())
    assert len(envelope.signatures) == 2
    from_file, _ = call("orders", "cosign", file, "--key", keys["product"], "--server", plane.url, "--yes")
    assert from_file.exit_code == 0
    twice, said = call("orders", "cosign", file, "--key", keys["mlsec"], "--server", plane.url, "--yes")
    assert twice.exit_code != 0
    assert "already" in said


def test_another_order_under_the_id_is_not_signed(plane, keys):
    data = sign_order(
        order_predicate(Request("restore", "kb@2", ("prod",), "x", undoes=restriction()["id"]), at_ns=time.time_ns()),
        [MLSEC],
    )
    plane.orders = [restriction(state="pending", envelope=json.loads(data))]
    result, output = call(
        "orders", "cosign", restriction()["id"], "--key", keys["product"], "--server", plane.url, "--yes"
    )
    assert result.exit_code != 0
    assert "gave another order for it" in output
    unknown, said = call(
        "orders",
        "cosign",
        "9f0a8c3e-0c5b-4f5f-8f0e-0a1b2c3d4e50",
        "--key",
        keys["product"],
        "--server",
        plane.url,
        "--yes",
    )
    assert unknown.exit_code != 0
    assert "knows no order" in said


def test_a_signature_is_asked_for_too(plane, keys, tmp_path):
    file = tmp_path / "order.json"
    revoke(plane, keys, "--yes", "--output", file)
    _, output = call("orders", "cosign", file, "--key", keys["mlsec"], "--server", plane.url)
    assert "no terminal" in output
    result, said = call("orders", "cosign", file, "--key", keys["mlsec"], "--server", plane.url, "--dry-run")
    assert result.exit_code == 0
    assert "nothing signed" in said
    assert plane.received == []


# Waiting for receipts


def view_of(order_id, *points, newest=2):
    """A fleet of which the points named with True have the order."""
    now = time.time_ns()
    published = [
        Publication("prod", number, f"prod-live-{number}-0", now - S, now + 600 * S, now + 600 * S, number - 1)
        for number in range(1, newest + 1)
    ]
    receipts = [
        Receipt("prod", "sidecar", name, "c1", "envoy", f"prod-live-{2 if has else 1}-0", now, "r", now - 9 * S, now)
        for name, has in points
    ]
    orders = [AcceptedOrder(order_id, "revoke", "kb@2", 1, now - 5_000_000)]
    return fleet("prod", receipts, published, now, silent_after_ns=90 * S, orders=orders).model_dump_json()


def views(*stages):
    return [lambda request, stage=stage: view_of(request.query_params["order"], *stage) for stage in stages]


def test_waiting_ends_when_all_have_confirmed(plane, keys):
    plane.views = views([("a", False), ("b", False)], [("a", True), ("b", False)], [("a", True), ("b", True)])
    result, output = revoke(plane, keys, "--yes", "--wait", "20s")
    assert result.exit_code == 0
    assert "1 of 2 have confirmed" in output
    assert "all have confirmed: 2 of 2 have confirmed, p50 5 ms" in output


def test_who_has_not_confirmed_is_named(plane, keys):
    plane.views = views([("a", True), ("slow", False)])
    result, output = revoke(plane, keys, "--yes", "--wait", "1s")
    assert result.exit_code == 1
    assert "NOT confirmed by all within 1 s: 1 of 2" in output
    assert "sidecar c1/slow: behind since" in output
    assert "at the latest from" in output


def test_nobody_is_not_everybody(plane, keys):
    plane.views = views([])
    result, output = revoke(plane, keys, "--yes", "--wait", "1s")
    assert result.exit_code == 1
    assert "nobody has confirmed" in output


def test_a_server_that_shows_no_fleet_is_no_success(plane, keys):
    result, output = revoke(plane, keys, "--yes", "--wait", "1s")
    assert result.exit_code == 1
    assert "prod: in force" in output


def test_what_is_not_in_force_is_not_waited_for(plane, keys):
    plane.outcomes["prod"] = {"outcome": "refused", "code": "ORD-005", "reason": "x"}
    plane.views = views([("a", True)])
    result, output = revoke(plane, keys, "--yes", "--wait", "20s")
    assert result.exit_code == 1
    assert "confirmed" not in output


def test_json_names_who_has_not(plane, keys):
    plane.views = views([("a", True), ("slow", False)])
    result, _ = revoke(plane, keys, "--yes", "--wait", "1s", "--format", "json")
    (receipts,) = json.loads(result.stdout)["receipts"]
    assert receipts["all_confirmed"] is False
    assert [point["id"] for point in receipts["waiting"]] == ["slow"]


def test_breaking_off_leaves_the_order_in_force(plane, keys):
    plane.views = views([("a", True), ("slow", False)])

    def interrupt():
        plane.called.wait(20)
        # The second time it is asked for the fleet, it has shown what the first answer said.
        while sum(path.endswith("/fleet") for path, _ in plane.read) < 2:
            time.sleep(0.01)
        signal.raise_signal(signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    result, output = revoke(plane, keys, "--yes", "--wait", "60s")
    assert result.exit_code == 1
    assert "the order stays in force" in output
    assert "c1/slow" in output


# What contradicts itself


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--environment", "prod", "--all-environments"], "needs either of the two"),
        (["--wait", "soon"], "--wait"),
        (["--expires", "soon"], "--expires"),
        (["--expires", "2020-01-01T00:00:00Z"], "lies in the past"),
        (["--live-key", "nowhere.pub"], "nowhere.pub"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_done(plane, keys, more, said):
    result, output = revoke(plane, keys, "--yes", *more)
    assert result.exit_code != 0
    assert said in output
    assert plane.received == []


def test_somewhere_must_be_named(plane, keys):
    _, output = call("revoke", "kb@2", "--reason", "x", "--key", keys["oncall"], "--server", plane.url, "--yes")
    assert "Say where" in output
    _, output = call("revoke", "kb@2", "--environment", "prod", "--reason", "x", "--key", keys["oncall"], "--yes")
    assert "WEIGHBRIDGE_SERVER" in output
