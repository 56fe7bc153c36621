"""What an image stands on: what its os-release says, and whether what is installed agrees with that."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast, get_args

from weighbridge.catalogue.serving_images import Family
from weighbridge.evidence.image_profile import Base
from weighbridge.image.names import printable

if TYPE_CHECKING:
    from weighbridge.image.packages import Packages
    from weighbridge.image.view import View

_LINE = re.compile(r"(?m)^[ \t]*([A-Z0-9_]+)=(.*)$")
_BASE_PACKAGES = {
    "wolfi": ("apk", ("wolfi-baselayout",)),
    "chainguard": ("apk", ("chainguard-baselayout", "wolfi-baselayout")),
    "alpine": ("apk", ("alpine-baselayout", "alpine-baselayout-data")),
    "distroless": ("dpkg", ("base-files", "netbase", "tzdata")),
    "debian": ("dpkg", ("base-files",)),
    "ubuntu": ("dpkg", ("base-files",)),
}
"""Family to its package manager, and packages of which such an image has one."""
_RPM = {"rhel", "fedora", "centos", "rocky", "almalinux", "amzn", "ol", "sles", "opensuse"}
_KNOWN = set(get_args(Family)) - {"scratch", "distroless", "other", "unknown"}


def image_base(view: View, packages: Packages) -> Base:
    """The base of an image, and where its os-release and its packages contradict each other."""
    release = os_release(view)
    identity = release.get("ID", "").lower()
    family = _family(identity, packages)
    return Base(
        family=family,
        id=printable(identity),
        version=printable(release.get("VERSION_ID", "")),
        name=printable(release.get("PRETTY_NAME") or release.get("NAME", "")),
        contradictions=tuple(_contradictions(family, release, packages)),
    )


def os_release(view: View) -> dict[str, str]:
    """The settings in /etc/os-release, or else /usr/lib/os-release (os-release(5)); the last of equal names counts."""
    text = view.text("/etc/os-release")
    text = view.text("/usr/lib/os-release") if text is None else text
    return {key: value.strip().strip("\"'") for key, value in _LINE.findall(text or "")}


def _family(identity: str, packages: Packages) -> Family:
    if not identity:
        return "unknown" if packages.os or packages.unread else "scratch"
    if identity == "debian" and packages.parts and not packages.dpkg:
        return "distroless"
    name = "opensuse" if identity.startswith("opensuse") else identity
    return cast("Family", name) if name in _KNOWN else "other"


def _contradictions(family: Family, release: dict[str, str], packages: Packages) -> list[str]:
    found = []
    managers = sorted({package.manager for package in packages.os})
    if len(managers) > 1:
        found.append(f"packages of {' and '.join(managers)} are installed together")
    manager, names = _BASE_PACKAGES.get(family, ("rpm" if family in _RPM else "", ()))
    installed = {package.name for package in packages.os if package.manager == manager}
    if manager and not installed:
        found.append(f"os-release says {family}, and no package of {manager} is installed")
    elif names and installed.isdisjoint(names):
        found.append(f"os-release says {family}, and none of {', '.join(names)} is installed")
    if "distroless" in release.get("PRETTY_NAME", "").lower() and family != "distroless":
        found.append("os-release says distroless, and its packages are not those of such an image")
    return found
