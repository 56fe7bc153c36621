"""What a receipt says, and when it is sent."""

from weighbridge.control.agent.receipts import Receipt, Sender
from weighbridge.control.agent.talk import TalkError


def receipt(**changes):
    given = {"environment": "prod", "cluster": "east", "revision": "r", "sequence": 5, "proof": "gatekeeper", **changes}
    return Receipt(**given)


class Talk:
    def __init__(self):
        self.sent, self.away = [], False

    def send_receipt(self, document):
        if self.away:
            raise TalkError("away")
        self.sent.append(document)


def test_a_receipt_says_who_vouches_for_it():
    document = receipt().document(10**18)
    assert document["state"] == "ok"
    assert document["detail"] == {"proof": "gatekeeper", "problems": [], "workloads": []}
    assert document["at"] == "2001-09-09T01:46:40Z"


def test_a_problem_makes_it_failing_and_many_are_few():
    document = receipt(problems=("x" * 9999, *map(str, range(100)))).document(0)
    assert document["state"] == "failing"
    assert len(document["detail"]["problems"]) == 9
    assert max(map(len, document["detail"]["problems"])) == 250


def test_only_who_acts_speaks_and_what_was_not_taken_is_sent_again():
    talk, said = Talk(), []
    speaks = [False]
    sender = Sender(talk, lambda: speaks[0], said.append, lambda: 0)
    assert sender.send()
    sender.tell(receipt())
    assert sender.send()
    assert talk.sent == []
    speaks[0], talk.away = True, True
    assert not sender.send()
    assert not sender.send()
    assert len(said) == 1
    talk.away = False
    assert sender.send()
    assert talk.sent[0]["sequence"] == 5
