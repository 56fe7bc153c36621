"""Bundles verified outside OPA: whatever is changed about a good one, it is refused."""

import contextlib
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.bundle.archive import bundle_archive, read_archive
from weighbridge.bundle.signing import DATA, MANIFEST, SIGNATURES, data_file, manifest, sign_bundle
from weighbridge.bundle.verify import VerifiedBundle, verify_bundle
from weighbridge.canonical import canonical, sha256_hex
from weighbridge.errors import InputError
from weighbridge.keys import bundle_algorithm, fingerprint, jws

KEY = ec.generate_private_key(ec.SECP256R1())
OTHER = ec.generate_private_key(ec.SECP256R1())
ROOTS = ("weighbridge/control",)
DOCUMENT = {"weighbridge": {"control": {"a": 1}}}
FILES = {DATA: data_file(DOCUMENT), MANIFEST: manifest("r1", ROOTS), "x.rego": b"package x\n"}


def signed(files: dict[str, bytes], key: Any = KEY, *, keyid: str = "release", scope: str = "prod-release") -> bytes:
    algorithm = bundle_algorithm(key, "the key")
    return bundle_archive(sign_bundle(files, key, algorithm=algorithm, keyid=keyid, scope=scope))


def verified(data: bytes, *keys: Any, limit: int = 10**7) -> VerifiedBundle:
    known = [key.public_key() for key in keys or (KEY,)]
    return verify_bundle(data, known, keyid="release", scope="prod-release", roots=ROOTS, file="b.tar.gz", limit=limit)


def resigned(claims: Any, header: dict[str, str] | None = None, **files: bytes) -> bytes:
    """The same files with a signature that says something else."""
    token = jws(KEY, "ES256", header or {"kid": "release"}, canonical(claims))
    return bundle_archive({**FILES, SIGNATURES: canonical({"signatures": [token]}), **files})


def entries(files: dict[str, bytes]) -> list[dict[str, str]]:
    return [{"name": name, "hash": sha256_hex(data), "algorithm": "SHA-256"} for name, data in files.items()]


GOOD = signed(FILES)
TOKEN = json.loads(read_archive(GOOD, "b")[SIGNATURES])["signatures"][0]


@pytest.mark.parametrize(
    "key",
    [KEY, ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(public_exponent=65537, key_size=2048)],
    ids=["P-256", "P-384", "RSA"],
)
def test_what_compile_signs(key: Any) -> None:
    read = verified(signed(FILES, key), OTHER, key)
    assert (read.files, read.revision, read.scope) == (FILES, "r1", "prod-release")
    assert read.key_fingerprint == fingerprint(key.public_key())
    assert read.data() == DOCUMENT


def test_what_rsa_signs_with_salt() -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    files = sign_bundle(FILES, key, algorithm="PS256", keyid="release", scope="prod-release")
    assert verified(bundle_archive(files), key).revision == "r1"


