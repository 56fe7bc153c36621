"""The agent beside the real API server and Gatekeeper, with exactly the rights that are generated for it."""

import time

import pytest

from weighbridge.control.agent.signed import read_live
from weighbridge.engines.cluster.client import until

from .agent_parts import FakeControlPlane, approvals, control_data, give_rights, running_agent
from .conftest import AT_NS, pod

pytestmark = pytest.mark.engines
DIGEST = "sha256:9ac2e61878acdbb57faca54533f3b70f0aa2311e998201238b575bce4ade29b4"
ORDER = {"id": "11111111-0000-4000-8000-000000000000", "reason": "a test's", "issued_at": AT_NS}


@pytest.fixture
def plane():
    found = FakeControlPlane()
    yield found
    found.close()


@pytest.fixture
def told(site, plane):
    """A control plane that says what was compiled, and an account with the generated rights."""
    give_rights(site)
    plane.put("approvals", approvals(site))
    plane.put("control.tar.gz", control_data(site, "report"))
    plane.put("livestate.jws", token(site, 2))
    return plane


def token(site, sequence, **changes):
    return site.live(sequence=sequence, **changes)["spec"]["token"]


def has(site, sequence, environment="prod"):
    present = site.admin.get("weighbridge.dev/v1", "LiveState", environment)
    if present is None:
        return False
    return read_live(present["spec"]["token"], [site.live_key.public_key()], environment).sequence == sequence


def confirmed(plane, sequence, state="ok"):
    found = plane.newest()
    return found.get("sequence") == sequence and found["state"] == state


def test_an_order_makes_the_next_pod_be_refused(site, told, tmp_path, record_property):
    with running_agent(site, told, tmp_path):
        until(lambda: confirmed(told, 2), "confirmed")
        assert site.codes(pod()) == set()
        begun = time.monotonic()
        told.put("livestate.jws", token(site, 3, revoked={DIGEST: ORDER}))
        until(lambda: site.codes(pod()) == {"MOD-006"}, "refused")
        refused = time.monotonic()
        until(lambda: confirmed(told, 3), "confirmed")
        receipt = next(at for at, each in told.receipts if each["sequence"] == 3)
        record_property("milliseconds_to_refusal", round((refused - begun) * 1000))
        record_property("milliseconds_to_receipt", round((receipt - begun) * 1000))
        assert "gatekeeper" in told.newest()["detail"]
        told.put("livestate.jws", token(site, 4))
        until(lambda: site.codes(pod()) == set(), "admitted again")
