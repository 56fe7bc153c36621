"""What the real API server admits with the real Gatekeeper in front of it, and with which codes it denies."""

import pytest

from weighbridge.engines.cluster.client import ApiError
from weighbridge.engines.cluster.cluster import admission

from .conftest import SERVICE, deployment, fixture_object, plain_pod, pod

pytestmark = pytest.mark.engines
OTHER = f"registry.example.com/serving/onnx@sha256:{'0' * 64}"


def with_image(obj, image):
    obj["spec"]["containers"][0]["image"] = image
    return obj


def refused(site, call):
    with pytest.raises(ApiError) as caught:
        call(site.cluster.plane.client("tenant"))
    return admission(caught.value)


def test_an_approved_pod_is_admitted_and_others_are_denied_for_what_they_lack(site):
    assert site.codes(pod()) == set()
    version = pod(labels={"model_id": "magika", "model_version": "3.3.1"})
    assert {"MOD-003", "MOD-005"} <= site.codes(version)
    assert "MOD-002" in site.codes(pod(labels={"model_id": "magika", "model_version": "9.9.9"}))
    assert "MOD-005" in site.codes(pod(annotations={}))
    assert "MOD-008" in site.codes(with_image(pod(), OTHER))
    privileged = pod()
    privileged["spec"]["containers"][0]["securityContext"]["privileged"] = True
    privileged["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
    assert {"POD-004", "POD-015"} <= site.codes(privileged)


def test_the_message_names_the_object_and_what_to_do(site):
    message = site.cluster.ask(pod(annotations={}), "tenant").message
    assert "[deny-bound-prod] MOD-005" in message
    assert "weighbridge.dev/artifact-digest" in message


def test_each_environment_judges_its_own_namespaces(site):
    staged = fixture_object("mod-003-pass-approved-in-staging")
    staged["metadata"]["namespace"] = "trial"
    assert site.codes(staged) == set()
    elsewhere = {**staged, "metadata": {**staged["metadata"], "namespace": "models"}}
    assert "MOD-003" in site.codes(elsewhere)


def test_in_a_namespace_of_no_environment_only_what_looks_like_serving_is_judged(site):
    assert site.codes(plain_pod("plain")) == set()
    accelerated = plain_pod("plain")
    accelerated["spec"]["containers"][0]["resources"] = {"limits": {"nvidia.com/gpu": "1"}}
    assert "MOD-001" in site.codes(accelerated)
    labelled = plain_pod("plain")
    labelled["metadata"]["labels"] = {"model_id": "magika", "model_version": "3.3.1"}
    assert "MOD-003" in site.codes(labelled)


def test_exempt_namespaces_are_left_alone(site):
    assert site.codes(plain_pod("kube-system")) == set()


def test_only_a_cluster_sees_whether_the_namespace_is_closed_and_in_the_mesh(site):
    site.admin.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "open", "labels": {
        "weighbridge.dev/environment": "prod"}}})  # fmt: skip
    assert site.codes(pod(namespace="open")) == {"NET-009", "TLS-011"}


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"])
def test_what_makes_pods_is_judged_by_the_pods_it_makes(site, kind):
    good = {**deployment(pod()), "kind": kind}
    assert site.codes(good) == set()
    assert "MOD-008" in site.codes({**deployment(with_image(pod(), OTHER)), "kind": kind})


def test_jobs_are_judged_however_deep_their_pods_lie(site):
    template = deployment(pod())["spec"]["template"]
    template["spec"]["restartPolicy"] = "Never"
    metadata = {"name": "magika", "namespace": "models"}
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {"template": template}}
    nightly = {"schedule": "0 3 * * *", "jobTemplate": {"spec": job["spec"]}}
    cron = {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": metadata, "spec": nightly}
    assert site.codes(job) == site.codes(cron) == set()
    with_image(template, OTHER)
    assert "MOD-008" in site.codes(job)
    assert "MOD-008" in site.codes(cron)


def test_kinds_of_operators_are_judged(site):
    serving = fixture_object("mod-011-pass-inference-service")
    assert (serving["apiVersion"], serving["kind"]) == (SERVICE["apiVersion"], SERVICE["kind"])
    assert site.codes(serving) == set()
    del serving["metadata"]["labels"]
    assert site.codes(serving) == {"MOD-001"}


def test_an_update_is_judged_and_one_that_starts_nothing_is_not(site):
    tenant = site.cluster.plane.client("tenant")
    made = tenant.create(deployment(pod(), name="updated"))
    assert "MOD-008" in refused(
        site, lambda client: client.patch(made, {"spec": {"template": {"spec": {"containers": [
            {**made["spec"]["template"]["spec"]["containers"][0], "image": OTHER}]}}}})
    ).codes  # fmt: skip
    # Whoever revokes wants it to stop: scaling down must work although nothing of it would be admitted any more.
    site.remove("ModelApproval", "prod.magika.3.3.0")
    assert tenant.patch(made, {"spec": {"replicas": 0}})["spec"]["replicas"] == 0
    tenant.delete(made)


def test_a_running_pod_takes_no_other_image_and_no_ephemeral_container(site):
    tenant = site.cluster.plane.client("tenant")
    running = tenant.create(pod(name="running"))
    other = with_image(pod(name="running"), OTHER)
    assert "MOD-008" in refused(site, lambda client: client.patch(other, {"spec": other["spec"]})).codes
    shell = {"name": "shell", "image": OTHER, "targetContainerName": "server"}
    debugged = {**running, "spec": {**running["spec"], "ephemeralContainers": [shell]}}
    said = refused(site, lambda client: client.replace(debugged, subresource="ephemeralcontainers"))
    assert said.by == "gatekeeper"
    assert "IMG-019" in said.codes
    tenant.delete(running)
