# METADATA
# scope: package
# title: Pods that are hardened
# description: |
#   What a serving pod must give up. `limits.pod_security` of the environment says how much: `baseline` is POD-001 to POD-013,
#   `restricted` everything, `privileged` nothing; whatever cannot be read counts as `restricted`. The controls are those of the Pod
#   Security Standards as of Kubernetes 1.36, and POD-020 onwards what the standards leave out.
package lib.weighbridge.requirements.pod

import data.lib.weighbridge.request

# METADATA
# title: The pod's security settings can be read
# description: |
#   A setting of another type than Kubernetes' own proves nothing. What reads it next may take it for something else.
# related_resources:
#   - ref: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/
#     description: Kubernetes API, Pod
#   - ref: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#     description: Pod Security Standards
# custom:
#   code: POD-001
#   severity: high
#   fix: Write the field with the type that the Kubernetes API gives it.
deny contains violation if {
	baseline
	some found in unreadable
	violation := {
		"code": "POD-001",
		"severity": "high",
		"message": sprintf("%s: %s is not of the type that Kubernetes gives it. Correct it.", [owner, short(found.what)]),
		"field": found.field,
	}
}

# The least that is demanded; a level that is not known is the strictest.
baseline if {
	request.serving
	level != "privileged"
}

restricted if {
	request.serving
	level == "restricted"
}

default level := "restricted"

level := request.limits.pod_security if request.limits.pod_security in {"baseline", "privileged"}

default owner := "object"

owner := concat("/", [request.subject.object.kind, request.subject.object.name])

spec := request.subject.pod.spec

spec_field := array.concat(request.subject.pod.path, ["spec"])

windows if spec.os.name == "windows"

# Root inside a user namespace is nobody on the node. Nodes that do not know them ignore the field, so the environment must
# say that its nodes do.
user_namespace if {
	spec.hostUsers == false
	request.limits.user_namespaces == true
}

# A setting of the pod or of one of its containers, with the place it stands at; absent and null are alike, as in Kubernetes.
settings(path) := array.concat(
	[{"field": array.concat(spec_field, path), "value": value, "what": dotted(path)} |
		value := object.get(spec, path, null)
		value != null
	],
	container_settings(path),
)

container_settings(path) := [{"field": array.concat(entry.field, path), "value": value, "what": dotted(path)} |
	some entry in request.subject.pod.containers
	value := object.get(entry.container, path, null)
	value != null
]

dotted(path) := concat(".", path)

# Containers for which nothing at all, or nothing of their own, is set.
unset(path) := [entry |
	some entry in request.subject.pod.containers
	object.get(entry.container, path, null) == null
]

# A name that is none must not silence the violation that it is named in.
container_name(entry) := sprintf("container `%v`", [object.get(entry.container, "name", "")])

short(what) := shown if {
	shown := sprintf("%v", [what])
	count(shown) <= 100
} else := concat("", [substring(sprintf("%v", [what]), 0, 97), "..."])
