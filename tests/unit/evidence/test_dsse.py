import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, utils

from weighbridge import keys
from weighbridge.errors import InputError
from weighbridge.evidence import dsse
from weighbridge.evidence.dsse import (
    PAYLOAD_TYPE,
    KeyRing,
    Limits,
    decode_base64,
    parse_envelope,
    sign_envelope,
    verified_by,
)

PAYLOAD = b'{"_type": "https://in-toto.io/Statement/v1"}'
EC = ec.derive_private_key(7, ec.SECP256R1())
OTHER = ec.derive_private_key(8, ec.SECP256R1())
P384 = ec.derive_private_key(9, ec.SECP384R1())
ED = ed25519.Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)


def ring(*private):
    return KeyRing({keys.fingerprint(key.public_key()): key.public_key() for key in private})


def bare(**fields):
    return json.dumps({**dsse.envelope_document(sign_envelope(PAYLOAD_TYPE, PAYLOAD, [EC])), **fields}).encode()


def bundle(**fields):
    document = json.loads(dsse.bundle_json(sign_envelope(PAYLOAD_TYPE, PAYLOAD, [EC]), EC.public_key()))
    return json.dumps({**document, **fields}).encode()


def refusal(data, limits=dsse.LIMITS):
    with pytest.raises(InputError) as caught:
        parse_envelope(data, "e.json", limits)
    return str(caught.value)


def test_pae_is_that_of_the_specification():
    # DSSE v1.0, protocol.md, "Test Vectors".
    assert dsse.pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )
    assert dsse.pae("ü", b"") == b"DSSEv1 2 \xc3\xbc 0 "


def test_the_signature_in_the_specification_verifies():
    x = 46950820868899156662930047687818585632848591499744589407958293238635476079160
    y = 5640078356564379163099075877009565129882514886557779369047442380624545832820
    public = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    raw = base64.b64decode("A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA==")
    # The specification writes r and s side by side; everybody else, and so we, DER.
    der = utils.encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
    envelope = dsse.Envelope("http://example.com/HelloWorld", b"hello world", (dsse.Signature(der, ""),))
    ours = KeyRing({keys.fingerprint(public): public})
    assert verified_by(envelope, ours) == (keys.fingerprint(public),)
    assert verified_by(dsse.Envelope("http://example.com/HelloWorld", b"hello worlD", envelope.signatures), ours) == ()
    assert verified_by(dsse.Envelope("http://example.com/HelloWorlD", b"hello world", envelope.signatures), ours) == ()


def test_each_kind_of_key_signs_and_verifies():
    private = [EC, P384, ED, rsa.generate_private_key(65537, 2048)]
    envelope = parse_envelope(dsse.envelope_json(sign_envelope(PAYLOAD_TYPE, PAYLOAD, private)), "e.json")
    assert len(verified_by(envelope, ring(*private))) == len(private)
    for key in private:
        assert verified_by(envelope, ring(key)) == (keys.fingerprint(key.public_key()),)
    assert verified_by(envelope, ring(OTHER)) == ()


def test_bundles_of_every_version_are_read():
    for media_type in dsse.BUNDLE_TYPES:
        envelope = parse_envelope(bundle(mediaType=media_type), "e.json")
        assert verified_by(envelope, ring(EC)) == (keys.fingerprint(EC.public_key()),)


def test_an_envelope_as_cosign_writes_it_is_read():
    # `cosign attest --key`: no key id, the payload in standard base64, no white space.
    envelope = sign_envelope(PAYLOAD_TYPE, PAYLOAD + b"\n", [EC])
    signature = base64.b64encode(envelope.signatures[0].value).decode()
    payload = base64.b64encode(envelope.payload).decode()
    data = f'{{"payloadType":"{PAYLOAD_TYPE}","payload":"{payload}","signatures":[{{"keyid":"","sig":"{signature}"}}]}}'
    assert verified_by(parse_envelope(data.encode(), "e.json"), ring(OTHER, EC)) == (keys.fingerprint(EC.public_key()),)


def test_the_hint_is_never_trusted():
    envelope = parse_envelope(bare(), "e.json")
    (signature,) = envelope.signatures
    both = ring(EC, OTHER)
    for hint in ["", "x", *dsse.hints_of(OTHER.public_key()), *dsse.hints_of(EC.public_key())]:
        lying = dsse.Envelope(envelope.payload_type, envelope.payload, (dsse.Signature(signature.value, hint),))
        assert verified_by(lying, both) == (keys.fingerprint(EC.public_key()),)
        assert verified_by(lying, ring(OTHER)) == ()
        assert verified_by(lying, both, [keys.fingerprint(OTHER.public_key()), "sha256:unknown"]) == (
            keys.fingerprint(EC.public_key()),
        )


def test_one_key_counts_once_however_often_it_signs():
    # ECDSA signatures are malleable: r, n - s is another signature of the same key over the same message.
    envelope = sign_envelope(PAYLOAD_TYPE, PAYLOAD, [EC, EC])
    r, s = utils.decode_dss_signature(envelope.signatures[0].value)
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    twin = dsse.Signature(utils.encode_dss_signature(r, order - s), "another")
    many = dsse.Envelope(envelope.payload_type, envelope.payload, (*envelope.signatures, twin))
    assert keys.verify(EC.public_key(), twin.value, dsse.pae(PAYLOAD_TYPE, PAYLOAD))
    assert verified_by(many, ring(EC, OTHER)) == (keys.fingerprint(EC.public_key()),)


