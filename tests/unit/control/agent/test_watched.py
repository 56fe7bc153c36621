"""A copy of what the cluster has, over watches that break in every way."""

import threading

from weighbridge.control.agent.kube import KubeError
from weighbridge.control.agent.watched import Watched


def obj(name, version, token="t"):
    return {"metadata": {"name": name, "resourceVersion": version, "uid": f"u-{name}"}, "spec": {"token": token}}


class Api:
    """Lists and watches from a script: each watch is a list of events, or of what it breaks with."""

    def __init__(self, lists, watches):
        self.lists, self.watches, self.began = list(lists), list(watches), []
        self.done = threading.Event()

    def everything(self, kind, selector=""):
        assert selector == "weighbridge.dev/environment=prod"
        found = self.lists.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    def watch(self, kind, version, selector):
        self.began.append(version)
        if not self.watches:
            self.done.set()
            threading.Event().wait(5)
            return
        for each in self.watches.pop(0):
            if isinstance(each, Exception):
                raise each
            yield each


def followed(lists, watches):
    api = Api(lists, watches)
    said = []
    watched = Watched(api, "ModelApproval", "prod", lambda: None, said.append)
    watched.start()
    assert api.done.wait(10)
    watched.stop()
    return watched, api, said


def tokens(watched):
    return {name: stored.token for name, stored in watched.objects().items()}


def test_it_follows_from_where_the_list_was():
    events = [
        ("ADDED", obj("b", "11")),
        ("MODIFIED", obj("a", "12", "changed")),
        ("BOOKMARK", {"metadata": {"resourceVersion": "15"}}),
        ("DELETED", obj("b", "16")),
    ]
    watched, api, said = followed([([obj("a", "9")], "10")], [events])
    assert tokens(watched) == {"a": "changed"}
    assert api.began == ["10", "16"]
    assert said == []


def test_what_is_too_old_to_go_on_from_is_read_anew():
    gone = KubeError(410, "Expired", "too old")
    lists = [([obj("a", "9")], "10"), ([obj("c", "90")], "100")]
    watched, api, said = followed(lists, [[("ADDED", obj("b", "11")), gone]])
    assert tokens(watched) == {"c": "t"}
    assert api.began == ["10", "100"]
    assert said == []


def test_a_server_that_is_away_is_told_and_tried_again():
    down = KubeError(0, "Unreachable", "down")
    watched, api, said = followed([down, ([obj("a", "9")], "10"), ([], "20")], [[down]])
    assert tokens(watched) == {}
    assert api.began == ["10", "20"]
    assert len(said) == 2


def test_what_this_agent_wrote_is_there_without_waiting():
    watched = Watched(Api([([], "1")], []), "ModelApproval", "prod", lambda: None, print)
    watched.refresh()
    assert watched.listed.is_set()
    assert watched.wrote(obj("a", "5")).version == "5"
    assert tokens(watched) == {"a": "t"}
    watched.forget("a")
    assert tokens(watched) == {}


def test_a_resource_without_a_token_is_one_with_an_empty_one():
    watched = Watched(Api([([{"metadata": {"name": "a", "resourceVersion": "1"}, "spec": 7}], "1")], []),
                      "LiveState", "prod", lambda: None, print)  # fmt: skip
    watched.refresh()
    assert tokens(watched) == {"a": ""}
