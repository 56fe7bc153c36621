"""Orders in the catalogue: what they restrict, who may give them, and that nothing lifts a restriction by accident."""

import base64
import json
from itertools import permutations
from typing import Any

import pytest

from weighbridge.canonical import canonical, digest
from weighbridge.catalogue.load import load_catalogue
from weighbridge.control.entry import EMPTY, Accepted, Settled, sign_entry
from weighbridge.errors import InputError
from weighbridge.evidence.dsse import PAYLOAD_TYPE, envelope_json, sign_envelope
from weighbridge.evidence.predicates import ORDER
from weighbridge.evidence.statement import statement_json
from weighbridge.keys import public_pem
from weighbridge.registry.orders import Restrictions, resolve_orders

Workshop = Any
AT_NS = 1768435200 * 10**9
NAME = "qa@1.0.0"
OTHER_ID = "00000000-0000-4000-8000-000000000000"


def restrictions(workshop: Workshop, environment: str = "prod") -> Restrictions:
    return resolve_orders(load(workshop), AT_NS).restrictions[environment]


def load(workshop: Workshop) -> Any:
    return load_catalogue(workshop.root)


def problems(workshop: Workshop) -> str:
    with pytest.raises(InputError) as caught:
        resolve_orders(load(workshop), AT_NS)
    return "\n".join(problem.message for problem in caught.value.problems)


def artifact(workshop: Workshop) -> str:
    return str(load(workshop).versions[NAME].artifact_digest)


def test_no_orders(workshop: Workshop) -> None:
    assert restrictions(workshop) == Restrictions({}, {}, {}, {})


def test_every_restriction_lands_where_it_belongs(workshop: Workshop) -> None:
    digest_ = artifact(workshop)
    ids = [
        workshop.order("revoke", digest_, "oncall", reference="https://example.com/1"),
        workshop.order("freeze", NAME, "mlsec"),
        workshop.order("suspend", "acme", "oncall", expires="2026-02-01T00:00:00Z"),
        workshop.order("revoke-key", "k7m2p9qa", "oncall"),
    ]
    workshop.order("route", "qa-now", "oncall", to=NAME)
    workshop.order("distrust", "eval", "mlsec")
    found = restrictions(workshop)
    assert [e["id"] for part in found.document().values() for e in part.values()] == ids
    assert found.revoked[digest_] == {
        "id": ids[0],
        "reason": "an incident",
        "reference": "https://example.com/1",
        "issued_at": 1768348800 * 10**9,
    }
    assert found.suspended["acme"]["expires"] == 1769904000 * 10**9
    assert restrictions(workshop, "staging") == Restrictions({}, {}, {}, {})
    assert resolve_orders(load(workshop), AT_NS).warnings == ()


def test_a_version_by_its_name_is_its_digest(workshop: Workshop) -> None:
    expected = "sha256:" + "e" * 64
    workshop.order("revoke", NAME, "oncall", expects=expected)
    assert set(restrictions(workshop).revoked) == {artifact(workshop), expected}


def test_a_target_that_nobody_knows_is_said_aloud(workshop: Workshop) -> None:
    workshop.order("revoke", "sha256:" + "e" * 64, "oncall")
    workshop.order("freeze", "qa@9.9.9", "oncall")
    workshop.order("suspend", "nobody", "oncall")
    assert len(resolve_orders(load(workshop), AT_NS).warnings) == 3
    workshop.order("revoke", "qa@9.9.9", "oncall")
    assert "there is no version qa@9.9.9" in problems(workshop)


@pytest.mark.parametrize(
    ("kind", "undo", "target"), [("revoke", "restore", None), ("freeze", "thaw", NAME), ("suspend", "resume", "acme")]
)
def test_what_lifts_needs_its_own_threshold(workshop: Workshop, kind: str, undo: str, target: str | None) -> None:
    target = target or artifact(workshop)
    given = workshop.order(kind, target, "oncall")
    assert any(restrictions(workshop).document().values())
    file = workshop.root / "orders" / f"{workshop.order(undo, target, 'mlsec', undoes=given)}.json"
    assert "needs the signatures of 2 of mlsec, product" in problems(workshop)
    file.unlink()
    workshop.order(undo, target, "mlsec", "product", undoes=given)
    assert not any(restrictions(workshop).document().values())


def test_each_of_two_restrictions_must_be_lifted(workshop: Workshop) -> None:
    first = workshop.order("freeze", NAME, "oncall")
    second = workshop.order("freeze", NAME, "mlsec", issued_at="2026-01-14T01:00:00Z")
    workshop.order("thaw", NAME, "mlsec", "product", undoes=second, issued_at="2026-01-14T02:00:00Z")
    assert restrictions(workshop).frozen[NAME]["id"] == first


