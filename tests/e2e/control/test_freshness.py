"""What a sidecar does with live data that is old, withheld, replayed or judged by a wrong clock: on the real OPA.

`tests/e2e/bundles` has bundles of other environments, keys and scopes; here is what time and the network do. Where OPA
itself prevents nothing, the test says what happens instead, so that the threat model stays true.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.e2e.bundles.conftest import DIGEST, WAIT_SECONDS, Site, live
from tests.e2e.control.tcp_proxy import TcpProxy

from weighbridge.bundle.archive import read_archive
from weighbridge.bundle.guard import CLOCK_LINE, guard_files
from weighbridge.bundle.policies import declared_point, point_policies
from weighbridge.bundle.signing import DATA, MANIFEST, data_file, manifest
from weighbridge.control.fleet import fleet
from weighbridge.control.receipt import Publication, Receipt
from weighbridge.engines.sidecar import Sidecar, SidecarSettings
from weighbridge.harness.bundle_server import BundleServer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

pytestmark = pytest.mark.engines
SECOND = 10**9
EXAMPLE = Path(__file__).parents[3] / "bundles" / "example" / "prod"
REVOKED = {DIGEST: {"id": "00000000-0000-4000-8000-000000000000", "reason": "bad answers", "issued_at": 1}}
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "answers", "namespace": "models", "labels": {"model_id": "kb-qa-001", "model_version": "1"}},
    "spec": {"containers": [{"name": "main", "image": "registry.example.com/serve@sha256:" + "2" * 64}]},
}


class Cell(Site):
    """A site whose sidecar reaches its service through a proxy, at either point, with keys and clock of choice."""

    def __init__(self, server: BundleServer, proxy: TcpProxy, folder: Path) -> None:
        super().__init__(server, folder)
        self.proxy = proxy
        self.point = "envoy"
        self.exchanged = False

    def start(self, *, state: Path | None = None) -> None:
        self.stop()
        self._number += 1
        folder = self.folder / f"opa-{self._number}"
        folder.mkdir()
        self.state = state or folder / "state"
        self.state.mkdir(exist_ok=True)
        release, state_key = (self.keys[name].public_key() for name in ("release", "live"))
        settings = SidecarSettings(
            environment="prod",
            service_url=self.proxy.url,
            token_file=self.server.token_file,
            release_key=state_key if self.exchanged else release,
            live_key=release if self.exchanged else state_key,
            grpc_address=f"unix://{folder / 'grpc.sock'}",
            state=self.state,
            point="workload" if self.point == "workload" else "envoy",
        )
        self._since = dict.fromkeys(self._since, len(self.server.statuses))
        self.sidecar = Sidecar(settings, self.guard, folder=folder).__enter__()

    def say(self, release: str, seconds: float = 600, **changes: Any) -> str:
        """Publish live data that announces a release and lasts some seconds; its revision."""
        revision = self.revision("live")
        now = time.time_ns()
        document = live(release, **{"issued_at": now, "not_after": now + int(seconds * SECOND), **changes})
        self.publish("live", self.signed("live", self.live_files(revision, document)))
        return revision

    def said(self, release: str, seconds: float = 600, **changes: Any) -> str:
        """The same, and see it work."""
        revision = self.say(release, seconds, **changes)
        self.activated("live", revision)
        return revision

    def codes(self) -> list[str]:
        """What the workload point answers about a pod."""
        answer = self.api("POST", "/v1/data/weighbridge/guard/workload", json={"input": POD})
        codes = [found["code"] for found in answer.json()["result"]["violations"]]
        assert "MOD-013" not in codes
        return codes

    def wait_for_code(self, code: str) -> None:
        """Ask about the pod until this is among the codes."""
        deadline = time.monotonic() + WAIT_SECONDS
        while code not in self.codes():
            assert time.monotonic() < deadline
            time.sleep(0.01)


@pytest.fixture
def cell(tmp_path: Path) -> Iterator[Cell]:
    with BundleServer(tmp_path) as server, TcpProxy(server.url) as proxy:
        cell = Cell(server, proxy, tmp_path)
        try:
            yield cell
        finally:
            cell.stop()


def test_live_data_that_ends_refuses_by_its_own_code_and_what_follows_it_is_taken(cell: Cell) -> None:
    release, _ = cell.honest()
    cell.said(release, 3)
    assert cell.ask() == "allowed"
    assert cell.wait_for("INF-024") == "INF-024"
    cell.said(release)
    assert cell.ask() == "allowed"


def test_the_same_for_workloads(cell: Cell) -> None:
    cell.point = "workload"
    compiled = read_archive((EXAMPLE / "workload" / "release.tar.gz").read_bytes(), "release.tar.gz")
    revision = cell.revision("release")
    files = {**cell.workload_files(revision), DATA: compiled[DATA]}
    cell.server.publish("prod/workload/release.tar.gz", cell.signed("release", files))
    cell.start()
    cell.activated("release", revision)
    cell.said(revision)
    assert "MOD-014" not in cell.codes()
    cell.say(revision, 0.5)
    cell.wait_for_code("MOD-014")
    cell.said(revision)
    assert "MOD-014" not in cell.codes()


def test_a_sidecar_that_is_cut_off_refuses_once_its_data_ends_and_comes_back(cell: Cell) -> None:
    release, _ = cell.honest()
    cell.said(release, 3)
    cell.proxy.gone()
    cell.say(release)
    assert cell.ask() == "allowed"
    assert cell.wait_for("INF-024") == "INF-024"
    cell.proxy.gone(False)
    assert cell.wait_for("allowed") == "allowed"


def test_a_connection_that_fell_silent_is_never_noticed_and_ends_in_a_refusal(cell: Cell) -> None:
    # While OPA polls for long it has no time limit: `response_header_timeout_seconds` counts only where it does not.
    release, _ = cell.honest()
    cell.said(release, 2)
    cell.proxy.silence()
    cell.say(release)
    assert cell.wait_for("INF-024") == "INF-024"
    # New connections would work by now; OPA makes none for its bundles until the old one breaks.
    cell.proxy.reset()
    assert cell.wait_for("allowed") == "allowed"


def test_a_restart_without_the_service_goes_on_with_what_is_on_the_disk_until_that_ends(cell: Cell) -> None:
    release, _ = cell.honest()
    cell.said(release, 6)
    cell.stop()
    cell.proxy.gone()
    cell.start(state=cell.state)
    assert cell.wait_for("allowed", "INF-024") == "allowed"
    assert cell.wait_for("INF-024") == "INF-024"


def test_an_older_live_bundle_counts_until_its_own_end_and_the_fleet_shows_it(cell: Cell) -> None:
    release, _ = cell.honest()
    older = cell.revision("live")
    now = time.time_ns()
    document = live(release, sequence=4, issued_at=now, not_after=now + 5 * SECOND)
    bundle = cell.signed("live", cell.live_files(older, document))
    newer = cell.said(release, sequence=5, revoked=REVOKED)
    assert cell.ask() == "INF-014"
    cell.publish("live", bundle)
    cell.activated("live", older)
    assert cell.ask() == "allowed"  # OPA compares no sequences, and policy keeps nothing from one bundle to the next
    assert _status_in_the_fleet(cell, older, newer) == "behind"
    assert cell.wait_for("INF-024") == "INF-024"


def _status_in_the_fleet(cell: Cell, older: str, newer: str) -> str:
    """What the fleet's view makes of the sidecar's own report."""
    state = cell.server.last_status({"point": "envoy"})["bundles"]["live"]
    now = time.time_ns()
    published = [
        Publication("prod", sequence, revision, now - 10, now + 600 * SECOND, now + 600 * SECOND, sequence)
        for sequence, revision in ((4, older), (5, newer))
    ]
    receipt = Receipt("prod", "sidecar", "one", "", "envoy", state["active_revision"], now - 5, "", now - 20, now - 5)
    view = fleet("prod", [receipt], published, now, silent_after_ns=60 * SECOND)
    return str(view.points[0].status)


def test_an_older_live_bundle_does_not_outlive_the_next_release(cell: Cell) -> None:
    old, _ = cell.honest()
    revision = cell.revision("live")
    bundle = cell.signed("live", cell.live_files(revision, live(old)))
    cell.honest()
    cell.publish("live", bundle)
    cell.activated("live", revision)
    assert cell.ask() == "INF-023"


def test_a_release_that_is_announced_no_longer_is_refused(cell: Cell) -> None:
    old, _ = cell.honest()
    new = cell.revision("release")
    later = [{"revision": new}, {"revision": old, "until": time.time_ns() + 600 * SECOND}]
    cell.said(old, releases=later)
    assert cell.ask() == "allowed"
    cell.said(old, releases=later[:1])
    assert cell.ask() == "INF-023"


def test_a_sidecar_whose_keys_were_exchanged_believes_neither_bundle(cell: Cell) -> None:
    cell.honest()
    cell.exchanged = True
    cell.start()
    for name in ("release", "live"):
        state = cell._await(name, lambda state: bool(state.get("code")))
        assert "failed to verify JWT signature" in state["message"]
    assert cell.ask() == "INF-022"


def _clocked(text: str, clock: str) -> str:
    assert text.count(CLOCK_LINE) == 1
    return text.replace(CLOCK_LINE, f"now_ns := {clock}")


def _release_by(cell: Cell, clock: str, document: Mapping[str, Any] | None = None) -> str:
    """Publish a release whose rules go by another clock, as if OPA's own were it, and see it work."""
    point = declared_point("envoy")
    rules = dict(point_policies(point, ()))
    path = next(path for path, text in rules.items() if CLOCK_LINE in text)
    rules[path] = _clocked(rules[path], clock)
    revision = cell.revision("release")
    files = {name: text.encode() for name, text in rules.items()}
    data = data_file({"weighbridge": {"registry": document or cell.registry()}})
    bundle = {**files, DATA: data, MANIFEST: manifest(revision, point.roots)}
    cell.publish("release", cell.signed("release", bundle))
    cell.activated("release", revision)
    return revision


