"""The options that say who signs a statement: keys, or a keyless identity."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from weighbridge.cli import options
from weighbridge.errors import InputError
from weighbridge.evidence.keyless_sign import identity_token, sign_statement
from weighbridge.evidence.write import statement_payload, write_attestation
from weighbridge.keys import fingerprint, load_private_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from weighbridge.keys import PrivateKey

_OPTIONS = (
    click.option(
        "--key", "key_sources", multiple=True, metavar="K", help=f"Signs it: {options.PRIVATE_KEY}; repeatable."
    ),
    click.option("--keyless", is_flag=True, help="Sign by the identity that this CI run has, with Sigstore."),
    click.option("--identity-token", metavar="T", help="An OIDC token to sign keyless with: a file, or env:NAME."),
    click.option(
        "--sigstore-config",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="The client trust configuration of a private Sigstore instance.",
    ),
)


@dataclass(frozen=True)
class Signers:
    """The options as they were given, consistent."""

    key_sources: tuple[str, ...]
    keyless: bool
    identity_token: str | None
    sigstore_config: Path | None

    def __post_init__(self) -> None:
        """Refuse what contradicts itself.

        Raises:
            InputError: neither keys nor keyless, both, or options of the one with the other.
        """
        if self.keyless == bool(self.key_sources):
            fix = "Give --key, or --keyless."
            raise InputError.single("", "needs either a key or --keyless", fix, field="--key")
        if not self.keyless and (self.identity_token is not None or self.sigstore_config is not None):
            field = "--sigstore-config" if self.identity_token is None else "--identity-token"
            raise InputError.single("", "is for keyless signing", "Add --keyless, or leave it out.", field=field)

    def load(self) -> list[PrivateKey]:
        """The keys, each once, before any other work, so that what is missing shows at once; none if keyless.

        Raises:
            InputError: a key or the token cannot be had.
        """
        if self.keyless:
            identity_token(self.identity_token)
        return list({fingerprint(key.public_key()): key for key in map(load_private_key, self.key_sources)}.values())

    def write(
        self,
        keys: list[PrivateKey],
        predicate_type: str,
        predicate: dict[str, Any],
        subject: tuple[str, str],
        file: str,
    ) -> tuple[bytes, list[str]]:
        """The signed statement, and who signed it: fingerprints, or identity and issuer.

        Args:
            keys: what `load` returned.
            predicate_type: a URI.
            predicate: as it was read.
            subject: its name and `sha256:<hex>`.
            file: the predicate's, for the error.

        Raises:
            InputError: see `write_attestation`; or the keyless identity cannot be had.
            EngineError: Sigstore's services failed.
        """
        if not self.keyless:
            signed_by = sorted(fingerprint(key.public_key()) for key in keys)
            return write_attestation(predicate_type, predicate, subject, keys, file), signed_by
        payload = statement_payload(predicate_type, predicate, subject, file)
        signed = sign_statement(payload, token_source=self.identity_token, configuration=self.sigstore_config)
        return signed.data, [f"{signed.certificate.identity} (issuer {signed.certificate.issuer})"]


def signer_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options; the command gets them as keyword arguments, to be put into `Signers`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
