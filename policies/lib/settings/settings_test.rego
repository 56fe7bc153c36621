package lib.weighbridge.settings_test

import data.lib.weighbridge.settings

good := {
	"multi_tenant": true,
	"limits": {
		"pod_security": "restricted",
		"user_namespaces": false,
		"images": {
			"evidence": [],
			"registries": [],
			"bases": ["distroless", "wolfi"],
			"allow": [],
			"max_severity": "medium",
			"cuda": null,
			"cudnn": null,
		},
		"documented": [],
	},
	"labels": {"model_id": "model_id", "model_version": "model_version"},
	"support_images": {},
	"exempt_namespaces": {},
	"kinds": {},
	"modes": {},
	"waivers": {},
}

test_readable if settings.readable(good)

test_each_is_needed if {
	every name, _ in good {
		not settings.readable(object.remove(good, [name]))
		not settings.readable(object.union(object.remove(good, [name]), {name: null}))
		not settings.readable(object.union(object.remove(good, [name]), {name: []}))
	}
}

test_each_label_is_needed if {
	every path in ["/labels/model_id", "/labels/model_version"] {
		not settings.readable(json.patch(good, [{"op": "replace", "path": path, "value": 7}]))
	}
}

limited(limits) := object.union(good, {"limits": limits})

meshed(changes) := limited({"mutual_tls": object.union({"by": "istio", "mesh_wide": false, "revisions": []}, changes)})

test_mutual_tls if {
	settings.readable(limited({"mutual_tls": null}))
	every by in ["istio", "istio-ambient", "linkerd", "certificates", "none"] {
		settings.readable(meshed({"by": by}))
	}
	not settings.readable(limited({"mutual_tls": {}}))
	not settings.readable(limited({"mutual_tls": "istio"}))
	every changes in [{"by": "Istio"}, {"by": null}, {"mesh_wide": "no"}, {"revisions": {}}] {
		not settings.readable(meshed(changes))
	}
}

test_exposure if {
	settings.readable(limited({"exposure": {"gateways": ["ingress/weighbridge"]}}))
	every exposure in [
		null,
		[],
		"none",
		{"gateways": {}},
		{"gateway_namespaces": {}},
		{"ingress_classes": {}},
		{"addresses": "0.0.0.0/0"},
		{"private_by_default": "yes"},
	] {
		not settings.readable(limited({"exposure": exposure}))
	}
}

test_what_is_demanded_of_images_is_readable if {
	settings.readable(json.patch(good, [{"op": "add", "path": "/limits/images/cuda", "value": {"min": "12.2"}}]))
	every patch in [
		{"op": "remove", "path": "/limits/images"},
		{"op": "remove", "path": "/limits/images/evidence"},
		{"op": "remove", "path": "/limits/images/cuda"},
		{"op": "add", "path": "/limits/images/allow", "value": {}},
		{"op": "add", "path": "/limits/images/registries", "value": [7]},
		{"op": "add", "path": "/limits/images/bases", "value": "distroless"},
		{"op": "add", "path": "/limits/images/cudnn", "value": {}},
		{"op": "add", "path": "/limits/images/max_severity", "value": 3},
		{"op": "add", "path": "/limits/documented", "value": "sbom"},
	] {
		not settings.readable(json.patch(good, [patch]))
	}
}

test_accelerators if {
	settings.readable(limited({"accelerators": {}}))
	settings.readable(limited({"accelerators": {
		"isolation": [
			{"device": "partition", "boundary": "vm"},
			{"device": "exclusive", "boundary": "container"},
			{"device": "exclusive", "boundary": "sandbox"},
			{"device": "exclusive", "boundary": "confidential"},
		],
		"resources": {"nvidia.com/mig-*": "partition"},
		"device_classes": {"gpu.nvidia.com": "exclusive"},
		"claim_templates": {"nic": "none"},
		"runtime_classes": {"kata": "vm", "runc": "container", "gvisor": "sandbox", "kata-cc": "confidential"},
		"caches": {"per_tenant": true, "without": ["sha256:1"]},
	}}))
	every accelerators in [
		null,
		[],
		{"isolation": [{"device": "shared", "boundary": "vm"}]},
		{"isolation": [{"device": "partition"}]},
		{"resources": {"nvidia.com/gpu": "Exclusive"}},
		{"device_classes": {"gpu.nvidia.com": true}},
		{"claim_templates": "none"},
		{"runtime_classes": {"kata": "machine"}},
		{"caches": {"per_tenant": "true"}},
		{"caches": {"without": {}}},
	] {
		not settings.readable(limited({"accelerators": accelerators}))
	}
}
