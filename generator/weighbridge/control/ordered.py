"""What an order says whose form was judged before: one in the log, or one that waits for signatures. No I/O."""

from __future__ import annotations

import base64
import functools
import json
from typing import TYPE_CHECKING

from weighbridge.evidence.predicates import OrderPredicate

if TYPE_CHECKING:
    from collections.abc import Mapping


def predicate_of(envelope: Mapping[str, object]) -> OrderPredicate:
    """What an order says that was accepted, or that waits: its form was judged then.

    Raises:
        ValueError: it is no order after all.
    """
    return _predicate(str(envelope.get("payload")))


@functools.lru_cache(maxsize=20_000)
def _predicate(payload: str) -> OrderPredicate:
    try:
        return OrderPredicate.model_validate(json.loads(base64.b64decode(payload))["predicate"])
    except (KeyError, TypeError) as error:
        raise ValueError("an entry holds an envelope without an order") from error
