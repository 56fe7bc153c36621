"""A bucket of an object store that speaks S3.

What is ours stands in `<environment>/.mirror.json`, which is written first, and only over the one that was read
(`If-Match`, `If-None-Match`), so that of two replicas the one with the older sequence gives way. A store that heeds no
conditions leaves a moment in which the older one wins; it is read again at the end, and the next publication mends it.

Sources: Amazon S3 API reference, PutObject (conditional writes).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from weighbridge.canonical import sha256_hex
from weighbridge.control.mirror.place import MirrorError, check_log
from weighbridge.control.mirror.publication import Kind
from weighbridge.control.mirror.record import MAX_RECORD_BYTES, RECORD, Record

if TYPE_CHECKING:
    from weighbridge.control.mirror.publication import MirroredFile, Publication

_SECONDS = 20
_MAX_LOG_BYTES = 1024**3
_NONE = frozenset({"404", "NoSuchKey", "NotFound"})
_CHANGED = frozenset({"409", "412", "ConditionalRequestConflict", "PreconditionFailed"})


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
        config = Config(
            connect_timeout=_SECONDS, read_timeout=_SECONDS, retries={"mode": "standard", "max_attempts": 2}
        )
        # Credentials are found where AWS's own tools find them.
        self._client: Any = boto3.client("s3", endpoint_url=endpoint, region_name=region, config=config)

    def write(self, publication: Publication) -> int:
        """See `Place`.

        Raises:
            ClientError: the store refuses.
            BotoCoreError: it cannot be reached, or there are no credentials.
        """
        place = f"{publication.environment}/{RECORD}"
        data, tag = self._read(place, MAX_RECORD_BYTES)
        record = Record.none(publication.environment) if data is None else Record.read(data, publication.environment)
        if record.sequence > publication.sequence:
            return record.sequence
        files = publication.in_order()
        for file in files:
            self._require_ours(file, record)
        changed = [file for file in files if record.files.get(file.path) != file.sha256]
        wanted = record.after(publication)
        if wanted != record:
            condition = {"IfMatch": tag} if tag else {"IfNoneMatch": "*"}
            self._put(place, wanted.data(), "application/json", condition)
        for file in changed:
            self._put(file.path, file.data, file.media_type, {})
        return publication.sequence

    def _require_ours(self, file: MirroredFile, record: Record) -> None:
        """Refuse to write over what is somebody else's, or over a log that ours does not continue."""
        ours = record.files.get(file.path)
        if ours is None:
            if self._read(file.path, _MAX_LOG_BYTES)[0] is not None:
                raise MirrorError(f"{file.path} is there and not ours; move it away, or name another prefix")
        elif file.kind is Kind.LOG and ours != file.sha256:
            present, _ = self._read(file.path, _MAX_LOG_BYTES)
            if present is not None:
                check_log(file.path, file.data, len(present), sha256_hex(present))

    def _read(self, path: str, limit: int) -> tuple[bytes | None, str]:
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=self._prefix + path)
        except ClientError as error:
            if _code(error) in _NONE:
                return None, ""
            raise
        with answer["Body"] as body:
            data: bytes = body.read(limit + 1)
        if len(data) > limit:
            raise MirrorError(f"{path} has more than {limit} bytes")
        return data, str(answer["ETag"])

    def _put(self, path: str, data: bytes, media_type: str, condition: dict[str, str]) -> None:
        try:
            self._client.put_object(
                Bucket=self._bucket,
                Key=self._prefix + path,
                Body=data,
                ContentType=media_type,
                CacheControl="no-store",
                **condition,
            )
        except ClientError as error:
            if _code(error) in _CHANGED:
                raise MirrorError(f"{path} was written by another replica meanwhile") from error
            raise


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
