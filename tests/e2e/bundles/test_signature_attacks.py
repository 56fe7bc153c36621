"""Whoever sits between the bundle server and OPA, or holds the wrong key, changes nothing (docs/threat-model.md).

One OPA for all attacks. Each attack first shows that the honest bundle is taken, then that the forged one was
fetched and refused for the reason expected while the honest one stays active, and last that OPA still takes the next
honest one.
"""

import base64
import hashlib
import hmac
import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from weighbridge.bundle.archive import bundle_archive
from weighbridge.bundle.signing import DATA, MANIFEST, SIGNATURES, data_file, manifest, sign_bundle
from weighbridge.engines.locate import require
from weighbridge.engines.process import EngineProcess
from weighbridge.keys import b64url, public_pem

pytestmark = pytest.mark.engines

LIVE, RELEASE, STRANGER = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
ROOTS = {"live": ["weighbridge/live"], "release": ["weighbridge/registry"]}
KEYS = {"live": LIVE, "release": RELEASE}
Files = dict[str, bytes]
_numbers = itertools.count(1)


class Sidecar:
    """A real OPA with both keys pinned, each with its scope, as in `opa-config.yaml`."""

    def __init__(self, server, folder: Path) -> None:
        self.server = server
        bundles = {
            name: {
                "service": "weighbridge",
                "resource": f"bundles/{name}",
                "polling": {"min_delay_seconds": 1, "max_delay_seconds": 1, "long_polling_timeout_seconds": 10},
                "signing": {"keyid": name, "scope": f"prod-{name}"},
            }
            for name in KEYS
        }
        configuration = {
            "services": {"weighbridge": {"url": server.url}},
            "keys": {name: {"algorithm": "ES256", "key": public_pem(key.public_key())} for name, key in KEYS.items()},
            "bundles": bundles,
            "status": {"service": "weighbridge"},
        }
        (folder / "config.json").write_text(json.dumps(configuration))
        options = [f"--addr=unix://{folder / 'opa.sock'}", f"--config-file={folder / 'config.json'}"]
        self._process = EngineProcess("opa", [require("opa").path, "run", "--server", *options])
        transport = httpx.HTTPTransport(uds=str(folder / "opa.sock"))
        self._client = httpx.Client(transport=transport, base_url="http://opa")

    def data(self, name: str) -> object:
        return self._client.get(f"/v1/data/{ROOTS[name][0]}").json().get("result")

    def honest(self, name: str) -> int:
        """Publish an honest bundle and see it work."""
        number = next(_numbers)
        self.server.publish(name, bundle_archive(signed(name, number)))
        self.server.activated(name, f"{name}-{number}")
        assert self.data(name) == {"number": number}
        return number

    def close(self) -> None:
        self._client.close()
        self._process.stop()


def plain(name: str, number: int, environment: str = "prod") -> Files:
    document = {"weighbridge": {name if name == "live" else "registry": {"number": number}}}
    return {
        MANIFEST: manifest(f"{name}-{number}", ROOTS[name], {"environment": environment}),
        DATA: data_file(document),
    }


def signed(name: str, number: int = 0, key=None, scope: str | None = None, files: Files | None = None) -> Files:
    contents = files or plain(name, number or next(_numbers))
    return sign_bundle(contents, key or KEYS[name], algorithm="ES256", keyid=name, scope=scope or f"prod-{name}")


@pytest.fixture(scope="module")
def sidecar(bundle_server, tmp_path_factory) -> Iterator[Sidecar]:
    sidecar = Sidecar(bundle_server, tmp_path_factory.mktemp("sidecar"))
    yield sidecar
    sidecar.close()


def _token(files: Files) -> list[str]:
    return json.loads(files[SIGNATURES])["signatures"][0].split(".")


def _head(algorithm: str) -> str:
    return b64url(json.dumps({"alg": algorithm}).encode())


def _with_token(files: Files, *tokens: str) -> Files:
    return {**files, SIGNATURES: json.dumps({"signatures": list(tokens)}).encode()}


def tampered_data(name: str) -> Files:
    return {**signed(name), DATA: plain(name, 999_999)[DATA]}


def tampered_manifest(name: str) -> Files:
    return {**signed(name), MANIFEST: manifest("other", [*ROOTS[name], "weighbridge/points"])}


def extra_file(name: str) -> Files:
    return {**signed(name), "x.rego": b"package weighbridge.live.x\n\na := 1\n"}


def missing_file(name: str) -> Files:
    files = signed(name)
    del files[DATA]
    return files


