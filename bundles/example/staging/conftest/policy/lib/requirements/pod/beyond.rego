package lib.weighbridge.requirements.pod

import data.lib.weighbridge.request

# METADATA
# title: No secrets in the manifest
# description: |
#   A value in the manifest is in Git, in etcd, in every dump of the pod and in the process's environment.
# related_resources:
#   - ref: https://media.defense.gov/2022/Aug/29/2003066362/-1/-1/0/CTR_KUBERNETES_HARDENING_GUIDANCE_1.2_20220829.PDF
#     description: NSA and CISA, Kubernetes Hardening Guidance
#   - ref: https://owasp.org/www-project-kubernetes-top-ten/
#     description: OWASP Kubernetes Top Ten
# custom:
#   code: POD-020
#   severity: high
#   fix: Take it from a Secret (`valueFrom.secretKeyRef`), or mount it as a file.
deny contains violation if {
	restricted
	some found in literal_secrets
	violation := {
		"code": "POD-020",
		"severity": "high",
		"message": sprintf("%s: variable `%s` holds a secret in clear. Take it from a Secret.", [owner, short(found.what)]),
		"field": found.field,
	}
}

# METADATA
# title: Resources are limited
# description: |
#   A container without a memory limit takes the node down with it.
# related_resources:
#   - ref: https://media.defense.gov/2022/Aug/29/2003066362/-1/-1/0/CTR_KUBERNETES_HARDENING_GUIDANCE_1.2_20220829.PDF
#     description: NSA and CISA, Kubernetes Hardening Guidance
# custom:
#   code: POD-021
#   severity: medium
#   fix: Set `resources.limits.memory`, and `cpu` in limits or requests, in every container or for the pod.
deny contains violation if {
	restricted
	some found in unlimited
	violation := {
		"code": "POD-021",
		"severity": "medium",
		"message": sprintf("%s: %s has no limit of memory, or no share of cpu. Set both.", [owner, short(found.what)]),
		"field": found.field,
	}
}

# METADATA
# title: The root file system is read-only
# description: |
#   What breaks in can otherwise replace the server's own code.
# related_resources:
#   - ref: https://media.defense.gov/2022/Aug/29/2003066362/-1/-1/0/CTR_KUBERNETES_HARDENING_GUIDANCE_1.2_20220829.PDF
#     description: NSA and CISA, Kubernetes Hardening Guidance
# custom:
#   code: POD-022
#   severity: medium
#   fix: 'Set `securityContext.readOnlyRootFilesystem: true`, and mount an emptyDir where the server writes.'
deny contains violation if {
	restricted
	some found in writable_roots
	violation := {
		"code": "POD-022",
		"severity": "medium",
		"message": sprintf("%s: %s can write to its root file system. Set readOnlyRootFilesystem: true.", [owner, short(found.what)]),
		"field": found.field,
	}
}

# METADATA
# title: No token of the cluster
# description: |
#   A model server asks nothing of the Kubernetes API; its token serves only whoever breaks in.
# related_resources:
#   - ref: https://media.defense.gov/2022/Aug/29/2003066362/-1/-1/0/CTR_KUBERNETES_HARDENING_GUIDANCE_1.2_20220829.PDF
#     description: NSA and CISA, Kubernetes Hardening Guidance
#   - ref: https://www.cisecurity.org/benchmark/kubernetes
#     description: CIS Kubernetes Benchmark
# custom:
#   code: POD-023
#   severity: medium
#   fix: 'Set `automountServiceAccountToken: false`; project a token only for an `audience` other than the API.'
deny contains violation if {
	restricted
	some found in tokens
	violation := {
		"code": "POD-023",
		"severity": "medium",
		"message": sprintf("%s: %s gives the pod a token for the Kubernetes API. Set automountServiceAccountToken: false, and project none.", [owner, short(found.what)]),
		"field": found.field,
	}
}

literal_secrets contains {"field": array.concat(entry.field, ["env", i, "value"]), "what": variable.name} if {
	some entry in request.subject.pod.containers
	some i, variable in object.get(entry.container, "env", [])
	secret_literal(variable)
}

secret_literal(variable) if {
	is_string(variable.value)
	regex.match(secret_name, upper(variable.name))
	not regex.match(`^(|true|false|none|null|\$\([A-Za-z_][A-Za-z0-9_]*\))$`, lower(variable.value))
}

secret_literal(variable) if {
	is_string(variable.value)
	regex.match(secret_value, variable.value)
}

# Digits without quotes are no text to Kubernetes, and a secret all the same.
secret_literal(variable) if {
	is_number(variable.value)
	regex.match(secret_name, upper(variable.name))
}

secret_name := `(PASSWORD|PASSWD|PASSPHRASE|(^|[_.-])(SECRET|TOKEN|API[_.-]?KEY|ACCESS[_.-]?KEY|SECRET[_.-]?KEY|PRIVATE[_.-]?KEY|CREDENTIALS?))$`

# Forms that are secrets whatever the variable is called: keys in PEM, and tokens with the prefixes of those who issue them.
secret_value := `-----BEGIN [A-Z ]*PRIVATE KEY-----|(^|[^A-Za-z0-9])(hf_[A-Za-z0-9]{30,}|AKIA[A-Z0-9]{16}|gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{40,}|glpat-[A-Za-z0-9_-]{20,}|xox[abprs]-[A-Za-z0-9-]{10,}|sk-[A-Za-z0-9_-]{32,}|nvapi-[A-Za-z0-9_-]{40,}|wb_[a-z0-9.-]+_[a-z0-9]{8}_[A-Za-z0-9_-]{43})`

# Ephemeral containers can have no resources of their own.
unlimited contains {"field": array.concat(entry.field, ["resources"]), "what": container_name(entry)} if {
	some entry in request.subject.pod.containers
	entry.field[count(entry.field) - 2] != "ephemeralContainers"
	not limited(object.get(entry.container, "resources", {}))
	not limited(object.get(spec, "resources", {}))
}

limited(resources) if {
	given(resources.limits.memory)
	cpu(resources)
}

cpu(resources) if given(resources.limits.cpu)

cpu(resources) if given(resources.requests.cpu)

given(quantity) if {
	is_number(quantity)
	quantity > 0
}

# Zero is no limit to a container runtime.
given(quantity) if {
	is_string(quantity)
	regex.match(`^[+]?[0-9.]*[1-9][0-9.]*([eE][+-]?[0-9]+|[A-Za-z]{0,2})$`, quantity)
}

writable_roots contains {"field": array.concat(entry.field, ["securityContext", "readOnlyRootFilesystem"]), "what": container_name(entry)} if {
	not windows
	some entry in request.subject.pod.containers
	object.get(entry.container, ["securityContext", "readOnlyRootFilesystem"], null) != true
}

tokens contains {"field": array.concat(spec_field, ["automountServiceAccountToken"]), "what": "automountServiceAccountToken"} if {
	object.get(spec, "automountServiceAccountToken", null) != false
}

# What is not mounted by itself can still be asked for by a volume.
tokens contains {"field": array.concat(entry.field, ["projected", "sources", i]), "what": entry.volume.name} if {
	some entry in request.subject.pod.volumes
	some i, source in entry.volume.projected.sources
	object.get(source, "serviceAccountToken", null) != null
	not for_others(source.serviceAccountToken)
}

for_others(token) if {
	token.audience != ""
	not contains(lower(token.audience), "kubernetes.default")
}
