"""What is served is published elsewhere, too, and OPA takes it from there, as `mirror-bundles.md` has it."""

import asyncio
import contextlib
import functools
import hashlib
import http.server
import json
import threading
import time

import boto3
import pytest
import yaml
from botocore.exceptions import ClientError
from moto.server import ThreadedMotoServer
from tests.control_plane import plane, revoke, until
from tests.e2e.control.operator_site import NEW, OLD, Site, ask, run, wait_for
from tests.e2e.oci.conftest import running_registry

from weighbridge.bundle.archive import read_archive
from weighbridge.bundle.live import live_bundle
from weighbridge.control.mirror.mirror import Pace
from weighbridge.control.mirror.place import MirrorError
from weighbridge.control.mirror.publication import Publication
from weighbridge.control.mirror.targets import targets
from weighbridge.engines.process import free_port
from weighbridge.engines.sidecar import Sidecar, SidecarSettings
from weighbridge.errors import InputError
from weighbridge.resources import opa_config

pytestmark = pytest.mark.engines
QUICK = Pace(backoff=0.05, longest_backoff=0.2, recheck=0.2)


@pytest.fixture(scope="module")
def store():
    """An object store with one bucket; who writes to it must sign."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=free_port(), verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        url = f"http://{host}:{port}"
        boto3.client("s3", endpoint_url=url, region_name="us-east-1").create_bucket(Bucket="bundles")
        yield url
    server.stop()


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    with running_registry(tmp_path_factory.mktemp("registry")) as host:
        yield host


@pytest.fixture(params=["dir", "s3", "oci"])
def spec(request, tmp_path):
    name = hashlib.sha256(str(tmp_path).encode()).hexdigest()[:12]
    if request.param == "dir":
        (tmp_path / "mirror").mkdir()
        return f"dir:{tmp_path / 'mirror'}"
    if request.param == "s3":
        return f"s3://bundles/{name}?endpoint={request.getfixturevalue('store')}&region=us-east-1"
    return f"oci://{request.getfixturevalue('registry')}/mirror/{name}"


def publication(sequence, live=b"live", log=b"one\n", environment="prod"):
    files = {
        f"{environment}/live.tar.gz": live,
        f"{environment}/livestate.jws": b"state",
        f"{environment}/envoy/release.tar.gz": b"release",
        f"{environment}/keys/0123456789abcdef/live.tar.gz": live + b" by another key",
        f"log/{environment}.jsonl": log,
    }
    return Publication(environment, sequence, files)


class Place:
    """A place, looked at by who is no mirror."""

    def __init__(self, spec):
        self.mirror = targets(spec, QUICK)
        self._place = self.mirror._place

    def write(self, given):
        return self._place.write(given)


def test_the_newest_is_there_and_an_older_one_gives_way(spec):
    first, second = Place(spec), Place(spec)
    assert first.write(publication(7)) == 7
    assert second.write(publication(8, live=b"newer", log=b"one\ntwo\n")) == 8
    assert first.write(publication(7)) == 8
    assert first.write(publication(8, live=b"newer", log=b"one\ntwo\n")) == 8
    assert first.write(publication(9, live=b"newest", log=b"one\ntwo\n")) == 9


def test_a_log_that_does_not_go_on_is_not_overwritten(spec):
    place = Place(spec)
    place.write(publication(7, log=b"one\ntwo\n"))
    for log in (b"one\n", b"one\nother\n", b""):
        with pytest.raises(Exception, match="orders rebuild"):
            place.write(publication(8, log=log))
    assert place.write(publication(8, log=b"one\ntwo\nthree\n")) == 8


def test_environments_do_not_meet(spec):
    place = Place(spec)
    assert place.write(publication(9)) == 9
    assert place.write(publication(3, environment="dev")) == 3


def objects(spec):
    """Everything that lies in a bucket's part, by path."""
    prefix = spec.removeprefix("s3://bundles/").partition("?")[0]
    client = boto3.client("s3", endpoint_url=spec.partition("endpoint=")[2].partition("&")[0], region_name="us-east-1")
    listed = client.list_objects_v2(Bucket="bundles", Prefix=f"{prefix}/").get("Contents", [])
    read = (client.get_object(Bucket="bundles", Key=each["Key"]) for each in listed)
    return {
        each["Key"].removeprefix(f"{prefix}/"): answer["Body"].read() for each, answer in zip(listed, read, strict=True)
    }


@pytest.fixture
def bucket(store, tmp_path):
    return f"s3://bundles/{hashlib.sha256(str(tmp_path).encode()).hexdigest()[:12]}?endpoint={store}&region=us-east-1"