def no_signatures(name: str) -> Files:
    return plain(name, next(_numbers))


def empty_list(name: str) -> Files:
    return _with_token(signed(name))


def empty_file(name: str) -> Files:
    return {**signed(name), SIGNATURES: b""}


def two_signatures(name: str) -> Files:
    honest = ".".join(_token(signed(name)))
    return _with_token(tampered_data(name), honest, honest)


def algorithm_none(name: str) -> Files:
    files = signed(name)
    return _with_token(files, f"{_head('none')}.{_token(files)[1]}.")


def public_key_as_secret(name: str) -> Files:
    files = tampered_data(name)
    fresh = signed(name, key=STRANGER, files={n: files[n] for n in (DATA, MANIFEST)})
    message = f"{_head('HS256')}.{_token(fresh)[1]}"
    secret = public_pem(KEYS[name].public_key()).encode()
    return _with_token(fresh, f"{message}.{b64url(hmac.new(secret, message.encode(), hashlib.sha256).digest())}")


def another_key(name: str) -> Files:
    return signed(name, key=STRANGER)


def key_of_the_other_bundle(name: str) -> Files:
    return signed(name, key=RELEASE if name == "live" else LIVE)


def other_key_named_by_the_bundle(name: str) -> Files:
    # Were `keyid` not pinned, the header would choose which of the configured keys verifies.
    other = "release" if name == "live" else "live"
    return sign_bundle(plain(name, next(_numbers)), KEYS[other], algorithm="ES256", keyid=other, scope=f"prod-{name}")


def another_environment(name: str) -> Files:
    return signed(name, scope=f"dev-{name}")


def scope_of_the_other_bundle(name: str) -> Files:
    return signed(name, scope="prod-release" if name == "live" else "prod-live")


def no_scope(name: str) -> Files:
    return signed(name, scope="\x00")


def signature_of_an_older_bundle(name: str) -> Files:
    return {**plain(name, next(_numbers)), SIGNATURES: signed(name)[SIGNATURES]}


def signature_cut_off(name: str) -> Files:
    files = signed(name)
    head, body, signature = _token(files)
    return _with_token(files, f"{head}.{body}.{signature[:-4]}")


def signature_of_zeros(name: str) -> Files:
    files = signed(name)
    head, body, _ = _token(files)
    return _with_token(files, f"{head}.{body}.{base64.urlsafe_b64encode(bytes(64)).rstrip(b'=').decode()}")


def _delta(name: str) -> Files:
    patch = {"data": [{"op": "upsert", "path": f"/{ROOTS[name][0]}/number", "value": 999_999}]}
    return {MANIFEST: manifest("delta", ROOTS[name]), "patch.json": data_file(patch)}


def unsigned_delta(name: str) -> Files:
    return _delta(name)


def signed_delta(name: str) -> Files:
    return signed(name, files=_delta(name))


ATTACKS: dict[Callable[[str], Files], str] = {
    tampered_data: "digest mismatch",
    tampered_manifest: "digest mismatch",
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
    other_key_named_by_the_bundle: "invalid ECDSA signature",
    another_environment: "scope mismatch",
    scope_of_the_other_bundle: "scope mismatch",
    no_scope: "scope mismatch",
    signature_of_an_older_bundle: "digest mismatch",
    signature_cut_off: "invalid signature length",
    signature_of_zeros: "invalid ECDSA signature",
    unsigned_delta: "delta bundles do not support signature verification",
    signed_delta: "delta bundles do not support signature verification",
}


@pytest.mark.parametrize("name", KEYS)
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_a_forged_bundle_is_refused_and_the_last_honest_one_stays(
    sidecar, name: str, attack: Callable[[str], Files]
) -> None:
    number = sidecar.honest(name)
    forged = bundle_archive(attack(name))
    before = len(sidecar.server.fetched)
    sidecar.server.publish(name, forged)
    state = sidecar.server.refused(name)
    assert len(sidecar.server.fetched) > before
    assert state["active_revision"] == f"{name}-{number}"
    assert ATTACKS[attack] in state["message"]
    assert sidecar.data(name) == {"number": number}
    sidecar.honest(name)


def test_a_bundle_that_is_cut_off_is_refused(sidecar) -> None:
    number = sidecar.honest("live")
    sidecar.server.publish("live", bundle_archive(signed("live"))[:3000])
    assert sidecar.server.refused("live")["active_revision"] == f"live-{number}"
    assert sidecar.data("live") == {"number": number}
    sidecar.honest("live")
