package lib.weighbridge.requirements.tls

import data.lib.weighbridge.request

# METADATA
# title: The server does mutual TLS itself
# description: |
#   Where no mesh does it, the server's own arguments must show that it demands a client's certificate, and that key, certificate and
#   the clients' authority come from mounts of certificates. Known are the arguments of uvicorn, which vLLM and others take, and
#   those of Triton; other servers can prove nothing here.
# related_resources:
#   - ref: https://docs.vllm.ai/en/latest/cli/serve/
#     description: vLLM, arguments of the server
#   - ref: https://docs.nvidia.com/deeplearning/triton-inference-server/user-guide/docs/customization_guide/inference_protocols.html
#     description: Triton, protocols and TLS
#   - ref: https://cert-manager.io/docs/usage/csi-driver/
#     description: cert-manager, CSI driver
#   - ref: https://attack.mitre.org/techniques/T1040/
#     description: MITRE ATT&CK T1040, network sniffing
# custom:
#   code: TLS-009
#   severity: critical
#   fix: Pass `--ssl-keyfile`, `--ssl-certfile`, `--ssl-ca-certs` (files of a mounted Secret or of cert-manager's or SPIFFE's CSI driver) and `--ssl-cert-reqs 2`.
deny contains violation if {
	request.serving
	by == "certificates"
	some entry in servers
	not proves_mutual_tls(entry)
	violation := {
		"code": "TLS-009",
		"severity": "critical",
		"message": sprintf("%s: container `%s` does not prove mutual TLS. Pass --ssl-keyfile, --ssl-certfile, --ssl-ca-certs and --ssl-cert-reqs 2.", [
			owner,
			short(object.get(entry.container, "name", "")),
		]),
		"field": entry.field,
	}
}

# METADATA
# title: Nothing is probed in clear
# description: |
#   A probe or hook that speaks HTTP or gRPC without TLS proves a port that does, too. A kubelet has no client certificate, so what
#   demands one is probed by a program in the container, or by opening the port.
# related_resources:
#   - ref: https://kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes/
#     description: Kubernetes, probes
#   - ref: https://attack.mitre.org/techniques/T1040/
#     description: MITRE ATT&CK T1040, network sniffing
# custom:
#   code: TLS-010
#   severity: high
#   fix: Probe with `exec` or `tcpSocket`.
deny contains violation if {
	request.serving
	by == "certificates"
	some found in plain_probes
	violation := {
		"code": "TLS-010",
		"severity": "high",
		"message": sprintf("%s: %s speaks to a port in clear. Probe with exec or tcpSocket.", [owner, short(found.what)]),
		"field": found.field,
	}
}

# What runs beside the kubelet's own ephemeral containers for as long as the pod does, and is no known sidecar.
servers contains entry if {
	some entry in request.subject.pod.containers
	list := entry.field[count(entry.field) - 2]
	runs_on(list, entry.container)
	not supporting(entry.container.image)
}

runs_on("containers", _) := true

runs_on("initContainers", container) if container.restartPolicy == "Always"

proves_mutual_tls(entry) if {
	words := arguments(entry.container)
	given(words, "--ssl-cert-reqs") == {"2"}
	every name in ["--ssl-keyfile", "--ssl-certfile", "--ssl-ca-certs"] {
		one_mounted_file(entry.container, given(words, name))
	}
	every word in words {
		not unknown_ssl(word)
	}
}

proves_mutual_tls(entry) if {
	words := arguments(entry.container)
	every name in ["--grpc-use-ssl", "--grpc-use-ssl-mutual"] {
		given(words, name) in {{"1"}, {"true"}, {"True"}}
	}
	given(words, "--allow-http") in {{"0"}, {"false"}, {"False"}}
	every name in ["--grpc-server-key", "--grpc-server-cert", "--grpc-root-cert"] {
		one_mounted_file(entry.container, given(words, name))
	}
	every name in ["--allow-sagemaker", "--allow-vertex-ai"] {
		given(words, name) in {set(), {"0"}, {"false"}, {"False"}}
	}
}

# Python's argument parsers take a unique beginning for the whole name, so none that is not written out can be let through.
unknown_ssl(word) if {
	name := replace(split(word, "=")[0], "_", "-")
	startswith(name, "--ssl")
	not name in {
		"--ssl-ca-certs",
		"--ssl-cert-reqs",
		"--ssl-certfile",
		"--ssl-ciphers",
		"--ssl-keyfile",
	}
}

# A word that is not one is given as such, so that it matches nothing.
arguments(container) := array.concat(words_of(container, "command"), words_of(container, "args"))

words_of(container, key) := list if {
	list := object.get(container, key, [])
	is_array(list)
} else := []

# All values of an option, whether given as one word or two.
given(words, name) := {value |
	some word in words
	position := indexof(word, "=")
	position > 0
	replace(substring(word, 0, position), "_", "-") == name
	value := substring(word, position + 1, -1)
} | {value |
	some i, word in words
	replace(word, "_", "-") == name
	value := object.get(words_by_number(words), i + 1, null)
}

words_by_number(words) := {i: word | some i, word in words}

one_mounted_file(container, values) if {
	count(values) == 1
	some file in values
	startswith(file, "/")
	not contains(file, "..")
	mounts := [mount |
		some mount in object.get(container, "volumeMounts", [])
		startswith(file, concat("", [trim_right(mount.mountPath, "/"), "/"]))
	]
	count(mounts) > 0
	every mount in mounts {
		mount.name in certificate_volumes
	}
}

certificate_volumes contains entry.volume.name if {
	some entry in request.subject.pod.volumes
	holds_certificates(entry.volume)
}

holds_certificates(volume) if volume.csi.driver in {"csi.cert-manager.io", "csi.spiffe.io", "spiffe.csi.cert-manager.io"}

holds_certificates(volume) if is_object(volume.secret)

holds_certificates(volume) if {
	count(volume.projected.sources) > 0
	every source in volume.projected.sources {
		count(object.keys(source) - {"clusterTrustBundle", "podCertificate", "secret"}) == 0
	}
}

plain_probes contains {"field": array.concat(entry.field, path), "what": concat(".", path)} if {
	some entry in servers
	some place in probes
	path := array.concat(place, ["httpGet"])
	found := object.get(entry.container, path, null)
	found != null
	not encrypted(found)
}

plain_probes contains {"field": array.concat(entry.field, path), "what": concat(".", path)} if {
	some entry in servers
	some place in probes
	path := array.concat(place, ["grpc"])
	object.get(entry.container, path, null) != null
}

encrypted(action) if action.scheme == "HTTPS"

probes := [
	["livenessProbe"],
	["readinessProbe"],
	["startupProbe"],
	["lifecycle", "postStart"],
	["lifecycle", "preStop"],
]
