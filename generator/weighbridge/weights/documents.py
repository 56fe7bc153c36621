"""What lies beside an artifact's files and is covered by no digest: it must be what belongs there, and nothing else.

A model's own files may name any path, `evidence/model.safetensors` among them; whoever may write there could then
change the weights that are served, and nothing that is compared would change.
"""

from __future__ import annotations

import os
import stat

from weighbridge.catalogue.source import LIMITS

_FOLDER_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY | os.O_CLOEXEC


def is_document(parent: int, name: str) -> bool:
    """Whether an excluded name at the top is a document of bounded size, or a folder of `.json` evidence alone.

    Args:
        parent: a descriptor of the folder.
        name: one of `packaging.digest.EXCLUDED`.
    """
    try:
        if name != "evidence":
            return _bounded(parent, name, LIMITS.card if name == "README.md" else LIMITS.manifest)
        descriptor = os.open(name, _FOLDER_FLAGS, dir_fd=parent)
        try:
            return _only_evidence(descriptor)
        finally:
            os.close(descriptor)
    except OSError:
        return False


def _only_evidence(descriptor: int) -> bool:
    with os.scandir(descriptor) as listing:
        for count, entry in enumerate(listing):
            if count >= LIMITS.folder or not entry.name.endswith(".json"):
                return False
            if not _bounded(descriptor, entry.name, LIMITS.evidence):
                return False
    return True


def _bounded(parent: int, name: str, limit: int) -> bool:
    status = os.stat(name, dir_fd=parent, follow_symlinks=False)
    return stat.S_ISREG(status.st_mode) and status.st_size <= limit
