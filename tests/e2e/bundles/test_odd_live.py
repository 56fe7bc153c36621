"""Live data of forms that nobody writes, signed with the live key: it can stop calls, and allow none."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from weighbridge.bundle.signing import DATA, MANIFEST, data_file, manifest

from .conftest import KEY, call, live

pytestmark = pytest.mark.engines


@pytest.mark.parametrize(
    "path", ["/weighbridge/live/frozen", "/weighbridge/registry/grants/{}", "/weighbridge/live/../registry/grants/{}"]
)
def test_a_patch_is_refused(site: Any, path: str) -> None:
    """A delta bundle writes into what is there: into another's root, if anybody let it."""
    _, state = site.honest()
    grant = {"tenant": "acme", "key": "aaaaaaaa", "not_after": 2**63 - 1, "models": {"kb-qa-001": True}, "clear": True}
    where = path.format(hashlib.sha256(site.STRANGER.encode()).hexdigest())
    patch = {"data": [{"op": "upsert", "path": where, "value": grant}]}
    files = {"patch.json": data_file(patch), MANIFEST: manifest("x", ["weighbridge/live"])}
    assert site.forge("live", site.signed("live", files))["active_revision"] == state
    assert (site.ask(), site.ask(site.STRANGER)) == ("allowed", "INF-009")


def test_an_end_that_no_engine_can_compare_allows_nothing(site: Any) -> None:
    release, _ = site.honest()
    revision = site.revision("live")
    files = site.live_files(revision, live(release, not_after=77777))
    files[DATA] = files[DATA].replace(b"77777", b"1e9999999")
    site.publish("live", site.signed("live", files))
    site.activated("live", revision)
    for key in (KEY, site.STRANGER):
        answer = site.api("POST", "/v1/data/weighbridge/guard/decision", json={"input": call(key)})
        assert json.loads(answer.text).get("result", {}).get("allowed") is not True
    site.honest()
