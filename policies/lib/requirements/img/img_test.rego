package lib.weighbridge.requirements.img_test

import data.lib.weighbridge.requirements.img
import data.lib.weighbridge.requirements.mod_test as models

# Each case is a change to a pod, to what is known of its image, or to what the environment demands, and the exact set of codes
# that must come of it: nothing missing, nothing surplus.

profile := {"bases": ["wolfi"], "users": ["other"], "found": {}, "cuda": ["12.4.127"], "cudnn": [], "not_after": 2000}

known := {
	"profile": profile,
	"sbom": {"components": 12, "not_after": 2000},
	"vulnerabilities": {"open": {"low": 2}, "not_after": 2000},
}

demanding := object.union(models.registry, {"limits": {"images": {
	"evidence": ["profile", "sbom", "vulnerabilities"],
	"registries": ["registry.example"],
}}})

image := models.digest("1")

replaced(given, facts) := json.patch(given, [{"op": "add", "path": "/records/kb-qa-001@1/images", "value": {image: facts}}])

judged(case) := {violation.code |
	given := replaced(
		json.patch(demanding, object.get(case, "registry", [])),
		json.patch(known, object.get(case, "facts", [])),
	)
	some violation in img.deny with input as json.patch(models.pod, object.get(case, "pod", []))
		with data.weighbridge.registry as given
		with data.weighbridge.live as models.live
		with data.lib.weighbridge.request.now_ns as object.get(case, "now", 1000)
}

add(path, value) := {"op": "add", "path": path, "value": value}

gone(path) := {"op": "remove", "path": path}

fact(path, value) := {"facts": [add(path, value)]}

found(kind) := fact(sprintf("/profile/found/%s", [kind]), ["/x"])

allowing(case, name) := object.union(case, {"registry": [add("/limits/images/allow", [name])]})

lax := [add("/limits/images/evidence", [])]

container := "/spec/containers/0"

cases := {
	"IMG-001": {
		"no profile": {"facts": [gone("/profile")]},
		"one that ended": fact("/profile/not_after", 1000),
		"one that cannot be read": fact("/profile/users", "other"),
		"one that says nothing": fact("/profile/bases", []),
	},
	"IMG-002": {
		"no bill of materials": {"facts": [gone("/sbom")]},
		"one that ended": fact("/sbom/not_after", 7),
		"one that lists nothing": fact("/sbom/components", 0),
	},
	"IMG-003": {
		"no scan": {"facts": [gone("/vulnerabilities")]},
		"one that ended": fact("/vulnerabilities/not_after", 999),
		"an end that is none": fact("/vulnerabilities/not_after", "never"),
		"one that cannot be read, where none is demanded": object.union(fact("/vulnerabilities/open", []), {"registry": lax}),
	},
	"IMG-004": {name: {"registry": [add("/limits/images/registries", allowed)], "pod": [add(
		concat("", [container, "/image"]),
		concat("@", [text, image]),
	)]} |
		some name, [text, allowed] in {
			"another host": ["other.example/serve", ["registry.example"]],
			"a host that goes on": ["registry.example.evil/serve", ["registry.example"]],
			"a host that begins so": ["registry.exampleevil/serve", ["registry.example"]],
			"a port": ["registry.example:5000/serve", ["registry.example"]],
			"Docker Hub by saying nothing": ["registry.example", ["registry.example"]],
			"Docker Hub by a tag that looks like a port": ["registry.example:5000", ["registry.example"]],
			"a folder of Docker Hub": ["registry/serve", ["registry"]],
			"a path that goes up": ["registry.example/models/../serve", ["registry.example/models"]],
			"an empty part": ["registry.example//serve", ["registry.example"]],
			"a folder that goes on": ["registry.example/models-evil/serve", ["registry.example/models"]],
			"an upper-case path": ["registry.example/Serve", ["registry.example"]],
		}
	},
	"IMG-005": {
		"debian": fact("/profile/bases", ["debian"]),
		"a second image of an index": fact("/profile/bases", ["debian", "wolfi"]),
		"one that contradicts itself": fact("/profile/bases", ["contradictory"]),
	},
	"IMG-006": {"a shell": found("shells"), "a list that is none": fact("/profile/found/shells", true)},
	"IMG-007": {"a compiler": found("compilers")},
	"IMG-008": {"a network tool": found("network_tools")},
	"IMG-009": {"a package manager": found("package_managers")},
	"IMG-010": {"setuid": found("setuid"), "a writable folder": found("writable_path")},
	"IMG-011": {
		"root": fact("/profile/users", ["root"]),
		"nobody knows": fact("/profile/users", ["unknown"]),
		"a user that nobody knows of": fact("/profile/users", ["somebody"]),
		"in one image of an index": fact("/profile/users", ["other", "root"]),
		"the container takes the pod's user back": object.union(fact("/profile/users", ["root"]), {"pod": [
			add("/spec/securityContext/runAsUser", 65532),
			add(concat("", [container, "/securityContext/runAsUser"]), 0),
		]}),
		"a user namespace on nodes that may not know it": object.union(
			fact("/profile/users", ["root"]),
			{"pod": [add("/spec/hostUsers", false)]},
		),
	},
	"IMG-012": {
		"an old one": bounded(["11.8.89", "12.4.127"]),
		"one that says less": bounded(["12"]),
		"one that is none": bounded(["twelve"]),
		"cuDNN": {"registry": [add("/limits/images/cudnn", {"min": "9"})], "facts": [add("/profile/cudnn", ["8.9.7"])]},
	},
	"IMG-013": {
		"high": fact("/vulnerabilities/open/high", 1),
		"unknown": fact("/vulnerabilities/open/unknown", 1),
		"a severity that nobody knows": fact("/vulnerabilities/open/terrible", 1),
		"a number that is none": fact("/vulnerabilities/open/critical", "none"),
		"a bound that nobody knows": {"registry": [add("/limits/images/max_severity", "any")]},
		"low, where none is accepted": {"registry": [add("/limits/images/max_severity", "none")]},
	},
	"IMG-014": {"an entrypoint": found("entrypoint_shell")},
	"IMG-015": {"a secret": found("secrets"), "nobody can allow it": allowing(found("secrets"), "secrets_of_mine")},
	"IMG-016": {"weights": found("weights")},
	"IMG-017": {"unread": found("unread")},
	"IMG-018": {name: {"pod": [add(concat("", [container, "/image"]), concat("@", [concat("/", ["registry.example", text]), image]))]} |
		some name, text in {
			"by name": "busybox",
			"by a part of the name": "tools/serve-debug",
			"by folder": "debug/serve",
			"by tag": "serve:1.2-debug",
			"by a tag in upper case": "serve:12.4.1-cudnn-DEVEL-ubuntu22.04",
			"by a tag for developers": "serve:latest-dev",
			"by tag with underscores": "serve:1_debug_2",
		}
	},
	"IMG-019": {"an ephemeral container": {"pod": [add("/spec/ephemeralContainers", [{
		"name": "look",
		"image": concat("@", ["registry.example/serve", image]),
	}])]}},
	"none": {
		"as it stands": {},
		"nothing known, and nothing demanded": {"facts": [gone("/profile"), gone("/sbom"), gone("/vulnerabilities")], "registry": lax},
		"what ended is not judged": {"facts": [add("/profile/not_after", 7), add("/profile/found/shells", ["/bin/sh"])], "registry": lax},
		"shells that are allowed": allowing(found("shells"), "shells"),
		"root that is allowed": allowing(fact("/profile/users", ["root"]), "root"),
		"root, and the pod says another": object.union(
			fact("/profile/users", ["root"]),
			{"pod": [add("/spec/securityContext/runAsUser", 65532)]},
		),
		"root in a user namespace": {
			"facts": [add("/profile/users", ["root"])],
			"pod": [add("/spec/hostUsers", false)],
			"registry": [add("/limits/user_namespaces", true)],
		},
		"a base that is listed": object.union(fact("/profile/bases", ["debian"]), {"registry": [add("/limits/images/bases", ["debian"])]}),
		"CUDA that is new enough": bounded(["12.4.127", "13.0"]),
		"no CUDA at all": bounded([]),
		"medium, as by default": fact("/vulnerabilities/open/medium", 9),
		"none of the worst": fact("/vulnerabilities/open/critical", 0),
		"any registry, where none is named": {
			"registry": [add("/limits/images/registries", [])],
			"pod": [add(concat("", [container, "/image"]), concat("@", ["evil.example/serve", image]))],
		},
		"a debug image that is allowed": {
			"registry": [add("/limits/images/allow", ["debug_images"])],
			"pod": [add(concat("", [container, "/image"]), concat("@", ["registry.example/busybox", image]))],
		},
		"a host with a name of its own": {
			"registry": [add("/limits/images/registries", ["debug.example"])],
			"pod": [add(concat("", [container, "/image"]), concat("@", ["debug.example/serve", image]))],
		},
		"an image that MOD-008 refuses": {"pod": [add(concat("", [container, "/image"]), "registry.example/serve:1")]},
	},
}

