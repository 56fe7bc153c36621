"""The files in `orders/`: each a statement about its own predicate, signed as every environment it names demands."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pydantic import ValidationError

from weighbridge.catalogue.names import NEVER_NS, format_time
from weighbridge.errors import InputError, Problem
from weighbridge.evidence.dsse import KeyRing, parse_envelope, verified_by
from weighbridge.evidence.predicates import ORDER, OrderPredicate
from weighbridge.evidence.statement import parse_statement
from weighbridge.registry.acceptance import Acceptance
from weighbridge.registry.own_subject import own_subject

if TYPE_CHECKING:
    from collections.abc import Iterable

    from weighbridge.catalogue.catalogue import Catalogue, EvidenceFile, Signer
    from weighbridge.evidence.statement import Statement

LIFTS = {"restore": "revoke", "thaw": "freeze", "resume": "suspend"}
"""Kind of order to the kind that it undoes."""


def undoes_kind(kind: str, undone: str) -> bool:
    """Whether an order of one kind can undo one of the other; what a distrust has revoked is restored as well."""
    return LIFTS.get(kind) == undone or (kind, undone) == ("restore", "distrust")


RESTRICTING = frozenset({"revoke", "freeze", "suspend", "revoke-key", "distrust"})
"""Kinds that only take something away."""
_SIGN_AGAIN = "Have the order signed again by those whom `environments.<name>.orders` names, or take it back with them."
_WRITE_AGAIN = "Write the order again and have it signed."


@dataclass(frozen=True)
class Order:
    """An order whose signatures, signers and form are in order."""

    file: str
    predicate: OrderPredicate
    sha256: str
    """Of the predicate's RFC 8785 bytes: two files with the same predicate are one order."""
    accepted: frozenset[str] = frozenset()
    """Environments whose control plane took it, by the record beside it."""


def read_orders(catalogue: Catalogue, at_ns: int) -> list[Order]:
    """Every order of the catalogue, verified, each once, sorted by time and id.

    Raises:
        InputError: with every problem of every file: one order that does not verify is never skipped.
    """
    reader = _Reader(catalogue, at_ns)
    problems = [*reader.problems]
    orders: dict[str, Order] = {}
    for file in sorted(catalogue.orders, key=lambda entry: entry.path):
        try:
            order = reader.read(file)
        except InputError as error:
            problems += error.problems
            continue
        known = orders.setdefault(order.predicate.id, order)
        if known.sha256 != order.sha256:
            message = f"has the id of {known.file}, {order.predicate.id}, and says something else"
            problems.append(Problem(file.path, field="id", message=message, fix="Give each order an id of its own."))
    if problems:
        raise InputError(problems)
    return sorted(orders.values(), key=lambda order: (order.predicate.issued_at, order.predicate.id))


