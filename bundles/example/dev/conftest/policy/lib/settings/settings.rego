# METADATA
# scope: package
# title: What an environment demands of workloads
# description: |
#   The settings that every point that judges workloads is given beside records and orders, whether by its registry or by the
#   parameters of a constraint. Whatever reads them may rely on their types.
package lib.weighbridge.settings

# METADATA
# title: The names of the settings
# description: |
#   A registry holds them beside its records, and hands on these only: a function's arguments are hashed, and ten thousand records
#   would be with them, for each question.
names := {"multi_tenant", "labels", "limits", "exempt_namespaces", "support_images", "kinds", "modes", "waivers"}

# METADATA
# title: The settings can be read
# description: All of them are there, and of the type that compiling gives them; a map that is no map would answer nothing to every lookup.
readable(settings) if {
	is_boolean(settings.multi_tenant)
	is_string(settings.labels.model_id)
	is_string(settings.labels.model_version)
	is_string(settings.limits.pod_security)
	is_boolean(settings.limits.user_namespaces)
	readable_images(settings.limits.images)
	texts(settings.limits.documented)
	readable_mutual_tls(settings.limits)
	readable_exposure(object.get(settings.limits, "exposure", {}))
	readable_accelerators(object.get(settings.limits, "accelerators", {}))
	is_object(settings.exempt_namespaces)
	is_object(settings.support_images)
	is_object(settings.kinds)
	is_object(settings.modes)
	is_object(settings.waivers)
}

# Nothing is demanded where the environment says nothing; a word that no rule knows must not count as nothing.
readable_mutual_tls(limits) if object.get(limits, "mutual_tls", null) == null

readable_mutual_tls(limits) if {
	limits.mutual_tls.by in {"istio", "istio-ambient", "linkerd", "certificates", "none"}
	is_boolean(limits.mutual_tls.mesh_wide)
	is_array(limits.mutual_tls.revisions)
}

# What is left out of it allows nothing.
readable_exposure(exposure) if {
	is_object(exposure)
	every name in ["gateways", "gateway_namespaces", "ingress_classes", "addresses"] {
		is_array(object.get(exposure, name, []))
	}
	is_boolean(object.get(exposure, "private_by_default", false))
}

# What is left out of it describes nothing, and what nobody described is refused.
readable_accelerators(accelerators) if {
	every name in ["resources", "device_classes", "claim_templates"] {
		every meaning in object.get(accelerators, name, {}) {
			meaning in {"shared", "partition", "exclusive", "none"}
		}
	}
	every boundary in object.get(accelerators, "runtime_classes", {}) {
		boundary in {"container", "sandbox", "vm", "confidential"}
	}
	every accepted in object.get(accelerators, "isolation", []) {
		accepted.device in {"partition", "exclusive"}
		accepted.boundary in {"container", "sandbox", "vm", "confidential"}
	}
	is_boolean(object.get(accelerators, ["caches", "per_tenant"], false))
	texts(object.get(accelerators, ["caches", "without"], []))
}

readable_images(images) if {
	every name in ["evidence", "registries", "bases", "allow"] {
		texts(images[name])
	}
	is_string(images.max_severity)
	every name in ["cuda", "cudnn"] {
		readable_bound(images[name])
	}
}

readable_bound(null) := true

readable_bound(bound) if is_string(bound.min)

# `concat` is undefined for what holds anything but texts.
texts(list) if {
	is_array(list)
	is_string(concat("", list))
}
