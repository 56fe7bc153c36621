"""Control data of releases that were announced before: the log, which is signed, says which it was."""

from __future__ import annotations

from weighbridge.bundle.archive import read_archive
from weighbridge.bundle.signing import DATA, MANIFEST
from weighbridge.bundle.verify import VerifiedBundle
from weighbridge.canonical import digest, parse_json
from weighbridge.control.control_data import FILE, MAX_BYTES, ControlData, control_in
from weighbridge.errors import InputError


def read_known_control(data: bytes, sha256: str, environment: str, revision: str = "") -> ControlData:
    """Read control data whose content a log entry names; by which release key it is signed does not count any more.

    A release key may be gone for years when a log is read again.

    Args:
        data: the tar.gz.
        sha256: `sha256:<hex>` of its `data.json`.
        environment: whose it must be.
        revision: of the release, as the log says (two may have the same control data); what it names itself otherwise.

    Raises:
        InputError: it is another one, or cannot be read.
    """
    files = read_archive(data, FILE, limit=MAX_BYTES)
    fix = "Put back the file that was announced, or run `weighbridge orders rebuild`."
    if digest(files.get(DATA, b"")) != sha256:
        raise InputError.single(FILE, "is not the one that the log names", fix)
    try:
        manifest = parse_json(files[MANIFEST], MANIFEST)
        document = parse_json(files[DATA], DATA)["weighbridge"]["control"]
        control = control_in(document, VerifiedBundle(files, {}, revision or manifest["revision"], "", ""))
    except (KeyError, TypeError, ValueError) as error:
        raise InputError.single(FILE, f"cannot be read: {error}", fix) from error
    if control.environment != environment:
        raise InputError.single(FILE, f"is of {control.environment}, not of {environment}", fix)
    return control
