# METADATA
# scope: package
# title: Models in workloads
# description: |
#   What must provably hold before a pod may serve a model. Which requirement applies when:
#
#   | situation | what is judged |
#   |---|---|
#   | policy data missing | MOD-013 alone |
#   | object not understood | MOD-010 alone |
#   | kind that holds pods, not described | MOD-011 alone |
#   | kind without pods, exempt namespace, support images only | nothing |
#   | serving workload | MOD-001, MOD-012, MOD-014, the form of images (MOD-008), volumes (MOD-009) |
#   | ... with readable labels | MOD-002 |
#   | ... of a known version | MOD-003, MOD-005, MOD-006, MOD-007 |
#   | ... that is approved | MOD-004, whether images and sources are the approved ones (MOD-008, MOD-009) |
package lib.weighbridge.requirements.mod

import data.lib.weighbridge.request

# METADATA
# title: A serving workload carries its model labels
# description: Without both labels on the pod template nobody can say which model version the pod serves.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/
#     description: Kubernetes labels
# custom:
#   code: MOD-001
#   severity: high
#   fix: Put both labels on the pod template, with the model's id and version from the catalogue.
deny contains violation if {
	serving
	not version_name
	violation := {
		"code": "MOD-001",
		"severity": "high",
		"message": sprintf("%s: the pod template lacks readable labels `%s` and `%s`. Add both, as they stand in the catalogue.", [
			object_name,
			request.label_names.model_id,
			request.label_names.model_version,
		]),
		"field": array.concat(request.subject.pod.path, ["metadata", "labels"]),
	}
}

# METADATA
# title: The version is known
# description: A version that is not in the compiled registry of this environment has proven nothing.
# related_resources:
#   - ref: https://slsa.dev/spec/v1.0/verifying-artifacts
#     description: SLSA, verifying artifacts
# custom:
#   code: MOD-002
#   severity: high
#   fix: Add the version to the catalogue and compile, or correct the labels.
deny contains violation if {
	serving
	version_name
	not record
	violation := {
		"code": "MOD-002",
		"severity": "high",
		"message": sprintf("%s: unknown version in %s. Add it to the catalogue and compile, or correct the labels.", [version_name, request.environment]),
		"field": version_field,
	}
}

# METADATA
# title: The version is approved
# description: Deny pods whose `model_version` label lacks an approved attestation. The message names what is missing.
# related_resources:
#   - ref: https://slsa.dev/spec/v1.0/verification_summary
#     description: SLSA, verification summary
# custom:
#   code: MOD-003
#   severity: critical
#   fix: Provide the missing evidence and compile again; `weighbridge explain` shows what is missing.
deny contains violation if {
	serving
	record
	not approved
	violation := {
		"code": "MOD-003",
		"severity": "critical",
		"message": sprintf("%s: %s. `weighbridge explain` says what to provide.", [version_name, refusal]),
		"field": version_field,
	}
}

# METADATA
# title: The approval is unexpired
# description: An approval ends with the earliest of its attestations.
# related_resources:
#   - ref: https://in-toto.io/
#     description: in-toto
# custom:
#   code: MOD-004
#   severity: high
#   fix: Renew the evidence that has expired and compile again.
deny contains violation if {
	serving
	approved
	not unexpired
	violation := {
		"code": "MOD-004",
		"severity": "high",
		"message": sprintf("%s: its approval in %s has expired. Renew the evidence and compile again.", [version_name, request.environment]),
		"field": version_field,
	}
}

# METADATA
# title: The digest annotation names the approved artifact
# description: The annotation says which artifact the author meant; it proves nothing, but a difference shows a mistake or a swap.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/overview/working-with-objects/annotations/
#     description: Kubernetes annotations
# custom:
#   code: MOD-005
#   severity: high
#   fix: Set `weighbridge.dev/artifact-digest` on the pod template to the digest in the version's artifact.json.
deny contains violation if {
	serving
	record
	not annotated
	violation := {
		"code": "MOD-005",
		"severity": "high",
		"message": sprintf("%s: annotation `weighbridge.dev/artifact-digest` is not the approved digest. Set it to %s.", [version_name, digest]),
		"field": array.concat(request.subject.pod.path, ["metadata", "annotations", "weighbridge.dev/artifact-digest"]),
	}
}

# METADATA
# title: The version is not revoked
# description: A revoked digest may start nowhere.
# related_resources:
#   - ref: https://csrc.nist.gov/glossary/term/revocation
#     description: NIST, revocation
# custom:
#   code: MOD-006
#   severity: critical
#   fix: Deploy another version; only a `restore` order lifts a revocation.
deny contains violation if {
	serving
	record
	count(request.revocations(digest)) != 0
	violation := {
		"code": "MOD-006",
		"severity": "critical",
		"message": sprintf("%s: revoked. Deploy another version, or have a `restore` order signed.", [version_name]),
		"field": version_field,
	}
}

# METADATA
# title: The version is not frozen
# description: A frozen version gets no new pods.
# related_resources:
#   - ref: https://csrc.nist.gov/glossary/term/incident_response_plan
#     description: NIST, incident response
# custom:
#   code: MOD-007
#   severity: high
#   fix: Wait for the `thaw` order, or deploy another version.
deny contains violation if {
	serving
	record
	count(request.freezes(version_name)) != 0
	violation := {
		"code": "MOD-007",
		"severity": "high",
		"message": sprintf("%s: frozen, so it gets no new pods. Deploy another version, or have a `thaw` order signed.", [version_name]),
		"field": version_field,
	}
}

