"""Which builtins rules may call: ours, and a user's. Drawn from the pinned OPA, committed, compared in the tests.

`python -m weighbridge.engines.capabilities` writes both files anew after OPA was updated.
"""

from __future__ import annotations

import json
from typing import Any

from weighbridge import resources
from weighbridge.engines.opa import opa_command

_FORBIDDEN = (
    "crypto.x509.parse_and_verify_",  # compares with the engine's own clock
    "http.",
    "internal.print",
    "internal.test_case",
    "net.",
    "opa.runtime",  # reads the environment
    "print",
    "providers.",
    "rand.",
    "rego.",
    "trace",
    "uuid.",
)
"""What no rule may call, by the beginning of its name; beside it, everything that OPA itself calls nondeterministic."""
_OURS = frozenset({"time.now_ns"})
"""What only shipped rules may call: the points' clock stands in exactly one line of theirs."""


def capabilities(current: dict[str, Any], *, user: bool) -> dict[str, Any]:
    """A capabilities document for `opa check` and `opa build`, drawn from what an OPA can do.

    Args:
        current: what `opa capabilities --current` prints.
        user: for a user's rules, not for ours.
    """
    more = frozenset() if user else _OURS
    builtins = [
        {key: value for key, value in builtin.items() if key not in {"categories", "description"}}
        for builtin in current["builtins"]
        if builtin["name"] in more or not (builtin.get("nondeterministic") or builtin["name"].startswith(_FORBIDDEN))
    ]
    kept = {key: value for key, value in current.items() if key not in {"builtins", "wasm_abi_versions"}}
    return {**kept, "allow_net": [], "builtins": sorted(builtins, key=lambda builtin: str(builtin["name"]))}


def documents() -> dict[str, bytes]:
    """Both files by name, as they must lie in `policies/`.

    Raises:
        EngineError: OPA is missing.
    """
    current = json.loads(opa_command("capabilities", "--current"))
    return {
        name: (json.dumps(capabilities(current, user=user), indent=1, sort_keys=True) + "\n").encode()
        for name, user in (("capabilities.json", False), ("capabilities-user.json", True))
    }


def main() -> None:
    """Write both files."""
    for name, data in documents().items():
        (resources.policies() / name).write_bytes(data)


if __name__ == "__main__":
    main()
