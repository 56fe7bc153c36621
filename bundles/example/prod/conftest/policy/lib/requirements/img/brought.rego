package lib.weighbridge.requirements.img

import data.lib.weighbridge.request

# Code out of a ConfigMap, Secret or another small object is a script that neither image nor profile shows. It is found as a program,
# as what an interpreter is given, by its name, by variables that loaders read, and where a mount hides the image's own.
brought(entry) := union({
	{{"field": place(i, count(command)), "what": word} |
		some i, word in words
		some path in paths(word)
		some folder in folders
		below(path, folder)
		runs(words, i, path)
	},
	{{"field": ["env", i], "what": variable.name} |
		some i, variable in elements(object.get(entry.container, "env", null))
		upper(variable.name) in loaders_variables
		some path in paths(variable.value)
		some folder in folders
		below(path, folder)
	},
	{{"field": ["volumeMounts", i, "mountPath"], "what": mount.mountPath} |
		some i, mount in elements(object.get(entry.container, "volumeMounts", null))
		mount.name in written
		hides_code(mount)
	},
}) if {
	written := {each.volume.name |
		some each in request.subject.pod.volumes
		count(object.keys(each.volume) & {"configMap", "downwardAPI", "projected", "secret"}) > 0
	}
	folders := {trim_right(mount.mountPath, "/") |
		some mount in elements(object.get(entry.container, "volumeMounts", null))
		mount.name in written
	}
	command := elements(object.get(entry.container, "command", null))
	words := filled(entry.container, array.concat(command, elements(object.get(entry.container, "args", null))))
}

paths(text) := {path | some path in regex.split(`[\s=:,;]+`, text)}

below(path, folder) if path == folder

below(path, folder) if startswith(path, concat("", [folder, "/"]))

runs(words, i, _) if begins_program(words, i)

runs(words, i, _) if i in given_to_interpreters(words)

runs(_, _, path) if regex.match(code_file, path)

hides_code(mount) if regex.match(`(^|/)(site-packages|dist-packages|node_modules|s?bin)(/|$)`, mount.mountPath)

hides_code(mount) if regex.match(code_file, mount.mountPath)

code_file := `(?i)\.(py[cwz]?|pth|pl|pm|rb|[cm]?js|lua|jar|so[0-9.]*|whl|php|r|jl)$`

loaders_variables := {
	"BASH_ENV",
	"CLASSPATH",
	"JAVA_TOOL_OPTIONS",
	"LD_AUDIT",
	"LD_LIBRARY_PATH",
	"LD_PRELOAD",
	"LUA_PATH",
	"NODE_OPTIONS",
	"NODE_PATH",
	"PERL5LIB",
	"PYTHONHOME",
	"PYTHONPATH",
	"PYTHONSTARTUP",
	"RUBYLIB",
}
