"""The configuration that ships, on the real OPA: every kind of key, a restart without the service, a closed API."""

import re

import httpx
import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from weighbridge import resources
from weighbridge.bundle.archive import bundle_archive
from weighbridge.bundle.guard import guard_files
from weighbridge.bundle.signing import DATA, MANIFEST, data_file, manifest, sign_bundle
from weighbridge.engines.process import free_port
from weighbridge.engines.sidecar import Sidecar, SidecarSettings
from weighbridge.errors import EngineError, InputError
from weighbridge.harness.bundle_server import BundleServer
from weighbridge.harness.live_data import signed_live
from weighbridge.keys import bundle_algorithm

pytestmark = pytest.mark.engines

POINT = b"""package weighbridge.points.envoy

decision := {"allowed": true, "environment": opa.runtime().env}
"""
ROOTS = ["lib/weighbridge", "weighbridge/points/envoy", "weighbridge/registry"]
LABELS = {"environment": "prod", "point": "envoy"}
KEYS = {
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ES384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "RS256": lambda: rsa.generate_private_key(65537, 2048),
}


class Site:
    """A bundle server with a release and live data, and what a sidecar needs to use them."""

    def __init__(self, folder, server, key):
        self.folder, self.server, self.key = folder, server, key
        for path, data in guard_files("prod").items():
            target = folder / "guard" / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        (folder / "state").mkdir(exist_ok=True)

    def publish(self, key=None):
        signer = key or self.key
        registry = {"environment": "prod", "point": "envoy"}
        files = {
            "p.rego": POINT,
            DATA: data_file({"weighbridge": {"registry": registry}}),
            MANIFEST: manifest("r1", ROOTS),
        }
        algorithm = bundle_algorithm(signer, "key")
        signed = sign_bundle(files, signer, algorithm=algorithm, keyid="release", scope="prod-release")
        self.server.publish("prod/envoy/release.tar.gz", bundle_archive(signed))
        live = {
            "environment": "prod",
            "sequence": 1,
            "issued_at": 0,
            "not_after": 2**62,
            "releases": [{"revision": "r1"}],
        }
        self.server.publish("prod/live.tar.gz", signed_live(live, "prod", self.key)[1])

    @property
    def settings(self):
        return SidecarSettings(
            environment="prod", service_url=self.server.url, token_file=self.server.token_file,
            release_key=self.key.public_key(), live_key=self.key.public_key(),
            grpc_address=f"127.0.0.1:{free_port()}", state=self.folder / "state",
        )  # fmt: skip

    def sidecar(self, **options):
        return Sidecar(self.settings, self.folder / "guard", folder=self.folder, **options)

    def active(self):
        self.server.wait_for_revision("release", "r1", labels=LABELS, timeout=20)
        self.server.wait_for(
            lambda each: each.last_status(LABELS)["bundles"]["live"].get("active_revision"), timeout=20
        )


def decide(sidecar):
    answer = httpx.post(f"{sidecar.api_url}/v1/data/weighbridge/guard/decision", json={"input": {}}, trust_env=False)
    return answer.json()["result"]


@pytest.fixture
def site(tmp_path):
    with BundleServer(tmp_path) as server:
        yield Site(tmp_path, server, KEYS["ES256"]())


@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "RS256"])
def test_every_kind_of_key_arrives_in_one_line(tmp_path, algorithm):
    with BundleServer(tmp_path) as server:
        site = Site(tmp_path, server, KEYS[algorithm]())
        site.publish()
        assert site.settings.variables()["WEIGHBRIDGE_RELEASE_ALGORITHM"] == algorithm
        with site.sidecar() as sidecar:
            site.active()
            assert decide(sidecar)["allowed"] is True


def test_a_key_that_opa_does_not_verify_is_refused_before_it_starts(site):
    site.key = ed25519.Ed25519PrivateKey.generate()
    with pytest.raises(InputError, match="EdDSA"):
        site.settings.variables()


