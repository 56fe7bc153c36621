package lib.weighbridge.requirements.net

import data.lib.weighbridge.request

# METADATA
# title: Nothing tunnels out
# description: |
#   A program that opens a tunnel from inside makes a way in that no Service, policy or route shows. Known are programs by name, so
#   this finds what is written down, not what is hidden; what an image can run at all is for the requirements `IMG`.
# related_resources:
#   - ref: https://attack.mitre.org/techniques/T1572/
#     description: MITRE ATT&CK T1572, protocol tunneling
#   - ref: https://attack.mitre.org/techniques/T1133/
#     description: MITRE ATT&CK T1133, external remote services
# custom:
#   code: NET-012
#   severity: high
#   fix: Remove the program or option; the gateway is the way in.
deny contains violation if {
	request.serving
	some found in tunnels
	violation := {
		"code": "NET-012",
		"severity": "high",
		"message": sprintf("%s: `%s` opens a tunnel past the gateway. Remove it.", [owner, short(found.what)]),
		"field": found.field,
	}
}

tunnels contains {"field": array.concat(found.field, [found.i]), "what": found.program} if {
	some found in started
	found.program in tunnelling
}

tunnels contains {"field": found.field, "what": "ssh -R"} if {
	some found in started
	found.program in secure_shells
	some option in all_words(found.container)
	regex.match(`^-[A-Za-z0-9]*[RDw]`, option)
}

tunnels contains {"field": found.field, "what": sprintf("%s %s", [found.program, verb])} if {
	some found in started
	found.program in cluster_clients
	some verb in all_words(found.container)
	verb in {"expose", "port-forward", "proxy"}
}

# Gradio and what is built on it: a public address at a relay of its maker.
tunnels contains {"field": array.concat(entry.field, [key]), "what": "--share"} if {
	some entry in request.subject.pod.containers
	some key in ["command", "args"]
	some word in object.get(entry.container, key, [])
	contains(word, "--share")
	some option in regex.split(`\s+`, word)
	regex.match(`^--share(=(1|[Tt]rue))?$`, option)
}

tunnels contains {"field": array.concat(entry.field, ["env", i]), "what": "GRADIO_SHARE"} if {
	some entry in request.subject.pod.containers
	some i, variable in object.get(entry.container, "env", [])
	upper(variable.name) == "GRADIO_SHARE"
	not lower(object.get(variable, "value", "")) in {"", "0", "false"}
}

# What is started that may be a tunnel: nearly always nothing, so that nothing else need be asked.
started contains {"field": array.concat(entry.field, [key]), "i": i, "program": program, "container": entry.container} if {
	some entry in request.subject.pod.containers
	some key in ["command", "args"]
	words := object.get(entry.container, key, [])
	some i, word in words
	some program in programs(words, i, word)
	program in ((tunnelling | secure_shells) | cluster_clients)
}

# The programs that a word may start: itself, unless it is an option or an option's value, and those of a shell's line.
programs(words, i, word) := {base(part) | some part in regex.split(`[\s;|&()"'\x60$]+`, word)} if {
	regex.match(`[\s;|&()\x60$]`, word)
} else := {base(word)} if {
	not startswith(word, "-")
	not value_of_option(words, i)
} else := set()

value_of_option(words, i) if {
	i > 0
	startswith(words[i - 1], "-")
	not regex.match(`^-[a-z]*c$`, words[i - 1])
	not words[i - 1] == "--"
}

base(word) := trim_suffix(lower(regex.replace(word, `^.*/`, "")), ".exe")

all_words(container) := {part |
	some key in ["command", "args"]
	some word in object.get(container, key, [])
	some part in regex.split(`\s+`, word)
}

secure_shells := {"autossh", "dbclient", "plink", "ssh"}

cluster_clients := {"kubectl", "oc"}

tunnelling := {
	"bore",
	"chisel",
	"cloudflared",
	"devtunnel",
	"frpc",
	"frps",
	"inlets",
	"inlets-pro",
	"localtunnel",
	"ngrok",
	"pagekite",
	"pagekite.py",
	"rathole",
	"sish",
	"tailscale",
	"tailscaled",
	"telepresence",
	"wstunnel",
	"zrok",
}
