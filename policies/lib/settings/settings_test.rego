package lib.weighbridge.settings_test

import data.lib.weighbridge.settings

good := {
	"multi_tenant": true,
	"limits": {"pod_security": "restricted", "user_namespaces": false},
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
