"""`weighbridge sbom`: write a packaged version's bill of materials, and sign it as evidence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from weighbridge.cli import options
from weighbridge.errors import InputError, OutputError
from weighbridge.sbom.write import PREDICATE_TYPES, TYPES

if TYPE_CHECKING:
    from weighbridge.sbom.write import Sbom


@click.command("sbom", context_settings=options.HELP)
@click.argument("package", metavar="PACKAGE_DIR", type=click.Path(path_type=Path))
@click.option("--type", "kind", type=click.Choice(TYPES), default=TYPES[0], show_default=True, help="Which format.")
@click.option(
    "--model-dir",
    "model_folder",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="The packaged model's own folder, for the architecture in its config.json.",
)
@click.option(
    "--merge",
    "merging",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Take in this SBOM: CycloneDX 1.4 to 1.7 or SPDX 2.3, as JSON. Its components keep their origin; repeatable.",
)
@click.option("-o", "--output", required=True, metavar="FILE", type=click.Path(path_type=Path), help="A new file.")
@click.option("--key", "key_source", metavar="K", help=f"Also sign it as evidence: {options.PRIVATE_KEY}.")
@click.option(
    "--statement",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Where the signed statement goes; by default evidence/sbom-TYPE.sigstore.json in PACKAGE_DIR.",
)
@click.option("--at", metavar="TIME", help="The document's time; by default SOURCE_DATE_EPOCH, then the package's own.")
@options.format_option
def command(  # noqa: PLR0913, PLR0917 -- one parameter an option
    package: Path,
    kind: str,
    model_folder: Path | None,
    merging: tuple[Path, ...],
    output: Path,
    key_source: str | None,
    statement: Path | None,
    at: str | None,
    form: str,
) -> None:
    """Write the bill of materials of the version that `package` wrote to PACKAGE_DIR.

    It lists every file with its hash, dependencies, CUDA, datasets and the models it was made from, and holds the model
    card. The same input gives the same bytes. What is written is valid by its schema, or nothing is written.
    """
    from weighbridge.keys import load_private_key  # noqa: PLC0415 -- reading foreign SBOMs needs no keys
    from weighbridge.sbom.described import describe  # noqa: PLC0415 -- the help should not wait for it
    from weighbridge.sbom.write import make_sbom, sign_sbom  # noqa: PLC0415 -- the same

    if statement is not None and key_source is None:
        raise InputError.single("", "needs a key to sign with", "Give --key, or leave it out.", field="--statement")
    key = load_private_key(key_source) if key_source is not None else None
    signed_to = None if key is None else statement or package / "evidence" / f"sbom-{kind}.sigstore.json"
    _check_outputs(package, output, signed_to)
    sbom = make_sbom(describe(package, model_folder, at), kind, merging)
    files = {output: sbom.data}
    if key is not None and signed_to is not None:
        files[signed_to] = sign_sbom(sbom, key)
    _write(files)
    _report(sbom, output, signed_to, form)


def _check_outputs(package: Path, output: Path, signed_to: Path | None) -> None:
    if output.resolve().is_relative_to(package.resolve()):
        fix = "Name a file elsewhere; the signed statement, not the document, is evidence."
        raise InputError.single(str(output), "lies in the package folder, where only evidence belongs", fix)
    for file in (output, signed_to):
        if file is not None and (file.exists() or file.is_symlink()):
            raise InputError.single(str(file), "is there already", "Name a new file: evidence is never overwritten.")


def _write(files: dict[Path, bytes]) -> None:
    """Write new files; none of them stays if one cannot be written."""
    written: list[Path] = []
    for file, data in files.items():
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("xb") as stream:
                written.append(file)
                stream.write(data)
        except OSError as error:
            for done in written:
                done.unlink(missing_ok=True)
            fix = "Name a new file in a writable folder."
            raise OutputError(f"{file}: cannot be written: {error.strerror}. {fix}") from error


def _report(sbom: Sbom, output: Path, signed_to: Path | None, form: str) -> None:
    merged = [
        {
            "file": one.name,
            "digest": one.digest,
            "format": one.form,
            "tools": list(one.tools),
            "components": one.components,
        }
        for one in sbom.merged
    ]
    if form == "json":
        document = {
            "output": str(output),
            "type": sbom.kind,
            "subject": sbom.digest,
            "components": sbom.components,
            "merged": merged,
            "statement": None if signed_to is None else str(signed_to),
            "predicate_type": PREDICATE_TYPES[sbom.kind],
        }
        click.echo(json.dumps(document, indent=2))
        return
    click.echo(f"{output}: {sbom.kind}, {sbom.components} components")
    click.echo(f"about      {sbom.name} {sbom.digest}")
    for one in sbom.merged:
        tools = ", ".join(one.tools) or "an unknown tool"
        click.echo(f"merged     {one.name}: {one.components} components, {one.form} by {tools}")
    if signed_to is not None:
        click.echo(f"signed     {signed_to}")
