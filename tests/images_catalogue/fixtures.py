"""The fixtures about images and documentation, one file each, from tables: `python -m tests.images_catalogue.build`."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml
from tests.images_catalogue.images import digest_of

if TYPE_CHECKING:
    from pathlib import Path

CATALOGUE = "tests/images_catalogue/catalogue"


@dataclass(frozen=True)
class Case:
    """One fixture."""

    file: str
    comment: str
    codes: tuple[str, ...] | None = ()
    """Expected; None: the one that the file is named after."""
    environment: str = "images"
    image: str = "clean"
    """Nickname, or a whole reference with `{digest}` in it."""
    version: str = "1.0"
    container: dict[str, Any] = field(default_factory=dict)
    spec: dict[str, Any] = field(default_factory=dict)


def _images(code: str, passing: tuple[str, str], failing: tuple[str, str], lying: tuple[str, str]) -> list[Case]:
    """A fixture that passes, fails and lies, each with a nickname and a comment."""
    passes, fails, lies = passing, failing, lying
    return [
        Case(f"{code}-pass-{passes[0]}", passes[1], image=passes[0]),
        Case(f"{code}-fail-{fails[0]}", fails[1], None, image=fails[0]),
        Case(f"{code}-hostile-{lies[0]}", lies[1], None, image=lies[0]),
    ]


BY_IMAGE = [
    *_images(
        "img-001",
        ("clean", "Everything is known of its image, and nothing is wrong."),
        ("no-profile", "Nobody has said what is in the image."),
        ("profile-of-another", "The profile that lies there speaks of another image."),
    ),
    Case("img-001-fail-old-profile", "Its profile is older than the attestation allows.", None, image="old-profile"),
    Case(
        "img-001-hostile-self-signed",
        "Its profile is by somebody trusted for other things.",
        None,
        image="self-signed",
    ),
    Case("img-001-pass-undemanded", "Nothing is known, nor demanded.", environment="lax", image="no-profile"),
    Case("img-002-pass-clean", "Its components are listed."),
    Case("img-002-fail-no-sbom", "Nobody listed its components.", None, image="no-sbom"),
    Case(
        "img-002-hostile-model-sbom",
        "The bill of materials of the model is none of the image.",
        None,
        image="no-sbom",
        container={"env": [{"name": "SBOM", "value": "sbom.json"}]},
    ),
    *_images(
        "img-003",
        ("clean", "Somebody scanned it yesterday."),
        ("no-scan", "Nobody scanned it."),
        ("old-scan", "The scan is eight days old, and found nothing then."),
    ),
    *_images(
        "img-005",
        ("clean", "Distroless."),
        ("debian", "A whole distribution."),
        ("contradictory", "os-release says wolfi, and the packages are Debian's."),
    ),
    *_images(
        "img-006",
        ("clean", "No shell."),
        ("shells", "Two shells."),
        ("renamed-shell", "bash under another name."),
    ),
    Case("img-006-hostile-shells-since", "An older profile says that it is clean.", None, image="shells-since"),
    Case("img-006-hostile-one-platform", "Only the other platform has one.", None, image="one-platform-with-shells"),
    Case("img-006-pass-allowed", "The environment accepts shells.", environment="lax", image="shells"),
    *_images(
        "img-007",
        ("excepted-compiler", "One that the attestation accepts by its path."),
        ("compilers", "gcc."),
        ("many-compilers", "More than are named."),
    ),
    *_images(
        "img-008",
        ("clean", "Nothing that downloads."),
        ("network-tools", "curl."),
        ("linked-wget", "wget by a link under another name."),
    ),
    *_images(
        "img-009",
        ("clean", "Nothing that installs."),
        ("package-managers", "apt."),
        ("pip-module", "pip as a module, without a program."),
    ),
    *_images(
        "img-010",
        ("clean", "Nobody gets more rights."),
        ("setuid", "su."),
        ("writable-path", "Everybody may replace programs."),
    ),
    *_images(
        "img-011",
        ("clean", "A numeric user."),
        ("root", "No USER at all."),
        ("unknown-user", "A name that stands in no passwd."),
    ),
    Case("img-011-pass-overridden", "The pod says another user.", image="root", spec={"runAsUser": 65532}),
    Case(
        "img-011-hostile-taken-back",
        "The pod says another user, and the container takes it back.",
        ("IMG-011", "POD-017"),
        image="root",
        spec={"runAsUser": 65532},
        container={"runAsUser": 0},
    ),
    *_images(
        "img-012",
        ("cuda-new", "CUDA 12.4."),
        ("cuda-old", "CUDA 11.8."),
        ("cuda-two", "The variable says 12.4, a library is of 11.2."),
    ),
    *_images(
        "img-013",
        ("allowed-finding", "What is open is accepted by name, for now."),
        ("high", "One of high severity."),
        ("unknown-severity", "One of which nobody can tell how bad it is."),
    ),
    Case("img-013-hostile-suppressed", "Suppressed by a tool whose word is not accepted.", None, image="suppressed"),
    *_images(
        "img-014",
        ("clean", "Starts the server."),
        ("shell-entrypoint", "Starts a shell."),
        ("script-entrypoint", "Starts a script that a shell runs."),
    ),
    *_images(
        "img-015",
        ("clean", "No secret."),
        ("secret", "A file with credentials."),
        ("hidden-secret", "A later layer hides the key."),
    ),
    *_images(
        "img-016",
        ("clean", "No weights."),
        ("weights", "Weights that no digest of a model covers."),
        ("hidden-weights", "A later layer hides them."),
    ),
    *_images(
        "img-017",
        ("clean", "Read in full."),
        ("unread", "A database that nobody could read."),
        ("unread-renamed", "A name that is no text."),
    ),
]


def _reference(name: str, comment: str, image: str, codes: tuple[str, ...] | None = None) -> Case:
    return Case(name, comment, codes, image=image)


def _command(name: str, comment: str, codes: tuple[str, ...] | None = None, **container: Any) -> Case:
    return Case(name, comment, codes, container=container)


CLEAN = "{digest}"
BY_MANIFEST = [
    _reference("img-004-pass-port", "An allowed host and port.", f"registry.example.com:5000/clean@{CLEAN}", ()),
    _reference("img-004-pass-upper-case", "Hosts have no case.", f"REGISTRY.example.com/serving/clean@{CLEAN}", ()),
    _reference("img-004-fail-docker-hub", "No host is Docker Hub.", f"serving/clean@{CLEAN}"),
    _reference("img-004-fail-folder", "Another folder.", f"registry.example.com/other/clean@{CLEAN}"),
    _reference("img-004-hostile-longer-host", "A host that goes on.", f"registry.example.com.evil/serving/x@{CLEAN}"),
    _reference("img-004-hostile-longer-folder", "A folder that goes on.", f"registry.example.com/serving-a/x@{CLEAN}"),
    _reference("img-004-hostile-up", "A path that leads up.", f"registry.example.com/serving/../evil/x@{CLEAN}"),
    _reference("img-004-hostile-tag-like-port", "A tag, and no port.", f"registry.example.com:5000@{CLEAN}"),
    _reference("img-018-pass-release", "The image of a release.", f"registry.example.com/serving/clean:1@{CLEAN}", ()),
    _reference("img-018-fail-tag", "Its tag says so.", f"registry.example.com/serving/clean:1-debug@{CLEAN}"),
    _reference("img-018-fail-name", "busybox.", f"registry.example.com/serving/busybox@{CLEAN}"),
    _reference("img-018-hostile-case", "In capitals.", f"registry.example.com/serving/clean:1_DeBuG@{CLEAN}"),
    Case("img-019-pass-none", "No ephemeral container."),
    Case("img-019-fail-debugging", "Somebody looks inside.", None, spec={"ephemeral": "clean"}),
    Case("img-019-hostile-approved", "By any name.", None, spec={"ephemeral": "clean", "ephemeral_name": "server"}),
    Case("img-019-pass-allowed", "Allowed here.", environment="lax", spec={"ephemeral": "clean"}),
    _command("img-020-pass-server", "The server itself.", (), command=["/usr/bin/serve"], args=["--port", "8000"]),
    _command("img-020-pass-module", "Python, with a module.", (), command=["python", "-m", "server", "--shell-free"]),
    _command("img-020-fail-sh", "A line for a shell.", command=["sh", "-c", "exec /usr/bin/serve"]),
    _command("img-020-fail-script", "A shell script.", command=["/app/start.sh"]),
    _command("img-020-hostile-args-alone", "No command, and arguments that are one.", args=["/bin/bash", "-c", "id"]),
    _command("img-020-hostile-behind-tini", "Behind an init.", command=["/sbin/tini", "--"], args=["/bin//./sh"]),
    _command("img-020-hostile-env-split", "env takes a line apart.", command=["env", "-S", "sh -c id"]),
    _command("img-020-hostile-busybox", "A shell in disguise.", command=["/opt/busybox", "httpd"]),
    _command("img-020-hostile-python-code", "Code in args.", command=["python3.11"], args=["-uc", "print()"]),
    _command(
        "img-020-hostile-variable",
        "By way of two variables.",
        command=["/usr/bin/serve", "$(RUN)"],
        env=[{"name": "PROGRAM", "value": "/bin/sh"}, {"name": "RUN", "value": "$(PROGRAM)"}],
    ),
    _command("img-020-hostile-loader", "By the loader.", command=["/lib64/ld-linux-x86-64.so.2", "/bin/bash5.2"]),
    Case("img-020-pass-allowed", "Allowed here.", environment="lax", container={"command": ["sh"]}),
    _command("img-021-pass-server", "It probes itself.", (), startupProbe={"exec": {"command": ["/serve", "-h"]}}),
    _command("img-021-fail-probe", "A probe with curl.", livenessProbe={"exec": {"command": ["sh", "-c", "curl :80"]}}),
    _command(
        "img-021-fail-hook",
        "A hook.",
        lifecycle={"preStop": {"exec": {"command": ["bash", "-c", "x"]}}},
    ),
    _command(
        "img-021-hostile-wrapped",
        "Behind a wrapper.",
        lifecycle={"postStart": {"exec": {"command": ["/usr/bin/env", "-i", "/bin/dash"]}}},
    ),
]

LACKING = {
    "rel-013-fail-no-sbom": ("1.1", "Nobody listed what the model needs."),
    "rel-014-fail-license": ("1.2", "A license that SPDX does not know."),
    "rel-015-fail-no-section": ("1.3", "No threat model."),
    "rel-015-fail-to-be-written": ("1.4", "A threat model that still waits to be written."),
    "rel-015-hostile-comment": ("1.8", "A threat model that nobody who reads the card sees."),
    "rel-016-fail-no-section": ("1.5", "No dependency list."),
    "rel-017-fail-no-section": ("1.6", "No word about environment variables."),
    "rel-018-fail-no-run": ("1.7", "Nobody knows which run made it."),
}
SET = [{"name": "CACHE_DIR", "value": "/cache"}]
DOCUMENTED = [
    Case("rel-013-pass-documented", "Everything is documented.", environment="documented"),
    *(Case(name, text, None, "documented", version=version) for name, (version, text) in LACKING.items()),
    Case("rel-015-pass-undemanded", "Nothing is demanded.", environment="lax", version="1.3"),
    Case("rel-023-pass-set", "The variable is set.", (), "documented", version="1.9", container={"env": SET}),
    Case("rel-023-fail-unset", "It is not.", None, "documented", version="1.9"),
    Case(
        "rel-023-hostile-elsewhere",
        "It is set where the server does not see it.",
        None,
        "documented",
        version="1.9",
        spec={"init_env": SET},
    ),
]


def write_fixtures(catalogue: Path, folder: Path) -> None:
    """Write them all, with the digests of the catalogue's versions."""
    for case in (*BY_IMAGE, *BY_MANIFEST, *DOCUMENTED):
        manifest = json.loads((catalogue / f"models/server/{case.version}/manifest.json").read_text())
        document = _document(case, manifest["artifact_digest"])
        text = yaml.safe_dump(document, sort_keys=False, width=120, default_flow_style=None)
        (folder / f"{case.file}.yaml").write_text(f"# {case.comment}\n{text}", encoding="utf-8")


