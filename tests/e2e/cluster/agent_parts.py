"""A control plane that says whatever a test wants, and an agent with exactly the generated rights."""

import base64
import json
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import yaml

from weighbridge.bundle.archive import bundle_archive, read_archive
from weighbridge.bundle.control import ROOTS
from weighbridge.bundle.signing import DATA, MANIFEST, SIGNATURES, manifest, release_scope, sign_bundle
from weighbridge.canonical import digest, opa_canonical
from weighbridge.control.agent.agent import Agent, Followed
from weighbridge.control.agent.follow import Trust
from weighbridge.control.agent.kube import Kube
from weighbridge.control.agent.place import Place
from weighbridge.control.agent.rights import AgentObjects, agent_objects
from weighbridge.control.agent.talk import Credentials, Talk
from weighbridge.engines.cluster.gatekeeper import kubeconfig
from weighbridge.keys import bundle_algorithm
from weighbridge.points.gatekeeper.approvals import approval

from .conftest import AT_NS

ACCOUNT = "weighbridge-agent"
NAMESPACE = "weighbridge-system"
TOKEN = "wbs_" + "0" * 43
IMAGE = f"registry.example.com/weighbridge@sha256:{'1' * 64}"


class FakeControlPlane:
    """Documents by path, by long-poll; and receipts."""

    def __init__(self):
        self.documents, self.receipts, self.asked = {}, [], []
        self._news = threading.Condition()
        plane = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                plane.answer(self)

            def do_POST(self):
                plane.take(self)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.away = False
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def put(self, name, data, environment="prod"):
        with self._news:
            self.documents[f"/v1/environments/{environment}/{name}"] = (
                data if isinstance(data, bytes) else data.encode()
            )
            self._news.notify_all()

    def answer(self, request):
        self.asked.append(request.path)
        wait = int(request.headers.get("Prefer", "wait=0").removeprefix("wait="))
        known = request.headers.get("If-None-Match")
        deadline = time.monotonic() + wait * 0.8
        with self._news:
            while True:
                data = self.documents.get(request.path)
                tag = None if data is None else f'"{digest(data)}"'
                if self.away or data is None or tag != known or time.monotonic() >= deadline:
                    break
                self._news.wait(deadline - time.monotonic())
        if self.away or request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self.say(request, 503 if self.away else 401)
        if data is None:
            return self.say(request, 404)
        return self.say(request, 304, tag=tag) if tag == known else self.say(request, 200, data, tag)

    def take(self, request):
        body = request.rfile.read(int(request.headers["Content-Length"]))
        if self.away:
            return self.say(request, 503)
        self.receipts.append((time.monotonic(), json.loads(body)))
        return self.say(request, 200, b"{}")

    def say(self, request, status, data=b"", tag=None):
        request.send_response(status)
        if tag:
            request.send_header("ETag", tag)
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        request.wfile.write(data)

    def set_away(self, away):
        with self._news:
            self.away = away
            self._news.notify_all()

    def newest(self):
        return self.receipts[-1][1] if self.receipts else {}

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def control_data(site, on_revoked, environment="prod", revision=None):
    """The compiled control data, with another choice or revision in it, signed as a release is."""
    data = (site.folder / environment / "control.tar.gz").read_bytes()
    files = {name: content for name, content in read_archive(data, "control").items() if name != SIGNATURES}
    document = json.loads(files[DATA])
    document["weighbridge"]["control"]["clusters"]["on_revoked"] = on_revoked
    files[DATA] = opa_canonical(document)
    if revision is not None:
        files[MANIFEST] = manifest(revision, ROOTS)
    algorithm = bundle_algorithm(site.release_key, "the release key")
    scope = release_scope(environment)
    return bundle_archive(sign_bundle(files, site.release_key, algorithm=algorithm, keyid="release", scope=scope))


def approvals(site, environment="prod"):
    """All approvals as `compile` wrote them."""
    files = sorted((site.folder / environment / "gatekeeper/approvals").iterdir())
    return b"".join(file.read_bytes() for file in files)


def approvals_of(site, revision, environment="prod"):
    """The same approvals, of another release."""
    lines = [line for line in approvals(site, environment).splitlines() if line.startswith(b"{")]
    claims = [{**claims_of(json.loads(line)), "revision": revision} for line in lines]
    return "\n".join(json.dumps(approval(each, site.release_key)) for each in claims)


def claims_of(resource):
    """What a resource's token says, unverified."""
    part = resource["spec"]["token"].split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def give_rights(site, on_revoked=("report", "cordon", "scale-to-zero", "rollback")):
    """What `weighbridge generate agent` writes, but for the Deployment, which no node would run."""
    given = AgentObjects("east", "https://control:8443", ("prod", "staging"), IMAGE, on_revoked)
    for each in agent_objects(given):
        if each["kind"] != "Deployment":
            site.admin.apply(each)


def account_kubeconfig(site, folder):
    """A kubeconfig with a token of the generated service account, and nothing else."""
    path = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/{ACCOUNT}/token"
    asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}}
    token = site.admin.request("POST", path, asked)["status"]["token"]
    config = kubeconfig(site.cluster.plane, "reader")
    config["users"][0]["user"] = {"token": token}
    file = folder / "agent.kubeconfig"
    file.write_text(yaml.safe_dump(config))
    return file


@contextmanager
def running_agent(site, plane, folder, *, environment="prod", live_keys=None):
    """An agent in this process, with Gatekeeper's fixed clock."""
    agent = make_agent(site, plane, folder, environment=environment, live_keys=live_keys)
    agent.start()
    try:
        yield agent
    finally:
        agent.stop()


def make_agent(site, plane, folder, *, environment="prod", live_keys=None):
    token_file = folder / "token"
    token_file.write_text(TOKEN)
    talk = Talk([plane.url], environment, Credentials(token_file))
    trust = Trust(environment, [site.release_key.public_key()], live_keys or [site.live_key.public_key()])
    agent = Agent(
        Kube(account_kubeconfig(site, folder)),
        Place("east", NAMESPACE, lambda: AT_NS),
        [Followed(talk, trust)],
        lambda text: folder.joinpath("agent.log").open("a").write(text + "\n"),
    )
    agent.output = folder / "agent.log"
    return agent
