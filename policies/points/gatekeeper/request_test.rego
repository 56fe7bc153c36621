package weighbridge.points.gatekeeper_request_test

import data.lib.weighbridge.request
import data.lib.weighbridge.signed_test as signing
import data.weighbridge.points.gatekeeper
import data.weighbridge.points.gatekeeper_test as cases

# What the request says by itself, of a review that is admitted as it stands; `decision_test.rego` has what comes of it.

value(changes, rule) := answer(
	rule,
	object.get(changes, "review", cases.review),
	object.get(changes, "parameters", cases.parameters),
	object.get(changes, "inventory", cases.good),
)

answer("bound", review, parameters, inventory) if {
	request.bound with input as {"review": review, "parameters": parameters}
		with data.inventory as inventory
		with request.now_ns as 1000
}

answer("serving", review, parameters, inventory) if {
	request.serving with input as {"review": review, "parameters": parameters}
		with data.inventory as inventory
		with request.now_ns as 1000
}

answer("unchanged", review, parameters, inventory) if {
	request.unchanged with input as {"review": review, "parameters": parameters}
		with data.inventory as inventory
		with request.now_ns as 1000
}

answer("data_readable", review, parameters, inventory) if {
	request.data_readable with input as {"review": review, "parameters": parameters}
		with data.inventory as inventory
		with request.now_ns as 1000
}

answer("fresh", review, parameters, inventory) if {
	request.fresh with input as {"review": review, "parameters": parameters}
		with data.inventory as inventory
		with request.now_ns as 1000
}

answer("namespace", review, parameters, inventory) := found if {
	found := request.namespace with input as {"review": review, "parameters": parameters}
		with data.inventory as inventory
}

answer("namespace_name", review, parameters, inventory) := found if {
	found := request.namespace_name with input as {"review": review, "parameters": parameters}
		with data.inventory as inventory
}

answer("placed", review, parameters, inventory) := found if {
	found := request.object_ with input as {"review": review, "parameters": parameters}
		with data.inventory as inventory
}

answer("artifact", review, parameters, inventory) := found if {
	found := request.artifact with input as {"review": review, "parameters": parameters}
		with data.inventory as inventory
		with request.now_ns as 1000
}

answer("in_cluster", review, parameters, inventory) := found if {
	found := request.in_cluster with input as {"review": review, "parameters": parameters}
		with data.inventory as inventory
}

test_a_cluster_asks if value({}, "in_cluster") == true

unbound := object.union(cases.parameters, {"bound": false})

of_kind(kind, object_) := object.union(object.remove(cases.review, ["object", "namespace", "kind"]), {
	"kind": {"group": "", "version": "v1", "kind": kind},
	"object": object_,
})

class := {"apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": {"name": "a"}}

# A kind of a group that serves, which nobody described.
strange := {"apiVersion": "kaito.sh/v1beta1", "kind": "Unheard", "metadata": {"name": "a"}, "spec": {}}

