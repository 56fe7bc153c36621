"""Rebuilds the committed example: the catalogue, its keys, the tenants' keys and `policies/example-keys.json`.

Everything follows from fixed keys, a fixed time and the `magika` package, so a rebuild changes nothing; CI checks that.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sys
import tempfile
from pathlib import Path

from builder.catalogue import Settings, build
from builder.material import NAMES, Material, private_pem, published
from builder.pods import write_pods
from builder.tenants import KEYS, secrets_yaml
from weighbridge.catalogue.names import parse_time_ns
from weighbridge.errors import WeighbridgeError
from weighbridge.keys import fingerprint, public_pem

AT = "2026-01-15T00:00:00Z"
"""The example's present."""
NOT_AFTER = "2036-01-01T00:00:00Z"
HERE = Path(__file__).resolve().parent
KEYS_README = """# Keys of the example

Everybody has these private keys: they prove nothing. Weighbridge refuses them (`policies/example-keys.json` lists their
fingerprints) unless `--allow-example-keys` says that it is about the example. Make your own with `weighbridge init`.
"""


def main() -> None:
    """Rebuild into the checkout, or into another folder for comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, help="write a copy there instead of into the checkout")
    output = parser.parse_args().output
    try:
        rebuild(output.resolve() if output else HERE.parent)
    except WeighbridgeError as error:
        sys.exit(f"error: {error}")


def rebuild(root: Path) -> None:
    """Write every generated file of the example below `root`, which is laid out like the checkout."""
    material = published()
    examples = root / "examples"
    examples.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".example-", dir=examples) as work:
        settings = Settings(parse_time_ns(AT), parse_time_ns(NOT_AFTER))
        packages = build(Path(work) / "catalogue", Path(work) / "models", material, settings)
        _write_keys(Path(work) / "keys", material)
        write_pods(Path(work) / "pods", packages)
        for name in ("catalogue", "keys", "pods"):
            shutil.rmtree(examples / name, ignore_errors=True)
            (Path(work) / name).rename(examples / name)
    (examples / "example-only-tenant-keys.yaml").write_text(secrets_yaml(material), "utf-8")
    (root / "policies").mkdir(exist_ok=True)
    (root / "policies" / "example-keys.json").write_text(_fingerprints(material), "utf-8")


def _write_keys(folder: Path, material: Material) -> None:
    folder.mkdir()
    (folder / "README.md").write_text(KEYS_README, "utf-8")
    for name in NAMES:
        key = material.keys[name]
        (folder / f"example-only-{name}.pem").write_bytes(private_pem(key))
        (folder / f"example-only-{name}.pub").write_text(public_pem(key.public_key()), "utf-8")


def _fingerprints(material: Material) -> str:
    document = {
        "keys": {fingerprint(material.keys[name].public_key()): f"example-only-{name}" for name in NAMES},
        "tenant_keys": {
            f"sha256:{hashlib.sha256(material.tenant_key(key.id).encode()).hexdigest()}": key.id for key in KEYS
        },
    }
    return json.dumps(document, indent=2) + "\n"


if __name__ == "__main__":
    main()
