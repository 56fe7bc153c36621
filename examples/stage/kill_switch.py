"""The best minute: a model is revoked while it answers, its callers get the version before, and two people restore it.

Order: the control plane and two gateways, a client in a loop at each; one person revokes and waits for receipts; the
first of two restores, which changes nothing; the second signs, too; then the published log is verified with no more
than public keys.
"""

from __future__ import annotations

import json
import re
import subprocess
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from stage.caller import Caller, Seen
from stage.pipeline import COMMAND
from stage.plane import CLUSTERS, Plane
from stage.report import Report, brief
from weighbridge.catalogue.names import parse_time_ns

ALIAS = "kb-qa"
REASON = "repeats what customers asked"
WAIT = "20s"
COMMAND_SECONDS = 60.0
SETTLE_SECONDS = 0.3
"""How long calls go on before anything happens, and at the end."""
_DIGITS = re.compile(r"([0-9a-f]{8})[0-9a-f-]{28}|(sha256:[0-9a-f]{12})[0-9a-f]{52}")


@dataclass(frozen=True)
class Minute:
    """Everything that this act plays with."""

    report: Report
    plane: Plane
    callers: dict[str, Caller]
    """By cluster."""
    now: str
    """The version that the alias points to, and that is revoked."""
    before: str
    """The one that its callers get meanwhile."""

    def command(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a command as somebody at a terminal does."""
        return subprocess.run(
            list(map(str, (COMMAND, *arguments))),
            env=self.plane.variables, capture_output=True, text=True, check=False, timeout=COMMAND_SECONDS,
        )  # fmt: skip

    def order(self, *arguments: str | Path, status: int, says: str) -> str:
        """Run a command that orders, and show it with what it says."""
        self.report.say("$ weighbridge " + " ".join(map(_typed, arguments)))
        with self.report.working(f"weighbridge {arguments[0]}"):
            done = self.command(*arguments)
        for line in done.stdout.splitlines():
            self.report.say(f"  {brief(_DIGITS.sub(lambda found: f'{found[1] or found[2]}...', line), 140)}")
        ok = done.returncode == status and says in done.stdout
        self.report.check(ok, f"weighbridge {arguments[0]} ended with {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    def progress(self, order_id: str) -> dict[str, Any]:
        """How an order fared, as `weighbridge fleet` tells whoever may read."""
        key = self.plane.key("oncall")
        done = self.command("fleet", "--order", order_id, "--key", key, "--format", "json")
        views = json.loads(done.stdout)["environments"] if done.returncode == 0 else []
        found: list[dict[str, Any]] = [order for view in views for order in view["orders"] if order["id"] == order_id]
        return found[0] if found else {}


def _typed(part: str | Path) -> str:
    if isinstance(part, Path):
        return part.name
    return f'"{part}"' if " " in part else part


def show_minute(minute: Minute) -> None:
    """Revoke, restore with one signature, then with two; what the callers saw of it."""
    report, plane = minute.report, minute.plane
    report.say(f"One client a cluster calls {ALIAS} and {minute.now} in turns, without end. oncall's shell:")
    time.sleep(SETTLE_SECONDS)
    where = ("--environment", plane.environment, "--reason")
    waiting = ("--yes", "--wait", WAIT)
    key = ("--key", plane.key("oncall"))
    said = minute.order("revoke", minute.now, *where, REASON, *key, *waiting, status=0, says="all have confirmed")
    revoked = minute.progress(_id(said))
    table = report.table("after", "where", "what happens", "")
    answers = {minute.now: "INF-014", ALIAS: minute.before}
    refusals = _show_order(minute, table, revoked, answers, f"accepts the order to revoke {minute.now}")
    report.show(table)

    report.say("It was a false alarm. mlsec's shell, and then product's on another machine:")
    key = ("--key", plane.key("mlsec"))
    said = minute.order("restore", minute.now, *where, "false alarm", *key, status=1, says="NOT in force")
    key = ("--key", plane.key("product"))
    minute.order("orders", "cosign", _id(said), *key, *waiting, status=0, says="all have confirmed")
    restored = minute.progress(_id(said))
    time.sleep(SETTLE_SECONDS)
    table = report.table("after", "where", "what happens", "")
    answers = {minute.now: minute.now, ALIAS: minute.now}
    _show_order(minute, table, restored, answers, "accepts the order that two have signed")
    _show_between(minute, table, refusals, _accepted(restored))
    _show_log(minute, table)
    report.show(table)


def _id(said: str) -> str:
    found = re.search(r"^ +id +(\S+)|orders cosign (\S+)", said, re.MULTILINE)
    return (found[1] or found[2]) if found else "none"


def _accepted(progress: dict[str, Any]) -> int:
    """When, in nanoseconds since the epoch; 0 if it never was."""
    return parse_time_ns(progress["accepted"]) if progress else 0


def _show_order(
    minute: Minute, table: Table, progress: dict[str, Any], answers: dict[str, str], what: str
) -> dict[str, Seen | None]:
    """Rows in the order of time: acceptance, the first answers of another kind, receipts; the first ones by cluster."""
    start = _accepted(progress)
    rows = [(0.0, "control plane", f"{what}: log entry {progress.get('number')}", start > 0)]
    firsts: dict[str, Seen | None] = {}
    for cluster, caller in minute.callers.items():
        for model, said in answers.items():
            seen = caller.first(model, said, start)
            firsts.setdefault(cluster, seen)
            after = (seen.answered_ns - start) / 10**6 if seen else float("inf")
            status = seen.status if seen else 0
            text = f"{model}: HTTP {status}, {'by ' if status == 200 else ''}{said}"
            rows.append((after, f"{cluster}: Envoy, OPA", text, seen is not None))
    confirmed = progress.get("confirmed", [])
    for receipt in confirmed:
        text = f"the receipt of its OPA: {progress['revision']} is active"
        rows.append((receipt["milliseconds"], f"{receipt['cluster']}: receipt", text, True))
    if {receipt["cluster"] for receipt in confirmed} != set(CLUSTERS) or progress.get("waiting"):
        rows.append((float("inf"), "receipts", f"MISSING: {progress}", False))
    for after, where, text, ok in sorted(rows):
        minute.report.row(table, f"{after:.0f} ms", where, text, ok=ok, what=f"{where}: {text}")
    return firsts


def _show_between(minute: Minute, table: Table, refusals: dict[str, Seen | None], until_ns: int) -> None:
    """No answer by the revoked version between its refusal and its restoring, and no caller of the alias left alone."""
    for cluster, caller in minute.callers.items():
        first = refusals[cluster]
        since = first.answered_ns if first else until_ns
        direct, alias = caller.of(minute.now, since, until_ns), caller.of(ALIAS, 0, time.time_ns())
        ok = bool(direct) and all((seen.status, seen.said) == (403, "INF-014") for seen in direct)
        text = f"{len(direct)} calls of {minute.now} meanwhile, all refused, also after the first of two signatures"
        minute.report.row(table, "", cluster, text if ok else f"ANSWERED: {text}", ok=ok, what=f"{cluster}: {text}")
        by = {name: sum(seen.said == name for seen in alias) for name in (minute.now, minute.before)}
        ok = sum(by.values()) == len(alias) and all(by.values())
        text = f"{len(alias)} calls of {ALIAS}, none refused: {by[minute.now]} by {minute.now}, {by[minute.before]} by "
        text += minute.before
        minute.report.row(table, "", cluster, text if ok else f"NOT ALL: {text}", ok=ok, what=f"{cluster}: {text}")


def _show_log(minute: Minute, table: Table) -> None:
    """Whoever has the published files and public keys can check what was ordered, and what follows from it."""
    plane = minute.plane
    log, live = plane.published / "log" / f"{plane.environment}.jsonl", plane.published / plane.environment
    keys = ("--live-key", plane.public("live"), "--bundles", plane.bundles, "--live", live / "live.tar.gz")
    done = minute.command("orders", "verify", log, *keys)
    text = f"weighbridge orders verify: {done.stdout.partition(chr(10))[0]}{done.stderr}"
    minute.report.row(table, "", "the published log", brief(text, 100), ok=done.returncode == 0, what=text)


def start_minute(
    report: Report, plane: Plane, running: ExitStack, versions: tuple[str, str], credential: dict[str, str], prompt: str
) -> Minute:
    """Start the control plane and the gateways, and a caller at each once it answers.

    Args:
        report: where it is told.
        plane: not yet started.
        running: ends all of it.
        versions: the one that the alias points to, and the one before.
        credential: headers of a tenant.
        prompt: what is asked.
    """
    with report.working("Starting weighbridge serve, two OPA and two Envoy"):
        plane.start(running)
        urls = {cluster: plane.gateway(cluster, running) for cluster in CLUSTERS}
        callers = {name: Caller(url, credential, (ALIAS, versions[0]), prompt) for name, url in urls.items()}
        for caller in callers.values():
            caller.wait_until_answered()
            running.enter_context(caller)
    return Minute(report, plane, callers, *versions)
