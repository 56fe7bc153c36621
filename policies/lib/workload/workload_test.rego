package lib.weighbridge.workload_test

import data.lib.weighbridge.part
import data.lib.weighbridge.workload

# Each case is an object and what must be seen of its pods: labels and images, in order.

spec(image) := {"containers": [{"name": "server", "image": image}]}

template(image, id) := {"metadata": {"labels": {"model_id": id}, "annotations": {"a": id}}, "spec": spec(image)}

object_of(api, kind, spec_) := {"apiVersion": api, "kind": kind, "metadata": {"name": "x", "labels": {"model_id": "o"}}, "spec": spec_}

seen(object_) := [{"labels": labels, "images": images} |
	first := workload.subject(object_, {})
	some i in numbers.range(0, first.parts - 1)
	told := workload.subject(object_, {}) with part.index as i
	told.form == "pod"
	labels := object.get(told.pod.labels, "model_id", "")
	images := [entry.container.image | some entry in told.pod.containers]
]

cluster := {
	"headGroupSpec": {"template": template("h", "a")},
	"workerGroupSpecs": [{"template": template("w0", "b")}, {"template": template("w1", "c")}],
	"autoscalerOptions": {"image": "s"},
}

predictor := {
	"labels": {"model_id": "p"},
	"componentSpecs": [{"spec": spec("c0")}, {"metadata": {"labels": {"model_id": "q"}}, "spec": spec("c1")}],
	"graph": {"name": "server", "implementation": "SKLEARN_SERVER", "children": [{"name": "b", "implementation": "XGBOOST_SERVER"}]},
	"explainer": {"type": "AnchorTabular", "containerSpec": {"image": "e"}},
}

cases := {
	"ray cluster": {
		"object": object_of("ray.io/v1", "RayCluster", cluster),
		"seen": [{"labels": "a", "images": ["h", "s"]}, {"labels": "b", "images": ["w0"]}, {"labels": "c", "images": ["w1"]}],
	},
	"ray job": {
		"object": object_of("ray.io/v1", "RayJob", {"rayClusterSpec": object.remove(cluster, ["workerGroupSpecs"]), "submitterPodTemplate": template("j", "d")}),
		"seen": [{"labels": "a", "images": ["h", "s"]}, {"labels": "d", "images": ["j"]}],
	},
	"autoscaler with the head's image": {
		"object": object_of("ray.io/v1", "RayCluster", {"headGroupSpec": cluster.headGroupSpec, "autoscalerOptions": {"image": null}}),
		"seen": [{"labels": "a", "images": ["h", "h"]}],
	},
	"leader and workers": {
		"object": object_of("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet", {"leaderWorkerTemplate": {
			"leaderTemplate": template("l", "a"),
			"workerTemplate": template("w", "b"),
		}}),
		"seen": [{"labels": "a", "images": ["l"]}, {"labels": "b", "images": ["w"]}],
	},
	"inference service": {
		"object": object_of("serving.kserve.io/v1beta1", "InferenceService", {
			"predictor": {"model": {"image": "m"}, "workerSpec": spec("w"), "labels": {"model_id": "p"}},
			"transformer": spec("t"),
			"explainer": {"art": {"type": "x"}},
		}),
		"seen": [
			{"labels": "p", "images": ["m"]},
			{"labels": "o", "images": ["t"]},
			{"labels": "o", "images": [""]},
			{"labels": "p", "images": ["w"]},
		],
	},
	"serving runtime": {
		"object": object_of("serving.kserve.io/v1alpha1", "ServingRuntime", object.union(spec("r"), {"labels": {"model_id": "r"}})),
		"seen": [{"labels": "r", "images": ["r"]}],
	},
	"llm inference service": {
		"object": object_of("serving.kserve.io/v1alpha1", "LLMInferenceService", {
			"labels": {"model_id": "d"},
			"worker": spec("w"),
			"prefill": {"labels": {"model_id": "e"}, "template": spec("f")},
			"router": {"scheduler": {"template": spec("s")}},
		}),
		"seen": [
			{"labels": "d", "images": [""]},
			{"labels": "d", "images": ["w"]},
			{"labels": "e", "images": ["f"]},
			{"labels": "", "images": ["s"]},
		],
	},
	"nim service": {
		"object": object_of("apps.nvidia.com/v1alpha1", "NIMService", {
			"labels": {"model_id": "n"},
			"image": {"repository": "r", "tag": "t"},
			"initContainers": [{"image": {"repository": "i", "tag": "1"}}],
			"userID": 1000,
		}),
		"seen": [{"labels": "n", "images": ["r:t", "i:1"]}],
	},
	"nim cache": {
		"object": object_of("apps.nvidia.com/v1alpha1", "NIMCache", {"source": {"ngc": {"modelPuller": "p:1"}}}),
		"seen": [{"labels": "", "images": ["p:1"]}],
	},
	"seldon": {
		"object": object_of("machinelearning.seldon.io/v1", "SeldonDeployment", {"predictors": [predictor]}),
		"seen": [
			{"labels": "p", "images": ["c0"]},
			{"labels": "q", "images": ["c1"]},
			{"labels": "p", "images": [""]},
			{"labels": "p", "images": ["e"]},
		],
	},
	"knative": {
		"object": object_of("serving.knative.dev/v1", "Service", {"template": template("k", "a")}),
		"seen": [{"labels": "a", "images": ["k"]}],
	},
}

