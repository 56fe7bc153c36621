# METADATA
# scope: package
# title: The workload point
# description: One Kubernetes object, or a List of them, judged by registry and live data.
package weighbridge.points.workload

import data.lib.weighbridge.verdict

# METADATA
# title: Decision
# description: Whether the object may be deployed, and every reason why not.
# entrypoint: true
default decision := {
	"allowed": false,
	"environment": "",
	"subject": {"kind": "", "name": "", "namespace": "", "model": "", "version": ""},
	"violations": [{
		"code": "MOD-010",
		"severity": "high",
		"effect": "deny",
		"message": "Could not understand the workload. Hand in well-formed Kubernetes objects.",
		"field": [],
	}],
}

decision := verdict.decision
