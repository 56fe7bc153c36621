# METADATA
# scope: package
# title: What a decision log never holds
# description: |
#   A mask that errors loses the whole event, so nothing here can: every pointer is built from the keys of an object that was
#   looked at first, and OPA ignores a pointer to what is not there. What may be logged is listed; all else is removed.
# schemas:
#   - input: schema.event
package system.log

# METADATA
# title: Masked paths
# description: |
#   Of a call all headers but a few, the body in every form, and the query, in which some clients put their key. Of a workload all
#   but its kind and name, since specs, data and annotations hold secrets.
mask contains pointer if {
	some header in object.keys(input.input.attributes.request.http.headers)
	not lower(header) in {"content-encoding", "content-length", "content-type", "x-request-id"}
	pointer := concat("/", ["/input/attributes/request/http/headers", escaped(header)])
}

mask contains pointer if {
	some pointer in [
		"/input/attributes/request/http/body",
		"/input/attributes/request/http/query",
		"/input/attributes/request/http/raw_body",
		"/input/metadata/annotations",
		"/input/parsed_body",
		"/input/parsed_query",
	]
}

mask contains operation if {
	path := input.input.attributes.request.http.path
	contains(path, "?")
	operation := {"op": "upsert", "path": "/input/attributes/request/http/path", "value": split(path, "?")[0]}
}

mask contains pointer if {
	some key in object.keys(input.input)
	not key in {"apiVersion", "attributes", "kind", "metadata", "parsed_path", "version"}
	pointer := concat("/", ["/input", escaped(key)])
}

# What a body gives as a model or a flag may be anything, the prompt included; only what is a name is kept as it came.
mask contains pointer if {
	some key, value in input.input.attributes.metadataContext.filterMetadata["weighbridge.call"]
	is_string(value)
	not regex.match(`^[a-z0-9][a-z0-9.@-]{0,127}$`, value)
	pointer := concat("/", ["/input/attributes/metadataContext/filterMetadata/weighbridge.call", escaped(key)])
}

# RFC 6901.
escaped(key) := replace(replace(key, "~", "~0"), "/", "~1")
