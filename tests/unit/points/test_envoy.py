"""Envoy's bootstrap as a document: what must stand in it, whatever the catalogue says."""

import pytest
import yaml

from weighbridge.catalogue.configuration import Environment
from weighbridge.points.envoy import EnvoySite, envoy_bootstrap, relocate
from weighbridge.points.envoy_address import listener_address


def bootstrap(environment=None, **site):
    return yaml.safe_load(envoy_bootstrap("prod", Environment.model_validate(environment or {}), EnvoySite(**site)))


def manager(document):
    return document["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]


def test_it_fails_closed_and_asks_before_it_routes():
    names = [each["name"] for each in manager(bootstrap())["http_filters"]]
    assert names == ["envoy.filters.http.json_to_metadata", "envoy.filters.http.ext_authz", "envoy.filters.http.router"]
    authz = manager(bootstrap())["http_filters"][1]["typed_config"]
    assert authz["failure_mode_allow"] is False
    assert authz["status_on_error"] == {"code": "ServiceUnavailable"}
    assert "with_request_body" not in authz


def test_one_route_and_one_cluster_a_version():
    document = bootstrap({"upstreams": {"m@1": "http://a:1", "m@2": "https://b"}})
    tree = manager(document)["route_config"]["virtual_hosts"][0]["matcher"]
    routes = tree["matcher_tree"]["exact_match_map"]["map"]
    assert {name: route["action"]["typed_config"]["route"]["cluster"] for name, route in routes.items()} == {
        "m@1": "m@1",
        "m@2": "m@2",
    }
    assert tree["on_no_match"]["action"]["typed_config"]["direct_response"] == {"status": 404}
    clusters = {each["name"]: each for each in document["static_resources"]["clusters"]}
    context = clusters["m@2"]["transport_socket"]["typed_config"]
    assert context["sni"] == "b"
    assert context["common_tls_context"]["validation_context"]["match_typed_subject_alt_names"]
    assert "transport_socket" not in clusters["m@1"]


def test_the_body_limit_is_the_catalogues():
    document = bootstrap({"calls": {"body_limit": "3MiB"}})
    assert document["static_resources"]["listeners"][0]["per_connection_buffer_limit_bytes"] == 3 * 1024**2


def test_it_is_the_same_every_time():
    environment = Environment.model_validate({"upstreams": {"b@1": "http://b", "a@1": "http://a"}})
    assert envoy_bootstrap("prod", environment) == envoy_bootstrap("prod", environment)


@pytest.mark.parametrize("admin", ["0.0.0.0:9901", "10.0.0.1:9901", "localhost:9901", "[::]:9901"])
def test_nobody_else_reaches_the_admin_interface(admin):
    with pytest.raises(ValueError, match="loopback"):
        bootstrap(admin=admin)
    with pytest.raises(ValueError, match="loopback"):
        relocate(envoy_bootstrap("prod", Environment()), listen="127.0.0.1:1", opa_address="127.0.0.1:2", admin=admin,
                 access_log="/dev/null")  # fmt: skip


@pytest.mark.parametrize(
    "address", ["", "nowhere", "host:", ":80", "host:99999", "http://host:80", "host:80/path", "u@host:80"]
)
def test_what_is_no_address_is_refused(address):
    with pytest.raises(ValueError, match=r"\S"):
        bootstrap(listen=address)


def test_it_moves_to_other_addresses_and_stays_what_it_is():
    written = envoy_bootstrap("prod", Environment.model_validate({"upstreams": {"m@1": "https://b"}}))
    moved = yaml.safe_load(
        relocate(
            written,
            listen="[::1]:1",
            opa_address="unix:///o",
            admin="unix:///a",
            access_log="/l",
            upstream="127.0.0.1:9",
        )
    )
    assert moved["admin"]["address"]["pipe"]["path"] == "/a"
    clusters = {each["name"]: each for each in moved["static_resources"]["clusters"]}
    assert "transport_socket" not in clusters["m@1"]
    assert clusters["weighbridge-opa"]["type"] == "STATIC"
    assert manager(moved)["http_filters"] == manager(yaml.safe_load(written))["http_filters"]


def test_the_key_n_is_text_for_a_reader_to_whom_n_means_no():
    written = envoy_bootstrap("prod", Environment())
    assert '{key: "n"}' in written
    assert '"n"' in relocate(written, listen="h:1", opa_address="h:2", admin="127.0.0.1:3", access_log="/l")


@pytest.mark.parametrize("address", ["foo", "127.0.0.1", ":80", "127.0.0.1:99999", "[::1:80", "u@h:80", "h:80/x", ""])
def test_what_a_user_gives_as_address_is_told_alike(address):
    with pytest.raises(ValueError, match="is no `host:port`"):
        listener_address(address)


@pytest.mark.parametrize("address", ["127.0.0.1:80", "[::1]:80", "localhost:80", "unix:///run/envoy.sock"])
def test_addresses(address):
    listener_address(address)


def test_only_whoever_asks_gets_more_patience_with_opa():
    addresses = {"listen": "h:1", "opa_address": "h:2", "admin": "127.0.0.1:3", "access_log": "/l"}
    written = envoy_bootstrap("prod", Environment())

    def patience(**more):
        document = yaml.safe_load(relocate(written, **addresses, **more))
        return manager(document)["http_filters"][1]["typed_config"]["grpc_service"]["timeout"]

    assert patience() == "1s"
    assert patience(decision_seconds=20) == "20s"
