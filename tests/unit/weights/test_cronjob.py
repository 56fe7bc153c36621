"""The generated CronJob: hardened by Kubernetes' own standard, and nothing in it that was not asked for."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from weighbridge.cli.generate import command
from weighbridge.cli.weights import verify_command
from weighbridge.errors import InputError
from weighbridge.weights.cronjob import CronJob, arguments, cronjob, cronjob_yaml

DIGEST = "sha256:" + "1" * 64
IMAGE = "registry.example.com/tools/weighbridge@sha256:" + "0" * 64
FULL = {
    "name": "verify", "image": IMAGE, "claim": "weights", "model": "kb-qa@1.0", "digest": DIGEST, "namespace": "models",
    "folder": "/kb-qa/1.0", "manifest": "/kb-qa/1.0/manifest.json", "links_within": "/kb-qa", "event": "https://e.com/x",
    "token_secret": "events", "environment": "prod",
}  # fmt: skip


def job(**more: Any) -> CronJob:
    return CronJob(**{**FULL, **more})


def pod_of(document: dict[str, Any]) -> dict[str, Any]:
    pod: dict[str, Any] = document["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    return pod


def restricted(pod: dict[str, Any]) -> list[str]:
    """What the "restricted" Pod Security Standard (Kubernetes 1.34) has against a pod; every control of it."""
    wrong = [key for key in ("hostNetwork", "hostPID", "hostIPC", "hostUsers") if pod.get(key)]
    own = pod.get("securityContext", {})
    wrong += [key for key in ("seLinuxOptions", "sysctls", "appArmorProfile", "windowsOptions") if own.get(key)]
    for volume in pod.get("volumes", []):
        allowed = {
            "configMap",
            "csi",
            "downwardAPI",
            "emptyDir",
            "ephemeral",
            "persistentVolumeClaim",
            "projected",
            "secret",
        }
        wrong += [f"volume {kind}" for kind in volume.keys() - {"name"} - allowed]
    for container in pod["containers"]:
        context = container.get("securityContext", {})
        wrong += [f"port {port['hostPort']}" for port in container.get("ports", []) if port.get("hostPort")]
        checks = {
            "privileged": not context.get("privileged"),
            "allowPrivilegeEscalation": context.get("allowPrivilegeEscalation") is False,
            "runAsNonRoot": context.get("runAsNonRoot", own.get("runAsNonRoot")) is True,
            "runAsUser": context.get("runAsUser", own.get("runAsUser")) != 0,
            "seccompProfile": context.get("seccompProfile", own.get("seccompProfile", {})).get("type")
            in {"RuntimeDefault", "Localhost"},
            "drop ALL": "ALL" in context.get("capabilities", {}).get("drop", []),
            "add": set(context.get("capabilities", {}).get("add", [])) <= {"NET_BIND_SERVICE"},
            "procMount": context.get("procMount", "Default") == "Default",
        }
        wrong += [name for name, right in checks.items() if not right]
    return wrong + [key for key in ("initContainers", "ephemeralContainers") if pod.get(key)]


@pytest.mark.parametrize("document", [cronjob(job()), cronjob(job(event=None, token_secret=None))])
def test_restricted_and_more(document: dict[str, Any]) -> None:
    pod = pod_of(document)
    assert restricted(pod) == []
    assert pod["automountServiceAccountToken"] is False
    (container,) = pod["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert set(container["resources"]["limits"]) == {"cpu", "memory", "ephemeral-storage"}
    assert all(mount["readOnly"] for mount in container["volumeMounts"])
    assert all(volume["persistentVolumeClaim"]["readOnly"] for volume in pod["volumes"])
    assert document["spec"]["concurrencyPolicy"] == "Forbid"
    assert document["spec"]["jobTemplate"]["spec"]["backoffLimit"] == 0


def test_the_standard_of_this_test_bites() -> None:
    for spoil in (
        {"privileged": True},
        {"allowPrivilegeEscalation": True},
        {"capabilities": {"drop": []}},
        {"capabilities": {"drop": ["ALL"], "add": ["SYS_ADMIN"]}},
        {"seccompProfile": {"type": "Unconfined"}},
        {"runAsUser": 0},
    ):
        pod = pod_of(cronjob(job()))
        pod["containers"][0]["securityContext"] |= spoil
        assert restricted(pod)
    assert restricted({**pod_of(cronjob(job())), "hostNetwork": True})
    assert restricted({**pod_of(cronjob(job())), "volumes": [{"name": "x", "hostPath": {"path": "/"}}]})


def test_exactly_what_is_called() -> None:
    assert arguments(job()) == [
        "weights", "verify", "/weights/kb-qa/1.0", f"--digest={DIGEST}", "--model=kb-qa@1.0", "--rate-limit=50MiB/s",
        "--manifest=/weights/kb-qa/1.0/manifest.json", "--links-within=/weights/kb-qa", "--event=https://e.com/x",
        "--environment=prod",
    ]  # fmt: skip
    container = pod_of(cronjob(job()))["containers"][0]
    assert container["command"] == ["weighbridge"]
    assert container["args"] == arguments(job())
    # The command knows every one of these options.
    given_ = verify_command.make_context("verify", arguments(job())[2:])
    assert given_.params["digest"] == DIGEST
    assert given_.params["links_within"].as_posix() == "/weights/kb-qa"


def test_yaml_is_the_object() -> None:
    assert yaml.safe_load(cronjob_yaml(job())) == cronjob(job())
    assert cronjob_yaml(job()) == cronjob_yaml(job())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("image", "registry.example.com/tools/weighbridge"),
        ("image", "registry.example.com/tools/weighbridge:1.0"),
        ("image", "registry.example.com/tools/weighbridge:latest"),
        ("image", IMAGE[:-1]),
        ("image", IMAGE + "\n"),
        ("image", IMAGE + " "),
        ("image", "weighbridge@sha256:" + "0" * 64),
        ("image", "a/b@sha512:" + "0" * 128),
        ("name", "Verify"),
        ("name", "a" * 53),
        ("name", "a\nspec: {}"),
        ("namespace", "a.b"),
        ("namespace", ""),
        ("claim", "a: b"),
        ("claim", "../a"),
        ("claim", "a" * 254),
        ("schedule", "* * * *"),
        ("schedule", "TZ=UTC * * * * *"),
        ("schedule", "* * * * *\n"),
        ("schedule", "@every 1s"),
        ("folder", "kb-qa"),
        ("folder", "/a/../.."),
        ("folder", "/a//b"),
        ("folder", "/a b"),
        ("manifest", "/$(HOME)"),
        ("links_within", ""),
        ("rate_limit", "fast"),
        ("event", "http://e.com"),
        ("event", "file:/x"),
        ("event", "https://e.com/$(WEIGHBRIDGE_EVENT_TOKEN)"),
        ("event", "https://e.com/a b"),
        ("event", None),
        ("token_secret", "A"),
        ("model", "kb-qa"),
        ("digest", "sha256:1"),
        ("environment", "Prod"),
    ],
)
def test_refused(field: str, value: str | None) -> None:
    with pytest.raises(InputError) as caught:
        cronjob_yaml(job(**{field: value}))
    named = "token_secret" if (field, value) == ("event", None) else field
    assert {problem.field for problem in caught.value.problems} == {f"--{named.replace('_', '-')}"}


def test_all_problems_at_once() -> None:
    with pytest.raises(InputError) as caught:
        cronjob_yaml(job(image="a:b", claim="!", digest="x"))
    assert len(caught.value.problems) == 3


@settings(deadline=None)
@given(st.sampled_from(sorted(FULL)), st.text(max_size=60))
def test_no_value_becomes_more_than_a_value(field: str, value: str) -> None:
    """Whatever is given: it is refused, or the document has the very same shape."""

    def shape(node: Any) -> Any:
        if isinstance(node, dict):
            return {key: shape(inner) for key, inner in node.items()}
        return [shape(inner) for inner in node] if isinstance(node, list) else type(node)

    try:
        text = cronjob_yaml(job(**{field: value}))
    except InputError:
        return
    assert shape(yaml.safe_load(text)) == shape(cronjob(job()))


def test_the_command() -> None:
    options = ["--image", IMAGE, "--claim", "weights", "--model", "kb-qa@1.0", "--digest", DIGEST]
    result = CliRunner().invoke(
        command, ["cronjob", *options, "--user", "1000", "--deadline", "600"], catch_exceptions=False
    )
    document = yaml.safe_load(result.output)
    assert pod_of(document)["securityContext"]["runAsUser"] == 1000
    assert document["spec"]["jobTemplate"]["spec"]["activeDeadlineSeconds"] == 600
    assert CliRunner().invoke(command, ["cronjob", *options, "--user", "0"]).exit_code == 2
