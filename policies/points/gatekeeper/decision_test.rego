package weighbridge.points.gatekeeper_test

import data.lib.weighbridge.request
import data.lib.weighbridge.signed_test as signing
import data.weighbridge.points.gatekeeper

# Each case changes one thing of a review that is admitted as it stands.

digest(character) := concat("", ["sha256:", concat("", [character | some _ in numbers.range(1, 64)])])

parameters := {
	"environment": "prod",
	"revision": "r2",
	"bound": true,
	"effects": ["deny"],
	"keys": {
		"release": {"algorithm": "ES256", "pem": signing.release_pem},
		"live": {"algorithm": "ES256", "pem": signing.live_pem},
	},
	"multi_tenant": false,
	"limits": {
		"pod_security": "privileged",
		"user_namespaces": false,
		"images": {
			"evidence": [],
			"registries": [],
			"bases": ["distroless"],
			"allow": [],
			"max_severity": "medium",
			"cuda": null,
			"cudnn": null,
		},
		"documented": [],
		"mutual_tls": null,
	},
	"labels": {"model_id": "model_id", "model_version": "model_version"},
	"support_images": {digest("5"): {}},
	"exempt_namespaces": {"kube-system": true},
	"kinds": {},
	"modes": {},
	"waivers": {},
}

claims := {
	"environment": "prod",
	"revision": "r2",
	"model": "kb-qa-001",
	"version": "1",
	"approved": true,
	"digest": digest("a"),
	"not_after": 2000,
	"images": {digest("1"): {}},
	"sources": {},
	"required": [],
	"missing": [],
	"reasons": [],
	"lacking": [],
	"environment_variables": {},
	"orders": {"revoked": {}, "frozen": {}},
}

live := {
	"environment": "prod",
	"sequence": 1,
	"not_after": 2000,
	"releases": [{"revision": "r2"}, {"revision": "r1", "until": 1500}],
	"revoked": {},
	"frozen": {},
}

order := {"id": "00000000-0000-4000-8000-000000000000", "reason": "x", "issued_at": 1}

approval_token(payload) := io.jwt.encode_sign({"alg": "ES256", "kid": "release"}, payload, signing.release_key)

live_token(payload) := io.jwt.encode_sign({"alg": "ES256", "kid": "live"}, payload, signing.live_key)

resource(token) := {"spec": {"token": token, "approved": true}}

inventory(approval, state) := {"cluster": {"weighbridge.dev/v1": {
	"ModelApproval": {"prod.kb-qa-001.1": approval},
	"LiveState": {"prod": state},
}}}

good := inventory(resource(approval_token(claims)), resource(live_token(live)))

approved_with(payload) := inventory(resource(approval_token(payload)), resource(live_token(live)))

living_with(payload) := inventory(resource(approval_token(claims)), resource(live_token(payload)))

pod := {
	"apiVersion": "v1",
	"kind": "Pod",
	"metadata": {
		"name": "kb-qa",
		"labels": {"model_id": "kb-qa-001", "model_version": "1"},
		"annotations": {"weighbridge.dev/artifact-digest": digest("a")},
	},
	"spec": {
		"automountServiceAccountToken": false,
		"securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
		"containers": [{
			"name": "serve",
			"image": concat("@", ["registry.example/serve", digest("1")]),
			"resources": {"limits": {"cpu": "1", "memory": "1Gi"}},
			"securityContext": {
				"allowPrivilegeEscalation": false,
				"readOnlyRootFilesystem": true,
				"capabilities": {"drop": ["ALL"]},
			},
		}],
	},
}

config_map := {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {}}

review := {
	"kind": {"group": "", "version": "v1", "kind": "Pod"},
	"namespace": "models",
	"operation": "CREATE",
	"object": pod,
	"oldObject": null,
}

changed(name, value) := object.union(object.remove(review, [name]), {name: value})

given(name, value) := object.union(object.remove(parameters, [name]), {name: value})

found(review_, parameters_, inventory_) := {result.details.code |
	some result in gatekeeper.violation with input as {"review": review_, "parameters": parameters_}
		with data.inventory as inventory_
		with request.now_ns as 1000
}

codes(inventory_) := found(review, parameters, inventory_)

reviewed(review_) := found(review_, parameters, good)

test_admitted if codes(good) == set()

test_message_and_details if {
	denied := json.remove(pod, ["metadata/labels"])
	results := gatekeeper.violation with input as {"review": changed("object", denied), "parameters": parameters}
		with data.inventory as good
		with request.now_ns as 1000
	[result] := [each | some each in results]
	startswith(result.msg, "MOD-001 Pod/kb-qa: ")
	result.details.effect == "deny"
	result.details.field == ["metadata", "labels"]
}

