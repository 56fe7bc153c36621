"""Ordinary administration of a cluster, which no requirement about serving models may stand in the way of."""

import pytest

from weighbridge.engines.cluster.client import ApiError, until

from .conftest import deployment, plain_pod, pod

pytestmark = pytest.mark.engines
RBAC = "rbac.authorization.k8s.io"
GATHERED = {"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]}
EVERYTHING = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]
BACKEND = {"service": {"name": "a", "port": {"number": 1}}}
DISK = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
SCALED = {"maxReplicas": 3, "scaleTargetRef": {"kind": "Deployment", "name": "magika", "apiVersion": "apps/v1"}}
LOCAL = {"hostPath": {"path": "/"}, "accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}}
CUSTOM = {
    "group": "example.com",
    "scope": "Namespaced",
    "names": {"kind": "Widget", "plural": "widgets"},
    "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}],
}
WEBHOOK = {
    "name": "hook.example.com",
    "clientConfig": {"url": "https://hook.example.com"},
    "sideEffects": "None",
    "admissionReviewVersions": ["v1"],
}


def of_cluster(api_version, kind, name="ordinary", **fields):
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, **fields}


def of_namespace(namespace, api_version, kind, **fields):
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "ordinary", "namespace": namespace}, **fields}


def role_ref(kind, name):
    return {"apiGroup": RBAC, "kind": kind, "name": name}


SUBJECTS = [{"apiGroup": RBAC, "kind": "User", "name": "somebody"}]


@pytest.mark.parametrize(
    "obj",
    [
        of_cluster(f"{RBAC}/v1", "ClusterRole", rules=EVERYTHING),
        of_cluster(f"{RBAC}/v1", "ClusterRole", aggregationRule=GATHERED),
        of_cluster(
            f"{RBAC}/v1", "ClusterRoleBinding", subjects=SUBJECTS, roleRef=role_ref("ClusterRole", "cluster-admin")
        ),
        of_cluster("v1", "Namespace"),
        of_cluster("v1", "Node"),
        of_cluster("v1", "PersistentVolume", spec=LOCAL),
        of_cluster("apiextensions.k8s.io/v1", "CustomResourceDefinition", "widgets.example.com", spec=CUSTOM),
        of_cluster("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", webhooks=[WEBHOOK]),
        of_cluster("storage.k8s.io/v1", "StorageClass", provisioner="example.com/disk"),
        of_cluster("storage.k8s.io/v1", "CSIDriver", spec={}),
        of_cluster("scheduling.k8s.io/v1", "PriorityClass", value=1),
        of_cluster("node.k8s.io/v1", "RuntimeClass", handler="gvisor"),
        of_cluster("networking.k8s.io/v1", "IngressClass", spec={"controller": "example.com/ingress"}),
        of_cluster("resource.k8s.io/v1", "DeviceClass", spec={}),
    ],
    ids=lambda obj: obj["kind"],
)
def test_what_belongs_to_the_whole_cluster_is_its_administrators(site, obj):
    said = site.cluster.ask(obj)
    assert said.allowed, said


