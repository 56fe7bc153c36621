"""Sigstore's trusted roots: which certificate, log and timestamp authorities count, and each from when to when.

`sigstore` itself accepts an authority for ever, also after its end: a log key that was retired because it leaked would
go on vouching. So a root is cut down to what counted at the times in question before anything is verified with it.

Source: `TrustedRoot` of sigstore/protobuf-specs, sigstore_trustroot.proto.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weighbridge.canonical import canonical, parse_json
from weighbridge.catalogue.names import NEVER_NS, parse_time_ns
from weighbridge.errors import InputError

if TYPE_CHECKING:
    from sigstore.models import TrustedRoot
    from sigstore.verify import Verifier

MEDIA_TYPE = "application/vnd.dev.sigstore.trustedroot+json;version=0.1"
MAX_AUTHORITIES = 64
"""Authorities of one kind in one root."""
_SHIPPED = ("_store", "https%3A%2F%2Ftuf-repo-cdn.sigstore.dev", "trusted_root.json")
_KINDS = {
    "certificateAuthorities": ("certificate authority", True),
    "tlogs": ("transparency log", True),
    "ctlogs": ("certificate transparency log", True),
    "timestampAuthorities": ("timestamp authority", False),
}
_FIX = "Write the `trusted_root.json` of your Sigstore instance there, as `cosign trusted-root create` makes it."


def shipped_root() -> bytes:
    """The public instance's trusted root as the installed `sigstore` carries it, without importing that."""
    found = importlib.util.find_spec("sigstore")
    assert found is not None  # noqa: S101 -- a dependency of ours
    assert found.origin is not None  # noqa: S101 -- it is no namespace package
    return Path(found.origin).parent.joinpath(*_SHIPPED).read_bytes()


def library_version() -> str:
    """The version of the installed `sigstore`."""
    return importlib.metadata.version("sigstore")


def require_root(data: bytes, file: str) -> None:
    """Demand that `sigstore` can use these bytes as a trusted root.

    Raises:
        InputError: of another form or version, or without an authority of a kind that verifying needs.
    """
    root = Root(data, file)
    try:
        root.verifier(frozenset())
    except ValueError as error:
        raise InputError.single(file, f"is a trusted root that cannot be used: {error}", _FIX) from error


@dataclass(frozen=True)
class _Authority:
    kind: str
    document: dict[str, Any]
    start_ns: int
    end_ns: int

    def counts_at(self, time_ns: int) -> bool:
        return self.start_ns <= time_ns <= self.end_ns


@dataclass
class Root:
    """A trusted root, cut down and loaded once for each set of authorities that is asked for."""

    data: bytes
    file: str
    _loaded: dict[frozenset[int], tuple[TrustedRoot, Verifier]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Read it.

        Raises:
            InputError: not of the form of a trusted root.
        """
        document = parse_json(self.data, self.file)
        if not isinstance(document, dict) or document.get("mediaType") != MEDIA_TYPE:
            raise InputError.single(self.file, f"is no trusted root: its mediaType is not {MEDIA_TYPE}", _FIX)
        self._authorities = [
            _authority(kind, entry, f"{kind}[{index}]", self.file)
            for kind in _KINDS
            for index, entry in enumerate(_listed(document, kind, self.file))
        ]

    def trusted(self, times: frozenset[int]) -> TrustedRoot:
        """The root, with only what counted at every one of these times (nanoseconds).

        Raises:
            ValueError: nothing of some needed kind did.
        """
        return self._at(times)[0]

    def verifier(self, times: frozenset[int]) -> Verifier:
        """A verifier with only what counted at every one of these times (nanoseconds).

        Raises:
            ValueError: nothing of some needed kind did.
        """
        return self._at(times)[1]

    def require_log(self, entry: Any, times: frozenset[int]) -> None:
        """Demand that an entry names a log of the root that counted at these times.

        `sigstore` tries every key of the root where it does not know the log that an entry names.

        Raises:
            ValueError: it names another.
        """
        named = entry.get("logId") if isinstance(entry, dict) else None
        logs = [given.document for given in self._counting(times) if given.kind == "tlogs"]
        known = [log[key] for log in logs for key in ("logId", "checkpointKeyId") if log.get(key)]
        if not named or named not in known:
            raise ValueError("its log entry is of a log that the root does not name, or not for that time")

    def _counting(self, times: frozenset[int]) -> list[_Authority]:
        return [given for given in self._authorities if all(given.counts_at(time_ns) for time_ns in times)]

    def _at(self, times: frozenset[int]) -> tuple[TrustedRoot, Verifier]:
        counting = self._counting(times)
        key = frozenset(map(id, counting))
        if key not in self._loaded:
            self._loaded[key] = self._cut(counting)
        return self._loaded[key]

    def _cut(self, counting: list[_Authority]) -> tuple[TrustedRoot, Verifier]:
        kept: dict[str, Any] = {kind: [] for kind in _KINDS}
        for authority in counting:
            kept[authority.kind].append(authority.document)
        for kind, (called, needed) in _KINDS.items():
            if needed and not kept[kind]:
                raise ValueError(f"{self.file} has no {called} that counted then")
        return _load(canonical({"mediaType": MEDIA_TYPE, **kept}))


def _listed(document: dict[str, Any], kind: str, file: str) -> list[Any]:
    listed = document.get(kind, [])
    called, needed = _KINDS[kind]
    if not isinstance(listed, list) or len(listed) > MAX_AUTHORITIES or (needed and not listed):
        raise InputError.single(file, f"names no {called}, or more than {MAX_AUTHORITIES}", _FIX, field=kind)
    return listed


def _authority(kind: str, entry: Any, field_name: str, file: str) -> _Authority:
    try:
        period = entry["validFor"] if kind.endswith("Authorities") else entry["publicKey"]["validFor"]
        end = NEVER_NS if period.get("end") is None else parse_time_ns(period["end"])
        return _Authority(kind, entry, parse_time_ns(period["start"]), end)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        message = "does not say from when to when it counts (validFor)"
        raise InputError.single(file, message, _FIX, field=field_name) from error


def _load(text: bytes) -> tuple[TrustedRoot, Verifier]:
    from sigstore.models import TrustedRoot  # noqa: PLC0415 -- a third of a second, for who has keyless signers
    from sigstore.verify import Verifier  # noqa: PLC0415 -- the same
    from sigstore_models.trustroot.v1 import TrustedRoot as Document  # noqa: PLC0415 -- the same

    try:
        root = TrustedRoot(Document.from_json(text))
        # What verifying would ask for later is asked for now, so that a root that lacks it is told as such.
        root.get_timestamp_authorities()
        return root, Verifier(trusted_root=root)
    except Exception as error:
        # Whatever the library makes of a foreign document, the answer is that it cannot be used.
        raise ValueError(f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"[:300]) from error