test_a_forged_approval if {
	own := io.jwt.encode_sign({"alg": "ES256", "kid": "release"}, claims, signing.other_key)
	by_the_live_key := io.jwt.encode_sign({"alg": "ES256", "kid": "release"}, claims, signing.live_key)
	every token in [own, by_the_live_key, "", null, 7, {}, "a.b.c"] {
		codes(inventory(resource(token), resource(live_token(live)))) == {"MOD-019"}
	}
	every strange in [{}, {"spec": 7}, {"spec": {}}, 7, "x", []] {
		codes(inventory(strange, resource(live_token(live)))) == {"MOD-019"}
	}
}

# Copied from where it is genuine: another model, version or environment.
test_a_copied_approval if {
	every other in [{"model": "other"}, {"version": "2"}, {"environment": "dev"}, {"environment": null}, {"model": ["kb-qa-001"]}] {
		codes(approved_with(object.union(claims, other))) == {"MOD-019"}
	}
}

test_claims_of_another_form if {
	every name in ["images", "sources", "orders"] {
		codes(approved_with(object.union(object.remove(claims, [name]), {name: []}))) == {"MOD-019"}
		codes(approved_with(object.remove(claims, [name]))) == {"MOD-019"}
	}
}

test_what_the_resource_says_beside_its_token_counts_for_nothing if {
	refused := object.union(claims, {"approved": false, "missing": ["slsa-level2"], "not_after": 0, "images": {}})
	codes(approved_with(refused)) == {"MOD-003"}
}

test_two_versions_of_one_name if {
	renamed := object.union(claims, {"model": "kb", "version": "qa.1"})
	labelled := json.patch(pod, [{"op": "replace", "path": "/metadata/labels", "value": {"model_id": "kb.qa", "model_version": "1"}}])
	state := {"cluster": {"weighbridge.dev/v1": {
		"ModelApproval": {"prod.kb.qa.1": resource(approval_token(renamed))},
		"LiveState": {"prod": resource(live_token(live))},
	}}}
	found(changed("object", labelled), parameters, state) == {"MOD-002"}
}

test_an_unknown_version if {
	codes({"cluster": {"weighbridge.dev/v1": {"LiveState": {"prod": resource(live_token(live))}}}}) == {"MOD-002"}
	shouted := json.patch(pod, [{"op": "replace", "path": "/metadata/labels/model_id", "value": "KB-QA-001"}])
	reviewed(changed("object", shouted)) == {"MOD-001"}
}

test_a_release_that_is_not_announced if {
	codes(approved_with(object.union(claims, {"revision": "r0"}))) == {"MOD-015"}
	codes(approved_with(object.union(claims, {"revision": null}))) == {"MOD-015"}
	codes(approved_with(object.remove(claims, ["revision"]))) == {"MOD-015"}
	codes(approved_with(object.union(claims, {"revision": "r1"}))) == set()
	found(review, given("revision", "r0"), good) == {"MOD-015"}
	every releases in [[], [{"revision": "r2", "until": 1000}], [{"revision": "r2", "until": "x"}], [{"revision": "r2", "until": null}]] {
		codes(living_with(object.union(live, {"releases": releases}))) == {"MOD-015"}
	}
}

test_missing_live_state_denies_what_serves_and_nothing_else if {
	missing := {"cluster": {"weighbridge.dev/v1": {"ModelApproval": {"prod.kb-qa-001.1": resource(approval_token(claims))}}}}
	every nothing in [missing, {}, {"cluster": {}}, null] {
		found(review, parameters, nothing) == {"MOD-013"}
		found(changed("object", config_map), parameters, nothing) == set()
	}
	supporting := json.patch(pod, [{"op": "replace", "path": "/spec/containers/0/image", "value": concat("@", ["proxy", digest("5")])}])
	found(changed("object", supporting), parameters, missing) == set()
}

test_a_forged_live_state if {
	own := io.jwt.encode_sign({"alg": "ES256", "kid": "live"}, live, signing.other_key)
	by_the_release_key := io.jwt.encode_sign({"alg": "ES256", "kid": "live"}, live, signing.release_key)
	every token in [own, by_the_release_key, "", null, 7, approval_token(claims)] {
		codes(inventory(resource(approval_token(claims)), resource(token))) == {"MOD-019"}
	}
	every name in ["not_after", "releases", "revoked", "frozen"] {
		codes(living_with(object.union(object.remove(live, [name]), {name: "x"}))) == {"MOD-019"}
	}
}

