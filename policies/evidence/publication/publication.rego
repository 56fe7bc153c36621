# METADATA
# scope: package
# title: Publication
# description: |
#   Where an artifact was put, by immutable addresses. The address of a registry's manifest is known only once the card lies in it, so
#   the card cannot name it; whoever pushed says it afterwards. Parameters: `registries`, prefixes that end with `/`, of which each
#   address must have one.
# schemas:
#   - input: schema.publication
package weighbridge.evidence.publication

import data.weighbridge.evidence.parameters

# METADATA
# title: The verdict on one publication
# description: Passes if every address is immutable and lies where it may; the addresses become sources of the version.
verdict := parameters.passed({"sources": input.predicate.sources}) if holds

else := parameters.failed(problems)

holds if {
	object.keys(input.with) - {"registries"} == set()
	well_formed
	every source in input.predicate.sources {
		immutable(source)
		not climbs(source)
		allowed(source)
	}
}

problems contains problem if some problem in parameters.unknown({"registries"})

problems contains "`with.registries` is no list of prefixes that end with `/`" if {
	registries := input.with.registries
	not prefixes(registries)
}

problems contains "the predicate is not {sources, at}" if not well_formed

problems contains sprintf("%q is no immutable address", [source]) if {
	some source in input.predicate.sources
	not immutable(source)
}

problems contains sprintf("%q has a path that a client would rewrite", [source]) if {
	some source in input.predicate.sources
	climbs(source)
}

problems contains sprintf("%q lies in no registry that `with.registries` names", [source]) if {
	some source in input.predicate.sources
	not allowed(source)
}

well_formed if {
	object.keys(input.predicate) == {"sources", "at"}
	is_string(input.predicate.at)
	is_array(input.predicate.sources)
	count(input.predicate.sources) > 0
	count(input.predicate.sources) <= 64
}

immutable(source) if regex.match(`^oci://[^\s@]+@sha256:[0-9a-f]{64}$`, source)

immutable(source) if regex.match(`^hf://[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)?@[0-9a-f]{40}$`, source)

immutable(source) if regex.match(`^(s3|gs|https)://[^\s?#]+\?versionId=[A-Za-z0-9._~-]+$`, source)

immutable(source) if regex.match(`^(s3|gs)://[^\s?#]+#[0-9]+$`, source)

# A path that climbs begins with a prefix, and leads elsewhere.
climbs(source) if regex.match(`(?i)(/|%2f|\\)(\.|%2e)+(/|%2f|\\|[?#@]|$)|\\`, source)

allowed(source) if {
	is_string(source)
	not restricted
}

allowed(source) if {
	prefixes(input.with.registries)
	some prefix in input.with.registries
	startswith(source, prefix)
}

restricted if object.get(input.with, "registries", null) != null

# Without the `/` at its end, a prefix would be that of a neighbour's registry, too.
prefixes(list) if {
	parameters.texts(list)
	count(list) > 0
	every prefix in list {
		regex.match(`^[a-z0-9]+://[^\s@]+/$`, prefix)
	}
}
