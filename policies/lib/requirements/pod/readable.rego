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

pod_types := {
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

container_types := {
	["ports"]: "array",
	["livenessProbe"]: "object",
	["readinessProbe"]: "object",
	["startupProbe"]: "object",
	["lifecycle"]: "object",
	["lifecycle", "postStart"]: "object",
	["lifecycle", "preStop"]: "object",
	["securityContext", "privileged"]: "boolean",
	["securityContext", "allowPrivilegeEscalation"]: "boolean",
	["securityContext", "readOnlyRootFilesystem"]: "boolean",
	["securityContext", "procMount"]: "string",
	["securityContext", "capabilities"]: "object",
	["securityContext", "capabilities", "add"]: "array",
	["securityContext", "capabilities", "drop"]: "array",
}

unreadable contains {"field": array.concat(spec_field, path), "what": dotted(path)} if {
	some path, type in object.union(types, pod_types)
	value := object.get(spec, path, null)
	value != null
	type_name(value) != type
}

unreadable contains {"field": array.concat(entry.field, path), "what": dotted(path)} if {
	some entry in request.subject.pod.containers
	some path, type in object.union(types, container_types)
	value := object.get(entry.container, path, null)
	value != null
	type_name(value) != type
}

unreadable contains {"field": array.concat(spec_field, path), "what": dotted(path)} if {
	path := ["securityContext", "sysctls"]
	some sysctl in object.get(spec, path, [])
	not is_string(sysctl.name)
}

unreadable contains {"field": array.concat(entry.field, ["ports", i]), "what": "ports"} if {
	some entry in request.subject.pod.containers
	some i, port in object.get(entry.container, "ports", [])
	not readable_port(port)
}

readable_port(port) if object.get(port, "hostPort", null) == null

readable_port(port) if is_number(port.hostPort)

unreadable contains {"field": array.concat(entry.field, path), "what": dotted(path)} if {
	some entry in request.subject.pod.containers
	some list in ["add", "drop"]
	path := ["securityContext", "capabilities", list]
	some capability in object.get(entry.container, path, [])
	not is_string(capability)
}
