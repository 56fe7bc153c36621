"""Old, foreign, missing and stale bundles, each correctly signed: a sidecar denies, with the code that says why."""

from __future__ import annotations

import time
from typing import Any

import pytest

from weighbridge.bundle.signing import DATA, MANIFEST, data_file, manifest

pytestmark = pytest.mark.engines


def _publish_release(site, **options: Any) -> str:
    revision = site.revision("release")
    site.publish("release", site.signed("release", site.release_files(revision, **options)))
    site.activated("release", revision)
    return revision


def _publish_live(site, release: str, **changes: Any) -> str:
    revision = site.revision("live")
    site.publish("live", site.signed("live", site.live_files(revision, site.live(release, **changes))))
    site.activated("live", revision)
    return revision


def test_an_old_release_is_not_replayed_beside_present_live_data(site) -> None:
    old, _ = site.honest()
    before = site.signed("release", site.release_files(old))
    site.honest()
    site.publish("release", before)
    site.activated("release", old)
    assert site.ask() == "INF-023"
    site.honest()


def test_the_release_before_serves_until_its_time_and_no_longer(site) -> None:
    old, _ = site.honest()
    new = site.revision("release")
    later = [{"revision": new}, {"revision": old, "until": time.time_ns() + 600 * 10**9}]
    _publish_live(site, old, releases=later)
    assert site.ask() == "allowed"
    past = [{"revision": new}, {"revision": old, "until": time.time_ns() - 1}]
    _publish_live(site, old, releases=past)
    assert site.ask() == "INF-023"
    site.honest()


@pytest.mark.parametrize("until", ["9999", None, True, [], {}, {"a": 1}], ids=repr)
def test_an_end_that_is_no_number_is_no_end_that_lies_ahead(site, until: object) -> None:
    release, _ = site.honest()
    _publish_live(site, release, releases=[{"revision": release, "until": until}])
    assert site.ask() == "INF-023"


@pytest.mark.parametrize(
    "releases", [[], {}, None, "release", [None], [{}], [{"revision": None}], [{"revision": ["r"]}]], ids=repr
)
def test_announcing_nothing_that_can_be_read_announces_nothing(site, releases: object) -> None:
    release, _ = site.honest()
    _publish_live(site, release, releases=releases)
    assert site.ask() == "INF-023"


def test_a_release_of_another_environment_is_refused_by_the_guard(site) -> None:
    # Signed for this scope, as by a pipeline that mixes them up; with its own scope OPA refuses it before.
    _, _ = site.honest()
    release = _publish_release(site, document=site.registry(environment="dev"))
    _publish_live(site, release)
    assert site.ask() == "INF-029"
    _publish_live(site, release, environment="dev")
    assert site.ask() == "INF-029"
    site.honest()


def test_live_data_of_another_environment_is_refused_by_the_guard(site) -> None:
    release, _ = site.honest()
    _publish_live(site, release, environment="dev")
    assert site.ask() == "INF-029"


def test_the_workload_release_is_refused_at_a_gateway(site) -> None:
    # One key and one scope for both: who runs the bundle server can serve either.
    site.honest()
    revision = site.revision("release")
    site.publish("release", site.signed("release", site.workload_files(revision)))
    site.activated("release", revision)
    _publish_live(site, revision)
    assert site.ask() == "INF-028"
    site.honest()
    release = _publish_release(site, document=site.registry(point="workload"))
    _publish_live(site, release)
    assert site.ask() == "INF-029"
    site.honest()


def test_control_data_in_place_of_another_bundle_is_refused(site) -> None:
    # The control plane and agents read it; it has the release's key, scope and revision, and no engine should load it.
    release, live = site.honest()
    files = {
        DATA: data_file({"weighbridge": {"control": {"environment": "prod"}}}),
        MANIFEST: manifest(release, ("weighbridge/control",)),
    }
    report = site.forge("live", site.signed("release", files))
    assert report["active_revision"] == live
    assert site.ask() == "allowed"
    site.publish("release", site.signed("release", files))
    assert site.wait_for("INF-028") == "INF-028"
    # Announced, cold or warm: it is no release.
    _publish_live(site, release)
    assert site.ask() == "INF-028"
    site.start(state=site.state)
    assert site.wait_for("INF-022", "INF-028")
    site.activated("release", release)
    assert site.ask() in {"INF-022", "INF-028"}
    site.honest()


