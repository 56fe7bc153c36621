package lib.weighbridge.requirements.gpu_test

wanted(request) := {"devices": {"requests": [object.union({"name": "g"}, request)]}}

exactly(class) := wanted({"exactly": {"deviceClassName": class}})

configured(parameters) := object.union(exactly("mig.nvidia.com"), {"devices": {"config": [{"opaque": {
	"driver": "gpu.nvidia.com",
	"parameters": parameters,
}}]}})

claimed_as(kind, name, spec) := {
	"apiVersion": "resource.k8s.io/v1",
	"kind": kind,
	"metadata": {"name": name, "namespace": "models"},
	"spec": spec,
}

as_claim(spec) := claimed_as("ResourceClaim", "c", spec)

as_template(spec) := claimed_as("ResourceClaimTemplate", "c", {"spec": spec})

as_class(name, spec) := claimed_as("DeviceClass", name, spec)

whole_only := {"isolation": [{"device": "exclusive", "boundary": "container"}]}

good_objects := {
	"a claim": as_claim(exactly("mig.nvidia.com")),
	"a template": as_template(exactly("gpu.nvidia.com")),
	"no accelerator": as_claim(exactly("nic.example.com")),
	"an older form": as_claim(wanted({"deviceClassName": "mig.nvidia.com"})),
	"choices": as_claim(wanted({"firstAvailable": [{"deviceClassName": "mig.nvidia.com"}, {"deviceClassName": "gpu.nvidia.com"}]})),
	"no sharing": as_claim(configured({"sharing": null})),
	"plain parameters": as_claim(configured({"kind": "MigDeviceConfig"})),
	"no access as an admin": as_claim(wanted({"exactly": {"deviceClassName": "mig.nvidia.com", "adminAccess": false}})),
	"a class": as_class("gpu.nvidia.com", {"selectors": []}),
	"a class under a resource's name": as_class("gpu.nvidia.com", {"extendedResourceName": "nvidia.com/gpu"}),
	"a claim with a name of no meaning": as_claim(object.union(exactly("mig.nvidia.com"), {"extendedResourceName": "nvidia.com/gpu"})),
	"of another group": object.union(as_claim({}), {"apiVersion": "example.com/v1"}),
	"of another kind": claimed_as("ResourceSlice", "c", {}),
}

bad_objects := {
	"an unknown class": as_claim(exactly("x")),
	"a class that is no text": as_claim(wanted({"exactly": {"deviceClassName": 1}})),
	"an unknown class among choices": as_claim(wanted({"firstAvailable": [{"deviceClassName": "mig.nvidia.com"}, {"deviceClassName": "x"}]})),
	"a choice without a class": as_claim(wanted({"firstAvailable": [{"deviceClassName": "mig.nvidia.com"}, {}]})),
	"choices as a map": as_claim(wanted({"firstAvailable": {"a": {"deviceClassName": "mig.nvidia.com"}}})),
	"no choices": as_claim(wanted({"firstAvailable": []})),
	"no class": as_claim(wanted({})),
	"no requests": as_claim({"devices": {"requests": []}}),
	"requests as a map": as_claim({"devices": {"requests": {"g": {"deviceClassName": "mig.nvidia.com"}}}}),
	"nothing": as_claim({}),
	"a template of a claim's form": claimed_as("ResourceClaimTemplate", "c", exactly("mig.nvidia.com")),
	"a claim of a template's form": as_claim({"spec": exactly("mig.nvidia.com")}),
	"a spec as text": as_claim("all"),
	"time slices": as_claim(configured({"sharing": {"strategy": "TimeSlicing"}})),
	"MPS in a template": as_template(configured({"sharing": {"strategy": "MPS"}})),
	"parameters as text": as_claim(configured("sharing: {strategy: MPS}")),
	"a part of the capacity": as_claim(wanted({"exactly": {"deviceClassName": "mig.nvidia.com", "capacity": {"requests": {"memory": "1Gi"}}}})),
	"access as an admin": as_claim(wanted({"exactly": {"deviceClassName": "mig.nvidia.com", "adminAccess": true}})),
	"access as an admin, as text": as_template(wanted({"adminAccess": "no", "deviceClassName": "mig.nvidia.com"})),
	"a class that nobody described": as_class("x", {"selectors": []}),
	"a class of no name": object.remove(as_class("x", {}), ["metadata"]),
	"a class with time slices": as_class("gpu.nvidia.com", {"config": [{"opaque": {"parameters": {"sharing": {"strategy": "TimeSlicing"}}}}]}),
	"a class under a better name": as_class("mig.nvidia.com", {"extendedResourceName": "nvidia.com/gpu"}),
	"a class under a name that is none": as_class("mig.nvidia.com", {"extendedResourceName": 1}),
}

test_claims_that_are_good if {
	{name: found |
		some name, object_ in good_objects
		found := judged(object_, {})
		found != set()
	} == {}
}

test_claims_that_are_not if {
	{name: found |
		some name, object_ in bad_objects
		found := judged(object_, {})
		found != {"GPU-010"}
	} == {}
}

test_partitions_where_whole_devices_are_needed if {
	judged(as_claim(exactly("mig.nvidia.com")), {"accelerators": whole_only}) == {"GPU-010"}
	judged(as_claim(exactly("gpu.nvidia.com")), {"accelerators": whole_only}) == set()
}

test_of_one_tenant_only_admin_access_is_refused if {
	{name |
		some name, object_ in bad_objects
		judged(object_, {"multi_tenant": false}) != set()
	} == {"access as an admin", "access as an admin, as text"}
}

test_exempt_namespaces_are_left_alone if {
	some_claim := json.patch(bad_objects["time slices"], set_("/metadata/namespace", "kube-system"))
	judged(some_claim, {}) == set()
}

test_classes_of_other_devices_come_with_their_drivers_in_a_cluster if {
	in_a_cluster("a class that nobody described", {}) == set()
	in_a_cluster("a class that nobody described", {"extendedResourceName": "example.com/nic"}) == set()
	in_a_cluster("a class that nobody described", {"extendedResourceName": "nvidia.com/gpu"}) == {"GPU-010"}
	in_a_cluster("a class with time slices", {}) == {"GPU-010"}
	in_a_cluster("time slices", {}) == {"GPU-010"}
}

in_a_cluster(name, spec) := codes if {
	codes := judged(object.union(bad_objects[name], {"spec": spec}), {}) with data.lib.weighbridge.request.in_cluster as true
}
