"""The agent beside the real API server and Gatekeeper, with exactly the rights that are generated for it."""

import copy
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from weighbridge.control.agent.cordon import CORDONED, POLICY
from weighbridge.control.agent.signed import read_live
from weighbridge.engines.cluster.client import ApiError, KubeClient, until

from .agent_parts import (
    NAMESPACE,
    TOKEN,
    FakeControlPlane,
    account_kubeconfig,
    approvals,
    approvals_of,
    claims_of,
    control_data,
    give_rights,
    make_agent,
    running_agent,
)
from .conftest import AT_NS, deployment, plain_pod, pod

pytestmark = pytest.mark.engines
DIGEST = "sha256:9ac2e61878acdbb57faca54533f3b70f0aa2311e998201238b575bce4ade29b4"
ORDER = {"id": "11111111-0000-4000-8000-000000000000", "reason": "a test's", "issued_at": AT_NS}
REVOKED = {"revoked": {DIGEST: ORDER}}


@pytest.fixture
def plane():
    found = FakeControlPlane()
    yield found
    found.close()


@pytest.fixture
def told(site, plane):
    """A control plane that says what was compiled, and an account with the generated rights."""
    give_rights(site)
    plane.put("approvals", approvals(site))
    plane.put("control.tar.gz", control_data(site, "report"))
    plane.put("livestate.jws", token(site, 2))
    return plane


@pytest.fixture
def cleared(site):
    """Takes away what a test made in the namespace."""
    yield
    for api_version, kind in KINDS:
        for each in site.admin.list(api_version, kind, "models"):
            site.admin.delete(each | {"apiVersion": api_version, "kind": kind})


KINDS = (("apps/v1", "Deployment"), ("apps/v1", "ReplicaSet"), ("apps/v1", "StatefulSet"), ("batch/v1", "Job"),
         ("v1", "Pod"), ("v1", "Event"))  # fmt: skip


def token(site, sequence, **changes):
    return site.live(sequence=sequence, **changes)["spec"]["token"]


def sequence(site, environment="prod"):
    present = site.admin.get("weighbridge.dev/v1", "LiveState", environment)
    if present is None:
        return None
    return read_live(present["spec"]["token"], [site.live_key.public_key()], environment).sequence


def confirmed(plane, number, state="ok"):
    found = plane.newest()
    return found.get("sequence") == number and found["state"] == state


def failing(plane, text):
    found = plane.newest()
    return found.get("state") == "failing" and any(text in problem for problem in found["detail"]["problems"])


def test_an_order_makes_the_next_pod_be_refused(site, told, tmp_path):
    with running_agent(site, told, tmp_path):
        until(lambda: confirmed(told, 2), "confirmed")
        assert site.codes(pod()) == set()
        begun = time.monotonic()
        told.put("livestate.jws", token(site, 3, **REVOKED))
        until(lambda: site.codes(pod()) == {"MOD-006"}, "refused")
        refused = time.monotonic()
        until(lambda: confirmed(told, 3), "confirmed")
        receipt = next(at for at, each in told.receipts if each["sequence"] == 3)
        assert told.newest()["detail"]["proof"] == "gatekeeper"
        told.put("livestate.jws", token(site, 4))
        until(lambda: site.codes(pod()) == set(), "admitted again")
        print(f"refused after {(refused - begun) * 1000:.0f} ms, receipt after {(receipt - begun) * 1000:.0f} ms")


def test_what_is_changed_by_hand_is_brought_back(site, told, tmp_path):
    admin = site.admin
    with running_agent(site, told, tmp_path):
        until(lambda: confirmed(told, 2), "confirmed")
        admin.delete(site.original("LiveState", "prod"))
        admin.delete(site.original("ModelApproval", "prod.magika.3.3.0"))
        forged = site.original("ModelApproval", "prod.magika.3.3.1")
        forged["spec"]["approved"] = True
        admin.apply(forged)
        until(lambda: sequence(site) == 2, "there again")
        wanted = site.original("ModelApproval", "prod.magika.3.3.1")["spec"]

        def spec(name):
            return (admin.get("weighbridge.dev/v1", "ModelApproval", name) or {}).get("spec")

        until(lambda: spec("prod.magika.3.3.1") == wanted and spec("prod.magika.3.3.0"), "brought back")
        assert site.codes(pod()) == set()


