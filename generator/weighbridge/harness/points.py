"""Showing fixtures to one enforcement point each, and reading what it says."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import socket
from typing import TYPE_CHECKING, Any

import yaml
from opa_client.opa import OpaClient

from weighbridge.errors import EngineError
from weighbridge.harness.call_input import body_bytes, check_request
from weighbridge.harness.judgement import Judgement
from weighbridge.harness.upstream import ARRIVED
from weighbridge.points.manifests import parse_manifests

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from weighbridge.harness.fixtures import Fixture, RequestFixture
    from weighbridge.harness.stage import SidecarPoint, Stage
    from weighbridge.points.report import Violation

_CODE = re.compile(r"^([A-Z]{3}-[0-9]{3}) ")
_CONFTEST_SECONDS = 120.0
_ANSWER_SECONDS = 30.0
_OPA_SECONDS = 10.0


def conftest(stage: Stage, fixtures: Sequence[Fixture]) -> dict[str, Judgement]:
    """What plain `conftest test -p … -d …` says, by fixture file; all in one run, as starting it is what takes time.

    Raises:
        EngineError: conftest failed, or left a file out.
    """
    files = {}
    for number, fixture in enumerate(fixtures):
        path = stage.folder / f"conftest-{number}.yaml"
        path.write_text(yaml.safe_dump_all(fixture.objects, sort_keys=False), encoding="utf-8")
        files[str(path)] = fixture
    folders: list[str | Path] = ["-p", stage.conftest / "policy", "-d", stage.conftest / "data"]
    arguments = ["test", *folders, "--output=json", *files]
    # conftest looks for plugins below HOME, and fails without one; here there are none.
    environment = {"HOME": str(stage.folder)}
    result = stage.host.run("conftest", arguments, timeout=_CONFTEST_SECONDS, environment=environment)
    try:
        reports = json.loads(result.stdout)
    except ValueError as error:
        raise EngineError("conftest gave no report", result.stderr.decode("utf-8", "replace")) from error
    said: dict[str, list[str]] = {file: [] for file in files}
    for report in reports:
        said[report["filename"]] += [failure["msg"] for failure in report.get("failures", [])]
    silent = set(files) - {report["filename"] for report in reports}
    if silent or result.returncode not in {0, 1}:
        raise EngineError(f"conftest ended with status {result.returncode}", result.stderr.decode("utf-8", "replace"))
    return {files[path].file: _of_messages(messages) for path, messages in said.items()}


def _of_messages(messages: list[str]) -> Judgement:
    codes = {match.group(1) if (match := _CODE.match(message)) else message[:80] for message in messages}
    return Judgement.of(not messages, codes, "; ".join(messages)[:500])


def check(stage: Stage, fixtures: Sequence[Fixture]) -> dict[str, Judgement]:
    """What `weighbridge check` says, by fixture file; all in one run, too.

    Raises:
        EngineError: OPA failed, or left a document out.
    """
    documents = [(fixture.file, yaml.safe_dump_all(fixture.objects, sort_keys=False).encode()) for fixture in fixtures]
    report = stage.checker().check(manifest for file, text in documents for manifest in parse_manifests(text, file))
    found: dict[str, list[Violation]] = {fixture.file: [] for fixture in fixtures}
    for result in report.results:
        found[result.file] += [violation for violation in result.violations if violation.effect == "deny"]
    return {
        file: Judgement.of(not each, {one.code for one in each}, "; ".join(one.message for one in each)[:500])
        for file, each in found.items()
    }


def workload(stage: Stage, fixture: Fixture) -> Judgement:
    """What OPA's API says with the guard and signed bundles."""
    decisions = [_ask(stage, "workload", "weighbridge.guard", "workload", each) for each in fixture.objects]
    found = [each for decision in decisions for each in decision["violations"] if each["effect"] == "deny"]
    allowed = all(decision["allowed"] is True for decision in decisions)
    return Judgement.of(allowed, {each["code"] for each in found}, "; ".join(each["message"] for each in found)[:500])


def opa(stage: Stage, fixture: Fixture) -> Judgement:
    """What OPA's API says to a call in the form in which Envoy would ask."""
    document = check_request(_request(fixture))
    decision = _ask(stage, "envoy", "weighbridge.guard", "decision", document)
    status = decision.get("http_status", 200 if decision["allowed"] is True else 403)
    body = decision.get("body", "")
    codes = set() if status < http.client.BAD_REQUEST else _codes(body)
    return Judgement.of(decision["allowed"] is True or status == http.client.OK, codes, body[:300] if codes else "")


def _ask(stage: Stage, point: SidecarPoint, package: str, rule: str, document: Any) -> dict[str, Any]:
    port = stage.sidecar(point).api_port
    client = OpaClient(host="127.0.0.1", port=port, timeout=_OPA_SECONDS)
    try:
        result = client.query_rule(document, package, rule).get("result")
    except Exception as error:
        raise EngineError(f"OPA's API gave no decision: {error}") from error
    finally:
        client.close_connection()
    if not isinstance(result, dict):
        raise EngineError("OPA's API gave an undefined decision")
    return result


def envoy(stage: Stage, fixture: Fixture) -> Judgement:
    """What a client of the real Envoy gets, asked with exactly the fixture's bytes.

    Raises:
        EngineError: no answer, or a refusal that is no JSON error.
    """
    port = stage.envoy_port()
    status, headers, body = exchange(port, request_bytes(_request(fixture), port))
    if ARRIVED in headers:
        return Judgement.of(True, set())
    if status == http.client.OK:
        return Judgement.of(True, set())
    return Judgement.of(False, _codes(body), f"{status} {body}".strip()[:300])


def _request(fixture: Fixture) -> RequestFixture:
    request = fixture.document.request
    if request is None:
        raise ValueError(f"{fixture.file} holds no request")
    return request


def _codes(body: str) -> set[str]:
    try:
        error = json.loads(body)["error"]
        return {error["code"], *error.get("codes", [])}
    except (ValueError, KeyError, TypeError) as problem:
        raise EngineError("a refusal is no JSON error with a code", body[:500]) from problem


def request_bytes(request: RequestFixture, port: int) -> bytes:
    """The request as HTTP/1.1: headers in the fixture's order, repeated ones repeated, the body as it is."""
    body = body_bytes(request)
    sent = request.sent_headers()
    names = {name.lower() for name, _ in sent}
    head = [f"{request.method} {request.path} HTTP/1.1"]
    head += [] if "host" in names else [f"host: 127.0.0.1:{port}"]
    head += [f"{name}: {value}" for name, value in sent]
    if body and not names & {"content-length", "transfer-encoding"}:
        head.append(f"content-length: {len(body)}")
    head.append("connection: close")
    return "\r\n".join(head).encode("utf-8") + b"\r\n\r\n" + body


def exchange(port: int, request: bytes) -> tuple[int, dict[str, str], str]:
    """Send raw bytes to a loopback port and read one answer: status, headers with lower-case names, body.

    Raises:
        EngineError: no HTTP answer.
    """
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=_ANSWER_SECONDS) as connection:
            # Refused before everything was sent, the answer is on its way all the same.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(request)
            response = http.client.HTTPResponse(connection)
            response.begin()
            headers = {name.lower(): value for name, value in response.getheaders()}
            return response.status, headers, response.read().decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        raise EngineError(f"envoy gave no answer: {error!r}") from error
