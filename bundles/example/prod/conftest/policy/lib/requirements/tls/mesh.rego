package lib.weighbridge.requirements.tls

import data.lib.weighbridge.request

# METADATA
# title: The pod stays in the mesh
# description: |
#   A label or annotation that keeps the proxy away leaves the server's port in clear for the whole cluster.
# related_resources:
#   - ref: https://istio.io/latest/docs/setup/additional-setup/sidecar-injection/
#     description: Istio, sidecar injection
#   - ref: https://linkerd.io/2/features/proxy-injection/
#     description: Linkerd, proxy injection
#   - ref: https://attack.mitre.org/techniques/T1040/
#     description: MITRE ATT&CK T1040, network sniffing
# custom:
#   code: TLS-001
#   severity: critical
#   fix: Remove the label or annotation; let the namespace have the proxy injected.
deny contains violation if {
	meshed_pod
	some mark in marks
	leaves_mesh(mark)
	violation := {
		"code": "TLS-001",
		"severity": "critical",
		"message": sprintf("%s: `%s: %s` takes the pod out of the mesh (%s). Remove it.", [owner, short(mark.name), short(mark.value), by]),
		"field": mark.field,
	}
}

# METADATA
# title: No port goes past the proxy
# description: |
#   What the proxy does not intercept is spoken to in clear, by anybody.
# related_resources:
#   - ref: https://istio.io/latest/docs/reference/config/annotations/
#     description: Istio, resource annotations
#   - ref: https://linkerd.io/2/reference/proxy-configuration/
#     description: Linkerd, proxy configuration
#   - ref: https://attack.mitre.org/techniques/T1040/
#     description: MITRE ATT&CK T1040, network sniffing
# custom:
#   code: TLS-002
#   severity: critical
#   fix: Remove the annotation, so that every inbound port is intercepted.
deny contains violation if {
	meshed_pod
	some mark in marks
	goes_past(mark)
	violation := {
		"code": "TLS-002",
		"severity": "critical",
		"message": sprintf("%s: `%s: %s` leads inbound calls past the proxy (%s). Remove it.", [owner, short(mark.name), short(mark.value), by]),
		"field": mark.field,
	}
}

# METADATA
# title: The proxy is the mesh's own
# description: |
#   Another image, control plane, template or bootstrap is another proxy, and may do as its author likes.
# related_resources:
#   - ref: https://istio.io/latest/docs/reference/config/annotations/
#     description: Istio, resource annotations
#   - ref: https://linkerd.io/2/reference/proxy-configuration/
#     description: Linkerd, proxy configuration
#   - ref: https://attack.mitre.org/techniques/T1557/
#     description: MITRE ATT&CK T1557, adversary in the middle
# custom:
#   code: TLS-003
#   severity: high
#   fix: Remove it; configure proxies in the mesh, not in the pod.
deny contains violation if {
	meshed_pod
	some found in own_proxy
	violation := {
		"code": "TLS-003",
		"severity": "high",
		"message": sprintf("%s: %s gives the pod a proxy of its own making. Remove it.", [owner, short(found.what)]),
		"field": found.field,
	}
}

# METADATA
# title: The pod has a network of its own
# description: |
#   No mesh intercepts what a pod on its node's network listens on.
# related_resources:
#   - ref: https://istio.io/latest/docs/ops/common-problems/injection/
#     description: Istio, why pods are not injected
#   - ref: https://attack.mitre.org/techniques/T1040/
#     description: MITRE ATT&CK T1040, network sniffing
# custom:
#   code: TLS-004
#   severity: critical
#   fix: Remove `hostNetwork`.
deny contains violation if {
	meshed_pod
	not object.get(request.subject.pod.spec, "hostNetwork", null) in {null, false}
	violation := {
		"code": "TLS-004",
		"severity": "critical",
		"message": sprintf("%s: hostNetwork takes the pod out of the mesh (%s). Remove it.", [owner, by]),
		"field": array.concat(request.subject.pod.path, ["spec", "hostNetwork"]),
	}
}

leaves_mesh(mark) if {
	by == "istio"
	mark.name == "sidecar.istio.io/inject"
	mark.value != "true"
}

# A revision that does not exist injects nothing.
leaves_mesh(mark) if {
	by == "istio"
	mark.name == "istio.io/rev"
	not mark.value in request.limits.mutual_tls.revisions
}

# Clients believe this label, and speak in clear.
leaves_mesh(mark) if {
	istio
	mark.name == "security.istio.io/tlsMode"
	mark.value != "istio"
}

leaves_mesh(mark) if {
	istio
	mark.name == "istio.io/dataplane-mode"
	mark.value != "ambient"
}

