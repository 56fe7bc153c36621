"""The acts of the demo, in their order; each prints its table and checks every row."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from builder.catalogue import UPSTREAMS, Settings, build
from builder.material import Material, fresh
from builder.pods import write_pods
from builder.versions import DAY, EARLIER, VERSIONS
from stage.calls import ALLOWED, DENIED, QUESTION, Call, Client
from stage.kill_switch import show_minute, start_minute
from stage.pipeline import Pipeline
from stage.plane import Plane
from stage.report import Report, brief
from stage.upstream import Upstreams
from stage.workloads import find_conftest, judge
from weighbridge.bundle.compile import CompileOptions, CompileResult, compile_catalogue
from weighbridge.catalogue.names import format_time
from weighbridge.harness.gateway import Gateway, GatewayKeys
from weighbridge.keys import public_pem
from weighbridge.packaging.package import Package

ENVIRONMENT = "prod"
BY_COMMAND = "magika@3.3.0"
"""The version that goes all the way by commands; the others are there already, each for what it shows."""
ANSWERING = "kb-qa-001@2025.03.15"
"""The version that is revoked while it answers."""
MINUTE = 60 * 10**9
LOG_SECONDS = 10.0
AGO = 3 * MINUTE
"""Policy is compiled as of then, as a pipeline would have done: an approval may end between compiling and a call."""


@dataclass(frozen=True)
class Example:
    """The catalogue with fresh keys, and the servers of its models."""

    root: Path
    models: Path
    material: Material
    packages: dict[str, Package]
    at_ns: int
    upstreams: Upstreams


@dataclass(frozen=True)
class Compiled:
    """What `compile` decided and wrote."""

    bundles: Path
    result: CompileResult


@dataclass(frozen=True)
class Stage:
    """A running gateway, and who calls it."""

    gateway: Gateway
    client: Client


def build_catalogue(report: Report, folder: Path, running: ExitStack) -> Example:
    """Package the models, measure them and sign evidence about them with fresh keys."""
    report.title("A real model, weighed")
    upstreams = running.enter_context(Upstreams((*UPSTREAMS, EARLIER.name)))
    material, at_ns = fresh(), time.time_ns() - AGO
    by_command = frozenset({BY_COMMAND})
    versions = (*VERSIONS, EARLIER)
    settings = Settings(at_ns, at_ns + DAY, upstreams.urls, by_command, remaining_ns=MINUTE, versions=versions)
    with report.working("Packaging models, measuring them, signing evidence"):
        packages = build(folder / "catalogue", folder / "models", material, settings)
        upstreams.load(folder / "models")
    (folder / "root.pub").write_text(public_pem(material.keys["root"].public_key()), "utf-8")
    table = report.table("file of magika@3.3.0", "bytes", "sha256")
    for path, size, sha256 in packages["magika@3.3.0"].manifest.entries():
        table.add_row(path, f"{size:,}", sha256)
    report.show(table)
    report.say(f"artifact digest {packages['magika@3.3.0'].digest}")
    report.say(f"{len(packages)} versions packaged and measured, their evidence signed with keys made a moment ago.")
    return Example(folder / "catalogue", folder / "models", material, packages, at_ns, upstreams)


def weigh(report: Report, example: Example, folder: Path) -> None:
    """One version goes from its folder to prod, command by command."""
    report.title(f"{BY_COMMAND}, from a folder of weights to prod, by commands")
    packaged = example.packages[BY_COMMAND]
    pipeline = Pipeline(packaged, example.models / BY_COMMAND, example.root, folder / "pipeline", example.at_ns)
    pipeline.prepare(example.material)
    pipeline.play(report)


def compile_it(report: Report, example: Example, folder: Path) -> Compiled:
    """Compile twice, into two folders: the bytes must be the same."""
    report.title("The catalogue, compiled into signed policy")
    outputs = [folder / "bundles", folder / "again"]
    with report.working("Verifying evidence, asking the gate, signing bundles"):
        started = time.monotonic()
        results = [compile_catalogue(example.root, _options(example, output, folder)) for output in outputs]
        seconds = (time.monotonic() - started) / 2
    first, second = ({str(f.relative_to(o)): f.read_bytes() for f in o.rglob("*") if f.is_file()} for o in outputs)
    table = report.table("what", "result", "")
    report.row(
        table, "trust", f"signed by {results[0].judged.trust}", ok=results[0].judged.trust != "unsigned", what="trust"
    )
    size = sum(map(len, first.values()))
    result = f"{len(first)} files, {size:,} bytes, in {seconds:.1f} s; compiled again elsewhere: "
    same = first == second
    report.row(table, "bundles", result + ("the same bytes" if same else "OTHER BYTES"), ok=same, what="same bytes")
    report.show(table)
    return Compiled(outputs[0], results[0])


def _options(example: Example, output: Path, folder: Path) -> CompileOptions:
    return CompileOptions(
        output=output,
        release_key=example.material.keys["release"],
        live_key=example.material.keys["live"],
        root_key=folder / "root.pub",
        require_signed_trust=True,
        at_ns=example.at_ns,
        jobs=2,
    )


def show_gate(report: Report, example: Example, compiled: Compiled) -> None:
    """What each version may do where, and why not in prod."""
    report.title(f"The gate, as of {format_time(example.at_ns)}")
    judged = compiled.result.judged
    table = report.table("version", *judged.records, "in prod", "")
    for version in (*VERSIONS, EARLIER):
        records = {name: records[version.name] for name, records in judged.records.items()}
        cells = [_verdict(record.approved) for record in records.values()]
        reasons = records[ENVIRONMENT].reasons
        # What is wrong stands before the semicolon, what to do about it behind.
        why = "; ".join(f"{reason.code} {reason.message.split('; ')[0]}" for reason in reasons)
        cells.append(brief(why or version.shows.removeprefix("approved").lstrip(":, "), 220))
        ok = {code.code for code in reasons} == set(version.prod_codes)
        report.row(table, version.name, *cells, ok=ok, what=f"gate of {version.name}")
    report.show(table)


def _verdict(approved: bool) -> str:
    return "approved" if approved else "refused"


def start(report: Report, example: Example, compiled: Compiled, folder: Path, running: ExitStack) -> Stage:
    """Start OPA with guard and signed bundles, and Envoy in front of the model servers."""
    (folder / "site").mkdir()
    keys = GatewayKeys(example.material.keys["release"].public_key(), example.material.keys["live"].public_key())
    with report.working("Starting OPA and Envoy"):
        gateway = Gateway(compiled.bundles, ENVIRONMENT, keys, folder=folder / "site")
        running.enter_context(gateway)
    client = Client(gateway.url, example.material)
    running.callback(client.close)
    return Stage(gateway, client)


def show_calls(report: Report, stage: Stage) -> None:
    """The calls that must be answered, and those that must not."""
    report.title("Calls that are answered, through Envoy and OPA")
    _call_all(report, ALLOWED, stage.client)
    report.title("Calls that are refused, and what the caller is told")
    _call_all(report, DENIED, stage.client)


def _call_all(report: Report, calls: tuple[Call, ...], client: Client) -> None:
    table = report.table("who", "what", "HTTP", "code", "answer", "")
    for call in calls:
        _call(report, table, call, client)
    report.show(table)


def _call(report: Report, table: Table, call: Call, client: Client) -> None:
    result = call.make(client)
    what = f"{call.who}: {call.what}: expected {call.status} {call.code}, got {result.status} {result.code}"
    cells = (call.who, call.what, str(result.status), result.code, brief(result.said, 120))
    report.row(table, *cells, ok=call.met(result), what=what)


def show_workloads(report: Report, compiled: Compiled, folder: Path, example: Example) -> None:
    """Pods, judged before they are deployed."""
    conftest = find_conftest()
    by = "weighbridge check and conftest" if conftest else "weighbridge check (no conftest here, which says the same)"
    report.title(f"Workloads for prod, judged by {by}")
    write_pods(folder, example.packages)
    table = report.table("workload", "verdict", "why", "")
    with report.working("Judging workloads"):
        judged = judge(sorted(folder.iterdir()), compiled.bundles, ENVIRONMENT, conftest)
    for workload in judged:
        verdict = " ".join(sorted(workload.checked)) or "admitted"
        cells = (workload.file, verdict, brief(workload.why, 140))
        report.row(table, *cells, ok=workload.agreed, what=f"workload {workload.file}: {workload}")
    report.show(table)


def show_end(report: Report, stage: Stage, example: Example) -> None:
    """What the first gateway leaves: what is in the logs, what reached the models; and OPA's death."""
    report.title("What is left of all these calls")
    table = report.table("what happens", "HTTP", "code", "what follows", "")
    other = Call("acme", "kb-qa", lambda c: c.chat("k7m2p9qa", "kb-qa", QUESTION))
    _show_logs(report, table, stage, example)

    stage.gateway.sidecar.stop()
    result = other.make(stage.client)
    cells = ("OPA dies", str(result.status), result.code, "nothing is answered without a decision")
    report.row(table, *cells, ok=result.status == 503, what="OPA dies")
    report.show(table)