bounded(versions) := {
	"registry": [add("/limits/images/cuda", {"min": "12.2"})],
	"facts": [add("/profile/cuda", versions)],
}

codes("none") := set()

codes(code) := {code} if code != "none"

different[code][name] := given if {
	some code, some_cases in cases
	some name, case in some_cases
	given := judged(case)
	given != codes(code)
}

test_images if different == {}

test_registries_that_are_allowed if {
	every text, allowed in {
		"registry.example/serve": "registry.example",
		"REGISTRY.example/serve": "registry.example",
		"registry.example/serve:1.2": "registry.example/",
		"registry.example:5000/a/serve": "registry.example:5000",
		"registry.example/models/serve": "registry.example/models/serve",
		"localhost/serve": "localhost",
		"serve": "docker.io/library",
		"serve:1": "docker.io",
		"vllm/serve": "docker.io/vllm",
		"index.docker.io/serve": "docker.io/library",
		"docker.io/vllm/serve": "docker.io/vllm",
	} {
		judged({
			"registry": [add("/limits/images/registries", ["other.example", allowed])],
			"pod": [add(concat("", [container, "/image"]), concat("@", [text, image]))],
		}) == set()
	}
}

test_volumes_come_from_allowed_registries if {
	judged({"pod": [add("/spec/volumes", [{
		"name": "weights",
		"image": {"reference": concat("@", ["evil.example/kb-qa", models.digest("7")])},
	}])]}) == {"IMG-004"}
}

test_support_images_are_judged_beside_a_server if {
	support := concat("@", ["registry.example/log", models.digest("5")])
	pod := [add("/spec/initContainers", [{"name": "log", "image": support}])]
	judged({"pod": pod}) == {"IMG-001", "IMG-002", "IMG-003"}
	with_facts := [add(concat("/", ["/support_images", models.digest("5")]), object.union(known, {"profile": {"found": {"shells": ["/bin/sh"]}}}))]
	judged({"pod": pod, "registry": with_facts}) == {"IMG-006"}
}

test_nothing_is_judged_that_does_not_serve if {
	judged({"pod": [add("/metadata/namespace", "kube-system")], "facts": [gone("/profile")]}) == set()
}
