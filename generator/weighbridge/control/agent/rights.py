"""The agent's ServiceAccount, rights and Deployment, as objects to apply; no more rights than its work takes.

What it may never touch is nowhere in here: templates, constraints, webhooks, policies, definitions, Secrets, roles.
Which verbs it has on workloads follows from `on_revoked`: to report it only reads; to scale it has the `scale`
subresource and no pod template. Roll-back changes templates, and Gatekeeper judges those like anybody's. Rights on
workloads can be bound in chosen namespaces alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

import yaml

from weighbridge.catalogue.names import is_name
from weighbridge.catalogue.workloads import OnRevoked
from weighbridge.control.agent.cordon import POLICY
from weighbridge.control.agent.lease import NAME
from weighbridge.errors import InputError, Problem
from weighbridge.weights.cronjob import IMAGE

if TYPE_CHECKING:
    from collections.abc import Iterator

Object = dict[str, Any]
_RBAC = "rbac.authorization.k8s.io"
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_USER = 65532
_SCALED = ("deployments", "statefulsets", "replicasets")
_MOUNT = "/etc/weighbridge"


@dataclass(frozen=True)
class AgentObjects:
    """What the agent is to run as."""

    cluster: str
    server: str
    environments: tuple[str, ...]
    image: str
    """With its digest."""
    on_revoked: tuple[str, ...] = get_args(OnRevoked)
    """The choices of the environments; rights are what all of these take together."""
    namespace: str = "weighbridge-system"
    in_namespaces: tuple[str, ...] = ()
    """Where it may see and treat workloads; all namespaces if none is named."""
    replicas: int = 2


def agent_yaml(given: AgentObjects) -> str:
    """All objects as YAML.

    Raises:
        InputError: with every value that is not of its form.
    """
    problems = list(_problems(given))
    if problems:
        raise InputError(problems)
    text: str = yaml.safe_dump_all(agent_objects(given), sort_keys=False, width=1000, explicit_start=True)
    return text


def _problems(given: AgentObjects) -> Iterator[Problem]:
    if not IMAGE.fullmatch(given.image):
        fix = "Write registry/name@sha256:<64 hex>: a tag can be moved to another image."
        yield Problem("", field="--image", message=f"{given.image!a:.200} is not pinned by its digest", fix=fix)
    if not re.fullmatch(r"https://[!-~]+", given.server) or "$(" in given.server:
        message = f"{given.server!a:.200} is no address of a control plane"
        yield Problem("", field="--server", message=message, fix="Write https://host:port.")
    for field, name in (("--cluster", given.cluster), *(("--environment", each) for each in given.environments)):
        if not is_name(name):
            yield Problem("", field=field, message=f"{name!a:.100} is no name", fix="Use letters, digits, hyphens.")
    for field, name in (("--namespace", given.namespace), *(("--in-namespace", each) for each in given.in_namespaces)):
        if not _LABEL.fullmatch(name):
            yield Problem("", field=field, message=f"{name!a:.100} is no namespace", fix="Name a namespace.")


def agent_objects(given: AgentObjects) -> list[Object]:
    """The objects in the order in which to apply them; the values are taken as they are."""
    account = {"kind": "ServiceAccount", "name": NAME, "namespace": given.namespace}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": given.namespace, "labels": _RESTRICTED}}
    service_account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": NAME, "namespace": given.namespace},
        "automountServiceAccountToken": False,
    }
    return [
        namespace,
        service_account,
        _role("ClusterRole", NAME, cluster_rules(given.environments)),
        _binding("ClusterRoleBinding", NAME, NAME, [account]),
        _role("Role", NAME, own_rules(given.environments), given.namespace),
        _binding("RoleBinding", NAME, NAME, [account], given.namespace, "Role"),
        _role("ClusterRole", f"{NAME}-workloads", workload_rules(given.on_revoked)),
        *_workload_bindings(given, account),
        _deployment(given),
    ]


def cluster_rules(environments: tuple[str, ...]) -> list[Object]:
    """What it needs of the whole cluster: our two resources, and which namespaces are bound."""
    return [
        # A name cannot restrict `create` nor `list`; approvals are named after versions that nobody knows yet.
        _rule("weighbridge.dev", ["livestates"], ["create", "list", "watch"]),
        _rule("weighbridge.dev", ["livestates"], ["get", "patch"], names=environments),
        _rule("weighbridge.dev", ["modelapprovals"], ["create", "delete", "get", "list", "patch", "watch"]),
        _rule("", ["namespaces"], ["list"]),
    ]


def own_rules(environments: tuple[str, ...]) -> list[Object]:
    """What it needs in its own namespace: its lease, what it remembers, and a question to Gatekeeper."""
    records = tuple(f"weighbridge-scaled.{each}" for each in environments)
    return [
        _rule("coordination.k8s.io", ["leases"], ["create"]),
        _rule("coordination.k8s.io", ["leases"], ["get", "update"], names=(NAME,)),
        _rule("", ["configmaps"], ["create"]),
        _rule("", ["configmaps"], ["get", "update"], names=records),
        # Only ever as a dry run, which needs the right all the same. It starts nothing.
        _rule("apps", ["controllerrevisions"], ["create"]),
    ]


def workload_rules(on_revoked: tuple[str, ...]) -> list[Object]:
    """What it needs in namespaces of an environment, for these choices together."""
    rules = [
        _rule("", ["pods"], ["list"]),
        _rule("apps", ["daemonsets", *_SCALED], ["list"]),
        _rule("batch", ["jobs"], ["list"]),
        _rule("", ["events"], ["create"]),
    ]
    if "cordon" in on_revoked:
        rules += [
            _rule("", ["pods"], ["patch"]),
            _rule("networking.k8s.io", ["networkpolicies"], ["create", "list", "patch"]),
            _rule("networking.k8s.io", ["networkpolicies"], ["delete"], names=(POLICY,)),
        ]
    if {"scale-to-zero", "rollback"} & set(on_revoked):
        rules += [
            _rule("apps", [f"{each}/scale" for each in _SCALED], ["patch"]),
            _rule("batch", ["jobs"], ["patch"]),
            _rule("", ["pods"], ["delete"]),
        ]
    if "rollback" in on_revoked:
        rules.append(_rule("apps", ["deployments"], ["patch"]))
    return rules


def _workload_bindings(given: AgentObjects, account: Object) -> list[Object]:
    name = f"{NAME}-workloads"
    if not given.in_namespaces:
        return [_binding("ClusterRoleBinding", name, name, [account])]
    return [_binding("RoleBinding", name, name, [account], each) for each in given.in_namespaces]


_RESTRICTED = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn", "audit")}


def _rule(group: str, resources: list[str], verbs: list[str], *, names: tuple[str, ...] = ()) -> Object:
    rule: Object = {"apiGroups": [group], "resources": resources, "verbs": verbs}
    return {**rule, "resourceNames": list(names)} if names else rule


def _role(kind: str, name: str, rules: list[Object], namespace: str = "") -> Object:
    return {"apiVersion": f"{_RBAC}/v1", "kind": kind, "metadata": _named(name, namespace), "rules": rules}


def _binding(
    kind: str, name: str, role: str, subjects: list[Object], namespace: str = "", of: str = "ClusterRole"
) -> Object:
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": kind,
        "metadata": _named(name, namespace),
        "subjects": subjects,
        "roleRef": {"apiGroup": _RBAC, "kind": of, "name": role},
    }


def _named(name: str, namespace: str) -> Object:
    return {"name": name, **({"namespace": namespace} if namespace else {})}


def _deployment(given: AgentObjects) -> Object:
    labels = {"app.kubernetes.io/name": NAME, "app.kubernetes.io/part-of": "weighbridge"}
    spread = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": labels},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": NAME, "namespace": given.namespace, "labels": labels},
        "spec": {
            "replicas": given.replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "serviceAccountName": NAME,
                    "automountServiceAccountToken": True,
                    "enableServiceLinks": False,
                    "topologySpreadConstraints": [spread],
                    "securityContext": {
                        "runAsNonRoot": True,
                        "runAsUser": _USER,
                        "runAsGroup": _USER,
                        "seccompProfile": {"type": "RuntimeDefault"},
                    },
                    "containers": [_container(given)],
                    "volumes": _volumes(),
                },
            },
        },
    }


def _container(given: AgentObjects) -> Object:
    return {
        "name": "agent",
        "image": given.image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["weighbridge"],
        "args": agent_arguments(given),
        "env": [{"name": "PYTHONDONTWRITEBYTECODE", "value": "1"}],
        "resources": {
            "requests": {"cpu": "50m", "memory": "192Mi"},
            "limits": {"cpu": "1", "memory": "512Mi"},
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
        "volumeMounts": [
            {"name": "keys", "mountPath": f"{_MOUNT}/keys", "readOnly": True},
            {"name": "tokens", "mountPath": f"{_MOUNT}/tokens", "readOnly": True},
        ],
    }


def agent_arguments(given: AgentObjects) -> list[str]:
    """What `weighbridge` is called with: keys from a ConfigMap, one token an environment from a Secret."""
    found = ["agent", f"--server={given.server}", f"--cluster={given.cluster}", f"--namespace={given.namespace}"]
    found += [f"--release-key={_MOUNT}/keys/release.pub", f"--live-key={_MOUNT}/keys/live.pub"]
    for each in given.environments:
        found += [f"--environment={each}", f"--token-file={_MOUNT}/tokens/{each}"]
    return [*found, "--log-format=json"]


def _volumes() -> list[Object]:
    return [
        {"name": "keys", "configMap": {"name": f"{NAME}-keys"}},
        {"name": "tokens", "secret": {"secretName": f"{NAME}-tokens", "defaultMode": 0o440}},
    ]