leaves_mesh(mark) if {
	by == "istio-ambient"
	mark.name == "ambient.istio.io/redirection"
	mark.value != "enabled"
}

# Istio's node agent takes a pod with this mark for one that has a sidecar, and leaves it alone.
leaves_mesh(mark) if {
	by == "istio-ambient"
	mark.name == "sidecar.istio.io/status"
}

leaves_mesh(mark) if {
	by == "linkerd"
	mark.name == "linkerd.io/inject"
	mark.value != "enabled"
}

goes_past(mark) if {
	by == "istio"
	regex.match(`^traffic\.(sidecar\.)?istio\.io/`, mark.name)
	not intercepts(mark)
}

goes_past(mark) if {
	by == "istio"
	mark.name == "sidecar.istio.io/interceptionMode"
	not mark.value in {"REDIRECT", "TPROXY"}
}

goes_past(mark) if {
	by == "istio-ambient"
	mark.name == "ambient.istio.io/bypass-inbound-capture"
	mark.value != "false"
}

goes_past(mark) if {
	by == "linkerd"
	mark.name in {"config.linkerd.io/skip-inbound-ports", "config.linkerd.io/skip-subnets"}
	mark.value != ""
}

# What a pod calls is not what calls it; all that remains of this domain is about inbound ports and interfaces.
intercepts(mark) if regex.match(`/(in|ex)clude(Outbound)(Ports|IPRanges)$`, mark.name)

intercepts(mark) if {
	endswith(mark.name, "/includeInboundPorts")
	mark.value == "*"
}

intercepts(mark) if {
	regex.match(`/exclude(InboundPorts|Interfaces)$`, mark.name)
	mark.value == ""
}

own_proxy contains {"field": mark.field, "what": sprintf("`%s`", [mark.name])} if {
	by == "istio"
	some mark in marks
	regex.match(`^(sidecar|inject|proxy|bootstrap)\.istio\.io/`, mark.name)
	not harmless_istio(mark)
}

own_proxy contains {"field": mark.field, "what": sprintf("`%s`", [mark.name])} if {
	by == "linkerd"
	some mark in marks
	regex.match(`^config\.([a-z]+\.)?linkerd\.io/`, mark.name)
	not trim_prefix(mark.name, "config.linkerd.io/") in harmless_linkerd
}

# A container of the proxy's name is what the injector builds on, image and arguments included.
own_proxy contains {"field": entry.field, "what": sprintf("container `%s`", [entry.container.name])} if {
	some entry in request.subject.pod.containers
	lower(entry.container.name) in {
		"istio-init",
		"istio-proxy",
		"istio-validation",
		"linkerd-init",
		"linkerd-network-validator",
		"linkerd-proxy",
	}
	not supporting(entry.container.image)
}

supporting(image) if request.support_image(request.image_digest(image))

harmless_istio(mark) if trim_prefix(mark.name, "sidecar.istio.io/") in {
	"agentLogLevel",
	"componentLogLevel",
	"extraStatTags",
	"inject",
	"interceptionMode",
	"logLevel",
	"nativeSidecar",
	"proxyCPU",
	"proxyCPULimit",
	"proxyMemory",
	"proxyMemoryLimit",
	"rewriteAppHTTPProbers",
	"statsCompression",
	"statsHistogramBuckets",
	"statsInclusionPrefixes",
	"statsInclusionRegexps",
	"statsInclusionSuffixes",
	"status",
}

harmless_istio(mark) if {
	mark.name == "inject.istio.io/templates"
	mark.value == "sidecar"
}

harmless_istio(mark) if {
	mark.name == "proxy.istio.io/config"
	configured := yaml.unmarshal(mark.value)
	count(object.keys(configured) - {
		"concurrency",
		"drainDuration",
		"holdApplicationUntilProxyStarts",
		"terminationDrainDuration",
	}) == 0
}

harmless_linkerd := {
	"access-log",
	"close-wait-timeout",
	"default-inbound-policy",
	"opaque-ports",
	"pod-inbound-ports",
	"proxy-await",
	"proxy-cpu-limit",
	"proxy-cpu-request",
	"proxy-enable-native-sidecar",
	"proxy-ephemeral-storage-limit",
	"proxy-ephemeral-storage-request",
	"proxy-inbound-connect-timeout",
	"proxy-log-format",
	"proxy-log-level",
	"proxy-memory-limit",
	"proxy-memory-request",
	"proxy-outbound-connect-timeout",
	"proxy-require-identity-inbound-ports",
	"shutdown-grace-period",
	"skip-inbound-ports",
	"skip-outbound-ports",
	"skip-subnets",
}
