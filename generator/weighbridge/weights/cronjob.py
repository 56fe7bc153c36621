"""A Kubernetes CronJob that verifies the weights on a volume, hardened as far as such a job can be.

The object is built and then dumped as YAML: no value is ever pasted into a text, so none can become more than a value.
It meets the "restricted" Pod Security Standard and goes beyond it: read-only root file system and volume, no service
account token, limits, one run at a time. What is verified stands in the arguments: the artifact digest, not a manifest
that whoever can write the volume could replace.

Source: Kubernetes, Pod Security Standards, and the CronJob API `batch/v1`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from weighbridge.catalogue.names import Digest, Name, VersionName
from weighbridge.catalogue.validation import validate_value
from weighbridge.errors import InputError, Problem
from weighbridge.observe.sinks import TOKEN_VARIABLE
from weighbridge.weights.pace import parse_rate

if TYPE_CHECKING:
    from collections.abc import Iterator

IMAGE = re.compile(
    r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?(/[a-z0-9]+([._-]+[a-z0-9]+)*)+(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?"
    r"@sha256:[0-9a-f]{64}"
)
"""A full image reference with a digest; a tag may stand before it, for people."""
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_SCHEDULE = re.compile(r"@(hourly|daily|weekly|monthly)|[0-9A-Za-z*,/-]+( [0-9A-Za-z*,/-]+){4}")
_PATH = re.compile(r"(/[A-Za-z0-9._-]+)+")
_MAX_NAME = 52
"""Longest name of a CronJob: Kubernetes adds eleven characters for each job."""
_MOUNT = "/weights"
_USER = 65532


@dataclass(frozen=True)
class CronJob:
    """What the CronJob verifies, with what, and when."""

    name: str
    image: str
    """With its digest."""
    claim: str
    """The PersistentVolumeClaim with the weights."""
    model: str
    """`<model>@<version>`."""
    digest: str
    """The artifact digest."""
    namespace: str | None = None
    schedule: str = "17 3 * * *"
    """In UTC."""
    folder: str = "/"
    """The weights' folder on the volume."""
    manifest: str | None = None
    """A manifest on the volume, so that a report can name files; it is believed only if it has the digest."""
    links_within: str | None = None
    """Where on the volume targets of symbolic links may lie."""
    rate_limit: str = "50MiB/s"
    event: str | None = None
    """Where the event goes: `-` for the log, or an https address."""
    token_secret: str | None = None
    """A Secret with the endpoint's bearer token under `token`."""
    environment: str | None = None
    deadline_seconds: int = 6 * 3600
    user: int = _USER
    group: int = _USER


def cronjob_yaml(job: CronJob) -> str:
    """The CronJob as YAML.

    Raises:
        InputError: with every value that is not of its form.
    """
    problems = list(_problems(job))
    if problems:
        raise InputError(problems)
    text: str = yaml.safe_dump(cronjob(job), sort_keys=False, allow_unicode=False, width=1000)
    return text


def _problems(job: CronJob) -> Iterator[Problem]:
    if not IMAGE.fullmatch(job.image):
        fix = "Write registry/name@sha256:<64 hex>: a tag can be moved to another image."
        yield Problem("", field="--image", message=f"{job.image!r:.200} is not pinned by its digest", fix=fix)
    if not _LABEL.fullmatch(job.name) or len(job.name) > _MAX_NAME:
        fix = f"Use at most {_MAX_NAME} lower-case letters, digits and hyphens."
        yield Problem("", field="--name", message=f"{job.name!r:.100} is no name of a CronJob", fix=fix)
    if job.namespace is not None and not _LABEL.fullmatch(job.namespace):
        yield Problem("", field="--namespace", message=f"{job.namespace!r:.100} is no name", fix="Name a namespace.")
    for field, value in (("--claim", job.claim), ("--token-secret", job.token_secret)):
        if value is not None and (len(value) > 253 or not _SUBDOMAIN.fullmatch(value)):
            yield Problem("", field=field, message=f"{value!r:.100} is no name", fix="Name the object in the cluster.")
    if not _SCHEDULE.fullmatch(job.schedule):
        message = f"{job.schedule!r:.100} is no schedule"
        yield Problem("", field="--schedule", message=message, fix="Write five fields, such as '17 3 * * *'.")
    yield from _path_problems(job)
    yield from _event_problems(job)
    yield from _typed(job)


