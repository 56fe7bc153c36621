"""Images that a Docker daemon holds: saved as a docker archive into a file without a name, and read like any other.

A daemon hands an image out as one stream, and the list of its layers may come last, so the stream has to be kept until
it has been read; nothing is unpacked.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from weighbridge.errors import EngineError, InputError, OutputError
from weighbridge.image.docker_archive import open_archive

if TYPE_CHECKING:
    from collections.abc import Iterator

    from weighbridge.image.source import Subject


@contextmanager
def daemon_image(reference: str, name: str, limit: int, manifest: bytes | None = None) -> Iterator[Subject]:
    """The image that a daemon knows by a name or an id, for as long as the block lasts.

    Args:
        reference: as `docker run` takes it.
        name: what to call it.
        limit: most bytes that are saved.
        manifest: as `open_archive`.

    Raises:
        EngineError: no daemon answers, or it has no such image.
        InputError: as `open_archive`, or larger than the limit.
    """
    import docker  # noqa: PLC0415 -- of the extra `harness`, which nothing else here needs
    from docker.errors import DockerException  # noqa: PLC0415 -- the same
    from requests.exceptions import RequestException  # noqa: PLC0415 -- the same

    with tempfile.NamedTemporaryFile(prefix="weighbridge-image-") as file:
        try:
            for chunk in docker.from_env().images.get(reference).save():
                if file.tell() + len(chunk) > limit:
                    raise InputError.single(name, f"is larger than {limit:,} bytes", "Raise the limit with --max-size.")
                file.write(chunk)
            file.flush()
        except (DockerException, RequestException) as error:
            where = os.environ.get("DOCKER_HOST", "the default socket")
            message = f"{name}: the Docker daemon at {where} gave no image. Start one, set DOCKER_HOST, or name "
            raise EngineError(message + "docker-archive:PATH after `docker save`.", str(error)) from error
        except OSError as error:
            raise OutputError(f"{file.name}: cannot be written: {error.strerror}. Make room, or set TMPDIR.") from error
        yield open_archive(Path(file.name), name, manifest)