def test_a_control_plane_that_lies(site, told, tmp_path):
    stranger = ec.generate_private_key(ec.SECP256R1())
    with running_agent(site, told, tmp_path) as agent:
        until(lambda: confirmed(told, 2), "confirmed")
        told.put("livestate.jws", token(site, 3, **REVOKED))
        until(lambda: confirmed(told, 3), "confirmed")
        for lie in (
            token(site, 9, key=stranger),
            token(site, 9, key=site.release_key),
            token(site, 9, environment="staging"),
            token(site, 2),
            token(site, 3),
            "no token",
        ):
            told.receipts.clear()
            told.put("livestate.jws", lie)
            until(lambda: any(each["state"] == "failing" for _, each in told.receipts), "told")
            assert sequence(site) == 3
            assert site.codes(pod()) == {"MOD-006"}
        told.put("livestate.jws", token(site, 3, **REVOKED))
        until(lambda: confirmed(told, 3), "well again")
        present = site.admin.list("weighbridge.dev/v1", "ModelApproval")
        for lie in (b"", approvals(site, "staging"), approvals(site).replace(b'"approved":false', b'"approved":true')):
            told.receipts.clear()
            told.put("approvals", lie)
            agent._agents[0]._follower.look()
            until(lambda: failing(told, "approval"), "told")
        assert site.admin.list("weighbridge.dev/v1", "ModelApproval") == present


def test_the_control_plane_and_then_the_api_server_are_away(site, told, tmp_path):
    with running_agent(site, told, tmp_path) as agent:
        until(lambda: confirmed(told, 2), "confirmed")
        told.set_away(True)
        until(lambda: "503" in agent.output.read_text(), "away")
        assert sequence(site) == 2
        site.cluster.plane.stop_server()
        told.set_away(False)
        told.put("livestate.jws", token(site, 3, **REVOKED))
        site.cluster.plane.start_server()
        until(lambda: sequence(site) == 3, "brought")
        site.shared.await_synced(site.cluster)
        assert site.codes(pod()) == {"MOD-006"}
        until(lambda: confirmed(told, 3), "confirmed")


def test_no_pod_is_refused_while_a_release_is_rolled_out(site, told, tmp_path):
    old, new = site.compiled.revisions["prod"], "sha256:" + "7" * 64
    both = [{"revision": new}, {"revision": old, "until": AT_NS + 900 * 10**9}]
    answers = []

    def ask():
        while not done.is_set():
            answers.append(site.cluster.ask(pod(), "tenant"))

    def revisions():
        found = site.admin.list("weighbridge.dev/v1", "ModelApproval")
        return {claims_of(each)["revision"] for each in found if each["spec"]["environment"] == "prod"}

    done, asking = threading.Event(), threading.Thread(target=ask)
    with running_agent(site, told, tmp_path) as agent:
        until(lambda: confirmed(told, 2), "confirmed")
        asking.start()
        # Approvals that come before anything announces them wait.
        told.put("approvals", approvals_of(site, new))
        told.put("control.tar.gz", control_data(site, "report", revision=new))
        agent._agents[0]._follower.look()
        until(lambda: not failing(told, "withholds") and len(answers) > 20, "asked")
        assert revisions() == {old}
        told.put("livestate.jws", token(site, 3, releases=both))
        until(lambda: revisions() == {new}, "replaced")
        until(lambda: told.newest().get("revision") == new and confirmed(told, 3), "confirmed")
    done.set()
    asking.join()
    assert [each for each in answers if not each.allowed] == []


def test_an_agent_that_is_killed_and_one_that_stands_by(site, told, tmp_path):
    kubeconfig = account_kubeconfig(site, tmp_path)
    (tmp_path / "token").write_text(TOKEN)
    for name, key in (("release", site.release_key), ("live", site.live_key)):
        public = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        (tmp_path / f"{name}.pub").write_bytes(key.public_key().public_bytes(*public))
    command = [sys.executable, "-m", "weighbridge", "agent", f"--server={told.url}", "--environment=prod",
               "--cluster=east", f"--release-key={tmp_path}/release.pub", f"--live-key={tmp_path}/live.pub",
               f"--token-file={tmp_path}/token", f"--kubeconfig={kubeconfig}", "--log-format=json"]  # fmt: skip
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        until(lambda: told.newest().get("sequence") == 2, "brought by the command")
        other = tmp_path / "other"
        other.mkdir()
        with running_agent(site, told, other) as second:
            until(lambda: holder(site), "held")
            assert not second.held
            process.send_signal(signal.SIGKILL)
            process.wait()
            told.put("livestate.jws", token(site, 3, **REVOKED))
            until(lambda: sequence(site) == 3, "brought by the one that stood by")
            assert second.held
    assert holder(site) == ""