def _show_logs(report: Report, table: Table, stage: Stage, example: Example) -> None:
    """Neither a credential nor a prompt may be in any log, and no credential may have reached a model."""
    server, expected = stage.gateway.server, len(ALLOWED) + len(DENIED) - 2
    server.wait_for(lambda known: len(known.decisions) >= expected, timeout=LOG_SECONDS)
    events = "".join(f"{json.dumps(event)}\n" for event in server.decisions)
    logs = stage.gateway.access_log.read_text("utf-8") + events
    secrets = [example.material.tenant_key(key) for key in ("k7m2p9qa", "g4b9x2ue", "e3x6p1rd")]
    leaked = [secret for secret in (*secrets, "os.listdir", "nested", QUESTION) if secret in logs]
    text = f"{logs.count(chr(10)):,} lines, without a credential and without a prompt"
    cells = ("the logs", "", "", text if not leaked else "THEY LEAK")
    report.row(table, *cells, ok=not leaked and "INF-018" in logs, what=f"logs: {leaked}")
    seen = example.upstreams.seen_headers()
    leaked = sorted(seen & {"authorization", "cookie", "x-api-key"})
    text = "no model server ever saw a credential"
    report.row(table, "the model servers", "", "", text, ok=bool(seen) and not leaked, what=f"upstreams saw {leaked}")


def show_kill_switch(report: Report, example: Example, compiled: Compiled, folder: Path) -> None:
    """A version is revoked while it answers, and restored by two people."""
    report.title("A model is revoked while it answers, by an order to a control plane")
    (folder / "plane").mkdir()
    plane = Plane(folder / "plane", compiled.bundles, ENVIRONMENT, example.material)
    credential = {"authorization": f"Bearer {example.material.tenant_key('k7m2p9qa')}"}
    with ExitStack() as running:
        show_minute(start_minute(report, plane, running, (ANSWERING, EARLIER.name), credential, QUESTION))
