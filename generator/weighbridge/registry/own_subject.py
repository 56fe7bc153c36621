"""Orders and waivers are about themselves: their one subject is their predicate (CONTRACTS: Predicate types)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weighbridge.canonical import canonical, digest
from weighbridge.errors import InputError

if TYPE_CHECKING:
    from weighbridge.evidence.statement import Statement


def own_subject(statement: Statement, predicate_type: str, file: str, fix: str) -> str:
    """The digest of the predicate's RFC 8785 bytes, which must be the statement's one subject.

    Args:
        statement: verified or not.
        predicate_type: what the subject must be called.
        file: what errors call it.
        fix: what to do about it.

    Raises:
        InputError: the predicate has no canonical form, or the subject is another.
    """
    try:
        own = digest(canonical(dict(statement.predicate)))
    except ValueError as error:
        raise InputError.single(file, str(error), fix, field="predicate") from error
    if statement.subject != ((predicate_type, own),):
        message = f"must have one subject, named {predicate_type}, with the digest {own} of its predicate"
        raise InputError.single(file, message, fix, field="subject")
    return own
