"""A bucket of an object store that speaks S3.

Every object says in its metadata with which sequence it was written and what its SHA-256 is, so what is ours, how new
it is and whether it is whole is known of each by itself, whatever write was broken off before. It is written only over
the one that was looked at (`If-Match`), or only where there is none (`If-None-Match`): of two replicas the slower one
fails, looks again and finds the newer sequence. A store that says it knows no conditions is written without; there the
slower one may win until the other looks again (`Pace.recheck`).

Sources: Amazon S3 API reference, PutObject (conditional writes, user-defined metadata).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from weighbridge.control.mirror.place import MirrorError, check_log
from weighbridge.control.mirror.publication import Kind

if TYPE_CHECKING:
    from weighbridge.control.mirror.publication import MirroredFile, Publication

_SECONDS = 15
_ROUNDS = 5
"""How often it is begun anew because another replica writes, too."""
_SEQUENCE, _SHA256 = "weighbridge-sequence", "weighbridge-sha256"
_NONE = frozenset({"404", "NoSuchKey", "NotFound"})
_CHANGED = frozenset({"409", "412", "ConditionalRequestConflict", "PreconditionFailed"})
_UNKNOWN = frozenset({"501", "NotImplemented"})


@dataclass(frozen=True)
class _Seen:
    """An object as it was found."""

    sequence: int
    sha256: str
    size: int
    tag: str


class Bucket:
    """A bucket, or a part of it.

    Args:
        bucket: its name.
        prefix: what every key begins with, without slashes at its ends; "" for none.
        endpoint: of a store that is not Amazon's.
        region: where it is.
    """

    def __init__(self, bucket: str, prefix: str, *, endpoint: str | None, region: str | None) -> None:
        self.name = f"s3://{bucket}/{prefix}".rstrip("/")
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        self._conditional = True
        config = Config(
            connect_timeout=_SECONDS,
            read_timeout=_SECONDS,
            retries={"total_max_attempts": 1},  # the mirror tries again itself, with what is newest by then
            request_checksum_calculation="when_required",  # stores that are not Amazon's refuse the newer headers
            response_checksum_validation="when_required",
        )
        # Credentials are found where AWS's own tools find them.
        self._client: Any = boto3.client("s3", endpoint_url=endpoint, region_name=region, config=config)

    def write(self, publication: Publication) -> int:
        """See `Place`.

        Raises:
            ClientError: the store refuses.
            BotoCoreError: it cannot be reached, or there are no credentials.
        """
        for _ in range(_ROUNDS):
            found = [(file, self._look(file)) for file in publication.in_order()]
            there = max((seen.sequence for _, seen in found if seen), default=0)
            if there > publication.sequence:
                return there
            for file, seen in found:
                if seen and file.kind is Kind.LOG:
                    check_log(file.path, file.data, seen.size, seen.sha256)
            due = [(file, seen) for file, seen in found if seen is None or seen.sha256 != file.sha256]
            if all(self._put(file, seen, publication.sequence) for file, seen in due):
                return publication.sequence
        raise MirrorError(f"{self.name} is written by others again and again")

    def _look(self, file: MirroredFile) -> _Seen | None:
        try:
            answer = self._client.head_object(Bucket=self._bucket, Key=self._prefix + file.path)
        except ClientError as error:
            if _code(error) in _NONE:
                return None
            raise
        said = answer.get("Metadata", {})
        sequence, sha256 = said.get(_SEQUENCE, ""), said.get(_SHA256, "")
        if not (sequence.isascii() and sequence.isdecimal()) or not sha256:
            raise MirrorError(f"{file.path} is there and not ours; move it away, or name another prefix")
        return _Seen(int(sequence), sha256, answer["ContentLength"], answer["ETag"])

    def _put(self, file: MirroredFile, seen: _Seen | None, sequence: int) -> bool:
        """Write an object; whether it still was as it had been seen."""
        condition = {"IfMatch": seen.tag} if seen else {"IfNoneMatch": "*"}
        try:
            self._client.put_object(
                Bucket=self._bucket,
                Key=self._prefix + file.path,
                Body=file.data,
                ContentType=file.media_type,
                CacheControl="no-store",
                Metadata={_SEQUENCE: str(sequence), _SHA256: file.sha256},
                **(condition if self._conditional else {}),
            )
        except ClientError as error:
            if self._conditional and _code(error) in _UNKNOWN:
                self._conditional = False
                return False
            if _code(error) in _CHANGED | _NONE:
                return False
            raise
        return True


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
