"""Sending a signed order and saying what became of it, environment by environment.

Before it is sent it lies in a file, so that nothing is lost when no answer comes: the same order can be sent again.
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from weighbridge.cli import options
from weighbridge.cli.order_receipts import Receipts, await_receipts, closing
from weighbridge.control.ask import Unanswered
from weighbridge.control.order import read_signed
from weighbridge.control.proof import unproven
from weighbridge.keys import fingerprint

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from weighbridge.control.answers import OrderResult
    from weighbridge.control.ask import Reply
    from weighbridge.control.client import ControlClient
    from weighbridge.control.judge import Submission
    from weighbridge.control.preview import Preview
    from weighbridge.keys import PublicKey


@dataclass(frozen=True)
class Sending:
    """How an order is sent."""

    live_key: PublicKey | None
    """By which the log entry is verified; None takes the server's word."""
    wait_s: float | None
    """How long receipts are waited for; None does not wait."""
    form: str
    """`text` or `json`."""


@dataclass(frozen=True)
class Became:
    """What became of an order in one environment."""

    environment: str
    result: OrderResult | None
    """None where the server did not say."""
    milliseconds: float
    doubt: str = ""
    """Why the server's word that it accepted the order is not believed."""
    proven: bool = False

    @property
    def in_force(self) -> bool:
        """Whether it holds there."""
        return self.result is not None and self.result.outcome in {"accepted", "known"} and not self.doubt

    def document(self) -> dict[str, Any]:
        """As JSON value."""
        said = {"outcome": "unknown"} if self.result is None else self.result.model_dump(mode="json", exclude_none=True)
        shown = {**said, "environment": self.environment, "in_force": self.in_force, "proven": self.proven}
        if self.doubt:
            shown["doubt"] = self.doubt
        return {**shown, "milliseconds": round(self.milliseconds, 1)}


async def send_order(
    client: ControlClient, envelope: bytes, shown: Sequence[Preview], sending: Sending, *, keep: bool = True
) -> int:
    """Send an order, say what became of it, and wait for receipts if that is wanted.

    Args:
        client: of the control plane.
        envelope: the signed order.
        shown: what was shown of it, for who else may sign.
        sending: how.
        keep: whether it is kept in a file until its fate is known; False where it comes from one.

    Returns:
        The exit status: 0 if it holds in every environment and, where that was waited for, everybody has confirmed.
    """
    order = read_signed(envelope, "the order")
    file = _keep(order.predicate.id, envelope) if keep else None
    try:
        results, reply = await client.submit(envelope)
    except Unanswered as error:
        _tell_unanswered(error, order, file, sending)
        return 1
    became = [await _became(client, order, name, results, reply, sending.live_key) for name in _environments(order)]
    if all(one.result is not None and not one.doubt for one in became) and file is not None:
        file.unlink(missing_ok=True)
        file = None
    if sending.form == "text":
        _show(order, became, reply, shown, file)
    receipts = await _receipts(client, order, became, sending)
    if sending.form == "json":
        _show_json(order, became, reply, shown, receipts, file)
    return 0 if all(one.in_force for one in became) and all(one.all_confirmed for one in receipts) else 1


def _environments(order: Submission) -> tuple[str, ...]:
    return order.predicate.environments


async def _became(
    client: ControlClient,
    order: Submission,
    environment: str,
    results: Sequence[OrderResult],
    reply: Reply,
    live_key: PublicKey | None,
) -> Became:
    # A refusal without an environment speaks of the order as a whole.
    fitting = [one for one in results if one.environment == environment]
    fitting += [one for one in results if not one.environment and one.outcome == "refused"]
    result = fitting[0] if fitting else None
    became = Became(environment, result, reply.milliseconds)
    if live_key is None or not became.in_force or result is None:
        return became
    try:
        doubt = unproven(
            await client.log(environment),
            {fingerprint(live_key): live_key},
            environment=environment,
            number=result.number,
            envelope=order.envelope,
        )
    except Unanswered as error:
        doubt = f"its log was not to be had: {error}"
    return Became(environment, result, reply.milliseconds, doubt, proven=not doubt)


