"""The live keys: one signs the log, each signs live bundles, so that the key can be replaced without a gap.

Called in threads, as a key may be in a device that takes its time. A device that refuses is told, and asked again.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from weighbridge.bundle.live import live_bundle, live_document, live_revision, livestate_jws
from weighbridge.control.entry import sign_entry
from weighbridge.control.ledger import LIVE_FILE, STATE_FILE
from weighbridge.control.receipt import Publication
from weighbridge.control.state import bundle_metadata, live_state, next_sequence
from weighbridge.control.store.published import StoredPublication
from weighbridge.errors import InputError
from weighbridge.keys import fingerprint, short_fingerprint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weighbridge.control.entry import Content, Entry
    from weighbridge.control.state import State
    from weighbridge.control.store.published import FileKey
    from weighbridge.keys import PrivateKey

_LOG = logging.getLogger(__name__)


class Signer:
    """Signs what the control plane says.

    Args:
        keys: the live keys, at least one.
        pss: PS256 instead of RS256 for RSA keys.

    Attributes:
        failure: why a key did not sign the last time; "" if all did.
    """

    def __init__(self, keys: Sequence[PrivateKey], *, pss: bool) -> None:
        if not keys:
            raise InputError.single("", "no live key is given", "Name one with --live-key.")
        self._keys = tuple(keys)
        self._pss = pss
        self.names = tuple(short_fingerprint(fingerprint(key.public_key())) for key in keys)
        self.failure = ""

    def entry(self, content: Content, state: State, at_ns: int) -> Entry:
        """The next entry of a log.

        Raises:
            InputError: the key does not sign.
        """
        try:
            signed = sign_entry(
                content, self._keys[0], environment=state.environment, head=state.head, at_ns=at_ns, pss=self._pss
            )
        except InputError as error:
            self._failed(error)
            raise
        self.failure = ""
        return signed

    def publication(self, state: State, *, after: int, at_ns: int) -> StoredPublication:
        """The next live bundle, by each key, with what it says for clusters.

        Args:
            state: what it is made from.
            after: sequence of the one before.
            at_ns: now.

        Raises:
            InputError: a key does not sign.
        """
        live = live_state(state, sequence=next_sequence(after, at_ns), issued_at_ns=at_ns)
        document, metadata = live_document(live), bundle_metadata(state)
        files: dict[FileKey, bytes] = {}
        try:
            for name, key in zip(self.names, self._keys, strict=True):
                files[name, LIVE_FILE] = live_bundle(document, key, metadata=metadata, pss=self._pss)
                files[name, STATE_FILE] = livestate_jws(live, key, pss=self._pss).encode()
        except InputError as error:
            self._failed(error)
            raise
        self.failure = ""
        first = self.names[0]
        files |= {("", name): files[first, name] for name in (LIVE_FILE, STATE_FILE)}
        publication = Publication(
            environment=state.environment,
            sequence=live.sequence,
            revision=live_revision(document),
            published_ns=at_ns,
            not_after_ns=live.not_after_ns,
            clusters_not_after_ns=live.clusters_not_after_ns,
            log_entries=state.head.number,
            releases=tuple(release.revision for release in live.releases),
        )
        return StoredPublication(publication, at_ns, state.head.sha256, files)

    def _failed(self, error: InputError) -> None:
        told = str(error)
        if told != self.failure:
            _LOG.error("the live key does not sign: %s", told)
        self.failure = told


def published_at(publication: StoredPublication, at_ns: int) -> StoredPublication:
    """The same publication, there to be fetched from that time on."""
    return replace(publication, publication=replace(publication.publication, published_ns=at_ns))
