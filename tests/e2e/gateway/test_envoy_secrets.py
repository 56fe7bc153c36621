"""Neither prompt nor credential is ever written anywhere, and what is written can be joined."""

import json
import time

import pytest

from .conftest import ACME, CHAT, PROMPT, Gateway, chat

pytestmark = pytest.mark.engines

OTHERS = {
    name: f"secret-in-{name}-{'x' * 24}"
    for name in (
        "query", "cookie", "api-key", "x-api-key", "referer", "agent", "path", "host", "content-type", "encoding",
    )
}  # fmt: skip


@pytest.fixture(scope="module")
def said(stage, gateway):
    """Calls with secrets in every place, and everything that was written and answered about them."""
    server = stage.bundle_server()
    before = len(server.decisions)
    extra = [f"cookie: s={OTHERS['cookie']}", f"referer: {OTHERS['referer']}", f"user-agent: {OTHERS['agent']}"]
    api_keys = [f"api-key: {OTHERS['api-key']}", f"x-api-key: {OTHERS['x-api-key']}"]
    query = f"{CHAT}?api_key={OTHERS['query']}"
    unknown = ACME[:-4] + "AAAA"
    answers = [
        gateway.send(chat(), headers=extra),
        gateway.send(chat(), path=query, headers=extra),
        gateway.send(chat(), headers=api_keys),
        gateway.send(chat(model="nobody"), path=query),
        gateway.send(chat(), key=unknown),
        gateway.send(chat(), key=f"{ACME} {ACME}"),
        gateway.send(json.dumps(chat())[:-3].encode()),
        gateway.send(chat(model=PROMPT)),
        gateway.send(chat(stream=PROMPT)),
        gateway.send(chat(), content_type="text/plain"),
        gateway.send(chat(), path=f"/v1/{OTHERS['path']}"),
        gateway.send(chat(), path=f"/v1/{OTHERS['path']}?{OTHERS['query']}"),
        gateway.send(chat(), path=f"http://{OTHERS['host']}{CHAT}"),
        gateway.send(chat(), content_type=f"application/json; x={OTHERS['content-type']}"),
        gateway.send(chat(), headers=[f"content-encoding: {OTHERS['encoding']}"]),
    ]
    refused_by_envoy = [
        gateway.send(chat(), path=f"/v1%2Fchat?api_key={OTHERS['query']}", headers=extra),
        gateway.send(json.dumps(chat(padding=PROMPT * 50_000)).encode(), path=query),
    ]
    assert server.wait_for(lambda each: len(each.decisions) >= before + len(answers), timeout=20)
    written = {path.name: path.read_text(errors="replace") for path in stage.folder.glob("*.log")}
    written["decisions"] = json.dumps(server.decisions)
    written["statuses"] = json.dumps(server.statuses)
    denials = [answer for answer in [*answers, *refused_by_envoy] if answer.route is None]
    written["answers"] = "\n".join(answer.text + str(answer.headers) for answer in denials)
    return written


@pytest.mark.parametrize("secret", [ACME, ACME[-20:], PROMPT, *OTHERS.values()])
def test_it_is_nowhere(said, secret):
    assert set(said) >= {"access.log", "opa-envoy.log", "envoy.log", "decisions", "statuses", "answers"}
    for name, text in said.items():
        assert secret not in text, f"{name}: …{text[max(0, text.index(secret) - 200) : text.index(secret)]}"


def test_the_logs_are_there_and_join(stage, gateway, said):
    answer = gateway.send(chat(model="nobody"))
    decision_id = answer.json["error"]["decision_id"]
    assert decision_id == answer.headers["x-weighbridge-decision-id"]
    server = stage.bundle_server()
    assert server.wait_for(
        lambda each: any(event["decision_id"] == decision_id for event in each.decisions), timeout=20
    )
    line = next(line for line in access_log(stage) if line["decision_id"] == decision_id)
    assert (line["status"], line["code"], line["codes"]) == (404, "INF-016", "INF-016")
    assert (line["tenant"], line["key"], line["environment"]) == ("acme", "k7m2p9qa", "prod")
    assert (line["method"], line["path"]) == ("POST", CHAT)


def test_an_allowed_call_is_logged_with_what_was_decided(stage, gateway):
    answer = gateway.send(chat())
    decision_id = answer.headers["x-weighbridge-decision-id"]
    line = next(line for line in access_log(stage) if line["decision_id"] == decision_id)
    assert (line["model"], line["version"], line["alias"]) == ("magika", "3.3.0", "content-type")
    assert line["upstream"] == "magika@3.3.0"
    assert line["digest"].startswith("sha256:")
    assert dict(answer.json["headers"])["x-weighbridge-decision-id"] == decision_id


def test_a_refusal_by_envoy_itself_is_logged_with_its_code(stage, gateway):
    before = len(access_log(stage))
    assert gateway.send(chat(), path="/v1%2Fchat").code == "INF-006"
    line = next(line for line in access_log(stage)[before:] if line["status"] == 400)
    assert (line["code"], line["decision_id"], line["path"]) == ("INF-006", None, "")
    assert line["details"].startswith("path_normalization_failed")


def access_log(stage):
    """The lines of Envoy's access log once it has flushed: a marker call is on disk."""
    marker = Gateway(stage).send(path="/v1/models", method="GET", content_type=None).headers["x-request-id"]
    path = stage.folder / "access.log"
    for _ in range(200):
        lines = [json.loads(line) for line in path.read_text().splitlines() if line.endswith("}")]
        if any(line["request_id"] == marker for line in lines):
            return lines
        time.sleep(0.05)
    pytest.fail("the access log was not flushed")
