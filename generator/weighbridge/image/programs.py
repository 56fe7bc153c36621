"""Programs in an image that serving has no use for, and those that run with more rights than who starts them."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from weighbridge.evidence.image_profile import Privileged, Program
from weighbridge.image.names import printable
from weighbridge.image.tools import COMPILERS, MULTICALL, NETWORK, PACKAGES, SHELLS, kind_by_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weighbridge.image.tree import Node
    from weighbridge.image.view import View

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""PATH where the image sets none, as runtimes have it."""
MOST = 5000
"""Programs of one kind that are listed; one is enough to refuse an image."""
_PIP = re.compile(r"/(?:site|dist)-packages/pip/__main__\.py$")
# Bit by bit, as linux/capability.h counts them.
_CAPABILITIES = (
    "chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable net_bind_service "
    "net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot sys_ptrace sys_pacct sys_admin "
    "sys_boot sys_nice sys_resource sys_time sys_tty_config mknod lease audit_write audit_control setfcap mac_override "
    "mac_admin syslog wake_alarm block_suspend audit_read perfmon bpf checkpoint_restore"
)
_VERSIONS = {1: 1, 2: 2, 3: 2}
"""Version of the attribute to its number of 32-bit words (linux/capability.h)."""


@dataclass
class Programs:
    """What was found in the image as a container sees it."""

    kinds: dict[str, list[Program]] = field(
        default_factory=lambda: {kind: [] for kind in (SHELLS, COMPILERS, NETWORK, PACKAGES)}
    )
    privileged: list[Privileged] = field(default_factory=list)
    cut: bool = False
    """More than `MOST` of something."""

    def add(self, kind: str, program: Program) -> None:
        """Note a program, once by whatever tells it first: content comes before name."""
        listed = self.kinds[kind]
        if len(listed) >= MOST:
            self.cut = True
        elif not listed or listed[-1].path != program.path:
            listed.append(program)


def find_programs(view: View) -> Programs:
    """Walk the image and tell every such program, by content before by name."""
    programs = Programs()
    for path, node in view.tree.walk():
        if node.kind == "symlink":
            _link(programs, path, node, view)
        elif node.kind == "file":
            _file(programs, path, node)
    return programs


def _file(programs: Programs, path: str, node: Node) -> None:
    for kind, name in sorted(node.facts.marks) if node.facts is not None else ():
        program = Program(path=printable(path), name=name, by="content", layer=node.layer)
        programs.add(kind, program)
        if name in MULTICALL:
            programs.add(NETWORK, program)
    shown = printable(path)
    if _PIP.search(path):
        programs.add(PACKAGES, Program(path=shown, name="pip", by="module", layer=node.layer))
    name = path.rpartition("/")[2]
    named = kind_by_name(name) if node.mode & 0o111 else None
    if named is not None:
        programs.add(named, Program(path=shown, name=printable(name), by="name", layer=node.layer))
    if node.mode & 0o6000 or node.capability:
        _privileged(programs, path, node)


def _link(programs: Programs, path: str, node: Node, view: View) -> None:
    kind = kind_by_name(path.rpartition("/")[2])
    if kind is None:
        return
    found = view.tree.lookup(path)
    if found is None or found[1].kind != "file" or not found[1].mode & 0o111:
        return
    name = printable(path.rpartition("/")[2])
    programs.add(kind, Program(path=printable(path), name=name, by="link", layer=node.layer))


def _privileged(programs: Programs, path: str, node: Node) -> None:
    if len(programs.privileged) >= MOST:
        programs.cut = True
        return
    programs.privileged.append(
        Privileged(
            path=printable(path),
            mode=f"{node.mode & 0o7777:04o}",
            owner=min(node.uid, 2**53 - 1),
            setuid=bool(node.mode & 0o4000),
            setgid=bool(node.mode & 0o2000),
            capabilities=tuple(file_capabilities(node.capability)),
            layer=node.layer,
        )
    )


def file_capabilities(attribute: bytes) -> list[str]:
    """Names of the capabilities in the extended attribute `security.capability`; `unreadable` where it is none.

    Source: linux/capability.h, struct vfs_cap_data and vfs_ns_cap_data: little-endian words, permitted and inheritable.
    """
    if not attribute:
        return []
    words = len(attribute) // 4
    if len(attribute) % 4 or words < 3:
        return ["unreadable"]
    values: Sequence[int] = struct.unpack(f"<{words}I", attribute)
    pairs = _VERSIONS.get(values[0] >> 24)
    if pairs is None or words < 1 + 2 * pairs:
        return ["unreadable"]
    bits = 0
    for pair in range(pairs):
        bits |= (values[1 + 2 * pair] | values[2 + 2 * pair]) << (32 * pair)
    known = _CAPABILITIES.split()
    named = [f"cap_{name}" for number, name in enumerate(known) if bits >> number & 1]
    return named + ["unknown"] * bool(bits >> len(known))


def search_path(env: dict[str, str]) -> list[str]:
    """The folders of PATH."""
    return [folder for folder in env.get("PATH", DEFAULT_PATH).split(":") if folder][:256]


def writable_path(env: dict[str, str], view: View) -> list[str]:
    """Folders on PATH, and files in them, that everybody may write to."""
    found: set[str] = set()
    for folder in search_path(env):
        at = view.tree.lookup(folder)
        if at is None:
            continue
        path, node = at
        if node.kind == "folder" and node.mode & 0o002:
            found.add(path)
        for name, child in (node.children or {}).items():
            if child.kind == "file" and child.mode & 0o002:
                found.add(f"{path.rstrip('/')}/{name}")
    return [printable(path) for path in sorted(found)][:MOST]
