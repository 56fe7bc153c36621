"""Following a control plane that is away, behind, or lies: what is believed only ever gets newer."""

import pytest

from weighbridge.control.agent.follow import Follower, Trust
from weighbridge.control.agent.talk import Answer, TalkError
from weighbridge.errors import InputError

from .parts import LIVE, RELEASE, STRANGER, approval, live_token, talk
from .test_signed import lines

TRUST = Trust("prod", [RELEASE.public_key()], [LIVE.public_key()])
AWAY = TalkError("away")


def answer(text, tag="1"):
    return Answer(tag, text if isinstance(text, bytes) else text.encode())


def follower(**answers):
    given = {"livestate_jws": AWAY, "approvals": AWAY, "control_tar_gz": AWAY, **answers}
    called = []
    found = Follower(talk(**given), TRUST, lambda: called.append(1))
    found.called = called
    return found


def then(found, **answers):
    found.talk = talk(**{"livestate_jws": None, "approvals": None, "control_tar_gz": None, **answers})
    found.once()


def test_what_verifies_is_taken():
    found = follower(livestate_jws=answer(live_token()), approvals=answer(lines(approval().resource())))
    found.once()
    assert found.live.sequence == 5
    assert list(found.release.approvals) == ["prod.kb.1"]
    assert found.called
    assert set(found.problems) == {"control.tar.gz"}


def test_while_it_is_away_the_last_state_is_kept():
    found = follower(livestate_jws=answer(live_token()))
    found.once()
    then(found, livestate_jws=AWAY)
    assert found.live.sequence == 5
    assert found.problems["livestate.jws"] == "away"
    then(found, livestate_jws=answer(live_token()))
    assert "livestate.jws" not in found.problems


@pytest.mark.parametrize(
    "offered",
    [
        live_token(key=STRANGER, sequence=9),
        live_token(key=RELEASE, sequence=9),
        live_token(environment="dev", sequence=9),
        live_token(sequence=4),
        live_token(revoked={"sha256:" + "a" * 64: {"id": "x"}}),
        "",
        "\x00\xff",
        "a.b.c",
        "." * 10**6,
    ],
)
def test_what_does_not_verify_or_is_older_changes_nothing(offered):
    found = follower(livestate_jws=answer(live_token()))
    found.once()
    then(found, livestate_jws=answer(offered.encode("utf-8", "replace"), "2"))
    assert found.live.token == live_token()
    assert found.problems["livestate.jws"]


def test_forged_approvals_are_told_and_the_genuine_ones_taken():
    forged = approval(version="2").resource()
    forged["spec"]["token"] = "a.b.c"
    found = follower(approvals=answer(lines(approval().resource(), forged)))
    found.once()
    assert list(found.release.approvals) == ["prod.kb.1"]
    assert "prod.kb.2" in found.problems["approvals"]


def test_control_data_that_does_not_verify_are_not_taken():
    found = follower(control_tar_gz=answer(b"not a bundle"))
    found.once()
    assert found.release.control is None
    assert "control.tar.gz" in found.problems


def test_a_token_file_that_cannot_be_read_is_told():
    found = follower(livestate_jws=InputError.single("token", "cannot be read"))
    found.once()
    assert "token" in found.problems["livestate.jws"]


def test_whatever_else_goes_wrong_is_told():
    found = follower(livestate_jws=RecursionError("deep"))
    found.once()
    assert "deep" in found.problems["livestate.jws"]


def test_while_a_key_is_replaced_the_document_by_the_clusters_own_is_asked_for():
    asked = []
    own, other = live_token(sequence=6), live_token(key=STRANGER, sequence=6)

    def read(name, etag="", *, wait=0):
        asked.append(name)
        if not name.endswith("livestate.jws"):
            raise AWAY
        return answer(own if name.startswith("keys/") else other, name)

    found = follower()
    found.talk.read = read
    found.once()
    assert found.live is None
    found.once()
    assert found.live.sequence == 6
    assert "livestate.jws" not in found.problems
    assert [name for name in asked if "livestate" in name][1].startswith("keys/")
