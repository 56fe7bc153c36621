# METADATA
# scope: package
# title: The guard
# description: |
#   The local bundle that every sidecar starts with. OPA lets a correctly signed bundle claim any root that is free, so whoever
#   holds one key could bring policy of his own; the guard lets a decision through only while each bundle claims exactly what is
#   its own, is of this environment, and the release is one that live data announces.
# schemas:
#   - data.weighbridge.guard.settings: schema.settings
#   - data.weighbridge.registry: schema.registry
#   - data.weighbridge.live: schema.live
#   - data.system.bundles: schema.bundles
package weighbridge.guard

import data.weighbridge.guard.settings
import data.weighbridge.live
import data.weighbridge.registry

now_ns := time.now_ns()

# METADATA
# title: Decision of the envoy point, guarded
# description: The point's decision, or a denial that says which bundle is not what it must be.
# entrypoint: true
default decision := {
	"allowed": false,
	"http_status": 503,
	"headers": {"content-type": "application/json"},
	"body": `{"error":{"message":"Policy data is missing. Try again later.","type":"server_error","code":"INF-022","param":null,"codes":["INF-022"]}}`,
	"dynamic_metadata": {
		"codes": "INF-022",
		"error": {
			"message": "Policy data is missing. Try again later.",
			"type": "server_error",
			"code": "INF-022",
			"param": null,
			"codes": ["INF-022"],
		},
	},
}

decision := data.weighbridge.points.envoy.decision if {
	sound("envoy")
} else := {
	"allowed": false,
	"http_status": 503,
	"headers": {"content-type": "application/json"},
	"body": json.marshal({"error": error}),
	"dynamic_metadata": {"codes": error.code, "error": error},
} if {
	fault := fault_of("envoy")
	error := {
		"message": fault.message,
		"type": "server_error",
		"code": fault.code,
		"param": null,
		"codes": [fault.code],
	}
}

# METADATA
# title: Decision of the workload point, guarded
# description: As above, in the form of the workload points.
# entrypoint: true
default workload := {
	"allowed": false,
	"environment": "",
	"subject": {"kind": "", "name": "", "namespace": "", "model": "", "version": ""},
	"violations": [{"code": "MOD-013", "severity": "critical", "effect": "deny", "message": "Policy data is missing.", "field": []}],
}

workload := data.weighbridge.points.workload.decision if {
	sound("workload")
} else := object.union(unguarded, {"violations": [{
	"code": fault.code,
	"severity": "critical",
	"effect": "deny",
	"message": fault.message,
	"field": [],
}]}) if {
	fault := fault_of("workload")
}

unguarded := {
	"allowed": false,
	"environment": settings.environment,
	"subject": {"kind": "", "name": "", "namespace": "", "model": "", "version": ""},
}

# Everything that must hold, in one flat rule: it is part of every decision.
sound(point) if {
	data.system.bundles.live.manifest.roots == ["weighbridge/live"]
	not data.system.bundles.live.manifest.wasm
	sort(data.system.bundles.release.manifest.roots) == roots[point]
	registry.point == point
	is_string(settings.environment)
	registry.environment == settings.environment
	live.environment == settings.environment
	announced(data.system.bundles.release.manifest.revision)
}

roots := {
	"envoy": ["lib/weighbridge", "weighbridge/points/envoy", "weighbridge/registry"],
	"workload": ["lib/weighbridge", "weighbridge/points/workload", "weighbridge/registry"],
}

announced(revision) if {
	is_string(revision)
	revision != ""
	some release in live.releases
	release.revision == revision
	current(release)
}

current(release) if not "until" in object.keys(release)

current(release) if {
	is_number(release.until)
	release.until > now_ns
}

# The first cause alone: what follows from it helps nobody.
fault_of(point) := missing(point, "a bundle is not active. Look at the engine's bundle status") if {
	not active
} else := foreign_roots(point) if {
	not rooted(point)
} else := missing(point, "a bundle is empty. Look at what was published") if {
	not filled
} else := foreign_environment(point) if {
	not of_environment(point)
} else := unannounced(point)