def test_the_environment_is_exactly_what_the_configuration_names(site):
    text = resources.opa_config().read_text()
    named = set(re.findall(r"\$\{(\w+)\}", text))
    assert set(site.settings.variables()) == named
    documented = set(re.findall(r"^#   (WEIGHBRIDGE_\w+)", text, re.MULTILINE))
    assert documented == named
    site.publish()
    with site.sidecar() as sidecar:
        site.active()
        assert set(decide(sidecar)["environment"]) == named | {"GOGC"}


def test_before_the_bundles_are_there_everything_is_denied(site):
    with site.sidecar() as sidecar:
        assert decide(sidecar)["allowed"] is False


def test_a_release_by_another_key_is_refused_and_told(site):
    site.publish(KEYS["ES256"]())
    with site.sidecar() as sidecar:
        with pytest.raises(EngineError, match="failed to verify JWT signature"):
            site.server.wait_for_revision("release", "r1", labels=LABELS, timeout=3)
        assert decide(sidecar)["allowed"] is False


def test_without_the_token_nothing_is_served_or_taken(site):
    site.publish()
    for path, method in (("/bundles/prod/live.tar.gz", "GET"), ("/status", "POST"), ("/logs", "POST")):
        for headers in ({}, {"authorization": "Bearer"}, {"authorization": "Bearer x"}):
            answer = httpx.request(method, site.server.url + path, headers=headers, trust_env=False)
            assert answer.status_code == 401
    site.server.token_file.write_text("another")
    with site.sidecar() as sidecar:
        assert decide(sidecar)["allowed"] is False


def test_a_restart_without_the_service_goes_on_with_what_was_verified(site):
    site.publish()
    with site.sidecar() as sidecar:
        site.active()
        assert decide(sidecar)["allowed"] is True
    site.server.withdraw("prod/envoy/release.tar.gz")
    site.server.withdraw("prod/live.tar.gz")
    with site.sidecar() as sidecar:
        for _ in range(100):
            if decide(sidecar)["allowed"]:
                break
        assert decide(sidecar)["allowed"] is True


def test_a_variable_that_is_missing_stops_it(site, tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text(
        resources.opa_config().read_text().replace("${WEIGHBRIDGE_RELEASE_ALGORITHM}", "${WEIGHBRIDGE_NOT_SET}")
    )
    with pytest.raises(EngineError, match="opa ended"), site.sidecar(config=config):
        pass


def test_opas_api_takes_no_policy_and_tells_no_configuration(site):
    site.publish()
    with site.sidecar() as sidecar:
        site.active()
        evil = "package weighbridge.points.envoy\ndecision := {}"
        client = httpx.Client(base_url=sidecar.api_url, trust_env=False, follow_redirects=True)
        for answer in (
            client.put("/v1/policies/x", content=evil),
            client.put("/v1/data/weighbridge/live", json={}),
            client.get("/v1/config"),
            client.get("/v1/data"),
            client.post("/v1/data", json={}),
            client.get("/v1/policies"),
            client.post("/v1/query", json={"query": "data"}),
            client.post("/v1/compile", json={}),
            client.get("/debug/pprof/"),
            client.get("/v1/data/weighbridge/guard/decision"),
            client.post("/v1/data/weighbridge/guard/decision/../live", json={}),
        ):
            assert answer.status_code in {401, 404, 405}, answer.url
        assert decide(sidecar)["allowed"] is True


def test_the_configuration_is_the_contracted_one():
    config = yaml.safe_load(resources.opa_config().read_text())
    assert {name: bundle["signing"]["keyid"] for name, bundle in config["bundles"].items()} == {
        "release": "release",
        "live": "live",
    }
    plugin = config["plugins"]["envoy_ext_authz_grpc"]
    assert (plugin["path"], plugin["dry-run"], plugin["skip-request-body-parse"]) == (
        "weighbridge/guard/decision",
        False,
        True,
    )
    assert config["decision_logs"]["mask_decision"] == "/system/log/mask"
    assert "trigger" not in config["status"]
