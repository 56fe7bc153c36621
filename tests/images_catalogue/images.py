"""The serving images of the fixtures about images: one clean, and one for each thing that can be wrong."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

Profile = dict[str, Any]
PROGRAM = {"by": "name", "layer": 0}


def found(kind: str, *entries: Any) -> Callable[[Profile], None]:
    """Put findings into the one image of a profile."""
    return lambda profile: profile["images"][0].update({kind: list(entries)})


def program(path: str) -> dict[str, Any]:
    """A program that has no place in a serving image."""
    return {"path": path, "name": path.rpartition("/")[2], **PROGRAM}


def base(family: str, *contradictions: str) -> Callable[[Profile], None]:
    """Another base."""
    return lambda profile: profile["images"][0].update(base={"family": family, "contradictions": list(contradictions)})


def user(uid: int | None, given: str) -> Callable[[Profile], None]:
    """Another user."""
    return lambda profile: profile["images"][0].update(
        user={"given": given, "numeric": given.isdigit()} | ({} if uid is None else {"uid": uid})
    )


def second(profile: Profile) -> None:
    """An index whose other platform has a shell."""
    other = profile["images"][0] | {"platform": "linux/arm64", "shells": [program("/bin/sh")]}
    profile["images"].append(other)


def elsewhere(profile: Profile) -> None:
    """A profile of another image."""
    profile["digest"] = digest_of("clean")


@dataclass(frozen=True)
class Image:
    """A serving image, and what is signed about it."""

    profile: Callable[[Profile], None] | None = lambda _: None
    """What is wrong in its profile; None: it has none."""
    sbom: bool = True
    scan: tuple[tuple[str, str], ...] | None = (("CVE-2025-0001", "low"),)
    """Findings with their severity; None: nobody scanned it."""
    scan_days: int = 1
    profile_days: int = 2
    signer: str = "scanner"
    """Who signs the profile."""
    before: bool = False
    """Whether an older profile by the same signer says that it is clean."""
    suppressed: bool = False
    """Whether the scanner's user suppressed the findings."""


IMAGES: dict[str, Image] = {
    "clean": Image(),
    "no-profile": Image(profile=None),
    "old-profile": Image(profile_days=91),
    "self-signed": Image(signer="eval"),
    "profile-of-another": Image(profile=elsewhere),
    "no-sbom": Image(sbom=False),
    "no-scan": Image(scan=None),
    "old-scan": Image(scan_days=8),
    "debian": Image(profile=base("debian")),
    "contradictory": Image(profile=base("wolfi", "dpkg's packages in an image of wolfi")),
    "shells": Image(profile=found("shells", program("/bin/bash"), program("/bin/dash"))),
    "renamed-shell": Image(profile=found("shells", {**program("/usr/bin/helper"), "name": "bash", "by": "content"})),
    "shells-since": Image(profile=found("shells", program("/bin/sh")), before=True),
    "one-platform-with-shells": Image(profile=second),
    "compilers": Image(profile=found("compilers", program("/usr/bin/gcc"))),
    "excepted-compiler": Image(profile=found("compilers", program("/opt/triton/ptxas"))),
    "many-compilers": Image(profile=found("compilers", *(program(f"/usr/bin/gcc-{n}") for n in range(9, 16)))),
    "network-tools": Image(profile=found("network_tools", program("/usr/bin/curl"))),
    "linked-wget": Image(profile=found("network_tools", {**program("/sbin/init2"), "name": "wget", "by": "link"})),
    "package-managers": Image(profile=found("package_managers", program("/usr/bin/apt"))),
    "pip-module": Image(profile=found("package_managers", {**program("/usr/lib/pip"), "name": "pip", "by": "module"})),
    "setuid": Image(
        profile=found(
            "setuid",
            {"path": "/usr/bin/su", "mode": "4755", "owner": 0, "setuid": True, "setgid": False, "layer": 0},
        )
    ),
    "writable-path": Image(profile=found("writable_path", "/usr/local/bin")),
    "root": Image(profile=user(0, "")),
    "unknown-user": Image(profile=user(None, "serve")),
    "cuda-old": Image(profile=found("cuda", {"version": "11.8.89", "source": "library", "where": "/usr/lib/cudart"})),
    "cuda-new": Image(profile=found("cuda", {"version": "12.4.127", "source": "library", "where": "/usr/lib/cudart"})),
    "cuda-two": Image(
        profile=found(
            "cuda",
            {"version": "12.4.127", "source": "environment", "where": "CUDA_VERSION"},
            {"version": "11.2.152", "source": "library", "where": "/opt/old/cudart"},
        )
    ),
    "high": Image(scan=(("CVE-2025-0002", "high"),)),
    "unknown-severity": Image(scan=(("CVE-2025-0003", "who knows"),)),
    "allowed-finding": Image(scan=(("CVE-2025-0042", "critical"),)),
    "suppressed": Image(scan=(("CVE-2025-0004", "critical"),), suppressed=True),
    "shell-entrypoint": Image(profile=found("entrypoint_shell", "word 1 is the shell sh")),
    "script-entrypoint": Image(profile=found("entrypoint_shell", "word 1 is a script for /bin/sh")),
    "secret": Image(profile=found("secrets", {"path": "/root/.aws/credentials", "kind": "aws", "hidden": False})),
    "hidden-secret": Image(profile=found("secrets", {"path": "/tmp/key", "kind": "key", "layer": 1, "hidden": True})),
    "weights": Image(profile=found("weights", {"path": "/opt/m.onnx", "format": "onnx", "layer": 0, "hidden": False})),
    "hidden-weights": Image(
        profile=found("weights", {"path": "/opt/m.gguf", "format": "gguf", "layer": 0, "hidden": True})
    ),
    "unread": Image(profile=found("unread", {"path": "/var/lib/rpm/Packages", "reason": "an old database"})),
    "unread-renamed": Image(profile=found("unread", {"path": "/a b\\x1b", "reason": "no text"})),
}
"""By nickname; the digest is that of the name, as there is no registry here."""


def name_of(nickname: str) -> str:
    """As people call it."""
    return f"registry.example.com/serving/{nickname}:1"


def digest_of(nickname: str) -> str:
    """Its digest."""
    return f"sha256:{hashlib.sha256(name_of(nickname).encode()).hexdigest()}"
