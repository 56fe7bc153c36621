"""What the agent believes, and what it does not."""

import json

import pytest

from weighbridge.control.agent.signed import UnverifiedError, read_approval, read_approvals, read_live

from .parts import LIVE, RELEASE, STRANGER, approval, approval_token, live, live_token

LIVE_KEYS, RELEASE_KEYS = [LIVE.public_key()], [RELEASE.public_key()]


def test_what_the_live_key_signed_is_read():
    found = live(releases=[{"revision": "new"}, {"revision": "old", "until": 1_500}])
    assert (found.sequence, found.releases) == (5, {"new": None, "old": 1_500})
    assert found.announced("new", 10**18)
    assert found.announced("old", 1_499)
    assert not found.announced("old", 1_500)
    assert not found.announced("another", 0)
    assert found.resource()["metadata"] == {"name": "prod", "labels": {"weighbridge.dev/environment": "prod"}}


@pytest.mark.parametrize(
    ("token", "said"),
    [
        (live_token(key=STRANGER), "none of the keys signed"),
        (live_token(key=RELEASE), "none of the keys signed"),
        (live_token(kid="release"), "not signed as live"),
        (live_token(environment="dev"), "is of 'dev'"),
        (live_token(sequence="5"), "whole number"),
        (live_token(sequence=True), "whole number"),
        (live_token(releases=[{}]), "revision"),
        (live_token(releases=[{"revision": "r", "until": None}]), "whole number"),
        (live_token(revoked=[]), "orders"),
        (live_token(revoked={"sha256:0": 1}), "orders"),
        (live_token()[:-2], "none of the keys|form"),
        ("", "no compact JWS"),
        ("a.b.c", "JSON|JWS|form"),
    ],
)
def test_live_state_that_is_not_believed(token, said):
    with pytest.raises(UnverifiedError, match=said):
        read_live(token, LIVE_KEYS, "prod")


@pytest.mark.parametrize(
    ("token", "said"),
    [
        (approval_token(key=LIVE), "none of the keys signed"),
        (approval_token(kid="live"), "not signed as release"),
        (approval_token(environment="dev"), "is of 'dev'"),
        (approval_token(model="../kb"), "no names"),
        (approval_token(version="1/2"), "no names"),
        (approval_token(digest="sha256:0"), "no names"),
        (approval_token(approved=1), "does not say"),
        (approval_token(revision=7), "text"),
    ],
)
def test_an_approval_that_is_not_believed(token, said):
    with pytest.raises(UnverifiedError, match=said):
        read_approval(token, RELEASE_KEYS, "prod")


def lines(*resources):
    return b"".join(b"---\n" + json.dumps(each).encode() + b"\n" for each in resources)


def test_approvals_are_read_as_compile_writes_them():
    two = approval(version="2")
    found, problems = read_approvals(lines(approval().resource(), two.resource()), RELEASE_KEYS, "prod")
    assert list(found) == ["prod.kb.1", "prod.kb.2"]
    assert problems == ()
    assert found["prod.kb.2"].version_name == "kb@2"


def test_one_approval_that_does_not_verify_takes_none_of_the_others_along():
    forged = approval(version="2").resource()
    forged["spec"]["token"] = approval_token(key=STRANGER, version="2")
    renamed = approval(version="3").resource()
    renamed["metadata"]["name"] = "prod.kb.4"
    pretended = approval(version="5", approved=False).resource()
    pretended["spec"]["approved"] = True
    hostile = [
        b'{"metadata": 1}\n',
        b"{\n",
        b'{"metadata": {"name": "x"}, "spec": {"token": 7}}\n',
        b"[" * 10**5 + b"\n",
    ]
    data = lines(approval().resource(), forged, renamed, pretended) + b"".join(hostile)
    found, problems = read_approvals(data, RELEASE_KEYS, "prod")
    assert list(found) == ["prod.kb.1"]
    assert len(problems) == 6


def test_two_tokens_for_one_name_count_for_none():
    data = lines(approval().resource(), approval(revision="old").resource())
    found, problems = read_approvals(data, RELEASE_KEYS, "prod")
    assert not found
    assert "listed twice" in problems[0]


def test_many_problems_are_counted():
    forged = [{"metadata": {"name": f"n{n}"}, "spec": {"token": "a.b.c"}} for n in range(30)]
    assert read_approvals(lines(*forged), RELEASE_KEYS, "prod")[1][-1] == "and 10 more"