# METADATA
# title: The workload is understood
# description: Neither a Kubernetes object nor a pod template that can be read; nothing can be proven about it.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/overview/working-with-objects/
#     description: Kubernetes objects
# custom:
#   code: MOD-010
#   severity: high
#   fix: Hand in one well-formed Kubernetes object, or a List of such.
deny contains violation if {
	request.data_readable
	not understood
	violation := {
		"code": "MOD-010",
		"severity": "high",
		"message": sprintf("%s: could not understand the workload. Hand in well-formed Kubernetes objects.", [object_name]),
		"field": [],
	}
}

# METADATA
# title: A kind that holds pods is described
# description: A kind that makes pods, and that no enforcement point knows how to read, could serve anything.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/workloads/
#     description: Kubernetes workloads
# custom:
#   code: MOD-011
#   severity: high
#   fix: Deploy the model with a built-in kind (Deployment, StatefulSet, Job ...), whose pod template can be judged.
deny contains violation if {
	request.data_readable
	request.subject.form == "undescribed"
	violation := {
		"code": "MOD-011",
		"severity": "high",
		"message": sprintf("%s: a kind that makes pods, and nobody described where. Use a built-in kind such as Deployment.", [object_name]),
		"field": ["kind"],
	}
}

# METADATA
# title: Labels of the object and of its pod template agree
# description: The pod template's labels decide; others that say something else mislead whoever reads them.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/workloads/controllers/deployment/
#     description: Kubernetes Deployments
# custom:
#   code: MOD-012
#   severity: medium
#   fix: Give object and pod template the same model labels.
deny contains violation if {
	serving
	some outer in request.subject.labels
	some label in [request.label_names.model_id, request.label_names.model_version]
	not agrees(outer.labels, label)
	violation := {
		"code": "MOD-012",
		"severity": "medium",
		"message": sprintf("%s: label `%s` differs between the object and its pod template. Give both the same.", [object_name, label]),
		"field": array.concat(outer.field, [label]),
	}
}

# METADATA
# title: Policy data is there
# description: Without registry (and live data, where there is any) nothing can be proven.
# related_resources:
#   - ref: https://www.openpolicyagent.org/docs/management-bundles
#     description: OPA bundles
# custom:
#   code: MOD-013
#   severity: critical
#   fix: Give the engine the compiled data of this point and environment; look at its bundle status.
deny contains violation if {
	not request.data_readable
	violation := {
		"code": "MOD-013",
		"severity": "critical",
		"message": "Policy data is missing or of another point. Give the engine what `weighbridge compile` wrote for this one.",
		"field": [],
	}
}

# METADATA
# title: Live data is fresh
# description: Without fresh live data a revocation could be unknown here.
# related_resources:
#   - ref: https://www.openpolicyagent.org/docs/management-bundles
#     description: OPA bundles
# custom:
#   code: MOD-014
#   severity: critical
#   fix: Restore the connection to the control plane; it re-issues live data.
deny contains violation if {
	serving
	not request.fresh
	violation := {
		"code": "MOD-014",
		"severity": "critical",
		"message": sprintf("%s: live data is too old, so a revocation could be unknown here. Restore the way to the control plane.", [object_name]),
		"field": [],
	}
}

# Judged at all: a pod that can be read, and that neither its namespace nor its images excuse.
serving if {
	request.data_readable
	request.subject.form == "pod"
	not request.exempt_namespace(request.subject.object.namespace)
	not supporting
}

supporting if {
	every entry in request.subject.pod.containers {
		request.support_image(image_digest(entry.container.image))
	}
}

understood if request.subject.form in {"pod", "undescribed", "other"}

default object_name := "object"

object_name := concat("/", [request.subject.object.kind, request.subject.object.name])

label_pattern := `^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$`

version_name := sprintf("%s@%s", [id, version]) if {
	id := request.subject.pod.labels[request.label_names.model_id]
	version := request.subject.pod.labels[request.label_names.model_version]
	regex.match(label_pattern, id)
	regex.match(label_pattern, version)
}

version_field := array.concat(request.subject.pod.path, ["metadata", "labels", request.label_names.model_version])

record := found if {
	found := request.record(version_name)
	is_object(found)
}

default digest := "unknown"

digest := record.digest if regex.match(`^sha256:[0-9a-f]{64}$`, record.digest)

approved if record.approved == true

unexpired if {
	is_number(record.not_after)
	record.not_after > request.now_ns
}

annotated if {
	digest != "unknown"
	request.subject.pod.annotations["weighbridge.dev/artifact-digest"] == digest
}

agrees(labels, label) if not label in object.keys(labels)

agrees(labels, label) if labels[label] == request.subject.pod.labels[label]

default refusal := "refused by the gate, without a reason given"

refusal := sprintf("its `%s` label lacks an approved attestation in %s: %s", [
	request.label_names.model_version,
	request.environment,
	concat(", ", missing),
]) if {
	count(missing) > 0
} else := sprintf("refused in %s: %s", [request.environment, concat("; ", reasons)]) if {
	count(reasons) > 0
}

missing := sort([name | some name in record.missing; is_string(name)])

reasons := [reason.message | some reason in record.reasons; is_string(reason.message)]
