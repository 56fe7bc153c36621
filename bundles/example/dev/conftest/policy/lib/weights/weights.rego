# METADATA
# scope: package
# title: Where a pod's weights come from
# description: |
#   What a pod, as `lib/workload` normalises it, says about the origin of what it loads: fields, addresses, variables, options and
#   commands. Each finding has an `address` and the `field` where it stands.
package lib.weighbridge.weights

# METADATA
# title: Everything that the pod names weights by
# description: |
#   `trusted` has the fields of containers that are known word for word, and need not be read. What lies inside the container, by a
#   local path, is no source: the image is judged for itself.
named(pod, trusted) := union((({in_fields(pod), in_annotations(pod)} | {found |
	some entry in started(pod.containers)
	not entry.field in trusted
	some found in {in_texts(entry), in_variables(entry), in_commands(entry)}
}) | {in_text(entry) | some entry in pod.texts}))

unshown := "a value that the manifest does not show"

in_fields(pod) := {{"address": shown(source.address), "field": source.field} | some source in pod.sources}

shown(null) := unshown

shown(address) := address if address != null

# Everything with a scheme, in any text of a container that a program can read.
in_texts(entry) := {{"address": address, "field": array.concat(entry.field, path)} |
	contains(replace(json.marshal(entry.container), `\`, ""), "://") # one look at all of it spares most containers the walk
	some path, text
	walk(entry.container, [path, text])
	is_string(text)
	contains(replace(text, `\/`, "/"), "://")
	not path[0] in {"image", "name", "volumeMounts", "ports"}
	not telemetry(entry.container, path)
	some address in addresses(text)
}

in_annotations(pod) := {{"address": address, "field": array.concat(pod.path, ["metadata", "annotations", key])} |
	some key, text in pod.annotations
	contains(lower(key), "source")
	some address in addresses(text)
}

addresses(text) := {address |
	some address in regex.find_n(`(?i)[a-z][a-z0-9+.-]*://[^\s"']*`, replace(text, `\/`, "/"), -1)
	not endpoint(address)
}

telemetry(container, ["env", i, "value"]) if startswith(container.env[i].name, "OTEL_")

# A bare web origin is an endpoint, no file; and what listens in the pod itself is a container that is judged.
endpoint(address) if regex.match(`(?i)^https?://[^/?#@]+/?$`, address)

endpoint(address) if regex.match(`(?i)^(https?|tcp|grpc|wss?)://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]+)?([/?#][^@]*)?$`, address)

# A variable that names weights: what it holds is a source, unless it is a path inside the container. One of any other name that
# speaks of a model counts where it holds a repository's name; and of variables from elsewhere not even the names are shown.
in_variables(entry) := union({
	{{"address": unshown, "field": array.concat(entry.field, ["envFrom"])} |
		not object.get(entry.container, "envFrom", null) in {null, []}
	},
	{{"address": address, "field": array.concat(entry.field, ["env", i])} |
		some i, variable in entry.container.env
		upper(variable.name) in weight_variables
		address := variable_value(variable)
		not local_path(address)
	},
	{{"address": variable.value, "field": array.concat(entry.field, ["env", i])} |
		some i, variable in entry.container.env
		regex.match(`MODEL|LORA|ADAPTER|REPO|TOKENIZER|CHECKPOINT|WEIGHTS|SPECULAT|^HF_`, upper(variable.name))
		not startswith(upper(variable.name), "SERVED_")
		some part in regex.split(`[\s,;="'\[\]{}]+`, variable.value)
		repository(part)
	},
	# Entry points put such a variable behind their program.
	{{"address": found.address, "field": array.concat(entry.field, ["env", i])} |
		some i, variable in entry.container.env
		regex.match(`(^|\s)-`, variable.value)
		some found in in_words([{"word": word, "field": []} | some word in split_words(variable.value)])
	},
})

default variable_value(_) := "a value that the manifest does not show"

variable_value(variable) := variable.value if is_string(variable.value)

# What a container runs names weights by an option, or as what a serving or downloading command is told.
in_commands(entry) := {{"address": found.address, "field": array.concat(entry.field, found.field)} |
	some words in commands(entry.container)
	some found in in_words(words)
}

# A text that a program reads as a command, or as a document of settings, whose keys end in a colon.
in_text(entry) := union({
	{{"address": address, "field": entry.field} | some address in addresses(entry.text)},
	{{"address": found.address, "field": entry.field} | some found in in_words(words)},
}) if {
	words := [{"word": word, "field": []} |
		some text in regex.split(`[{},\[\]]+`, entry.text)
		some split_word in split_words(text)
		word := trim_suffix(split_word, ":")
		word != ""
	]
}

in_words(words) := ({{"address": address, "field": words[i].field} |
	some i, _ in words
	address := named_weights(words, i)
	not local_path(address)
} | {{"address": words[i].word, "field": words[i].field} |
	first := first_command(words)
	some i, each in words
	i > first
	told(words, i, each.word)
	not startswith(words[i - 1].word, "--served")
}) | {{"address": words[i].word, "field": words[i].field} |
	fetcher := min([i | some i, each in words; regex.replace(each.word, `^.*/`, "") in fetchers])
	some i, each in words
	i > fetcher
	regex.match(`^[^-/.][^/]*[.:@][^/]*/`, each.word)
	not regex.match(`^(localhost|127\.0\.0\.1|\[::1\])[:/]`, each.word)
	not contains(each.word, "://")
}

first_command(words) := min([i |
	some i, each in words
	each.word in {"clone", "download", "pull", "serve", "snapshot_download", "trtllm-serve"}
	not words[i + 1].word == "run" # Ray serves an application
])

# What these are told without a scheme is an address all the same; what has one is found as such.
fetchers := {"aria2c", "axel", "azcopy", "curl", "gsutil", "rclone", "rsync", "s5cmd", "scp", "wget"}

told(_, _, word) if repository(word)

# A library of models needs no owner's name.
told(words, i, word) if {
	words[i - 1].word in {"clone", "download", "pull"}
	not startswith(word, "-")
	not local_path(word)
}

told(words, i, word) if {
	words[i - 1].word in {"api_server", "serve", "trtllm-serve"}
	regex.match(`^[A-Za-z0-9][A-Za-z0-9._-]*$`, word)
	not word in {"api_server", "gradio"}
}

# A variable that the manifest does not show, where no option asks for it.
told(words, i, word) if {
	regex.match(`^\$[A-Za-z_{]`, word)
	not startswith(words[i - 1].word, "-")
}

local_path(address) if {
	regex.match(`^\.{0,2}/`, address)
	not contains(address, "://")
}

repository(text) if regex.match(`^[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9._-]+(:[A-Za-z0-9._-]+)?$`, text)

# METADATA
# title: The commands of a container
# description: |
#   Kubernetes joins `command` and `args` to one command; hooks and probes have their own. Each is a list of words with their places.
commands(container) := array.concat([joined], own) if {
	joined := array.concat(shell_words(container, ["command"]), shell_words(container, ["args"]))
	hooks := object.filter(container, ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"])
	own := [shell_words(container, path) |
		contains(json.marshal(hooks), `"command"`)
		some path
		walk(hooks, [path, _])
		path[count(path) - 1] == "command"
	]
}

# The words of a command, also of those that a shell is handed as one text.
shell_words(container, path) := [{"word": word, "field": array.concat(path, [i])} |
	some i, text in object.get(container, path, [])
	some word in split_words(text)
]

split_words(text) := [word |
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
	names_weights_before(words[i].word)
}

names_weights(text) if option(text)

names_weights(text) if upper(text) in weight_variables

names_weights_before(text) if option(text)

# In settings written as a document a key stands before its value, as in `MODEL_ID: acme/other`; so does one in a file of variables.
names_weights_before(text) if {
	text == upper(text)
	text in weight_variables
}

option(text) if replace(lower(text), "_", "-") in weight_options

# Argument parsers take the beginning of an option for the option.
option(text) if {
	begun := replace(lower(text), "_", "-")
	count(begun) > 7
	startswith(begun, "--")
	begun != "--model-name"
	strings.any_prefix_match(weight_options, begun)
}
