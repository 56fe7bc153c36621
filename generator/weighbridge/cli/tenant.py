"""`weighbridge tenant`: keys for tenants."""

from __future__ import annotations

import json
import time

import click

from weighbridge.catalogue.names import Name, format_time, parse_time_ns
from weighbridge.catalogue.tenant_keys import make_tenant_key
from weighbridge.catalogue.validation import validate_value
from weighbridge.cli import options
from weighbridge.errors import InputError

_YEAR_NS = 365 * 86400 * 10**9


@click.group("tenant", context_settings=options.HELP)
def command() -> None:
    """Make keys for tenants."""


@command.command("key")
@click.argument("tenant")
@click.option("--environment", required=True, metavar="E", help="The environment in which the key is valid.")
@click.option("--not-after", metavar="TIME", help="When the key expires, RFC 3339; by default a year from now.")
@click.option("--models", multiple=True, metavar="ID", help="Restrict the key to these models; may be repeated.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def key(tenant: str, environment: str, not_after: str | None, models: tuple[str, ...], form: str) -> None:
    """Make a key for TENANT and print it, once, with the entry for tenants.yaml.

    The key is written to no file: only its hash goes into the catalogue, and whoever loses the key gets a new one.
    """
    validate_value(Name, tenant, "TENANT")
    validate_value(Name, environment, "--environment")
    new = make_tenant_key(environment, _expiry(not_after), models)
    if form == "json":
        document = {"tenant": tenant, "environment": environment, "key": new.key, "entry": new.entry}
        click.echo(json.dumps(document, indent=2))
        return
    click.echo(f"Key of {tenant} in {environment}, shown only now:\n\n  {new.key}\n")
    click.echo(f"Add to tenants.yaml, below tenants.{tenant}.environments.{environment}.keys:\n\n  {new.yaml()}")


def _expiry(not_after: str | None) -> int:
    now = time.time_ns()
    if not_after is None:
        return now + _YEAR_NS
    try:
        expiry = parse_time_ns(not_after)
    except ValueError as error:
        raise InputError.single("", f"is {not_after!a}, {error}", "Correct the time.", field="--not-after") from error
    if expiry <= now:
        message = f"is {not_after}, which is past ({format_time(now)})"
        raise InputError.single("", message, "Give a time to come.", field="--not-after")
    return expiry
