# METADATA
# scope: package
# title: Model signature
# description: |
#   OpenSSF model signing v1.0. That the subject is the root of the signed resources is checked where subjects are, before any rule
#   is asked. The root covers no file names, so here the resources must be the manifest's files one to one, names included;
#   README.md may be among them, with the hash of the card. With that, what the signer chose to ignore cannot hide a file.
#   Parameters, both optional: `symlinks: allow`, and `ignore_paths` (the only paths that the signer may have ignored).
# schemas:
#   - input: schema.model_signature
# related_resources:
#   - ref: https://github.com/sigstore/model-transparency
package weighbridge.evidence.model_signature

import data.weighbridge.evidence.parameters

# METADATA
# title: The verdict on one model signature
# description: Passes only if the signed resources are exactly the files of the manifest.
verdict := parameters.passed({}) if holds

else := parameters.failed(problems)

holds if {
	count(object.keys(input.with) - {"symlinks", "ignore_paths"}) == 0
	input.predicate_type == "https://model_signing/signature/v1.0"
	object.get(input.with, "symlinks", "refuse") in {"allow", "refuse"}
	serialization_accepted
	symlinks_accepted
	ignored_accepted
	resources_understood
	one_to_one
}

problems contains problem if some problem in parameters.unknown({"symlinks", "ignore_paths"})

problems contains "the predicate type is not model_signing/signature/v1.0" if {
	not input.predicate_type == "https://model_signing/signature/v1.0"
}

problems contains "`symlinks` is neither `allow` nor `refuse`" if not object.get(input.with, "symlinks", "refuse") in {"allow", "refuse"}

problems contains "the serialization is not `files` with sha256" if not serialization_accepted

problems contains "the signer followed symbolic links, or does not say that he did not" if not symlinks_accepted

problems contains "the signer ignored a path that `ignore_paths` does not name" if not ignored_accepted

problems contains "a resource is not hashed with SHA-256, or has the name of another" if not resources_understood

problems contains "the signed resources are not the files of the manifest, one to one" if not one_to_one

serialization_accepted if {
	input.predicate.serialization.method == "files"
	input.predicate.serialization.hash_type == "sha256"
}

symlinks_accepted if input.predicate.serialization.allow_symlinks == false

symlinks_accepted if input.with.symlinks == "allow"

ignored_accepted if not "ignore_paths" in object.keys(input.with)

ignored_accepted if {
	parameters.texts(input.with.ignore_paths)
	is_array(input.predicate.serialization.ignore_paths)
	every path in input.predicate.serialization.ignore_paths {
		path in input.with.ignore_paths
	}
}

resources_understood if {
	every resource in input.predicate.resources {
		resource.algorithm == "sha256"
	}
	count({resource.name | some resource in input.predicate.resources}) == count(input.predicate.resources)
}

one_to_one if {
	count(files) > 0
	signed == files
}

one_to_one if {
	count(files) > 0
	signed == files | {["README.md", trim_prefix(input.card_sha256, "sha256:")]}
}

# Sets of pairs: an object would break the evaluation where two entries bear one name.
signed := {[resource.name, resource.digest] | some resource in input.predicate.resources}

files := {[path, digest] | some [path, _, digest] in input.files}
