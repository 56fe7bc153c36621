package lib.weighbridge.signed_test

import data.lib.weighbridge.signed

# Made from a sentence, for these tests alone.
release_key := {"kty": "EC", "crv": "P-256", "x": "W5qOqwQ7IPdviiH91f8m-HSphhTBrnf5egVfNj9WhYk", "y": "FiBYDpALgHdaDn7o71mcsuWUCkiGYZKgbBow-q4M95U", "d": "AHdlaWdoYnJpZGdlIHRlc3Qga2V5IDEuLi4uLi4uLi4"}

release_pem := "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEW5qOqwQ7IPdviiH91f8m+HSphhTB\nrnf5egVfNj9WhYkWIFgOkAuAd1oOfujvWZyy5ZQKSIZhkqBsGjD6rgz3lQ==\n-----END PUBLIC KEY-----\n"

live_key := {"kty": "EC", "crv": "P-256", "x": "a7cipfHKjeu9m9W_K-CEzSiHCkl57Fh-95wuWSJfSr8", "y": "lXfOOdiWQcbocvocwCx9Iuw30QYtKx2WshOpCJ7H3S0", "d": "AHdlaWdoYnJpZGdlIHRlc3Qga2V5IDIuLi4uLi4uLi4"}

live_pem := "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEa7cipfHKjeu9m9W/K+CEzSiHCkl5\n7Fh+95wuWSJfSr+Vd8452JZBxuhy+hzALH0i7DfRBi0rHZayE6kInsfdLQ==\n-----END PUBLIC KEY-----\n"

other_key := {"kty": "EC", "crv": "P-256", "x": "2Vsv2NyDLbQNaPJ84Ha_U1TICE7PQbhccV_aA4KKJsQ", "y": "9VEhGdK4srAuxyTpKFlrN5ZdDNFPU_KnkJ0SV0lEgXA", "d": "AHdlaWdoYnJpZGdlIHRlc3Qga2V5IDMuLi4uLi4uLi4"}

other_pem := "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE2Vsv2NyDLbQNaPJ84Ha/U1TICE7P\nQbhccV/aA4KKJsT1USEZ0riysC7HJOkoWWs3ll0M0U9T8qeQnRJXSUSBcA==\n-----END PUBLIC KEY-----\n"

key := {"algorithm": "ES256", "pem": release_pem}

header := {"alg": "ES256", "kid": "release"}

payload := {"environment": "prod", "not_after": 9223372036854775807}

token(head, private) := io.jwt.encode_sign(head, payload, private)

unsigned(head, signature) := concat(".", [
	base64url.encode_no_pad(json.marshal(head)),
	base64url.encode_no_pad(json.marshal(payload)),
	signature,
])

test_signed_by_the_key if signed.claims(token(header, release_key), key) == payload

test_not_by_another_key if {
	not signed.claims(token(header, other_key), key)
	not signed.claims(token(header, live_key), key)
	signed.claims(token(header, other_key), {"algorithm": "ES256", "pem": other_pem})
	signed.claims(token(header, live_key), {"algorithm": "ES256", "pem": live_pem})
}

test_no_other_algorithm if {
	not signed.claims(unsigned({"alg": "none", "kid": "release"}, ""), key)
	not signed.claims(unsigned(header, ""), key)
	secret := {"kty": "oct", "k": base64url.encode_no_pad(release_pem)}
	shared := token({"alg": "HS256", "kid": "release"}, secret)
	not signed.claims(shared, key)
	every algorithm in ["HS256", "none", "ES384", "RS256", "PS256", "", null] {
		not signed.claims(shared, {"algorithm": algorithm, "pem": release_pem})
		not signed.claims(token(header, release_key), {"algorithm": algorithm, "pem": release_pem})
	}
}

test_no_header_that_brings_a_key if {
	public := object.remove(other_key, ["d"])
	every extra in [{"jwk": public}, {"crit": ["b64"]}, {"x5u": "https://evil.example.com"}] {
		not signed.claims(token(object.union(header, extra), other_key), key)
		not signed.claims(token(object.union(header, extra), release_key), key)
	}
	not signed.claims(token({"alg": "ES256"}, release_key), key)
}

test_nothing_that_is_no_token if {
	good := token(header, release_key)
	every value in [null, 7, "", "x", "a.b.c", [good], {"token": good}, concat("", [good, "."]), concat("", [good, "A"])] {
		not signed.claims(value, key)
	}
	every strange in [null, {}, {"algorithm": "ES256"}, {"algorithm": "ES256", "pem": ""}, {"algorithm": "ES256", "pem": 7}] {
		not signed.claims(good, strange)
	}
}

test_only_objects if {
	encoded := io.jwt.encode_sign_raw(json.marshal(header), "[1]", json.marshal(release_key))
	not signed.claims(encoded, key)
}

# Signed by the key, whatever the header says of it; the last one says what is so.
test_a_header_that_says_another_algorithm if {
	not signed.claims("eyJhbGciOiJub25lIiwia2lkIjoicmVsZWFzZSJ9.eyJlbnZpcm9ubWVudCI6InByb2QifQ.Cgq0u22y5PF1s7hO3h4ViV-xOtUSDOa5R3N6WAAAVm1CBULpGqA-F-ccys2YqDvSwxZ8d1soJJ2PllLEp96cVg", key)
	not signed.claims("eyJhbGciOiJIUzI1NiIsImtpZCI6InJlbGVhc2UifQ.eyJlbnZpcm9ubWVudCI6InByb2QifQ.vdPIkLr-UW3lowMdMZBD6skVdAGKY26uyFA9ZLJfrKsyKsLC5_5EyGp25qeNsugmOmJfADiDMjoAlUbXxvaqJw", key)
	signed.claims("eyJhbGciOiJFUzI1NiIsImtpZCI6InJlbGVhc2UifQ.eyJlbnZpcm9ubWVudCI6InByb2QifQ.2XIYOC3rN40Ps-sWy_-WkWPuuE1Lm2uvj0ZCMeA6arx33t6pZMnKKXJrpL96EuZPQWVkRaJzDo_er0mqUe8bDA", key)
}
