"""From what the user wrote to a mirror: `dir:/path`, `s3://bucket/prefix?endpoint=…&region=…`, `oci://host/repository`.

Credentials are never part of it: for an object store they come from where AWS's tools find them, for a registry from
Docker's or Podman's configuration.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, parse_qsl, urlsplit

from weighbridge.catalogue.source import display
from weighbridge.control.mirror.mirror import PACE, Mirror
from weighbridge.errors import InputError, Problem
from weighbridge.oci.reference import SCHEME, is_loopback, parse_reference

if TYPE_CHECKING:
    from weighbridge.control.mirror.mirror import Pace
    from weighbridge.control.mirror.place import Place

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\Z")
_PREFIX = re.compile(r"(?:/+|(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)*/?)\Z")
_REGION = re.compile(r"[a-z0-9-]{1,40}\Z")
_FIELD = "mirror"
_FORMS = "Write dir:/path, s3://bucket/prefix?region=…&endpoint=https://…, or oci://host/repository."
_SECRET = "Leave credentials out: they come from where AWS's own tools, or Docker's, find them."  # noqa: S105 -- it is the opposite of one


def targets(spec: str, pace: Pace = PACE) -> Mirror:
    """The mirror that a user named.

    Args:
        spec: `dir:/path`, `s3://bucket/prefix?endpoint=…&region=…` or `oci://host[:port]/repository`.
        pace: how patient it is.

    Raises:
        InputError: of no such form; a folder that is not there; a registry's credentials that cannot be read.
    """
    scheme = spec.partition(":")[0]
    if scheme == "dir":
        return Mirror(_folder(spec), pace)
    if "@" in spec:  # the value is not repeated: it may well hold a password
        raise InputError.single("", f"{display(scheme)[:20]}: holds credentials", _SECRET, field=_FIELD)
    if spec.startswith("s3://"):
        return Mirror(_bucket(spec), pace)
    if spec.startswith(SCHEME):
        return Mirror(_repository(spec), pace)
    raise InputError.single("", f"{display(scheme)[:20]!r} is no kind of mirror", _FORMS, field=_FIELD)


def _folder(spec: str) -> Place:
    from weighbridge.control.mirror.folder import Folder  # noqa: PLC0415 -- one of three, each with its own libraries

    path = Path(spec.removeprefix("dir:"))
    if not path.is_absolute() or path.is_symlink() or not path.is_dir():
        message = f"{display(str(path))} is no folder, named by its absolute path"
        raise InputError.single("", message, "Make it first, and name it itself, not a link to it.", field=_FIELD)
    return Folder(spec, path)


def _bucket(spec: str) -> Place:
    from weighbridge.control.mirror.bucket import Bucket  # noqa: PLC0415 -- brings boto3

    try:
        parts = urlsplit(spec)
        pairs = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError as error:
        raise InputError.single("", "s3: cannot be read", _FORMS, field=_FIELD) from error
    wrong = [Problem("", field=_FIELD, message=f"s3: {what}", fix=fix) for what, fix in _faults(parts, pairs)]
    if wrong:
        raise InputError(wrong)
    options = dict(pairs)
    return Bucket(parts.netloc, parts.path.strip("/"), endpoint=options.get("endpoint"), region=options.get("region"))


def _faults(parts: SplitResult, pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    options = dict(pairs)
    checks = [
        (bool(_BUCKET.match(parts.netloc)), "names no bucket", _FORMS),
        (bool(_PREFIX.match(parts.path)) and not parts.fragment, "has a prefix that is none", _FORMS),
        (options.keys() <= {"endpoint", "region"}, "has options other than endpoint and region", _SECRET),
        (len(options) == len(pairs), "has an option twice", _FORMS),
        (bool(_REGION.match(options.get("region", "none"))), "names no region", _FORMS),
        (_is_endpoint(options.get("endpoint", "https://none")), "has an endpoint that is no https:// address", _FORMS),
    ]
    return [(what, fix) for fine, what, fix in checks if not fine]


def _is_endpoint(endpoint: str) -> bool:
    """An address with TLS, or one of this machine, and nothing but scheme, host and port."""
    try:
        parts = urlsplit(endpoint)
    except ValueError:
        return False
    bare = bool(parts.hostname) and parts.path in {"", "/"} and not (parts.query or parts.fragment)
    return bare and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.netloc)))


def _repository(spec: str) -> Place:
    from weighbridge.control.mirror.repository import Repository  # noqa: PLC0415 -- one of three

    named = parse_reference(spec)
    if named.reference is not None:
        fix = "Write oci://host/repository: every environment and point has its own tag."
        raise InputError.single("", f"{display(spec)} names a tag", fix, field=_FIELD)
    return Repository(spec, named.host, named.repository)