test_live_state_of_another_environment if {
	codes(living_with(object.union(live, {"environment": "dev"}))) == {"MOD-017"}
}

test_stale_live_state if {
	codes(living_with(object.union(live, {"not_after": 1000}))) == {"MOD-014"}
}

test_orders if {
	codes(living_with(object.union(live, {"revoked": {digest("a"): order}}))) == {"MOD-006"}
	codes(living_with(object.union(live, {"frozen": {"kb-qa-001@1": order}}))) == {"MOD-007"}
	codes(approved_with(object.union(claims, {"orders": {"revoked": {digest("a"): order}, "frozen": {}}}))) == {"MOD-006"}
	codes(approved_with(object.union(claims, {"orders": {"revoked": {}, "frozen": {"kb-qa-001@1": order}}}))) == {"MOD-007"}
	ended := object.union(order, {"expires": 1000})
	codes(living_with(object.union(live, {"frozen": {"kb-qa-001@1": ended}}))) == set()
}

test_edited_parameters if {
	every name in ["environment", "revision", "bound", "multi_tenant", "limits", "labels", "exempt_namespaces", "support_images", "modes", "waivers"] {
		found(review, object.remove(parameters, [name]), good) == {"MOD-013"}
		found(review, given(name, 7), good) == {"MOD-013"}
	}
	found(review, given("keys", {}), good) == {"MOD-019"}
	found(review, given("environment", "dev"), good) == {"MOD-013"}
	every effects in [null, 7, []] {
		"MOD-015" in found(review, object.union(given("effects", effects), {"revision": "r0"}), good)
	}
	found(review, {}, good) == {"MOD-013"}
}

# While a key is replaced two count; whatever else stands there counts for nothing, and takes nothing away.
replacing(changes) := object.union(parameters, {"keys": changes})

other := {"algorithm": "ES256", "pem": signing.other_pem}

test_keys_that_are_being_replaced if {
	anew := inventory(
		resource(io.jwt.encode_sign({"alg": "ES256", "kid": "release"}, claims, signing.other_key)),
		resource(live_token(live)),
	)
	found(review, parameters, anew) == {"MOD-019"}
	found(review, replacing({"further_release": [other]}), anew) == set()
	found(review, replacing({"further_release": [other]}), good) == set()
	found(review, replacing({"further_live": [other]}), anew) == {"MOD-019"}
	living := inventory(
		resource(approval_token(claims)),
		resource(io.jwt.encode_sign({"alg": "ES256", "kid": "live"}, live, signing.other_key)),
	)
	found(review, replacing({"further_live": [other]}), living) == set()
	found(review, replacing({"further_release": [other]}), living) == {"MOD-019"}
	every odd in ["x", 7, null, other, {"a": other}] {
		found(review, replacing({"further_release": odd}), anew) == {"MOD-019"}
	}
}

test_the_namespace_is_the_reviews if {
	decoy := json.patch(pod, [{"op": "add", "path": "/metadata/namespace", "value": "kube-system"}])
	unlabelled := json.remove(decoy, ["metadata/labels"])
	reviewed(changed("object", unlabelled)) == {"MOD-001"}
	reviewed(object.union(changed("object", unlabelled), {"namespace": "kube-system"})) == set()
}

test_decoys_in_the_object if {
	decoy := object.union(pod, {"review": review, "parameters": parameters, "items": [pod], "object": pod})
	reviewed(changed("object", json.remove(decoy, ["metadata/labels"]))) == {"MOD-001"}
	reviewed(changed("object", object.union(decoy, {"kind": "PodList"}))) == {"MOD-010"}
}

test_reviews_that_cannot_be_understood if {
	every strange in [null, 7, "x", [], {}, {"kind": "Pod"}] {
		reviewed(changed("object", strange)) == {"MOD-010"}
	}
	found(null, parameters, good) == {"MOD-010"}
	reviewed(object.remove(review, ["object"])) == {"MOD-010"}
}

test_a_deletion if {
	reviewed(object.union(changed("object", null), {"operation": "DELETE", "oldObject": pod})) == set()
	reviewed(object.union(changed("object", json.remove(pod, ["metadata/labels"])), {"operation": "DELETE"})) == set()
}

