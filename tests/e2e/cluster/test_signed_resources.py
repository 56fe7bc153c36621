"""Approvals and live state in the cluster: what counts is what the keys signed, at once, and nothing else counts."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from weighbridge.engines.cluster.client import ApiError

from .conftest import AT_NS, plain_pod, pod

pytestmark = pytest.mark.engines
APPROVAL = "prod.magika.3.3.0"
DIGEST = "sha256:9ac2e61878acdbb57faca54533f3b70f0aa2311e998201238b575bce4ade29b4"
ORDER = {"id": "00000000-0000-4000-8000-000000000000", "reason": "a test's", "issued_at": AT_NS}


def test_a_revocation_counts_at_once_and_so_does_its_end(site):
    assert site.codes(pod()) == set()
    site.put(site.live(revoked={DIGEST: ORDER}))
    assert site.codes(pod()) == {"MOD-006"}
    site.put(site.live(frozen={"magika@3.3.0": ORDER}))
    assert site.codes(pod()) == {"MOD-007"}
    site.put(site.live())
    assert site.codes(pod()) == set()


def test_a_changed_approval_counts_at_once(site):
    site.remove("ModelApproval", APPROVAL)
    assert "MOD-002" in site.codes(pod())
    site.restore()
    assert site.codes(pod()) == set()


def test_an_approval_made_by_hand_approves_nothing(site):
    refused = pod(labels={"model_id": "magika", "model_version": "3.3.1"})
    forged = site.original("ModelApproval", "prod.magika.3.3.1")
    forged["spec"]["approved"] = True
    site.put(forged)
    assert "MOD-003" in site.codes(refused)
    head, _, signature = site.original("ModelApproval", APPROVAL)["spec"]["token"].split(".")
    _, foreign, _ = forged["spec"]["token"].split(".")
    forged["spec"]["token"] = f"{head}.{foreign}.{signature}"
    site.put(forged)
    assert site.codes(refused) == {"MOD-019"}


@pytest.mark.parametrize(
    ("source", "target", "version"),
    [("prod.magika.3.3.0", "prod.magika.3.3.1", "3.3.1"), ("staging.magika.3.3.1", "prod.magika.3.3.1", "3.3.1")],
)
def test_an_approval_under_another_name_or_of_another_environment_approves_nothing(site, source, target, version):
    copied = site.original("ModelApproval", target)
    copied["spec"] = site.original("ModelApproval", source)["spec"]
    site.put(copied)
    assert site.codes(pod(labels={"model_id": "magika", "model_version": version})) == {"MOD-019"}


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({"not_after": AT_NS}, {"MOD-014"}),
        ({"environment": "staging"}, {"MOD-017"}),
        ({"releases": [{"revision": "another"}]}, {"MOD-015"}),
        ({"releases": []}, {"MOD-015"}),
    ],
)
def test_live_state_that_is_stale_foreign_or_of_another_release_denies(site, changes, codes):
    site.put({**site.live(**changes), "metadata": {"name": "prod"}})
    assert site.codes(pod()) == codes


def test_forged_live_state_denies(site):
    site.put(site.live(key=ec.generate_private_key(ec.SECP256R1())))
    assert site.codes(pod()) == {"MOD-019"}
    # The release key signs approvals; live state is not its to sign.
    site.put(site.live(key=site.release_key))
    assert site.codes(pod()) == {"MOD-019"}


def test_missing_live_state_denies_what_serves_and_nothing_else(site):
    site.remove("LiveState", "prod")
    said = site.cluster.ask(pod(), "tenant")
    assert said.codes == ("MOD-013",)
    assert "LiveState" in said.message
    assert site.codes(plain_pod("plain")) == set()
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "models"}}
    assert site.codes(config) == set()


def test_the_agent_writes_approvals_and_live_state_and_nothing_else(site):
    agent = site.cluster.plane.client("agent")
    for kind, name in (("ConstraintTemplate", "weighbridgeworkload"), ("SyncSet", "weighbridge")):
        with pytest.raises(ApiError, match="Forbidden"):
            agent.delete(site.original(kind, name))
    with pytest.raises(ApiError, match="Forbidden"):
        agent.create(plain_pod("plain"))
