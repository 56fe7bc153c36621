"""Whoever holds the live key and owns the bundle server restricts, and does nothing else (CONTRACTS: The guard).

OPA lets a correctly signed bundle claim any root that is free, and lets it hold rules; so every bundle here is signed
with the right key for the right scope. A stranger's call must never be allowed, whatever was published in whichever
order.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from weighbridge.bundle.signing import DATA, MANIFEST, data_file

pytestmark = pytest.mark.engines

ALLOW = b'package %b\n\ndecision := {"allowed": true}\n'
ENTRY = {"evil.rego": ALLOW % b"weighbridge.points.envoy"}
GUARD = {"evil.rego": ALLOW % b"weighbridge.guard"}
RULES = {
    "evil.rego": b"package lib.weighbridge.decision\n\nviolations := set()\n",
    "request.rego": b"package lib.weighbridge.request\n\nnow_ns := 1\n",
}
SILENT = {"evil.rego": b"package system.log\n\ndrop := true\n"}
OPEN = {"evil.rego": b"package system.authz\n\nallow := true\n"}
FAKE = {
    "system": {
        "bundles": {
            "live": {"manifest": {"roots": ["weighbridge/live"], "revision": "x"}},
            "release": {
                "manifest": {
                    "revision": "fake",
                    "roots": ["lib/weighbridge", "weighbridge/points/envoy", "weighbridge/registry"],
                }
            },
        }
    }
}


@dataclass(frozen=True)
class Attack:
    """A live bundle that claims more than is its own."""

    roots: tuple[str, ...]
    files: dict[str, bytes] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    own: bool = True
    """Whether it claims its own root as well."""


ATTACKS = {
    "the entry's root": Attack(("weighbridge/points/envoy",), ENTRY),
    "the parent of the entry's root": Attack(("weighbridge/points",), ENTRY),
    "the rules": Attack(("lib",), RULES),
    "the registry": Attack(("weighbridge/registry",), data={"weighbridge": {"registry": {"environment": "prod"}}}),
    "all of a release": Attack(("lib/weighbridge", "weighbridge/points/envoy", "weighbridge/registry"), ENTRY),
    "the guard": Attack(("weighbridge/guard",), GUARD),
    "the guard's settings": Attack(("weighbridge/guard/settings",), data={"weighbridge": {"guard": {"settings": {}}}}),
    "system": Attack(("system",), data=FAKE),
    "system's bundles": Attack(("system/bundles",), data=FAKE),
    "the decision log": Attack(("system/log",), SILENT),
    "the API's authorization": Attack(("system/authz",), OPEN),
    "everything": Attack(("",), {**ENTRY, "guard.rego": GUARD["evil.rego"]}, own=False),
    "the product": Attack(("weighbridge",), ENTRY, own=False),
}


def _live(site, attack: Attack, release: str) -> bytes:
    revision = site.revision("attack")
    files = site.live_files(revision, site.live(release))
    weighbridge = {**site.live_data(release)["weighbridge"], **attack.data.get("weighbridge", {})}
    files[DATA] = data_file({**attack.data, "weighbridge": weighbridge})
    roots = [*(("weighbridge/live",) if attack.own else ()), *attack.roots]
    # `manifest` refuses such roots, so an attacker writes them by hand.
    files[MANIFEST] = data_file({"revision": revision, "roots": roots, "rego_version": 1})
    return site.signed("live", {**files, **attack.files})


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_warm_a_claim_to_what_is_owned_is_refused_and_nothing_changes(site, attack: Attack) -> None:
    release, state = site.honest()
    report = site.forge("live", _live(site, attack, release))
    assert report["active_revision"] == state
    assert "root" in report["message"]
    assert (site.ask(), site.ask(site.STRANGER)) == ("allowed", "INF-009")


def test_warm_a_claim_to_what_is_free_stops_everything(site) -> None:
    release, _ = site.honest()
    site.publish("live", _live(site, Attack(("weighbridge/more",), {"x.rego": ALLOW % b"weighbridge.more"}), release))
    site.wait_for("INF-028")
    assert site.ask(site.STRANGER) == "INF-028"
    site.honest()


@pytest.mark.parametrize("first", [Attack(("system",), data=FAKE), Attack(("system",), OPEN)], ids=["data", "rules"])
def test_warm_system_first_and_then_the_guard_is_refused_twice(site, first: Attack) -> None:
    release, state = site.honest()
    for attack in (first, Attack(("weighbridge/guard",), GUARD), Attack(("weighbridge/points/envoy",), ENTRY)):
        assert site.forge("live", _live(site, attack, release))["active_revision"] == state
        assert site.ask(site.STRANGER) == "INF-009"


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_cold_with_the_release_withheld_nobody_is_let_through(cold_site, attack: Attack) -> None:
    site = cold_site
    site.withhold()
    site.publish("live", _live(site, attack, "fake"))
    site.start()
    site.reported("live")
    assert (site.ask(), site.ask(site.STRANGER)) == ("INF-022", "INF-022")
    assert site.api("GET", "/v1/data/weighbridge").status_code == 401
    # The release comes late: it cannot get in beside the claim, and nothing of it is used.
    site.publish("release", site.signed("release", site.release_files(site.revision("release"))))
    site.reported("release")
    assert site.ask(site.STRANGER) != "allowed"
    site.stop()


def test_cold_system_first_and_then_the_guard_lets_nobody_through(cold_site) -> None:
    site = cold_site
    site.withhold()
    site.publish("live", _live(site, Attack(("system",), data=FAKE), "fake"))
    site.start()
    site.reported("live")
    for attack in (Attack(("weighbridge/guard",), GUARD), Attack(("weighbridge/points/envoy",), ENTRY)):
        site.publish("live", _live(site, attack, "fake"))
        site.reported("live")
        assert (site.ask(), site.ask(site.STRANGER)) == ("INF-022", "INF-022")
    site.stop()


LISTEN = b"""package weighbridge.live%b

