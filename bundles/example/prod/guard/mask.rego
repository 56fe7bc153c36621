# METADATA
# scope: package
# title: What a decision log never holds
# description: |
#   A mask that errors loses the whole event, so nothing here can: every pointer is built from the keys of an object that was
#   looked at first, and OPA ignores a pointer to what is not there. What may be logged is listed; all else is removed.
# schemas:
#   - input: schema.event
#   - data.weighbridge.registry: schema.registry
package system.log

import data.weighbridge.registry

# METADATA
# title: Masked paths
# description: |
#   Of a call all headers but a few of known form, the body in every form, the host, the query, in which some clients put their key,
#   and a method and path that the catalogue does not name. Of a workload all but its kind and name, since specs, data and
#   annotations hold secrets.
mask contains pointer if {
	some header, value in input.input.attributes.request.http.headers
	not harmless(lower(header), value)
	pointer := concat("/", ["/input/attributes/request/http/headers", escaped(header)])
}

mask contains pointer if {
	some pointer in [
		"/input/attributes/request/http/body",
		"/input/attributes/request/http/fragment",
		"/input/attributes/request/http/host",
		"/input/attributes/request/http/query",
		"/input/attributes/request/http/raw_body",
		"/input/metadata/annotations",
		"/input/parsed_body",
		"/input/parsed_query",
	]
}

# Method and path stand there only if the catalogue names them: a key in a path is a key.
mask contains operation if {
	path := input.input.attributes.request.http.path
	contains(path, "?")
	served
	operation := {"op": "upsert", "path": "/input/attributes/request/http/path", "value": split(path, "?")[0]}
}

mask contains pointer if {
	not served
	some pointer in [
		"/input/attributes/request/http/method",
		"/input/attributes/request/http/path",
		"/input/parsed_path",
	]
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

# A prompt or a key in a header where none belongs is one, too, so what is kept is of a form that holds neither.
harmless("content-encoding", value) if value in {"br", "deflate", "gzip", "identity", "zstd"}

harmless("content-length", value) if regex.match(`^[0-9]{1,20}$`, value)

harmless("content-type", value) if {
	regex.match(`(?i)^(application/json|text/plain)[ \t]*(;[ \t]*charset[ \t]*=[ \t]*"?utf-?8"?[ \t]*)?$`, value)
}

harmless("x-request-id", value) if regex.match(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`, value)

served if {
	http := input.input.attributes.request.http
	registry.calls.paths[concat(" ", [http.method, split(http.path, "?")[0]])]
}

# RFC 6901.
escaped(key) := replace(replace(key, "~", "~0"), "/", "~1")