def holder(site):
    found = site.admin.get("coordination.k8s.io/v1", "Lease", "weighbridge-agent", NAMESPACE)
    return found and found["spec"]["holderIdentity"]


def test_two_that_both_believe_to_act_never_put_a_lower_sequence_over_a_higher(site, told, tmp_path):
    behind = FakeControlPlane()
    try:
        for name in ("approvals", "control.tar.gz"):
            behind.put(name, told.documents[f"/v1/environments/prod/{name}"])
        behind.put("livestate.jws", token(site, 5))
        told.put("livestate.jws", token(site, 9, **REVOKED))
        (tmp_path / "one").mkdir()
        (tmp_path / "two").mkdir()
        newer, older = make_agent(site, told, tmp_path / "one"), make_agent(site, behind, tmp_path / "two")
        for agent in (newer, older):
            agent._leads = True
            agent.start()
        until(lambda: confirmed(told, 9) and failing(behind, "the cluster has 9"), "both told")
        for number in range(10, 20):
            (told if number % 2 else behind).put("livestate.jws", token(site, number, **REVOKED))
        until(lambda: sequence(site) == 19, "the highest")
        for agent in (newer, older):
            agent.stop()
        assert sequence(site) == 19
    finally:
        behind.close()


# There are no controllers here, so what a Deployment would make is made by hand, with its owners.


def owned(obj, owner):
    reference = {"apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": owner["metadata"]["name"],
                 "uid": owner["metadata"]["uid"], "controller": True}  # fmt: skip
    obj["metadata"]["ownerReferences"] = [reference]
    return obj


