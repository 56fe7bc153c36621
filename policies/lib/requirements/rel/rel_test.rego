package lib.weighbridge.requirements.rel_test

import data.lib.weighbridge.requirements.mod_test as models
import data.lib.weighbridge.requirements.rel

demanding := json.patch(models.registry, [{"op": "add", "path": "/limits/documented", "value": ["sbom", "environment-variables"]}])

at(path, value) := {"op": "add", "path": concat("", ["/records/kb-qa-001@1/", path]), "value": value}

judged(patch, pod) := {violation.code |
	some violation in rel.deny with input as json.patch(models.pod, pod)
		with data.weighbridge.registry as json.patch(demanding, patch)
		with data.weighbridge.live as models.live
		with data.lib.weighbridge.request.now_ns as 1000
}

lacking(entries) := [at("lacking", entries)]

entry(code) := {"code": code, "message": "no threat model: the card has no such section"}

test_nothing_is_lacking if judged([], []) == set()

test_each_code_denies_as_it_is if {
	every code in ["REL-013", "REL-014", "REL-015", "REL-016", "REL-017", "REL-018", "REL-021"] {
		judged(lacking([entry(code)]), []) == {code}
	}
	judged(lacking([entry("REL-015"), entry("REL-013")]), []) == {"REL-013", "REL-015"}
}

test_from_a_time_on if {
	judged(lacking([object.union(entry("REL-013"), {"from": 1001})]), []) == set()
	judged(lacking([object.union(entry("REL-013"), {"from": 1000})]), []) == {"REL-013"}
	judged(lacking([object.union(entry("REL-013"), {"from": "later"})]), []) == {"REL-013"}
}

test_what_cannot_be_read_denies if {
	every patch in [
		lacking(null),
		lacking({}),
		lacking([entry("REL-001")]),
		lacking([{"code": "REL-013"}]),
		lacking(["REL-013"]),
		[{"op": "remove", "path": "/records/kb-qa-001@1/lacking"}],
		[at("environment_variables", ["HF_HOME"])],
	] {
		"REL-022" in judged(patch, [])
	}
	undemanded := {"op": "add", "path": "/limits/documented", "value": []}
	judged(array.concat(lacking(null), [undemanded]), []) == set()
}

needing := [at("environment_variables", {"CACHE_DIR": true})]

setting(list, name) := [{"op": "add", "path": "/spec/initContainers", "value": [{"name": "init", "image": "x", "env": []}]}, {
	"op": "add",
	"path": sprintf("/spec/%s/0/env", [list]),
	"value": [{"name": name, "value": "/cache"}],
}]

test_variables_that_the_card_names_are_set if {
	judged(needing, []) == {"REL-023"}
	judged(needing, setting("containers", "CACHE_DIR")) == set()
	judged(needing, setting("containers", "cache_dir")) == {"REL-023"}
	judged(needing, setting("initContainers", "CACHE_DIR")) == {"REL-023"}
	others := array.concat(needing, [{"op": "add", "path": "/limits/documented", "value": ["sbom"]}])
	judged(others, []) == set()
}

test_of_other_versions_nothing_is_said if {
	refused := array.concat(lacking([entry("REL-013")]), [at("approved", false)])
	judged(refused, []) == set()
	judged(lacking([entry("REL-013")]), [{"op": "remove", "path": "/metadata/labels"}]) == set()
	judged(lacking([entry("REL-013")]), [{"op": "add", "path": "/metadata/namespace", "value": "kube-system"}]) == set()
}

test_messages_are_short if {
	long := concat("", ["x" | some _ in numbers.range(1, 500)])
	[message] := [violation.message |
		some violation in rel.deny with input as models.pod
			with data.weighbridge.registry as json.patch(demanding, lacking([{"code": "REL-014", "message": long}]))
			with data.weighbridge.live as models.live
			with data.lib.weighbridge.request.now_ns as 1000
	]
	count(message) < 256
}
