package lib.weighbridge.requirements.mod

import data.lib.weighbridge.request

# METADATA
# title: A serving workload carries its model labels
# description: Without both labels on the pod template nobody can say which model version the pod serves.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/
#     description: Kubernetes labels
#   - ref: https://owasp.org/www-project-machine-learning-security-top-10/docs/ML06_2023-AI_Supply_Chain_Attacks
#     description: OWASP ML Top 10, ML06 AI supply chain attacks
# custom:
#   code: MOD-001
#   severity: high
#   fix: Put both labels on the pod template, with the model's id and version from the catalogue.
deny contains violation if {
	request.serving
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
# title: The digest annotation names the approved artifact
# description: The annotation says which artifact the author meant; it proves nothing, but a difference shows a mistake or a swap.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/overview/working-with-objects/annotations/
#     description: Kubernetes annotations
#   - ref: https://owasp.org/www-project-machine-learning-security-top-10/docs/ML10_2023-Model_Poisoning
#     description: OWASP ML Top 10, ML10 model poisoning
# custom:
#   code: MOD-005
#   severity: high
#   fix: Set `weighbridge.dev/artifact-digest` on the pod template to the digest in the version's artifact.json.
deny contains violation if {
	request.serving
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
# title: Labels of the object and of its pod template agree
# description: The pod template's labels decide; others that say something else mislead whoever reads them.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/workloads/controllers/deployment/
#     description: Kubernetes Deployments
#   - ref: https://media.defense.gov/2022/Aug/29/2003066362/-1/-1/0/CTR_KUBERNETES_HARDENING_GUIDANCE_1.2_20220829.PDF
#     description: NSA and CISA, Kubernetes Hardening Guidance
# custom:
#   code: MOD-012
#   severity: medium
#   fix: Give object and pod template the same model labels.
deny contains violation if {
	request.serving
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

label_pattern := `^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$`

version_name := sprintf("%s@%s", [id, version]) if {
	id := request.subject.pod.labels[request.label_names.model_id]
	version := request.subject.pod.labels[request.label_names.model_version]
	regex.match(label_pattern, id)
	regex.match(label_pattern, version)
}

version_field := array.concat(request.subject.pod.path, ["metadata", "labels", request.label_names.model_version])

annotated if {
	digest != "unknown"
	request.subject.pod.annotations["weighbridge.dev/artifact-digest"] == digest
}

agrees(labels, label) if not label in object.keys(labels)

agrees(labels, label) if labels[label] == request.subject.pod.labels[label]
