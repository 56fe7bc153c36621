"""What runs already: Gatekeeper's audit reports it when its approval ends."""

import pytest

from weighbridge.engines.cluster.client import until
from weighbridge.engines.cluster.cluster import CONSTRAINTS

from .conftest import AT_NS, pod

pytestmark = pytest.mark.engines
DIGEST = "sha256:9ac2e61878acdbb57faca54533f3b70f0aa2311e998201238b575bce4ade29b4"
ORDER = {"id": "00000000-0000-4000-8000-000000000000", "reason": "a test's", "issued_at": AT_NS}


def found(site):
    """Codes that audit reports, by kind and name."""
    codes = {}
    for each in site.admin.list(CONSTRAINTS, "WeighbridgeWorkload"):
        for violation in (each.get("status") or {}).get("violations") or ():
            named = codes.setdefault((violation["kind"], violation["name"]), set())
            named.add(violation["message"].split(" ")[0])
    return codes


@pytest.fixture
def audited(site):
    site.cluster.gatekeeper.stop()
    site.cluster.gatekeeper.audit_seconds = 1
    site.cluster.gatekeeper.start()
    until(lambda: site.cluster.ask(pod(), "tenant").allowed, "judged again")
    yield site
    site.cluster.gatekeeper.stop()
    site.cluster.gatekeeper.audit_seconds = 0
    site.cluster.gatekeeper.start()


def test_what_runs_is_reported_when_its_version_is_revoked(audited):
    running = audited.cluster.plane.client("tenant").create(pod(name="audited"))
    try:
        audited.put(audited.live(revoked={DIGEST: ORDER}))
        until(lambda: "MOD-006" in found(audited).get(("Pod", "audited"), ()), "reported by audit")
        audited.put(audited.live())
        until(lambda: ("Pod", "audited") not in found(audited), "no longer reported")
    finally:
        audited.admin.delete(running)