def _keep(order_id: str, envelope: bytes) -> Path | None:
    """The file with the order; None where none can be written: that holds up no emergency."""
    state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    for folder in (state / "weighbridge" / "orders", Path(tempfile.gettempdir())):
        file = folder / f"order-{order_id}.json"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
                stream.write(envelope)
        except OSError:
            continue
        return file
    return None


def _tell_unanswered(error: Unanswered, order: Submission, file: Path | None, sending: Sending) -> None:
    fate = "no server said what became of it: it may have been accepted" if error.sent else "it was not sent"
    lines = [f"error: order {order.predicate.id}: {fate}"]
    lines += [f"  {server}: {reason}" for server, reason in error.reasons.items()]
    if file is not None:
        lines.append(f"It is signed and kept. Send the same order again: weighbridge orders send {file}")
    click.echo("\n".join(map(options.printable, lines)), err=True)
    if sending.form == "json":
        results = [{"environment": name, "outcome": "unknown", "in_force": False} for name in _environments(order)]
        document = {
            "id": order.predicate.id,
            "may_have_been_accepted": error.sent,
            "servers": error.reasons,
            "kept": None if file is None else str(file),
            "results": results,
        }
        click.echo(json.dumps(document, indent=2))


def _show(
    order: Submission, became: Sequence[Became], reply: Reply, shown: Sequence[Preview], file: Path | None
) -> None:
    others = {preview.environment: preview.others for preview in shown}
    for one in became:
        for line in _lines(one, order, reply, others):
            click.echo(options.printable(line))
    if file is not None:
        click.echo(options.printable(f"The order is kept in {file}; to send it again: weighbridge orders send {file}"))
    if reply.ahead_s is not None and abs(reply.ahead_s) > 30:
        word = "ahead of" if reply.ahead_s > 0 else "behind"
        click.echo(f"warning: this machine's clock is {abs(reply.ahead_s):.0f} s {word} the server's", err=True)


def _lines(one: Became, order: Submission, reply: Reply, others: Mapping[str, tuple[str, ...]]) -> list[str]:
    name, result = one.environment, one.result
    if result is None:
        return [f"{name}: UNKNOWN: {reply.server} did not say what became of it"]
    if one.doubt:
        return [f"{name}: NOT PROVEN: {reply.server} says that it is {result.outcome}, but {one.doubt}"]
    entry = f"log entry {result.number}" + (", verified" if one.proven else "")
    warnings = [f"  warning: {warning}" for warning in result.warnings]
    if result.outcome == "accepted":
        return [f"{name}: in force after {one.milliseconds:.0f} ms: {entry}", *warnings]
    if result.outcome == "known":
        return [f"{name}: in force, and was before: {entry}", *warnings]
    reason = " ".join(part for part in (result.code, result.reason) if part)
    if result.outcome == "refused":
        return [f"{name}: REFUSED: {reason}", *warnings]
    missing = result.missing_signatures
    what = "one more signature is" if missing == 1 else f"{missing or 'more'} signatures are"
    whose = f", of {', '.join(others[name])}" if others.get(name) else ""
    command = f"weighbridge orders cosign {order.predicate.id} --key K --server {reply.server}"
    return [f"{name}: NOT in force: {what} missing{whose}", f"  on their machine: {command}", *warnings]


async def _receipts(
    client: ControlClient, order: Submission, became: Sequence[Became], sending: Sending
) -> list[Receipts]:
    wanted = [one.environment for one in became if one.in_force]
    if sending.wait_s is None or not wanted:
        return []
    found = await await_receipts(client, wanted, order.predicate.id, seconds=sending.wait_s)
    if sending.form == "text":
        for receipts in found:
            click.echo("\n".join(map(options.printable, closing(receipts, sending.wait_s))))
    return found


def _show_json(
    order: Submission,
    became: Sequence[Became],
    reply: Reply,
    shown: Sequence[Preview],
    receipts: Sequence[Receipts],
    file: Path | None,
) -> None:
    document = {
        "id": order.predicate.id,
        "order": order.predicate.model_dump(mode="json", exclude_none=True),
        "preview": [preview.document() for preview in shown],
        "server": reply.server,
        "kept": None if file is None else str(file),
        "results": [one.document() for one in became],
        "receipts": [one.document() for one in receipts],
    }
    click.echo(json.dumps(document, indent=2))
