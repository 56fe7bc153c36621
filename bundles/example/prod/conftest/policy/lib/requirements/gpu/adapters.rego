package lib.weighbridge.requirements.gpu

# METADATA
# title: No adapter is loaded while the server runs
# description: |
#   A server that takes LoRA adapters by request runs, for all tenants at once, weights that nobody approved, and whoever may load one
#   may replace the one that another tenant is answered by. Adapters that the version brings along are loaded when it starts.
# related_resources:
#   - ref: https://docs.vllm.ai/en/latest/features/lora/
#     description: vLLM, loading LoRA adapters at run time is not for production
#   - ref: https://atlas.mitre.org/techniques/AML.T0010.003
#     description: MITRE ATLAS AML.T0010.003, supply chain of models
# custom:
#   code: GPU-011
#   severity: high
#   fix: Remove the variable or option, and name the adapters among the version's sources.
deny contains violation if {
	judged
	some found in loads_adapters
	violation := {
		"code": "GPU-011",
		"severity": "high",
		"message": sprintf("%s: `%s` lets adapters be loaded while tenants are served. Remove it.", [owner, short(found.what)]),
		"field": found.field,
	}
}

loads_adapters contains {"field": found.field, "what": found.name} if {
	some found in variables
	found.name in {"VLLM_ALLOW_RUNTIME_LORA_UPDATING", "VLLM_LORA_RESOLVER_CACHE_DIR", "NIM_PEFT_REFRESH_INTERVAL"}
	not off(found.value)
}

loads_adapters contains {"field": found.field, "what": found.name} if {
	some found in variables
	found.name == "VLLM_PLUGINS"
	not no_resolver(found.value)
}

loads_adapters contains {"field": found.field, "what": name} if {
	some found in texts
	some name in regex.find_n(`VLLM_ALLOW_RUNTIME_LORA_UPDATING`, found.text, -1)
}

off(value) if lower(value) in {"", "0", "false"}

no_resolver(value) if {
	is_string(value)
	not contains(lower(value), "lora")
	not contains(value, "$(")
}
