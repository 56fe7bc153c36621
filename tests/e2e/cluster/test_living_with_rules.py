"""Modes and waivers in a real cluster: what is softened is let in, and only for as long as was said."""

import json
import shutil
import ssl

import httpx
import pytest
from click.testing import CliRunner

from weighbridge.bundle.compile import CompileOptions, compile_catalogue
from weighbridge.cli.main import cli
from weighbridge.harness.admitted_objects import closed
from weighbridge.points.gatekeeper.resources import resources, webhook_patch

from .conftest import AT_NS, ROOT, pod

pytestmark = pytest.mark.engines
AT = "2026-01-15T00:00:00Z"
END = "2026-01-15T00:30:00Z"
END_NS = AT_NS + 30 * 60 * 10**9
OTHER = f"registry.example.com/serving/onnx@sha256:{'0' * 64}"
IMAGE = "sha256:618e1c0e9d8cde7ef91d0c69a50758ad02fc68ec26c4b5f1318c3edc287ef3ab"


def catalogue(folder):
    """The example; `mlsec` has waived POD-022 for one pod, prod only warns of POD-021, and its mesh is not strict."""
    shutil.copytree(ROOT / "examples/catalogue", folder)
    (folder / "weighbridge.yaml.dsse").unlink()
    configuration = folder / "weighbridge.yaml"
    text = configuration.read_text("utf-8")
    text = text.replace("mlsec: {key: keys/mlsec.pub}", "mlsec: {key: keys/mlsec.pub, waives: [POD-022]}")
    text = text.replace("\n  prod:\n", "\n  prod:\n    enforcement: {POD-021: {mode: warn}}\n")
    text = text.replace("mutual_tls: {by: istio, mesh_wide: true}", "mutual_tls: {by: istio}")
    configuration.write_text(text, "utf-8")
    arguments = ["--environment", "prod", "--workload", "models/Pod/waived", "--image", IMAGE, "--reason", "a test"]
    arguments += ["--at", AT, "--until", END, "--key", str(ROOT / "examples/keys/example-only-mlsec.pem")]
    done = CliRunner().invoke(cli, ["waive", str(folder), "POD-022", *arguments, "--allow-example-keys"])
    assert done.exit_code == 0, done.output
    return folder


@pytest.fixture(scope="module")
def softened(site, tmp_path_factory):
    """The site as it becomes when that catalogue is released."""
    folder = tmp_path_factory.mktemp("softened")
    options = CompileOptions(
        output=folder / "bundles",
        release_key=site.release_key,
        live_key=site.live_key,
        at_ns=AT_NS,
        environments=("prod",),
        allow_example_keys=True,
        fixed_clock_ns=AT_NS,
    )
    compile_catalogue(catalogue(folder / "catalogue"), options)
    before = site.installed
    released = {(each["kind"], each["metadata"]["name"]): each for each in resources(options.output, "prod")}
    site.installed = {**before, **released}
    webhook = webhook_patch(options.output)
    with site.shared.lent() as cluster:
        site.shared.install(cluster, list(site.installed.values()), webhook)
        yield site
        site.installed = before
        site.shared.install(cluster, list(before.values()), webhook)


def writable(name):
    """A pod whose root file system can be written to (POD-022)."""
    found = pod(name)
    found["spec"]["containers"][0]["securityContext"]["readOnlyRootFilesystem"] = False
    return found


def boundless(name):
    """A pod without limits (POD-021)."""
    found = pod(name)
    found["spec"]["containers"][0]["resources"] = {}
    return found


def warnings(site, obj):
    """What the API server shows to whoever deploys, beside its answer."""
    plane = site.cluster.plane
    trusted = ssl.create_default_context(cafile=str(plane.certificates.authority))
    headers = {"authorization": f"Bearer {plane.token('tenant')}"}
    url = f"{plane.url}/api/v1/namespaces/models/pods?dryRun=All"
    answer = httpx.post(url, json=obj, headers=headers, verify=trusted, trust_env=False)
    assert answer.status_code == httpx.codes.CREATED, answer.text
    return answer.headers.get_list("warning")


def at(site, now_ns):
    """The same template, with the clock at another time."""
    template = site.original("ConstraintTemplate", "weighbridgeworkload")
    text = json.dumps(template)
    assert text.count(f"now_ns := {AT_NS}") == 1
    return json.loads(text.replace(f"now_ns := {AT_NS}", f"now_ns := {now_ns}"))


def test_what_warns_is_let_in_and_says_so(softened):
    assert softened.codes(boundless("any")) == set()
    (said,) = warnings(softened, boundless("any"))
    assert "[warn-bound-prod] POD-021 Pod/any" in said
    assert warnings(softened, pod("any")) == []


def test_a_waiver_holds_for_the_one_pod_that_it_names_and_ends_at_once(softened):
    assert softened.codes(writable("waived")) == set()
    assert warnings(softened, writable("waived")) == []
    assert softened.codes(writable("another")) == {"POD-022"}
    other = writable("waived")
    other["spec"]["containers"].append({**other["spec"]["containers"][0], "name": "second", "image": OTHER})
    assert softened.codes(other) >= {"MOD-008", "POD-022"}
    # Nothing is applied or compiled when it ends: only time passes.
    try:
        softened.cluster.install([at(softened, END_NS - 1)])
        assert softened.codes(writable("waived")) == set()
        softened.cluster.install([at(softened, END_NS)])
        assert softened.codes(writable("waived")) == {"POD-022"}
        assert softened.codes(pod("waived")) == set()
    finally:
        softened.cluster.install([softened.original("ConstraintTemplate", "weighbridgeworkload")])


def test_only_a_cluster_sees_whether_a_namespace_takes_calls_in_clear(softened):
    labels = {"weighbridge.dev/environment": "prod"}
    namespace, network_policy, strict = closed({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "clear", "labels": labels},
    })  # fmt: skip
    for each in (namespace, network_policy):
        softened.admin.apply(each)
    softened.shared.await_synced(softened.cluster)
    assert softened.codes(pod(namespace="clear")) == {"TLS-012"}
    permissive = {**strict, "spec": {"mtls": {"mode": "PERMISSIVE"}}}
    assert set(softened.cluster.ask(permissive).codes) == {"TLS-005"}
    softened.admin.apply(strict)
    softened.shared.await_synced(softened.cluster)
    assert softened.codes(pod(namespace="clear")) == set()
