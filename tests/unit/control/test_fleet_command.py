"""`weighbridge fleet` and `weighbridge orders list|show`: what is read, and by whom."""

import io
import json
import re
import time
from dataclasses import replace

import pytest
from click.testing import CliRunner
from rich.console import Console
from tests.unit.control.plane_simulator import ONCALL, simulated, write_keys

from weighbridge.cli.fleet_table import headline, tables
from weighbridge.cli.main import cli
from weighbridge.control.fleet import fleet
from weighbridge.control.operator_token import verify_operator_token
from weighbridge.control.order import Request, order_predicate, sign_order
from weighbridge.control.receipt import AcceptedOrder, Publication, Receipt
from weighbridge.errors import InputError
from weighbridge.keys import fingerprint

S = 10**9
NOW = 1_800_000_000 * S
PUBLISHED = [
    Publication("prod", n, f"prod-live-{n}-0", NOW + n * S, NOW + 600 * S, NOW + 3600 * S, n - 1) for n in (1, 2)
]
GOOD = Receipt("prod", "sidecar", "good", "c1", "envoy", "prod-live-2-0", NOW + 2 * S, "r1", NOW, NOW + 9 * S)
BEHIND = replace(GOOD, id="behind", live_revision="prod-live-1-0")
FAILING = replace(GOOD, id="bad", state="failing", code="bundle_error", message="no \x1b[2Jsignature\nprod: all well")
ORDER = AcceptedOrder("9f0a8c3e-0c5b-4f5f-8f0e-0a1b2c3d4e5f", "revoke", "kb@2", 1, NOW + 2 * S - 3_000_000)


def view(*receipts, orders=()):
    return fleet("prod", receipts, PUBLISHED, NOW + 10 * S, silent_after_ns=90 * S, orders=orders)


@pytest.fixture
def keys(tmp_path):
    return write_keys(tmp_path)


@pytest.fixture(scope="module")
def served():
    with simulated() as (simulator, url):
        yield simulator, url


@pytest.fixture
def plane(served):
    simulator, url = served
    simulator.forget()
    simulator.url = url
    return simulator


def call(*arguments):
    result = CliRunner().invoke(cli, [str(argument) for argument in arguments])
    if isinstance(result.exception, InputError):
        return result, str(result.exception)
    return result, result.output


def test_problems_come_first_and_all_are_counted(plane, keys):
    plane.views = [view(GOOD, BEHIND, FAILING).model_dump_json()]
    result, output = call("fleet", "--server", plane.url, "--key", keys["oncall"])
    assert result.exit_code == 0
    assert "prod: 1 current, 1 behind, 1 failing; live prod-live-2-0" in output
    rows = [line.split() for line in output.splitlines()[2:]]
    assert [(row[0], row[2]) for row in rows] == [
        ("c1/bad", "failing"),
        ("c1/behind", "behind"),
        ("c1/good", "current"),
    ]
    assert "NAME" in output.splitlines()[1]


def test_what_a_stranger_wrote_draws_nothing(plane, keys):
    plane.views = [view(FAILING).model_dump_json()]
    _, output = call("fleet", "--server", plane.url, "--key", keys["oncall"])
    assert "\x1b" not in output
    assert not re.search(r"^prod: all well", output, re.MULTILINE)


def test_the_exit_status_tells_only_when_it_is_asked(plane, keys):
    for receipts, status in (((GOOD,), 0), ((GOOD, BEHIND), 1), ((GOOD, FAILING), 1), ((), 0)):
        plane.views = [view(*receipts).model_dump_json()]
        assert call("fleet", "--server", plane.url, "--key", keys["oncall"])[0].exit_code == 0
        result, _ = call("fleet", "--server", plane.url, "--key", keys["oncall"], "--exit-code")
        assert result.exit_code == status


def test_an_orders_progress_is_shown(plane, keys):
    plane.views = [view(GOOD, BEHIND, orders=[ORDER]).model_dump_json()]
    _, output = call("fleet", "--server", plane.url, "--key", keys["oncall"], "--order", ORDER.id)
    assert f"order {ORDER.id} (revoke kb@2): 1 of 2 have confirmed, p50 3 ms, p99 3 ms" in output
    assert "sidecar c1/behind: behind since" in output


def test_json_is_what_the_server_said(plane, keys):
    given = view(GOOD, BEHIND)
    plane.views = [given.model_dump_json()]
    result, output = call("fleet", "--server", plane.url, "--key", keys["oncall"], "--format", "json")
    assert result.exit_code == 0
    assert json.loads(output)["environments"] == [json.loads(given.model_dump_json())]


def test_whoever_reads_shows_a_token_for_each_request(plane, keys):
    plane.views = [view(GOOD).model_dump_json()]
    call("fleet", "--server", plane.url, "--key", keys["oncall"], "--environment", "prod")
    path, shown = plane.read[-1]
    known = {fingerprint(ONCALL.public_key()): ONCALL.public_key()}
    scheme, token = shown.split()
    assert scheme == "Bearer"
    assert verify_operator_token(token, known, method="GET", target=path, at_ns=time.time_ns())


def test_a_readers_token_does(plane, keys, tmp_path):
    file = tmp_path / "token"
    file.write_text("wbs_secret\n")
    plane.views = [view(GOOD).model_dump_json()]
    assert call("fleet", "--server", plane.url, "--token-file", file)[0].exit_code == 0
    assert plane.read[-1][1] == "Bearer wbs_secret"
    assert "--token-file" in call("fleet", "--server", plane.url)[1]
    file.write_text("a b")
    assert "holds no token" in call("fleet", "--server", plane.url, "--token-file", file)[1]
    assert "cannot be read" in call("fleet", "--server", plane.url, "--token-file", tmp_path / "nowhere")[1]