def test_the_one_that_lasts_longer_is_kept(workshop: Workshop) -> None:
    long = workshop.order("freeze", NAME, "oncall")
    workshop.order("freeze", NAME, "oncall", issued_at="2026-01-14T03:00:00Z", expires="2026-02-01T00:00:00Z")
    assert restrictions(workshop).frozen[NAME]["id"] == long


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"undoes": OTHER_ID}, "there is no order"),
        ({"target": "qa@2.0.0"}, "is about qa@1.0.0, not about qa@2.0.0"),
        ({"environments": ["prod", "staging"]}, "nobody may order thaw in staging"),
        ({"issued_at": "2026-01-13T00:00:00Z"}, "it was issued before"),
        ({"undoes": None}, "must name what is undone"),
        ({"expires": "2026-02-01T00:00:00Z"}, "belongs to a restriction only"),
    ],
)
def test_what_lifts_must_fit_what_it_lifts(workshop: Workshop, changes: dict[str, Any], message: str) -> None:
    given = {"undoes": workshop.order("freeze", NAME, "oncall"), "issued_at": "2026-01-14T02:00:00Z", **changes}
    target = given.pop("target", NAME)
    given = {name: value for name, value in given.items() if value is not None}
    workshop.order("thaw", target, "mlsec", "product", **given)
    assert message in problems(workshop)


def test_a_kind_lifts_its_own_kind_only(workshop: Workshop) -> None:
    workshop.order("resume", NAME, "mlsec", "product", undoes=workshop.order("freeze", NAME, "oncall"))
    assert "resume undoes suspend" in problems(workshop)


def test_a_restriction_in_two_environments_is_lifted_where_the_order_says(workshop: Workshop) -> None:
    orders = workshop.configuration["environments"]["prod"]["orders"]
    workshop.configure({"environments.staging.orders": orders})
    given = workshop.order("freeze", NAME, "oncall", environments=["prod", "staging"])
    workshop.order("thaw", NAME, "mlsec", "product", undoes=given, environments=["staging"])
    assert restrictions(workshop, "staging").frozen == {}
    assert set(restrictions(workshop, "prod").frozen) == {NAME}


def signed(workshop: Workshop, changes: dict[str, Any], subject: dict[str, str] | None = None) -> None:
    """An order with parts of its predicate, or its subject, replaced, and signed by somebody who may order."""
    predicate = {
        "id": OTHER_ID,
        "kind": "freeze",
        "target": NAME,
        "environments": ["prod"],
        "reason": "an incident",
        "issued_at": "2026-01-14T00:00:00Z",
    } | changes
    own = subject or {"name": ORDER, "digest": digest(canonical(predicate))}
    payload = statement_json(ORDER, predicate, [(own["name"], own["digest"])])
    workshop.write("orders/one.json", envelope_json(sign_envelope(PAYLOAD_TYPE, payload, [workshop.key("oncall")])))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "melt"}, "Input should be"),
        ({"environments": []}, "at least 1"),
        ({"environments": ["nowhere"]}, "there is no environment nowhere"),
        ({"environments": ["dev"]}, "nobody may order freeze in dev"),
        ({"environments": ["prod", "prod"]}, "names one twice"),
        ({"issued_at": "2026-01-15T00:00:01Z"}, "later than --at"),
        ({"issued_at": "yesterday"}, "RFC 3339"),
        ({"expires": "2026-01-13T00:00:00Z"}, "lies behind"),
        ({"undoes": OTHER_ID}, "and nothing else"),
        ({"to": NAME}, "for nothing else"),
        ({"kind": "route"}, "must be there for route"),
        ({"id": "NOT-A-UUID"}, "badly formed"),
        ({"surprise": 1}, "Extra inputs"),
    ],
)
def test_an_order_of_the_wrong_form(workshop: Workshop, changes: dict[str, Any], message: str) -> None:
    signed(workshop, {})
    assert set(restrictions(workshop).frozen) == {NAME}
    signed(workshop, changes)
    assert message in problems(workshop)


@pytest.mark.parametrize(
    "subject",
    [
        {"name": ORDER, "digest": "sha256:" + "0" * 64},
        {"name": "an order", "digest": ""},
    ],
)
def test_an_order_about_something_else(workshop: Workshop, subject: dict[str, str]) -> None:
    signed(workshop, {}, subject)
    assert "must have one subject" in problems(workshop)


def order_file(workshop: Workshop) -> Any:
    workshop.order("freeze", NAME, "oncall")
    return next((workshop.root / "orders").iterdir())


def test_one_signature_by_nobody_fails_everything(workshop: Workshop) -> None:
    workshop.order("freeze", NAME, "stranger")
    assert "and has 0" in problems(workshop)


