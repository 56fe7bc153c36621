"""What an order takes back: the one restriction that is meant, found among those that are in force."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weighbridge.errors import InputError, Problem
from weighbridge.registry.order_files import undoes_kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from weighbridge.control.answers import ShownOrder
    from weighbridge.control.control_data import ControlData


def find_undone(
    kind: str,
    target: str,
    environments: Iterable[str],
    orders: Iterable[ShownOrder],
    controls: Mapping[str, ControlData],
    undoes: str | None = None,
) -> ShownOrder:
    """The one order that a restore, thaw or resume of this target takes back.

    Args:
        kind: `restore`, `thaw` or `resume`.
        target: as somebody named it; a version and its digest are one thing here.
        environments: where it is to be taken back.
        orders: those in force there.
        controls: control data by environment, as far as it was had.
        undoes: the id, where somebody has named it.

    Raises:
        InputError: there is none, there are several, or the named one is about something else.
    """
    wanted = tuple(environments)
    same = {target}.union(*(_same(target, controls[name]) for name in wanted if name in controls))
    lifted = [order for order in orders if undoes_kind(kind, order.kind) and order.environment in wanted]
    if undoes is not None:
        return _named(kind, undoes, same, [order for order in lifted if order.id == undoes])
    fitting = [order for order in lifted if order.target in same]
    if not fitting:
        message = f"nothing that is in force in {', '.join(wanted)} {_VERBS[kind]} {target}"
        raise InputError.single("", message, "See `weighbridge orders list` for what is.", field="target")
    _require_liftable(kind, fitting)
    fitting = [order for order in fitting if order.state != "compiled-in"]
    if len({order.id for order in fitting}) > 1:
        raise InputError(
            Problem(
                "",
                field="--undoes",
                message=f"{order.id} ({order.environment}, {order.reason!a:.100}) {_VERBS[kind]} {order.target}",
                fix=f"Several do. Name one with --undoes, and {kind} the others as well.",
            )
            for order in fitting
        )
    return fitting[0]


_VERBS = {"restore": "revokes", "thaw": "freezes", "resume": "suspends"}


def _same(target: str, control: ControlData) -> set[str]:
    version = control.versions.get(target)
    if version is not None:
        return {version.digest}
    return {name for name, version in control.versions.items() if version.digest == target}


def _named(kind: str, undoes: str, same: set[str], found: list[ShownOrder]) -> ShownOrder:
    if not found:
        message = f"there is no order {undoes} in force that {_VERBS[kind]} anything there"
        raise InputError.single("", message, "See `weighbridge orders list`.", field="--undoes")
    _require_liftable(kind, found)
    if found[0].target not in same:
        message = f"{undoes} is about {found[0].target}"
        raise InputError.single("", message, "Name that, or the order that is meant.", field="--undoes")
    return found[0]


def _require_liftable(kind: str, found: list[ShownOrder]) -> None:
    if all(order.state == "compiled-in" for order in found):
        message = f"{found[0].id} is one of the catalogue's own orders: only a release lifts it"
        fix = f"Put a signed {kind} into the catalogue's orders/, compile and deliver."
        raise InputError.single("", message, fix, field="target")
