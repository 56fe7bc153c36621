package lib.weighbridge.requirements.img_test

import data.lib.weighbridge.requirements.mod_test as models

commanded(command, args, env) := judged({"pod": [
	add("/spec/containers/0/command", command),
	add("/spec/containers/0/args", args),
	add("/spec/containers/0/env", env),
]})

test_commands_that_bring_a_shell if {
	every command in [
		["sh"],
		["/bin/sh", "-c", "serve"],
		["bash", "-lc", "serve"],
		["/bin//./bash"],
		["/usr/bin/../bin/dash"],
		["/bin/bash5.2"],
		["/bin/bash-static"],
		["env", "sh"],
		["/usr/bin/env", "-i", "A=b", "zsh"],
		["env", "-S", "sh -c id"],
		["env", "-vS", "x"],
		["env", "--split-string=sh -c id"],
		["tini", "--", "sh"],
		["tini", "-s", "--", "/entrypoint.sh"],
		["busybox", "httpd"],
		["/opt/toybox"],
		["nsenter", "-t", "1", "serve"],
		["exec", "awk", "BEGIN{system(\"id\")}"],
		["xargs", "serve"],
		["timeout", "5", "sh"],
		["strange-wrapper", "--then", "sh"],
		["server", "--on-start=/bin/sh"],
		["python", "-c", "import pty"],
		["python3.11", "-uc", "print()"],
		["/usr/bin/python3", "-I", "-B", "-c", "x"],
		["python", "-W", "ignore", "-c", "x"],
		["python", "-"],
		["python", "-i"],
		["python", "-m", "pty"],
		["python", "-m", "code"],
		["python", "-Bmpty"],
		["perl", "-e", "exec"],
		["perl", "-ne", "x"],
		["node", "--eval", "x"],
		["node", "-p", "x"],
		["php", "-r", "x"],
		["ruby", "-e", "x"],
		["/app/start.sh"],
		["/app/START.BASH"],
		["C:\\Windows\\System32\\cmd.exe", "/c", "x"],
		["pwsh"],
		["$(HIDDEN)", "-c", "x"],
		["sh -c id"],
		["python3", "/dev/stdin"],
		["python3", "/proc/self/fd/0"],
		["/bin/sh\n"],
		["/proc/1/root/bin/sh"],
		[7],
		[["sh"]],
		["serve", null],
	] {
		commanded(command, [], []) == {"IMG-020"}
	}
}

test_commands_that_serve if {
	every command in [
		[],
		["serve"],
		["/opt/server", "--port", "8000"],
		["python", "-m", "vllm.entrypoints.openai.api_server", "--model", "/models"],
		["python", "-u", "-Wonce", "/app/serve.py", "-c", "/etc/serve.yaml"],
		["python3", "-X", "utf8", "serve.py", "-i", "eth0"],
		["node", "-r", "/app/tracing.js", "/app/serve.js", "-e", "prod"],
		["tini", "--", "/server", "--language", "es"],
		["tritonserver", "--model-repository=/models", "--log-verbose=1"],
		["serve", "--system-prompt", "you are an expert in bash and sh"],
		["serve", "--host", "$(POD_IP)"],
		["java", "-jar", "/app/serve.jar"],
		["/app/flash", "--dashboard"],
		["/app/fish-speech-server"],
	] {
		commanded(command, [], []) == set()
	}
}

test_command_and_args_are_one if {
	commanded(["python"], ["-c", "import os"], []) == {"IMG-020"}
	commanded(["tini", "--"], ["sh"], []) == {"IMG-020"}
	commanded(null, ["sh", "-c", "x"], []) == {"IMG-020"}
	commanded(null, ["-c", "import os; os.system('id')"], []) == {"IMG-020"}
	commanded(null, ["-c", "/etc/serve.yaml"], []) == set()
}

test_variables_are_filled_in if {
	variable := {"name": "PROGRAM", "value": "/bin/sh"}
	commanded(["$(PROGRAM)"], [], [variable]) == {"IMG-020"}
	commanded(["serve", "$(PROGRAM)"], [], [variable]) == {"IMG-020"}
	commanded(["serve", "$(A)"], [], [{"name": "A", "value": "$(B)"}, {"name": "B", "value": "$(PROGRAM)"}, variable]) == {"IMG-020"}
	deep := [{"name": sprintf("A%d", [i]), "value": sprintf("$(A%d)", [i + 1])} | some i in numbers.range(1, 8)]
	commanded(["serve", "$(A1)"], [], array.concat(deep, [{"name": "A9", "value": "sh"}])) == {"IMG-020"}
	commanded(["serve", "$(X)"], [], [{"name": "X", "value": "eth0"}, {"name": "X", "value": "sh"}]) == {"IMG-020"}
	commanded(["$(X)"], [], [{"name": "X", "value": "serve"}]) == set()
	commanded(["$(X)"], [], [{"name": "X", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]) == {"IMG-020"}
}

test_hooks_and_probes if {
	every path in [
		["lifecycle", "postStart"],
		["lifecycle", "preStop"],
		["livenessProbe"],
		["readinessProbe"],
		["startupProbe"],
	] {
		hook := {"exec": {"command": ["sh", "-c", "curl localhost"]}}
		nested := nested_below(path, hook)
		judged({"pod": [add("/spec/containers/0", object.union(models.pod.spec.containers[0], nested))]}) == {"IMG-021"}
	}
	judged({"pod": [add("/spec/containers/0/livenessProbe", {"exec": {"command": ["/server", "--check"]}})]}) == set()
	judged({"pod": [add("/spec/containers/0/livenessProbe", {"exec": {"command": "sh"}})]}) == {"IMG-021"}
	judged({"pod": [add("/spec/containers/0/lifecycle", {"preStop": {"sleep": {"seconds": 5}}})]}) == set()
}

nested_below(path, hook) := {path[0]: hook} if {
	count(path) == 1
} else := {path[0]: {path[1]: hook}}

test_shell_commands_that_are_allowed if {
	judged(allowing(
		{"pod": [
			add("/spec/containers/0/command", ["sh"]),
			add("/spec/containers/0/livenessProbe", {"exec": {"command": ["sh"]}}),
		]},
		"shell_commands",
	)) == set()
}

test_the_place_of_the_word if {
	pod := json.patch(models.pod, [
		add("/spec/containers/0/command", ["tini", "--"]),
		add("/spec/containers/0/args", ["serve", "bash"]),
	])
	[field] := [violation.field |
		some violation in data.lib.weighbridge.requirements.img.deny with input as pod
			with data.weighbridge.registry as replaced(demanding, known)
			with data.weighbridge.live as models.live
			with data.lib.weighbridge.request.now_ns as 1000
	]
	field == ["spec", "containers", 0, "args", 1]
}