def test_watching_in_a_pipe_says_what_changes(plane, keys, monkeypatch):
    monkeypatch.setattr("weighbridge.cli.fleet.FOREVER_S", 2.0)
    stages = [
        view(GOOD, BEHIND),
        view(GOOD, replace(GOOD, id="behind")),
        view(GOOD, replace(GOOD, id="behind"), FAILING),
    ]
    plane.views = [stage.model_dump_json() for stage in stages]
    result, output = call("fleet", "--server", plane.url, "--key", keys["oncall"], "--watch")
    assert result.exit_code == 0
    told = [line for line in output.splitlines() if line.startswith("prod: sidecar")]
    assert [line.split()[2:4] for line in told] == [
        ["c1/behind:", "behind"],
        ["c1/behind:", "current"],
        ["c1/bad:", "failing"],
    ]


def test_watching_as_json_is_a_document_a_line(plane, keys, monkeypatch):
    monkeypatch.setattr("weighbridge.cli.fleet.FOREVER_S", 1.0)
    plane.views = [view(GOOD).model_dump_json(), view(BEHIND).model_dump_json()]
    _, output = call("fleet", "--server", plane.url, "--key", keys["oncall"], "--watch", "--format", "json")
    assert [json.loads(line)["points"][0]["status"] for line in output.splitlines()] == ["current", "behind"]


def test_ten_thousand_points_are_a_table_that_ends():
    receipts = [replace(GOOD, id=str(number)) for number in range(2000)]
    console = Console(width=10_000, file=io.StringIO())
    console.print(tables([view(*receipts)]))
    assert "and 1500 more" in console.file.getvalue()
    assert headline(view()) == "prod: nobody has reported; live prod-live-2-0"


def shown(**changes):
    data = sign_order(order_predicate(Request("revoke", "kb@2", ("prod",), "bad"), at_ns=time.time_ns()), [ONCALL])
    return {
        "environment": "prod",
        "id": ORDER.id,
        "kind": "revoke",
        "target": "kb@2",
        "state": "in-force",
        "reason": "bad \x1banswers",
        "reference": "CVE-1",
        "issued_at": "2026-01-01T00:00:00Z",
        "accepted": "2026-01-01T00:00:01Z",
        "number": 3,
        "signers": ["oncall"],
        "envelope": json.loads(data),
        **changes,
    }


def test_orders_are_listed(plane, keys):
    plane.orders = [shown(), shown(id="x", state="pending", missing_signatures=1), shown(id="y", state="lifted")]
    _, output = call("orders", "list", "--server", plane.url, "--key", keys["oncall"])
    assert f"prod         in-force             revoke kb@2  2026-01-01T00:00:01Z  oncall  {ORDER.id}" in output
    assert "pending (1 missing)" in output
    assert "lifted" not in output
    assert "\x1b" not in output
    _, everything = call("orders", "list", "--server", plane.url, "--key", keys["oncall"], "--all", "--format", "json")
    assert [order["state"] for order in json.loads(everything)["orders"]] == ["in-force", "pending", "lifted"]
    pending = ("orders", "list", "--server", plane.url, "--key", keys["oncall"], "--state", "pending", "--ids")
    assert call(*pending)[1] == "x\n"
    plane.orders = []
    assert call("orders", "list", "--server", plane.url, "--key", keys["oncall"])[1] == "no orders\n"


def test_one_order_is_shown_and_its_envelope_written(plane, keys, tmp_path):
    plane.orders = [shown()]
    file = tmp_path / "order.json"
    result, output = call(
        "orders", "show", ORDER.id, "--server", plane.url, "--key", keys["oncall"], "--envelope", file
    )
    assert result.exit_code == 0
    assert "prod: in-force" in output
    assert "CVE-1" in output
    assert "\x1b" not in output
    assert json.loads(file.read_bytes()) == plane.orders[0]["envelope"]
    unknown, said = call("orders", "show", "nobody", "--server", plane.url, "--key", keys["oncall"])
    assert unknown.exit_code == 1
    assert "nobody knows" in said


def test_what_a_newer_server_says_beside_is_passed_over(plane, keys):
    plane.orders = [shown(colour="blue")]
    document = json.loads(view(GOOD).model_dump_json())
    document["weather"] = "fine"
    plane.views = [json.dumps(document)]
    assert call("orders", "list", "--server", plane.url, "--key", keys["oncall"])[0].exit_code == 0
    assert call("fleet", "--server", plane.url, "--key", keys["oncall"])[0].exit_code == 0


@pytest.mark.parametrize("answer", ["", "[]", "{}", '{"points": 7}', "[" * 5000, '{"environment": 1}'])
def test_what_is_no_view_is_an_error_and_no_traceback(plane, keys, answer):
    plane.views = [answer]
    result, _ = call("fleet", "--server", plane.url, "--key", keys["oncall"], "--environment", "prod")
    assert getattr(result.exception, "exit_status", 1) == 1
    assert "form that is not known" in str(result.exception)


def test_a_reading_that_is_refused_says_why(plane, keys):
    plane.environments = []
    result, _ = call("fleet", "--server", plane.url, "--key", keys["oncall"], "--environment", "prod")
    assert getattr(result.exception, "exit_status", 0) == 1
    assert "answered 404" in str(result.exception)
