# METADATA
# scope: package
# title: Executable content
# description: |
#   What `weighbridge package` found in a model that can make a machine run what its author wrote. Without parameters nothing is
#   accepted. Parameters, all optional: `allowed` (kinds that are accepted: pickle, pickle-unknown, pickle-dangerous, keras-lambda,
#   keras-custom, remote-code, source, bytecode, native, engine, graph-operator, template), `except` (by kind, paths that are
#   accepted), `unread` (paths whose findings are accepted: files that could not be understood), `scanners` (lowest versions, by name).
# schemas:
#   - input: schema.executable_content
package weighbridge.evidence.executable_content

import data.weighbridge.evidence.parameters

kinds := {
	"bytecode",
	"engine",
	"graph-operator",
	"keras-custom",
	"keras-lambda",
	"native",
	"pickle",
	"pickle-dangerous",
	"pickle-unknown",
	"remote-code",
	"source",
	"template",
}

# METADATA
# title: The verdict on what was found in one model
# description: Passes only if every file was understood, and everything that can run is provably accepted.
verdict := parameters.passed(claims) if holds

else := parameters.failed(problems)

holds if {
	count(object.keys(input.with) - {"allowed", "except", "unread", "scanners"}) == 0
	input.predicate_type == "https://weighbridge.dev/executable-content/v1"
	parameters_known
	well_formed
	about_this_manifest
	scanners_accepted
	every part in input.predicate.executable {
		accepted(part)
	}
	every finding in input.predicate.findings {
		finding.path in unread
	}
}

claims := {
	"files": input.predicate.files,
	"kinds": sort({part.kind | some part in input.predicate.executable}),
}

problems contains problem if some problem in parameters.unknown({"allowed", "except", "unread", "scanners"})

problems contains "the predicate type is not executable-content/v1" if {
	not input.predicate_type == "https://weighbridge.dev/executable-content/v1"
}

problems contains "a parameter is not of the form that the rule knows" if not parameters_known

problems contains "the predicate is not {scanners, at, manifest_sha256, files, executable, findings}" if not well_formed

problems contains "it is about another manifest" if not about_this_manifest

problems contains "a scanner that `scanners` demands is missing or older" if not scanners_accepted

# Twenty are enough to see what is wrong.
problems contains problem if some problem in array.slice(sort(refused), 0, 20)

refused contains sprintf("%s: %s (%s)", [part.path, part.kind, part.detail]) if {
	some part in input.predicate.executable
	not accepted(part)
}

refused contains sprintf("%s was not understood: it %s", [finding.path, finding.message]) if {
	some finding in input.predicate.findings
	not finding.path in unread
}

well_formed if {
	object.keys(input.predicate) == {"scanners", "at", "manifest_sha256", "files", "executable", "findings"}
	is_string(input.predicate.at)
	input.predicate.files > 0
	count(input.predicate.scanners) > 0
	is_array(input.predicate.executable)
	every part in input.predicate.executable {
		object.keys(part) == {"path", "kind", "detail"}
		is_string(part.path)
		part.kind in kinds
	}
	is_array(input.predicate.findings)
	every finding in input.predicate.findings {
		is_string(finding.path)
		is_string(finding.message)
	}
}

about_this_manifest if {
	parameters.digest(input.predicate.manifest_sha256)
	input.predicate.manifest_sha256 == input.manifest_sha256
}

accepted(part) if part.kind in allowed

accepted(part) if part.path in input.with.except[part.kind]

allowed := {kind | some kind in object.get(input.with, "allowed", [])}

unread := {path | some path in object.get(input.with, "unread", [])}

parameters_known if {
	parameters.texts(object.get(input.with, "allowed", []))
	count(allowed - kinds) == 0
	parameters.texts(object.get(input.with, "unread", []))
	exceptions_known
	versions_known
}

exceptions_known if {
	exceptions := object.get(input.with, "except", {})
	is_object(exceptions)
	count(object.keys(exceptions) - kinds) == 0
	every paths in exceptions {
		parameters.texts(paths)
	}
}

versions_known if {
	versions := object.get(input.with, "scanners", {})
	is_object(versions)
	every version in versions {
		count(numbers(version)) > 0
	}
}

scanners_accepted if {
	every name, lowest in object.get(input.with, "scanners", {}) {
		some scanner in input.predicate.scanners
		scanner.name == name
		numbers(scanner.version) >= numbers(lowest)
	}
}

# METADATA
# title: A version as numbers
# description: Compared part by part. Undefined for anything but digits and dots.
numbers(version) := [to_number(part) | some part in split(version, ".")] if {
	regex.match(`^[0-9]{1,9}(\.[0-9]{1,9})*$`, version)
}
