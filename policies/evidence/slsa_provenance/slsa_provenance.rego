# METADATA
# scope: package
# title: SLSA provenance
# description: |
#   SLSA provenance v1, and v0.2 of the older generators. Which level a builder reaches is no field of a provenance: whoever trusts the builder says so. Parameters:
#   `builders` (a list of builder ids, or of `{id, level}`), and, optional, `build_types`, `source` (a repository, or a list of
#   them), `level` (1 to 3; then every builder that counts needs a level).
#   The source is what the build was *asked* to build (`externalParameters`; in v0.2 `invocation.configSource`), and it must be among
#   the resolved dependencies (in v0.2 the materials) with a digest; being one of many dependencies is not enough.
# schemas:
#   - input: schema.slsa_provenance
# related_resources:
#   - ref: https://slsa.dev/spec/v1.0/provenance
#   - ref: https://slsa.dev/spec/v0.2/provenance
package weighbridge.evidence.slsa_provenance

import data.weighbridge.evidence.parameters

v1 := "https://slsa.dev/provenance/v1"

v02 := "https://slsa.dev/provenance/v0.2"

# METADATA
# title: The verdict on one provenance
# description: Passes only for a trusted builder, of a sufficient level, from an accepted source.
verdict := parameters.passed(claims) if holds

else := parameters.failed(problems)

holds if {
	count(object.keys(input.with) - {"builders", "build_types", "source", "level"}) == 0
	input.predicate_type in {v1, v02}
	well_formed
	builders_understood
	builder_trusted
	level_understood
	level_reached
	build_type_accepted
	source_accepted
}

problems contains problem if some problem in parameters.unknown({"builders", "build_types", "source", "level"})

problems contains "the predicate type is not SLSA provenance v1 or v0.2" if not input.predicate_type in {v1, v02}

problems contains "the predicate is no SLSA provenance of its version" if not well_formed

problems contains "`builders` is no list of builder ids, or of {id, level}" if not builders_understood

problems contains "`level` is not 1, 2 or 3" if not level_understood

problems contains "the builder is not one of `builders`" if not builder_trusted

problems contains "the builder's level is below `level`, or not given" if not level_reached

problems contains "the build type is not one of `build_types`" if not build_type_accepted

problems contains "`source` is neither a repository nor a list of them" if not source_understood

problems contains "the build was not asked to build an accepted `source`, or did not resolve it to a digest" if not source_accepted

well_formed if {
	is_string(build_type)
	is_string(builder_id)
	asked_well_formed
}

# Each version is read in its own places only: what stands in the other's is not what its verifiers saw.
asked_well_formed if {
	input.predicate_type == v1
	is_object(input.predicate.buildDefinition.externalParameters)
}

asked_well_formed if {
	input.predicate_type == v02
	is_object(input.predicate.invocation.configSource)
}

build_type := input.predicate.buildDefinition.buildType if input.predicate_type == v1

build_type := input.predicate.buildType if input.predicate_type == v02

builder_id := input.predicate.runDetails.builder.id if input.predicate_type == v1

builder_id := input.predicate.builder.id if input.predicate_type == v02

builders_understood if {
	is_array(input.with.builders)
	every builder in input.with.builders {
		builder_understood(builder)
	}
}

builder_understood(builder) if named(builder)

builder_understood(builder) if {
	object.keys(builder) == {"id", "level"}
	named(builder.id)
	builder.level in {1, 2, 3}
}

named(id) if {
	is_string(id)
	id != ""
}

builder_trusted if {
	some builder in input.with.builders
	id_of(builder) == builder_id
}

id_of(builder) := builder if is_string(builder)

id_of(builder) := builder.id if is_object(builder)

level_understood if not "level" in object.keys(input.with)

level_understood if input.with.level in {1, 2, 3}

level_reached if not "level" in object.keys(input.with)

level_reached if level >= input.with.level

# A builder that is listed twice has the lower of its levels.
level := min({builder.level |
	some builder in input.with.builders
	builder.id == builder_id
})

build_type_accepted if not "build_types" in object.keys(input.with)

build_type_accepted if {
	parameters.texts(input.with.build_types)
	build_type in input.with.build_types
}

source_understood if not "source" in object.keys(input.with)

source_understood if count(accepted) > 0

source_accepted if not "source" in object.keys(input.with)

source_accepted if {
	count(asked) > 0
	every repository in asked {
		repository in accepted
		repository in resolved
	}
}

accepted := {repository(input.with.source)} if is_string(input.with.source)

accepted := {repository(entry) | some entry in input.with.source} if parameters.texts(input.with.source)

# Where build types say what to build: GitHub's and GitLab's workflows, SLSA's generators, Google Cloud Build. All that is said counts.
asked contains repository(uri) if {
	input.predicate_type == v1
	some place in [["workflow", "repository"], ["source"], ["source", "uri"], ["source", "repository"], ["buildConfigSource", "repository"]]
	uri := object.get(input.predicate.buildDefinition.externalParameters, place, null)
	is_string(uri)
}

asked contains repository(input.predicate.invocation.configSource.uri) if input.predicate_type == v02

resolved contains repository(dependency.uri) if {
	some dependency in dependencies
	some algorithm in ["gitCommit", "sha1", "sha256"]
	regex.match(`^[0-9a-f]{40}([0-9a-f]{24})?$`, dependency.digest[algorithm])
}

dependencies := input.predicate.buildDefinition.resolvedDependencies if input.predicate_type == v1

dependencies := input.predicate.materials if input.predicate_type == v02

# The repository without `git+` before and revision behind it.
repository(uri) := trim_suffix(regex.replace(trim_prefix(uri, "git+"), `@(refs/[^@]*|[0-9a-f]{40}|[0-9a-f]{64})$`, ""), ".git")

claims := {"builder": builder_id, "level": level} if {
	level
} else := {"builder": builder_id}
