"""What OPA itself says about our signatures: `opa build --verification-key` runs the verifier that sidecars run."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from weighbridge.bundle.archive import bundle_archive
from weighbridge.bundle.signing import data_file, manifest, sign_bundle
from weighbridge.engines.opa import opa_command
from weighbridge.errors import EngineError
from weighbridge.keys import PrivateKey, bundle_algorithm, public_pem

pytestmark = pytest.mark.engines

KEYS = {
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "ES384": ec.generate_private_key(ec.SECP384R1()),
    "RS256": rsa.generate_private_key(65537, 2048),
    "PS256": rsa.generate_private_key(65537, 3072),
}
ODD = {
    "": "an empty key",
    "separators": "\u2028 and \u2029",
    "\u2028": {"\u2029": "as keys"},
    "html": "<a href='x'>&amp;</a>",
    "controls": "".join(map(chr, range(32))) + "\x7f\x80\x9f",
    "quotes": '"\\/',
    "\U0001f69a": "\U0001f3cb\ufe0f\u200d\u2640",
    "\uffff": "sorts before what follows",
    "\U0001d4b3": "by bytes, not by UTF-16",
    "accents": "e\u0301 \u00e9 \ufb01",
    "large": 12345678901234567890123,
    "never": 2**63 - 1,
    "negative": -(2**63),
    "floats": [1.0, -0.0, 1e21, 1e-7, 5e-324, 1.7976931348623157e308, 0.1, 100000000000000000000.0],
    "nothing": [None, True, False, [], {}],
}


def _verify(tmp_path: Path, files: dict[str, bytes], key: PrivateKey, algorithm: str, scope: str = "prod-live") -> None:
    (tmp_path / "bundle.tar.gz").write_bytes(bundle_archive(files))
    (tmp_path / "key.pub").write_text(public_pem(key.public_key()))
    opa_command(
        "build",
        "--bundle",
        tmp_path / "bundle.tar.gz",
        f"--verification-key={tmp_path / 'key.pub'}",
        "--verification-key-id=live",
        f"--signing-alg={algorithm}",
        f"--scope={scope}",
        f"--output={tmp_path / 'out.tar.gz'}",
    )


def _signed(document: object, key: PrivateKey, algorithm: str) -> dict[str, bytes]:
    files = {
        ".manifest": manifest("r \u2028", ["weighbridge/live"], {"note": "\u00e9"}),
        "data.json": data_file({"weighbridge": {"live": document}}),
        "weighbridge/live/é x.rego": "package weighbridge.live.x\n\n# \u2028 é\na := 1\n".encode(),
    }
    return sign_bundle(files, key, algorithm=algorithm, keyid="live", scope="prod-live")


@pytest.mark.parametrize("algorithm", KEYS)
def test_opa_accepts_each_algorithm_and_odd_data(algorithm: str, tmp_path: Path) -> None:
    key = KEYS[algorithm]
    assert algorithm == bundle_algorithm(key, "k", pss=algorithm == "PS256")
    _verify(tmp_path, _signed(ODD, key, algorithm), key, algorithm)


@pytest.mark.parametrize("algorithm", KEYS)
def test_opa_refuses_the_same_bundle_for_another_key_scope_or_content(algorithm: str, tmp_path: Path) -> None:
    key = KEYS[algorithm]
    files = _signed(ODD, key, algorithm)
    with pytest.raises(EngineError, match="scope"):
        _verify(tmp_path, files, key, algorithm, scope="dev-live")
    # OPA hashes an accent written as escape like the accent itself; another value it must not accept.
    with pytest.raises(EngineError, match="digest mismatch"):
        _verify(
            tmp_path, {**files, "data.json": data_file({"weighbridge": {"live": {**ODD, "never": 1}}})}, key, algorithm
        )
    other = {"ES256": ec.generate_private_key(ec.SECP256R1()), "ES384": ec.generate_private_key(ec.SECP384R1())}.get(
        algorithm, rsa.generate_private_key(65537, 2048)
    )
    with pytest.raises(EngineError, match="verif"):
        _verify(tmp_path, files, other, algorithm)


_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_value = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_text, inner, max_size=4),
    max_leaves=20,
)


@given(values=st.lists(_value, min_size=20, max_size=60))
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_opa_hashes_what_we_hash_whatever_the_data(values: list[object], tmp_path: Path) -> None:
    _verify(tmp_path, _signed({"values": values}, KEYS["ES256"], "ES256"), KEYS["ES256"], "ES256")
