"""What a mirror is given: the files of one environment as they are at one sequence, and in which order they go.

The paths are those that sidecars ask for below `/bundles/`, so that a static web server over the folder, or a bucket,
answers OPA's shipped configuration as it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

from weighbridge.canonical import sha256_hex
from weighbridge.catalogue.names import is_name

if TYPE_CHECKING:
    from collections.abc import Mapping

_VARIANT = r"(?:keys/(?P<key>[0-9a-f]{16})/)?"
_LIVE = re.compile(rf"(?P<environment>[^/]+)/{_VARIANT}live\.tar\.gz\Z")
_STATE = re.compile(rf"(?P<environment>[^/]+)/{_VARIANT}livestate\.jws\Z")
_RELEASE = re.compile(rf"(?P<environment>[^/]+)/(?P<point>[^/]+)/{_VARIANT}release\.tar\.gz\Z")
_LOG = re.compile(r"log/(?P<environment>[^/]+)\.jsonl\Z")


class Kind(IntEnum):
    """What a file is; its value is its place in the order of writing.

    The log comes first: no live bundle is ever there whose log is not. Live data comes before the release that it
    announces: the other way round, the new release would be refused as one that nobody announced.
    """

    LOG = 1
    STATE = 2
    LIVE = 3
    RELEASE = 4


_FORMS = ((Kind.LOG, _LOG), (Kind.STATE, _STATE), (Kind.LIVE, _LIVE), (Kind.RELEASE, _RELEASE))
_TYPES = {Kind.LOG: "application/jsonl", Kind.STATE: "application/jose"}
BUNDLE_TYPE = "application/gzip"
"""Never `application/vnd.openpolicyagent.bundles`: by that type a server promises to hold a request until there is
something new, and OPA asks one that does not without any pause."""


@dataclass(frozen=True)
class MirroredFile:
    """One file to be published."""

    path: str
    kind: Kind
    data: bytes = field(repr=False)
    point: str = ""
    """Of a release."""
    key: str = ""
    """First 16 digits of the fingerprint of the key that signed it, where several keys are in use."""

    @property
    def sha256(self) -> str:
        """Hex."""
        return sha256_hex(self.data)

    @property
    def media_type(self) -> str:
        """What a server should say that it is."""
        return _TYPES.get(self.kind, BUNDLE_TYPE)


@dataclass(frozen=True)
class Publication:
    """One environment at one sequence.

    Attributes:
        files: content by path: `<env>/live.tar.gz`, `<env>/livestate.jws`, `<env>/<point>/release.tar.gz`,
            `log/<env>.jsonl`, and, while keys are rotated, `<env>/keys/<fp16>/live.tar.gz`,
            `<env>/keys/<fp16>/livestate.jws` and `<env>/<point>/keys/<fp16>/release.tar.gz`.

    Raises:
        ValueError: a path of another form, or of another environment.
    """

    environment: str
    sequence: int
    """Of the live bundle; it speaks for the other files as well."""
    files: Mapping[str, bytes] = field(repr=False)

    def __post_init__(self) -> None:
        if not is_name(self.environment) or self.sequence < 1:
            raise ValueError(f"{self.environment!r} at {self.sequence} is nothing that could be published")
        self.in_order()

    def in_order(self) -> tuple[MirroredFile, ...]:
        """The files as they have to be written, one after the other."""
        files = [self._file(path, data) for path, data in self.files.items()]
        return tuple(sorted(files, key=lambda file: (file.kind, file.path)))

    def _file(self, path: str, data: bytes) -> MirroredFile:
        for kind, form in _FORMS:
            match = form.match(path)
            if match and match["environment"] == self.environment:
                named = match.groupdict()
                if all(is_name(part) for part in named.values() if part is not None):
                    return MirroredFile(path, kind, data, named.get("point") or "", named.get("key") or "")
        raise ValueError(f"{path!r} is no file of {self.environment} that is published")
