"""Orders that somebody has signed already: sent as they are, or with one more signature."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from weighbridge.cli import options
from weighbridge.cli.control_options import Connection, public_key, run
from weighbridge.cli.new_file import write_new
from weighbridge.cli.order_options import wait_seconds
from weighbridge.cli.order_sending import Sending, send_order
from weighbridge.cli.ordering import show_order
from weighbridge.cli.orders_show import envelope_of
from weighbridge.control.judge import MAX_ORDER_BYTES
from weighbridge.control.order import add_signature, read_signed, request_of, require_new_signer, signers
from weighbridge.control.previewing import previews_of, read_controls
from weighbridge.errors import InputError
from weighbridge.keys import fingerprint, load_private_key

if TYPE_CHECKING:
    from weighbridge.control.client import ControlClient
    from weighbridge.control.judge import Submission
    from weighbridge.control.order import Request
    from weighbridge.control.preview import Preview
    from weighbridge.control.previewing import Controls
    from weighbridge.keys import PrivateKey, PublicKey


@dataclass(frozen=True)
class Cosigning:
    """The options of `orders cosign` of its own."""

    key: PrivateKey
    yes: bool
    dry_run: bool
    output: Path | None


@dataclass(frozen=True)
class _Given:
    """What `sending_options` have given."""

    connection: Connection
    release_key: PublicKey | None
    sending: Sending


def _given(
    *, release_key: Path | None, live_key: Path | None, wait: str | None, form: str, **connection: Any
) -> _Given:
    sending = Sending(public_key(live_key, "--live-key"), wait_seconds(wait), form)
    return _Given(Connection.taken(connection), public_key(release_key, "--release-key"), sending)


def send_file(file: Path, key: str | None, **options_given: Any) -> int:
    """Send the order in a file; the exit status.

    Args:
        file: with the envelope.
        key: to read by; None reads nothing.
        **options_given: the options of `sending_options`.
    """
    given = _given(**options_given)
    envelope = _read(file)
    order = read_signed(envelope, str(file))
    reading = load_private_key(key) if key is not None else None
    sending = given.sending
    if reading is None and sending.wait_s is not None:
        fix = "Receipts are read by a key that may sign orders: give --key, or leave --wait out."
        raise InputError.single("", "is missing", fix, field="--key")
    if reading is None and sending.live_key is not None:
        click.echo(
            "warning: the log is read by a key that may sign orders; without --key it is not looked at", err=True
        )
        sending = replace(sending, live_key=None)

    async def send() -> int:
        async with given.connection.open(reading) as client:
            if sending.form == "text":
                show_order(order.predicate.model_dump(mode="json", exclude_none=True), ())
            return await send_order(client, envelope, (), sending, keep=False)

    return run(send())


def cosign(order: str, cosigning: Cosigning, **options_given: Any) -> int:
    """Sign an order as well, and send it; the exit status.

    Args:
        order: its id, or a file with it.
        cosigning: the command's own options.
        **options_given: the options of `sending_options`.
    """
    given = _given(**options_given)

    async def sign_and_send() -> int:
        async with given.connection.open(cosigning.key) as client:
            submission = await _wanted(client, order)
            request = request_of(submission.predicate)
            controls = await read_controls(client, request.environments, given.release_key)
            shown = _previews(request, submission, controls, cosigning.key)
            signed_by = _signed_by(submission, controls)
            envelope, status = _sign(submission, shown, signed_by, cosigning, given.sending.form)
            return status if envelope is None else await send_order(client, envelope, shown, given.sending)

    return run(sign_and_send())


async def _wanted(client: ControlClient, order: str) -> Submission:
    """The order, from its file, or by its id from the control plane.

    Raises:
        InputError: there is none.
    """
    if not _is_id(order):
        return read_signed(_read(Path(order)), order)
    found = await client.order(order)
    if not found:
        fix = "See `weighbridge orders list`, or give the file with it."
        raise InputError.single("", f"the control plane knows no order {order}", fix, field="ID")
    submission = read_signed(envelope_of(found), f"order {order}")
    if submission.predicate.id != order:
        message = f"the control plane gave another order for it, {submission.predicate.id}"
        raise InputError.single("", message, "Ask whoever runs it.", field="ID")
    return submission


def _is_id(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def _previews(request: Request, submission: Submission, controls: Controls, key: PrivateKey) -> tuple[Preview, ...]:
    known = {
        fingerprint(public): public
        for control in controls.read.values()
        for held in control.authority.values()
        for public in held.keys.values()
    }
    signed = [known[name] for name in signers(submission.envelope, known)]
    return previews_of(request, controls, signed_by=[*signed, key.public_key()], at_ns=time.time_ns())


def _sign(
    submission: Submission, shown: tuple[Preview, ...], signed_by: str, cosigning: Cosigning, form: str
) -> tuple[bytes | None, int]:
    """The order with the signature, to be sent; or None with the exit status, where there is nothing to send."""
    if not cosigning.yes and not cosigning.dry_run and not sys.stdin.isatty():
        message = "a signature is asked for, and there is no terminal to ask on"
        raise InputError.single("", message, "Add --yes once you have seen what is signed.", field="--yes")
    require_new_signer(submission, cosigning.key.public_key())
    if form == "text":
        show_order(submission.predicate.model_dump(mode="json", exclude_none=True), shown)
        click.echo(options.printable(signed_by))
    if cosigning.dry_run:
        _conclude(submission, shown, form, "dry run: nothing signed")
        return None, 0
    if not cosigning.yes and not click.confirm("Sign this as well?", default=False, err=True):
        _conclude(submission, shown, form, "nothing signed")
        return None, 1
    envelope = add_signature(submission, cosigning.key)
    if cosigning.output is None:
        return envelope, 0
    write_new(cosigning.output, envelope, "an order")
    _conclude(submission, shown, form, f"signed: wrote {cosigning.output}")
    return None, 0


def _signed_by(submission: Submission, controls: Controls) -> str:
    kind = submission.predicate.kind
    names = {
        name
        for control in controls.read.values()
        if kind in control.authority
        for name in signers(submission.envelope, control.authority[kind].keys)
    }
    word = "" if controls.trust == "verified" else ", by the keys that the server names"
    return f"signed so far by {', '.join(sorted(names)) or 'nobody who may order it'}{word}"


def _conclude(submission: Submission, shown: tuple[Preview, ...], form: str, said: str) -> None:
    if form == "text":
        click.echo(options.printable(said))
        return
    document = {
        "id": submission.predicate.id,
        "order": submission.predicate.model_dump(mode="json", exclude_none=True),
        "preview": [preview.document() for preview in shown],
        "said": said,
        "results": [],
    }
    click.echo(json.dumps(document, indent=2))


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(MAX_ORDER_BYTES + 1)
    except OSError as error:
        raise InputError.single(str(file), f"cannot be read: {error.strerror}") from error
