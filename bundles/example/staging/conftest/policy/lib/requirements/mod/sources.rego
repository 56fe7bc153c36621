package lib.weighbridge.requirements.mod

import data.lib.weighbridge.request

# METADATA
# title: Weights come from an approved, immutable source
# description: |
#   Whatever the pod can load weights from is among the version's approved sources: image volumes by digest; addresses in
#   variables, commands and arguments word for word. Claims, host paths and network shares can change after approval, so they are
#   refused; empty directories and Kubernetes' own small objects are no sources.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/storage/volumes/
#     description: Kubernetes volumes
# custom:
#   code: MOD-009
#   severity: high
#   fix: Mount the weights as an image volume by digest, or name one of the version's approved sources word for word.
deny contains violation if {
	request.serving
	some found in mutable_volumes
	violation := {
		"code": "MOD-009",
		"severity": "high",
		"message": sprintf("%s: volume `%s` can change after approval. Mount the weights as an image volume by digest.", [image_owner, short(found.name)]),
		"field": found.field,
	}
}

deny contains violation if {
	request.serving
	approved
	some entry in request.subject.pod.volumes
	reference := entry.volume.image.reference
	not approved_volume(reference)
	violation := {
		"code": "MOD-009",
		"severity": "high",
		"message": sprintf("%s: image volume `%s` is not an approved source by digest. Use one that the card names.", [image_owner, short(reference)]),
		"field": array.concat(entry.field, ["image", "reference"]),
	}
}

deny contains violation if {
	request.serving
	approved
	some found in addresses
	not record.sources[found.address] == true
	violation := {
		"code": "MOD-009",
		"severity": "high",
		"message": sprintf("%s: weights from `%s`, which is not an approved source. Use one that the card names, word for word.", [image_owner, short(found.address)]),
		"field": found.field,
	}
}

harmless_volumes := {"configMap", "downwardAPI", "emptyDir", "projected", "secret"}

mutable_volumes contains {"name": entry.volume.name, "field": entry.field} if {
	some entry in request.subject.pod.volumes
	not harmless(entry.volume)
	not image_volume(entry.volume)
}

mutable_volumes contains {"name": "volumeClaimTemplates", "field": field} if some field in request.subject.pod.claims

harmless(volume) if {
	types := object.keys(volume) - {"name"}
	count(types) == 1
	count(types - harmless_volumes) == 0
}

image_volume(volume) if {
	object.keys(volume) - {"name"} == {"image"}
	is_string(volume.image.reference)
}

approved_volume(reference) if approved_image(request.image_digest(reference))

approved_volume(reference) if {
	pinned := request.image_digest(reference)
	some source, allowed in record.sources
	allowed == true
	startswith(source, "oci://")
	endswith(source, concat("", ["@", pinned]))
}

# Variables that serving programs load weights from, whatever their value looks like.
weight_variables := {
	"AWS_ENDPOINT_URL",
	"AWS_ENDPOINT_URL_S3",
	"HF_ENDPOINT",
	"HF_MODEL_ID",
	"HUGGINGFACE_HUB_ENDPOINT",
	"LLAMA_ARG_HFD_REPO",
	"LLAMA_ARG_HF_REPO",
	"LLAMA_ARG_MODEL",
	"LLAMA_ARG_MODEL_DRAFT",
	"LLAMA_ARG_MODEL_URL",
	"MODEL",
	"MODEL_BASE_PATH",
	"MODEL_DIR",
	"MODEL_ID",
	"MODEL_NAME_OR_PATH",
	"MODEL_PATH",
	"MODEL_REPOSITORY",
	"MODEL_URI",
	"MODEL_URL",
	"NIM_FT_MODEL",
	"NIM_MODEL_NAME",
	"S3_ENDPOINT",
	"S3_ENDPOINT_URL",
	"SERVED_MODEL",
	"STORAGE_URI",
	"TRANSFORMERS_MODEL",
	"VLLM_MODEL",
}

# Options of serving programs that name weights; `_` and `-` are the same to most of them.
weight_options := {
	"--adapter",
	"--adapter-id",
	"--checkpoint",
	"--checkpoint-path",
	"--draft-model",
	"--draft-model-path",
	"--hf-config-path",
	"--hf-model-id",
	"--hf-repo",
	"--hf-repo-draft",
	"--lora",
	"--lora-adapters",
	"--lora-modules",
	"--lora-paths",
	"--lora-scaled",
	"--mmproj",
	"--mmproj-url",
	"--model",
	"--model-base-path",
	"--model-dir",
	"--model-draft",
	"--model-id",
	"--model-name-or-path",
	"--model-path",
	"--model-repository",
	"--model-store",
	"--model-tag",
	"--model-uri",
	"--model-url",
	"--speculative-config",
	"--speculative-config.model",
	"--speculative-draft-model-path",
	"--speculative-model",
	"--storage-uri",
	"--tokenizer",
	"--tokenizer-name",
	"--tokenizer-name-or-path",
	"--tokenizer-path",
	"-hf",
	"-hfd",
	"-hfr",
	"-hfrd",
	"-md",
	"-mu",
}

