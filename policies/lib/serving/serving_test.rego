package lib.weighbridge.serving_test

import data.lib.weighbridge.serving
import data.lib.weighbridge.workload

names := {"model_id": "model_id", "model_version": "model_version"}

pod(changes) := json.patch(
	{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x", "labels": {"app": "x"}}, "spec": {"containers": [{"name": "c", "image": "nginx"}]}},
	changes,
)

suspected(manifest) if serving.suspected(workload.subject(manifest, {}), manifest, names)

set_(path, value) := pod([{"op": "add", "path": path, "value": value}])

container := "/spec/containers/0"

serves := {
	"an accelerator": set_(concat("", [container, "/resources"]), {"limits": {"nvidia.com/gpu": "1"}}),
	"a slice of one": set_(concat("", [container, "/resources"]), {"limits": {"nvidia.com/mig-1g.5gb": 1}}),
	"neuron": set_(concat("", [container, "/resources"]), {"requests": {"aws.amazon.com/neuroncore": 2}}),
	"a tpu": set_(concat("", [container, "/resources"]), {"limits": {"google.com/tpu": 4}}),
	"gaudi": set_(concat("", [container, "/resources"]), {"limits": {"habana.ai/gaudi": 1}}),
	"amd": set_(concat("", [container, "/resources"]), {"limits": {"amd.com/gpu": 1}}),
	"a claim of devices": set_("/spec/resourceClaims", [{"name": "gpu"}]),
	"a model label": set_("/metadata/labels/model_id", "a"),
	"a version label": set_("/metadata/labels/model_version", "1"),
	"a pod of KServe": set_("/metadata/labels/serving.kserve.io~1inferenceservice", "a"),
	"a pod of Ray": set_("/metadata/ownerReferences", [{"apiVersion": "ray.io/v1", "kind": "RayCluster"}]),
	"a serving kind": {"apiVersion": "kaito.sh/v1beta1", "kind": "Workspace"},
	"a field that names weights": {"apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService", "spec": {"predictor": {"model": {"storageUri": "s3://a/b"}}}},
	"weights from a hub": set_(concat("", [container, "/args"]), ["hf://acme/a"]),
	"weights in a bucket": set_(concat("", [container, "/args"]), ["s3://a/model.safetensors"]),
	"a variable": set_(concat("", [container, "/env"]), [{"name": "MODEL_ID", "value": "/m"}]),
	"a server": set_(concat("", [container, "/command"]), ["/usr/bin/vllm", "serve"]),
	"an option": set_(concat("", [container, "/args"]), ["--model=/m"]),
	"an image volume": set_("/spec/volumes", [{"name": "w", "image": {"reference": "w"}}]),
	"an annotation of KServe": set_("/metadata/annotations", {"internal.serving.kserve.io/storage-initializer-sourceuri": "x"}),
	"a label outside": {
		"apiVersion": "apps/v1",
		"kind": "Deployment",
		"metadata": {"labels": {"model_id": "a"}},
		"spec": {"template": {"spec": {"containers": [{"image": "x"}]}}},
	},
}

left_alone := {
	"a web server": pod([]),
	"no accelerator": set_(concat("", [container, "/resources"]), {"limits": {"nvidia.com/gpu": "0", "cpu": "1", "memory": "1Gi"}}),
	"an address": set_(concat("", [container, "/env"]), [{"name": "API", "value": "https://example.com/api/v1"}]),
	"a backup": set_(concat("", [container, "/args"]), ["s3://backups/2026"]),
	"a store": set_(concat("", [container, "/env"]), [{"name": "AWS_ENDPOINT_URL", "value": "http://minio:9000"}]),
	"a service": {"apiVersion": "v1", "kind": "Service", "spec": {}},
	"a claim": set_("/spec/volumes", [{"name": "w", "persistentVolumeClaim": {"claimName": "w"}}]),
	"no claims of devices": set_("/spec/resourceClaims", []),
}

test_serves if {
	{name | some name, manifest in serves; not suspected(manifest)} == set()
}

test_left_alone if {
	{name | some name, manifest in left_alone; suspected(manifest)} == set()
}
