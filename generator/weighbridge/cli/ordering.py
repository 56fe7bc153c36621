"""What the commands that order have in common: the way from a wish to a signed order that was sent.

Order of steps: read the key, learn from the control plane what the order needs to say, show what it would do, ask,
sign, keep it in a file, send it, say what became of it, wait for receipts. Up to the signature nothing has happened.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import click

from weighbridge.catalogue.names import duration_ns, parse_time_ns
from weighbridge.cli import options
from weighbridge.cli.control_options import Connection, public_key, run
from weighbridge.cli.new_file import write_new
from weighbridge.cli.order_options import wait_seconds
from weighbridge.cli.order_sending import Sending, send_order
from weighbridge.control.obstacle import AHEAD_NS
from weighbridge.control.order import Request, order_predicate, sign_order
from weighbridge.control.preview import Preview
from weighbridge.control.previewing import previews_of, read_controls
from weighbridge.control.undoing import find_undone
from weighbridge.errors import InputError
from weighbridge.keys import load_private_key
from weighbridge.registry.order_files import LIFTS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from weighbridge.control.answers import ShownOrder
    from weighbridge.control.client import ControlClient
    from weighbridge.control.previewing import Controls
    from weighbridge.keys import PrivateKey

_ASKS = frozenset({"revoke", "distrust"})
"""Kinds that are confirmed on a terminal: they act on what runs."""


@dataclass(frozen=True)
class Wish:
    """What a command wants to order."""

    kind: str
    target: str
    to: str | None = None
    expects: str | None = None
    undoes: str | None = None
    expires: str | None = None


@dataclass(frozen=True)
class Ordering:
    """The options of `order_options` as they were given."""

    relative: bool
    """Whether the end was given as a duration."""
    environments: tuple[str, ...]
    all_environments: bool
    reason: str
    reference: str | None
    key: str
    yes: bool
    dry_run: bool
    output: Path | None
    connection: Connection
    release_key: Path | None
    live_key: Path | None
    wait: str | None
    form: str

    def __post_init__(self) -> None:
        """Refuse what contradicts itself.

        Raises:
            InputError: no environment, or both ways to name them.
        """
        if bool(self.environments) == self.all_environments:
            fix = "Say where: --environment E, once or more, or --all-environments."
            raise InputError.single("", "needs either of the two", fix, field="--environment")

    @property
    def offline(self) -> bool:
        """Whether the order is only written, without a control plane to look at."""
        return self.output is not None and not self.connection.servers

    def sending(self) -> Sending:
        """How it is sent.

        Raises:
            InputError: a key that cannot be read, or a time that is none.
        """
        return Sending(public_key(self.live_key, "--live-key"), wait_seconds(self.wait), self.form)


def order(wish: Wish, **given: Any) -> None:
    """Do what a command was called for, and end with its exit status.

    Args:
        wish: what is wanted.
        **given: the options of `order_options`.
    """
    connection = Connection.taken(given)
    relative = "T" not in (wish.expires or "")
    ordering = Ordering(relative=relative, connection=connection, **given)
    sending = ordering.sending()
    key = load_private_key(ordering.key)
    at_ns = time.time_ns()
    request = Request(
        kind=wish.kind,
        target=wish.target,
        environments=tuple(dict.fromkeys(ordering.environments)),
        reason=ordering.reason,
        reference=ordering.reference,
        expires_ns=_end(at_ns, wish.expires),
        to=wish.to,
        expects=wish.expects,
        undoes=wish.undoes,
    )
    sys.exit(run(_offline(request, ordering, key) if ordering.offline else _online(request, ordering, sending, key)))


def _end(at_ns: int, expires: str | None) -> int | None:
    if expires is None:
        return None
    try:
        return at_ns + duration_ns(expires)
    except ValueError:
        pass
    try:
        return parse_time_ns(expires)
    except ValueError as error:
        fix = "Give a duration such as 7d, or a time such as 2026-12-01T00:00:00Z."
        raise InputError.single("", f"is {expires!a:.100}", fix, field="--expires") from error


async def _offline(request: Request, ordering: Ordering, key: PrivateKey) -> int:
    predicate = order_predicate(request, at_ns=time.time_ns())
    if request.kind in LIFTS and request.undoes is None:
        raise InputError.single("", "is missing", "Without --server, name what is taken back.", field="--undoes")
    reason = "there is no --server to ask"
    return _sign(predicate, [Preview(name, "unavailable", reason) for name in request.environments], ordering, key)[1]


async def _online(request: Request, ordering: Ordering, sending: Sending, key: PrivateKey) -> int:
    release_key = public_key(ordering.release_key, "--release-key")
    async with ordering.connection.open(key) as client:
        if ordering.all_environments:
            request = replace(request, environments=await client.environments())
        # Before anything is fetched: what cannot be ordered at all is said at once.
        order_predicate(request, at_ns=time.time_ns())
        controls = await read_controls(client, request.environments, release_key)
        request, undone = await _completed(client, request, controls)
        if request.expires_ns is not None and ordering.relative:
            request = replace(request, expires_ns=request.expires_ns - client.identity.ahead_ns)
        at_ns = _issued(client.identity.now_ns(), undone)
        shown = previews_of(request, controls, signed_by=[key.public_key()], at_ns=at_ns)
        envelope, status = _sign(order_predicate(request, at_ns=at_ns), shown, ordering, key, undone)
        if envelope is None:
            return status
        return await send_order(client, envelope, shown, sending)


def _issued(now_ns: int, undone: ShownOrder | None) -> int:
    """When the order is issued: not before what it takes back, where only two clocks differ by a little."""
    if undone is not None and now_ns < undone.issued_at <= now_ns + AHEAD_NS // 2:
        return undone.issued_at
    return now_ns


async def _completed(client: ControlClient, request: Request, controls: Controls) -> tuple[Request, ShownOrder | None]:
    """The request with what it must say about the present state, and the order that it takes back."""
    if request.kind in LIFTS:
        orders = [order for name in request.environments for order in await client.orders(name)]
        undone = find_undone(
            request.kind, request.target, request.environments, orders, controls.read, undoes=request.undoes
        )
        # The target stays as it was typed: what the server names in its place is its word.
        return replace(request, undoes=undone.id), undone
    if request.kind == "route" and request.expects is None:
        return replace(request, expects=await _present(client, request)), None
    if request.kind == "revoke" and controls.trust == "verified":
        return replace(request, expects=_artifact(request.target, controls)), None
    return request, None


def _artifact(target: str, controls: Controls) -> str | None:
    """The digest of a version that is named, so that the artifact that is meant stays revoked under any name."""
    found = {read.versions[target].digest for read in controls.read.values() if target in read.versions}
    return found.pop() if len(found) == 1 else None


async def _present(client: ControlClient, request: Request) -> str | None:
    """Where the alias points now, in all of the environments alike."""
    present = {name: (await client.environment(name)).active.get(request.target) for name in request.environments}
    if len(set(present.values())) > 1:
        where = ", ".join(f"{name}: {active or 'nowhere'}" for name, active in present.items())
        fix = "Route each environment by an order of its own."
        raise InputError.single("", f"{request.target} does not point alike everywhere ({where})", fix, field="ALIAS")
    return next(iter(present.values()), None)


def _sign(
    predicate: dict[str, Any],
    shown: Sequence[Preview],
    ordering: Ordering,
    key: PrivateKey,
    undone: ShownOrder | None = None,
) -> tuple[bytes | None, int]:
    """The signed order, to be sent; or None with the exit status, where there is nothing to send."""
    asks = predicate["kind"] in _ASKS and not ordering.yes and not ordering.dry_run
    if asks and not sys.stdin.isatty():
        message = f"{predicate['kind']} {predicate['target']} is asked for, and there is no terminal to ask on"
        fix = "Add --yes once you have seen, with --dry-run, what it would do."
        raise InputError.single("", message, fix, field="--yes")
    if ordering.form == "text":
        show_order(predicate, shown, undone)
    if ordering.dry_run:
        _conclude(ordering, predicate, shown, "dry run: nothing signed", None)
        return None, 0
    if asks and not click.confirm(f"Sign this {predicate['kind']}?", default=False, err=True):
        _conclude(ordering, predicate, shown, "nothing signed", None)
        return None, 1
    envelope = sign_order(predicate, [key])
    if ordering.output is None:
        return envelope, 0
    write_new(ordering.output, envelope, "an order")
    said = f"signed: wrote {ordering.output}. NOT in force: send it with `weighbridge orders send {ordering.output}`"
    _conclude(ordering, predicate, shown, said, str(ordering.output))
    return None, 0


def show_order(predicate: Mapping[str, Any], shown: Sequence[Preview], undone: ShownOrder | None = None) -> None:
    """Print an order, what it takes back, and what it would do."""
    back = "" if undone is None else f"{undone.kind} {undone.target} by {', '.join(undone.signers)}: {undone.reason}"
    shown_fields = ("reason", "reference", "expires", "undoes", "expects", "id")
    given = [
        f"{predicate['kind']} {predicate['target']}" + (f" -> {predicate['to']}" if predicate.get("to") else ""),
        *(f"  {name:9} {predicate[name]}" for name in shown_fields if predicate.get(name) is not None),
        *([f"  takes back {back}"] if back else []),
        *(line for preview in shown for line in preview.lines()),
    ]
    click.echo("\n".join(map(options.printable, given)))


def _conclude(
    ordering: Ordering, predicate: dict[str, Any], shown: Sequence[Preview], said: str, written: str | None
) -> None:
    if ordering.form == "text":
        click.echo(options.printable(said))
        return
    document = {
        "order": predicate,
        "preview": [preview.document() for preview in shown],
        "signed": written is not None,
        "written": written,
        "results": [],
    }
    click.echo(json.dumps(document, indent=2))
