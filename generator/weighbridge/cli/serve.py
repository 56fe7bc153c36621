"""`weighbridge serve`: the control plane."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from weighbridge.cli import options

_PREFIX = "WEIGHBRIDGE_SERVE"
_GIVEN = frozenset({ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT})
_OWN = frozenset({"config", "check_config"})


@click.group(
    invoke_without_command=True, context_settings={**options.HELP, "auto_envvar_prefix": _PREFIX}, subcommand_metavar=""
)
@click.option("--config", metavar="FILE", type=click.Path(path_type=Path), help="A `serve.yaml`; flags override it.")
@click.option("--check-config", is_flag=True, help="Say what is wrong with all of it, and do not serve.")
@click.option("--bundles", metavar="DIR", help="What `compile` wrote; new releases are taken from there.")
@click.option(
    "--release-key", metavar="PUB", multiple=True, help="Public key of releases; several while one is replaced."
)
@click.option(
    "--live-key",
    metavar="K",
    multiple=True,
    help=f"Private key of live data: {options.PRIVATE_KEY}. Several while one is replaced; the first signs the log.",
)
@click.option("--past-live-key", metavar="PUB", multiple=True, help="Public key of older entries of the log.")
@click.option("--clients", metavar="FILE", help="Who may ask: `clients.yaml`.")
@click.option("--database", metavar="URL", help="A file for SQLite, or postgresql://… for several replicas.")
@click.option("--listen", metavar="HOST:PORT", help="By default 127.0.0.1:8282.")
@click.option("--tls-cert", metavar="PEM", help="The server's certificate, with its chain.")
@click.option("--tls-key", metavar="PEM", help="The certificate's private key.")
@click.option("--client-ca", metavar="PEM", help="Who issues clients' certificates.")
@click.option("--client-crl", metavar="PEM", help="Which of them were revoked.")
@click.option("--client-certificates", type=click.Choice(["optional", "required"]), help="By default optional.")
@click.option(
    "--publish",
    metavar="TARGET",
    multiple=True,
    help="Also publish to dir:PATH, s3://BUCKET/PREFIX, oci://REGISTRY/REPO.",
)
@click.option("--decision-logs", metavar="DIR", help="Take decision logs, and keep them there.")
@click.option("--log-format", type=click.Choice(["json", "text"]), help="Of what the server says; by default json.")
@click.option("--insecure-listen", is_flag=True, help="Listen without TLS where others can reach it.")
@click.option("--pss", is_flag=True, help="RSA keys sign with PS256 instead of RS256.")
@options.example_option
@click.pass_context
def command(context: click.Context, /, **given: Any) -> None:
    """Serve bundles, take orders, and show who has them.

    Every flag may stand in the file of --config (`live_key: […]`) or in the environment (WEIGHBRIDGE_SERVE_LIVE_KEY,
    several with blanks between them). A flag goes before the environment, and that before the file. SIGHUP reads
    clients and certificates again; SIGTERM ends, once what was begun is done.
    """
    if context.invoked_subcommand is not None:
        return
    # Servers and databases, for which the help should not wait.
    from weighbridge.control.server import settings as reading  # noqa: PLC0415 -- above

    config: Path | None = given["config"]
    told = reading.read_file(config) if config is not None else {}
    told |= {
        name: value
        for name, value in given.items()
        if name not in _OWN and context.get_parameter_source(name) in _GIVEN
    }
    settings = reading.load(told)
    if given["check_config"]:
        click.echo("all of it can be used")
        return
    import uvloop  # noqa: PLC0415 -- above

    from weighbridge.control.server.log import start_logging  # noqa: PLC0415 -- above
    from weighbridge.control.server.server import serve  # noqa: PLC0415 -- above

    start_logging(settings.log_format)
    uvloop.run(serve(settings))


@command.command("token", context_settings=options.HELP)
@click.option("--name", metavar="NAME", required=True, help="What the client is called.")
@click.option("--role", type=click.Choice(["sidecar", "agent", "reader"]), default="sidecar", show_default=True)
@click.option("--environment", metavar="E", help="Whose bundles it may have; a reader without one reads all.")
@click.option("--cluster", metavar="CLUSTER", help="Where it runs.")
@click.option(
    "--output", metavar="FILE", type=click.Path(path_type=Path), help="A new file for the token, for you alone."
)
@options.format_option
def token(name: str, role: str, environment: str | None, cluster: str | None, output: Path | None, form: str) -> None:
    """Make a token for a client, and the entry for `clients.yaml`, which holds its hash alone."""
    from weighbridge.cli.new_file import write_new  # noqa: PLC0415 -- as above
    from weighbridge.control.server.clients import entry_yaml, make_token  # noqa: PLC0415 -- as above

    made, entry = make_token({"name": name, "role": role, "environment": environment, "cluster": cluster})
    if output is not None:
        write_new(output, made.encode(), "a token", private=True)
    if form == "json":
        shown = {"entry": entry} if output is not None else {"entry": entry, "token": made}
        click.echo(json.dumps(shown))
        return
    if output is None:
        click.echo("The token, shown this once:", err=True)
        click.echo(made)
    click.echo("Its entry, below `clients:` in clients.yaml:", err=True)
    click.echo(entry_yaml(entry))
