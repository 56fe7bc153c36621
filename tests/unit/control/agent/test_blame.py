"""Which pods are of something that is revoked."""

import pytest

from weighbridge.registry.orders import Restrictions

from .parts import NOW, ORDER, Control, Version, digest, image, judge, labels, pod, pod_spec


def blamed(found, version, *letters, status=None):
    return found.blame({"labels": labels(version)}, pod_spec(*letters), status)


def test_nothing_is_revoked():
    assert not judge().anything
    assert blamed(judge(), "1", "1") is None


def test_by_its_labels():
    found = blamed(judge(revoked={digest("a"): ORDER}), "1", "1")
    assert (found.order, found.why, found.sure) == (ORDER["id"], "kb@1 by its labels", True)


def test_labels_of_another_version_do_not_help_an_image_of_a_revoked_one():
    found = blamed(judge(revoked={digest("a"): ORDER}), "2", "1")
    assert (found.why, found.sure) == ("kb@1 by its image", True)


def test_an_image_that_several_versions_share_is_the_labelled_ones():
    revoked = judge(revoked={digest("b"): ORDER})
    assert blamed(revoked, "3", "2") is None
    assert blamed(revoked, "2", "2").sure


def test_a_shared_image_with_labels_of_neither_is_told_but_not_certain():
    found = blamed(judge(revoked={digest("b"): ORDER}), "unknown", "2")
    assert (found.why, found.sure) == ("kb@2 by its image", False)
    both = judge(revoked={digest("b"): ORDER, digest("c"): ORDER})
    assert blamed(both, "unknown", "2").sure


def test_a_revoked_image_counts_whatever_the_labels_say():
    found = blamed(judge(revoked={digest("9"): ORDER}), "2", "2", "9")
    assert found.why == f"image {digest('9')}"


def test_what_runs_counts_and_not_what_the_spec_names():
    tagged = {"containers": [{"name": "c", "image": "registry.example.com/serve:latest"}]}
    status = {"containerStatuses": [{"imageID": f"docker.io/serve@{digest('1')}"}]}
    assert judge(revoked={digest("a"): ORDER}).blame({}, tagged, status).sure
    assert judge(revoked={digest("a"): ORDER}).blame({}, tagged) is None


def test_a_mounted_image_counts():
    spec = {
        **pod_spec("2"),
        "volumes": [{"name": "w", "image": {"reference": image("8")}}, {"name": "x", "emptyDir": {}}],
    }
    assert judge(revoked={digest("8"): ORDER}).blame({"labels": labels("2")}, spec).why == f"image {digest('8')}"


def test_support_images_alone_are_never_touched():
    assert blamed(judge(revoked={digest("a"): ORDER}), "1", "5") is None
    assert blamed(judge(revoked={digest("a"): ORDER}), "1", "5", "1") is not None


def test_an_order_that_has_ended_blames_nobody():
    assert blamed(judge(revoked={digest("a"): {**ORDER, "expires": NOW}}), "1", "1") is None
    assert blamed(judge(revoked={digest("a"): {**ORDER, "expires": NOW + 1}}), "1", "1") is not None
    assert blamed(judge(revoked={digest("a"): {**ORDER, "expires": "never"}}), "1", "1") is not None


def test_what_the_release_revokes_counts_as_well():
    control = Control(orders=Restrictions(revoked={digest("a"): ORDER}))
    assert blamed(judge(control), "1", "1").sure


@pytest.mark.parametrize(
    ("changes", "version", "allowed"),
    [
        ({}, "1", True),
        ({"revoked": {digest("a"): ORDER}}, "1", False),
        ({"frozen": {"kb@1": ORDER}}, "1", False),
        ({"frozen": {"kb@1": {**ORDER, "expires": 1}}}, "1", True),
        ({}, "unknown", False),
    ],
)
def test_what_may_run(changes, version, allowed):
    assert judge(**changes).may_run({"labels": labels(version)}, pod_spec("1")) is allowed


def test_what_is_not_approved_or_has_ended_may_not_run():
    refused = Control(versions={"kb@1": Version(digest("a"), (digest("1"),), approved=False)})
    assert not judge(refused).may_run({"labels": labels("1")}, pod_spec("1"))
    assert not judge(now=2_000).may_run({"labels": labels("1")}, pod_spec("1"))


@pytest.mark.parametrize("strange", [{}, {"containers": None}, {"containers": [{}]}, {"volumes": [{"image": None}]}])
def test_a_strange_pod_breaks_nothing(strange):
    assert judge(revoked={digest("9"): ORDER}).blame({}, strange, {"containerStatuses": [{"imageID": ""}]}) is None
    assert pod("1")["kind"] == "Pod"
