"""A real HSM for tests: SoftHSM2 through PKCS#11, with its token in a temporary folder."""

from __future__ import annotations

import os
import textwrap
from contextlib import contextmanager
from typing import TYPE_CHECKING
from unittest import mock

from .conftest import BIN, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MODULE = "/usr/lib/softhsm/libsofthsm2.so"
PIN = "12345678"
MAKE = """
    import pkcs11
    from pkcs11.util.ec import encode_named_curve_parameters
    token = pkcs11.lib("{module}").get_token(token_label="release token")
    with token.open(user_pin="{pin}", rw=True) as session:
        for number, curve in ((1, "secp256r1"), (2, "secp384r1"), (4, "secp256r1"), (6, "secp521r1")):
            parameters = {{pkcs11.Attribute.EC_PARAMS: encode_named_curve_parameters(curve)}}
            made = session.create_domain_parameters(pkcs11.KeyType.EC, parameters, local=True)
            made.generate_keypair(store=True, id=bytes([number]), label=curve)
        session.generate_keypair(pkcs11.KeyType.RSA, 2048, store=True, id=b"\\3", label="rsa")
"""
"""Keys 1 (P-256), 2 (P-384), 3 (RSA), 4 (P-256), 6 (P-521)."""


@contextmanager
def hsm_token(folder: Path) -> Iterator[dict[str, str]]:
    """Two tokens, of which `release token` holds the keys; gives the environment in which they are found."""
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\n")
    environment = {"SOFTHSM2_CONF": str(folder / "softhsm2.conf"), "PYKCS11LIB": MODULE, "WEIGHBRIDGE_HSM_PIN": PIN}
    for label in ("release token", "another"):
        made = ("--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", "87654321")
        result = run("softhsm2-util", *made, cwd=folder, **environment)
        assert result.returncode == 0, result.stderr
    script = textwrap.dedent(MAKE.format(module=MODULE, pin=PIN))
    result = run(BIN / "python", "-c", script, cwd=folder, **environment)
    assert result.returncode == 0, result.stderr
    with mock.patch.dict(os.environ, environment):
        yield environment
