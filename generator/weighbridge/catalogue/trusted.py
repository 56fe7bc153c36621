"""What trust speaks of: weighbridge.yaml, tenants.yaml, the signers' keys, trusted roots and a user's own policies.

These are exactly the files whose hashes `weighbridge.yaml.dsse` signs, and they are hashed as they are read, so that
what is verified later is what was used.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from weighbridge.canonical import canonical, digest, sha256_hex
from weighbridge.catalogue.catalogue import Signer, UserPolicy
from weighbridge.catalogue.configuration import Configuration, Tenants
from weighbridge.catalogue.keyless import PUBLIC
from weighbridge.catalogue.source import LIMITS, unsafe_path
from weighbridge.catalogue.validation import validate_partly
from weighbridge.catalogue.yaml_document import YamlDocument, decode, parse_yaml
from weighbridge.errors import InputError, Problem
from weighbridge.evidence.trusted_root import require_root, shipped_root
from weighbridge.keys import PublicKey, fingerprint, load_public_key

if TYPE_CHECKING:
    from weighbridge.catalogue.source import Source

CONFIGURATION = "weighbridge.yaml"
ENVELOPE = "weighbridge.yaml.dsse"
TENANTS = "tenants.yaml"
POLICIES = "policies"


@dataclass
class Trusted:
    """The trusted part of a catalogue, with all problems in it.

    With problems, `configuration` and `tenants` lack the parts that are wrong: good for finding more problems, and for
    nothing else.
    """

    configuration: Configuration | None = None
    configuration_document: YamlDocument | None = None
    tenants: Tenants | None = None
    tenants_document: YamlDocument | None = None
    signers: dict[str, Signer] = field(default_factory=dict)
    roots: dict[str, bytes] = field(default_factory=dict)
    control_plane: dict[str, PublicKey] = field(default_factory=dict)
    policies: list[UserPolicy] = field(default_factory=list)
    envelope: bytes | None = None
    files: dict[str, str] = field(default_factory=dict)
    """Path to bare hex SHA-256."""
    problems: list[Problem] = field(default_factory=list)

    def sorted_files(self) -> dict[str, str]:
        """The files by the UTF-8 bytes of their paths."""
        return dict(sorted(self.files.items(), key=lambda item: item[0].encode()))

    def digest(self) -> str:
        """`sha256:<hex>` of the RFC 8785 bytes of the list of `[path, sha256]`."""
        return digest(canonical([[path, sha256] for path, sha256 in self.sorted_files().items()]))


def read_trusted(source: Source) -> Trusted:
    """Read what trust speaks of; problems are collected, not raised."""
    trusted = Trusted()
    _read_configuration(source, trusted)
    if source.exists(TENANTS):
        _read_tenants(source, trusted)
    if source.exists(ENVELOPE):
        trusted.envelope = _read(source, trusted, ENVELOPE, LIMITS.envelope)
    if trusted.configuration is not None:
        _read_keys(source, trusted, trusted.configuration)
        _read_roots(source, trusted, trusted.configuration)
        _read_control_plane(source, trusted, trusted.configuration)
    if source.exists(POLICIES):
        _read_policies(source, trusted)
    return trusted


def _read(source: Source, trusted: Trusted, path: str, limit: int) -> bytes | None:
    try:
        return source.read(path, limit)
    except InputError as error:
        trusted.problems += error.problems
        return None


def _read_yaml(source: Source, trusted: Trusted, path: str, limit: int) -> YamlDocument | None:
    data = _read(source, trusted, path, limit)
    if data is None:
        return None
    trusted.files[path] = sha256_hex(data)
    try:
        document = parse_yaml(decode(data, path), path)
    except InputError as error:
        trusted.problems += error.problems
        return None
    if isinstance(document.value, dict):
        return document
    what = "is empty" if document.value is None else "is no mapping"
    trusted.problems.append(Problem(path, 1, 1, "", what, "Write `key: value` lines; `weighbridge init` shows some."))
    return None


def _read_configuration(source: Source, trusted: Trusted) -> None:
    document = trusted.configuration_document = _read_yaml(source, trusted, CONFIGURATION, LIMITS.configuration)
    if document is not None:
        trusted.configuration, problems = validate_partly(Configuration, document.value, CONFIGURATION, document.places)
        trusted.problems += problems


def _read_tenants(source: Source, trusted: Trusted) -> None:
    document = trusted.tenants_document = _read_yaml(source, trusted, TENANTS, LIMITS.tenants)
    if document is not None:
        trusted.tenants, problems = validate_partly(Tenants, document.value, TENANTS, document.places)
        trusted.problems += problems


def _read_keys(source: Source, trusted: Trusted, configuration: Configuration) -> None:
    for name, document in configuration.trust.signers.items():
        if document.key is None:
            assert document.sigstore is not None  # noqa: S101 -- a signer has exactly one of the two
            trusted.signers[name] = Signer(name, document, None, document.sigstore.fingerprint)
            continue
        place = ("trust", "signers", name, "key")
        try:
            key = _read_key(source, trusted, document.key)
        except InputError as error:
            trusted.problems += [_at(trusted, place, document.key, problem) for problem in error.problems]
        else:
            trusted.signers[name] = Signer(name, document, key, fingerprint(key))


def _read_key(source: Source, trusted: Trusted, path: str) -> PublicKey:
    complaint = unsafe_path(path)
    if complaint:
        raise InputError.single(path, complaint, "Put the key inside the catalogue and name it by its relative path.")
    data = source.read(path, LIMITS.key)
    if b"PRIVATE KEY" in data:
        raise InputError.single(
            path, "holds a private key", "Replace it by its public half, and treat the private one as leaked."
        )
    key = load_public_key(data, path)
    trusted.files[path] = sha256_hex(data)
    return key


def _read_roots(source: Source, trusted: Trusted, configuration: Configuration) -> None:
    for name, path in configuration.trust.sigstore.items():
        try:
            trusted.roots[name] = _read_root(source, trusted, path)
        except InputError as error:
            place = ("trust", "sigstore", name)
            trusted.problems += [_at(trusted, place, path, problem) for problem in error.problems]
    if PUBLIC not in configuration.trust.sigstore:
        trusted.roots[PUBLIC] = shipped_root()


def _read_control_plane(source: Source, trusted: Trusted, configuration: Configuration) -> None:
    signing = {signer.fingerprint: signer.name for signer in trusted.signers.values()}
    for index, path in enumerate(configuration.trust.control_plane):
        place = ("trust", "control_plane", index)
        try:
            key = _read_key(source, trusted, path)
        except InputError as error:
            trusted.problems += [_at(trusted, place, path, problem) for problem in error.problems]
            continue
        print_ = fingerprint(key)
        if print_ in signing or print_ in trusted.control_plane:
            whose = f"is also the key of {signing[print_]}" if print_ in signing else "stands here twice"
            problem = Problem(path, message=whose, fix="A live key is online, and signs live data alone: use its own.")
            trusted.problems.append(_at(trusted, place, path, problem))
        trusted.control_plane[print_] = key


def _read_root(source: Source, trusted: Trusted, path: str) -> bytes:
    complaint = unsafe_path(path)
    if complaint:
        raise InputError.single(path, complaint, "Put the root inside the catalogue and name it by its relative path.")
    data = source.read(path, LIMITS.trusted_root)
    require_root(data, path)
    trusted.files[path] = sha256_hex(data)
    return data


def _at(trusted: Trusted, place: tuple[Any, ...], path: str, problem: Problem) -> Problem:
    """The problem with a file, told where the file is named."""
    document = trusted.configuration_document
    line, column = document.places.value(place) if document else (0, 0)
    message = f"{path!a} {problem.message}" if not path.isprintable() else f"`{path}` {problem.message}"
    return Problem(CONFIGURATION, line, column, ".".join(map(str, place)), message, problem.fix)


def _read_policies(source: Source, trusted: Trusted) -> None:
    try:
        paths, problems = source.walk(POLICIES, LIMITS.folder)
    except InputError as error:
        trusted.problems += error.problems
        return
    trusted.problems += problems
    for path in paths:
        data = _read(source, trusted, path, LIMITS.policy)
        if data is not None:
            _take_policy(trusted, path, data)


def _take_policy(trusted: Trusted, path: str, data: bytes) -> None:
    complaint = unsafe_path(path)
    if complaint:
        trusted.problems.append(Problem(ascii(path)[1:-1], message=f"its path {complaint}", fix="Rename it."))
        return
    trusted.files[path] = sha256_hex(data)
    if path.endswith(".md"):
        return
    if not path.endswith(".rego"):
        trusted.problems.append(
            Problem(path, message="is no Rego", fix="Keep `.rego` and `.md` files only in policies/.")
        )
        return
    try:
        trusted.policies.append(UserPolicy(path, decode(data, path)))
    except InputError as error:
        trusted.problems += error.problems
