"""What the resources in a cluster are called."""

from __future__ import annotations

GROUP_VERSION = "weighbridge.dev/v1"
APPROVAL, LIVE_STATE = "ModelApproval", "LiveState"
CONSTRAINT = "WeighbridgeWorkload"
"""The kind that the ConstraintTemplate defines."""
ENVIRONMENT_LABEL = "weighbridge.dev/environment"
"""The label of a namespace that binds it to an environment."""
IGNORE_LABEL = "admission.gatekeeper.sh/ignore"
"""Gatekeeper's own: its webhook leaves out every namespace that bears it."""
ADMINISTRATORS = "weighbridge.dev:administrators"
"""The group that may bind namespaces, and change what is applied here."""
AGENTS = "weighbridge.dev:agents"
"""The group that may write ModelApproval and LiveState, and nothing else: their signatures are what counts."""
AGENT_ACCOUNT = "system:serviceaccount:weighbridge-system:weighbridge-agent"
"""The service account that `weighbridge generate agent` writes: Kubernetes puts none into groups of ours."""
GATEKEEPER_NAMESPACE = "gatekeeper-system"
EFFECTS = {"deny": ("deny",), "warn": ("warn",), "dryrun": ("dry-run", "waived")}
"""By `enforcementAction`, the effects of violations that a constraint shows."""


def approval_name(environment: str, model: str, version: str) -> str:
    """`<environment>.<id>.<version>`: each part is at most 63 characters, so all are at most 191."""
    return f"{environment}.{model}.{version}"
