"""`weighbridge package`: hash a model folder, and sign what binds its card and manifest to it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from threading import Lock

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from weighbridge.cli import options
from weighbridge.keys import load_private_key
from weighbridge.packaging.package import (
    STATEMENT_FILE,
    Package,
    check_output,
    package,
    sign_package,
    write_package,
)


@click.command("package", context_settings=options.HELP)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--model", required=True, metavar="ID", help="The model's id, such as kb-qa-001.")
@click.option("--version", required=True, metavar="V", help="The version, such as 2025.03.15.")
@click.option("--output", required=True, metavar="OUT", type=click.Path(path_type=Path), help="A new folder to write.")
@click.option("--key", metavar="K", help="Sign the package statement: a PEM file, or env:NAME.")
@click.option("--at", metavar="TIME", help="The statement's time, RFC 3339; by default now.")
@options.format_option
def command(folder: Path, model: str, version: str, output: Path, key: str | None, at: str | None, form: str) -> None:
    """Package the model folder DIR: manifest, artifact digest, package statement.

    OUT gets manifest.json, artifact.json, DIR's README.md (the model card) and, with --key, the signed package
    statement below evidence/. Weights are not copied. README.md, manifest.json, artifact.json and evidence/ at the top
    of DIR are no part of the artifact. OUT is usually models/<id>/<version> in a catalogue.
    """
    signing_key = load_private_key(key) if key is not None else None
    at_ns = options.at_ns(at)
    check_output(folder, output)
    packaged = _package(folder, model, version)
    files = packaged.files()
    if signing_key is not None:
        files[STATEMENT_FILE] = sign_package(packaged, signing_key, at_ns)
    write_package(output, files)
    _report(packaged, output, signed=signing_key is not None, form=form)


def _package(folder: Path, model: str, version: str) -> Package:
    console = Console(stderr=True)
    if not console.is_terminal:
        return package(folder, model=model, version=version)
    columns = (TextColumn("Hashing"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task, lock = bar.add_task("hash", total=None), Lock()

        def advance(count: int, total: int) -> None:
            with lock:
                bar.update(task, advance=count, total=total)

        return package(folder, model=model, version=version, progress=advance)


def _report(packaged: Package, output: Path, *, signed: bool, form: str) -> None:
    size = sum(file.size for file in packaged.manifest.files)
    if form == "json":
        document = {
            "name": packaged.name,
            "digest": packaged.digest,
            "manifest_sha256": packaged.manifest_sha256,
            "files": len(packaged.manifest.files),
            "bytes": size,
            "signed": signed,
            "output": str(output),
        }
        json.dump(document, sys.stdout, indent=2)
        click.echo()
        return
    click.echo(f"{packaged.name}: {len(packaged.manifest.files)} files, {size:,} bytes")
    click.echo(f"artifact digest   {packaged.digest}")
    click.echo(f"manifest          {packaged.manifest_sha256}")
    click.echo(f"written to        {output}")
    if not signed:
        click.echo("not signed: no gate believes it before it has a package statement (--key)")