def test_a_clock_that_jumps_ahead_refuses_and_one_that_jumps_back_believes_what_has_ended(cell: Cell) -> None:
    # OPA reads the system's clock past libc, and a time namespace does not move it; so the line that reads it is moved.
    cell.honest()
    clocks = {
        "ahead": "time.now_ns() + 3600000000000",
        "back": "time.now_ns() - 3600000000000",
        "right": "time.now_ns()",
    }
    expected = {
        ("ahead", 600): "INF-024",
        ("right", 600): "allowed",
        ("right", -60): "INF-024",
        ("back", -60): "allowed",  # as the threat model says: a clock that is set back makes old data look fresh
    }
    for (clock, seconds), answer in expected.items():
        release = _release_by(cell, clocks[clock])
        now = time.time_ns()
        cell.said(release, seconds, issued_at=now - 3600 * SECOND)
        assert (clock, seconds, cell.ask()) == (clock, seconds, answer)


def test_a_clock_that_stands_still_never_sees_the_end_and_still_takes_every_order(cell: Cell) -> None:
    cell.honest()
    release = _release_by(cell, str(time.time_ns()))
    cell.said(release, 0.2)
    time.sleep(0.3)
    assert cell.ask() == "allowed"
    cell.said(release, 0.2, revoked=REVOKED)
    assert cell.ask() == "INF-014"


def test_the_guards_clock_ends_the_release_before(cell: Cell) -> None:
    files = guard_files("prod")
    path = next(name for name, data in files.items() if CLOCK_LINE.encode() in data)
    (cell.guard / path).write_text(_clocked(files[path].decode(), "time.now_ns() + 3600000000000"))
    release, _ = cell.honest()
    cell.said(release, releases=[{"revision": release, "until": time.time_ns() + 600 * SECOND}])
    assert cell.ask() == "INF-023"
