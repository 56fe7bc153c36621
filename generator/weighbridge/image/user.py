"""Who an image's process runs as, told as runtimes tell it.

Source: moby/sys/user `GetExecUser`, which runc, containerd and Docker use: a number is always a uid, a name is the
first entry of that name in /etc/passwd, and a uid there that is no number reads as 0, which is root.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from weighbridge.evidence.image_profile import User
from weighbridge.image.names import printable

if TYPE_CHECKING:
    from weighbridge.image.view import View

_NUMBER = re.compile(r"[0-9]{1,10}\Z")
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}\Z")
_LARGEST = 2**31 - 1


def image_user(given: str, view: View) -> User:
    """The user that a configuration names, resolved in the image.

    Args:
        given: `User` of the configuration: "", `name`, `uid`, each optionally with `:group`.
        view: the image.
    """
    name, _, group = given.partition(":")
    uid, gid = _user(name, view)
    if group:
        # A group by name would need /etc/group, and nothing rests on it.
        gid = int(group) if _NUMBER.match(group) and int(group) <= _LARGEST else None
    return User(given=printable(given), uid=uid, gid=gid, numeric=bool(_NUMBER.match(name)))


def _user(name: str, view: View) -> tuple[int | None, int | None]:
    if _NUMBER.match(name):
        uid = int(name)
        if uid > _LARGEST:
            return None, None
        found = next((entry for entry in _entries(view) if entry[1] == uid), None)
        # Without an entry the group is root's.
        return uid, found[2] if found else 0
    if not name:
        return 0, 0
    found = next((entry for entry in _entries(view) if entry[0] == name), None)
    return (found[1], found[2]) if found and 0 <= found[1] <= _LARGEST else (None, None)


def _entries(view: View) -> list[tuple[str, int, int]]:
    """Name, uid and gid of each line in /etc/passwd; a number that is missing or none is 0."""
    entries = []
    for line in (view.text("/etc/passwd") or "").split("\n"):
        fields = [*line.strip().split(":"), "", "", "", ""]
        if line.strip():
            entries.append((fields[0], _integer(fields[2]), _integer(fields[3])))
    return entries


def _integer(text: str) -> int:
    return int(text) if _INTEGER.match(text) else 0
