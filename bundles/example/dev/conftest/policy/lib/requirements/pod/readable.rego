package lib.weighbridge.requirements.pod

import data.lib.weighbridge.request

types := {
	["securityContext"]: "object",
	["securityContext", "windowsOptions"]: "object",
	["securityContext", "windowsOptions", "hostProcess"]: "boolean",
	["securityContext", "seLinuxOptions"]: "object",
	["securityContext", "seLinuxOptions", "type"]: "string",
	["securityContext", "seLinuxOptions", "user"]: "string",
	["securityContext", "seLinuxOptions", "role"]: "string",
	["securityContext", "seccompProfile"]: "object",
	["securityContext", "seccompProfile", "type"]: "string",
	["securityContext", "appArmorProfile"]: "object",
	["securityContext", "appArmorProfile", "type"]: "string",
	["securityContext", "runAsNonRoot"]: "boolean",
	["securityContext", "runAsUser"]: "number",
	["resources"]: "object",
	["resources", "limits"]: "object",
	["resources", "requests"]: "object",
}

types_of_pods := {
	["hostNetwork"]: "boolean",
	["hostPID"]: "boolean",
	["hostIPC"]: "boolean",
	["hostUsers"]: "boolean",
	["shareProcessNamespace"]: "boolean",
	["automountServiceAccountToken"]: "boolean",
	["os"]: "object",
	["os", "name"]: "string",
	["securityContext", "sysctls"]: "array",
}

types_of_containers := {
	["ports"]: "array",
	["livenessProbe"]: "object",
	["readinessProbe"]: "object",
	["startupProbe"]: "object",
	["lifecycle"]: "object",
	["lifecycle", "postStart"]: "object",
	["lifecycle", "preStop"]: "object",
	["name"]: "string",
	["securityContext", "privileged"]: "boolean",
	["securityContext", "allowPrivilegeEscalation"]: "boolean",
	["securityContext", "readOnlyRootFilesystem"]: "boolean",
	["securityContext", "procMount"]: "string",
	["securityContext", "capabilities"]: "object",
	["securityContext", "capabilities", "add"]: "array",
	["securityContext", "capabilities", "drop"]: "array",
}

unreadable contains {"field": array.concat(spec_field, path), "what": dotted(path)} if {
	some path, type in object.union(types, types_of_pods)
	value := object.get(spec, path, null)
	value != null
	type_name(value) != type
}

unreadable contains {"field": array.concat(entry.field, path), "what": dotted(path)} if {
	some entry in request.subject.pod.containers
	some path, type in object.union(types, types_of_containers)
	value := object.get(entry.container, path, null)
	value != null
	type_name(value) != type
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

# A rule of its own: negating a call whose argument is undefined is undefined, too, and would say nothing.
named(sysctl) if is_string(sysctl.name)

readable_port(port) if object.get(port, "hostPort", null) == null

readable_port(port) if is_number(port.hostPort)