def test_a_changed_order_fails_everything(workshop: Workshop) -> None:
    file = order_file(workshop)
    document = json.loads(file.read_text())
    document["payload"] = document["payload"][:-8] + "AAAA" + document["payload"][-4:]
    file.write_text(json.dumps(document))
    with pytest.raises(InputError):
        resolve_orders(load(workshop), AT_NS)


def test_a_removed_signer_fails_everything_and_lifts_nothing(workshop: Workshop) -> None:
    order_file(workshop)
    workshop.configure({"environments.prod.orders.freeze.signers": ["mlsec"]})
    assert "needs the signatures of 1 of mlsec" in problems(workshop)


def test_a_removed_kind_fails_everything(workshop: Workshop) -> None:
    order_file(workshop)
    workshop.configure({"environments.prod.orders.freeze": None})
    assert "nobody may order freeze in prod" in problems(workshop)


def test_a_restriction_outlives_its_signers_key_and_a_lift_does_not(workshop: Workshop) -> None:
    given = workshop.order("freeze", NAME, "mlsec")
    workshop.configure({"trust.signers.mlsec.not_after": "2026-01-14T12:00:00Z"})
    assert set(restrictions(workshop).frozen) == {NAME}
    workshop.order("thaw", NAME, "mlsec", "product", undoes=given)
    assert "by keys that count, and has 1" in problems(workshop)


def test_a_compromised_key_restricts_only_what_it_did_before(workshop: Workshop) -> None:
    given = workshop.order("freeze", NAME, "mlsec", issued_at="2026-01-10T00:00:00Z")
    workshop.configure({"trust.signers.mlsec.compromised_from": "2026-01-12T00:00:00Z"})
    assert set(restrictions(workshop).frozen) == {NAME}
    workshop.order("thaw", NAME, "mlsec", "product", undoes=given, issued_at="2026-01-11T00:00:00Z")
    assert "and has 1" in problems(workshop)


def test_a_compromised_key_restricts_nothing_more(workshop: Workshop) -> None:
    workshop.configure({"trust.signers.mlsec.compromised_from": "2026-01-12T00:00:00Z"})
    workshop.order("freeze", NAME, "mlsec")
    assert "and has 0" in problems(workshop)


def test_the_same_order_twice_is_one(workshop: Workshop) -> None:
    file = order_file(workshop)
    workshop.write("orders/again.json", file.read_bytes())
    assert set(restrictions(workshop).frozen) == {NAME}


def test_two_orders_with_one_id_fail(workshop: Workshop) -> None:
    workshop.order("freeze", NAME, "oncall", id=OTHER_ID)
    (workshop.root / f"orders/{OTHER_ID}.json").rename(workshop.root / "orders/first.json")
    workshop.order("suspend", "acme", "oncall", id=OTHER_ID)
    assert "says something else" in problems(workshop)


def test_other_statements_do_not_belong_there(workshop: Workshop) -> None:
    source = workshop.root / "models/qa/1.0.0/evidence/package.json"
    workshop.write("orders/package.json", source.read_bytes())
    assert "has predicate type" in problems(workshop)


LIVE = "live"


def accepted(workshop: Workshop, order_id: str, *, signer: str = LIVE, **more: Any) -> Any:
    """The record that the control plane took an order, beside it."""
    file = workshop.root / f"orders/{order_id}.json"
    envelope = json.loads(file.read_bytes())
    predicate = json.loads(base64.b64decode(envelope["payload"]))["predicate"]
    content = Accepted(envelope, order_id, "sha256:" + "0" * 64, ("gone",), predicate["kind"])
    given = {"environment": "prod", "head": EMPTY, "at_ns": AT_NS} | more
    entry = sign_entry(content, workshop.key(signer), **given)
    workshop.write(f"orders/{order_id}.acceptance.json", json.dumps({"entries": [entry.text]}))
    return entry


def trusting(workshop: Workshop) -> Workshop:
    """A catalogue that trusts a control plane."""
    workshop.write("keys/live.pub", public_pem(workshop.key(LIVE).public_key()))
    workshop.configure({"trust.control_plane": ["keys/live.pub"]})
    return workshop


def test_a_signer_who_is_gone_lifts_nothing(workshop: Workshop) -> None:
    trusting(workshop)
    order_id = workshop.order("freeze", NAME, "stranger")
    assert "needs the signatures" in problems(workshop)
    accepted(workshop, order_id)
    assert set(restrictions(workshop).frozen) == {NAME}


def test_an_accepted_order_about_a_version_that_is_gone_stops_no_compile(workshop: Workshop) -> None:
    trusting(workshop)
    order_id = workshop.order("revoke", "qa@9.9.9", "oncall")
    assert "there is no version qa@9.9.9" in problems(workshop)
    accepted(workshop, order_id)
    resolved = resolve_orders(load(workshop), AT_NS)
    assert not resolved.restrictions["prod"].revoked
    assert "qa@9.9.9, which is not in the catalogue" in resolved.warnings[0]


