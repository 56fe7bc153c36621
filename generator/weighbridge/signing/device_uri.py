"""URIs of keys in an HSM or a KMS: which there are, and what cosign's spellings mean in ours.

Ours are those of securesystemslib (`hsm:`, `awskms:`, `gcpkms:`, `azurekms:`, `hv:`). cosign writes them with two
slashes; what says the same is translated, what says less or other is refused with the spelling to use. No I/O.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

from weighbridge.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

_SCHEME = re.compile(r"(hsm|awskms|gcpkms|azurekms|hv|hashivault|openbao|pkcs11|k8s|github|gitlab):")
_HSM = re.compile(r"(\d{1,9})?(?:\?label=([^?&=]{1,128}))?")
_AWS = re.compile(r"(?!/)[A-Za-z0-9:/_-]{1,2048}")
_GCP = re.compile(
    r"(projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+)/(?:cryptoKeyVersions|versions)/(\d+)"
)
_AZURE = re.compile(r"//([A-Za-z0-9-]{1,63})\.vault\.azure\.net/keys/([A-Za-z0-9-]{1,127})(?:/([0-9a-f]{32}))?")
_VAULT = re.compile(r"([A-Za-z0-9_.-]{1,255})(?:/(\d{1,9}))?")
_FORMS = {
    "hsm": "hsm:[KEY ID][?label=TOKEN], such as hsm:2?label=release; the PIN goes into WEIGHBRIDGE_HSM_PIN",
    "awskms": "awskms:KEY (id, ARN or alias), such as awskms:alias/release; AWS_ENDPOINT_URL_KMS names an endpoint",
    "gcpkms": "gcpkms:projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/V",
    "azurekms": "azurekms://VAULT.vault.azure.net/keys/KEY[/VERSION]",
    "hv": "hv:KEY[/VERSION], an Ed25519 key of Vault's transit engine; VAULT_ADDR and VAULT_TOKEN say where",
}


@dataclass(frozen=True)
class DeviceUri:
    """A key in a device, taken apart."""

    source: str
    """As the user wrote it."""
    scheme: str
    """One of hsm, awskms, gcpkms, azurekms, hv."""
    key: str
    """The key's id or name; for an HSM "" for the default, 2 (PIV slot 9c)."""
    holder: str = ""
    """The token's label, or the Azure vault's name."""
    version: str = ""
    """Of the key; "" for the newest."""


def is_device(source: str) -> bool:
    """Whether this names a key in a device rather than a file; `./hsm:2` is a file."""
    return _SCHEME.match(source) is not None


def parse_device_uri(source: str) -> DeviceUri:
    """Take a URI apart, cosign's spelling or ours.

    Raises:
        InputError: a scheme that is not signed with, or not of the scheme's form.
    """
    scheme, _, rest = source.partition(":")
    if scheme == "pkcs11":
        raise InputError.single(_shown(source), "is PKCS#11's own spelling", f"Write {_FORMS['hsm']}.")
    if scheme in {"k8s", "github", "gitlab"}:
        fix = f"Fetch the key and give it as a file or env:NAME; {scheme} is cosign's own storage."
        raise InputError.single(source, "is a place that keys are not read from", fix)
    if scheme == "openbao":
        raise InputError.single(source, "is a store that is not signed with", "Use Vault's transit engine: hv:KEY.")
    scheme = "hv" if scheme == "hashivault" else scheme
    parsed = _PARSERS[scheme](source, rest)
    if parsed is None:
        raise InputError.single(_shown(source), f"is no {scheme} key", f"Write {_FORMS[scheme]}.")
    return parsed


def _shown(source: str) -> str:
    """Without what follows a question mark: whoever writes a PIN there should not find it in a log as well."""
    return source if re.fullmatch(r"[^?;]*(\?label=[^?&=;]*)?", source) else re.split(r"[?;]", source)[0] + "?..."


def _hsm(source: str, rest: str) -> DeviceUri | None:
    match = _HSM.fullmatch(rest)
    return match and DeviceUri(source, "hsm", match.group(1) or "", unquote_plus(match.group(2) or ""))


def _aws(source: str, rest: str) -> DeviceUri | None:
    # cosign puts an endpoint between the second and third slash; an empty one says nothing.
    key = rest.removeprefix("///")
    return DeviceUri(source, "awskms", key) if _AWS.fullmatch(key) else None


def _gcp(source: str, rest: str) -> DeviceUri | None:
    match = _GCP.fullmatch(rest.removeprefix("//"))
    return match and DeviceUri(source, "gcpkms", f"{match.group(1)}/cryptoKeyVersions/{match.group(2)}")


def _azure(source: str, rest: str) -> DeviceUri | None:
    match = _AZURE.fullmatch(rest)
    return match and DeviceUri(source, "azurekms", match.group(2), match.group(1), match.group(3) or "")


def _vault(source: str, rest: str) -> DeviceUri | None:
    match = _VAULT.fullmatch(rest.removeprefix("//"))
    return match and DeviceUri(source, "hv", match.group(1), "", match.group(2) or "")


_PARSERS: dict[str, Callable[[str, str], DeviceUri | None]] = {
    "hsm": _hsm,
    "awskms": _aws,
    "gcpkms": _gcp,
    "azurekms": _azure,
    "hv": _vault,
}
