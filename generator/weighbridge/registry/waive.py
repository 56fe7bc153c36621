"""Writing a waiver: what is asked for becomes a predicate, and what is signed is read as the next compile will.

Order of steps: put the predicate together and refuse what could not count; the caller signs it; then `check_signed`
reads it back with the catalogue's trust, so that nothing is written that would fail the next compile.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from weighbridge.catalogue.catalogue import EvidenceFile
from weighbridge.catalogue.names import DIGEST_PATTERN, format_time
from weighbridge.catalogue.tree import WAIVERS
from weighbridge.catalogue.undefined import undefined
from weighbridge.catalogue.validation import validate
from weighbridge.errors import InputError, Problem
from weighbridge.evidence.predicates import WAIVER, WaiverPredicate
from weighbridge.evidence.write import own_subject
from weighbridge.registry.waivers import check_waiver, read_waivers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weighbridge.catalogue.catalogue import Catalogue
    from weighbridge.registry.waivers import Waiver

_DIGEST = re.compile(DIGEST_PATTERN)
_POD_KINDS = frozenset(
    {
        "CronJob",
        "DaemonSet",
        "Deployment",
        "Job",
        "Pod",
        "PodTemplate",
        "ReplicaSet",
        "ReplicationController",
        "StatefulSet",
    }
)


@dataclass(frozen=True)
class Request:
    """What somebody asks to be waived."""

    codes: tuple[str, ...]
    environment: str
    reason: str
    not_before: int
    """Nanoseconds."""
    not_after: int
    """Nanoseconds."""
    version: str | None = None
    """`<model>@<version>`, whose artifact it is about; or else a workload:"""
    workload: str | None = None
    """`<namespace>/<kind>/<name>`."""
    images: tuple[str, ...] = ()
    """Digests, or references that end in one."""


def waiver_predicate(catalogue: Catalogue, request: Request) -> dict[str, Any]:
    """The predicate to be signed.

    Raises:
        InputError: with everything for which it would not count.
    """
    predicate = {
        "codes": list(request.codes),
        "environment": request.environment,
        "scope": _scope(catalogue, request),
        "reason": request.reason,
        "not_before": format_time(request.not_before),
        "not_after": format_time(request.not_after),
    }
    document = validate(WaiverPredicate, predicate, "")
    problems = list(check_waiver(document, "", catalogue.configuration.environments))
    if problems:
        raise InputError(problems)
    return predicate


def check_signed(
    catalogue: Catalogue, predicate: dict[str, Any], data: bytes, at_ns: int
) -> tuple[EvidenceFile, Waiver]:
    """The file as it will lie in the catalogue, under a name that is free, and what it means there.

    Raises:
        InputError: it would count for nothing, such as by somebody who may not waive that.
    """
    digest = own_subject(WAIVER, predicate, "")[1].removeprefix("sha256:")
    stem = f"{predicate['environment']}-{predicate['codes'][0].lower()}-{digest[:12]}"
    file = EvidenceFile(f"{WAIVERS}/{stem}.json", data)
    if file.path in {known.path for known in catalogue.waivers}:
        raise InputError.single(file.path, "says the same already", "Give another end or reason, or leave it.")
    try:
        (waiver,) = read_waivers(replace(catalogue, waivers=(file,)), at_ns)
    except InputError as error:
        fix = "Sign with a key that counts, of somebody whose `waives` names every code. Nothing was written."
        raise InputError(replace(problem, file="", fix=fix) for problem in error.problems) from error
    if waiver.state(at_ns) == "expired":
        raise InputError.single("", "would have ended before it began to count", "Choose a later end.", field="--until")
    return file, waiver


def _scope(catalogue: Catalogue, request: Request) -> dict[str, Any]:
    if (request.version is None) == (request.workload is None):
        raise InputError.single(
            "", "needs --model or --workload, and not both", "Say what it is about.", field="--model"
        )
    if request.version is not None:
        if request.images:
            raise InputError.single(
                "", "belongs to --workload", "An artifact says which images serve it.", field="--image"
            )
        version = catalogue.versions.get(request.version)
        if version is None:
            message, fix = undefined(request.version, "version", catalogue.versions)
            raise InputError.single("", message, fix, field="--model")
        return {"artifact": version.artifact_digest}
    return _workload(request.workload or "", request.images)


def _workload(workload: str, references: Sequence[str]) -> dict[str, Any]:
    problems: list[Problem] = []
    parts = workload.split("/")
    if len(parts) != 3 or not all(parts):
        message = f"is {workload!a:.100}, which names no workload"
        problems.append(Problem("", field="--workload", message=message, fix="Write namespace/kind/name."))
    images = [reference.rpartition("@")[2] for reference in references]
    for reference, image in zip(references, images, strict=True):
        if not _DIGEST.fullmatch(image):
            message = f"is {reference!a:.100}, which names no digest"
            fix = "Write `sha256:` and 64 hexadecimal digits, or an image with it behind `@`."
            problems.append(Problem("", field="--image", message=message, fix=fix))
    if not images and len(parts) == 3 and parts[1] in _POD_KINDS:
        message = f"is missing: a {parts[1]} runs images, and the waiver would not hold for them"
        problems.append(
            Problem("", field="--image", message=message, fix="Name the digest of each image that it runs.")
        )
    if problems:
        raise InputError(problems)
    namespace, kind, name = parts
    return {"namespace": namespace, "kind": kind, "name": name, **({"images": sorted(set(images))} if images else {})}