def test_a_release_that_claims_more_than_a_release_is_refused(site) -> None:
    release, _ = site.honest()
    more = ("lib/weighbridge", "weighbridge/points/envoy", "weighbridge/registry", "weighbridge/more")
    site.publish("release", site.signed("release", site.release_files(release, roots=more)))
    assert site.wait_for("INF-028") == "INF-028"
    site.honest()


@pytest.mark.parametrize(
    ("not_after", "codes"),
    [
        (0, "INF-024"),
        (lambda: time.time_ns() - 1, "INF-024"),
        ("9999999999999999999", "INF-024"),
        (None, "INF-024"),
        ({"a": 1}, "INF-024"),
        ([], "INF-024"),
        (True, "INF-024"),
    ],
    ids=["long past", "just past", "text", "null", "object", "list", "true"],
)
def test_stale_live_data_denies(site, not_after: Any, codes: str) -> None:
    release, _ = site.honest()
    _publish_live(site, release, not_after=not_after() if callable(not_after) else not_after)
    assert site.ask() == codes


@pytest.mark.parametrize("missing", ["environment", "not_after", "releases", "active"])
def test_live_data_with_a_part_missing_denies(site, missing: str) -> None:
    release, _ = site.honest()
    revision = site.revision("live")
    document = site.live(release)
    del document[missing]
    site.publish("live", site.signed("live", site.live_files(revision, document)))
    site.activated("live", revision)
    assert site.ask() != "allowed"
    site.honest()


def test_empty_bundles_deny(site) -> None:
    release, _ = site.honest()
    revision = site.revision("live")
    files = site.live_files(revision, site.live(release))
    site.publish("live", site.signed("live", {**files, DATA: data_file({})}))
    site.activated("live", revision)
    assert site.ask() == "INF-022"
    site.honest()


def test_live_data_expires_while_the_service_is_silent(site) -> None:
    release, _ = site.honest()
    _publish_live(site, release, not_after=time.time_ns() + 2 * 10**9)
    assert site.ask() == "allowed"
    assert site.wait_for("INF-024") == "INF-024"


def test_cold_with_live_data_withheld_nobody_is_let_through(cold_site) -> None:
    site = cold_site
    site.stop()
    site.withhold()
    revision = site.revision("release")
    site.publish("release", site.signed("release", site.release_files(revision)))
    site.start()
    site.activated("release", revision)
    assert site.ask() == "INF-022"
    site.stop()
    site.honest()


def test_a_restart_without_the_service_goes_on_until_live_data_expires(cold_site) -> None:
    site = cold_site
    site.honest()
    site.withhold()
    site.start(state=site.state)
    assert site.wait_for("allowed") == "allowed"
    site.stop()
    site.honest()


@pytest.mark.parametrize("forged", ["unsigned", "another key", "another scope"])
def test_what_lies_on_the_disk_is_verified_like_what_is_fetched(cold_site, forged: str) -> None:
    site = cold_site
    release, _ = site.honest()
    (persisted,) = site.state.rglob("live/bundle.tar.gz")
    site.stop()
    site.withhold()
    document = site.live(release, not_after=2**62, active={})
    files = site.live_files("forged", document)
    bundles = {
        "unsigned": lambda: site.unsigned(files),
        "another key": lambda: site.signed("live", files, key=site.keys["release"]),
        "another scope": lambda: site.signed("live", files, scope="dev-live"),
    }
    persisted.write_bytes(bundles[forged]())
    site.publish("release", site.signed("release", site.release_files(release)))
    site.start(state=site.state)
    site.activated("release", release)
    assert site.ask() == "INF-022"
    site.stop()
    site.honest()
