"""`weighbridge impact --kubeconfig` asks a real API server, as somebody who may read no Secret."""

import json

import pytest
import yaml
from click.testing import CliRunner

from weighbridge.cli.main import cli
from weighbridge.errors import InputError

from .conftest import ROOT, allow, deployment, plain_pod, pod, rule

pytestmark = pytest.mark.engines
QUESTION = ["--environment", "prod", "--allow-example-keys", "--at", "2026-01-15T00:00:00Z", "--format", "json"]


def kubeconfig(site, folder, user):
    """As `kubectl` takes it."""
    plane = site.cluster.plane
    server = {"server": plane.url, "certificate-authority": str(plane.certificates.authority)}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "users": [{"name": "u", "user": {"token": plane.token(user)}}],
        "clusters": [{"name": "k", "cluster": server}],
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
    }
    file = folder / "config"
    file.write_text(yaml.safe_dump(document), "utf-8")
    return str(file)


def impact(file):
    return CliRunner().invoke(cli, ["impact", str(ROOT / "examples/catalogue"), "--kubeconfig", file, *QUESTION])


def secret(site):
    """Something secret, which nobody must read."""
    metadata = {"name": "impact", "namespace": "models"}
    return site.admin.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"a": "b"}})


@pytest.fixture
def running(site):
    """In two namespaces of prod: what is good, and what is older than the rules."""
    secret(site)
    good = deployment(pod(), name="good")
    # It seems to serve nothing, so it is let in before its namespace is bound.
    old = plain_pod("older")
    site.admin.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "older"}})
    made = [site.admin.create(good), site.admin.create(old)]
    labels = {"weighbridge.dev/environment": "prod"}
    site.admin.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "older", "labels": labels}})
    yield made
    for each in made:
        site.admin.delete(each)


def test_what_runs_is_asked_of_the_cluster_and_no_secret_is_read(site, running, tmp_path):
    listed = [rule([""], ["namespaces", "pods", "services"], ["list"]), rule(["apps"], ["*"], ["list"])]
    allow(site.admin, "reader", "reader", listed)
    result = impact(kubeconfig(site, tmp_path, "reader"))
    assert result.exit_code == 1, result.output
    told = json.loads(result.stdout)
    denied = {each["name"] for code in told["requirements"] for named in code["owners"].values() for each in named}
    assert denied == {"plain"}
    assert "MOD-001" in {each["code"] for each in told["requirements"]}
    # Whatever was asked for and refused is named: a Secret was not even asked for.
    assert result.stderr.startswith("not judged, as the kubeconfig's user may not list them: ")
    assert "NetworkPolicy" in result.stderr
    assert "Secret" not in result.stderr
    assert "ConfigMap" not in result.stderr
    assert "Deployment" not in result.stderr


def test_whoever_may_list_nothing_is_told_so(site, tmp_path):
    result = impact(kubeconfig(site, tmp_path, "agent"))
    assert isinstance(result.exception, InputError)
    assert "may list nothing" in str(result.exception)
