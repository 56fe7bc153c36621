"""The schema of `limits.accelerators`, and of the names in a manifest that the requirements `GPU` look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from weighbridge.catalogue.accelerators import Boundary, Meaning
from weighbridge.points.schema_parts import ANY, FLAG, TEXT, listing, mapping, record

if TYPE_CHECKING:
    from weighbridge.points.schema_parts import Schema

_MEANINGS: Schema = mapping({"type": "string", "enum": list(get_args(Meaning))})
_BOUNDARY: Schema = {"type": "string", "enum": list(get_args(Boundary))}

ACCELERATORS: Schema = record(
    isolation=listing(record(device={"type": "string", "enum": ["partition", "exclusive"]}, boundary=_BOUNDARY)),
    resources=_MEANINGS,
    device_classes=_MEANINGS,
    claim_templates=_MEANINGS,
    runtime_classes=mapping(_BOUNDARY),
    caches=record(per_tenant=FLAG, without=listing(TEXT)),
)
"""What an environment says of accelerators."""
FIELDS: dict[str, Schema] = dict.fromkeys(
    (
        # Of pods and their containers.
        *("resourceClaims", "resourceClaimName", "resourceClaimTemplateName", "claims", "runtimeClassName"),
        *("nodeSelector", "affinity", "key", "operator", "values", "path", "mountPath", "readOnly", "privileged"),
        # Of claims and device classes.
        *("devices", "deviceClassName", "exactly", "firstAvailable", "extendedResourceName"),
    ),
    ANY,
)
"""Every name that these rules look at, wherever in an object it stands."""