different[name] := found if {
	some name, case in cases
	found := seen(case.object)
	found != case.seen
}

test_pods if different == {}

form(object_) := workload.subject(object_, {}).form

test_what_cannot_be_read if {
	every spec_ in [{"headGroupSpec": {}}, {"headGroupSpec": {"template": "x"}}, object.union(cluster, {"workerGroupSpecs": "none"}), object.union(cluster, {"autoscalerOptions": []})] {
		form(object_of("ray.io/v1", "RayCluster", spec_)) == "unreadable"
	}
	form(object_of("serving.kserve.io/v1beta1", "InferenceService", {"predictor": []})) == "unreadable"
	form(object_of("apps/v1", "Deployment", {"template": {"metadata": {"labels": []}, "spec": spec("x")}})) == "unreadable"
	form([]) == "unreadable"
}

test_containers_that_nobody_described if {
	form(object_of("ray.io/v1", "RayCluster", object.union(cluster, {"shadow": spec("x")}))) == "undescribed"
	form(object_of("ray.io/v1", "RayCluster", object.union(cluster, {"shadow": {"containers": []}}))) == "pod"
	form(object_of("example.com/v1", "Any", {"podSpec": spec("x")})) == "undescribed"
	form(object_of("v1", "Service", {})) == "other"
}

test_a_worker_without_a_template_is_unreadable if {
	object_ := object_of("ray.io/v1", "RayCluster", object.union(cluster, {"workerGroupSpecs": [{}]}))
	told := workload.subject(object_, {}) with part.index as 1
	told.form == "unreadable"
}

test_sources_and_texts if {
	object_ := object_of("serving.kserve.io/v1alpha1", "LLMInferenceService", {
		"model": {"uri": "hf://a/b", "lora": {"adapters": [{"uri": "s3://x"}]}},
		"trustRemoteCode": true,
		"template": spec("x"),
	})
	told := workload.subject(object_, {})
	{source.address | some source in told.pod.sources} == {"hf://a/b", "s3://x"}
	{text.text | some text in told.pod.texts} == {"trustRemoteCode=true"}
	told.pod.places.labels == ["spec", "labels"]
	storage := object_of("serving.kserve.io/v1beta1", "InferenceService", {"predictor": {"model": {"storage": {"key": "k"}}}})
	[{"address": null, "field": ["spec", "predictor", "model", "storage"]}] == workload.subject(storage, {}).pod.sources
}

test_claims if {
	object_ := object_of("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet", {"leaderWorkerTemplate": {
		"workerTemplate": template("w", "b"),
		"volumeClaimTemplates": [{}],
	}})
	workload.subject(object_, {}).pod.claims == [["spec", "leaderWorkerTemplate", "volumeClaimTemplates", 0]]
}
