"""A log, checked by whoever has it: that nothing was changed, that each order could be taken, what comes of it.

Order of steps: verify every signature and the chain, up to the head that a live bundle names; apply one entry after the
other, and judge each order anew by the authority of the release that it says it was judged by; make the live document
of the state and compare it with the bundle, byte for byte. What cannot be checked for want of a release's control data
is said, and is no difference. No I/O.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from weighbridge.bundle.archive import read_archive
from weighbridge.bundle.live import live_document
from weighbridge.bundle.signing import DATA, data_file
from weighbridge.canonical import canonical, digest
from weighbridge.control.control_data import FILE, MAX_BYTES, read_control
from weighbridge.control.entry import Accepted, Announced, Head, verify_log
from weighbridge.control.judge import judge_order
from weighbridge.control.known_control import read_known_control
from weighbridge.control.state import State, live_state
from weighbridge.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from weighbridge.bundle.verify import VerifiedBundle
    from weighbridge.control.entry import Entry
    from weighbridge.keys import PublicKey


@dataclass(frozen=True)
class CheckedLog:
    """What a check of one log came to."""

    environment: str
    head: Head
    orders: int
    """Orders that were accepted."""
    judged: int
    """Of these, judged anew."""
    releases: tuple[str, ...]
    """Revisions that it announces, in their order."""
    live: str
    """Revision of the live bundle that was compared; "" without one."""
    differences: tuple[str, ...] = ()
    """What is not as it must be."""
    unchecked: tuple[str, ...] = ()
    """What could not be checked, and why."""
    entries: tuple[Entry, ...] = field(default=(), repr=False)


def controls_in(files: Iterable[bytes]) -> dict[str, bytes]:
    """Control bundles by the digest that a log entry names them by; whose signature they bear does not matter.

    Raises:
        InputError: one cannot be unpacked.
    """
    found = {}
    for data in files:
        content = read_archive(data, FILE, limit=MAX_BYTES)
        found[digest(content.get(DATA, b""))] = data
    return found


def signed_releases(files: Iterable[bytes], keys: Iterable[PublicKey]) -> frozenset[tuple[str, str]]:
    """Revision and digest of the control bundles among these that one of the release keys signed."""
    counting = list(keys)
    found = set()
    for data in files:
        try:
            control = read_control(data, counting)
        except InputError:
            continue
        found.add((control.revision, control.sha256))
    return frozenset(found)


def check_log(
    lines: Sequence[str],
    keys: Mapping[str, PublicKey],
    controls: Mapping[str, bytes],
    *,
    signed: frozenset[tuple[str, str]] | None = None,
    live: VerifiedBundle | None = None,
    file: str = "log",
) -> CheckedLog:
    """Check a log.

    Args:
        lines: of the log file.
        keys: live keys by fingerprint, past ones among them.
        controls: see `controls_in`.
        signed: see `signed_releases`; without it whoever holds the live key is believed about who may order.
        live: a live bundle that was published with it, verified.
        file: what errors call the log.

    Raises:
        InputError: an entry is not signed, does not follow, or the log is shorter than the live bundle says.
    """
    head = _promised(live)
    entries = verify_log(lines, keys, file=file, head=head)
    differences: list[str] = []
    unchecked: list[str] = []
    if head is None:
        unchecked.append("that its end was not cut off: give the live bundle that was published with it")
    if signed is None:
        unchecked.append("who signed the releases that say who may order: give the release key")
    judged = 0
    compared = ""
    state = State.empty(entries[0].environment if entries else "")
    for entry in entries:
        control = _control(entry, controls, unchecked)
        if isinstance(entry.content, Announced) and control is None:
            break
        differences += _unsigned(entry, signed)
        judged += _judge(entry, entry.content, state, differences) if isinstance(entry.content, Accepted) else 0
        try:
            state = state.apply(entry, control)
        except ValueError as error:
            differences.append(str(error))
            break
        if live is not None and head is not None and entry.number == head.number:
            differences += _compared(state, live)
            compared = live.revision
    return CheckedLog(
        environment=state.environment,
        head=entries[-1].head if entries else Head(0, "", 0),
        orders=sum(isinstance(entry.content, Accepted) for entry in entries),
        judged=judged,
        releases=tuple(entry.content.revision for entry in entries if isinstance(entry.content, Announced)),
        live=compared,
        differences=tuple(differences),
        unchecked=tuple(unchecked),
        entries=entries,
    )


def _promised(live: VerifiedBundle | None) -> Head | None:
    """How far the log must go by the live bundle."""
    if live is None:
        return None
    promised: Any = live.manifest.get("metadata", {})
    log = promised.get("log", {}) if isinstance(promised, dict) else {}
    number, sha256 = log.get("entries"), log.get("sha256")
    if type(number) is not int or not isinstance(sha256, str):
        # One that `compile` wrote: it rests on no log.
        return None
    return Head(number, sha256, 0)


def _control(entry: Entry, controls: Mapping[str, bytes], unchecked: list[str]) -> Any:
    if not isinstance(entry.content, Announced):
        return None
    data = controls.get(entry.content.control_sha256)
    if data is None:
        revision = entry.content.revision
        unchecked.append(f"entry {entry.number} and all behind it: the control data of release {revision} is missing")
        return None
    return read_known_control(data, entry.content.control_sha256, entry.environment, entry.content.revision)


def _unsigned(entry: Entry, signed: frozenset[tuple[str, str]] | None) -> Iterable[str]:
    content = entry.content
    if signed is None or not isinstance(content, Announced):
        return
    if (content.revision, content.control_sha256) not in signed:
        yield f"entry {entry.number} announces release {content.revision}, which no release key given here signed"


def _judge(entry: Entry, content: Accepted, state: State, differences: list[str]) -> int:
    """Judge the order of an entry as if it came now; 1 for the count."""
    release = state.release
    if release is None or release.revision != content.trust:
        differences.append(f"entry {entry.number} says it was judged by release {content.trust}, which was not current")
        return 0
    judgement = judge_order(
        canonical(dict(content.envelope)),
        environment=entry.environment,
        control=release,
        state=state,
        at_ns=entry.at_ns,
    )
    if judgement.accepted is None:
        differences.append(f"entry {entry.number} holds an order that could not be taken: {judgement.reason}")
    elif judgement.accepted != content:
        signed = ", ".join(judgement.accepted.signers)
        differences.append(f"entry {entry.number} does not hold its order as it was judged: signed by {signed}")
    return 1


def _compared(state: State, live: VerifiedBundle) -> Iterable[str]:
    told = live.data().get("weighbridge")
    told = told.get("live") if isinstance(told, dict) else None
    if not isinstance(told, dict) or type(told.get("sequence")) is not int or type(told.get("issued_at")) is not int:
        return [f"live bundle {live.revision} has no sequence, or no time"]
    try:
        made = live_document(live_state(state, sequence=told["sequence"], issued_at_ns=told["issued_at"]))
    except ValueError as error:
        return [f"live bundle {live.revision} does not follow from the log: {error}"]
    if data_file({"weighbridge": {"live": made}}) == live.files[DATA]:
        return []
    parts = sorted(name for name in made.keys() | told.keys() if made.get(name) != told.get(name))
    return [f"live bundle {live.revision} does not follow from the log: {', '.join(parts)} differ"]
