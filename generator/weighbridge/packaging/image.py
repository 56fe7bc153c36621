"""What the profile of a serving image says about the CUDA that a model will meet.

`weighbridge image profile` wrote the file: the bare predicate, or a signed statement, whose signature nobody verifies
here. Whoever signs the package vouches for the manifest; what a gate demands of an image is evidence about the image.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from weighbridge.canonical import parse_json
from weighbridge.catalogue.source import LIMITS
from weighbridge.catalogue.validation import validate
from weighbridge.errors import InputError
from weighbridge.evidence.dsse import parse_envelope
from weighbridge.evidence.image_profile import ImageProfilePredicate
from weighbridge.evidence.predicates import IMAGE_PROFILE
from weighbridge.evidence.statement import parse_statement

if TYPE_CHECKING:
    from pathlib import Path

_WRITE = "Name what `weighbridge image profile -o` wrote."


def read_profile(file: Path) -> ImageProfilePredicate:
    """The profile in a file.

    Raises:
        InputError: it cannot be read, is too large, or is no profile.
    """
    try:
        with file.open("rb") as stream:
            data = stream.read(LIMITS.evidence + 1)
    except OSError as error:
        raise InputError.single(str(file), f"cannot be read: {error.strerror}", _WRITE) from error
    if len(data) > LIMITS.evidence:
        raise InputError.single(str(file), f"is larger than {LIMITS.evidence:,} bytes", _WRITE)
    document = parse_json(data, str(file))
    if not isinstance(document, dict):
        raise InputError.single(str(file), "is no JSON object", _WRITE)
    if "at" not in document:
        statement = parse_statement(parse_envelope(data, str(file), keyless=True), str(file))
        if statement.predicate_type != IMAGE_PROFILE:
            message = f"is a statement of another type, {statement.predicate_type!r:.200}"
            raise InputError.single(str(file), message, _WRITE)
        document = dict(statement.predicate)
    return validate(ImageProfilePredicate, document, str(file))