def _document(case: Case, digest: str) -> dict[str, Any]:
    codes = list(case.codes) if case.codes is not None else [case.file[:7].upper()]
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "server",
            "namespace": "models",
            "labels": {"model_id": "server", "model_version": case.version},
            "annotations": {"weighbridge.dev/artifact-digest": digest},
        },
        "spec": _spec(case),
    }
    expect: dict[str, Any] = {"allowed": False, "codes": codes} if codes else {"allowed": True}
    return {
        "environment": case.environment,
        "at": "2026-01-15T00:00:00Z",
        "catalogue": CATALOGUE,
        "object": pod,
        "expect": expect,
    }


def _spec(case: Case) -> dict[str, Any]:
    context: dict[str, Any] = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    if "runAsUser" in case.spec:
        context["runAsUser"] = case.spec["runAsUser"]
    spec: dict[str, Any] = {
        "automountServiceAccountToken": False,
        "securityContext": context,
        "containers": [_container("server", _image(case.image), dict(case.container))],
    }
    if "ephemeral" in case.spec:
        name = case.spec.get("ephemeral_name", "look") + "-2"
        spec["ephemeralContainers"] = [_container(name, _image(case.spec["ephemeral"]), {}, resources=False)]
    if "init_env" in case.spec:
        spec["initContainers"] = [_container("init", _image(case.image), {"env": case.spec["init_env"]})]
    return spec


def _image(image: str) -> str:
    if "{digest}" in image:
        return image.format(digest=digest_of("clean"))
    return f"registry.example.com/serving/{image}@{digest_of(image)}"


def _container(name: str, image: str, given: dict[str, Any], *, resources: bool = True) -> dict[str, Any]:
    context = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    if "runAsUser" in given:
        context["runAsUser"] = given.pop("runAsUser")
    limits = {"resources": {"limits": {"cpu": "1", "memory": "1Gi"}}} if resources else {}
    return {"name": name, "image": image, **limits, "securityContext": context, **given}
