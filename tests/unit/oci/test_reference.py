"""References, challenges and credentials."""

import json
import os
from base64 import b64encode
from pathlib import Path

import pytest

from weighbridge.errors import InputError
from weighbridge.oci.challenge import Challenge, parse_challenges
from weighbridge.oci.credentials import ANONYMOUS, Credentials, find_credentials
from weighbridge.oci.reference import is_loopback, parse_reference

HEX = "0" * 64


@pytest.mark.parametrize(
    ("location", "host", "repository", "reference"),
    [
        ("oci://h/r:v1", "h", "r", "v1"),
        ("oci://h:5000/a/b-c.d__e", "h:5000", "a/b-c.d__e", None),
        (f"oci://h/r:v1@sha256:{HEX}", "h", "r", f"sha256:{HEX}"),
        ("oci://[::1]:5000/r:v", "[::1]:5000", "r", "v"),
        ("oci://docker.io/alpine:3", "registry-1.docker.io", "library/alpine", "3"),
    ],
)
def test_a_reference_is_taken_apart(location: str, host: str, repository: str, reference: str | None) -> None:
    named = parse_reference(location)
    assert (named.host, named.repository, named.reference) == (host, repository, reference)


@pytest.mark.parametrize(
    "location",
    [
        "oci://", "oci://h", "oci://h/", "oci://h/R:1", "oci://h/r:", "oci://h/r@", "oci://h/r@sha256:0", "oci://h/a//b",
        "oci://h/../r:1", "oci://u:p@h/r:1", "oci://h/r?x=1:1", "oci://h/r:v/1", "oci://-h/r:1", "oci://h\n/r:1", "http://h/r:1",
        f"oci://h/{'a' * 256}:1", f"oci://h/r:{'a' * 129}", "oci://h#x/r:1", "oci://h:port/r:1",
    ],
)  # fmt: skip
def test_what_is_no_reference_is_refused(location: str) -> None:
    with pytest.raises(InputError, match="is no reference"):
        parse_reference(location)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True), ("LOCALHOST:80", True), ("127.0.0.1:5000", True), ("127.9.9.9", True), ("[::1]:5", True),
        ("localhost.evil.com", False), ("127.0.0.1.evil.com", False), ("10.0.0.1", False), ("[::2]", False),
    ],
)  # fmt: skip
def test_only_this_machine_by_its_very_name_is_spoken_to_without_tls(host: str, *, loopback: bool) -> None:
    assert is_loopback(host) is loopback


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (['Bearer realm="https://a/t",service="s",scope="x:y,z"'], {"bearer": ("https://a/t", "s", "x:y,z")}),
        (['bearer realm=https://a, service="q\\"uote"'], {"bearer": ("https://a", 'q"uote', "")}),
        (['Basic realm="x", Bearer realm="y"'], {"basic": ("x", "", ""), "bearer": ("y", "", "")}),
        (['Basic realm="x"', 'Bearer realm="y"'], {"basic": ("x", "", ""), "bearer": ("y", "", "")}),
        (['Bearer realm="a",realm="b"'], {"bearer": ("a", "", "")}),
        (["Negotiate"], {}),
        ([""], {}),
        (['Bearer realm="unclosed'], {"bearer": ("", "", "")}),
    ],
)
def test_challenges_are_read(headers: list[str], expected: dict[str, tuple[str, str, str]]) -> None:
    assert parse_challenges(headers) == {scheme: Challenge(scheme, *values) for scheme, values in expected.items()}


class TestCredentials:
    @pytest.fixture(autouse=True)
    def _own_configuration(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
        monkeypatch.delenv("REGISTRY_AUTH_FILE", raising=False)

    def configure(self, tmp_path: Path, document: object) -> None:
        (tmp_path / "config.json").write_text(json.dumps(document))

    def helper(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
        program = tmp_path / "bin" / "docker-credential-test"
        program.parent.mkdir()
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")

    def test_without_configuration_nobody_is_known(self) -> None:
        assert find_credentials("h") == ANONYMOUS
        assert not ANONYMOUS

    def test_are_read_for_exactly_this_host(self, tmp_path: Path) -> None:
        self.configure(tmp_path, {"auths": {"h:5000": {"auth": b64encode(b"alice:se:cret").decode()}}})
        assert find_credentials("h:5000") == Credentials("alice", "se:cret")
        for other in ("h", "h:50", "x.h:5000", "h:5000.evil.com"):
            assert find_credentials(other) == ANONYMOUS

    def test_identity_tokens_and_docker_hubs_own_key(self, tmp_path: Path) -> None:
        self.configure(tmp_path, {"auths": {"https://index.docker.io/v1/": {"auth": "YTpi", "identitytoken": "t"}}})
        assert find_credentials("registry-1.docker.io") == Credentials(identity_token="t")

    def test_a_helper_is_asked(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.helper(
            tmp_path, monkeypatch, 'read host; echo "{\\"Username\\": \\"alice\\", \\"Secret\\": \\"at-$host\\"}"'
        )
        self.configure(tmp_path, {"credHelpers": {"h": "test"}, "credsStore": "absent"})
        assert find_credentials("h") == Credentials("alice", "at-h")

    def test_a_helper_that_gives_a_token(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.helper(tmp_path, monkeypatch, 'echo "{\\"Username\\": \\"<token>\\", \\"Secret\\": \\"t\\"}"')
        self.configure(tmp_path, {"credsStore": "test"})
        assert find_credentials("h") == Credentials(identity_token="t")

    def test_a_helper_that_knows_nothing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.helper(tmp_path, monkeypatch, "echo credentials not found in native keychain; exit 1")
        self.configure(tmp_path, {"credsStore": "test"})
        assert find_credentials("h") == ANONYMOUS

    @pytest.mark.parametrize("script", ["exit 1", "echo nonsense", "echo '{}'"])
    def test_a_helper_that_fails_is_an_error(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
    ) -> None:
        self.helper(tmp_path, monkeypatch, script)
        self.configure(tmp_path, {"credsStore": "test"})
        with pytest.raises(InputError, match="docker-credential-test"):
            find_credentials("h")

    @pytest.mark.parametrize("name", ["../../bin/sh", "a b", "", "-x"])
    def test_a_helper_of_another_form_is_not_started(self, tmp_path: Path, name: str) -> None:
        self.configure(tmp_path, {"credHelpers": {"h": name}})
        with pytest.raises(InputError, match="is no credential helper's name"):
            find_credentials("h")

    @pytest.mark.parametrize("auth", ["!!", "YWxpY2U=", b64encode(b"\xff:\xff").decode()])
    def test_an_entry_that_cannot_be_read_is_an_error_without_the_secret(self, tmp_path: Path, auth: str) -> None:
        self.configure(tmp_path, {"auths": {"h": {"auth": auth}}})
        with pytest.raises(InputError) as caught:
            find_credentials("h")
        assert auth not in str(caught.value)

    def test_a_configuration_that_cannot_be_read_is_an_error(self, tmp_path: Path) -> None:
        (tmp_path / "config.json").write_text("{")
        with pytest.raises(InputError):
            find_credentials("h")

    def test_no_secret_is_shown(self) -> None:
        assert "secret" not in repr(Credentials("alice", "secret", "secret"))
