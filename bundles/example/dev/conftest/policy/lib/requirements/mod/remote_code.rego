package lib.weighbridge.requirements.mod

import data.lib.weighbridge.request

# METADATA
# title: No code from the model's repository
# description: |
#   With `trust_remote_code` whatever Python lies beside the weights runs in the server. Refused in every spelling: option, variable,
#   setting, field of an operator's object.
# related_resources:
#   - ref: https://huggingface.co/docs/transformers/custom_models
#     description: Transformers, custom models
#   - ref: https://owasp.org/www-project-machine-learning-security-top-10/
#     description: OWASP Machine Learning Security Top Ten, ML06 AI supply chain
#   - ref: https://atlas.mitre.org/techniques/AML.T0011.000
#     description: MITRE ATLAS, unsafe ML artifacts
# custom:
#   code: MOD-018
#   severity: critical
#   fix: Remove it; serve a model whose architecture the server knows, or have the exception signed as a waiver.
deny contains violation if {
	request.serving
	some field in remote_code
	violation := {
		"code": "MOD-018",
		"severity": "critical",
		"message": sprintf("%s: runs code that comes with the weights (trust_remote_code). Remove it, or have a waiver signed.", [image_owner]),
		"field": field,
	}
}

remote_code contains array.concat(entry.field, path) if {
	some entry in request.subject.pod.containers
	regex.match(`(?i)trust|\$\(`, json.marshal(entry.container)) # one look at all of it spares most containers the walk
	some path, text in texts_of(entry.container)
	trusts(text)
}

# The name of a variable says it, its value whether.
remote_code contains array.concat(entry.field, ["env", i]) if {
	some entry in request.subject.pod.containers
	some i, variable in entry.container.env
	regex.match(`(?i)trust[-_.]?remote[-_.]?code`, variable.name)
	not off(variable)
}

remote_code contains entry.field if {
	some entry in request.subject.pod.texts
	trusts(entry.text)
}

# Everything in a container that its programs can read, with variables put in where Kubernetes puts them in.
texts_of(container) := {path: written_out(text, container) |
	some path, text
	walk(container, [path, text])
	is_string(text)
	not path[0] in {"image", "name", "volumeMounts", "ports"}
	path[count(path) - 1] != "name"
}

written_out(text, _) := text if not contains(text, "$(")

written_out(text, container) := twice if {
	contains(text, "$(")
	values := {sprintf("$(%s)", [variable.name]): variable.value |
		some variable in container.env
		is_string(variable.value)
	}
	once := strings.replace_n(values, text)
	twice := strings.replace_n(values, once)
}

trusts(text) if {
	some found in regex.find_n(`(?i)(no[-_])?trust[-_. ]?remote[-_. ]?code\\?["']?\s*([=:]\s*\\?["']?(false|off|no|0)\b)?`, text, -1)
	not regex.match(`(?i)^no[-_]|[=:]\s*\\?["']?(false|off|no|0)$`, found)
}

# Argument parsers take the beginning of an option for the option.
trusts(text) if {
	some found in regex.find_n(`--[Tt][A-Za-z_-]*`, text, -1)
	begun := replace(lower(found), "_", "-")
	count(begun) > 6
	begun != "--trust-remote-code"
	startswith("--trust-remote-code", begun)
}

off(variable) if {
	is_string(variable.value)
	lower(variable.value) in {"", "0", "false", "no", "off"}
}
