"""`weighbridge generate agent`: the rights and the Deployment of a cluster's agent."""

from __future__ import annotations

from typing import Any

import click

from weighbridge.cli import options

_CHOICES = ("report", "cordon", "scale-to-zero", "rollback")


@click.command("agent", context_settings=options.HELP)
@click.option("--cluster", required=True, metavar="NAME", help="The cluster's name, as in `clients.yaml`.")
@click.option("--environment", "environments", multiple=True, required=True, metavar="E", help="What is followed.")
@click.option("--server", required=True, metavar="URL", help="The control plane, https://host:port.")
@click.option("--image", required=True, metavar="REF", help="Weighbridge's image, as registry/name@sha256:...")
@click.option(
    "--on-revoked",
    multiple=True,
    type=click.Choice(_CHOICES),
    help="What the catalogue chooses for these environments; without it, rights for whatever it may choose.",
)
@click.option("--namespace", default="weighbridge-system", show_default=True, metavar="N", help="The agent's own.")
@click.option(
    "--in-namespace",
    "in_namespaces",
    multiple=True,
    metavar="N",
    help="See and treat workloads in these alone; without it, in every namespace of an environment.",
)
@click.option("--replicas", default=2, show_default=True, type=click.IntRange(1, 9), help="One of them acts.")
def command(on_revoked: tuple[str, ...], **given: Any) -> None:
    """Write the namespace, service account, rights and Deployment of `weighbridge agent`, as YAML.

    The Deployment takes its keys from the ConfigMap `weighbridge-agent-keys` (release.pub, live.pub) and a token for
    each environment, under its name, from the Secret `weighbridge-agent-tokens`.
    """
    from weighbridge.control.agent.rights import AgentObjects, agent_yaml  # noqa: PLC0415 -- the help should not wait

    click.echo(agent_yaml(AgentObjects(on_revoked=on_revoked or _CHOICES, **given)), nl=False)
