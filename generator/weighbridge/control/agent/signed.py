"""What the agent believes: live state by the live key, approvals by the release key, and neither of anything else.

The agent verifies what the rule inside Gatekeeper verifies, no more leniently, so that it never writes what would only
be refused, and never deletes or stops anything on an unsigned word. Whether live state is still in time is told beside
it: one that has ended denies everything in the cluster, and is brought there all the same. No I/O.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from weighbridge.canonical import parse_json
from weighbridge.catalogue.names import is_name
from weighbridge.errors import InputError
from weighbridge.points.gatekeeper.approvals import KEYID as RELEASE_KEYID
from weighbridge.points.gatekeeper.names import APPROVAL, GROUP_VERSION, LIVE_STATE, approval_name
from weighbridge.tokens import read_token

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from weighbridge.keys import PublicKey

LIVE_KEYID = "live"
ENVIRONMENT_LABEL = "weighbridge.dev/environment"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_MOST_PROBLEMS = 20
"""So many approvals that do not verify are named one by one."""


class UnverifiedError(ValueError):
    """Something is not what the right key signed for this cluster's environment; the text says what, and why."""


@dataclass(frozen=True)
class Live:
    """What a verified live state says."""

    environment: str
    sequence: int
    not_after_ns: int
    releases: Mapping[str, int | None]
    """Revision to the time, in nanoseconds, at which it ceases to count; None where none is said."""
    revoked: Mapping[str, Mapping[str, Any]]
    """By digest, the order."""
    frozen: Mapping[str, Mapping[str, Any]]
    """By `model@version`, the order."""
    token: str = field(repr=False)

    def announced(self, revision: str, now_ns: int) -> bool:
        """Whether that release counts."""
        until = self.releases.get(revision, 0)
        return until is None or until > now_ns

    def resource(self) -> dict[str, Any]:
        """The LiveState that brings it to a cluster."""
        return _resource(
            LIVE_STATE, self.environment, self.environment, {"environment": self.environment, "token": self.token}
        )


@dataclass(frozen=True)
class Approval:
    """What a verified approval says, as far as the agent needs it."""

    name: str
    """Of the resource."""
    version_name: str
    """`<model>@<version>`."""
    revision: str
    """Of the release that it belongs to."""
    spec: Mapping[str, Any] = field(repr=False)
    """Of the resource, made from the claims: nothing in it is what somebody merely wrote."""

    @property
    def token(self) -> str:
        """The signed text."""
        return str(self.spec["token"])

    def resource(self) -> dict[str, Any]:
        """The ModelApproval that brings it to a cluster."""
        return _resource(APPROVAL, self.name, str(self.spec["environment"]), dict(self.spec))


def read_live(token: str, keys: Sequence[PublicKey], environment: str) -> Live:
    """A live state, if a live key signed it for this environment.

    Raises:
        UnverifiedError: it is not.
    """
    claims = _claims(token, keys, LIVE_KEYID, "live state")
    try:
        if claims["environment"] != environment:
            raise UnverifiedError(f"the live state is of {claims['environment']!a:.100}, not of {environment}")
        return Live(
            environment=environment,
            sequence=_whole(claims["sequence"]),
            not_after_ns=_whole(claims["not_after"]),
            releases={_text(each["revision"]): _until(each) for each in claims["releases"]},
            revoked=_orders(claims["revoked"]),
            frozen=_orders(claims["frozen"]),
            token=token,
        )
    except (KeyError, TypeError) as error:
        raise UnverifiedError(f"the live state cannot be read: {error}") from error


def read_approval(token: str, keys: Sequence[PublicKey], environment: str) -> Approval:
    """An approval, if a release key signed it for this environment.

    Raises:
        UnverifiedError: it is not.
    """
    claims = _claims(token, keys, RELEASE_KEYID, "approval")
    try:
        if claims["environment"] != environment:
            raise UnverifiedError(f"an approval is of {claims['environment']!a:.100}, not of {environment}")
        model, version, digest = claims["model"], claims["version"], claims["digest"]
        if not (is_name(_text(model)) and is_name(_text(version)) and _DIGEST.fullmatch(_text(digest))):
            raise UnverifiedError(f"an approval names {model!a:.100} in {version!a:.100}, which are no names")
        if not isinstance(claims["approved"], bool):
            raise UnverifiedError(f"the approval of {model}@{version} does not say whether it is one")
        summary = {part: claims[part] for part in ("environment", "model", "version", "approved", "digest")}
        name = approval_name(environment, model, version)
        return Approval(name, f"{model}@{version}", _text(claims["revision"]), {**summary, "token": token})
    except (KeyError, TypeError) as error:
        raise UnverifiedError(f"an approval cannot be read: {error}") from error


def read_approvals(
    data: bytes, keys: Sequence[PublicKey], environment: str
) -> tuple[dict[str, Approval], tuple[str, ...]]:
    """Approvals as `compile` wrote them, one JSON object a line, by name; and what of them does not verify.

    Lines that begin no object (`---`) are passed over. What a resource says of itself is compared with its token.
    """
    found: dict[str, Approval] = {}
    problems: list[str] = []
    for line in data.splitlines():
        if not line.startswith(b"{"):
            continue
        try:
            approval = _of_resource(line, keys, environment)
        except UnverifiedError as error:
            problems.append(str(error))
            continue
        if approval.name in found and found[approval.name].token != approval.token:
            problems.append(f"{approval.name} is listed twice, with different tokens")
            del found[approval.name]
            continue
        found[approval.name] = approval
    unnamed = len(problems) - _MOST_PROBLEMS
    told = problems[:_MOST_PROBLEMS] + ([f"and {unnamed} more"] if unnamed > 0 else [])
    return found, tuple(told)


def _of_resource(line: bytes, keys: Sequence[PublicKey], environment: str) -> Approval:
    try:
        given = json.loads(line)
        name, spec = given["metadata"]["name"], given["spec"]
        token = _text(spec["token"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UnverifiedError(f"a line of the approvals is no ModelApproval: {error!a:.100}") from error
    try:
        approval = read_approval(token, keys, environment)
    except UnverifiedError as error:
        raise UnverifiedError(f"{name!a:.200}: {error}") from error
    if name != approval.name or spec != approval.spec:
        raise UnverifiedError(f"{name!a:.200}: says of itself what its token, of {approval.name}, does not")
    return approval


def _claims(token: str, keys: Sequence[PublicKey], keyid: str, what: str) -> dict[str, Any]:
    try:
        read = read_token(token, keys)
        claims = parse_json(read.payload, what)
    except (ValueError, InputError) as error:
        raise UnverifiedError(f"the {what} {error}") from error
    if set(read.header) != {"alg", "kid"} or read.header["kid"] != keyid or not isinstance(claims, dict):
        raise UnverifiedError(f"the {what} is not signed as {keyid}")
    return claims


def _resource(kind: str, name: str, environment: str, spec: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": name, "labels": {ENVIRONMENT_LABEL: environment}}
    return {"apiVersion": GROUP_VERSION, "kind": kind, "metadata": metadata, "spec": spec}


def _until(release: Mapping[str, Any]) -> int | None:
    return _whole(release["until"]) if "until" in release else None


def _orders(given: Any) -> dict[str, Mapping[str, Any]]:
    if not isinstance(given, dict) or not all(isinstance(order, dict) for order in given.values()):
        raise TypeError("orders are no objects")
    return given


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError("a text is expected, and something else is there")
    return value


def _whole(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise TypeError("a whole number is expected, and something else is there")
    return value