%b

%b if http.send({"method": "POST", "url": "%b", "body": input})
"""
PROGRAMS = {
    "beside its data": (b"", b"not_after := 9223372036854775807"),
    "below its data": (b".below.it", b"x := 1"),
    "a set": (b"", b'releases contains {"revision": "x"}'),
    "an object": (b"", b'active["kb-qa"] := "kb-qa-001@2025.03.15"'),
    "a long head": (b"", b"a.b.c.d := 1"),
    "an entry": (b".revoked", b'x["y"] := {}'),
}


@pytest.mark.parametrize("place", PROGRAMS.values(), ids=PROGRAMS.keys())
@pytest.mark.parametrize("rego_version", [0, 1])
def test_a_rule_in_live_data_never_sees_a_call(site, listener, place: tuple[bytes, bytes], rego_version: int) -> None:
    # Such a rule would be evaluated with the call as its input, credential included.
    release, state = site.honest()
    package, head = place
    rule = LISTEN % (package, b"import future.keywords" if rego_version == 0 else b"", head, listener.url.encode())
    document = site.live(release)
    document.pop("not_after")
    files = site.live_files(site.revision("attack"), document)
    files[MANIFEST] = data_file({"revision": "x", "roots": ["weighbridge/live"], "rego_version": rego_version})
    report = site.forge("live", site.signed("live", {**files, "evil.rego": rule}))
    assert report["active_revision"] == state
    assert report["errors"][0]["code"] == "rego_type_error"
    assert site.ask() == "allowed"
    assert listener.heard == []


def test_a_rule_in_live_data_is_refused_at_a_cold_start_too(cold_site, listener) -> None:
    site = cold_site
    site.withhold()
    release = site.revision("release")
    site.publish("release", site.signed("release", site.release_files(release)))
    rule = LISTEN % (b"", b"", b"more := 1", listener.url.encode())
    site.publish("live", site.signed("live", {**site.live_files("x", site.live(release)), "evil.rego": rule}))
    site.start()
    site.activated("release", release)
    site.reported("live")
    assert site.ask() == "INF-022"
    assert listener.heard == []
    site.stop()


def test_a_program_that_is_no_rego_is_not_run_either(site) -> None:
    # An OPA that runs WebAssembly would activate it; there the guard looks at the manifest
    # (policies/guard/live_data_test.rego).
    release, state = site.honest()
    files = site.live_files("x", site.live(release))
    wasm = [{"entrypoint": "weighbridge/live/releases", "module": "policy.wasm"}]
    files[MANIFEST] = data_file({"revision": "x", "roots": ["weighbridge/live"], "rego_version": 1, "wasm": wasm})
    report = site.forge("live", site.signed("live", {**files, "policy.wasm": b"\0asm\1\0\0\0"}))
    assert report["active_revision"] == state
    assert "wasm" in report["message"]
    assert site.ask() == "allowed"
