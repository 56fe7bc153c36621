"""`weighbridge package`: hash a model folder, say what is in it, and sign what binds card and manifest to it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from weighbridge.cli import options
from weighbridge.cli.progress import bytes_bar
from weighbridge.errors import InputError
from weighbridge.keys import load_private_key

if TYPE_CHECKING:
    from weighbridge.packaging.package import Package

_SHOWN = 10
"""How many lines of one kind the report for people has."""


@click.command("package", context_settings=options.HELP)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--model", required=True, metavar="ID", help="The model's id, such as kb-qa-001.")
@click.option("--version", required=True, metavar="V", help="The version, such as 2025.03.15.")
@click.option(
    "-o", "--output", required=True, metavar="OUT", type=click.Path(path_type=Path), help="A new folder to write."
)
@click.option(
    "--archive", metavar="FILE", type=click.Path(path_type=Path), help="A reproducible .tar.zst of the model."
)
@click.option("--key", metavar="K", help=f"Sign what was found: {options.PRIVATE_KEY}.")
@click.option(
    "--image-profile",
    "profile_files",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="What `image profile` wrote about an image that the card names, for the CUDA in it; repeatable.",
)
@click.option("--executable-evidence", is_flag=True, help="With --key: sign what of the model can run, as evidence.")
@click.option("--at", metavar="TIME", help="The statements' time, RFC 3339; by default now.")
@options.format_option
def command(  # noqa: PLR0913, PLR0917 -- one parameter an option, all given by click by name
    folder: Path,
    model: str,
    version: str,
    output: Path,
    archive: Path | None,
    key: str | None,
    profile_files: tuple[Path, ...],
    executable_evidence: bool,
    at: str | None,
    form: str,
) -> None:
    """Package the model folder DIR: manifest, artifact digest, package statement.

    OUT gets manifest.json, artifact.json, DIR's README.md (the model card) and, with --key, the signed package
    statement below evidence/. Weights are not copied. README.md, manifest.json, artifact.json and evidence/ at the top
    of DIR are no part of the artifact, nor is what DIR/.weighbridgeignore leaves out, which the manifest names. OUT is
    usually models/<id>/<version> in a catalogue.
    """
    from weighbridge.packaging import package as packages  # noqa: PLC0415 -- the help should not wait for it
    from weighbridge.packaging.archive import check_archive, write_archive  # noqa: PLC0415 -- the same
    from weighbridge.packaging.image import read_profile  # noqa: PLC0415 -- the same

    if executable_evidence and key is None:
        raise InputError.single(
            "", "evidence is signed, and there is no --key", "Add --key.", field="--executable-evidence"
        )
    signing_key = load_private_key(key) if key is not None else None
    at_ns = options.at_ns(at)
    packages.check_output(folder, output)
    if archive is not None:
        check_archive(folder, archive)
    profiles = [read_profile(file) for file in profile_files]
    with bytes_bar("Hashing") as advance:
        packaged = packages.package(folder, model=model, version=version, profiles=profiles, progress=advance)
    files = packaged.files()
    if signing_key is not None:
        files[packages.STATEMENT_FILE] = packages.sign_package(packaged, signing_key, at_ns)
        if executable_evidence:
            files[packages.EXECUTABLE_FILE] = packages.sign_executable_content(packaged, signing_key, at_ns)
    if archive is not None:
        write_archive(folder, packaged, archive)
    packages.write_package(output, files)
    document = _document(packaged, output, archive, signed=signing_key is not None)
    if form == "json":
        json.dump(document, sys.stdout, indent=2)
        click.echo()
    else:
        _tell(packaged, document)


def _document(packaged: Package, output: Path, archive: Path | None, *, signed: bool) -> dict[str, object]:
    manifest = packaged.manifest
    said = manifest.model_dump(mode="json", exclude={"files", "model", "version", "artifact_digest"}, exclude_none=True)
    return {
        "name": packaged.name,
        "digest": packaged.digest,
        "manifest_sha256": packaged.manifest_sha256,
        "files": len(manifest.files),
        "bytes": sum(file.size for file in manifest.files),
        "signed": signed,
        "output": str(output),
        **({"archive": str(archive)} if archive else {}),
        **{name: value for name, value in said.items() if name not in {"api_version", "kind"}},
    }


def _tell(packaged: Package, document: dict[str, object]) -> None:
    manifest = packaged.manifest
    click.echo(f"{packaged.name}: {document['files']} files, {document['bytes']:,} bytes")
    click.echo(f"artifact digest   {packaged.digest}")
    click.echo(f"manifest          {packaged.manifest_sha256}")
    click.echo(f"licenses          {', '.join(manifest.licenses) or 'none that is known'}")
    if manifest.formats:
        click.echo(f"formats           {', '.join(manifest.formats)}, {_parameters(packaged)}")
    if manifest.dependencies:
        click.echo(f"dependencies      {len(manifest.dependencies)}")
    if manifest.cuda:
        needs = f"CUDA {manifest.cuda}" + (f", cuDNN {manifest.cudnn}" if manifest.cudnn else "")
        click.echo(f"needs             {needs}, driver {manifest.driver or 'not known'}")
    _list("can run", [f"{part.path}: {part.kind} ({part.detail})" for part in manifest.executable])
    _list("left out", list(manifest.ignored))
    _list("not understood", [f"{finding.path}: {finding.message}" for finding in manifest.findings])
    if "archive" in document:
        click.echo(f"archive           {document['archive']}")
    click.echo(f"written to        {document['output']}")
    if not document["signed"]:
        click.echo("not signed: no gate believes it before it has a package statement (--key)")


def _parameters(packaged: Package) -> str:
    counted = [header.parameters for header in packaged.manifest.weights if header.parameters is not None]
    return f"{sum(counted):,} parameters" if counted else "parameters not told by any header"


def _list(title: str, lines: list[str]) -> None:
    for index, line in enumerate(lines[:_SHOWN]):
        click.echo(f"{title if not index else '':<18}{line}")
    if len(lines) > _SHOWN:
        click.echo(f"{'':<18}and {len(lines) - _SHOWN:,} more: see manifest.json")
