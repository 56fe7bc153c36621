"""What the control plane answers about orders: to `POST /v1/orders`, and to who lists them.

The fleet's answer is in `control/fleet_view.py`. Both ends use these shapes: the server to write them, the client to
read them, passing over what a newer server says beside them.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field

from weighbridge.catalogue.names import Document
from weighbridge.control.fleet_view import InstantNs

OrderState = Literal["in-force", "pending", "lifted", "expired", "done", "compiled-in"]
"""`in-force`: it restricts, or routes, now. `done`: a restore, thaw or resume that has lifted what it names, or a route
that a later one replaced. `compiled-in`: the release says it, and only a release takes it back."""


class _Answer(Document):
    model_config = ConfigDict(extra="ignore")


class OrderResult(_Answer):
    """What became of an order in one environment."""

    environment: str
    """"" where it was no order at all."""
    outcome: Literal["accepted", "known", "pending", "refused"]
    number: int | None = None
    """Of the log entry, where accepted or known."""
    sequence: int | None = None
    """Of the newest live bundle when this was answered, where that is known."""
    code: str = ""
    reason: str = ""
    warnings: tuple[str, ...] = Field(default=(), strict=False)
    missing_signatures: int | None = None
    """How many more are needed, where pending."""


class OrderAnswer(_Answer):
    """The answer to `POST /v1/orders`: one result for each environment that the order names."""

    results: tuple[OrderResult, ...] = Field(strict=False)


class ShownOrder(_Answer):
    """One order in one environment."""

    environment: str
    id: str
    kind: str
    target: str
    state: OrderState
    reason: str
    reference: str | None = None
    issued_at: InstantNs
    expires: InstantNs | None = None
    to: str | None = None
    expects: str | None = None
    undoes: str | None = None
    number: int | None = None
    """Of the log entry; none while it is pending."""
    accepted: InstantNs | None = None
    signers: tuple[str, ...] = Field(default=(), strict=False)
    """Whose signatures counted."""
    missing_signatures: int | None = None
    """How many more are needed, where pending."""
    lifted_by: str | None = None
    """Id of the order that lifted it."""
    envelope: dict[str, Any] | None = None
    """The DSSE envelope: always in the answer about one order."""


class OrderList(_Answer):
    """The answer to `GET /v1/orders`, the newest first, and to `GET /v1/orders/<id>`, one for each environment."""

    orders: tuple[ShownOrder, ...] = Field(strict=False)


class EnvironmentList(_Answer):
    """The answer to `GET /v1/environments`."""

    environments: tuple[str, ...] = Field(strict=False)


class EnvironmentView(_Answer):
    """The answer to `GET /v1/environments/<environment>`: what its live data says now."""

    environment: str
    revision: str
    """Of the newest live bundle; "" before the first."""
    sequence: int
    not_after: InstantNs
    """When sidecars cease to believe it."""
    releases: tuple[str, ...] = Field(strict=False)
    """Revisions of the releases that it announces, the current one first."""
    active: dict[str, str]
    """Alias to the `<model>@<version>` that it goes to now; an alias that goes nowhere is not there."""
    log_entries: int