def replica_set(top, template, revision, replicas=0):
    template = copy.deepcopy(template)
    template["metadata"]["labels"]["pod-template-hash"] = str(revision)
    metadata = {"name": f"{top['metadata']['name']}-{revision}", "namespace": "models",
                "annotations": {"deployment.kubernetes.io/revision": str(revision)}}  # fmt: skip
    spec = {"replicas": replicas, "selector": {"matchLabels": template["metadata"]["labels"]}, "template": template}
    return owned({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": metadata, "spec": spec}, top)


GOOD = "kb-qa-001", "2025.03.15"


def good_pod(site, **metadata):
    """A pod of another version, which is approved and not restricted."""
    approved = site.original("ModelApproval", f"prod.{'.'.join(GOOD)}")
    found, claims = pod(**metadata), claims_of(approved)
    found["metadata"]["labels"] = dict(zip(("model_id", "model_version"), GOOD, strict=True))
    found["metadata"]["annotations"]["weighbridge.dev/artifact-digest"] = claims["digest"]
    found["spec"]["volumes"][0]["image"]["reference"] = next(iter(claims["sources"])).removeprefix("oci://")
    return found


def runs(site, name="magika"):
    """A Deployment of three, its ReplicaSet and one of its pods, as controllers would have made them."""
    admin, running = site.admin, pod(name=f"{name}-2-a")
    wanted = deployment(running, name)
    wanted["spec"]["replicas"] = 3
    for part in (running["metadata"], wanted["spec"]["template"]["metadata"]):
        part["labels"] = {**part["labels"], "app": name}
    wanted["spec"]["selector"] = {"matchLabels": {"app": name}}
    top = admin.create(wanted)
    current = admin.create(replica_set(top, top["spec"]["template"], 2, 3))
    running["metadata"]["labels"]["pod-template-hash"] = "2"
    return top, current, admin.create(owned(running, current))


def now(site, obj):
    return site.admin.get(obj["apiVersion"], obj["kind"], obj["metadata"]["name"], "models")


def choose(site, plane, on_revoked):
    give_rights(site, (on_revoked,))
    plane.put("control.tar.gz", control_data(site, on_revoked))


def test_what_runs_is_reported(site, told, tmp_path, cleared):
    top, _, running = runs(site)
    with running_agent(site, told, tmp_path):
        told.put("livestate.jws", token(site, 3, **REVOKED))
        until(lambda: "report Deployment models/magika" in str(told.newest().get("detail")), "told")
        events = [each for each in site.admin.list("v1", "Event", "models") if each["reason"] == "ModelRevoked"]
        assert [(each["involvedObject"]["kind"], each["involvedObject"]["name"]) for each in events] == [
            ("Deployment", "magika")
        ]
        assert ORDER["id"] in events[0]["message"]
    assert now(site, top)["spec"]["replicas"] == 3
    assert now(site, running)["metadata"]["labels"] == running["metadata"]["labels"]


def test_what_runs_is_cut_off_and_freed_again(site, told, tmp_path, cleared):
    choose(site, told, "cordon")
    _, _, running = runs(site)
    other = site.admin.create(good_pod(site, name="good"))
    policies = "networking.k8s.io/v1", "NetworkPolicy"
    before = {each["metadata"]["name"]: each["spec"] for each in site.admin.list(*policies, "models")}
    assert before
    with running_agent(site, told, tmp_path):
        told.put("livestate.jws", token(site, 3, **REVOKED))
        until(lambda: CORDONED in now(site, running)["metadata"]["labels"], "labelled")
        during = {each["metadata"]["name"]: each["spec"] for each in site.admin.list(*policies, "models")}
        assert during.pop(POLICY)["policyTypes"] == ["Ingress", "Egress"]
        for spec in during.values():
            assert {"key": CORDONED, "operator": "DoesNotExist"} in spec["podSelector"]["matchExpressions"]
        assert CORDONED not in now(site, other)["metadata"]["labels"]
        # Its owner cannot free it while it is revoked.
        with pytest.raises(ApiError, match="MOD-006"):
            site.cluster.plane.client("tenant").patch(running, {"metadata": {"labels": {CORDONED: None}}})
        # A pod of another version is still admitted beside the narrowed policies.
        assert site.cluster.ask(good_pod(site, name="another"), "tenant").allowed
        told.put("livestate.jws", token(site, 4))
        until(lambda: CORDONED not in now(site, running)["metadata"]["labels"], "freed")

        def restored():
            return {each["metadata"]["name"]: each["spec"] for each in site.admin.list(*policies, "models")} == before

        until(restored, "as before")


def test_what_runs_is_scaled_to_zero_and_back(site, told, tmp_path, cleared):
    choose(site, told, "scale-to-zero")
    top, _, _ = runs(site)
    bare = site.admin.create(pod(name="bare"))
    metadata = {"name": "job", "namespace": "models"}
    template = copy.deepcopy(top["spec"]["template"])
    template["spec"]["restartPolicy"] = "Never"
    job = site.admin.create(
        {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {"template": template}}
    )
    elsewhere = site.admin.create(deployment(pod(namespace="kube-system"), "elsewhere"))
    with running_agent(site, told, tmp_path):
        told.put("livestate.jws", token(site, 3, **REVOKED))
        until(lambda: now(site, top)["spec"]["replicas"] == 0, "scaled down")
        until(lambda: now(site, job)["spec"]["suspend"], "suspended")
        until(lambda: now(site, bare) is None or now(site, bare)["metadata"].get("deletionTimestamp"), "deleted")
        until(lambda: confirmed(told, 3), "confirmed")
        assert site.admin.get("apps/v1", "Deployment", "elsewhere", "kube-system")["spec"] == elsewhere["spec"]
        # Live state that has ended undoes nothing; what lifts the order does.
        told.put("livestate.jws", token(site, 4, not_after=AT_NS))
        until(lambda: failing(told, "has ended"), "ended")
        assert now(site, top)["spec"]["replicas"] == 0
        told.put("livestate.jws", token(site, 5))
        until(lambda: now(site, top)["spec"]["replicas"] == 3, "scaled back")
        until(lambda: not now(site, job)["spec"]["suspend"], "resumed")
        until(lambda: confirmed(told, 5), "confirmed")
    site.admin.delete(elsewhere)


def test_what_runs_is_rolled_back(site, told, tmp_path, cleared):
    choose(site, told, "rollback")
    top, _, _ = runs(site)
    site.admin.create(replica_set(top, earlier(site, "magika"), 1))
    lonely, _, _ = runs(site, "lonely")
    # Its earlier template is of a good version, and Gatekeeper refuses it for something else.
    barred, _, _ = runs(site, "barred")
    exempted = replica_set(barred, earlier(site, "barred"), 1)
    exempted["spec"]["template"]["spec"]["hostNetwork"] = True
    with unguarded(site):
        site.admin.create(exempted)
    with running_agent(site, told, tmp_path) as agent:
        told.put("livestate.jws", token(site, 3, **REVOKED))

        def version():
            return now(site, top)["spec"]["template"]["metadata"]["labels"]["model_version"]

        until(lambda: version() == GOOD[1], "rolled back")
        assert "pod-template-hash" not in now(site, top)["spec"]["template"]["metadata"]["labels"]
        assert now(site, top)["spec"]["replicas"] == 3
        until(lambda: now(site, lonely)["spec"]["replicas"] == 0, "scaled down for want of an earlier version")
        until(lambda: now(site, barred)["spec"]["replicas"] == 0, "scaled down as the earlier one is refused")
        assert "refused: roll back to revision 1 Deployment models/barred" in agent.output.read_text()


@contextmanager
def unguarded(site):
    """For what was there before anybody judged it: no webhook and no policy looks."""
    names = [("ValidatingWebhookConfiguration", "gatekeeper-validating-webhook-configuration")]
    names += [("ValidatingAdmissionPolicyBinding", "weighbridge-pods")]
    found = [site.admin.get("admissionregistration.k8s.io/v1", *each) for each in names]
    for each in found:
        site.admin.delete(each)
    until(lambda: site.cluster.ask(plain_pod("models"), "tenant").allowed, "unguarded")
    yield
    for each in found:
        for name in ("resourceVersion", "uid", "creationTimestamp", "generation", "managedFields"):
            each["metadata"].pop(name, None)
        site.admin.create(each)
    until(lambda: not site.cluster.ask(plain_pod("models"), "tenant").allowed, "guarded")


def earlier(site, name):
    template = deployment(good_pod(site))["spec"]["template"]
    template["metadata"]["labels"]["app"] = name
    return template


def test_what_is_frozen_runs_on(site, told, tmp_path, cleared):
    choose(site, told, "scale-to-zero")
    top, _, _ = runs(site)
    with running_agent(site, told, tmp_path):
        told.put("livestate.jws", token(site, 3, frozen={"magika@3.3.0": ORDER}))
        until(lambda: confirmed(told, 3), "confirmed")
        assert site.codes(pod()) == {"MOD-007"}
        assert now(site, top)["spec"]["replicas"] == 3


def test_an_action_that_is_refused_is_told_and_tried_again(site, told, tmp_path, cleared):
    give_rights(site, ("report",))
    told.put("control.tar.gz", control_data(site, "scale-to-zero"))
    top, _, _ = runs(site)
    with running_agent(site, told, tmp_path):
        told.put("livestate.jws", token(site, 3, **REVOKED))
        until(lambda: failing(told, 'deployments.apps "magika" is forbidden'), "told")
        assert site.codes(pod()) == {"MOD-006"}
        give_rights(site, ("scale-to-zero",))
        until(lambda: now(site, top)["spec"]["replicas"] == 0, "done in the end")
        until(lambda: confirmed(told, 3), "well")


SCALES = {("apps", f"{each}/scale", "patch") for each in ("deployments", "statefulsets", "replicasets")}


def test_the_account_may_do_its_work_and_nothing_else(site, told):
    kind, version = "SelfSubjectRulesReview", "authorization.k8s.io/v1"
    for chosen, more in (
        ("report", set()),
        ("scale-to-zero", {*SCALES, ("", "pods", "delete"), ("batch", "jobs", "patch")}),
    ):
        give_rights(site, (chosen,))
        asked = {"apiVersion": version, "kind": kind, "spec": {"namespace": "models"}}
        client = account_client(site)
        until(
            lambda c=client, a=asked, m=more: (
                m <= granted(c.request("POST", f"/apis/{version}/selfsubjectrulesreviews", a))
            ),
            "granted",
        )
        found = granted(client.request("POST", f"/apis/{version}/selfsubjectrulesreviews", asked))
        touched = {(group, resource) for group, resource, verb in found if verb not in {"get", "list", "watch"}}
        reviews = {"selfsubjectaccessreviews", "selfsubjectrulesreviews", "selfsubjectreviews"}
        allowed = {("weighbridge.dev", "livestates"), ("weighbridge.dev", "modelapprovals"), ("", "events")}
        assert {each for each in touched if each[1] not in reviews} == allowed | {each[:2] for each in more}
        read = {resource for _, resource, verb in found if verb in {"get", "list", "watch"}}
        assert not read & {"secrets", "configmaps", "constrainttemplates", "*"}
        template = site.original("ConstraintTemplate", "weighbridgeworkload")
        for call, obj in ((client.delete, template), (client.create, template), (client.create, pod())):
            with pytest.raises(ApiError, match="forbidden"):
                call(obj)


def account_client(site):
    path = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/weighbridge-agent/token"
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}}
    given = site.admin.request("POST", path, body)["status"]["token"]
    return KubeClient(site.cluster.plane.url, given, site.cluster.plane._trusted)


def granted(review):
    return {
        (group, resource, verb)
        for rule in review["status"]["resourceRules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
