"""One dependency, and its package URL (https://github.com/package-url/purl-spec)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from packageurl import PackageURL

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_PACKAGES = 20_000
"""Most packages of one model."""
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,198}[A-Za-z0-9])?")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+!_-]{0,99}")


@dataclass(frozen=True)
class Dependency:
    """A package, with its version where a file pins it."""

    kind: str
    """`pypi` or `conda`."""
    name: str
    version: str = ""
    """Empty: any, or a range."""
    sha256: frozenset[str] = frozenset()
    """Bare hexadecimal hashes of its files, where a file gives them."""

    @property
    def purl(self) -> str:
        """The package URL; a hash is in it where there is exactly one: of several nobody knows which is installed."""
        qualifiers = {"checksum": f"sha256:{next(iter(self.sha256))}"} if len(self.sha256) == 1 else {}
        return PackageURL(self.kind, None, self.name, self.version or None, qualifiers).to_string()


@dataclass
class Read:
    """What one file says."""

    packages: list[Dependency] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    cuda: list[str] = field(default_factory=list)
    """Versions of CUDA that it names outside of packages, such as PyTorch's index `cu121`."""

    def add(self, kind: str, name: str, version: str = "", sha256: Iterable[str] = ()) -> None:
        """Note a package; what is no name or no version becomes a finding."""
        if len(self.packages) >= MAX_PACKAGES:
            self.findings = [*self.findings[:50], f"names more than {MAX_PACKAGES:,} packages; the rest is not listed"]
            return
        if not _NAME.fullmatch(name) or (version and not _VERSION.fullmatch(version)):
            self.findings.append(f"names a package that is none: {f'{name} {version}'.strip()[:100]!r}")
            return
        hashes = frozenset(value.lower() for value in sha256 if re.fullmatch(r"[0-9A-Fa-f]{64}", value))
        self.packages.append(Dependency(kind, canonical_name(kind, name), version, hashes))


def canonical_name(kind: str, name: str) -> str:
    """The name as its index compares it: PyPI's as PEP 503 says, conda's in lower case."""
    return re.sub(r"[-_.]+", "-", name).lower() if kind == "pypi" else name.lower()


def merged(packages: Iterable[Dependency]) -> list[Dependency]:
    """Each package once, with the hashes of all; without a version only where no file pins one. Sorted."""
    pinned: dict[tuple[str, str, str], frozenset[str]] = {}
    for package in packages:
        key = (package.kind, package.name, package.version)
        pinned[key] = pinned.get(key, frozenset()) | package.sha256
    known = {(kind, name) for kind, name, version in pinned if version}
    kept = [key for key in sorted(pinned) if key[2] or (key[0], key[1]) not in known]
    return [Dependency(*key, pinned[key]) for key in kept]
