# METADATA
# scope: package
# title: Signed claims
# description: |
#   Compact JWS (RFC 7515) by a key that is known beforehand. The algorithm belongs to the key, as compiling wrote it; what a token
#   claims about its algorithm is compared and never followed, and a header with anything but `alg` and `kid` is refused.
package lib.weighbridge.signed

# METADATA
# title: Claims
# description: What the token says, if the key signed it; undefined for every other token. `key` is `{algorithm, pem}`.
claims(token, key) := payload if {
	is_string(token)
	verifies(token, key.algorithm, key.pem)
	[header, payload, _] := io.jwt.decode(token)
	object.keys(header) == {"alg", "kid"}
	header.alg == key.algorithm
	is_object(payload)
}

verifies(token, "ES256", pem) if io.jwt.verify_es256(token, pem)

verifies(token, "ES384", pem) if io.jwt.verify_es384(token, pem)

verifies(token, "RS256", pem) if io.jwt.verify_rs256(token, pem)

verifies(token, "PS256", pem) if io.jwt.verify_ps256(token, pem)
