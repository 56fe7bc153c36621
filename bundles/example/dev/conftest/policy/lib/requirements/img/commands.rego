package lib.weighbridge.requirements.img

import data.lib.weighbridge.request

# METADATA
# title: No command brings a shell back
# description: |
#   Neither `command` nor `args` of any container names a shell, by whatever path and behind whatever wrapper (`env`, `tini --`,
#   `nsenter`), a shell script as the program, code for an interpreter (`python -c`), or a program that is one in disguise
#   (`busybox`, `awk`, `script`). Variables of the container are filled in as Kubernetes does. Code in files of the
#   image its profile tells; code that a ConfigMap, Secret or the like brings into it is refused, too.
# related_resources:
#   - ref: https://attack.mitre.org/techniques/T1059/
#     description: MITRE ATT&CK, command and scripting interpreter
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: CIS Docker Benchmark, container images
# custom:
#   code: IMG-020
#   severity: high
#   fix: Start the server directly, as `command` with its arguments; do in the image's build what the shell did.
deny contains violation if {
	request.serving
	not allowed("shell_commands")
	some entry in request.subject.pod.containers
	command := elements(object.get(entry.container, "command", null))
	args := elements(object.get(entry.container, "args", null))
	words := filled(entry.container, array.concat(command, args))
	some i in (shell_words(words) | started_by_image(words, count(command)))
	violation := {
		"code": "IMG-020",
		"severity": "high",
		"message": sprintf("%s: `%s` brings a shell back. Start the server directly.", [owner, short(words[i])]),
		"field": array.concat(entry.field, place(i, count(command))),
	}
}

deny contains violation if {
	request.serving
	not allowed("shell_commands")
	some entry in request.subject.pod.containers
	some found in brought(entry)
	violation := {
		"code": "IMG-020",
		"severity": "high",
		"message": sprintf("%s: `%s` is code out of a volume, which nobody judged. Put it into the image.", [owner, short(found.what)]),
		"field": array.concat(entry.field, found.field),
	}
}

# METADATA
# title: No hook or probe runs a shell
# description: As for commands; a hook or probe that the kubelet runs in the container is one more command.
# related_resources:
#   - ref: https://attack.mitre.org/techniques/T1059/
#     description: MITRE ATT&CK, command and scripting interpreter
#   - ref: https://kubernetes.io/docs/concepts/containers/container-lifecycle-hooks/
#     description: Kubernetes, container lifecycle hooks
# custom:
#   code: IMG-021
#   severity: high
#   fix: Let the server answer probes over HTTP or gRPC, and end on SIGTERM by itself; `preStop` can sleep without a shell.
deny contains violation if {
	request.serving
	not allowed("shell_commands")
	some entry in request.subject.pod.containers
	some path in kubelet_commands
	given := object.get(entry.container, path, null)
	given != null
	words := filled(entry.container, elements(given))
	some i in shell_words(words)
	violation := {
		"code": "IMG-021",
		"severity": "high",
		"message": sprintf("%s: %s `%s` runs a shell. Let the server answer by itself.", [
			owner,
			concat(".", array.slice(path, 0, count(path) - 2)),
			short(words[i]),
		]),
		"field": array.flatten([entry.field, path, i]),
	}
}

kubelet_commands := [
	["lifecycle", "postStart", "exec", "command"],
	["lifecycle", "preStop", "exec", "command"],
	["livenessProbe", "exec", "command"],
	["readinessProbe", "exec", "command"],
	["startupProbe", "exec", "command"],
]

# Kubernetes joins `command` and `args` to one command.
place(i, commands) := ["command", i] if {
	i < commands
} else := ["args", i - commands]

# What is no list is one word that is none, and so is a shell for all that is known.
elements(given) := given if {
	is_array(given)
} else := [] if {
	given == null
} else := [given]

# The words as Kubernetes hands them on: `$(NAME)` stands for a variable of the container, of two with one name the last. Variables
# can name others; a word in which there still is one after three rounds is hidden on purpose, and no word.
filled(container, words) := [word | some given in words; word := settled(values, fill(values, fill(values, fill(values, given))))] if {
	values := object.union_n([{sprintf("$(%s)", [variable.name]): variable.value} |
		some variable in elements(object.get(container, "env", null))
		is_string(variable.value)
	])
}

