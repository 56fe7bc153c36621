"""conftest's data in files of their own, so that one question need not read ten thousand records.

Plain conftest loads the whole folder and merges it; `weighbridge check` reads only the shards that its manifests can
mean. A record's shard follows from its name alone. All files lie flat: OPA's loader takes folders for parts of a path.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from weighbridge.canonical import sha256_hex

if TYPE_CHECKING:
    from collections.abc import Mapping

REST = "data.json"
"""The registry without its records."""
PREFIX = "records-"


def shard_file(name: str) -> str:
    """The file with the record of this name: one of 256, whatever the name holds."""
    return f"{PREFIX}{sha256_hex(name.encode('utf-8', 'surrogatepass'))[:2]}.json"


def sharded(registry: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """`data.weighbridge.registry` by file, which merged are the whole again. Shards without records are left out."""
    shards: dict[str, dict[str, Any]] = defaultdict(dict)
    for name, record in registry["records"].items():
        shards[shard_file(name)][name] = record
    rest = {REST: _data({**registry, "records": {}})}
    return rest | {file: _data({"records": records}) for file, records in sorted(shards.items())}


def _data(registry: Mapping[str, Any]) -> dict[str, Any]:
    return {"weighbridge": {"registry": dict(registry)}}
