"""Installed packages, from the databases that package managers leave: dpkg, apk, rpm (SQLite), Python's own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from weighbridge.evidence.image_profile import OsPackage, PythonPackage, Unread
from weighbridge.image.names import printable
from weighbridge.image.rpm import rpm_packages

if TYPE_CHECKING:
    from collections.abc import Iterator

    from weighbridge.image.view import View

_STATUS = "/var/lib/dpkg/status"
_PARTS = "/var/lib/dpkg/status.d"
_APK = ("/lib/apk/db/installed", "/usr/lib/apk/db/installed")
_RPM = ("/var/lib/rpm", "/usr/lib/sysimage/rpm", "/usr/share/rpm")
_METADATA = re.compile(r"\.dist-info/METADATA$|\.egg-info(/PKG-INFO)?$")
_MAX = 100_000


class Packages:
    """What is installed, and which databases could not be read."""

    def __init__(self, view: View) -> None:
        self.unread: list[Unread] = []
        self.dpkg = _dpkg(view.text(_STATUS) or "")
        """Of a full Debian or Ubuntu."""
        self.parts = self._status_d(view)
        """Of a distroless image, which has a file for each package and no dpkg."""
        self.apk = [package for package in _one_of(view, _APK) if package.name]
        self.rpm = self._rpm(view)
        self.python = self._python(view)

    @property
    def os(self) -> tuple[OsPackage, ...]:
        """All packages of the operating system, each once, sorted."""
        found = {(p.manager, p.name, p.version): p for p in (*self.dpkg, *self.parts, *self.apk, *self.rpm)}
        return tuple(found[key] for key in sorted(found))[:_MAX]

    def _status_d(self, view: View) -> list[OsPackage]:
        folder = view.tree.lookup(_PARTS)
        if folder is None or folder[1].children is None:
            return []
        found: list[OsPackage] = []
        for name in sorted(folder[1].children):
            if name.endswith(".md5sums"):
                continue
            path = f"{_PARTS}/{name}"
            read = _dpkg(view.text(path) or "", installed="")
            if not read:
                self._missed(path, "holds no package")
            found += read
        return found

    def _rpm(self, view: View) -> list[OsPackage]:
        found: list[OsPackage] = []
        for folder in _RPM:
            for name in ("Packages", "Packages.db"):
                if (node := view.file(f"{folder}/{name}")) is not None and node.size:
                    self._missed(f"{folder}/{name}", "is an rpm database of a form that is not read (SQLite is)")
            node = view.file(f"{folder}/rpmdb.sqlite")
            if node is None or found:
                continue
            data = node.facts.kept if node.facts is not None and node.facts.whole else None
            try:
                found = rpm_packages(data or b"")
            except ValueError as error:
                self._missed(f"{folder}/rpmdb.sqlite", f"cannot be read: {error}")
        return found

    def _python(self, view: View) -> tuple[PythonPackage, ...]:
        found: dict[tuple[str, str], PythonPackage] = {}
        for path, node in view.tree.walk():
            if node.kind == "folder" or not _METADATA.search(path):
                continue
            text = view.text(path)
            name, version = (_field(text, key) for key in ("Name", "Version")) if text else ("", "")
            if name and version:
                found[name, version] = PythonPackage(name=name, version=version)
            else:
                self._missed(path, "names no Python package and version")
        return tuple(found[key] for key in sorted(found))[:_MAX]

    def _missed(self, path: str, reason: str) -> None:
        self.unread.append(Unread(path=printable(path), reason=printable(reason)))


def _one_of(view: View, paths: tuple[str, ...]) -> Iterator[OsPackage]:
    text = next((text for path in paths if (text := view.text(path))), "")
    for block in re.split(r"\n\n+", text):
        fields = dict(line.split(":", 1) for line in block.split("\n") if line[1:2] == ":")
        if fields.get("P") and fields.get("V"):
            yield OsPackage(name=_shown(fields["P"]), version=_shown(fields["V"]), manager="apk")


def _dpkg(text: str, installed: str = " installed") -> list[OsPackage]:
    """Packages of a file in dpkg's form that are installed, or all where the file says no state (distroless)."""
    found = []
    for block in re.split(r"\n\n+", text):
        name, version, status = (_field(block, key) for key in ("Package", "Version", "Status"))
        if name and version and (not installed or status.endswith(installed)):
            found.append(OsPackage(name=name, version=version, manager="dpkg"))
    return found


def _field(block: str, key: str) -> str:
    """A field of a header in the form of RFC 822, as it may be shown; "" without it."""
    found = re.search(rf"(?m)^{key}:[ \t]*(\S[^\n]*)$", block)
    return _shown(found.group(1)) if found else ""


def _shown(value: str) -> str:
    return printable(value.strip())[:200]
