"""What the agent's tests have in common: signed documents, control data, and objects of a namespace."""

from dataclasses import dataclass, field
from types import SimpleNamespace

from cryptography.hazmat.primitives.asymmetric import ec

from weighbridge.canonical import opa_canonical
from weighbridge.control.agent.blame import Judge
from weighbridge.control.agent.signed import read_approval, read_live
from weighbridge.keys import jws
from weighbridge.registry.orders import Restrictions

RELEASE, LIVE, STRANGER = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
NOW = 1_000
ORDER = {"id": "11111111-0000-4000-8000-000000000000", "reason": "x", "issued_at": 1}


def digest(letter):
    return "sha256:" + letter * 64


def image(letter):
    return f"registry.example.com/serve@{digest(letter)}"


def live_token(key=LIVE, kid="live", **changes):
    claims = {
        "environment": "prod",
        "sequence": 5,
        "not_after": 2_000,
        "releases": [{"revision": "new"}, {"revision": "old", "until": 1_500}],
        "revoked": {},
        "frozen": {},
        **changes,
    }
    return jws(key, "ES256", {"kid": kid}, opa_canonical(claims))


def live(**changes):
    return read_live(live_token(**changes), [LIVE.public_key()], "prod")


def approval_token(key=RELEASE, kid="release", **changes):
    claims = {
        "environment": "prod",
        "model": "kb",
        "version": "1",
        "revision": "new",
        "approved": True,
        "digest": digest("a"),
        "not_after": 2_000,
        "images": {digest("1"): {}},
        "sources": {},
        **changes,
    }
    return jws(key, "ES256", {"kid": kid}, opa_canonical(claims))


def approval(**changes):
    return read_approval(approval_token(**changes), [RELEASE.public_key()], "prod")


@dataclass
class Version:
    digest: str
    images: tuple[str, ...]
    approved: bool = True
    not_after: int = 2_000


@dataclass
class Control:
    """As much of `ControlData` as the agent looks at."""

    versions: dict = field(
        default_factory=lambda: {
            "kb@1": Version(digest("a"), (digest("1"),)),
            "kb@2": Version(digest("b"), (digest("2"),)),
            "kb@3": Version(digest("c"), (digest("2"),)),
        }
    )
    revision: str = "new"
    orders: Restrictions = field(default_factory=Restrictions)
    labels: tuple[str, str] = ("model_id", "model_version")
    support_images: frozenset = frozenset({digest("5")})
    exempt_namespaces: tuple[str, ...] = ()
    on_revoked: str = "report"


def judge(control=None, now=NOW, **changes):
    return Judge(live(**changes), control or Control(), now)


def pod_spec(*letters):
    return {"containers": [{"name": f"c{n}", "image": image(letter)} for n, letter in enumerate(letters)]}


def labels(version):
    return {"model_id": "kb", "model_version": version}


def owned_by(owner):
    return [
        {"kind": owner["kind"], "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"], "controller": True}
    ]


def pod(version, *letters, name="p", owner=None, phase="Running", **metadata):
    given = {"name": name, "namespace": "models", "uid": f"uid-{name}", "labels": labels(version), **metadata}
    if owner:
        given["ownerReferences"] = owned_by(owner)
    spec = pod_spec(*(letters or ("1",)))
    return {"kind": "Pod", "metadata": given, "spec": spec, "status": {"phase": phase}}


def workload(kind, version, *letters, name="w", replicas=2, owner=None, **spec):
    metadata = {"name": name, "namespace": "models", "uid": f"uid-{name}", "resourceVersion": "7"}
    if owner:
        metadata["ownerReferences"] = owned_by(owner)
    template = {"metadata": {"labels": labels(version)}, "spec": pod_spec(*(letters or ("1",)))}
    counted = {} if kind in {"Job", "DaemonSet"} else {"replicas": replicas}
    return {"kind": kind, "metadata": metadata, "spec": {**counted, "template": template, **spec}}


def replica_set(deployment, version, *letters, revision, replicas=0):
    name = f"{deployment['metadata']['name']}-{revision}"
    found = workload("ReplicaSet", version, *letters, name=name, replicas=replicas, owner=deployment)
    found["metadata"]["annotations"] = {"deployment.kubernetes.io/revision": str(revision)}
    found["spec"]["template"]["metadata"]["labels"]["pod-template-hash"] = str(revision)
    return found


def talk(**answers):
    """A control plane of documents by name; an exception is raised."""

    def read(name, etag="", *, wait=0):
        found = answers[name.rpartition("/")[2].replace(".", "_")]
        if isinstance(found, Exception):
            raise found
        return found

    return SimpleNamespace(read=read, close=lambda: None)
