package lib.weighbridge.requirements.pod

import data.lib.weighbridge.request

# By where it stands: what a pod or a container has there is looked up, rather than each of these in every pod.
types := {
	["securityContext"]: {
		"windowsOptions": "object",
		"seLinuxOptions": "object",
		"seccompProfile": "object",
		"appArmorProfile": "object",
		"runAsNonRoot": "boolean",
		"runAsUser": "number",
	},
	["securityContext", "windowsOptions"]: {"hostProcess": "boolean"},
	["securityContext", "seLinuxOptions"]: {"type": "string", "user": "string", "role": "string"},
	["securityContext", "seccompProfile"]: {"type": "string"},
	["securityContext", "appArmorProfile"]: {"type": "string"},
	["resources"]: {"limits": "object", "requests": "object"},
}

types_of_pods := object.union(types, {
	[]: {
		"securityContext": "object",
		"resources": "object",
		"hostNetwork": "boolean",
		"hostPID": "boolean",
		"hostIPC": "boolean",
		"hostUsers": "boolean",
		"shareProcessNamespace": "boolean",
		"automountServiceAccountToken": "boolean",
		"os": "object",
	},
	["os"]: {"name": "string"},
	["securityContext"]: {"sysctls": "array"},
})

types_of_containers := object.union(types, {
	[]: {
		"securityContext": "object",
		"resources": "object",
		"ports": "array",
		"livenessProbe": "object",
		"readinessProbe": "object",
		"startupProbe": "object",
		"lifecycle": "object",
		"name": "string",
	},
	["lifecycle"]: {"postStart": "object", "preStop": "object"},
	["securityContext"]: {
		"privileged": "boolean",
		"allowPrivilegeEscalation": "boolean",
		"readOnlyRootFilesystem": "boolean",
		"procMount": "string",
		"capabilities": "object",
	},
	["securityContext", "capabilities"]: {"add": "array", "drop": "array"},
})

unreadable contains {"field": array.concat(spec_field, path), "what": dotted(path)} if {
	some path in mistyped(spec, types_of_pods)
}

unreadable contains {"field": array.concat(entry.field, path), "what": dotted(path)} if {
	some entry in request.subject.pod.containers
	some path in mistyped(entry.container, types_of_containers)
}

unreadable contains {"field": array.concat(spec_field, path), "what": dotted(path)} if {
	path := ["securityContext", "sysctls"]
	some sysctl in object.get(spec, path, [])
	not named(sysctl)
}

unreadable contains {"field": array.concat(entry.field, ["ports", i]), "what": "ports"} if {
	some entry in request.subject.pod.containers
	some i, port in object.get(entry.container, "ports", [])
	not readable_port(port)
}

unreadable contains {"field": array.concat(entry.field, path), "what": dotted(path)} if {
	some entry in request.subject.pod.containers
	some list in ["add", "drop"]
	path := ["securityContext", "capabilities", list]
	some capability in object.get(entry.container, path, [])
	not is_string(capability)
}

mistyped(object_, typed) := {array.concat(place, [key]) |
	some place, keys in typed
	some key, value in object.get(object_, place, null)
	type := keys[key]
	type_name(value) != type
	value != null
}

# A rule of its own: negating a call whose argument is undefined is undefined, too, and would say nothing.
named(sysctl) if is_string(sysctl.name)

readable_port(port) if object.get(port, "hostPort", null) == null

readable_port(port) if is_number(port.hostPort)
