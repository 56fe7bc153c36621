# METADATA
# scope: package
# title: What `weighbridge check` asks
# description: One Kubernetes object, or a List of them, judged by the registry.
package weighbridge.points.conftest

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
