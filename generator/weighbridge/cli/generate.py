"""`weighbridge generate`: write what runs elsewhere."""

from __future__ import annotations

from typing import Any

import click

from weighbridge.cli import options
from weighbridge.cli.generate_agent import command as agent_command
from weighbridge.cli.harden import command as hardened_command
from weighbridge.weights.cronjob import CronJob, cronjob_yaml


@click.group("generate", context_settings=options.HELP)
def command() -> None:
    """Write what runs elsewhere: a CronJob that verifies weights, a hardened workload, an agent."""


command.add_command(hardened_command)
command.add_command(agent_command)


@command.command("cronjob", context_settings=options.HELP)
@click.option("--image", required=True, metavar="REF", help="Weighbridge's image, as registry/name@sha256:...")
@click.option("--claim", required=True, metavar="PVC", help="The PersistentVolumeClaim with the weights.")
@click.option("--model", required=True, metavar="MODEL@V", help="The version, such as kb-qa-001@2025.03.15.")
@click.option("--digest", required=True, metavar="D", help="The artifact digest, sha256:...")
@click.option("--name", default="verify-weights", show_default=True, metavar="N", help="The CronJob's name.")
@click.option("--namespace", metavar="N", help="The CronJob's namespace.")
@click.option("--schedule", default=CronJob.schedule, show_default=True, metavar="CRON", help="When, in UTC.")
@click.option("--folder", default="/", show_default=True, metavar="PATH", help="The weights' folder on the volume.")
@click.option("--manifest", metavar="PATH", help="A manifest.json on the volume, so that reports can name files.")
@click.option("--links-within", metavar="PATH", help="Follow symbolic links to files in this folder of the volume.")
@click.option("--rate-limit", default=CronJob.rate_limit, show_default=True, metavar="RATE", help="How fast to read.")
@click.option("--event", metavar="SINK", help="Send model_health events: - for the log, or https://...")
@click.option("--token-secret", metavar="SECRET", help="A Secret with the endpoint's bearer token under `token`.")
@click.option("--environment", metavar="E", help="For the event: in which environment the weights are used.")
@click.option(
    "--deadline",
    "deadline_seconds",
    type=click.IntRange(60, 7 * 86400),
    default=CronJob.deadline_seconds,
    show_default=True,
    metavar="SECONDS",
    help="When a run that does not end has failed.",
)
@click.option("--user", type=click.IntRange(1, 2**31 - 1), default=CronJob.user, show_default=True, help="User id.")
@click.option("--group", type=click.IntRange(1, 2**31 - 1), default=CronJob.group, show_default=True, help="Group id.")
def cronjob_command(**given: Any) -> None:
    """Write a hardened CronJob, as YAML, that runs `weighbridge weights verify` on a volume.

    Its image runs beside serving pods, so list the image's digest under `support_images` in the catalogue.
    """
    click.echo(cronjob_yaml(CronJob(**given)), nl=False)