def test_base64_and_base64url_are_read_padded_or_not():
    value = bytes(range(251, 256)) * 3 + b"x"
    for text in (base64.b64encode(value).decode(), base64.urlsafe_b64encode(value).decode()):
        assert decode_base64(text) == value
        assert decode_base64(text.rstrip("=")) == value
    assert decode_base64("") == b""


@pytest.mark.parametrize(
    "text",
    [
        "Zh==",
        "Zg=",
        "Zg===",
        "Z",
        "Zg==Zg==",
        "Zg==\n",
        "Z g=",
        "Zm9=",
        "_+8=",
        "-/8=",
        "é",
        "Zm9v=",
        "=",
        "Zg\x00=",
        "Z=g=",
    ],
)
def test_base64_that_is_not_the_one_way_to_write_it_is_refused(text):
    with pytest.raises(ValueError, match="base64"):
        decode_base64(text)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is not JSON"),
        (b"[]", "no JSON object"),
        (b"null", "no JSON object"),
        (b"\xff\xfe", "not acceptable JSON"),
        (b"{} {}", "is not JSON"),
        (b"[" * 100, "levels deep"),
        (b'{"payload": "e30=", "payload": "e30="}', "duplicate key"),
        (b'{"payload": NaN}', "NaN"),
        (bare(payloadType=""), "no payload type"),
        (bare(payloadType=None), "no payload type"),
        (bare(payloadType="a" * 257), "no payload type"),
        (bare(payload=""), "payload: is missing, empty"),
        (bare(payload=None), "payload: is missing, empty"),
        (bare(payload={"a": 1}), "payload: is missing, empty"),
        (bare(payload="Zh=="), "could be written in another way"),
        (bare(signatures=[]), "has no signatures"),
        (bare(signatures={}), "has no signatures"),
        (bare(signatures=["x"]), "signatures[0]: is no JSON object"),
        (bare(signatures=[{"keyid": "x"}]), "signatures[0].sig: is missing"),
        (bare(signatures=[{"sig": "Zg==", "keyid": 1}]), "signatures[0].keyid: is no text"),
        (bare(signatures=[{"sig": "Zg==", "keyid": "k" * 1025}]), "signatures[0].keyid"),
        (bare(signatures=[{"sig": "A" * 4000}]), "signatures[0].sig: has more than 2048 bytes"),
        (bare(signatures=[{"sig": "Zg=="}] * 5000), "has 5000 signatures"),
        (bundle(mediaType="application/vnd.dev.sigstore.bundle.v0.4+json"), "media type that is not accepted"),
        (bundle(mediaType=None), "media type that is not accepted"),
        (bundle(mediaType=[]), "media type that is not accepted"),
        (bundle(payload="e30="), "a bundle and a bare envelope at once"),
        (bundle(signatures=[]), "a bundle and a bare envelope at once"),
        (bare(mediaType=dsse.BUNDLE_TYPE), "a bundle and a bare envelope at once"),
        (bare(dsseEnvelope={}), "media type that is not accepted"),
        (bundle(verificationMaterial=None), "no verification material"),
        (bundle(verificationMaterial={}), "no public key"),
        (bundle(verificationMaterial={"publicKey": "x"}), "no public key"),
        (bundle(dsseEnvelope=[]), "no DSSE envelope"),
        (bundle(messageSignature={}), "no DSSE envelope"),
    ],
)
def test_what_cannot_be_read_is_refused(data, words):
    assert words in refusal(data)


@pytest.mark.parametrize(
    "material",
    [
        {"certificate": {"rawBytes": "Zg=="}},
        {"x509CertificateChain": {"certificates": [{"rawBytes": "Zg=="}]}},
        {"certificate": None, "publicKey": {"hint": ""}},
        {"publicKey": {"hint": ""}, "x509CertificateChain": {}},
    ],
)
def test_keyless_is_refused_even_beside_a_key_that_verifies(material):
    assert "only keys count here" in refusal(bundle(verificationMaterial=material))


def test_sizes_are_bounded_before_they_cost():
    assert "more than 10" in refusal(bare(), Limits(file_bytes=10))
    assert "payload: has more than 10 bytes" in refusal(bare(), Limits(payload_bytes=10))
    exact = Limits(payload_bytes=len(PAYLOAD))
    assert parse_envelope(bare(), "e.json", exact).payload == PAYLOAD
    assert "payload: has more than" in refusal(bare(), Limits(payload_bytes=len(PAYLOAD) - 1))


def test_the_same_inputs_give_the_same_bytes():
    first = dsse.bundle_json(sign_envelope(PAYLOAD_TYPE, PAYLOAD, [EC]), EC.public_key())
    assert first == dsse.bundle_json(sign_envelope(PAYLOAD_TYPE, PAYLOAD, [EC]), EC.public_key())
