"""Who signed an envelope, and since when that is known: keys by their signatures, keyless signers by certificates.

A key's signature alone proves no time. A time is looked for only where trust makes something depend on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from weighbridge import keys
from weighbridge.catalogue.keyless import PUBLIC
from weighbridge.evidence import dsse
from weighbridge.evidence.keyless import KeylessVerifier
from weighbridge.evidence.timestamps import key_time_ns
from weighbridge.evidence.trusted_root import Root

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weighbridge.evidence.context import Context
    from weighbridge.evidence.dsse import Envelope


@dataclass(frozen=True)
class Signed:
    """One signer's signature on one envelope; under several names if trust has several for it."""

    names: tuple[str, ...]
    fingerprint: str
    proven_ns: int | None
    """The earliest verified time at which the signature existed; None if none was looked for, or found."""
    unproven: str = ""
    """Why there is no such time."""
    compromised_ns: int | None = None
    """From when on the signer is compromised."""

    def objection(self) -> str:
        """Why the signature counts for nothing; "" if it counts."""
        if self.compromised_ns is None or (self.proven_ns is not None and self.proven_ns < self.compromised_ns):
            return ""
        called = ", ".join(self.names)
        if self.proven_ns is None:
            return f"signed by {called}, whose key is compromised; {self.unproven}"
        return f"signed by {called}, but after it was compromised"


class Signatures:
    """Finds the signers of envelopes with the keys, identities and roots of one context; made once a process."""

    def __init__(self, context: Context) -> None:
        self._context = context
        loaded = {print_: keys.load_public_key(pem.encode(), print_) for print_, pem in context.pems.items()}
        self._ring = dsse.KeyRing(loaded)
        self._roots = {name: Root(data, f"trust.sigstore.{name}") for name, data in context.roots.items()}
        shipped = PUBLIC if context.shipped_root else ""
        self._keyless = KeylessVerifier(context.keyless, self._roots, shipped)

    def of(self, envelope: Envelope, likely: Sequence[str] = ()) -> list[Signed]:
        """Every signer that trust names and that signed exactly this payload under exactly this payload type.

        Args:
            envelope: what was read.
            likely: fingerprints of keys to try first.

        Raises:
            ValueError: nobody whom trust names has signed it; with the reason.
        """
        if envelope.keyless:
            return self._certified(envelope)
        found = dsse.signers_of(envelope, self._ring, likely)
        if not found:
            raise ValueError("no key that trust.signers names has signed it")
        return [self._by_key(envelope, *each) for each in found.items()]

    def _certified(self, envelope: Envelope) -> list[Signed]:
        certified = self._keyless.verify(envelope)
        names: dict[str, list[str]] = {}
        for signer in certified.signers:
            names.setdefault(signer.keyless.fingerprint, []).append(signer.name)
        return [
            Signed(tuple(sorted(given)), print_, certified.time_ns, compromised_ns=certified.compromised_ns)
            for print_, given in sorted(names.items())
        ]

    def _by_key(self, envelope: Envelope, fingerprint: str, signature: dsse.Signature) -> Signed:
        names = self._context.names[fingerprint]
        compromised_ns = self._context.compromised.get(fingerprint)
        if fingerprint not in self._context.timed:
            return Signed(names, fingerprint, None)
        reasons: list[str] = []
        for name, root in self._roots.items():
            try:
                proven_ns = key_time_ns(envelope, signature, self._ring.keys[fingerprint], root)
            except ValueError as error:
                reasons.append(str(error) if envelope.material is None else f"{error} (trusted root `{name}`)")
            else:
                return Signed(names, fingerprint, proven_ns, compromised_ns=compromised_ns)
        return Signed(names, fingerprint, None, "; ".join(dict.fromkeys(reasons)), compromised_ns)
