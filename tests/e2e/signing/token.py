"""A real HSM for tests: SoftHSM2 through PKCS#11.

Its library reads its settings once a process, so all tests of a process share one token.
"""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import tempfile
import textwrap
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

from cryptography.hazmat.primitives.asymmetric import ec

from .conftest import BIN, private_pem, run

if TYPE_CHECKING:
    from collections.abc import Iterator

MODULE = "/usr/lib/softhsm/libsofthsm2.so"
PIN = "12345678"
IMPORTED = ec.generate_private_key(ec.SECP256R1())
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
"""Keys 1 (P-256), 2 (P-384), 3 (RSA), 4 (P-256), 6 (P-521); 5 is imported."""


def uri(number: int) -> str:
    """What `--key` takes for a key of the token."""
    return f"hsm:{number}?label=release+token"


@contextmanager
def hsm_token() -> Iterator[Path]:
    """The environment in which the token is found; gives the folder of its settings."""
    folder = _token()
    with mock.patch.dict(os.environ, _environment(folder)):
        yield folder


def _environment(folder: Path) -> dict[str, str]:
    return {"SOFTHSM2_CONF": str(folder / "softhsm2.conf"), "PYKCS11LIB": MODULE, "WEIGHBRIDGE_HSM_PIN": PIN}


@functools.cache
def _token() -> Path:
    """Two tokens, of which `release token` holds the keys."""
    folder = Path(tempfile.mkdtemp(prefix="softhsm-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    environment = _environment(folder)
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\n")
    (folder / "p8.pem").write_bytes(private_pem(IMPORTED))

    def util(*arguments: str | Path) -> None:
        result = run("softhsm2-util", *arguments, cwd=folder, **environment)
        assert result.returncode == 0, result.stderr

    for label in ("release token", "another"):
        util("--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", "87654321")
    script = textwrap.dedent(MAKE.format(module=MODULE, pin=PIN))
    result = run(BIN / "python", "-c", script, cwd=folder, **environment)
    assert result.returncode == 0, result.stderr
    util("--import", folder / "p8.pem", "--token", "release token", "--label", "imported", "--id", "05", "--pin", PIN)
    return folder