CLAIMS = {"files": entries(FILES), "scope": "prod-release"}
TWO = canonical({"signatures": [TOKEN, TOKEN]})
HOSTILE = {
    "unsigned": (bundle_archive(FILES), "has no .signatures.json"),
    "by another key": (signed(FILES, OTHER), "none of the keys signed"),
    "in another role": (signed(FILES, keyid="live"), "is not signed as release"),
    "for another environment": (
        signed(FILES, scope="dev-release"),
        "is signed for 'dev-release', not for prod-release",
    ),
    "for live data": (signed(FILES, scope="prod-live"), "is signed for 'prod-live'"),
    "twice": (bundle_archive({**FILES, SIGNATURES: TWO}), "without exactly one signature"),
    "by nobody": (bundle_archive({**FILES, SIGNATURES: canonical({"signatures": []})}), "without exactly one"),
    "by something else": (bundle_archive({**FILES, SIGNATURES: canonical({"signatures": [7]})}), "exactly one"),
    "and by a plugin": (
        bundle_archive({**FILES, SIGNATURES: canonical({"signatures": [TOKEN], "plugin": "x"})}),
        "without exactly one signature",
    ),
    "no JSON": (bundle_archive({**FILES, SIGNATURES: b"{"}), "is not JSON"),
    "deep": (bundle_archive({**FILES, SIGNATURES: b"[" * 200_000}), "is not JSON"),
    "no object": (bundle_archive({**FILES, SIGNATURES: b"[]"}), "no JSON object"),
    "a file more": (resigned(CLAIMS, **{"evil.rego": b"package x\n"}), "'evil.rego' unsigned"),
    "a file less": (resigned({**CLAIMS, "files": [*CLAIMS["files"], *entries({"y": b""})]}), "not in it"),
    "a changed file": (resigned(CLAIMS, **{"x.rego": b"package y\n"}), "'x.rego' that was changed"),
    "the same data written otherwise": (
        resigned(CLAIMS, **{DATA: b'{"weighbridge": {"control": {"a": 1}}}'}),
        "'data.json' that was changed",
    ),
    "a name twice": (resigned({**CLAIMS, "files": [*CLAIMS["files"], CLAIMS["files"][0]]}), "names a file twice"),
    "another hash": (
        resigned({**CLAIMS, "files": [{**CLAIMS["files"][0], "algorithm": "MD5"}, *CLAIMS["files"][1:]]}),
        "another hash than SHA-256",
    ),
    "no list": (resigned({**CLAIMS, "files": "x"}), "cannot be read"),
    "no entry": (resigned({**CLAIMS, "files": ["x"]}), "cannot be read"),
    "no scope": (resigned({"files": CLAIMS["files"]}), "something else than files and a scope"),
    "a scope that is none": (resigned({**CLAIMS, "scope": 7}), "something else than files and a scope"),
    "more claims": (resigned({**CLAIMS, "exp": 1}), "something else than files and a scope"),
    "claims that are none": (resigned([1]), "no JSON object"),
    "more in the header": (resigned(CLAIMS, {"kid": "release", "crit": "x"}), "is not signed as release"),
    "no manifest": (signed({DATA: FILES[DATA]}), "has no .manifest"),
    "no revision": (signed({**FILES, MANIFEST: b'{"roots":["weighbridge/control"]}'}), "without a revision"),
    "more roots": (signed({**FILES, MANIFEST: manifest("r1", [*ROOTS, "system"])}), "claims "),
    "every root": (signed({**FILES, MANIFEST: b'{"revision":"r1"}'}), "claims None"),
    "wasm": (
        signed({**FILES, MANIFEST: b'{"revision":"r1","roots":["weighbridge/control"],"wasm":[]}'}),
        "says more than it may",
    ),
}


@pytest.mark.parametrize(("data", "why"), HOSTILE.values(), ids=HOSTILE.keys())
def test_what_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(InputError) as refused:
        verified(data)
    assert why in str(refused.value)
    assert str(refused.value).startswith("b.tar.gz: ")


def test_the_limit_counts() -> None:
    with pytest.raises(InputError, match="unpacks to more than 100 bytes"):
        verified(GOOD, limit=100)


@pytest.mark.parametrize("content", [None, b"[]", b"{", b"\xff"])
def test_data_that_is_none(content: bytes | None) -> None:
    files = {MANIFEST: FILES[MANIFEST], **({} if content is None else {DATA: content})}
    read = verified(signed(files))
    with pytest.raises(InputError, match=r"data\.json"):
        read.data()


@given(st.sampled_from(sorted({*FILES, SIGNATURES})), st.data())
def test_any_byte_that_is_flipped(name: str, data: st.DataObject) -> None:
    files = read_archive(GOOD, "b")
    changed = bytearray(files[name])
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(InputError):
        verified(bundle_archive({**files, name: bytes(changed)}))


@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
def test_any_byte_of_the_archive_that_is_flipped(place: int, bits: int) -> None:
    """Padding and owners are covered by nothing; whatever becomes of them, what is read is what was signed."""
    changed = bytearray(GOOD)
    changed[place] ^= bits
    with contextlib.suppress(InputError):
        assert verified(bytes(changed)).files == FILES


@given(st.binary(max_size=2000))
def test_any_bytes(data: bytes) -> None:
    with pytest.raises(InputError):
        verified(data)
