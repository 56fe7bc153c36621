# METADATA
# scope: package
# title: What a decision log never holds
# description: |
#   A mask that errors loses the whole event, so nothing here can: every pointer is built from the keys of an object that was
#   looked at first, and OPA ignores a pointer to what is not there.
package system.log

# METADATA
# title: Masked paths
# description: Every header of a call whose name speaks of a credential is removed, and so are bodies and the raw query.
mask contains pointer if {
	some header in object.keys(input.input.attributes.request.http.headers)
	credential(header)
	pointer := concat("/", ["/input/attributes/request/http/headers", escaped(header)])
}

mask contains pointer if {
	some pointer in [
		"/input/attributes/request/http/body",
		"/input/attributes/request/http/raw_body",
		"/input/parsed_body",
		"/input/parsed_query",
	]
}

credential(header) if regex.match(`(?i)auth|cookie|key|token|secret|passw|credential|session|jwt`, header)

# RFC 6901.
escaped(header) := replace(replace(header, "~", "~0"), "/", "~1")
