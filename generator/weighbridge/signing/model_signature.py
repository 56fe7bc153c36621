"""Writing an OpenSSF model signature: a Sigstore bundle v0.3 that model-signing's own tools verify.

Order of steps: hash the folder as `package` does, its README.md too; list every file; sign the statement. Source:
model-signing 1.1.1 (sigstore/model-transparency), predicate `https://model_signing/signature/v1.0`, serialization
`files` with sha256. The statement's subject is the root: SHA-256 over the files' digests in the order of their paths.
"""

from __future__ import annotations

import hashlib
import os
import stat
from base64 import b64encode
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from weighbridge import keys
from weighbridge.errors import InputError
from weighbridge.evidence.dsse import LIMITS, PAYLOAD_TYPE, bundle_with, hints_of, sign_envelope
from weighbridge.evidence.predicates import MODEL_SIGNATURE
from weighbridge.evidence.statement import model_signing_root, statement_json
from weighbridge.packaging.digest import EXCLUDED
from weighbridge.packaging.scan import scan_and_look
from weighbridge.signing.certificates import key_pem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryptography import x509

    from weighbridge.keys import PrivateKey
    from weighbridge.packaging.hashing import Progress

CARD = "README.md"
_CARD_BYTES = 16 * 1024**2


def model_predicate(folder: Path, signature: Path, progress: Progress | None = None) -> dict[str, Any]:
    """The predicate about a model folder: every file that `package` would package, and README.md.

    Args:
        folder: the model folder.
        signature: where the signature will lie; if that is inside the folder, it is listed as ignored.
        progress: told how many bytes have been hashed.

    Raises:
        InputError: whatever `packaging.scan` refuses: links, devices, names that two systems read differently.
    """
    scanned, ignored, card = scan_and_look(folder, lambda _files: _card_sha256(folder), progress=progress)
    digests = {file.path: file.sha256 for file in scanned} | ({CARD: card} if card else {})
    left_out = {*ignored, *(name for name in EXCLUDED - {CARD} if (folder / name).exists())}
    inside = Path(os.path.realpath(signature))
    if inside.is_relative_to(os.path.realpath(folder)):
        left_out.add(inside.relative_to(os.path.realpath(folder)).as_posix())
    # Their order is that of path components, not of bytes: `a/b` comes before `a-b`.
    resources = [
        {"name": path, "algorithm": "sha256", "digest": digests[path]} for path in sorted(digests, key=PurePosixPath)
    ]
    serialization: dict[str, Any] = {"method": "files", "hash_type": "sha256", "allow_symlinks": False}
    if left_out:
        serialization["ignore_paths"] = sorted(left_out)
    return {"serialization": serialization, "resources": resources}


def _card_sha256(folder: Path) -> str:
    """Of README.md, which is no part of the artifact but of every model folder; "" if there is none."""
    try:
        descriptor = os.open(folder / CARD, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise InputError.single(CARD, f"cannot be read: {error.strerror}", "Put the file itself there.") from error
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise InputError.single(CARD, "is no regular file", "Put the file itself there.")
        data = file.read(_CARD_BYTES + 1)
    if len(data) > _CARD_BYTES:
        raise InputError.single(CARD, f"is larger than {_CARD_BYTES} bytes", "Shorten the card.")
    return hashlib.sha256(data).hexdigest()


def require_openssf_key(key: PrivateKey, source: str) -> None:
    """Refuse keys whose signatures model-signing's tools do not verify.

    Raises:
        InputError: not ECDSA.
    """
    if not isinstance(key.public_key(), ec.EllipticCurvePublicKey):
        fix = "Use ECDSA P-256 or P-384 here; `attest` signs with every kind."
        raise InputError.single(source, "is no ECDSA key, and model-signing's tools verify no other", fix)


def sign_model(
    predicate: dict[str, Any], name: str, key: PrivateKey, certificates: Sequence[x509.Certificate] = ()
) -> bytes:
    """The signature: equal inputs give equal bytes, unless the key is in a device.

    Args:
        predicate: as `model_predicate` made it.
        name: what the model is called; nobody compares it.
        key: an ECDSA key.
        certificates: the key's certificate and what lies between it and a root; none: the key alone is named.

    Raises:
        InputError: a certificate of another key, or too many files for one statement.
    """
    if certificates and key_pem(certificates[0]) != keys.public_pem(key.public_key()):
        fix = "Name the certificate of this very key first."
        raise InputError.single("--certificate", "is the certificate of another key", fix)
    payload = statement_json(MODEL_SIGNATURE, predicate, [(name, model_signing_root(predicate))])
    if len(payload) > LIMITS.payload_bytes:
        message = f"has so many files that the statement is larger than {LIMITS.payload_bytes} bytes"
        raise InputError.single("", message, "Pack small files together.")
    return bundle_with(sign_envelope(PAYLOAD_TYPE, payload, [key]), _material(key, certificates))


def _material(key: PrivateKey, certificates: Sequence[x509.Certificate]) -> dict[str, Any]:
    if certificates:
        chain = [{"rawBytes": b64encode(one.public_bytes(Encoding.DER)).decode()} for one in certificates]
        return {"x509CertificateChain": {"certificates": chain}}
    # Its verifier compares the hint, unlike every other: the hash of the key's PEM, in hexadecimal.
    return {"publicKey": {"hint": hints_of(key.public_key())[3]}}