fill(values, word) := strings.replace_n(values, word) if {
	is_string(word)
} else := null

settled(values, word) := word if {
	fill(values, word) == word
} else := null

# Without a command the image's own program gets the arguments, and that may be an interpreter.
started_by_image(words, 0) := {0 |
	regex.match(`^-[a-zA-Z]*[ce]$`, words[0])
	regex.match(`[();\n]|\bimport\b`, words[1])
}

started_by_image(_, commands) := set() if commands > 0

# The places of the words that bring a shell. A program stands first, or behind a wrapper; names that nothing else bears count
# everywhere, as there are more wrappers than anybody knows.
shell_words(words) := {i |
	some i, word in words
	brings_shell(words, i, word)
} | inline_code_words(words)

# Code for an interpreter, among its options or right behind it.
inline_code_words(words) := {i |
	some [j, flags, last] in interpreters(words)
	some i in numbers.range(j + 1, last)
	i > j
	regex.match(flags, words[i])
}

# What is no option of theirs is the script.
given_to_interpreters(words) := {last | some [_, _, last] in interpreters(words)}

# Where an interpreter stands, how it is told that code follows, and where its options end.
interpreters(words) := {[j, flags, last] |
	breaks := [k | some k, word in words; k > 0; not option_or_its_value(words[k - 1], word)]
	some j, interpreter in words
	some name, flags in inline_code
	regex.match(name, program(interpreter))
	last := min(array.concat([count(words) - 1], [k | some k in breaks; k > j]))
}

brings_shell(_, _, word) if not is_string(word)

brings_shell(_, _, word) if program(word) in shells

# An option with its value in one word: `--entrypoint=/bin/sh`.
brings_shell(_, _, word) if {
	parts := split(word, "=")
	count(parts) > 1
	program(parts[count(parts) - 1]) in shells
}

brings_shell(words, i, word) if {
	begins_program(words, i)
	program(word) in programs_with_shell
}

brings_shell(words, i, word) if {
	begins_program(words, i)
	regex.match(`(?i)\.(sh|bash|zsh|ksh|csh|fish|ps1|bat|cmd)$`, word)
}

# A program that the manifest does not show, or a whole line for somebody to take apart.
brings_shell(words, i, word) if {
	begins_program(words, i)
	regex.match(`\$\(|\b(sh|bash|ash|dash|zsh|busybox)\s|\s(.*/)?(sh|bash|ash|dash|zsh|busybox)\b`, word)
}

# Code that comes from whoever attaches.
brings_shell(_, _, word) if regex.match(`^/(dev/(stdin|fd/|tcp/|udp/)|proc/[^/]+/fd/)`, word)

# A module that is a shell, or gets one.
brings_shell(words, i, word) if {
	regex.match(`^(code|pty|pdb|idlelib.*|timeit|trace|pip|ensurepip|cProfile|profile|runpy)$`, word)
	regex.match(`^-[A-Za-z]*m$`, words[i - 1])
}

brings_shell(words, i, word) if {
	regex.match(`^-[A-Za-z]*m(code|pty|pdb|idlelib|timeit|trace|pip|ensurepip|cProfile|profile|runpy)$`, word)
	some j in numbers.range(0, i)
	regex.match(`^(python|pypy)`, program(words[j]))
}

begins_program(_, 0) := true

begins_program(words, i) if {
	i > 0
	words[i - 1] == "--"
}

begins_program(words, i) if {
	i > 0
	program(words[i - 1]) in wrappers
}

# Until the script, which is the first word that is no option, everything is for the interpreter itself.
option_or_its_value(_, word) if startswith(word, "-")

option_or_its_value(before, _) if before in {"-W", "-X", "-I", "-r", "-I.", "--require", "--loader", "--import"}

# What a path's last part names, without versions and what distributions add to names.
program(word) := regex.replace(name, `((\.(exe|static|distrib|real|bin|orig|old|posix))|-static|-?[0-9][0-9.]*)+$`, "") if {
	parts := [part | some part in regex.split(`[/\\]+`, lower(trim_space(word))); not part in {"", "."}]
	name := parts[count(parts) - 1]
}
