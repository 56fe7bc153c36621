"""Whoever sits between the bundle server and OPA, or holds the wrong key, changes nothing (docs/threat-model.md).

One OPA for all attacks. Each attack first shows that the honest bundle is taken, then that the forged one was
fetched and refused for the reason expected while the honest one stays active, and last that OPA still takes the next
honest one.
"""

import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from weighbridge.bundle.archive import bundle_archive
from weighbridge.bundle.signing import DATA, MANIFEST, SIGNATURES, data_file, manifest, sign_bundle
from weighbridge.keys import b64url, public_pem

pytestmark = pytest.mark.engines

STRANGER = ec.generate_private_key(ec.SECP256R1())
NAMES = ("release", "live")
Files = dict[str, bytes]


class Forger:
    """Makes bundles that, were they taken, would stop every call: live data that freezes, a release that refuses."""

    def __init__(self, site: Any, name: str, release: str) -> None:
        self.site = site
        self.name = name
        self._release = release

    def plain(self) -> Files:
        revision = self.site.revision("forged")
        if self.name == "live":
            return self.site.live_files(revision, self.site.live(self._release, active={}))
        return self.site.release_files(revision, self.site.registry(grants={}))

    def signed(self, files: Files | None = None, *, key: Any = None, keyid: str = "", scope: str = "") -> Files:
        return sign_bundle(
            files or self.plain(),
            key or self.site.keys[self.name],
            algorithm="ES256",
            keyid=keyid or self.name,
            scope=scope or f"prod-{self.name}",
        )

    def honest(self) -> Files:
        if self.name == "live":
            return self.site.live_files("honest", self.site.live(self._release))
        return self.site.release_files("honest")

    @property
    def other(self) -> str:
        return "release" if self.name == "live" else "live"


def _token(files: Files) -> list[str]:
    return json.loads(files[SIGNATURES])["signatures"][0].split(".")


def _head(algorithm: str) -> str:
    return b64url(json.dumps({"alg": algorithm}).encode())


def _with_token(files: Files, *tokens: str) -> Files:
    return {**files, SIGNATURES: json.dumps({"signatures": list(tokens)}).encode()}


def tampered_data(forger: Forger) -> Files:
    return {**forger.signed(forger.honest()), DATA: forger.plain()[DATA]}


def tampered_manifest(forger: Forger) -> Files:
    return {**forger.signed(), MANIFEST: manifest("forged", ["weighbridge/live", "weighbridge/points"])}


def tampered_rule(forger: Forger) -> Files:
    files = forger.signed({**forger.plain(), "weighbridge/x.rego": b"package weighbridge.live.x\n"})
    return {**files, "weighbridge/x.rego": b"package weighbridge.live.y\n"}


def extra_file(forger: Forger) -> Files:
    return {**forger.signed(), "x.rego": b"package weighbridge.live.x\n\na := 1\n"}


def missing_file(forger: Forger) -> Files:
    files = forger.signed(forger.honest())
    del files[DATA]
    return files


def no_signatures(forger: Forger) -> Files:
    return forger.plain()


def empty_list(forger: Forger) -> Files:
    return _with_token(forger.signed())


def empty_file(forger: Forger) -> Files:
    return {**forger.signed(), SIGNATURES: b""}


def two_signatures(forger: Forger) -> Files:
    honest = ".".join(_token(forger.signed(forger.honest())))
    return _with_token(tampered_data(forger), honest, honest)


def algorithm_none(forger: Forger) -> Files:
    files = forger.signed()
    return _with_token(files, f"{_head('none')}.{_token(files)[1]}.")


def public_key_as_secret(forger: Forger) -> Files:
    files = forger.signed(key=STRANGER)
    message = f"{_head('HS256')}.{_token(files)[1]}"
    secret = public_pem(forger.site.keys[forger.name].public_key()).encode()
    return _with_token(files, f"{message}.{b64url(hmac.new(secret, message.encode(), hashlib.sha256).digest())}")


def another_key(forger: Forger) -> Files:
    return forger.signed(key=STRANGER)


def key_of_the_other_bundle(forger: Forger) -> Files:
    return forger.signed(key=forger.site.keys[forger.other])