# Nothing can be decided: the same codes as where a point itself finds no data.
missing("envoy", _) := {"code": "INF-022", "message": "Policy data cannot be used. Try again later."}

missing("workload", what) := {"code": "MOD-013", "message": sprintf("Policy data is missing: %s.", [what])}

# METADATA
# title: A bundle claims no roots but its own (calls)
# description: OPA lets a correctly signed bundle bring policy for any root that is free, and live data be a program.
# related_resources:
#   - ref: https://www.openpolicyagent.org/docs/management-bundles
#     description: OPA bundles
# custom:
#   code: INF-028
#   severity: critical
#   fix: Find out who signed the bundle; rotate that key.
foreign_roots("envoy") := {
	"code": "INF-028",
	"message": "Policy data cannot be used. Try again later.",
}

# METADATA
# title: A bundle claims no roots but its own (workloads)
# description: OPA lets a correctly signed bundle bring policy for any root that is free, and live data be a program.
# related_resources:
#   - ref: https://www.openpolicyagent.org/docs/management-bundles
#     description: OPA bundles
# custom:
#   code: MOD-016
#   severity: critical
#   fix: Find out who signed the bundle; rotate that key.
foreign_roots("workload") := {
	"code": "MOD-016",
	"message": "A bundle claims roots that are not its own, or live data is a program. Find out who signed it.",
}

# METADATA
# title: Bundles are of this environment and point (calls)
# description: What another environment approves is not approved here; the guard itself names the environment.
# related_resources:
#   - ref: https://www.openpolicyagent.org/docs/management-bundles
#     description: OPA bundles
# custom:
#   code: INF-029
#   severity: critical
#   fix: Point the engine at this environment's bundles.
foreign_environment("envoy") := {
	"code": "INF-029",
	"message": "Policy data cannot be used. Try again later.",
}

# METADATA
# title: Bundles are of this environment and point (workloads)
# description: What another environment approves is not approved here; the guard itself names the environment.
# related_resources:
#   - ref: https://www.openpolicyagent.org/docs/management-bundles
#     description: OPA bundles
# custom:
#   code: MOD-017
#   severity: critical
#   fix: Point the engine at this environment's bundles.
foreign_environment("workload") := {
	"code": "MOD-017",
	"message": "A bundle of another environment. Point the engine at this environment's bundles.",
}

# METADATA
# title: The release is announced (calls)
# description: An old release is validly signed, too; only live data says which ones are current.
# related_resources:
#   - ref: https://www.openpolicyagent.org/docs/management-bundles
#     description: OPA bundles
# custom:
#   code: INF-023
#   severity: critical
#   fix: Wait for the current release, announce this one, or look for a replay.
unannounced("envoy") := {
	"code": "INF-023",
	"message": "Policy data cannot be used. Try again later.",
}

# METADATA
# title: The release is announced (workloads)
# description: An old release is validly signed, too; only live data says which ones are current.
# related_resources:
#   - ref: https://www.openpolicyagent.org/docs/management-bundles
#     description: OPA bundles
# custom:
#   code: MOD-015
#   severity: critical
#   fix: Wait for the current release, announce this one, or look for a replay.
unannounced("workload") := {
	"code": "MOD-015",
	"message": "This release is not announced by live data. Wait for the current one, or look for a replay.",
}

active if {
	data.system.bundles.live.manifest.roots
	data.system.bundles.release.manifest.roots
}

filled if {
	registry.environment
	live.environment
}

rooted(point) if {
	data.system.bundles.live.manifest.roots == ["weighbridge/live"]
	not data.system.bundles.live.manifest.wasm
	sort(data.system.bundles.release.manifest.roots) == roots[point]
}

of_environment(point) if {
	registry.point == point
	is_string(settings.environment)
	registry.environment == settings.environment
	live.environment == settings.environment
}
