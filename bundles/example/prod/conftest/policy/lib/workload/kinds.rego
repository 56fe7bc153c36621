package lib.weighbridge.workload

# METADATA
# title: Where Kubernetes' own kinds keep their pod template
# description: Keyed by API group and kind, because other groups have a `Job` or a `Deployment`, too, with another shape.
templates := {
	"/Pod": [],
	"/PodTemplate": ["template"],
	"/ReplicationController": ["spec", "template"],
	"apps/DaemonSet": ["spec", "template"],
	"apps/Deployment": ["spec", "template"],
	"apps/ReplicaSet": ["spec", "template"],
	"apps/StatefulSet": ["spec", "template"],
	"batch/CronJob": ["spec", "jobTemplate", "spec", "template"],
	"batch/Job": ["spec", "template"],
}

# METADATA
# title: Where the kinds of operators keep their pods
# description: |
#   `*` stands for every element of a list or map. `template` is the path of a pod template; `spec` that of a bare pod spec, whose
#   labels and annotations are united from the maps that are named, a later one overriding an earlier. A pod is there if `when` is:
#   its own path, or the last element of a list on it. `partial`: the operator adds what is not written, so an image may be missing.
#   `inline`: keys of the spec that hold one container each; `beside`: paths of such in the object. `sources`: names, anywhere below
#   a path, of fields that say where weights come from. `texts`: paths of texts that a program reads. `shape`: how containers are
#   written where they are no Kubernetes containers.
described["leaderworkerset.x-k8s.io/LeaderWorkerSet"] := [
	{"template": ["spec", "leaderWorkerTemplate", "leaderTemplate"]},
	{"template": ["spec", "leaderWorkerTemplate", "workerTemplate"]},
]

described[name] := [{"template": ["spec", "template"]}] if some name in ["serving.knative.dev/Configuration", "serving.knative.dev/Service"]

described["serving.knative.dev/Revision"] := [{
	"spec": ["spec"],
	"labels": [["metadata", "labels"]],
	"annotations": [["metadata", "annotations"]],
}]

# KServe unites labels of runtime, object and component in this order (pkg/controller/v1beta1/inferenceservice/components).
described["serving.kserve.io/InferenceService"] := array.concat(
	[component(name) | some name in ["predictor", "transformer", "explainer"]],
	[object.union(component("predictor"), {"spec": ["spec", "predictor", "workerSpec"], "inline": []})],
)

described["serving.kserve.io/ServingRuntime"] := runtime

described["serving.kserve.io/ClusterServingRuntime"] := runtime

component(name) := {
	"spec": ["spec", name],
	"labels": [["metadata", "labels"], ["spec", name, "labels"]],
	"annotations": [["metadata", "annotations"], ["spec", name, "annotations"]],
	"partial": true,
	"inline": [
		"art", "huggingface", "lightgbm", "model", "onnx", "paddle", "pmml", "pytorch", "sklearn", "tensorflow", "triton", "xgboost",
	],
	"sources": [{"below": ["spec", name], "names": {"storage", "storageUri", "uri"}}],
}

runtime := [
	{"spec": ["spec"], "labels": [["spec", "labels"]], "annotations": [["spec", "annotations"]]},
	{
		"spec": ["spec", "workerSpec"],
		"labels": [["spec", "workerSpec", "labels"]],
		"annotations": [["spec", "workerSpec", "annotations"]],
	},
]

# Of an LLMInferenceService the labels of the object do not reach its pods.
described["serving.kserve.io/LLMInferenceService"] := llm_pods

described["serving.kserve.io/LLMInferenceServiceConfig"] := llm_pods

llm_pods := [
	llm_pod(["spec"], "template", ["spec"]),
	llm_pod(["spec"], "worker", ["spec", "worker"]),
	llm_pod(["spec", "prefill"], "template", ["spec", "prefill"]),
	llm_pod(["spec", "prefill"], "worker", ["spec", "prefill", "worker"]),
	{
		"spec": ["spec", "router", "scheduler", "template"],
		"labels": [["spec", "router", "scheduler", "labels"]],
		"annotations": [["spec", "router", "scheduler", "annotations"]],
		"partial": true,
	},
]

