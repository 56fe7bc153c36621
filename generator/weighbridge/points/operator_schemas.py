"""What rules look at in the objects of serving operators, and in how pods mount what they load.

Sources: the API types of KServe, Ray, NVIDIA's NIM operator and Seldon Core.
"""

from __future__ import annotations

from weighbridge.points.schema_parts import ANY, Schema, loose, loose_list

MOUNTS: Schema = loose_list(
    **dict.fromkeys(("name", "mountPath", "readOnly", "subPath", "subPathExpr", "devicePath"), ANY)
)
"""`volumeMounts` and `volumeDevices` of a container."""
CLAIM: Schema = loose(readOnly=ANY)
"""A volume's `persistentVolumeClaim`."""
FIELDS: dict[str, Schema] = {
    "image": loose(repository=ANY, tag=ANY),
    "source": loose(hf=loose(modelPuller=ANY)),
    "predictors": loose_list(componentSpecs=ANY, graph=loose(implementation=ANY)),
}
"""Keys of an operator's `spec`."""
