package lib.weighbridge.requirements.tls_test

import data.lib.weighbridge.requirements.mod_test as models

volume(source) := object.union({"name": "tls"}, source)

cert_manager := volume({"csi": {"driver": "csi.cert-manager.io", "readOnly": true}})

vllm := [
	"--ssl-keyfile",
	"/tls/tls.key",
	"--ssl-certfile=/tls/tls.crt",
	"--ssl-ca-certs=/tls/ca.crt",
	"--ssl-cert-reqs",
	"2",
]

triton := [
	"--allow-http=false",
	"--grpc-use-ssl=1",
	"--grpc-use-ssl-mutual=true",
	"--grpc-server-key=/tls/tls.key",
	"--grpc-server-cert=/tls/tls.crt",
	"--grpc-root-cert=/tls/ca.crt",
]

served(args, source) := mounted(args, source, [{"name": "tls", "mountPath": "/tls", "readOnly": true}])

mounted(args, source, mounts) := json.patch(models.pod, [
	{"op": "add", "path": "/spec/volumes", "value": [source, {"name": "scratch", "emptyDir": {}}]},
	{"op": "add", "path": "/spec/containers/0/volumeMounts", "value": mounts},
	{"op": "add", "path": "/spec/containers/0/args", "value": args},
])

probed(probe) := object.union(served(vllm, cert_manager), {"spec": {"containers": [object.union(
	served(vllm, cert_manager).spec.containers[0],
	probe,
)]}})

with_init(container) := json.patch(served(vllm, cert_manager), [{
	"op": "add",
	"path": "/spec/initContainers",
	"value": [object.union({"name": "second", "image": image}, container)],
}])

certificate_cases := {
	"TLS-009": {
		"vLLM": [served(vllm, cert_manager), false],
		"with underscores": [served([replace(word, "--ssl-", "--ssl_") | some word in vllm], cert_manager), false],
		"a Secret": [served(vllm, volume({"secret": {"secretName": "tls"}})), false],
		"SPIFFE": [served(vllm, volume({"csi": {"driver": "csi.spiffe.io"}})), false],
		"a pod's own certificate": [served(vllm, volume({"projected": {"sources": [{"podCertificate": {}}, {"clusterTrustBundle": {}}]}})), false],
		"a ConfigMap": [served(vllm, volume({"configMap": {"name": "tls"}})), true],
		"a Secret beside a ConfigMap": [served(vllm, volume({"projected": {"sources": [{"secret": {}}, {"configMap": {}}]}})), true],
		"of nothing": [served(vllm, volume({"projected": {"sources": []}})), true],
		"nothing said": [models.pod, true],
		"no client's certificate": [served(array.slice(vllm, 0, 4), cert_manager), true],
		"optional": [served(array.concat(array.slice(vllm, 0, 5), ["1"]), cert_manager), true],
		"taken back": [served(array.concat(vllm, ["--ssl-cert-reqs=0"]), cert_manager), true],
		"taken back in short": [served(array.concat(vllm, ["--ssl-cert-req=0"]), cert_manager), true],
		"taken back with underscores": [served(array.concat(vllm, ["--ssl_cert_req", "0"]), cert_manager), true],
		"another key as well": [served(array.concat(vllm, ["--ssl-keyfile=/scratch/k"]), cert_manager), true],
		"in a shell's line": [served([concat(" ", vllm)], cert_manager), true],
		"out of the mount": [served([replace(word, "/tls/", "/tls/../scratch/") | some word in vllm], cert_manager), true],
		"from elsewhere": [served([replace(word, "/tls/", "/etc/") | some word in vllm], cert_manager), true],
		"beside the mount": [served([replace(word, "/tls/", "/tlsx/") | some word in vllm], cert_manager), true],
		"covered by another mount": [
			mounted([replace(word, "/tls/", "/tls/in/") | some word in vllm], cert_manager, [
				{"name": "tls", "mountPath": "/tls"},
				{"name": "scratch", "mountPath": "/tls/in"},
			]),
			true,
		],
		"Triton": [served(triton, cert_manager), false],
		"Triton with HTTP": [served(array.slice(triton, 1, 6), cert_manager), true],
		"Triton, one side alone": [served(array.concat(array.slice(triton, 0, 2), array.slice(triton, 3, 6)), cert_manager), true],
		"Triton for SageMaker": [served(array.concat(triton, ["--allow-sagemaker=true"]), cert_manager), true],
		"an init container that ends": [with_init({}), false],
		"one that goes on": [with_init({"restartPolicy": "Always"}), true],
		"a known sidecar": [with_init({"restartPolicy": "Always", "image": support}), false],
		"words that are none": [served([1, null], cert_manager), true],
	},
	"TLS-010": {
		"a program": [probed({"livenessProbe": {"exec": {"command": ["check"]}}}), false],
		"an open port": [probed({"readinessProbe": {"tcpSocket": {"port": 8000}}}), false],
		"HTTPS": [probed({"readinessProbe": {"httpGet": {"port": 8000, "scheme": "HTTPS"}}}), false],
		"HTTP by default": [probed({"livenessProbe": {"httpGet": {"port": 8000}}}), true],
		"HTTP": [probed({"startupProbe": {"httpGet": {"port": 8000, "scheme": "HTTP"}}}), true],
		"in small letters": [probed({"startupProbe": {"httpGet": {"port": 8000, "scheme": "https"}}}), true],
		"gRPC": [probed({"readinessProbe": {"grpc": {"port": 8001}}}), true],
		"a hook": [probed({"lifecycle": {"preStop": {"httpGet": {"port": 8000}}}}), true],
	},
}
