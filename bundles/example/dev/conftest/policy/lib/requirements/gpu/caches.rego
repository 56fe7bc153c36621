package lib.weighbridge.requirements.gpu

import data.lib.weighbridge.request

# METADATA
# title: No prompt is cached across tenants
# description: |
#   A server that reuses the key-value cache of equal beginnings of prompts answers faster where somebody else asked before: by the
#   time to the first token one tenant can guess, piece by piece, what another one wrote. vLLM and SGLang do so unless told
#   otherwise. A salt for each call would hold it off, but no manifest shows who sets it. So either the environment says that caches
#   are kept apart by tenant, or that the image's server keeps none, or the server is told in its own arguments to keep none.
# related_resources:
#   - ref: https://docs.vllm.ai/en/latest/design/prefix_caching/
#     description: vLLM, automatic prefix caching and cache isolation by salt
#   - ref: https://docs.sglang.io/advanced_features/server_arguments.html
#     description: SGLang, server arguments
#   - ref: https://owasp.org/www-project-top-10-for-large-language-model-applications/
#     description: OWASP Top 10 for LLM applications, disclosure of sensitive information
# custom:
#   code: GPU-007
#   severity: high
#   fix: Give vLLM `--no-enable-prefix-caching`, SGLang `--disable-radix-cache`, or set `accelerators.caches` in the environment.
deny contains violation if {
	judged
	not caches_apart
	some entry in request.subject.pod.containers
	asks(entry)
	not uncached_image(entry)
	not told_to_keep_none(entry.container)
	violation := {
		"code": "GPU-007",
		"severity": "high",
		"message": sprintf("%s: container `%s` may reuse one tenant's prompts for another. %s", [
			owner,
			short(object.get(entry.container, "name", "")),
			"Set --no-enable-prefix-caching (vLLM) or --disable-radix-cache (SGLang).",
		]),
		"field": array.concat(entry.field, ["args"]),
	}
}

deny contains violation if {
	judged
	not caches_apart
	some found in told_to_cache
	violation := {
		"code": "GPU-007",
		"severity": "high",
		"message": sprintf("%s: `%s` turns on a cache that tenants share. Remove it, or have the gateway salt each call.", [
			owner,
			short(found.what),
		]),
		"field": found.field,
	}
}

# METADATA
# title: No cache server is shared across tenants
# description: |
#   LMCache, Mooncake, SGLang's HiCache and the connectors of vLLM keep key-value caches in other pods, and events tell others what is
#   in them: whoever reaches those reads or poisons what every tenant's prompts left. Only the environment can say that they keep
#   tenants apart. A file of options that the manifest does not show may name one, too.
# related_resources:
#   - ref: https://docs.vllm.ai/en/latest/features/disagg_prefill/
#     description: vLLM, connectors that transfer caches
#   - ref: https://docs.lmcache.ai/
#     description: LMCache
#   - ref: https://docs.sglang.io/advanced_features/hicache_best_practices.html
#     description: SGLang, hierarchical caching
#   - ref: https://atlas.mitre.org/techniques/AML.T0057
#     description: MITRE ATLAS AML.T0057, LLM data leakage
# custom:
#   code: GPU-008
#   severity: high
#   fix: Remove the connector, or set `accelerators.caches.per_tenant` where the cache server keeps tenants apart.
deny contains violation if {
	judged
	not caches_apart
	some found in cache_servers
	violation := {
		"code": "GPU-008",
		"severity": "high",
		"message": sprintf("%s: `%s` may lead to a cache server that tenants share. Remove it, or say `caches.per_tenant`.", [
			owner,
			short(found.what),
		]),
		"field": found.field,
	}
}

# METADATA
# title: No cache volume is shared across tenants
# description: |
#   Compiled kernels, downloaded files and offloaded caches in a volume that outlives the pod are read, and run, by the next pod that
#   mounts it. A pod with accelerators writes to volumes of its own only, unless the environment says that they are kept by tenant.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/storage/persistent-volumes/
#     description: Kubernetes, persistent volumes and access modes
#   - ref: https://docs.pytorch.org/tutorials/recipes/torch_compile_caching_tutorial.html
#     description: PyTorch, caches of compiled code
#   - ref: https://atlas.mitre.org/techniques/AML.T0057
#     description: MITRE ATLAS AML.T0057, LLM data leakage
# custom:
#   code: GPU-009
#   severity: medium
#   fix: Use an emptyDir for caches, or mount the volume with `readOnly`.
deny contains violation if {
	judged
	not caches_apart
	count(asked) > 0
	some found in written_volumes
	violation := {
		"code": "GPU-009",
		"severity": "medium",
		"message": sprintf("%s: volume `%s` outlives the pod, which writes to it: other tenants' pods may run what it holds. Use an emptyDir.", [
			owner,
			short(found.what),
		]),
		"field": found.field,
	}
}

uncached_image(entry) if request.image_digest(entry.container.image) in settings.caches.without

