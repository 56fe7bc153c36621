"""What a point says of itself, read: OPA's status, an agent's receipt; and what is known of it afterwards. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from weighbridge.control.plane_parts import ReportRefusedError
from weighbridge.control.receipt import Activation, Receipt

if TYPE_CHECKING:
    from collections.abc import Mapping

    from weighbridge.control.plane_parts import Reporter
    from weighbridge.control.store.reports import PointKey

MAX_ACTIVATIONS = 16
"""Live revisions that are remembered of a point."""
MAX_NAME = 200
MAX_MESSAGE = 500
QUIET_NS = 15 * 10**9
"""A point that says the same again within this time is not written down again."""


@dataclass(frozen=True, slots=True)
class Report:
    """One report, as far as it is believed: environment and cluster are those of the credential."""

    key: PointKey
    point: str
    live_revision: str
    """"" where there is none; of an agent see `live_sequence`."""
    release_revision: str
    failing: bool
    code: str
    message: str
    at_ns: int
    allowed: int
    """How many points its credential may have."""
    live_sequence: int | None = None
    """Of an agent: its LiveState's; 0 while there is none."""


def read_status(identity: Reporter, document: Mapping[str, Any], at_ns: int) -> Report:
    """A sidecar's status, in OPA's format.

    Raises:
        ReportRefusedError: it is none, or of another environment than the credential's.
    """
    labels = _object(document.get("labels"), "labels")
    _check_environment(identity, labels.get("environment"))
    bundles = _object(document.get("bundles", {}), "bundles")
    live, release = (_object(bundles.get(name) or {}, name) for name in ("live", "release"))
    failed = next((given for given in (live, release) if given.get("code") or given.get("message")), {})
    return Report(
        key=(identity.environment, "sidecar", identity.cluster, _name(labels.get("id"), "the label id")),
        point=_name(labels.get("point"), "the label point"),
        live_revision=_revision(live),
        release_revision=_revision(release),
        failing=bool(failed),
        code=_text(failed.get("code"))[:MAX_NAME],
        message=_message(failed),
        at_ns=at_ns,
        allowed=identity.sidecars,
    )


def read_receipt(identity: Reporter, document: Mapping[str, Any], at_ns: int) -> Report:
    """An agent's receipt.

    Raises:
        ReportRefusedError: it is none, or of another environment or cluster than the credential's.
    """
    _check_environment(identity, document.get("environment"))
    if document.get("cluster") != identity.cluster:
        raise ReportRefusedError("it is of another cluster than the credential")
    sequence, state = document.get("sequence"), document.get("state")
    if type(sequence) is not int or not 0 <= sequence < 2**63 or state not in {"ok", "failing"}:
        raise ReportRefusedError("it has no `sequence` or `state` that can be understood")
    detail = document.get("detail")
    # What is wrong first, then what runs of something revoked, and what was done about it.
    parts = [detail.get(name) for name in ("problems", "workloads")] if isinstance(detail, dict) else []
    told = "; ".join(_text(text) for part in parts if isinstance(part, list) for text in part)
    return Report(
        key=(identity.environment, "agent", identity.cluster, identity.name),
        point="",
        live_revision="",
        release_revision=_text(document.get("revision"))[:MAX_NAME],
        failing=state == "failing",
        code="agent_error" if state == "failing" else "",
        message=_plain(told)[:MAX_MESSAGE],
        at_ns=at_ns,
        allowed=identity.sidecars,
        live_sequence=sequence,
    )


def merged(report: Report, known: Receipt | None) -> Receipt:
    """What is known of a point with its newest report."""
    environment, kind, cluster, point_id = report.key
    state = "failing" if report.failing else "ok"
    if known is None:
        known = Receipt(
            environment=environment,
            kind="agent" if kind == "agent" else "sidecar",
            id=point_id,
            cluster=cluster,
            point=report.point,
            live_revision="",
            live_since_ns=0,
            release_revision="",
            first_seen_ns=report.at_ns,
            last_seen_ns=report.at_ns,
            state="ok",
        )
    since, activations = known.live_since_ns, known.activations
    if report.live_revision != known.live_revision:
        since = report.at_ns if report.live_revision else 0
        if report.live_revision:
            activations = (*activations, Activation(report.live_revision, report.at_ns))[-MAX_ACTIVATIONS:]
    fresh = state != known.state or not known.state_since_ns
    return replace(
        known,
        point=report.point,
        live_revision=report.live_revision,
        live_since_ns=since,
        release_revision=report.release_revision,
        last_seen_ns=max(known.last_seen_ns, report.at_ns),
        state="failing" if report.failing else "ok",
        state_since_ns=report.at_ns if fresh else known.state_since_ns,
        code=report.code,
        message=report.message,
        activations=activations,
    )


def worth_writing(new: Receipt, known: Receipt | None) -> bool:
    """Whether anything is new but the time."""
    if known is None or new.last_seen_ns - known.last_seen_ns >= QUIET_NS:
        return True
    return replace(new, last_seen_ns=known.last_seen_ns) != known


def _check_environment(identity: Reporter, named: object) -> None:
    if named != identity.environment:
        raise ReportRefusedError("it is of another environment than the credential")


def _revision(bundle: Mapping[str, Any]) -> str:
    revision = bundle.get("active_revision") or ""
    return _name(revision, "active_revision") if revision else ""


def _message(failed: Mapping[str, Any]) -> str:
    errors = failed.get("errors")
    first = _text(errors[0]) if isinstance(errors, list) and errors else ""
    told = _text(failed.get("message"))
    return _plain(told if first in told else f"{told}: {first}")[:MAX_MESSAGE]


def _object(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ReportRefusedError(f"it has no `{what}`")
    return value


def _name(value: object, what: str) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_NAME or not value.isprintable():
        raise ReportRefusedError(f"{what} is no name")
    return value


def _text(value: object) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)


def _plain(text: str) -> str:
    # NUL is what PostgreSQL cannot keep; the others would write to somebody's terminal. A lone surrogate is no UTF-8.
    return "".join(ch if ch.isprintable() else " " for ch in text).encode("utf-8", "replace").decode()