llm_pod(workload, key, when) := {
	"spec": array.concat(workload, [key]),
	"labels": [array.concat(workload, ["labels"])],
	"annotations": [array.concat(workload, ["annotations"])],
	"when": when,
	"partial": true,
	"sources": [
		{"below": ["spec", "model"], "names": {"uri"}},
		{"below": array.concat(workload, ["workload"]), "names": {"pvc"}},
	],
	"texts": [["spec", "trustRemoteCode"], ["spec", "model", "trustRemoteCode"]],
}

described["ray.io/RayCluster"] := ray_pods(["spec"], [])

described["ray.io/RayJob"] := array.concat(
	ray_pods(["spec", "rayClusterSpec"], [["spec", "entrypoint"], ["spec", "runtimeEnvYAML"]]),
	[{"template": ["spec", "submitterPodTemplate"], "texts": [["spec", "entrypoint"]]}],
)

described["ray.io/RayService"] := ray_pods(["spec", "rayClusterConfig"], [["spec", "serveConfigV2"]])

ray_pods(cluster, texts) := [
	{
		"template": array.concat(cluster, ["headGroupSpec", "template"]),
		"when": cluster,
		"beside": [array.concat(cluster, ["autoscalerOptions"])],
		# KubeRay writes them into a shell's line.
		"texts": array.concat(texts, [array.concat(cluster, ["headGroupSpec", "rayStartParams"])]),
	},
	{
		"template": array.concat(cluster, ["workerGroupSpecs", "*", "template"]),
		"texts": array.concat(texts, [array.concat(cluster, ["workerGroupSpecs", "*", "rayStartParams"])]),
	},
]

described["apps.nvidia.com/NIMCache"] := [{
	"spec": ["spec"],
	"labels": [],
	"annotations": [],
	"shape": "nim",
	"sources": [{"below": ["spec", "source"], "names": {"dataStore", "hf", "nemoDataStore", "ngc"}}],
}]

described["apps.nvidia.com/NIMPipeline"] := [nim_pod(["spec", "services", "*", "spec"])]

described["apps.nvidia.com/NIMService"] := [nim_pod(["spec"])]

nim_pod(path) := {
	"spec": path,
	"labels": [array.concat(path, ["labels"])],
	"annotations": [array.concat(path, ["annotations"])],
	"shape": "nim",
	"sources": [{"below": array.concat(path, ["storage"]), "names": {"hostPath", "nimCache", "pvc"}}],
}

described["machinelearning.seldon.io/SeldonDeployment"] := [
	object.union(seldon_pod, {
		"spec": ["spec", "predictors", "*", "componentSpecs", "*", "spec"],
		"labels": [["spec", "predictors", "*", "labels"], ["spec", "predictors", "*", "componentSpecs", "*", "metadata", "labels"]],
		"annotations": [
			["spec", "annotations"],
			["spec", "predictors", "*", "annotations"],
			["spec", "predictors", "*", "componentSpecs", "*", "metadata", "annotations"],
		],
	}),
	object.union(seldon_pod, {"spec": ["spec", "predictors", "*", "graph"], "shape": "graph"}),
	object.union(seldon_pod, {
		"spec": ["spec", "predictors", "*", "explainer"],
		"when": ["spec", "predictors", "*", "explainer"],
		"inline": ["containerSpec"],
	}),
]

described["mlops.seldon.io/Server"] := [seldon_server]

described["mlops.seldon.io/ServerConfig"] := [seldon_server]

seldon_pod := {
	"labels": [["spec", "predictors", "*", "labels"]],
	"annotations": [["spec", "annotations"], ["spec", "predictors", "*", "annotations"]],
	"partial": true,
	"sources": [{"below": ["spec", "predictors", "*"], "names": {"modelUri"}}],
}

seldon_server := {
	"spec": ["spec", "podSpec"],
	"labels": [["metadata", "labels"]],
	"annotations": [["metadata", "annotations"]],
	"when": ["spec"],
	"partial": true,
}
