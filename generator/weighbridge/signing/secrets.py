"""Passwords and PINs: from the environment, or typed on a terminal; never from an argument, where everybody sees it."""

from __future__ import annotations

import getpass
import os
import sys
from typing import TYPE_CHECKING

from weighbridge.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

PASSWORD_VARIABLES = ("WEIGHBRIDGE_KEY_PASSWORD", "COSIGN_PASSWORD")
"""Where the password of an encrypted key is looked for, in this order; an empty one counts, as with cosign."""
PIN_VARIABLES = ("WEIGHBRIDGE_HSM_PIN",)
"""Where the PIN of an HSM is looked for."""


def key_password(source: str) -> bytes:
    """The password of the encrypted key `source`.

    Raises:
        InputError: none in the environment, and no terminal to ask on.
    """
    return _secret(source, "password", PASSWORD_VARIABLES, "is encrypted, and no password was given").encode()


def hsm_pin(source: str) -> str:
    """The user PIN of the token that holds the key `source`.

    Raises:
        InputError: none in the environment, and no terminal to ask on.
    """
    return _secret(source, "PIN", PIN_VARIABLES, "needs a PIN, and none was given")


def _secret(source: str, what: str, variables: Sequence[str], missing: str) -> str:
    for variable in variables:
        if variable in os.environ:
            return os.environ[variable]
    if sys.stdin is not None and sys.stdin.isatty():
        return getpass.getpass(f"{what[0].upper()}{what[1:]} of {source}: ")
    raise InputError.single(source, missing, f"Set {' or '.join(variables)}, or run this on a terminal.")