class _Reader:
    """Reads and verifies one order after the other, with the keys of one catalogue."""

    def __init__(self, catalogue: Catalogue, at_ns: int) -> None:
        self._catalogue = catalogue
        self._at_ns = at_ns
        self._acceptance = Acceptance(catalogue)
        self.problems = self._acceptance.problems
        self._ring = KeyRing(
            {signer.fingerprint: signer.key for signer in catalogue.signers.values() if signer.key is not None}
        )

    def read(self, file: EvidenceFile) -> Order:
        """One file.

        Raises:
            InputError: unreadable, not what an order looks like, or not signed by whom it must be.
        """
        envelope = parse_envelope(file.data, file.path)
        statement = parse_statement(envelope, file.path)
        order = Order(
            file.path, order_predicate(statement, file.path), own_subject(statement, ORDER, file.path, _WRITE_AGAIN)
        )
        problems = [*shape_problems(order)]
        if order.predicate.issued_at > self._at_ns:
            message = f"was issued at {format_time(order.predicate.issued_at)}, later than --at"
            problems.append(_problem(order, "issued_at", message, "Compile with a later --at."))
        signed_by = frozenset(verified_by(envelope, self._ring))
        accepted = self._acceptance.environments(file.path, envelope)
        order = replace(order, accepted=accepted)
        for environment in order.predicate.environments:
            known = environment in self._catalogue.configuration.environments
            if known and environment in accepted and order.predicate.kind in RESTRICTING:
                continue  # its signers counted when the control plane took it
            problems += self._authority(order, environment, signed_by)
        strange = sorted(accepted - set(order.predicate.environments))
        if strange:
            message = f"its acceptance record is of {', '.join(strange)}, which the order does not name"
            problems.append(_problem(order, "environments", message, "Take the record that was exported with it."))
        if problems:
            raise InputError(problems)
        return order

    def _authority(self, order: Order, environment: str, signed_by: frozenset[str]) -> Iterable[Problem]:
        kind = order.predicate.kind
        configured = self._catalogue.configuration.environments.get(environment)
        if configured is None:
            yield _problem(order, "environments", f"there is no environment {environment}", _WRITE_AGAIN)
            return
        demanded = configured.orders.get(kind)
        if demanded is None:
            fix = f"List it under `environments.{environment}.orders`, if it shall exist."
            yield _problem(order, "kind", f"nobody may order {kind} in {environment}", fix)
            return
        named = {name: self._catalogue.signers[name] for name in demanded.signers}
        counting = {signer.fingerprint for signer in named.values() if self._counts(signer, order)} & signed_by
        if len(counting) < demanded.threshold:
            message = (
                f"{kind} in {environment} needs the signatures of {demanded.threshold} of {', '.join(sorted(named))}, "
                f"by keys that count, and has {len(counting)}"
            )
            yield _problem(order, "signatures", message, _SIGN_AGAIN)

    def _counts(self, signer: Signer, order: Order) -> bool:
        """Whether a signer's key counts for an order: what lifts is held to `--at`, what restricts to its own time."""
        document = signer.document
        if signer.key is None:
            return False
        lifts = order.predicate.kind in LIFTS or order.predicate.kind == "route"
        moment = self._at_ns if lifts else order.predicate.issued_at
        ends = document.not_after or NEVER_NS
        if document.compromised_from is not None:
            ends = 0 if lifts else min(ends, document.compromised_from)
        return (document.not_before or 0) <= moment < ends


def order_predicate(statement: Statement, file: str) -> OrderPredicate:
    """What an order says, whoever signed it.

    Raises:
        InputError: it is no order, or one without what an order needs.
    """
    if statement.predicate_type != ORDER:
        message = f"has predicate type {statement.predicate_type!r:.100}, not {ORDER}"
        raise InputError.single(file, message, "Only orders belong into orders/.", field="predicateType")
    try:
        return OrderPredicate.model_validate(statement.predicate)
    except ValidationError as error:
        raise InputError(
            Problem(
                file,
                field="predicate." + ".".join(str(part) for part in given["loc"]),
                message=given["msg"].removeprefix("Value error, "),
                fix=_WRITE_AGAIN,
            )
            for given in error.errors()
        ) from error


def shape_problems(order: Order) -> Iterable[Problem]:
    """What is wrong with the order itself, whoever signed it and whenever."""
    given = order.predicate
    if given.expires is not None and (given.kind in LIFTS or given.expires <= given.issued_at):
        yield _problem(order, "expires", "belongs to a restriction only, and lies behind `issued_at`", _WRITE_AGAIN)
    if (given.kind in LIFTS) != (given.undoes is not None):
        kinds = ", ".join(LIFTS)
        yield _problem(order, "undoes", f"must name what is undone for {kinds}, and nothing else", _WRITE_AGAIN)
    if (given.kind == "route") != (given.to is not None):
        yield _problem(order, "to", "must be there for route, and for nothing else", _WRITE_AGAIN)
    if len(set(given.environments)) != len(given.environments):
        yield _problem(order, "environments", "names one twice", _WRITE_AGAIN)


def _problem(order: Order, field: str, message: str, fix: str) -> Problem:
    return Problem(order.file, field=field, message=message, fix=fix)
