r"""Compiles the committed example into `bundles/example`: the same bytes on every machine, which CI compares.

It is what this command does, without its cache:

    weighbridge compile examples/catalogue --root examples/keys/example-only-root.pub --require-signed-trust \
      --release-key examples/keys/example-only-release.pem --live-key examples/keys/example-only-live.pem \
      --at 2026-01-15T00:00:00Z --allow-example-keys --output bundles/example
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from build import AT
from weighbridge.bundle.compile import CompileOptions, compile_catalogue
from weighbridge.catalogue.names import parse_time_ns
from weighbridge.errors import WeighbridgeError
from weighbridge.keys import load_private_key

EXAMPLES = Path(__file__).resolve().parent
KEYS = EXAMPLES / "keys"


def main() -> None:
    """Compile into the checkout, or into another folder for comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=EXAMPLES.parent / "bundles" / "example")
    options = CompileOptions(
        output=parser.parse_args().output,
        release_key=load_private_key(str(KEYS / "example-only-release.pem")),
        live_key=load_private_key(str(KEYS / "example-only-live.pem")),
        root_key=KEYS / "example-only-root.pub",
        require_signed_trust=True,
        at_ns=parse_time_ns(AT),
        allow_example_keys=True,
    )
    try:
        compile_catalogue(EXAMPLES / "catalogue", options)
    except WeighbridgeError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
