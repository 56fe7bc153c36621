"""What a manifest says beside the digest: roles, headers of weights, licenses, needs, executable content.

Order: each file once for its header, what it runs and its license; then the files that name dependencies; then what
refers to other files (ONNX's external data), which must lie inside the artifact. What cannot be read is a finding, with
its place, and never a guess; what leads out of the artifact is an error.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from weighbridge.errors import InputError, Problem
from weighbridge.packaging.dependencies.read import read_needs
from weighbridge.packaging.executable.configuration import configured_code
from weighbridge.packaging.executable.programs import archive, program
from weighbridge.packaging.formats.recognise import is_pickle_name, read_header
from weighbridge.packaging.licenses import declared
from weighbridge.packaging.licenses.texts import MAX_TEXT
from weighbridge.packaging.manifest import ExecutableContent, Finding, WeightsHeader
from weighbridge.packaging.roles import extension, role_of
from weighbridge.packaging.view import FormatError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from weighbridge.evidence.image_profile import ImageProfile
    from weighbridge.packaging.dependencies.read import Needs
    from weighbridge.packaging.formats.header import External, Header
    from weighbridge.packaging.licenses.declared import Found
    from weighbridge.packaging.manifest import Role
    from weighbridge.packaging.scan import ModelFiles
    from weighbridge.packaging.view import FileView

CARD = "README.md"
_MAX_TEXT = 1000
_MAX_EACH = 1000
"""Most findings, or pieces of executable content, of one file."""


@dataclass
class Description:
    """Filled file by file."""

    roles: dict[str, Role] = field(default_factory=dict)
    weights: list[WeightsHeader] = field(default_factory=list)
    executable: list[ExecutableContent] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    licenses: list[Found] = field(default_factory=list)
    needs: Needs | None = None

    def find(self, path: str, message: str, about: Literal["content", "license", "dependencies"] = "content") -> None:
        """Note what could not be read or recognised."""
        self.findings.append(Finding(path=path, about=about, message=_text(message)))

    def fields(self) -> dict[str, Any]:
        """The manifest's fields, those that say something; all sorted."""
        cuda = self.needs.cuda if self.needs else None
        values: dict[str, Any] = {
            "licenses": declared.together(self.licenses),
            "formats": tuple(sorted({header.format for header in self.weights})),
            "dependencies": self.needs.purls if self.needs else (),
            "cuda": cuda.version if cuda else None,
            "cudnn": cuda.cudnn if cuda else None,
            "driver": cuda.driver if cuda else None,
            "weights": tuple(sorted(self.weights, key=lambda header: header.path)),
            "executable": tuple(sorted(set(self.executable), key=lambda part: (part.path, part.kind, part.detail))),
            "findings": tuple(
                sorted(set(self.findings), key=lambda finding: (finding.path, finding.about, finding.message))
            ),
        }
        return {name: value for name, value in values.items() if value}


def describe(files: ModelFiles, front_matter: Mapping[str, Any], images: Sequence[ImageProfile] = ()) -> Description:
    """Look into every file of a model.

    Args:
        files: the files, as `scan_and_look` hands them out.
        front_matter: the card's.
        images: what is known of its serving images, for the CUDA that they bring.

    Raises:
        InputError: a file that changed or cannot be read, or data that lies outside of the artifact.
    """
    found = Description()
    problems: list[Problem] = []
    for license_found in declared.from_card(front_matter):
        _license(found, CARD, license_found)
    for path in sorted(files.seen):
        with files.open(path) as view:
            header = _look(found, path, view)
        if header is not None:
            problems += _external_problems(files, path, header.external)
    found.needs = read_needs(sorted(files.seen), files.open, images)
    for path, message in found.needs.findings:
        found.find(path, message, "dependencies")
    if problems:
        raise InputError(problems)
    return found


def _look(found: Description, path: str, view: FileView) -> Header | None:
    """Look into one file."""
    header: Header | None = _attempt(found, path, lambda: read_header(path, view))
    if header is not None:
        _header(found, path, header)
    elif is_pickle_name(path) and not any(part.path == path for part in found.executable):
        _runs(found, path, "pickle-unknown", "cannot be read")
    head = view.head(512)
    is_program = program(path, head)
    if is_program:
        _runs(found, path, *is_program)
    for kind, detail in _attempt(found, path, lambda: configured_code(path, view)) or []:
        _runs(found, path, kind, detail)
    packed = archive(head)
    if packed and header is None and not is_program:
        found.find(path, f"is packed ({packed}), and what is in it was not looked at")
    role = role_of(path, executable=is_program is not None, weights=bool(header and header.format))
    found.roles[path] = role
    if role == "license":
        _license_file(found, path, view)
    return header


def _attempt(found: Description, path: str, read: Callable[[], Any]) -> Any:
    """What reading gives; None, and a finding, where the file is not as it should be."""
    try:
        return read()
    except FormatError as error:
        found.find(path, str(error))
        return None


def _header(found: Description, path: str, header: Header) -> None:
    for kind, detail in header.executable[:_MAX_EACH]:
        _runs(found, path, kind, detail)
    for message in header.findings[:_MAX_EACH]:
        found.find(path, message)
    if header.format is None:
        return
    values = {
        "path": path,
        "format": header.format,
        "version": header.version,
        "tensors": header.tensors if header.counted else None,
        "parameters": header.dtypes.total() if header.counted else None,
        "dtypes": dict(sorted(header.dtypes.items())),
        "license": _text(header.license) if header.license else None,
    }
    found.weights.append(
        WeightsHeader.model_validate({name: value for name, value in values.items() if value is not None})
    )
    if header.license:
        _license(found, path, declared.expression(header.license))


def _runs(found: Description, path: str, kind: str, detail: str) -> None:
    found.executable.append(ExecutableContent.model_validate({"path": path, "kind": kind, "detail": _text(detail)}))


def _license_file(found: Description, path: str, view: FileView) -> None:
    if extension(path) in {"pdf", "html"} or view.size > MAX_TEXT:
        found.find(path, "is a license that is not read: no plain text, or too large", "license")
        return
    stem = path.rpartition("/")[2].split(".")[0].upper()
    if stem in {"NOTICE", "COPYRIGHT"}:
        return  # names holders, and no terms
    for license_found in declared.from_file(view.at(0, view.size)):
        _license(found, path, license_found)


def _license(found: Description, path: str, license_found: Found) -> None:
    found.licenses.append(license_found)
    if license_found[1]:
        found.find(path, license_found[1], "license")


def _external_problems(files: ModelFiles, path: str, external: list[External]) -> list[Problem]:
    problems = set()
    for location, offset, length in external:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(path), location))
        fix = "Put the data beside the model, inside the folder, and package again."
        outside = not location or location.startswith("/") or "\\" in location or target.split("/")[0] == ".."
        if outside or any(ord(character) < 32 for character in location):
            message = f"keeps data of its tensors in {location[:200]!r}, outside of the artifact"
        elif target not in files.seen:
            message = f"keeps data of its tensors in {location[:200]!r}, which is no file of the artifact"
        elif offset + (length or 0) > files.seen[target].size:
            message = f"keeps data of its tensors behind the end of {location[:200]!r}"
        else:
            continue
        problems.add(Problem(file=path, message=_text(message), fix=fix))
    return sorted(problems)


def _text(value: str) -> str:
    """As a manifest can hold it: printable, not too long, not empty."""
    shown = "".join(character if character.isprintable() else "?" for character in value)
    return shown if 0 < len(shown) <= _MAX_TEXT else f"{shown[: _MAX_TEXT - 3]}..." if shown else "?"
