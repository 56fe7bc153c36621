package lib.weighbridge.workload

# METADATA
# title: API groups whose kinds become serving pods
# description: Some of their kinds hold no list of containers, so that nothing in them looks like a pod.
serving_groups := {
	"aibrix.ai",
	"apps.nvidia.com",
	"inference.llmaz.io",
	"inference.networking.k8s.io",
	"inference.sagemaker.aws.amazon.com",
	"kaito.sh",
	"kubeai.org",
	"leaderworkerset.x-k8s.io",
	"llm-d.ai",
	"llmaz.io",
	"machinelearning.seldon.io",
	"ollama.ayaka.io",
	"ome.io",
	"orchestration.aibrix.ai",
	"production-stack.vllm.ai",
	"ray.io",
	"serving.knative.dev",
	"serving.kserve.io",
	"serving.yatai.ai",
}

# METADATA
# title: Kubernetes' own API groups
# description: Whichever of their kinds make pods are described above; an `image` in another of them starts nothing.
kubernetes_groups := {
	"",
	"admissionregistration.k8s.io",
	"apiextensions.k8s.io",
	"apiregistration.k8s.io",
	"apps",
	"authentication.k8s.io",
	"authorization.k8s.io",
	"autoscaling",
	"batch",
	"certificates.k8s.io",
	"coordination.k8s.io",
	"discovery.k8s.io",
	"events.k8s.io",
	"flowcontrol.apiserver.k8s.io",
	"networking.k8s.io",
	"node.k8s.io",
	"policy",
	"rbac.authorization.k8s.io",
	"resource.k8s.io",
	"scheduling.k8s.io",
	"storage.k8s.io",
}

# METADATA
# title: Kinds beside serving pods
# description: |
#   Of groups that serve, or with an image that nobody runs; they make no pods. Controllers write most of them: refusing those would
#   leave half of what is admitted.
podless := {
	"caching.internal.knative.dev/Image",
	"inference.networking.k8s.io/InferenceModel",
	"inference.networking.k8s.io/InferenceObjective",
	"inference.networking.k8s.io/InferencePool",
	"serving.knative.dev/DomainMapping",
	"serving.knative.dev/Route",
}
