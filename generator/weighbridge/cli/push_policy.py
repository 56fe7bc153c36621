"""`weighbridge push-policy`: an environment's policy and data into a registry, for `conftest pull`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from weighbridge.cli import options, registries


@click.command("push-policy", context_settings=options.HELP)
@click.argument("bundle", metavar="DIR", type=click.Path(path_type=Path))
@click.argument("target", metavar="TARGET")
@click.option("--environment", metavar="E", required=True, help="Whose policy and data are pushed.")
@registries.plain_http_option
@registries.username_option
@registries.password_option
@options.format_option
def command(
    bundle: Path,
    target: str,
    environment: str,
    plain_http: bool,
    username: str | None,
    password_stdin: bool,
    form: str,
) -> None:
    """Push what `compile` wrote into DIR for conftest to TARGET, so that `conftest pull` takes it.

    TARGET is oci://host/repository:tag, or oci-layout:PATH[:tag] for a new folder. Every file is compared with
    index.json first. `conftest pull --policy OUT TARGET` gives a folder that `conftest test -p OUT/E/conftest/policy -d
    OUT/E/conftest/data` and `weighbridge check --bundle OUT --environment E` both take. Pull by the digest that is
    printed here: a tag can be moved.
    """
    from weighbridge.oci.policy import push_policy  # noqa: PLC0415 -- the help should not wait for it
    from weighbridge.oci.targets import open_target  # noqa: PLC0415 -- the same
    from weighbridge.points.compiled import CompiledFolder  # noqa: PLC0415 -- the same

    given = registries.credentials_from(username, password_stdin=password_stdin)
    files = CompiledFolder(bundle, environment).files()
    with open_target(target, plain_http=plain_http, credentials=given) as (sink, tag):
        descriptor = push_policy(files, sink, tag)
    if form == "json":
        document = {"environment": environment, "target": target, "digest": descriptor.digest, "files": len(files)}
        click.echo(json.dumps(document, indent=2))
    else:
        click.echo(f"{environment}'s policy is at {target}, {len(files)} files")
        click.echo(f"digest  {descriptor.digest}")