test_what_is_bound if {
	value({}, "bound")
	not value({"review": object.union(cases.review, {"namespace": "kube-system"})}, "bound")
	not value({"parameters": object.remove(cases.parameters, ["labels"])}, "bound")
	not value({"parameters": unbound}, "bound")
	value({"parameters": unbound, "review": of_kind("IngressClass", class)}, "bound")
	not value({"parameters": unbound, "review": of_kind("Namespace", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"}})}, "bound")
	not value({"parameters": unbound, "review": object.union(of_kind("IngressClass", class), {"namespace": "models"})}, "bound")
	not value({"parameters": unbound, "review": of_kind("Unheard", strange)}, "bound")
	not value({"parameters": object.remove(unbound, ["labels"]), "review": of_kind("IngressClass", class)}, "bound")
}

update := object.union(object.remove(cases.review, ["operation", "oldObject"]), {"operation": "UPDATE", "oldObject": cases.pod})

test_what_is_served_anew if {
	value({}, "serving")
	not value({"review": update}, "serving")
	value({"review": object.union(update, {"operation": "CREATE"})}, "serving")
	not value({"parameters": object.remove(cases.parameters, ["labels"])}, "serving")
}

test_what_starts_nothing_new if {
	value({"review": update}, "unchanged")
	every operation in ["CREATE", "DELETE", "CONNECT", "update", null] {
		not value({"review": object.union(update, {"operation": operation})}, "unchanged")
	}
	every path in ["/spec/containers/0/image", "/metadata/labels/model_version", "/metadata/annotations/weighbridge.dev~1artifact-digest"] {
		other := json.patch(cases.pod, [{"op": "replace", "path": path, "value": "other"}])
		not value({"review": object.union(update, {"oldObject": other})}, "unchanged")
	}
	every old in [null, 7, {}, [], {"apiVersion": "v1", "kind": "Pod"}] {
		not value({"review": object.union(object.remove(update, ["oldObject"]), {"oldObject": old})}, "unchanged")
		same := object.union(object.remove(update, ["oldObject", "object"]), {"oldObject": old, "object": old})
		not value({"review": same}, "unchanged")
	}
}

# Labels around the template, and one pod more of the same template.
test_what_changes_around_a_template if {
	template := {"metadata": object.remove(cases.pod.metadata, ["name"]), "spec": cases.pod.spec}
	deployed := {
		"apiVersion": "apps/v1",
		"kind": "Deployment",
		"metadata": {"name": "a", "labels": {"a": "b"}},
		"spec": {"template": template},
	}
	relabelled := json.patch(deployed, [{"op": "replace", "path": "/metadata/labels/a", "value": "c"}])
	scaled := json.patch(deployed, [{"op": "add", "path": "/spec/replicas", "value": 0}])
	value({"review": object.union(update, {"object": scaled, "oldObject": deployed})}, "unchanged")
	not value({"review": object.union(update, {"object": relabelled, "oldObject": deployed})}, "unchanged")
	one := cases.set_of(template, template)
	fewer := json.remove(one, ["spec/leaderWorkerTemplate/leaderTemplate"])
	replaced := object.union(object.remove(update, ["object", "oldObject"]), {"object": one, "oldObject": fewer})
	not value({"review": replaced}, "unchanged")
}

test_what_is_readable if {
	value({}, "data_readable")
	every name in ["environment", "revision", "bound", "multi_tenant"] {
		not value({"parameters": object.remove(cases.parameters, [name])}, "data_readable")
		not value({"parameters": cases.given(name, 7)}, "data_readable")
	}
	not value({"parameters": cases.given("environment", "")}, "data_readable")
	not value({"parameters": cases.given("environment", null)}, "data_readable")
}

test_what_is_fresh if {
	value({}, "fresh")
	every end in [1000, 0, "x", null, {}] {
		not value({"inventory": cases.living_with(object.union(object.remove(cases.live, ["not_after"]), {"not_after": end}))}, "fresh")
	}
	not value({"inventory": {}}, "fresh")
}

test_the_namespace_that_the_review_names if {
	value({}, "namespace_name") == "models"
	every name in [null, 7, {}, ["models"]] {
		value({"review": object.union(object.remove(cases.review, ["namespace"]), {"namespace": name})}, "namespace_name") == ""
	}
	value({"review": object.remove(cases.review, ["namespace"])}, "namespace_name") == ""
	value({}, "placed").metadata.namespace == "models"
	value({"review": object.union(cases.review, {"object": {"kind": "Pod", "metadata": "x"}})}, "placed").metadata == "x"
	value({"review": object.remove(cases.review, ["object"])}, "placed") == null
}

seen := object.union(cases.review, {"namespaceObject": {"metadata": {"name": "models", "labels": {"a": "b"}}}})

policies := {"namespace": {
	"models": {
		"networking.k8s.io/v1": {"NetworkPolicy": {"a": {"name": "n"}}},
		"security.istio.io/v1": {"PeerAuthentication": {"a": {"name": "p1"}}},
		"security.istio.io/v1beta1": {"PeerAuthentication": {"b": {"name": "p2"}}},
	},
	"": {"networking.k8s.io/v1": {"NetworkPolicy": {"a": {"name": "n"}}}},
	"other": {"networking.k8s.io/v1": {"NetworkPolicy": {"b": {"name": "o"}}}},
}}

test_what_a_cluster_shows_of_a_namespace if {
	value({"review": seen, "inventory": policies}, "namespace") == {
		"labels": {"a": "b"},
		"network_policies": [{"name": "n"}],
		"peer_authentications": [{"name": "p1"}, {"name": "p2"}],
	}
	not value({"review": cases.review, "inventory": policies}, "namespace")
	not value({"review": object.remove(seen, ["namespace"]), "inventory": policies}, "namespace")
	every odd in [null, 7, {}, {"metadata": "x"}] {
		not value({"review": object.union(object.remove(seen, ["namespaceObject"]), {"namespaceObject": odd}), "inventory": policies}, "namespace")
	}
}

looked_up(digest) := found if {
	found := request.image(digest) with input as {"review": cases.review, "parameters": cases.parameters}
		with data.inventory as cases.good
		with request.now_ns as 1000
}

odd_image(facts) if {
	_ = request.image(cases.digest("1")) with input as {"review": cases.review, "parameters": cases.parameters}
		with data.inventory as cases.approved_with(object.union(object.remove(cases.claims, ["images"]), {"images": {cases.digest("1"): facts}}))
}

odd_support(facts) if {
	_ = request.image(cases.digest("5")) with input as {"review": cases.review, "parameters": cases.given("support_images", {cases.digest("5"): facts})}
		with data.inventory as cases.good
}

odd_support(facts) if {
	request.support_image(cases.digest("5")) with input as {"review": cases.review, "parameters": cases.given("support_images", {cases.digest("5"): facts})}
}

test_what_is_known_of_images if {
	looked_up(cases.digest("1")) == {}
	looked_up(cases.digest("5")) == {}
	not looked_up(cases.digest("9"))
	odd_image({})
	odd_support({})
	every facts in [null, true, "x", [], 7] {
		not odd_image(facts)
		not odd_support(facts)
	}
	request.support_image(cases.digest("5")) with input as {"review": cases.review, "parameters": cases.parameters}
}

named(name, claims) := found if {
	found := request.record(name) with input as {"review": cases.review, "parameters": cases.parameters}
		with data.inventory as cases.approved_with(claims)
}

test_a_record_is_the_one_that_the_pod_names if {
	named("kb-qa-001@1", cases.claims).digest == cases.digest("a")
	not named("kb-qa-001@2", cases.claims)
	not named("kb-qa-001@1", object.union(cases.claims, {"model": "kb", "version": "qa-001.1"}))
	not named("kb-qa-001@1", object.union(cases.claims, {"environment": "dev"}))
	value({}, "artifact") == cases.digest("a")
	value({"review": cases.changed("object", json.remove(cases.pod, ["metadata/labels"]))}, "artifact") == ""
}

# The environment in the name is the constraint's, whatever the resource is called.
test_an_approval_of_another_environment if {
	foreign := object.union(cases.claims, {"environment": "dev"})
	inventory := {"cluster": {"weighbridge.dev/v1": {
		"ModelApproval": {"prod.kb-qa-001.1": cases.resource(cases.approval_token(foreign)), "dev.kb-qa-001.1": cases.resource(cases.approval_token(foreign))},
		"LiveState": {"prod": cases.resource(cases.live_token(cases.live))},
	}}}
	cases.codes(inventory) == {"MOD-019"}
}

test_orders_of_another_form_approve_nothing if {
	every orders in [{"revoked": {}}, {"frozen": {}}, {"revoked": [], "frozen": {}}, {"revoked": {}, "frozen": null}] {
		claims := object.union(object.remove(cases.claims, ["orders"]), {"orders": orders})
		cases.codes(cases.approved_with(claims)) == {"MOD-019"}
	}
}

# An order ends at a time that can be read, and at no other.
test_when_an_order_ends if {
	every expires, stands in {999: false, 1000: false, 1001: true} {
		ended := object.union(cases.order, {"expires": expires})
		cases.codes(cases.living_with(object.union(cases.live, {"revoked": {cases.digest("a"): ended}}))) == {"MOD-006"} == stands
	}
	every expires in ["", "2020-01-01T00:00:00Z", null, {}, false] {
		odd := object.union(cases.order, {"expires": expires})
		cases.codes(cases.living_with(object.union(cases.live, {"revoked": {cases.digest("a"): odd}}))) == {"MOD-006"}
	}
}

details(review, parameters, inventory) := {result.details |
	some result in gatekeeper.violation with input as {"review": review, "parameters": parameters}
		with data.inventory as inventory
		with request.now_ns as 1000
}

messages(review, parameters, inventory) := {result.msg |
	some result in gatekeeper.violation with input as {"review": review, "parameters": parameters}
		with data.inventory as inventory
		with request.now_ns as 1000
}

# A constraint shows the effects that it names, and what denies if it names none.
test_each_constraint_shows_its_effects if {
	warned := object.union(cases.given("modes", {"POD-022": [{"mode": "warn", "from": 0}]}), {
		"effects": ["warn"],
		"limits": {"pod_security": "restricted"},
	})
	writable := cases.changed("object", json.remove(cases.pod, ["spec/containers/0/securityContext/readOnlyRootFilesystem"]))
	{[found.code, found.effect] | some found in details(writable, warned, cases.good)} == {["POD-022", "warn"]}
	details(writable, object.union(warned, {"effects": ["deny"]}), cases.good) == set()
	details(writable, object.union(warned, {"effects": ["dry-run"]}), cases.good) == set()
	unlabelled := cases.changed("object", json.remove(cases.pod, ["metadata/labels"]))
	details(unlabelled, object.union(cases.parameters, {"effects": ["warn"]}), cases.good) == set()
	every effects in [[], null, 7, "deny", {}] {
		{found.code | some found in details(unlabelled, cases.given("effects", effects), cases.good)} == {"MOD-001"}
	}
	details(unlabelled, object.remove(cases.parameters, ["effects"]), cases.good) == details(unlabelled, cases.parameters, cases.good)
}

denying(verdict, parameters) := {result.details |
	some result in gatekeeper.violation with input as {"review": cases.review, "parameters": parameters}
		with data.inventory as cases.good
		with data.lib.weighbridge.verdict.decision as verdict
		with request.now_ns as 1000
}

test_a_denial_that_nobody_explains if {
	silent := {"allowed": false, "violations": []}
	[found] := [each | some each in denying(silent, cases.parameters)]
	object.remove(found, ["message"]) == {"code": "MOD-010", "severity": "high", "effect": "deny", "field": []}
	denying(silent, object.union(cases.parameters, {"effects": ["warn"]})) == set()
	softened := {"code": "POD-022", "severity": "low", "effect": "warn", "message": "x", "field": []}
	{each.code | some each in denying({"allowed": false, "violations": [softened]}, cases.parameters)} == {"MOD-010"}
	denying({"allowed": true, "violations": [softened]}, cases.parameters) == set()
}

test_nothing_is_said_of_what_is_not_concerned if {
	ending := object.union(cases.changed("object", json.remove(cases.pod, ["metadata/labels"])), {"operation": "DELETE"})
	messages(ending, cases.parameters, {}) == set()
	kept := object.union(cases.changed("object", cases.pod), {
		"operation": "UPDATE",
		"oldObject": json.patch(cases.pod, [
			{"op": "add", "path": "/metadata/generation", "value": 2},
			{"op": "add", "path": "/metadata/managedFields", "value": [{}]},
		]),
	})
	messages(kept, cases.parameters, {}) == set()
}

# Whose token is wrong stands in the message: the two are kept by different people.
test_a_forgery_names_its_resource if {
	forged := io.jwt.encode_sign({"alg": "ES256", "kid": "x"}, cases.claims, signing.other_key)
	[first] := [each | some each in messages(cases.review, cases.parameters, cases.inventory(cases.resource(forged), cases.resource(cases.live_token(cases.live))))]
	contains(first, "ModelApproval")
	[second] := [each | some each in messages(cases.review, cases.parameters, cases.inventory(cases.resource(cases.approval_token(cases.claims)), cases.resource(forged)))]
	contains(second, "LiveState")
}