def breaking(place, path):
    """Let the bucket fail once, when it is to take this file."""
    client, broken = place._place._client, []
    put = client.put_object

    def fail_once(**given):
        if given["Key"].endswith(path) and not broken:
            broken.append(path)
            raise ConnectionError("broken off")
        return put(**given)

    client.put_object = fail_once


@pytest.mark.parametrize("path", ["log/prod.jsonl", "prod/live.tar.gz", "prod/envoy/release.tar.gz"])
def test_what_a_bucket_did_not_take_is_written_when_it_is_tried_again(bucket, path):
    place = Place(bucket)
    breaking(place, path)
    with pytest.raises(ConnectionError):
        place.write(publication(7))
    assert place.write(publication(7)) == 7
    assert publication(7).files.items() <= objects(bucket).items()


def test_of_two_replicas_that_write_to_a_bucket_at_once_the_slower_gives_way(bucket):
    slow, quick = Place(bucket), Place(bucket)
    client = slow._place._client
    put = client.put_object

    def overtaken(**given):
        client.put_object = put
        quick.write(publication(8, live=b"newer", log=b"one\ntwo\n"))
        return put(**given)

    slow.write(publication(6))
    client.put_object = overtaken
    assert slow.write(publication(7, live=b"older")) == 8
    assert objects(bucket)["prod/live.tar.gz"] == b"newer"
    assert objects(bucket)["log/prod.jsonl"] == b"one\ntwo\n"


def test_a_store_that_knows_no_conditions_is_written_all_the_same(bucket):
    place = Place(bucket)
    put = place._place._client.put_object

    def unconditional(**given):
        if "IfNoneMatch" in given or "IfMatch" in given:
            raise ClientError({"Error": {"Code": "NotImplemented"}}, "PutObject")
        return put(**given)

    place._place._client.put_object = unconditional
    assert place.write(publication(7)) == 7
    assert objects(bucket) == publication(7).files


def test_what_is_in_a_bucket_and_not_ours_stays(bucket, store):
    prefix = bucket.removeprefix("s3://bundles/").partition("?")[0]
    client = boto3.client("s3", endpoint_url=store, region_name="us-east-1")
    client.put_object(Bucket="bundles", Key=f"{prefix}/prod/live.tar.gz", Body=b"somebody else's")
    with pytest.raises(MirrorError, match="not ours"):
        Place(bucket).write(publication(7))
    assert objects(bucket) == {"prod/live.tar.gz": b"somebody else's"}


@pytest.mark.parametrize(
    "spec",
    [
        "dir:relative",
        "dir:/nowhere/at/all",
        "ftp://x/y",
        "s3://user:secret@bucket/x",
        "s3://bundles/../x",
        "s3://bundles/x?endpoint=http://example.com",
        "s3://bundles/x?secret=y",
        "oci://host/repository:tag",
        "oci://host/repository@sha256:" + "0" * 64,
    ],
)
def test_targets_that_are_none(spec):
    with pytest.raises(InputError) as error:
        targets(spec)
    assert "secret" not in str(error.value).partition("Write")[0] or "secret=y" in spec


def test_a_dead_mirror_holds_nobody_up(release, tmp_path):
    dead = targets(f"s3://bundles/x?endpoint=http://127.0.0.1:{free_port()}&region=us-east-1", QUICK)

    async def work():
        async with plane(tmp_path / "control.sqlite", release.folder) as running:
            await dead.publish(running.mirrored("prod"))
            [result] = await running.submit(revoke())
            assert result.outcome == "accepted"
            await until(lambda: dead.lag_seconds > 0)
            await dead.stop()

    asyncio.run(work())


