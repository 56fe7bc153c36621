# METADATA
# scope: package
# title: Checks on the rules
# description: |
#   Rego that checks the Rego. `input.modules` holds, by path below `policies/`, the syntax tree of each module that a point links,
#   annotations included; `input.fixtures` the names of all fixtures; `input.points` the points' own declarations.
package weighbridge.checks

# What a cluster shows of a namespace is in no fixture; tests of the cluster hold these.
only_in_clusters := {"NET-009", "TLS-011", "TLS-012"}

# METADATA
# title: Problems
# description: Each is a sentence that names the file and what to do.
problems contains sprintf("%s: imports %s; requirements import `data.lib.weighbridge.request` and libraries of pure functions alone", [path, imported]) if {
	some path, module in input.modules
	startswith(path, "lib/requirements/")
	some entry in module.imports
	imported := concat(".", [part.value | some part in entry.path.value])
	not imported in {"data.lib.weighbridge.request", "data.lib.weighbridge.weights"}
}

problems contains sprintf("%s: asks `%s` directly; requirements see `data.lib.weighbridge.request` alone", [path, reference]) if {
	some path, module in input.modules
	startswith(path, "lib/requirements/")
	some rule in module.rules
	some reference in references(rule)
	not startswith(reference, "data.lib.weighbridge.request")
}

problems contains sprintf("%s: package %s does not belong here", [path, package_of(module)]) if {
	some path, module in input.modules
	not belongs(path, package_of(module))
}

problems contains sprintf("%s: a denial needs METADATA with title, description, related_resources, custom.code, custom.severity, custom.fix", [path]) if {
	some path, module in input.modules
	some annotation in denials(module)
	not complete(annotation)
}

problems contains sprintf("%s: code %s of METADATA is not the one literal code of the rule", [path, annotation.custom.code]) if {
	some path, module in input.modules
	some annotation in denials(module)
	literal_codes(module, annotation) != {annotation.custom.code}
}

problems contains sprintf("%s: %d denials and %d literal codes with METADATA", [path, count(deny_rules(module)), count(documented)]) if {
	some path, module in input.modules
	startswith(path, "lib/requirements/")
	documented := {annotation.custom.code | some annotation in denials(module)}
	{code | some rule in deny_rules(module); some code in codes_in(rule)} != documented
}

problems contains sprintf("%s: documented in %d places", [code, count(places)]) if {
	some code, places in documented_codes
	count(places) != 1
}

problems contains sprintf("%s: no fixture %s-%s-*.yaml", [code, lower(code), outcome]) if {
	some code, _ in documented_codes
	regex.match(`^(GPU|IMG|INF|MOD|NET|POD|TLS)-`, code)
	not code in only_in_clusters
	some outcome in ["pass", "fail", "hostile"]
	not has_fixture(code, outcome)
}

problems contains sprintf("points/%s/point.json: roots %v are not the guard's %v", [point, sort(declared.roots), input.guard_roots[point]]) if {
	some point, declared in input.points
	expected := input.guard_roots[point]
	sort(declared.roots) != expected
}

problems contains sprintf("%s: `now_ns := time.now_ns()` stands there %d times", [path, found]) if {
	some path, found in input.clocks
	found != 1
}

# METADATA
# title: Every documented code, with what a reference says of it
# description: Sorted by code by whoever prints it.
reference[annotation.custom.code] := {
	"title": annotation.title,
	"description": trim_space(annotation.description),
	"severity": annotation.custom.severity,
	"fix": annotation.custom.fix,
	"related": annotation.related_resources,
	"path": path,
} if {
	some path, module in input.modules
	some annotation in denials(module)
}

documented_codes[code] contains place if {
	some path, module in input.modules
	some annotation in denials(module)
	code := annotation.custom.code
	place := [path, annotation.location.row]
}

denials(module) := [annotation |
	some annotation in module.annotations
	annotation.scope == "rule"
	annotation.custom.code
]

deny_rules(module) := [rule | some rule in module.rules; rule.head.name == "deny"]

complete(annotation) if {
	every field in ["title", "description"] {
		count(annotation[field]) > 0
	}
	regex.match(`^[A-Z]{3}-[0-9]{3}$`, annotation.custom.code)
	annotation.custom.severity in {"critical", "high", "medium", "low"}
	count(annotation.custom.fix) > 0
	count(annotation.related_resources) > 0
}

# The codes that stand literally in the rule that follows the annotation.
literal_codes(module, annotation) := codes_in(rule) if {
	following := [rule | some rule in module.rules; rule.location.row > annotation.location.row]
	rule := following[0]
} else := set()

codes_in(rule) := {pair[1].value |
	walk(rule, [_, node])
	node.type == "object"
	some pair in node.value
	pair[0].value == "code"
	pair[1].type == "string"
}

references(rule) := {text |
	walk(rule, [_, node])
	node.type == "ref"
	node.value[0].type == "var"
	node.value[0].value in {"data", "input"}
	text := concat(".", [part.value | some part in node.value; is_string(part.value)])
}

package_of(module) := concat(".", [part.value | some part in array.slice(module["package"].path, 1, 100)])

belongs(path, name) if {
	startswith(path, "lib/requirements/")
	name == concat(".", ["lib.weighbridge.requirements", split(path, "/")[2]])
}

belongs(path, name) if {
	startswith(path, "lib/")
	not startswith(path, "lib/requirements/")
	name == concat(".", ["lib.weighbridge", split(path, "/")[1]])
}

belongs(path, "lib.weighbridge.request") if regex.match(`^points/[a-z]+/request\.rego$`, path)

belongs(path, name) if {
	startswith(path, "points/")
	not endswith(path, "/request.rego")
	name == concat(".", ["weighbridge.points", split(path, "/")[1]])
}

belongs("points/conftest/main.rego", "main")

belongs(path, "weighbridge.gate") if startswith(path, "gate/")

belongs(path, "weighbridge.release") if startswith(path, "release/")

belongs(path, name) if {
	startswith(path, "guard/")
	name in {"weighbridge.guard", "system.log", "system.authz"}
}

has_fixture(code, outcome) if {
	some name in input.fixtures
	startswith(name, concat("-", [lower(code), outcome, ""]))
	endswith(name, ".yaml")
}
