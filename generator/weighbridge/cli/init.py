"""`weighbridge init`: a catalogue to start from."""

from __future__ import annotations

import json
from pathlib import Path

import click

from weighbridge.catalogue.start import start_catalogue
from weighbridge.cli import options


@click.command("init", context_settings=options.HELP)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--with-keys",
    "keys",
    metavar="KEYS",
    type=click.Path(path_type=Path),
    help="Make keys for CI and for the root; the private halves go into this folder, outside DIR.",
)
@options.format_option
def command(folder: Path, keys: Path | None, form: str) -> None:
    """Write a small, valid catalogue into the new or empty folder DIR."""
    started = start_catalogue(folder, keys)
    if form == "json":
        document = {
            "catalogue": [str(path) for path in started.catalogue],
            "private_keys": [str(path) for path in started.private_keys],
        }
        click.echo(json.dumps(document, indent=2))
        return
    for path in started.catalogue:
        click.echo(f"wrote {path}")
    for path in started.private_keys:
        click.echo(f"wrote {path} (private: keep it out of Git)")
    key = keys / "ci.pem" if keys else "KEY"
    click.echo("\nNext:")
    click.echo("  weighbridge card init MODEL_DIR")
    click.echo(f"  weighbridge package MODEL_DIR --model ID --version V --output {folder}/models/ID/V --key {key}")
    if keys:
        click.echo(f"  weighbridge trust sign {folder} --key {keys / 'root.pem'}")
        click.echo(f"  weighbridge verify {folder} --root {keys / 'root.pub'}")
    else:
        click.echo(f"  weighbridge verify {folder}")