def test_orders_reach_the_mirror(release, tmp_path):
    folder = tmp_path / "mirror"
    folder.mkdir()
    mirror = targets(f"dir:{folder}", QUICK)

    async def work():
        async with plane(tmp_path / "control.sqlite", release.folder) as running:
            await until(lambda: running.bundle("prod/envoy/release.tar.gz"))
            await mirror.publish(running.mirrored("prod"))
            [result] = await running.submit(revoke())
            number = result.number
            await until(lambda: running.bundle("prod/log.jsonl").data.count(b"\n") >= number)
            await mirror.publish(running.mirrored("prod"))
            log = folder / "log/prod.jsonl"
            await until(lambda: log.exists() and log.read_bytes() == running.bundle("prod/log.jsonl").data)
            await mirror.stop()

    asyncio.run(work())


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@contextlib.contextmanager
def static(folder):
    """A plain web server over a folder, as `/bundles/`."""
    handler = functools.partial(_Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    return Site(tmp_path_factory.mktemp("mirrored")).compile()


def compiled(site):
    """What `compile` wrote, as a control plane would publish it."""
    folder = site.folder / "bundles" / "prod"
    return {
        "prod/live.tar.gz": (folder / "live.tar.gz").read_bytes(),
        "prod/livestate.jws": (folder / "livestate.jws").read_bytes(),
        "prod/envoy/release.tar.gz": (folder / "envoy" / "release.tar.gz").read_bytes(),
        "log/prod.jsonl": b"",
    }


def revoking(site):
    """Live data of some seconds in which one version is revoked."""
    data = (site.folder / "bundles" / "prod" / "live.tar.gz").read_bytes()
    document = json.loads(read_archive(data, "live")["data.json"])["weighbridge"]["live"]
    control = read_archive((site.folder / "bundles" / "prod" / "control.tar.gz").read_bytes(), "control")
    versions = json.loads(control["data.json"])["weighbridge"]["control"]["versions"]
    order = {"id": "00000000-0000-4000-8000-000000000000", "reason": "bad answers", "issued_at": 1}
    now = time.time_ns()
    return live_bundle(
        document
        | {"sequence": 2, "issued_at": now, "not_after": now + 4 * 10**9, "revoked": {versions[NEW]["digest"]: order}},
        site.keys["live"],
    )


def changed(config, service, resources):
    """The shipped configuration with another service for bundles, and nowhere to report to."""
    document = yaml.safe_load(config)
    document["services"] = {"mirror": service}
    for name, resource in resources.items():
        document["bundles"][name] |= {"service": "mirror", "resource": resource}
        document["bundles"][name]["polling"] = {"min_delay_seconds": 1, "max_delay_seconds": 1}
    del document["status"], document["decision_logs"]
    # In double quotes, as in the file that is shipped: the keys hold escapes.
    return json.dumps(document)


@contextlib.contextmanager
def sidecar(site, folder, service, resources):
    (folder / "state").mkdir()
    (folder / "token").write_text("unused")
    config = folder / "opa.yaml"
    config.write_text(changed(opa_config().read_text(), service, resources))
    settings_ = SidecarSettings(
        environment="prod",
        service_url="http://127.0.0.1:9",
        token_file=folder / "token",
        release_key=site.keys["release"].public_key(),
        live_key=site.keys["live"].public_key(),
        grpc_address=f"127.0.0.1:{free_port()}",
        state=folder / "state",
    )
    guard = site.folder / "bundles" / "prod" / "guard"
    with Sidecar(settings_, guard, folder=folder, config=config) as opa:
        yield opa


def service_of(kind, request, folder):
    """The mirror, and how OPA names it."""
    if kind == "dir":
        (folder / "mirror").mkdir()
        return f"dir:{folder / 'mirror'}", None
    if kind == "s3":
        url = request.getfixturevalue("store")
        (folder / "aws").write_text("[default]\naws_access_key_id = testing\naws_secret_access_key = testing\n")
        profile = {"path": str(folder / "aws"), "profile": "default", "aws_region": "us-east-1"}
        service = {
            "url": f"{url}/bundles/site",
            "credentials": {"s3_signing": {"service": "s3", "profile_credentials": profile}},
        }
        return f"s3://bundles/site?endpoint={url}&region=us-east-1", service
    host = request.getfixturevalue("registry")
    return f"oci://{host}/mirror/site", {"url": f"http://{host}", "type": "oci"}


@pytest.mark.parametrize("kind", ["dir", "s3", "oci"])
def test_opa_takes_bundles_from_a_mirror(site, tmp_path, kind, request):
    keys = ("--release-key", site.key("release"), "--live-key", site.key("live"))
    run("compile", site.folder / "catalogue", *keys, "--output", site.folder / "bundles")
    spec, service = service_of(kind, request, tmp_path)
    place = Place(spec)
    place.write(Publication("prod", 1, compiled(site)))
    with contextlib.ExitStack() as stack:
        if kind == "dir":
            service = {"url": stack.enter_context(static(tmp_path / "mirror"))}
            resources = {"live": "prod/live.tar.gz", "release": "prod/envoy/release.tar.gz"}
        elif kind == "s3":
            resources = {"live": "prod/live.tar.gz", "release": "prod/envoy/release.tar.gz"}
        else:
            named = spec.removeprefix("oci://")
            resources = {"live": f"{named}:prod-live", "release": f"{named}:prod-envoy-release"}
        opa = stack.enter_context(sidecar(site, tmp_path, service, resources))
        wait_for(lambda: ask(opa)[0] == 200, seconds=30)
        # What is revoked in the mirror is refused; then nothing new comes, and what there was ends.
        place.write(Publication("prod", 2, compiled(site) | {"prod/live.tar.gz": revoking(site)}))
        wait_for(lambda: ask(opa, NEW)[1] == "INF-014", seconds=30)
        wait_for(lambda: ask(opa, OLD)[1] == "INF-024", seconds=30)