def _path_problems(job: CronJob) -> Iterator[Problem]:
    for field, value in (("--folder", job.folder), ("--manifest", job.manifest), ("--links-within", job.links_within)):
        if value is not None and value != "/" and (not _PATH.fullmatch(value) or {".", ".."} & set(value.split("/"))):
            fix = "Write it from the top of the volume, such as /models/kb-qa."
            yield Problem("", field=field, message=f"{value!r:.100} is no path on the volume", fix=fix)


def _event_problems(job: CronJob) -> Iterator[Problem]:
    # Kubernetes replaces `$(NAME)` in arguments, and the token is such a name.
    if job.event not in {None, "-"} and (not re.fullmatch(r"https://[!-~]+", str(job.event)) or "$(" in str(job.event)):
        yield Problem("", field="--event", message=f"{job.event!r:.100} is no sink here", fix="Write - or https://...")
    if job.token_secret is not None and job.event in {None, "-"}:
        yield Problem("", field="--token-secret", message="needs an endpoint", fix="Give --event https://...")


def _typed(job: CronJob) -> Iterator[Problem]:
    for kind, value, field in (
        (VersionName, job.model, "--model"),
        (Digest, job.digest, "--digest"),
        (Name, job.environment, "--environment"),
    ):
        try:
            if value is not None:
                validate_value(kind, value, field)
        except InputError as error:
            yield from error.problems
    try:
        parse_rate(job.rate_limit)
    except InputError as error:
        yield from error.problems


def cronjob(job: CronJob) -> dict[str, Any]:
    """The CronJob as an object; the values are taken as they are."""
    labels = {"app.kubernetes.io/name": "weighbridge-weights", "app.kubernetes.io/part-of": "weighbridge"}
    metadata: dict[str, Any] = {"name": job.name, "labels": dict(labels)}
    if job.namespace is not None:
        metadata["namespace"] = job.namespace
    pod = {"metadata": {"labels": dict(labels)}, "spec": _pod(job)}
    # A difference is not cured by looking again: the first failure stands, and can be alerted on.
    run = {"backoffLimit": 0, "activeDeadlineSeconds": job.deadline_seconds, "template": pod}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": metadata,
        "spec": {
            "schedule": job.schedule,
            "timeZone": "Etc/UTC",
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": 3600,
            "successfulJobsHistoryLimit": 1,
            "failedJobsHistoryLimit": 3,
            "jobTemplate": {"spec": run},
        },
    }


def _pod(job: CronJob) -> dict[str, Any]:
    return {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": job.user,
            "runAsGroup": job.group,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(job)],
        "volumes": [{"name": "weights", "persistentVolumeClaim": {"claimName": job.claim, "readOnly": True}}],
    }


def _container(job: CronJob) -> dict[str, Any]:
    environment: list[dict[str, Any]] = [
        {"name": "PYTHONDONTWRITEBYTECODE", "value": "1"},
        {"name": "WEIGHBRIDGE_NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
    ]
    if job.token_secret is not None:
        secret = {"secretKeyRef": {"name": job.token_secret, "key": "token"}}
        environment.append({"name": TOKEN_VARIABLE, "valueFrom": secret})
    return {
        "name": "verify",
        "image": job.image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["weighbridge"],
        "args": arguments(job),
        "env": environment,
        "resources": {
            "requests": {"cpu": "50m", "memory": "128Mi", "ephemeral-storage": "16Mi"},
            "limits": {"cpu": "500m", "memory": "256Mi", "ephemeral-storage": "64Mi"},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "privileged": False,
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [{"name": "weights", "mountPath": _MOUNT, "readOnly": True}],
    }


def arguments(job: CronJob) -> list[str]:
    """What `weighbridge` is called with, exactly."""
    given = ["weights", "verify", _inside(job.folder), f"--digest={job.digest}", f"--model={job.model}"]
    given.append(f"--rate-limit={job.rate_limit}")
    if job.manifest is not None:
        given.append(f"--manifest={_inside(job.manifest)}")
    if job.links_within is not None:
        given.append(f"--links-within={_inside(job.links_within)}")
    if job.event is not None:
        given.append(f"--event={job.event}")
    if job.environment is not None:
        given.append(f"--environment={job.environment}")
    return given


def _inside(path: str) -> str:
    return _MOUNT if path == "/" else f"{_MOUNT}{path}"