test_an_update_is_judged_by_what_it_makes if {
	tagged := json.patch(pod, [{"op": "replace", "path": "/spec/containers/0/image", "value": "serve:latest"}])
	reviewed(object.union(changed("object", tagged), {"operation": "UPDATE", "oldObject": pod})) == {"MOD-008"}
	debugged := json.patch(pod, [{"op": "add", "path": "/spec/ephemeralContainers", "value": [{"name": "sh", "image": "busybox"}]}])
	update := {"operation": "UPDATE", "subResource": "ephemeralcontainers", "oldObject": pod}
	"MOD-008" in reviewed(object.union(changed("object", debugged), update))
}

test_an_update_that_starts_nothing if {
	revoked := living_with(object.union(live, {"revoked": {digest("a"): order}}))
	finalized := json.patch(pod, [{"op": "add", "path": "/metadata/finalizers", "value": ["x"]}])
	update := object.union(changed("object", pod), {"operation": "UPDATE", "oldObject": finalized})
	found(update, parameters, revoked) == set()
	found(object.remove(update, ["operation"]), parameters, revoked) == {"MOD-006"}
	relabelled := json.patch(pod, [{"op": "replace", "path": "/metadata/labels/model_version", "value": "0"}])
	found(object.union(update, {"oldObject": relabelled}), parameters, revoked) == {"MOD-006"}
	found(object.union(update, {"oldObject": null}), parameters, revoked) == {"MOD-006"}
}

test_an_update_that_only_keeps_books if {
	outlet := {
		"apiVersion": "v1",
		"kind": "Service",
		"metadata": {"name": "a", "finalizers": ["x"], "resourceVersion": "1"},
		"spec": {"type": "NodePort"},
	}
	freed := object.union(json.remove(outlet, ["metadata/finalizers"]), {"metadata": {"resourceVersion": "2"}})
	update := object.union(changed("object", freed), {"operation": "UPDATE", "oldObject": outlet})
	reviewed(update) == set()
	"NET-001" in reviewed(object.union(update, {"operation": "CREATE"}))
	every other in [null, {}, json.remove(outlet, ["metadata"]), json.patch(outlet, [{"op": "add", "path": "/metadata/labels", "value": {}}])] {
		"NET-001" in reviewed(object.union(object.remove(update, ["oldObject"]), {"oldObject": other}))
	}
}

marked(whole) := json.patch(whole, [{"op": "add", "path": "/metadata/labels/weighbridge.dev~1cordoned", "value": order.id}])

test_a_pod_that_was_revoked_can_be_cut_off_and_not_freed if {
	revoked := living_with(object.union(live, {"revoked": {digest("a"): order}}))
	cutting := object.union(changed("object", marked(pod)), {"operation": "UPDATE", "oldObject": pod})
	found(cutting, parameters, revoked) == set()
	found(object.union(cutting, {"operation": "CREATE"}), parameters, revoked) == {"MOD-006"}
	freeing := object.union(changed("object", pod), {"operation": "UPDATE", "oldObject": marked(pod)})
	found(freeing, parameters, revoked) == {"MOD-006"}
	found(freeing, parameters, good) == set()
	other := json.patch(marked(pod), [{"op": "replace", "path": "/metadata/labels/weighbridge.dev~1cordoned", "value": "other"}])
	found(object.union(freeing, {"object": other}), parameters, revoked) == {"MOD-006"}
	relabelled := json.patch(marked(pod), [{"op": "replace", "path": "/metadata/labels/model_version", "value": "2"}])
	found(object.union(cutting, {"object": relabelled}), parameters, revoked) == {"MOD-002"}
	started := json.patch(marked(pod), [{"op": "replace", "path": "/spec/containers/0/image", "value": "serve:latest"}])
	"MOD-008" in found(object.union(cutting, {"object": started}), parameters, revoked)
}

question(name, environment) := object.union(object.remove(review, ["kind", "object"]), {
	"kind": {"group": "apps", "version": "v1", "kind": "ControllerRevision"},
	"object": {
		"apiVersion": "apps/v1",
		"kind": "ControllerRevision",
		"metadata": {"name": name, "annotations": {"weighbridge.dev/environment": environment}},
		"revision": 1,
		"data": {},
	},
})

answers(review_, parameters_, inventory_) := {result.msg |
	some result in gatekeeper.violation with input as {"review": review_, "parameters": parameters_}
		with data.inventory as inventory_
		with request.now_ns as 1000
}

