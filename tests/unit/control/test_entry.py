"""The log's entries: signed, chained, and read without leniency."""

import base64
import json

import pytest
from tests.control_plane import key, revoke
from tests.unit.control.core import ISSUED, LIVE_KEYS, NOW, Log, control

from weighbridge.canonical import canonical
from weighbridge.control.entry import EMPTY, TYPE, Head, Settled, log_line, parse_entry, sign_entry, verify_log
from weighbridge.errors import InputError
from weighbridge.keys import b64url, fingerprint, jws

OTHER = {fingerprint(key("other").public_key()): key("other").public_key()}


@pytest.fixture
def log(tmp_path):
    log = Log(control(tmp_path))
    assert log.take(revoke(issued_at=ISSUED)).outcome == "accepted"
    return log


def lines(log):
    return [log_line(entry.text).decode() for entry in log.entries]


def test_a_log_is_read_as_it_was_written(log):
    assert verify_log(lines(log), LIVE_KEYS) == tuple(log.entries)
    assert verify_log([], LIVE_KEYS) == ()
    assert verify_log(lines(log), LIVE_KEYS | OTHER, head=log.state.head) == tuple(log.entries)
    assert verify_log(lines(log), LIVE_KEYS, head=log.entries[0].head)


def test_a_log_that_goes_on_under_another_key(log):
    entry = sign_entry(
        Settled(log.state.release.revision), key("other"), environment="prod", head=log.state.head, at_ns=log.now
    )
    longer = [*lines(log), log_line(entry.text).decode()]
    assert len(verify_log(longer, LIVE_KEYS | OTHER)) == 4
    with pytest.raises(InputError, match="entry 4 has a token that none of the keys signed"):
        verify_log(longer, LIVE_KEYS)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_no_entry_can_be_taken_out(log, number):
    left = lines(log)
    del left[number]
    if number == 2:
        with pytest.raises(InputError, match="cut off"):
            verify_log(left, LIVE_KEYS, head=log.state.head)
        return
    with pytest.raises(InputError, match=f"entry {number + 1} .*does not follow"):
        verify_log(left, LIVE_KEYS)


def test_entries_change_no_places(log):
    first, second, third = lines(log)
    for other in (
        [second, first, third],
        [first, third, second],
        [first, first, second],
        [first, second, third, third],
    ):
        with pytest.raises(InputError, match="does not follow"):
            verify_log(other, LIVE_KEYS)


def test_no_entry_can_be_put_in_the_place_of_another(log):
    """Whoever holds the live key can sign a second entry of one number; what follows rests on the first."""
    second = log.entries[1]
    other = sign_entry(
        Settled("another"), key("live"), environment="prod", head=log.entries[0].head, at_ns=second.at_ns
    )
    forked = lines(log)
    forked[1] = log_line(other.text).decode()
    assert verify_log(forked[:2], LIVE_KEYS)
    with pytest.raises(InputError, match=r"entry 3 .*does not follow"):
        verify_log(forked, LIVE_KEYS)


def test_another_log_is_told_by_its_head(log, tmp_path):
    other = Log(control(tmp_path, "another"))
    other.take(revoke("qa@1.0.0", issued_at=ISSUED))
    with pytest.raises(InputError, match="another log"):
        verify_log(lines(other), LIVE_KEYS, head=log.state.head)
    with pytest.raises(InputError, match="does not hold entry 0"):
        verify_log(lines(log), LIVE_KEYS, head=Head(0, "sha256:" + "0" * 64, 0))
    assert verify_log(lines(log), LIVE_KEYS, head=EMPTY)


def test_a_clock_that_went_back_makes_no_older_entry(log):
    entry = sign_entry(Settled("x"), key("live"), environment="prod", head=log.state.head, at_ns=5)
    assert entry.at_ns == log.state.head.at_ns