# Everything with a scheme, in any text of a container that a program can read.
addresses contains {"address": address, "field": array.concat(entry.field, path)} if {
	some entry in request.subject.pod.containers
	some path, text
	walk(entry.container, [path, text])
	is_string(text)
	readable_by_program(path)
	not telemetry(entry.container, path)
	some address in regex.find_n(`(?i)[a-z][a-z0-9+.-]*://[^\s"']*`, text, -1)
	not endpoint(address)
}

addresses contains {"address": address, "field": array.concat(request.subject.pod.path, ["metadata", "annotations", key])} if {
	some key, text in request.subject.pod.annotations
	contains(lower(key), "source")
	some address in regex.find_n(`(?i)[a-z][a-z0-9+.-]*://[^\s"']*`, text, -1)
	not endpoint(address)
}

# Variables whose very names the manifest does not show: one of them may name weights.
addresses contains {"address": unshown, "field": array.concat(entry.field, ["envFrom"])} if {
	some entry in request.subject.pod.containers
	not object.get(entry.container, "envFrom", null) in {null, []}
}

# A variable that names weights: what it holds is a source, unless it is a path inside the container.
addresses contains {"address": address, "field": array.concat(entry.field, ["env", i])} if {
	some entry in request.subject.pod.containers
	some i, variable in entry.container.env
	upper(variable.name) in weight_variables
	address := variable_value(variable)
	not local_path(address)
}

# A variable of any name that speaks of a model and holds what is a repository's name and no path.
addresses contains {"address": variable.value, "field": array.concat(entry.field, ["env", i])} if {
	some entry in request.subject.pod.containers
	some i, variable in entry.container.env
	regex.match(`MODEL|LORA|ADAPTER|REPO|TOKENIZER|CHECKPOINT|WEIGHTS|SPECULAT|^HF_`, upper(variable.name))
	not startswith(upper(variable.name), "SERVED_")
	repository(variable.value)
}

addresses contains {"address": address, "field": array.concat(entry.field, words[i].field)} if {
	some entry in request.subject.pod.containers
	some words in commands(entry.container)
	some i, _ in words
	address := named_weights(words, i)
	not local_path(address)
}

# What a serving or a downloading command is told, options before it or not; a name under which it serves is none.
addresses contains {"address": words[i].word, "field": array.concat(entry.field, words[i].field)} if {
	some entry in request.subject.pod.containers
	some words in commands(entry.container)
	first := min([i |
		some i, each in words
		each.word in {"download", "pull", "serve", "trtllm-serve"}
		not words[i + 1].word == "run" # Ray serves an application
	])
	some i, each in words
	i > first
	repository(each.word)
	not startswith(words[i - 1].word, "--served")
}

readable_by_program(path) if not path[0] in {"image", "name", "volumeMounts", "ports"}

telemetry(container, ["env", i, "value"]) if startswith(container.env[i].name, "OTEL_")

# A bare web origin is an endpoint, no file.
endpoint(address) if regex.match(`(?i)^https?://[^/?#@]+/?$`, address)

local_path(address) if {
	regex.match(`^\.{0,2}/`, address)
	not contains(address, "://")
}

repository(text) if regex.match(`^[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9._-]+(:[A-Za-z0-9._-]+)?$`, text)

unshown := "a value that the manifest does not show"

default variable_value(_) := "a value that the manifest does not show"

variable_value(variable) := variable.value if is_string(variable.value)

# What a container runs: Kubernetes joins `command` and `args` to one command; hooks and probes have their own.
commands(container) := array.concat([joined], own) if {
	joined := array.concat(shell_words(container, ["command"]), shell_words(container, ["args"]))
	own := [shell_words(container, path) |
		some path
		walk(container, [path, _])
		count(path) > 1
		path[count(path) - 1] == "command"
	]
}

# The words of a command, also of those that a shell is handed as one text; each with its place.
shell_words(container, path) := [{"word": word, "field": array.concat(path, [i])} |
	some i, text in object.get(container, path, [])

	# regal ignore:non-raw-regex-pattern
	some word in regex.split("[\\s\"'`;&|()]+", text)
	word != ""
]

# An option and its value in one word or in two, or a variable set on the way.
named_weights(words, i) := value if {
	parts := split(words[i].word, "=")
	count(parts) > 1
	names_weights(parts[0])
	value := concat("=", array.slice(parts, 1, count(parts)))
} else := words[i + 1].word if {
	option(words[i].word)
}

names_weights(text) if option(text)

names_weights(text) if upper(text) in weight_variables

option(text) if replace(lower(text), "_", "-") in weight_options

# Argument parsers take the beginning of an option for the option.
option(text) if {
	begun := replace(lower(text), "_", "-")
	count(begun) > 7
	begun != "--model-name"
	some whole in weight_options
	startswith(whole, begun)
}
