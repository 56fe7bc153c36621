package lib.weighbridge.requirements.inf

import data.lib.weighbridge.request

# METADATA
# title: The tenant is entitled to the model
# description: Entitlement is judged on the version that the name stands for, not on the name.
# related_resources:
#   - ref: https://owasp.org/API-Security/editions/2023/en/0xa1-broken-object-level-authorization/
#     description: OWASP, broken object level authorization
# custom:
#   code: INF-012
#   severity: high
#   fix: Ask for a model that the tenant is entitled to, or have the entitlement added.
deny contains violation if {
	known
	not entitled
	violation := {
		"code": "INF-012",
		"severity": "high",
		"message": "The tenant is not entitled to this model. Name one that `GET /v1/models` lists.",
		"field": ["body", "model"],
	}
}

# METADATA
# title: The version is not revoked
# description: A revoked version answers nobody.
# related_resources:
#   - ref: https://csrc.nist.gov/glossary/term/revocation
#     description: NIST, revocation
# custom:
#   code: INF-014
#   severity: critical
#   fix: Use another version; only a `restore` order lifts a revocation.
deny contains violation if {
	entitled
	record
	not unrevoked
	violation := {
		"code": "INF-014",
		"severity": "critical",
		"message": sprintf("%s: the version was revoked. Use another one.", [version]),
		"field": ["body", "model"],
	}
}

# METADATA
# title: The version is not frozen
# description: A frozen version takes no new calls.
# related_resources:
#   - ref: https://csrc.nist.gov/glossary/term/incident_response_plan
#     description: NIST, incident response
# custom:
#   code: INF-015
#   severity: high
#   fix: Use another version, or wait for the `thaw` order.
deny contains violation if {
	entitled
	record
	not unfrozen
	violation := {
		"code": "INF-015",
		"severity": "high",
		"message": sprintf("%s: the version is frozen and takes no calls. Use another one.", [version]),
		"field": ["body", "model"],
	}
}

# METADATA
# title: The model is known
# description: The name is neither an alias nor a version of this environment.
# related_resources:
#   - ref: https://platform.openai.com/docs/api-reference/models
#     description: OpenAI, models
# custom:
#   code: INF-016
#   severity: medium
#   fix: Name a model that `GET /v1/models` lists.
deny contains violation if {
	judged
	model_name
	not known
	violation := {
		"code": "INF-016",
		"severity": "medium",
		"message": "Unknown model. Name one that `GET /v1/models` lists.",
		"field": ["body", "model"],
	}
}

# METADATA
# title: The alias has an active version
# description: Live data says which version an alias stands for, and only one of the models that the release allows it counts.
# related_resources:
#   - ref: https://platform.openai.com/docs/api-reference/models
#     description: OpenAI, models
# custom:
#   code: INF-017
#   severity: high
#   fix: Have a `route` order signed that names a version the release allows, or name the version itself.
deny contains violation if {
	entitled
	route
	not resolved
	violation := {
		"code": "INF-017",
		"severity": "high",
		"message": sprintf("%s: the alias has no active version. Name a version, or try again later.", [model_name]),
		"field": ["body", "model"],
	}
}

# METADATA
# title: The version is approved
# description: The gate refused the version for this environment; the message has the codes of its reasons.
# related_resources:
#   - ref: https://slsa.dev/spec/v1.0/verification_summary
#     description: SLSA, verification summary
# custom:
#   code: INF-018
#   severity: critical
#   fix: Provide the missing evidence and compile again; `weighbridge explain` shows what is missing.
deny contains violation if {
	entitled
	record
	not approved
	violation := {
		"code": "INF-018",
		"severity": "critical",
		"message": sprintf("%s: the version is not approved here: %s. Use another one.", [version, refusal]),
		"field": ["body", "model"],
	}
}

# METADATA
# title: The approval is unexpired
# description: An approval ends with the earliest of its attestations.
# related_resources:
#   - ref: https://in-toto.io/
#     description: in-toto
# custom:
#   code: INF-019
#   severity: high
#   fix: Renew the evidence that has expired and compile again.
deny contains violation if {
	entitled
	approved
	not unexpired
	violation := {
		"code": "INF-019",
		"severity": "high",
		"message": sprintf("%s: the approval of the version has expired. Use another one.", [version]),
		"field": ["body", "model"],
	}
}

# METADATA
# title: The version has an upstream
# description: An approved version that nothing serves cannot answer, and nothing else may answer in its place.
# related_resources:
#   - ref: https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/cluster_manager
#     description: Envoy, clusters
# custom:
#   code: INF-025
#   severity: medium
#   fix: Add the version to `upstreams` of the environment.
deny contains violation if {
	entitled
	approved
	not record.served == true
	violation := {
		"code": "INF-025",
		"severity": "medium",
		"message": sprintf("%s: no upstream serves the version. Use another one.", [version]),
		"field": ["body", "model"],
	}
}

known if {
	judged
	route
}

known if {
	judged
	direct
}

route := found if {
	body_understood
	found := request.route(model_name)
	is_object(found)
}

direct := found if {
	body_understood
	found := request.record(model_name)
	is_object(found)
}

# An alias decides before a version of the same name; what it points to counts only among its own models.
version := name if {
	route
	name := request.active(model_name)
	is_string(name)
	route.models[request.record(name).model] == true
} else := model_name if {
	not route
	direct
}

resolved if record

record := found if {
	found := request.record(version)
	is_object(found)
}

asked_models := {record.model} if {
	record
} else := {model | some model, allowed in route.models; allowed == true} if {
	route
}

entitled if {
	known
	some model in asked_models
	grant.models[model] == true
}

approved if record.approved == true

unexpired if {
	is_number(record.not_after)
	record.not_after > request.now_ns
}

unrevoked if {
	is_string(record.digest)
	count(request.revocations(record.digest)) == 0
}

unfrozen if count(request.freezes(version)) == 0

default refusal := "refused by the gate"

refusal := concat(", ", reasons) if count(reasons) > 0

# Codes and attestations alone: a gate's message may name files and people, which no caller needs.
reasons := sort({trim_space(concat(" ", [reason.code, object.get(reason, "attestation", "")])) | some reason in record.reasons})

# METADATA
# title: A version would answer right now
# description: What the list of models needs to know of each version, with no call that names it.
answers_now(name) if {
	found := request.record(name)
	found.approved == true
	found.served == true
	is_number(found.not_after)
	found.not_after > request.now_ns
	is_string(found.digest)
	count(request.revocations(found.digest)) == 0
	count(request.freezes(name)) == 0
}
