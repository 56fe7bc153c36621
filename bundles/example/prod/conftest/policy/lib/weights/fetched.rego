package lib.weighbridge.weights

# METADATA
# title: The pod plainly fetches or serves weights
# description: |
#   Less than `named` finds: this tells model servers from all the other workloads of a cluster, which must be left alone.
fetched(pod) if {
	some entry in pod.volumes
	entry.volume.image
}

fetched(pod) if {
	some entry in started(pod.containers)
	some variable in entry.container.env
	upper(variable.name) in (weight_variables - common_variables)
}

fetched(pod) if {
	some entry in started(pod.containers)
	some text
	walk(entry.container, [_, text])
	is_string(text)
	some address in addresses(text)
	regex.match(origin, address)
}

fetched(pod) if {
	some entry in started(pod.containers)
	some words in commands(entry.container)
	some each in words
	serves(each.word)
}

fetched(pod) if {
	some key, _ in pod.annotations
	contains(lower(key), "storage-initializer-sourceuri")
}

# Names that programs of all kinds use.
common_variables := {"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "MODEL", "S3_ENDPOINT", "S3_ENDPOINT_URL"}

origin := concat("", [
	`(?i)^((hf|ngc|modelscope|ms|oci|oci\+[a-z]+|pvc)://|https?://([a-z0-9-]+\.)*(huggingface\.co|hf\.co|hf-mirror\.com|modelscope\.cn|ngc\.nvidia\.com)/`,
	`|[a-z0-9+.-]+://.*(model|weights|checkpoint|lora|\.(safetensors|gguf|onnx|pt|pth|pkl|ckpt|engine|plan|tflite|joblib|keras|mar)([?#]|$)))`,
])

serves(word) if {
	parts := split(split(word, "=")[0], "/")
	parts[count(parts) - 1] in servers
}

serves(word) if regex.match(`^--?(model|model-path|model-id|model-name-or-path|hf[a-z-]*|lora-modules|speculative-[a-z-]+)(=|$)`, replace(lower(word), "_", "-"))

# Programs that do nothing but serve or fetch models.
servers := {
	"huggingface-cli",
	"llama-server",
	"lmdeploy",
	"mlserver",
	"ollama",
	"sglang.launch_server",
	"tensorflow_model_server",
	"text-embeddings-router",
	"text-generation-launcher",
	"torchserve",
	"tritonserver",
	"trtllm-serve",
	"vllm",
	"vllm.entrypoints.api_server",
	"vllm.entrypoints.openai.api_server",
}
