"""Control data is read in full, or not at all."""

import copy
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from tests.control_plane import control_document, key

from weighbridge.bundle.archive import bundle_archive
from weighbridge.bundle.control import ROOTS
from weighbridge.bundle.signing import DATA, MANIFEST, data_file, manifest, sign_bundle
from weighbridge.canonical import digest
from weighbridge.control.control_data import ControlData, read_control
from weighbridge.errors import InputError
from weighbridge.keys import fingerprint

REVISION = "sha256:" + "1" * 64
RELEASE = key("release").public_key()


def signed(document: Any, *, scope: str = "prod-release", keyid: str = "release", revision: str = REVISION) -> bytes:
    files = {DATA: data_file({"weighbridge": {"control": document}}), MANIFEST: manifest(revision, ROOTS)}
    return bundle_archive(sign_bundle(files, key("release"), algorithm="ES256", keyid=keyid, scope=scope))


def read(document: Any, **options: Any) -> ControlData:
    return read_control(signed(document, **options), [RELEASE])


def test_what_compile_writes() -> None:
    document = control_document()
    control = read(document)
    assert (control.environment, control.revision) == ("prod", REVISION)
    assert control.key_fingerprint == fingerprint(RELEASE)
    assert control.sha256 == digest(data_file({"weighbridge": {"control": document}}))
    assert control.authority["restore"].threshold == 2
    assert set(control.authority["restore"].keys) == {"mlsec", "product"}
    assert fingerprint(control.authority["revoke"].keys["oncall"]) == fingerprint(key("oncall").public_key())
    assert control.routes["qa-now"].active == "qa@2.0.0"
    assert control.versions["qa@1.0.0"].digest == document["versions"]["qa@1.0.0"]["digest"]
    assert control.tenants == {"acme"}
    assert control.tenant_keys == {"k7m2p9qa"}
    assert (control.live.not_after, control.on_revoked) == (600 * 10**9, "report")


def test_its_hash_is_the_same_by_whichever_key_it_is_signed() -> None:
    files = {DATA: data_file({"weighbridge": {"control": control_document()}}), MANIFEST: manifest(REVISION, ROOTS)}
    another = ec.generate_private_key(ec.SECP384R1())
    data = bundle_archive(sign_bundle(files, another, algorithm="ES384", keyid="release", scope="prod-release"))
    assert read_control(data, [RELEASE, another.public_key()]).sha256 == read(control_document()).sha256


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"scope": "dev-release"}, "it is of 'prod', and signed for 'dev-release'"),
        ({"scope": "prod-live"}, "signed for 'prod-live'"),
        ({"keyid": "live"}, "is not signed as release"),
        ({"revision": "r1"}, "its revision is none of a release"),
    ],
)
def test_what_was_signed_as_something_else(options: dict[str, str], why: str) -> None:
    with pytest.raises(InputError) as refused:
        read(control_document(), **options)
    assert why in str(refused.value)


def test_another_environment_than_the_reader_wants() -> None:
    with pytest.raises(InputError, match="it is of 'prod'"):
        read_control(signed(control_document()), [RELEASE], environment="staging")


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    below = value.items() if isinstance(value, dict) else []
    return [path, *(place for name, part in below for place in places(part, (*path, name)))]


def replaced(path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    document = copy.deepcopy(control_document())
    part = document
    for name in path[:-1]:
        part = part[name]
    part[path[-1]] = value
    return document


PLACES = places(control_document())


@given(st.sampled_from(PLACES), st.sampled_from([None, 7, -1, 0, True, "x", [], [1], {}, {"x": None}, 1.5]))
def test_whatever_stands_anywhere_is_read_or_refused(path: tuple[Any, ...], value: Any) -> None:
    try:
        control = read(replaced(path, value))
    except InputError as error:
        assert str(error).startswith(("control.tar.gz: is not what `compile` writes", "the key of "))
    else:
        # What is read has its types, and nothing counts that was not understood.
        assert control.on_revoked in {"report", "cordon", "scale-to-zero", "rollback"}
        assert all(1 <= held.threshold <= len(held.keys) for held in control.authority.values())
        assert all(type(each.approved) is bool and type(each.not_after) is int for each in control.versions.values())


@pytest.mark.parametrize(
    "path",
    [
        ("authority",), ("routes",), ("versions",), ("tenants",), ("tenant_keys",), ("orders",), ("live",),
        ("clusters",),
        ("versions", "qa@1.0.0", "digest"), ("versions", "qa@1.0.0", "lineage"), ("versions", "qa@1.0.0", "signers"),
        ("orders", "revoked"), ("live", "not_after"), ("clusters", "on_revoked"), ("authority", "revoke", "threshold"),
    ],
)  # fmt: skip
def test_what_is_missing(path: tuple[str, ...]) -> None:
    document = copy.deepcopy(control_document())
    part: Any = document
    for name in path[:-1]:
        part = part[name]
    del part[path[-1]]
    with pytest.raises(InputError, match="is not what `compile` writes"):
        read(document)


def test_a_threshold_that_two_names_of_one_key_would_reach() -> None:
    document = control_document()
    pem = document["authority"]["restore"]["keys"]["mlsec"]
    document["authority"]["restore"] = {"keys": {"one": pem, "two": pem}, "threshold": 2}
    with pytest.raises(InputError, match="fewer keys than it takes"):
        read(document)