test_what_has_arrived_is_told_to_who_asks if {
	versioned := object.union(good, {"cluster": {"weighbridge.dev/v1": {"LiveState": {"prod": {"metadata": {"resourceVersion": "7"}}}}}})
	unbound := given("bound", false)
	answers(question("weighbridge-synced", "prod"), unbound, versioned) == {"weighbridge-synced prod 7"}
	answers(question("weighbridge-synced", "dev"), unbound, versioned) == {"weighbridge-synced dev none"}
	answers(question("weighbridge-synced", "prod"), unbound, {}) == {"weighbridge-synced prod none"}
	answers(question("weighbridge-synced", "prod"), object.union(unbound, {"effects": ["warn"]}), versioned) == set()
	answers(question("another", "prod"), unbound, versioned) == set()
	answers(question("weighbridge-synced", 7), unbound, versioned) == set()
	"weighbridge-synced prod 7" in answers(question("weighbridge-synced", "prod"), parameters, versioned)
}

test_unbound_namespaces if {
	unbound := given("bound", false)
	plain := json.remove(pod, ["metadata/labels"])
	found(changed("object", plain), unbound, good) == set()
	found(review, unbound, good) == set()
	found(review, unbound, {}) == {"MOD-013"}
	accelerated := json.patch(plain, [{"op": "add", "path": "/spec/containers/0/resources/limits/nvidia.com~1gpu", "value": "1"}])
	"MOD-001" in found(changed("object", accelerated), unbound, good)
}

test_several_pods_of_one_object if {
	template := {"metadata": object.remove(pod.metadata, ["name"]), "spec": pod.spec}
	reviewed(changed("object", set_of(template, template))) == set()
	unknown := json.patch(template, [{"op": "replace", "path": "/metadata/labels/model_version", "value": "2"}])
	reviewed(changed("object", set_of(template, unknown))) == {"MOD-002"}
	forged := {"cluster": {"weighbridge.dev/v1": {"ModelApproval": {"prod.kb-qa-001.2": resource(approval_token(claims))}}}}
	found(changed("object", set_of(template, unknown)), parameters, object.union(good, forged)) == {"MOD-019"}
	found(changed("object", set_of(template, template)), parameters, {}) == {"MOD-013"}
}

set_of(leader, worker) := {
	"apiVersion": "leaderworkerset.x-k8s.io/v1",
	"kind": "LeaderWorkerSet",
	"metadata": {"name": "kb-qa"},
	"spec": {"leaderWorkerTemplate": {"leaderTemplate": leader, "workerTemplate": worker}},
}

test_what_a_constraint_shows if {
	warning := {
		"effects": ["warn"],
		"limits": object.union(parameters.limits, {"pod_security": "restricted"}),
		"modes": {"POD-003": [{"from": 0, "mode": "warn"}]},
	}
	open := json.patch(pod, [{"op": "add", "path": "/spec/hostNetwork", "value": true}])
	found(changed("object", open), object.union(parameters, warning), good) == {"POD-003"}
	found(changed("object", open), object.union_n([parameters, warning, {"effects": ["deny"]}]), good) == set()
}

test_what_a_cluster_shows_of_a_namespace if {
	with_policies := object.union(good, {"namespace": {"models": {"networking.k8s.io/v1": {"NetworkPolicy": {"default": {"spec": {}}}}}}})
	namespaced := object.union(review, {"namespaceObject": {"metadata": {"labels": {"a": "b"}}}})
	shown := request.namespace with input as {"review": namespaced, "parameters": parameters}
		with data.inventory as with_policies
	shown == {"labels": {"a": "b"}, "network_policies": [{"spec": {}}], "peer_authentications": []}
	not namespace_of(review)
}

namespace_of(review_) := shown if {
	shown := request.namespace with input as {"review": review_, "parameters": parameters}
}

test_a_verdict_that_is_not_linked if {
	results := gatekeeper.violation with input as {"review": review, "parameters": parameters}
		with data.inventory as good
		with request.now_ns as 1000
		with data.lib.weighbridge.verdict as {}
	{result.details.code | some result in results} == {"MOD-010"}
}

fleet := {
	"apiVersion": "example.com/v1",
	"kind": "Fleet",
	"metadata": {"name": "kb-qa", "labels": pod.metadata.labels},
	"spec": {"pods": {"containers": [{"name": "serve", "image": "nginx"}]}},
}

fleet_in(namespace) := found(object.union(review, {"namespace": namespace, "object": fleet}), given("bound", false), good)

# What looks like serving is asked about where no environment is, but not where nothing is judged at all.
test_a_kind_that_nobody_described_outside_of_every_environment if {
	fleet_in("elsewhere") == {"MOD-011"}
	fleet_in("kube-system") == set()
}
