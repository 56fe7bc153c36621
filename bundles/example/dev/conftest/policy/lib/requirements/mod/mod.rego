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
#   | kind that holds pods, not described, or with containers where none are described | MOD-011 alone |
#   | kind without pods, exempt namespace, support images only | nothing |
#   | serving workload | MOD-001, MOD-012, MOD-014, the form of images (MOD-008), volumes (MOD-009), foreign code (MOD-018) |
#   | ... with readable labels | MOD-002 |
#   | ... of a known version | MOD-003, MOD-005, MOD-006, MOD-007 |
#   | ... that is approved | MOD-004, whether images and sources are the approved ones (MOD-008, MOD-009) |
package lib.weighbridge.requirements.mod

import data.lib.weighbridge.request

# METADATA
# title: The workload is understood
# description: Neither a Kubernetes object nor a pod template that can be read; nothing can be proven about it.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/overview/working-with-objects/
#     description: Kubernetes objects
#   - ref: https://media.defense.gov/2022/Aug/29/2003066362/-1/-1/0/CTR_KUBERNETES_HARDENING_GUIDANCE_1.2_20220829.PDF
#     description: NSA and CISA, Kubernetes Hardening Guidance
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
#   - ref: https://www.cisecurity.org/benchmark/kubernetes
#     description: CIS Kubernetes Benchmark, image provenance and admission control
# custom:
#   code: MOD-011
#   severity: high
#   fix: Say in `kinds` of weighbridge.yaml where its pods lie, or deploy with a kind that is described (Deployment, InferenceService ...).
deny contains violation if {
	request.data_readable
	request.subject.form == "undescribed"
	concerned
	violation := {
		"code": "MOD-011",
		"severity": "high",
		"message": sprintf("%s: makes pods where nobody described any. Say in `kinds` of weighbridge.yaml where they lie, or use another kind.", [object_name]),
		"field": ["kind"],
	}
}

# METADATA
# title: Policy data is there
# description: Without registry (and live data, where there is any) nothing can be proven.
# related_resources:
#   - ref: https://www.openpolicyagent.org/docs/management-bundles
#     description: OPA bundles
#   - ref: https://attack.mitre.org/techniques/T1562/
#     description: MITRE ATT&CK T1562, impair defenses
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
#   - ref: https://attack.mitre.org/techniques/T1562/
#     description: MITRE ATT&CK T1562, impair defenses
# custom:
#   code: MOD-014
#   severity: critical
#   fix: Restore the connection to the control plane; it re-issues live data.
deny contains violation if {
	request.serving
	not request.fresh
	violation := {
		"code": "MOD-014",
		"severity": "critical",
		"message": sprintf("%s: live data is too old, so a revocation could be unknown here. Restore the way to the control plane.", [object_name]),
		"field": [],
	}
}

# In an exempt namespace anything goes; in one that is bound to no environment, what looks like serving is asked about.
concerned if request.bound

concerned if request.suspected

understood if request.subject.form in {"pod", "undescribed", "other"}

default object_name := "object"

object_name := concat("/", [request.subject.object.kind, request.subject.object.name])