def test_what_a_distrust_revoked_is_restored(workshop: Workshop) -> None:
    first = workshop.order("distrust", "eval", "mlsec")
    second = {"undoes": first, "issued_at": "2026-01-14T02:00:00Z"}
    workshop.order("restore", "eval", "mlsec", "product", **second)
    assert restrictions(workshop) == Restrictions({}, {}, {}, {})
    workshop.order("thaw", "eval", "mlsec", "product", **second)
    assert "thaw undoes freeze" in problems(workshop)


def test_what_lifts_is_signed_by_whom_the_catalogue_trusts(workshop: Workshop) -> None:
    trusting(workshop)
    first = workshop.order("freeze", NAME, "oncall")
    thaw = workshop.order("thaw", NAME, "stranger", undoes=first, issued_at="2026-01-14T02:00:00Z")
    accepted(workshop, thaw)
    assert "thaw in prod needs the signatures" in problems(workshop)
    route = workshop.order("route", "qa-now", "stranger", to=NAME)
    accepted(workshop, route)
    assert "route in prod needs the signatures" in problems(workshop)


def test_an_acceptance_by_whom_nobody_trusts(workshop: Workshop) -> None:
    trusting(workshop)
    accepted(workshop, workshop.order("freeze", NAME, "oncall"), signer="stranger")
    assert "none of the keys signed" in problems(workshop)
    (workshop.root / "keys/live.pub").unlink()
    workshop.configure({"trust.control_plane": []})
    assert "none of the keys signed" in problems(workshop)


def test_acceptances_of_something_else(workshop: Workshop) -> None:
    trusting(workshop)
    one, other = workshop.order("freeze", NAME, "stranger"), workshop.order("suspend", "acme", "oncall")
    accepted(workshop, other)
    record = workshop.root / f"orders/{other}.acceptance.json"
    record.rename(workshop.root / f"orders/{one}.acceptance.json")
    assert "accepts another order" in problems(workshop)
    accepted(workshop, one, environment="dev")
    assert "which the order does not name" in problems(workshop)
    assert "needs the signatures" in problems(workshop)
    (workshop.root / f"orders/{one}.json").unlink()
    assert "which is not there" in problems(workshop)


@pytest.mark.parametrize("record", ["{}", "[]", "{", '{"entries": []}', '{"entries": [7]}', '{"entries": ["a.b.c"]}'])
def test_acceptances_that_are_none(workshop: Workshop, record: str) -> None:
    trusting(workshop)
    order_id = workshop.order("freeze", NAME, "oncall")
    workshop.write(f"orders/{order_id}.acceptance.json", record)
    assert problems(workshop)


def test_an_entry_that_accepts_no_order(workshop: Workshop) -> None:
    trusting(workshop)
    order_id = workshop.order("freeze", NAME, "stranger")
    entry = sign_entry(Settled("r"), workshop.key(LIVE), environment="prod", head=EMPTY, at_ns=AT_NS)
    workshop.write(f"orders/{order_id}.acceptance.json", json.dumps({"entries": [entry.text]}))
    assert "accepts no order" in problems(workshop)


def test_a_live_key_is_nobodys_own(workshop: Workshop) -> None:
    workshop.configure({"trust.control_plane": ["keys/oncall.pub", "keys/none.pub"]})
    with pytest.raises(InputError) as caught:
        load(workshop)
    told = {(problem.field, problem.line > 0) for problem in caught.value.problems}
    assert ("trust.control_plane.0", True) in told
    assert ("trust.control_plane.1", True) in told


def test_all_problems_come_at_once(workshop: Workshop) -> None:
    workshop.order("freeze", NAME, "stranger")
    workshop.order("melt", NAME, "oncall")
    workshop.write("orders/broken.json", "{")
    with pytest.raises(InputError) as caught:
        resolve_orders(load(workshop), AT_NS)
    assert len({problem.file for problem in caught.value.problems}) == 3


def test_file_names_and_order_change_nothing(workshop: Workshop) -> None:
    first = workshop.order("freeze", NAME, "oncall")
    workshop.order("freeze", NAME, "mlsec", issued_at="2026-01-14T01:00:00Z", expires="2026-03-01T00:00:00Z")
    workshop.order("thaw", NAME, "mlsec", "product", undoes=first, issued_at="2026-01-14T02:00:00Z")
    files = [file.read_bytes() for file in (workshop.root / "orders").iterdir()]
    expected = restrictions(workshop)
    for number, arrangement in enumerate(permutations(files)):
        for file in (workshop.root / "orders").iterdir():
            file.unlink()
        for index, data in enumerate(arrangement):
            workshop.write(f"orders/{index}-{number}.json", data)
        assert restrictions(workshop) == expected
