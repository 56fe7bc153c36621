"""ValidatingAdmissionPolicies: what the API server itself enforces, whether Gatekeeper runs or not.

They guard what the webhook rests on (which namespace belongs to which environment, and what is applied here), and hold
the form of serving pods while the webhook is not asked: labels of a model and images by digest. They verify no
signature and know no revocation; with `failurePolicy: Fail` the webhook denies everything while Gatekeeper is away.
Neither they nor any webhook can guard webhook configurations and admission policies: there RBAC alone decides.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from weighbridge.points.gatekeeper.names import (
    ADMINISTRATORS,
    AGENT_ACCOUNT,
    AGENTS,
    CONSTRAINT,
    ENVIRONMENT_LABEL,
    GATEKEEPER_NAMESPACE,
    IGNORE_LABEL,
)
from weighbridge.points.gatekeeper.webhook import SUBRESOURCES, exempt

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_GATEKEEPER = f"system:serviceaccount:{GATEKEEPER_NAMESPACE}:gatekeeper-admin"
_DIGEST = "^[A-Za-z0-9][A-Za-z0-9._/:-]*@sha256:[0-9a-f]{64}$"
Policy = dict[str, Any]


def admission_policies(
    labels: Mapping[str, str],
    support_images: Sequence[str],
    exempt_namespaces: Sequence[str],
    environments: Sequence[str],
) -> list[Policy]:
    """Every policy, each followed by its binding.

    Args:
        labels: names of the labels `model_id` and `model_version`.
        support_images: digests of images that need no model.
        exempt_namespaces: the catalogue's.
        environments: names of all of them.
    """
    pods = _pods(labels, support_images)
    bound = {
        "matchExpressions": [
            {"key": ENVIRONMENT_LABEL, "operator": "Exists"},
            {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": exempt(exempt_namespaces)},
        ]
    }
    return [
        *_bound(_namespaces(exempt_namespaces, environments)),
        *_bound(_own_resources()),
        *_bound(_gatekeepers_resources()),
        *_bound(pods, {"namespaceSelector": bound}),
    ]


def _namespaces(exempt_namespaces: Sequence[str], environments: Sequence[str]) -> Policy:
    left_alone = _text(exempt(exempt_namespaces))
    after = f"variables.after[?'{ENVIRONMENT_LABEL}']"
    return _policy(
        "weighbridge-namespaces",
        # Kubernetes takes labels by the subresources, too.
        [_rule("", ["namespaces", "namespaces/status", "namespaces/finalize"], ["CREATE", "UPDATE"])],
        {
            "before": "oldObject == null ? {} : oldObject.metadata.?labels.orValue({})",
            "after": "object.metadata.?labels.orValue({})",
            "trusted": _member(ADMINISTRATORS),
        },
        [
            _unchanged(ENVIRONMENT_LABEL, f"only {ADMINISTRATORS} bind a namespace to an environment, or end that"),
            {
                # A label that no constraint selects by would leave the namespace to what judges unbound ones.
                "expression": f"variables.before[?'{ENVIRONMENT_LABEL}'] == {after} || "
                f"{after}.orValue('{environments[0]}') in {_text(sorted(environments))}",
                "message": "there is no such environment",
            },
            _unchanged(IGNORE_LABEL, f"only {ADMINISTRATORS} have Gatekeeper ignore a namespace"),
            {
                "expression": f"!('{ENVIRONMENT_LABEL}' in variables.after) || "
                f"(!('{IGNORE_LABEL}' in variables.after) && !(object.metadata.name in {left_alone}))",
                "message": "a namespace of an environment can neither be exempt nor be ignored by Gatekeeper",
            },
        ],
    )


def _unchanged(label: str, message: str) -> dict[str, str]:
    # `[?key]` gives an optional, so an absent label and an empty one are two things.
    return {
        "expression": f"variables.trusted || variables.before[?'{label}'] == variables.after[?'{label}']",
        "message": message,
    }


def _own_resources() -> Policy:
    rules = [_rule("weighbridge.dev", ["*"], ["CREATE", "UPDATE", "DELETE"])]
    trusted = f"{_member(ADMINISTRATORS)} || {_member(AGENTS)} || request.userInfo.username == '{AGENT_ACCOUNT}'"
    message = f"only {ADMINISTRATORS} and {AGENTS} write approvals and live state; unsigned ones count for nothing"
    return _policy(
        "weighbridge-approvals", rules, {"trusted": trusted}, [{"expression": "variables.trusted", "message": message}]
    )


def _gatekeepers_resources() -> Policy:
    changes = ["CREATE", "UPDATE", "DELETE"]
    rules = [
        _rule("templates.gatekeeper.sh", ["constrainttemplates"], changes),
        _rule("constraints.gatekeeper.sh", ["*"], changes),
        _rule("syncset.gatekeeper.sh", ["syncsets"], changes),
        _rule("config.gatekeeper.sh", ["configs"], changes),
        _rule("apiextensions.k8s.io", ["customresourcedefinitions"], ["UPDATE", "DELETE"]),
    ]
    own = [f"request.kind.kind == '{CONSTRAINT}'", "request.kind.kind == 'Config'"]
    own += [
        f"request.kind.kind == '{kind}' && request.name == '{name}'"
        for kind, name in (("ConstraintTemplate", CONSTRAINT.lower()), ("SyncSet", "weighbridge"))
    ]
    made = f"{CONSTRAINT.lower()}.constraints.gatekeeper.sh"
    own.append(
        "request.kind.kind == 'CustomResourceDefinition' && "
        f"(request.name.endsWith('.weighbridge.dev') || request.name == '{made}')"
    )
    message = f"only {ADMINISTRATORS} change the rules, what is synced for them, and how Gatekeeper is configured"
    return _policy(
        "weighbridge-rules",
        rules,
        {
            "ours": " || ".join(f"({each})" for each in own),
            "trusted": f"{_member(ADMINISTRATORS)} || request.userInfo.username == '{_GATEKEEPER}'",
        },
        [{"expression": "!variables.ours || variables.trusted", "message": message}],
    )


def _pods(labels: Mapping[str, str], support_images: Sequence[str]) -> Policy:
    labelled = " && ".join(f"'{labels[name]}' in variables.labels" for name in ("model_id", "model_version"))
    return _policy(
        "weighbridge-pods",
        [_rule("", ["pods", *SUBRESOURCES], ["CREATE", "UPDATE"])],
        {
            "labels": "object.metadata.?labels.orValue({})",
            "images": "object.spec.containers.map(c, c.?image.orValue('')) + "
            "object.spec.?initContainers.orValue([]).map(c, c.?image.orValue('')) + "
            "object.spec.?ephemeralContainers.orValue([]).map(c, c.?image.orValue(''))",
            # An update that changes no container starts nothing.
            "old": "oldObject != null && oldObject.spec == object.spec",
            "supporting": "variables.images.all(i, "
            f"i.matches('{_DIGEST}') && i.split('@')[1] in {_text(sorted(support_images))})",
        },
        [
            {
                "expression": f"variables.old || variables.images.all(i, i.matches('{_DIGEST}'))",
                "message": "MOD-008 every image in a namespace of an environment is named as `name@sha256:<64 hex>`",
            },
            {
                "expression": f"variables.old || variables.supporting || ({labelled})",
                "message": f"MOD-001 the pod lacks the labels {labels['model_id']} and {labels['model_version']}",
            },
        ],
    )


def _member(group: str) -> str:
    return f"request.userInfo.groups.exists(g, g == 'system:masters' || g == '{group}')"


def _text(names: Sequence[str]) -> str:
    return json.dumps(names).replace('"', "'")


def _rule(group: str, resources: list[str], operations: list[str]) -> dict[str, Any]:
    return {"apiGroups": [group], "apiVersions": ["*"], "operations": operations, "resources": resources}


def _policy(
    name: str, rules: list[dict[str, Any]], variables: Mapping[str, str], validations: list[dict[str, str]]
) -> Policy:
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {"resourceRules": rules},
            "variables": [{"name": name, "expression": expression} for name, expression in variables.items()],
            "validations": validations,
        },
    }


def _bound(policy: Policy, match: Mapping[str, Any] | None = None) -> list[Policy]:
    name = policy["metadata"]["name"]
    spec: dict[str, Any] = {"policyName": name, "validationActions": ["Deny"]}
    return [
        policy,
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": name},
            "spec": spec | ({"matchResources": dict(match)} if match else {}),
        },
    ]