def forged(log, changes, header=None, payload=None):
    """The first entry with other members, truly signed by the live key."""
    _, body, _ = log.entries[0].text.split(".")
    fields = json.loads(base64.urlsafe_b64decode(body + "=="))
    fields = {name: value for name, value in (fields | changes).items() if value is not None}
    kid = fingerprint(key("live").public_key())
    return jws(key("live"), "ES256", {"kid": kid, "typ": TYPE} | (header or {}), payload or canonical(fields))


@pytest.mark.parametrize(
    "changes",
    [
        {"number": 0},
        {"number": "1"},
        {"number": 1.5},
        {"number": True},
        {"previous": "sha256:0"},
        {"kind": "delete"},
        {"kind": ["release"]},
        {"more": 1},
        {"revision": None},
        {"revision": ""},
        {"revision": 7},
        {"at": "yesterday"},
        {"at": 7},
        {"until": 7},
        {"environment": ""},
        {"environment": "../prod"},
        {"environment": "prod/"},
        {"announced_active": []},
        {"announced_active": {"qa": 7}},
        {"control_sha256": "sha256:short"},
        {"kind": "settled"},
        {"kind": "order"},
    ],
)
def test_members_of_another_form(log, changes):
    assert parse_entry(forged(log, {}), LIVE_KEYS).number == 1
    with pytest.raises(ValueError, match=r"\S"):
        parse_entry(forged(log, changes), LIVE_KEYS)


@pytest.mark.parametrize(
    "changes",
    [
        {"signers": []},
        {"envelope": "x"},
        {"kind_of_order": "delete"},
        {"id": 7},
        {"id": "../../keys/ci"},
        {"id": "00000000-0000-4000-8000-000000000001\n"},
    ],
)
def test_an_order_of_another_form(log, changes):
    _, body, _ = log.entries[2].text.split(".")
    fields = json.loads(base64.urlsafe_b64decode(body + "=="))
    kid = fingerprint(key("live").public_key())
    text = jws(key("live"), "ES256", {"kid": kid, "typ": TYPE}, canonical(fields | changes))
    with pytest.raises(ValueError, match=r"\S"):
        parse_entry(text, LIVE_KEYS)


def test_another_token_of_the_live_key_is_no_entry(log):
    for header in ({"typ": "JWT"}, {"typ": None}, {"kid": "x"}, {"crit": ["x"]}):
        with pytest.raises(ValueError, match=r"\S"):
            parse_entry(forged(log, {}, header={k: v for k, v in header.items() if v} or {"more": "x"}), LIVE_KEYS)


def test_payloads_that_have_two_readings(log):
    for payload in (b"[]", b'{"a":1,"a":2}', b'{"b":1,"a":2}', b'{"a": 1}', b"\xff", b"nothing"):
        with pytest.raises(ValueError, match=r"\S"):
            parse_entry(forged(log, {}, payload=payload), LIVE_KEYS)


def test_texts_that_are_no_tokens(log):
    good = log.entries[0].text
    head, body, signature = good.split(".")
    for text in ("", "a.b", "a.b.c", f"{head}.{body}.", f"{head}..{signature}", good + "=", "a" * 300_000):
        with pytest.raises(ValueError, match=r"\S"):
            parse_entry(text, LIVE_KEYS)
    unsigned = f"{b64url(canonical({'alg': 'none', 'kid': 'x', 'typ': TYPE}))}.{body}."
    with pytest.raises(ValueError, match=r"\S"):
        parse_entry(unsigned, LIVE_KEYS)


@pytest.mark.parametrize(
    "line", ["", "{}", "[]", '{"entry": 7}', '{"entry": "x", "more": 1}', '{"entry":"x"', "\ud800"]
)
def test_lines_of_another_form(line):
    with pytest.raises(InputError, match="entry 1") as error:
        verify_log([line], LIVE_KEYS)
    assert error.value.problems[0].line == 1


def test_the_time_is_kept_to_the_nanosecond():
    entry = sign_entry(Settled("r"), key("live"), environment="prod", head=EMPTY, at_ns=NOW + 7)
    assert parse_entry(entry.text, LIVE_KEYS).at_ns == NOW + 7