@pytest.mark.parametrize("namespace", ["kube-system", "plain"])
@pytest.mark.parametrize(
    ("api_version", "kind", "fields"),
    [
        (f"{RBAC}/v1", "Role", {"rules": EVERYTHING}),
        (f"{RBAC}/v1", "RoleBinding", {"subjects": SUBJECTS, "roleRef": role_ref("ClusterRole", "admin")}),
        ("v1", "Service", {"spec": {"type": "NodePort", "ports": [{"port": 80}], "selector": {"a": "b"}}}),
        ("networking.k8s.io/v1", "NetworkPolicy", {"spec": {"podSelector": {}, "ingress": [{}]}}),
        ("networking.k8s.io/v1", "Ingress", {"spec": {"defaultBackend": BACKEND}}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_namespaces_of_no_environment_keep_their_ways(site, namespace, api_version, kind, fields):
    said = site.cluster.ask(of_namespace(namespace, api_version, kind, **fields))
    assert said.allowed, said


def test_pods_of_the_control_plane_may_do_what_they_must(site):
    agent = plain_pod("kube-system")
    agent["spec"] |= {"hostNetwork": True, "volumes": [{"name": "root", "hostPath": {"path": "/"}}]}
    agent["spec"]["containers"][0]["securityContext"] = {"privileged": True}
    assert site.cluster.ask(agent).allowed


@pytest.mark.parametrize(
    ("api_version", "kind", "fields"),
    [
        ("v1", "ServiceAccount", {}),
        ("v1", "ConfigMap", {"data": {"a": "b"}}),
        ("v1", "Secret", {"stringData": {"a": "b"}}),
        ("v1", "Service", {"spec": {"ports": [{"port": 80}], "selector": {"a": "b"}}}),
        ("v1", "PersistentVolumeClaim", {"spec": DISK}),
        ("v1", "ResourceQuota", {"spec": {"hard": {"pods": "9"}}}),
        ("v1", "LimitRange", {"spec": {"limits": []}}),
        ("policy/v1", "PodDisruptionBudget", {"spec": {"minAvailable": 1}}),
        ("autoscaling/v2", "HorizontalPodAutoscaler", {"spec": SCALED}),
        ("coordination.k8s.io/v1", "Lease", {"spec": {}}),
        ("discovery.k8s.io/v1", "EndpointSlice", {"addressType": "IPv4", "endpoints": []}),
        (f"{RBAC}/v1", "Role", {"rules": [{"apiGroups": [""], "resources": ["pods", "pods/log"], "verbs": ["get"]}]}),
        (f"{RBAC}/v1", "RoleBinding", {"subjects": SUBJECTS, "roleRef": role_ref("ClusterRole", "view")}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_stands_beside_a_model_is_not_its_server(site, api_version, kind, fields):
    said = site.cluster.ask(of_namespace("models", api_version, kind, **fields))
    assert said.allowed, said


def test_a_way_into_pods_is_refused_where_models_are_served(site):
    """The counterpart of what is let through above: in a namespace of the environment, rights are judged."""
    every = of_namespace("models", f"{RBAC}/v1", "Role", rules=EVERYTHING)
    assert site.cluster.ask(every).codes == ("NET-010",)
    edit = of_namespace(
        "models", f"{RBAC}/v1", "RoleBinding", subjects=SUBJECTS, roleRef=role_ref("ClusterRole", "edit")
    )
    assert site.cluster.ask(edit).codes == ("NET-011",)


def test_what_controllers_do_to_a_workload_goes_on_when_it_would_no_longer_be_admitted(site):
    tenant = site.cluster.plane.client("tenant")
    made = tenant.create(deployment(pod(), name="ordinary"))
    running = tenant.create(pod(name="ordinary"))
    site.remove("ModelApproval", "prod.magika.3.3.0")
    admin = site.admin
    assert site.codes(pod(name="another"))
    # Scaling, by the object and by its subresource; a controller's status; an annotation; a finalizer; the end.
    assert tenant.patch(made, {"spec": {"replicas": 3}})["spec"]["replicas"] == 3
    scale = f"/apis/apps/v1/namespaces/models/deployments/{made['metadata']['name']}/scale"
    merge = "application/merge-patch+json"
    assert admin.request("PATCH", scale, {"spec": {"replicas": 1}}, media_type=merge)["spec"]["replicas"] == 1
    said = admin.get("apps/v1", "Deployment", "ordinary", "models")
    status = {**said, "status": {"observedGeneration": 1, "replicas": 0}}
    assert admin.replace(status, subresource="status")["status"]["observedGeneration"] == 1
    phase = {**running, "status": {"phase": "Failed"}}
    phase["metadata"].pop("resourceVersion")
    assert admin.replace(phase, subresource="status")["status"]["phase"] == "Failed"
    assert admin.patch(made, {"metadata": {"annotations": {"a": "b"}, "finalizers": ["example.com/wait"]}})
    tenant.delete(made)
    assert admin.patch(made, {"metadata": {"finalizers": []}})
    assert admin.get("apps/v1", "Deployment", "ordinary", "models") is None
    tenant.delete(running)
    assert admin.get("v1", "Pod", "ordinary", "models") is None


def test_what_was_there_before_can_be_taken_away_again(site):
    """A finalizer goes by an update; denying that would keep the way past the gateway open."""
    admin, tenant = site.admin, site.cluster.plane.client("tenant")
    outlet = of_namespace(
        "before", "v1", "Service", spec={"type": "NodePort", "ports": [{"port": 80}], "selector": {"a": "b"}}
    )
    admin.create(of_cluster("v1", "Namespace", "before"))
    made = admin.create(outlet)
    admin.patch(outlet, {"metadata": {"finalizers": ["example.com/wait"]}})
    admin.patch(
        of_cluster("v1", "Namespace", "before"), {"metadata": {"labels": {"weighbridge.dev/environment": "prod"}}}
    )
    until(
        lambda: not site.cluster.ask({**outlet, "metadata": {**outlet["metadata"], "name": "second"}}).allowed, "judged"
    )
    for change in ({"metadata": {"annotations": {"a": "b"}}}, {"spec": {"ports": [{"port": 81}]}}):
        with pytest.raises(ApiError):
            tenant.patch(made, change)
    tenant.delete(made)
    assert tenant.patch(made, {"metadata": {"finalizers": []}})
    assert admin.get("v1", "Service", "ordinary", "before") is None
