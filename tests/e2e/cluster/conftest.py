"""A real API server with the real Gatekeeper, in which two environments of the example are installed."""

import copy
from pathlib import Path

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import ec

from weighbridge.bundle.compile import CompileOptions, compile_catalogue
from weighbridge.bundle.live import first_live, live_document, livestate_token
from weighbridge.catalogue.names import parse_time_ns
from weighbridge.engines.cluster.client import until
from weighbridge.engines.cluster.cluster import Cluster
from weighbridge.harness.admitted_objects import closed, definitions
from weighbridge.harness.shared_cluster import SharedCluster
from weighbridge.points.gatekeeper.approvals import live_state
from weighbridge.points.gatekeeper.names import ADMINISTRATORS, AGENTS
from weighbridge.points.gatekeeper.resources import resources, webhook_patch

ROOT = Path(__file__).parents[3]
AT_NS = parse_time_ns("2026-01-15T00:00:00Z")
BOUND = {"models": "prod", "trial": "staging"}
USERS = {"tenant": ["tenants"], "reader": ["readers"], "agent": [AGENTS], "administrator": [ADMINISTRATORS]}
SERVICE = {"apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService"}


def fixture_object(name):
    return yaml.safe_load((ROOT / "tests/fixtures/pods" / f"{name}.yaml").read_text())["object"]


def pod(name="magika", namespace="models", **metadata):
    """The example's pod that every requirement of prod admits."""
    found = fixture_object("mod-003-pass-approved")
    found["metadata"] |= {"name": name, "namespace": namespace, **metadata}
    return found


def plain_pod(namespace):
    """A pod that serves nothing."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "plain", "namespace": namespace},
        "spec": {"containers": [{"name": "plain", "image": "nginx"}]},
    }


def deployment(template, name="magika"):
    metadata = {key: value for key, value in template["metadata"].items() if key not in {"name", "namespace"}}
    spec = {
        "selector": {"matchLabels": metadata["labels"]},
        "template": {"metadata": metadata, "spec": template["spec"]},
    }
    where = {"name": name, "namespace": template["metadata"]["namespace"]}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": where, "spec": spec}


class Site:
    """What is installed, the keys behind it, and ways to bend it."""

    def __init__(self, cluster, folder):
        self.cluster = cluster
        self.folder = folder
        self.admin = cluster.admin
        self.shared = SharedCluster(cluster)
        self.release_key, self.live_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        options = CompileOptions(
            output=folder,
            release_key=self.release_key,
            live_key=self.live_key,
            at_ns=AT_NS,
            environments=("prod", "staging"),
            allow_example_keys=True,
            fixed_clock_ns=AT_NS,
        )
        self.compiled = compile_catalogue(ROOT / "examples/catalogue", options)
        self.installed = {}
        for environment in ("staging", "prod"):
            for each in resources(folder, environment):
                self.installed[each["kind"], each["metadata"]["name"]] = each

    def install(self, webhook):
        with self.shared.lent() as cluster:
            needed = [{"metadata": {"name": name, "labels": {}}} for name in ("open", "plain")]
            bound = [
                {"metadata": {"name": name, "labels": {"weighbridge.dev/environment": environment}}}
                for name, environment in BOUND.items()
            ]
            prepared = [part for each in bound for part in closed({"apiVersion": "v1", "kind": "Namespace", **each})]
            cluster.install(definitions([*prepared, SERVICE]))
            cluster.install([{"apiVersion": "v1", "kind": "Namespace", **each} for each in needed])
            cluster.install(prepared)
            self.shared.install(cluster, list(self.installed.values()), webhook)

    def live(self, environment="prod", key=None, **changes):
        """A LiveState whose token says something else."""
        configured = self.compiled.judged.catalogue.configuration.environments[environment]
        state = first_live(environment, configured, revision=self.compiled.revisions[environment], at_ns=AT_NS)
        document = {**live_document(state), "not_after": state.clusters_not_after_ns, **changes}
        return live_state(environment, livestate_token(document, key or self.live_key))

    def original(self, kind, name):
        return copy.deepcopy(self.installed[kind, name])

    def put(self, obj, user="agent"):
        """Write as somebody, and wait until Gatekeeper has it."""
        self.cluster.plane.client(user).apply(obj)
        self.shared.await_synced(self.cluster)

    def remove(self, kind, name):
        self.cluster.plane.client("agent").delete(self.original(kind, name))
        self.shared.await_synced(self.cluster)

    def restore(self):
        """Approvals and live state as they were compiled."""
        for (kind, name), each in self.installed.items():
            if kind in {"ModelApproval", "LiveState"}:
                present = self.admin.get(each["apiVersion"], kind, name)
                if present is None or present["spec"] != each["spec"]:
                    self.admin.apply(each)
        self.shared.await_synced(self.cluster)

    def codes(self, obj, user="tenant"):
        """Codes of Gatekeeper's refusal; what else refuses is no answer."""
        said = self.cluster.ask(obj, user)
        assert said.allowed or said.by == "gatekeeper", said
        assert said.allowed or said.codes, said
        return set(said.codes)


def allow(admin, name, user, rules):
    group = "rbac.authorization.k8s.io"
    metadata = {"name": name}
    admin.apply({"apiVersion": f"{group}/v1", "kind": "ClusterRole", "metadata": metadata, "rules": rules})
    admin.apply({
        "apiVersion": f"{group}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": metadata,
        "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": name},
    })  # fmt: skip


def rule(groups, resources, verbs=("*",)):
    return {"apiGroups": list(groups), "resources": list(resources), "verbs": list(verbs)}


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site") / "bundles"
    with Cluster(USERS) as cluster:
        found = Site(cluster, folder)
        # The tenant may do whatever a careless administrator granted before; what guards is to hold all the same.
        everything = ["apps", "batch", "serving.kserve.io", "weighbridge.dev", "templates.gatekeeper.sh"]
        allow(found.admin, "tenant", "tenant", [rule(["", *everything, "constraints.gatekeeper.sh"], ["*"])])
        allow(found.admin, "agent", "agent", [rule(["weighbridge.dev"], ["*"])])
        allow(found.admin, "administrator", "administrator", [rule(["*"], ["*"])])
        found.install(webhook_patch(folder))
        # The API server compiles its own policies when it gets to it.
        until(lambda: cluster.ask(plain_pod("models"), "tenant").by == "policy", "guarded by policies")
        yield found


@pytest.fixture(autouse=True)
def as_compiled(request):
    yield
    if "site" in request.fixturenames:
        request.getfixturevalue("site").restore()
