"""Events are built, checked, bounded and, for readers that know ASB v0.1 only, projected.

An event is a plain JSON object. Its id follows from its content, so that announcing the same thing again, after a sink
failed, say, is the same event to whoever counts.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID, uuid5

from weighbridge import __version__
from weighbridge.canonical import canonical
from weighbridge.catalogue.names import format_time
from weighbridge.catalogue.validation import validate
from weighbridge.errors import InputError
from weighbridge.observe.event import ASB_VERSION, MAX_DIFFERENCES, SCHEMA_VERSION, Event

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

MAX_BYTES = 64 * 1024
"""What every intermediary must forward (CloudEvents 1.0, size limits)."""
_NAMESPACE = UUID("6f0d2a5c-0f6a-5f0e-9a55-4d2f6f1f3c77")
_PROJECTED = {"model_release": "admin", "model_health": "other"}
"""Categories that ASB v0.1 has no word for, and what it calls such operations."""

EventDocument = dict[str, Any]


def model_release(  # noqa: PLR0913 -- one parameter a field of the event
    *,
    model_id: str,
    version: str,
    artifact_digest: str,
    attestations: Iterable[str],
    at_ns: int,
    sbom_uri: str | None = None,
    parent_run_id: str | None = None,
    environment: str | None = None,
    applied_policies: Sequence[str] = (),
    labels: Mapping[str, str] | None = None,
    channel: str = "cli",
) -> EventDocument:
    """The event that announces a version.

    Args:
        model_id: the model's id.
        version: its version.
        artifact_digest: `sha256:<hex>`.
        attestations: names of those that truly hold.
        at_ns: when, in nanoseconds since the epoch.
        sbom_uri: where the bill of materials is.
        parent_run_id: the training run.
        environment: for which it is released.
        applied_policies: codes of the requirements that were judged and met.
        labels: what else is known, such as who approved.
        channel: from where it is announced: web, api, cli, batch, other.

    Raises:
        InputError: a field is not of its form, or the event is too large.
    """
    resource = {
        "model_id": model_id,
        "version": version,
        "artifact_digest": artifact_digest,
        "sbom_uri": sbom_uri,
        "attestations": sorted(set(attestations)),
        "parent_run_id": parent_run_id,
    }
    return build_event(
        "model_release",
        "publish",
        {"model_release": resource},
        at_ns=at_ns,
        environment=environment,
        model={"name": model_id, "version": version, "digest": artifact_digest},
        context={"labels": dict(labels)} if labels else None,
        decision={"effect": "allow", "applied_policies": list(applied_policies)} if applied_policies else None,
        channel=channel,
    )


def model_health(  # noqa: PLR0913 -- one parameter a field of the event
    *,
    model_id: str,
    version: str,
    artifact_digest: str,
    check: str,
    status: Literal["healthy", "unhealthy", "unknown"],
    at_ns: int,
    observed_digest: str | None = None,
    differences: Iterable[tuple[str, Literal["added", "missing", "changed"]]] | None = None,
    scores: Mapping[str, float] | None = None,
    node: str | None = None,
    environment: str | None = None,
    channel: str = "batch",
) -> EventDocument:
    """The event that says how a version fares.

    Args:
        model_id: the model's id.
        version: its version.
        artifact_digest: what the registry says it is.
        check: what was looked at: `weights`, `drift`, `anomaly`.
        status: `unknown` is for what could not be looked at.
        at_ns: when, in nanoseconds since the epoch.
        observed_digest: what it was found to be.
        differences: `(path, kind)` of each file that is not as packaged; the first hundred are named, all are counted.
        scores: of drift or anomalies, by name; also the event's risk signals.
        node: where it runs.
        environment: in which it runs.
        channel: from where it is told: web, api, cli, batch, other.

    Raises:
        InputError: a field is not of its form, or the event is too large.
    """
    found = None if differences is None else sorted(set(differences))
    resource = {
        "model_id": model_id,
        "version": version,
        "artifact_digest": artifact_digest,
        "check": check,
        "status": status,
        "observed_digest": observed_digest,
        "differences": None if found is None else [{"path": path, "kind": kind} for path, kind in found],
        "differences_total": None if found is None else len(found),
        "scores": None if scores is None else dict(scores),
        "node": node,
    }
    if found is not None:
        resource["differences"] = _bounded(found)
    return build_event(
        "model_health",
        check,
        {"model_health": resource},
        at_ns=at_ns,
        environment=environment,
        model={"name": model_id, "version": version, "digest": artifact_digest},
        context={"risk_signals": dict(scores)} if scores else None,
        channel=channel,
    )


def _bounded(found: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    """As many differences as an event has room for, whatever their paths hold."""
    listed: list[dict[str, str]] = []
    room = MAX_BYTES // 2
    for path, kind in found[:MAX_DIFFERENCES]:
        # A file system's bytes that are no text would have no JSON.
        entry = {"path": path.encode("utf-8", "backslashreplace").decode()[:1024], "kind": kind}
        room -= len(canonical(entry)) + 1
        if room < 0:
            break
        listed.append(entry)
    return listed


def build_event(  # noqa: PLR0913 -- one parameter a part of the event
    category: str,
    name: str,
    resource: Mapping[str, Any],
    *,
    at_ns: int,
    environment: str | None = None,
    model: Mapping[str, Any] | None = None,
    context: Mapping[str, Any] | None = None,
    decision: Mapping[str, Any] | None = None,
    user: Mapping[str, Any] | None = None,
    channel: str = "cli",
) -> EventDocument:
    """An event of any category; what is None is left out.

    Raises:
        InputError: not of the form of `weighbridge.observe.event.Event`, or too large.
    """
    event = _without_none(
        {
            "schema_version": SCHEMA_VERSION,
            "timestamp": format_time(at_ns),
            "env": environment,
            "subject": {
                "user": user,
                "agent": {"id": "weighbridge", "type": "other", "version": __version__},
                "client": {"channel": channel},
            },
            "operation": {"category": category, "name": name, "direction": "output", "model": model},
            "resource": resource,
            "context": context,
            "decision": decision,
        }
    )
    event["event_id"] = str(uuid5(_NAMESPACE, digest_text(event)))
    check_event(event)
    return dict(event)


def digest_text(event: Any) -> str:
    """The RFC 8785 text of an event.

    Raises:
        InputError: it has none, such as for a lone surrogate.
    """
    try:
        return canonical(event).decode("utf-8")
    except ValueError as error:
        raise InputError.single("event", str(error), "Correct what the event is made from.") from error


def check_event(event: EventDocument, file: str = "event") -> None:
    """Refuse what is no event, or too large to be forwarded.

    Raises:
        InputError: with every problem.
    """
    validate(Event, event, file)
    size = len(digest_text(event).encode())
    if size > MAX_BYTES:
        message = f"has {size} bytes, more than {MAX_BYTES}"
        raise InputError.single(file, message, "Leave out what can be looked up elsewhere.")


def project(event: EventDocument) -> EventDocument:
    """The event as ASB v0.1 takes it: its category one that v0.1 has, the real one before the operation's name.

    Nothing is lost: v0.1 lets further properties pass.
    """
    projected: EventDocument = copy.deepcopy(event)
    projected["schema_version"] = ASB_VERSION
    operation = projected["operation"]
    category = operation["category"]
    if category in _PROJECTED:
        operation["category"] = _PROJECTED[category]
        operation["name"] = f"{category}.{operation['name']}"
    return projected


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    return value
