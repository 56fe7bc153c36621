"""When a statement was made, by its signer's own word: each predicate type says it in a place of its own.

A predicate type is matched exactly: one with a trailing slash is another type, about which nothing is known.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from weighbridge.catalogue.names import parse_time_ns
from weighbridge.evidence.executable_content import EXECUTABLE_CONTENT
from weighbridge.evidence.predicates import (
    APPROVAL,
    EVALUATION,
    IMAGE_PROFILE,
    PACKAGE,
    PROMOTION,
    PUBLICATION,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

SLSA_V1 = "https://slsa.dev/provenance/v1"
SLSA_V02 = "https://slsa.dev/provenance/v0.2"
VULNS = "https://in-toto.io/attestation/vulns/v0.2"
_CYCLONEDX = re.compile(r"https://cyclonedx\.org/bom(/v?1\.[0-9])?\Z")
_SPDX = re.compile(r"https://spdx\.dev/Document(/v?(2\.3|3\.0(\.[0-9])?))?\Z")
_PLACES: dict[str, tuple[tuple[str, ...], ...]] = {
    PACKAGE: (("at",),),
    APPROVAL: (("at",),),
    PROMOTION: (("at",),),
    PUBLICATION: (("at",),),
    IMAGE_PROFILE: (("at",),),
    EXECUTABLE_CONTENT: (("at",),),
    EVALUATION: (("finished_at",),),
    SLSA_V1: (("runDetails", "metadata", "finishedOn"), ("runDetails", "metadata", "startedOn")),
    SLSA_V02: (("metadata", "buildFinishedOn"), ("metadata", "buildStartedOn")),
    VULNS: (("metadata", "scanFinishedOn"),),
}


def statement_time_ns(predicate_type: str, predicate: Mapping[str, Any]) -> int | None:
    """Nanoseconds since the epoch at which the statement was made, or None where it does not say.

    Raises:
        ValueError: it says, and that cannot be read.
    """
    if _SPDX.match(predicate_type):
        value = _spdx_created(predicate)
    elif _CYCLONEDX.match(predicate_type):
        value = _at(predicate, ("metadata", "timestamp"))
    else:
        found = (_at(predicate, place) for place in _PLACES.get(predicate_type, ()))
        value = next((given for given in found if given is not None), None)
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError("says its time in something that is no text")  # noqa: TRY004 -- the caller catches one kind
    return parse_time_ns(value)


def _at(value: Any, place: tuple[str, ...]) -> Any:
    for part in place:
        if not isinstance(value, dict):
            return None
        value = value.get(part)
    return value


def _spdx_created(predicate: Mapping[str, Any]) -> Any:
    graph = predicate.get("@graph")
    if graph is None:
        return _at(predicate, ("creationInfo", "created"))
    # SPDX 3: elements refer to a CreationInfo by its blank-node id, or hold it; the document's own counts.
    nodes = [node for node in graph if isinstance(node, dict)] if isinstance(graph, list) else []
    documents = [node for node in nodes if node.get("type") == "SpdxDocument"]
    if len(documents) != 1:
        raise ValueError("has no SpdxDocument, or several, so its time cannot be told")
    information = documents[0].get("creationInfo")
    if isinstance(information, str):
        named = [node for node in nodes if node.get("@id") == information]
        information = named[0] if len(named) == 1 else None
    return _at(information, ("created",))