# The server of an approved image, or one that is plainly named, and its own switch as a word of its own: what a shell would do
# with the words, nobody knows.
told_to_keep_none(container) if {
	server := started(container)
	every word in words(container) {
		not contains(word.text, "$(")
	}
	some word in words(container)
	switches_off[server][word.text]
}

switches_off := {
	"vllm": {"--no-enable-prefix-caching": true, "--no_enable_prefix_caching": true},
	"sglang": {"--disable-radix-cache": true},
	"image": {"--no-enable-prefix-caching": true, "--no_enable_prefix_caching": true, "--disable-radix-cache": true},
}

# An entry point may be an interpreter: what begins like its script, or holds one, is no server's options.
started(container) := "image" if {
	object.get(container, "command", null) in {null, []}
	startswith(container.args[0], "--")
	every word in words(container) {
		not regex.match(`^-[A-Za-z]*[cem]$`, word.text)
	}
} else := server if {
	texts := [word.text | some word in words(container)]
	some known in launches
	array.slice(texts, 0, count(known.words)) == known.words
	server := known.server
}

launches := [{"words": array.concat(program, launch.words), "server": launch.server} |
	some launch in [
		{"programs": ["vllm"], "words": ["serve"], "server": "vllm"},
		{"programs": ["python", "python3"], "words": ["-m", "vllm.entrypoints.openai.api_server"], "server": "vllm"},
		{"programs": ["sglang"], "words": ["serve"], "server": "sglang"},
		{"programs": ["python", "python3"], "words": ["-m", "sglang.launch_server"], "server": "sglang"},
	]
	some name in launch.programs
	some folder in ["", "/usr/bin/", "/usr/local/bin/"]
	program := [concat("", [folder, name])]
]

# In any text, so that neither a shell nor a variable of further options hides it.
told_to_cache contains {"field": found.field, "what": option} if {
	some found in texts
	some option in options(found.text)
	means(option, {"--enable-prefix-caching"})
}

told_to_cache contains {"field": found.field, "what": found.name} if {
	some found in variables
	regex.match(`(?i)(^|_)(PREFIX_CACHING|KV_CACHE_REUSE)$`, found.name)
	not off(found.value)
}

cache_servers contains {"field": found.field, "what": option} if {
	some found in texts
	some option in options(found.text)
	means(option, server_options)
}

cache_servers contains {"field": found.field, "what": found.name} if {
	some found in variables
	regex.match(`(?i)^(LMCACHE|MOONCAKE|SGLANG_HICACHE|AIBRIX_KV_CACHE|AIBRIX_L2|DYN_KVBM|KVCACHE|VLLM_KV|VLLM_NIXL)_`, found.name)
}

# SageMaker's entry points make options of these.
cache_servers contains {"field": found.field, "what": found.name} if {
	some found in variables
	regex.match(`(?i)^SM_(VLLM|SGLANG)_(KV_(TR|EV|OF|CO)|EC_TR|HICACHE_ST|CONFIG$)`, found.name)
}

cache_servers contains {"field": array.concat(entry.field, word.field), "what": word.text} if {
	some entry in request.subject.pod.containers
	asks(entry)
	not uncached_image(entry)
	some word in words(entry.container)
	regex.match(`(?i)(^|\s)--(config(=|\s|$)|extra[-_]llm)`, word.text)
}

server_options := {
	"--ec-transfer-config",
	"--enable-lmcache",
	"--hicache-storage-backend",
	"--hicache-storage-backend-extra-config",
	"--kv-connector",
	"--kv-events-config",
	"--kv-offloading-backend",
	"--kv-transfer-config",
	"--lmcache-config",
}

options(text) := {option | some option in regex.find_n(`--[A-Za-z][A-Za-z_-]+`, text, -1)}

# Parsers take the beginning of an option for it, and some of them `_` for `-`.
means(option, known) if {
	count(option) >= 6
	strings.any_prefix_match(known, replace(lower(option), "_", "-"))
}

means(option, known) if strings.any_prefix_match(replace(lower(option), "_", "-"), known)

# All that is handed to programs, as it stands.
texts := array.concat(
	[{"text": word.text, "field": array.concat(entry.field, word.field)} |
		some entry in request.subject.pod.containers
		some word in words(entry.container)
	],
	[{"text": found.value, "field": found.field} | some found in variables],
)

written_volumes contains {"field": entry.field, "what": entry.volume.name} if {
	some entry in request.subject.pod.volumes
	not of_the_pod(entry.volume)
	written(entry.volume.name)
}

of_the_pod(volume) if {
	types := object.keys(volume) - {"name"}
	types & {"configMap", "downwardAPI", "emptyDir", "ephemeral", "image", "projected", "secret"} == types
}

written(name) if {
	some entry in request.subject.pod.containers
	some mount in entry.container.volumeMounts
	mount.name == name
	not mount.readOnly == true
}

written(name) if {
	some entry in request.subject.pod.containers
	some device in entry.container.volumeDevices
	device.name == name
}
