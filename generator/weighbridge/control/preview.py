"""What an order would do in one environment, shown before it is signed: from control data, without I/O.

It is a preview: the control plane judges by the release that it runs, which may be newer, and by the live routes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from weighbridge import keys
from weighbridge.control.reach import reach
from weighbridge.registry.order_files import LIFTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from weighbridge.control.control_data import ControlData
    from weighbridge.control.order import Request
    from weighbridge.control.reach import Reached, Why
    from weighbridge.keys import PublicKey

Trust = Literal["verified", "unverified", "unavailable"]
REACHING = frozenset({"revoke", "freeze", "distrust"})
"""Kinds that reach versions."""
_BECAUSE: dict[str, str] = {
    "artifact": "this is its artifact",
    "image": "it is served by this image",
    "lineage": "it was made from this, or evaluated on it",
    "signer": "its approval rests on this signer",
    "name": "this is its name",
}


@dataclass(frozen=True)
class Preview:
    """What an order would do in one environment."""

    environment: str
    trust: Trust
    """`verified` by the release key; `unverified`: the server's word; `unavailable`: nothing was had to judge by."""
    reason: str = ""
    """Why it is unavailable."""
    versions: Mapping[str, tuple[Why, ...]] | None = None
    """What it reaches, with the reasons; None for a kind that reaches no version."""
    aliases: Mapping[str, str | None] | None = None
    """Aliases of such versions, and where each would go; None where callers would be denied."""
    images: tuple[str, ...] = ()
    """Serving images of what it reaches."""
    warnings: tuple[str, ...] = ()
    """What whoever signs should look at twice."""
    signatures: str = ""
    """Who signs, and how many more must."""
    others: tuple[str, ...] = ()
    """Who else may sign."""

    def document(self) -> dict[str, Any]:
        """As JSON value."""
        shown: dict[str, Any] = {"environment": self.environment, "trust": self.trust}
        if self.reason:
            shown["reason"] = self.reason
        if self.versions is not None:
            shown["versions"] = {name: list(why) for name, why in self.versions.items()}
            shown["aliases"] = dict(self.aliases or {})
            shown["images"] = list(self.images)
        return {
            **shown,
            "warnings": list(self.warnings),
            "signatures": self.signatures,
            "others_who_may_sign": list(self.others),
        }

    def lines(self) -> list[str]:
        """For people."""
        word = {"verified": "", "unverified": " (unverified: the server's word; give --release-key)"}
        lines = [f"{self.environment}{word.get(self.trust, f': no preview: {self.reason}')}"]
        if self.versions is not None:
            lines.append(f"  reaches {len(self.versions)} version{'' if len(self.versions) == 1 else 's'}")
            lines += [f"    {name}: {_because(why)}" for name, why in self.versions.items()]
            lines += [f"  image {image}" for image in self.images]
        for alias, target in (self.aliases or {}).items():
            what = f"goes to {target}" if target else "goes nowhere: its callers are denied"
            lines.append(f"  alias {alias} {what}")
        lines += [f"  warning: {warning}" for warning in self.warnings]
        return [*lines, f"  {self.signatures}"] if self.signatures else lines


def _because(why: Iterable[str]) -> str:
    return ", and ".join(_BECAUSE.get(reason, reason) for reason in why)


def preview(
    request: Request,
    environment: str,
    control: ControlData,
    *,
    trust: Trust,
    signed_by: Iterable[PublicKey],
    at_ns: int,
) -> Preview:
    """What the order would do in an environment.

    Args:
        request: what is wanted.
        environment: one that it names.
        control: of the newest release there.
        trust: whether that was verified.
        signed_by: the keys that sign, or have signed.
        at_ns: now.
    """
    signatures, others = _signatures(request.kind, control, signed_by)
    kind = LIFTS.get(request.kind, request.kind)
    if kind not in REACHING:
        warnings = tuple(_unknown(request, control, at_ns))
        return Preview(environment, trust, warnings=warnings, signatures=signatures, others=others)
    reached = reach(control, kind, request.target, at_ns=at_ns)
    images = {image for name in reached.versions for image in control.versions[name].images}
    return Preview(
        environment,
        trust,
        versions=reached.versions,
        # Where an alias goes once something is lifted depends on what else is restricted, which is not known here.
        aliases={} if request.kind in LIFTS else reached.aliases,
        images=tuple(sorted(images)),
        warnings=tuple(_reaching(request, control, reached)),
        signatures=signatures,
        others=others,
    )


def _reaching(request: Request, control: ControlData, reached: Reached) -> Iterable[str]:
    if not reached.versions:
        yield _NOTHING[LIFTS.get(request.kind, request.kind)].format(target=request.target)
    by_release = {name for name in reached.versions if control.versions[name].digest in control.orders.revoked}
    by_release |= {name for name in reached.versions if name in control.orders.frozen}
    if request.kind in LIFTS and by_release:
        names = ", ".join(sorted(by_release))
        yield f"{names} stays restricted by the catalogue's own orders: only a release lifts them"


_NOTHING = {
    "revoke": "nothing in this release has to do with {target}: the order would hold for what may still come",
    "freeze": "there is no version {target} in this release",
    "distrust": "no approval in this release rests on {target}",
}


def _unknown(request: Request, control: ControlData, at_ns: int) -> Iterable[str]:
    target = request.target
    if request.kind in {"suspend", "resume"} and target not in control.tenants:
        yield f"there is no tenant {target} in this release"
    if request.kind == "revoke-key" and target not in control.tenant_keys:
        yield f"there is no key {target} in this release"
    if request.kind == "route":
        yield from _route(request, control, at_ns)


def _route(request: Request, control: ControlData, at_ns: int) -> Iterable[str]:
    route = control.routes.get(request.target)
    if route is None:
        yield f"there is no alias {request.target} in this release"
        return
    to = request.to or ""
    version = control.versions.get(to)
    if to.partition("@")[0] not in route.models:
        yield f"{request.target} may point to versions of {', '.join(route.models)} only"
    if version is None:
        yield f"there is no version {to} in this release"
    elif not version.approved or version.not_after <= at_ns:
        yield f"{to} is not approved here"
    elif not version.served:
        yield f"{to} has no upstream here"
    if version is not None and (to in control.orders.frozen or version.digest in control.orders.revoked):
        yield f"{to} is revoked or frozen by the catalogue"


def _signatures(kind: str, control: ControlData, signed_by: Iterable[PublicKey]) -> tuple[str, tuple[str, ...]]:
    """What to say about the signatures, and who else may give one."""
    authority = control.authority.get(kind)
    if authority is None:
        return f"nobody may order {kind} here", ()
    prints = {keys.fingerprint(key) for key in signed_by}
    ours = sorted(name for name, key in authority.keys.items() if keys.fingerprint(key) in prints)
    others = tuple(sorted(set(authority.keys) - set(ours)))
    missing = authority.threshold - len(ours)
    if not ours:
        return f"this key may not order {kind} here; these may: {', '.join(others)}", others
    by = f"signed by {', '.join(ours)}"
    if missing <= 0:
        return f"{by}: enough", others
    return f"{by}; {missing} more of {', '.join(others)} must sign before it is in force", others