def key_that_the_bundle_itself_names(forger: Forger) -> Files:
    # Were `keyid` not pinned, the header would choose which of the configured keys verifies.
    return forger.signed(key=forger.site.keys[forger.other], keyid=forger.other)


def another_environment(forger: Forger) -> Files:
    return forger.signed(scope=f"dev-{forger.name}")


def scope_of_the_other_bundle(forger: Forger) -> Files:
    return forger.signed(scope=f"prod-{forger.other}")


def scope_in_other_letters(forger: Forger) -> Files:
    return forger.signed(scope=f"PROD-{forger.name}")


def signature_of_another_bundle(forger: Forger) -> Files:
    return {**forger.plain(), SIGNATURES: forger.signed(forger.honest())[SIGNATURES]}


def signature_cut_off(forger: Forger) -> Files:
    files = forger.signed()
    head, body, signature = _token(files)
    return _with_token(files, f"{head}.{body}.{signature[:-4]}")


def signature_of_zeros(forger: Forger) -> Files:
    files = forger.signed()
    head, body, _ = _token(files)
    return _with_token(files, f"{head}.{body}.{b64url(bytes(64))}")


def _delta(forger: Forger) -> Files:
    root = "weighbridge/live" if forger.name == "live" else "weighbridge/registry"
    patch = {
        "data": [{"op": "upsert", "path": f"/{root}/{'active' if forger.name == 'live' else 'grants'}", "value": {}}]
    }
    return {MANIFEST: manifest("delta", [root]), "patch.json": data_file(patch)}


def unsigned_delta(forger: Forger) -> Files:
    return _delta(forger)


def signed_delta(forger: Forger) -> Files:
    return forger.signed(_delta(forger))


ATTACKS: dict[Callable[[Forger], Files], str] = {
    tampered_data: "digest mismatch",
    tampered_manifest: "digest mismatch",
    tampered_rule: "digest mismatch",
    extra_file: "not included in bundle signature",
    missing_file: "not found in the target bundle",
    no_signatures: "missing .signatures.json",
    empty_list: "missing JWT",
    empty_file: "signatures decode",
    two_signatures: "multiple JWTs",
    algorithm_none: "failed to verify JWT signature",
    public_key_as_secret: "failed to verify JWT signature",
    another_key: "invalid ECDSA signature",
    key_of_the_other_bundle: "invalid ECDSA signature",
    key_that_the_bundle_itself_names: "invalid ECDSA signature",
    another_environment: "scope mismatch",
    scope_of_the_other_bundle: "scope mismatch",
    scope_in_other_letters: "scope mismatch",
    signature_of_another_bundle: "digest mismatch",
    signature_cut_off: "invalid signature length",
    signature_of_zeros: "invalid ECDSA signature",
    unsigned_delta: "delta bundles do not support signature verification",
    signed_delta: "delta bundles do not support signature verification",
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_a_forged_bundle_is_refused_and_the_last_honest_one_stays(
    site: Any, name: str, attack: Callable[[Forger], Files]
) -> None:
    release, live = site.honest()
    report = site.forge(name, bundle_archive(attack(Forger(site, name, release))))
    assert report["active_revision"] == (live if name == "live" else release)
    assert ATTACKS[attack] in report["message"]
    assert site.ask() == "allowed"


@pytest.mark.parametrize(("name", "codes"), [("live", "INF-017"), ("release", "INF-009")])
def test_the_same_bundle_with_an_honest_signature_is_taken(site: Any, name: str, codes: str) -> None:
    # Without this, every refusal above could have another reason than the one that it gives.
    release, _ = site.honest()
    files = Forger(site, name, release).plain()
    if name == "release":
        files = site.release_files(release, site.registry(grants={}))
    site.publish(name, bundle_archive(Forger(site, name, release).signed(files)))
    assert site.wait_for(codes) == codes
    site.honest()


@pytest.mark.parametrize("kept", [0.1, 0.25])
def test_a_bundle_that_is_cut_off_is_refused(site: Any, kept: float) -> None:
    release, live = site.honest()
    whole = bundle_archive(Forger(site, "live", release).signed())
    report = site.forge("live", whole[: int(len(whole) * kept)])
    assert report["active_revision"] == live
    assert site.ask() == "allowed"
