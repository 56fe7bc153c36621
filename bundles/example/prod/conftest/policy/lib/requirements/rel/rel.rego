# METADATA
# scope: package
# title: Versions that are documented
# description: |
#   What the card of an approved version lacks, at the pod that serves it. `limits.documented` says what must be documented, by the
#   names of `release.requires`. The release rules judged that when compiling; the record carries what they found (`lacking`), and it
#   denies here under their own codes, REL-013 to REL-018 and REL-021, from `from` on where it names a time.
package lib.weighbridge.requirements.rel

import data.lib.weighbridge.request

deny contains violation if {
	some entry in record.lacking
	severity := severities[entry.code]
	begun(entry)
	violation := {
		"code": entry.code,
		"severity": severity,
		"message": sprintf("%s: %s.", [version_name, short(entry.message)]),
		"field": version_field,
	}
}

# METADATA
# title: What a version must document was judged
# description: |
#   The environment demands documentation, and what the record says about it cannot be read, or names a code that no release rule
#   has. Then nothing is known of it.
# related_resources:
#   - ref: https://csrc.nist.gov/pubs/sp/800/218/a/final
#     description: NIST SP 800-218A, secure development of AI models
#   - ref: https://owasp.org/www-project-machine-learning-security-top-10/docs/ML06_2023-AI_Supply_Chain_Attacks
#     description: OWASP ML Top 10, ML06 AI supply chain attacks
# custom:
#   code: REL-022
#   severity: high
#   fix: Compile again with this version of Weighbridge, and give the point what it wrote.
deny contains violation if {
	record
	count(request.limits.documented) > 0
	not readable
	violation := {
		"code": "REL-022",
		"severity": "high",
		"message": sprintf("%s: what it documents was not judged. Compile again.", [version_name]),
		"field": version_field,
	}
}

# METADATA
# title: The pod sets what the card says a server needs
# description: |
#   Where the environment demands that environment variables are documented, each variable that the card's `environment_variables`
#   names is set in a container of the pod, to a value or from a source. Sentences in that list are for people, and name none.
# related_resources:
#   - ref: https://csrc.nist.gov/pubs/sp/800/218/a/final
#     description: NIST SP 800-218A, secure development of AI models
#   - ref: https://kubernetes.io/docs/tasks/inject-data-application/define-environment-variable-container/
#     description: Kubernetes, environment variables
#   - ref: https://media.defense.gov/2022/Aug/29/2003066362/-1/-1/0/CTR_KUBERNETES_HARDENING_GUIDANCE_1.2_20220829.PDF
#     description: NSA and CISA, Kubernetes Hardening Guidance
# custom:
#   code: REL-023
#   severity: medium
#   fix: Set the variable in the container that serves, or correct the card and package again.
deny contains violation if {
	"environment-variables" in request.limits.documented
	some name, _ in record.environment_variables
	not name in variables
	violation := {
		"code": "REL-023",
		"severity": "medium",
		"message": sprintf("%s: its card says that a server needs `%s`, which no container sets. Set it.", [version_name, short(name)]),
		"field": array.concat(request.subject.pod.path, ["spec", "containers"]),
	}
}

# Of a version that is not approved MOD-003 says everything.
record := found if {
	request.serving
	found := request.record(version_name)
	found.approved == true
}

version_name := sprintf("%s@%s", [
	request.subject.pod.labels[request.label_names.model_id],
	request.subject.pod.labels[request.label_names.model_version],
])

version_field := array.concat(request.subject.pod.path, ["metadata", "labels", request.label_names.model_version])

severities := {
	"REL-013": "high",
	"REL-014": "high",
	"REL-015": "medium",
	"REL-016": "medium",
	"REL-017": "medium",
	"REL-018": "high",
	"REL-021": "critical",
}

readable if {
	is_array(record.lacking)
	is_object(record.environment_variables)
	every entry in record.lacking {
		severities[entry.code]
		is_string(entry.message)
	}
}

# What is so only from a time on; a time that cannot be read has come.
begun(entry) if not later(entry)

later(entry) if {
	is_number(entry.from)
	entry.from > request.now_ns
}

# What an init container is given does not reach the server.
variables := {variable.name |
	some entry in request.subject.pod.containers
	entry.field[count(entry.field) - 2] == "containers"
	some variable in entry.container.env
}

short(text) := text if {
	count(text) <= 160
} else := concat("", [substring(text, 0, 157), "..."])
