"""`executable-content/v1`: what in a model can make a machine run what its author wrote, as evidence for a gate."""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from weighbridge.catalogue.names import Digest, Document, Text, TimeNs, format_time
from weighbridge.packaging.digest import MAX_FILE_BYTES
from weighbridge.packaging.manifest import ExecutableContent, Finding

if TYPE_CHECKING:
    from weighbridge.packaging.manifest import Manifest

EXECUTABLE_CONTENT = "https://weighbridge.dev/executable-content/v1"


class Scanner(Document):
    """What looked at the files."""

    name: Text
    version: Text


class ExecutableContentPredicate(Document):
    """What was found. A file that could not be understood is in `findings`: nothing is known of it."""

    scanners: tuple[Scanner, ...] = Field(min_length=1, strict=False)
    """Weighbridge, and picklescan, whose list grades what pickles import."""
    at: TimeNs
    manifest_sha256: Digest
    """Of the manifest with the same content."""
    files: Annotated[int, Field(ge=1, le=MAX_FILE_BYTES)]
    """How many files were looked at: all of the artifact."""
    executable: tuple[ExecutableContent, ...] = Field(strict=False)
    findings: tuple[Finding, ...] = Field(strict=False)


def executable_content(manifest: Manifest, manifest_sha256: str, at_ns: int) -> dict[str, Any]:
    """The predicate about what was packaged, its time rounded down to seconds."""
    findings = [finding for finding in manifest.findings if finding.about == "content"]
    return {
        "scanners": [{"name": name, "version": metadata.version(name)} for name in ("weighbridge", "picklescan")],
        "at": format_time(at_ns),
        "manifest_sha256": manifest_sha256,
        "files": len(manifest.files),
        "executable": [part.model_dump(mode="json") for part in manifest.executable],
        "findings": [finding.model_dump(mode="json") for finding in findings],
    }
