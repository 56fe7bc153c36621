"""One version goes from a folder of weights to prod by Weighbridge's own commands, as a team's pipeline would run them.

Each command is a process of its own, with nothing but files between them: the model's folder, the catalogue, key files.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from builder.catalogue import source
from builder.evaluate import evaluate
from builder.material import Material, private_pem
from builder.statements import PROVENANCE, evaluation_predicate, provenance_predicate
from builder.versions import DAY, HOUR
from stage.report import Report, brief
from weighbridge.catalogue.names import format_time
from weighbridge.evidence.predicates import EVALUATION, PUBLICATION
from weighbridge.keys import public_pem
from weighbridge.packaging.package import Package

COMMAND = Path(sys.executable).with_name("weighbridge")
_DIGEST = re.compile(r"(sha256:[0-9a-f]{12})[0-9a-f]{52}")
KEYS = ("ci", "eval", "mlsec", "product", "root")


@dataclass(frozen=True)
class Step:
    """One command, and what it must say."""

    does: str
    arguments: tuple[str | Path, ...]
    says: str
    """A part of its output; "" for any."""
    status: int = 0


@dataclass(frozen=True)
class Pipeline:
    """A version, its folders, and the keys of those who sign."""

    packaged: Package
    model: Path
    """The model's own folder."""
    catalogue: Path
    work: Path
    """A folder of this pipeline's own, outside of both."""
    at_ns: int

    @property
    def version(self) -> Path:
        """The version's folder in the catalogue."""
        return self.catalogue / "models" / self.packaged.manifest.model / self.packaged.manifest.version

    def key(self, name: str) -> Path:
        """A private key's file."""
        return self.work / "keys" / f"{name}.pem"

    def prepare(self, material: Material) -> None:
        """Write what comes from elsewhere: keys, and what the builder and the evaluation say of the version."""
        (self.work / "keys").mkdir(parents=True)
        for name in KEYS:
            self.key(name).write_bytes(private_pem(material.keys[name]))
            self.key(name).chmod(0o600)
        self.work.joinpath("root.pub").write_text(public_pem(material.keys["root"].public_key()), "utf-8")
        measured = evaluate(self.packaged.manifest.model, self.model)
        said = {
            "provenance": provenance_predicate(self.packaged, self.at_ns - 21 * DAY),
            "evaluation": evaluation_predicate(measured, self.at_ns - 19 * DAY),
            "publication": {"sources": [source(self.packaged)], "at": format_time(self.at_ns - 19 * DAY)},
        }
        for name, predicate in said.items():
            self.work.joinpath(f"{name}.json").write_text(json.dumps(predicate), "utf-8")

    def steps(self) -> Iterator[Step]:
        """The commands, in their order."""
        name, digest = self.packaged.name, self.packaged.digest
        evidence, artifact = self.version / "evidence", ("--artifact", self.version / "artifact.json")
        root = ("--root", self.work / "root.pub", "--require-signed-trust")

        def at(before: int) -> tuple[str, str]:
            return "--at", format_time(self.at_ns - before)

        def attest(kind: str, what: str, key: str) -> tuple[str | Path, ...]:
            target = evidence / f"{what}.sigstore.json"
            given = ("--predicate-type", kind, "--from", self.work / f"{what}.json")
            return "attest", *given, *artifact, "--key", self.key(key), "-o", target

        model, version = name.split("@")
        named = ("--model", model, "--version", version)
        signed = ("--key", self.key("ci"))
        yield Step("does the card say what a release must?", ("card", "check", self.model), "complete")
        packaging = ("package", self.model, *named, "--output", self.version, *signed, *at(20 * DAY))
        yield Step("package the folder, sign what binds card and manifest", packaging, digest)
        sbom = ("sbom", self.version, "-o", self.work / "sbom.json", *signed)
        yield Step("write and sign its bill of materials", sbom, "cyclonedx-1.6")
        output = ("-o", evidence / "model-signature.sigstore.json")
        yield Step("sign the folder in the OpenSSF format", ("sign", self.model, *signed, *output), "")
        yield Step("attest how it was built", attest(PROVENANCE, "provenance", "ci"), digest)
        yield Step("attest what it really scored", attest(EVALUATION, "evaluation", "eval"), digest)
        layout = f"oci-layout:{self.work / 'registry'}:{version}"
        pushed = source(self.packaged).partition("@")[2]
        yield Step("push it, as a ModelPack", ("push", self.model, layout, "--package", self.version), pushed)
        yield Step("attest where it was pushed to", attest(PUBLICATION, "publication", "ci"), digest)
        back = self.work / "pulled"
        yield Step("pull it, every byte verified", ("pull", layout, "--output", back), digest)
        prod = ("promote", self.catalogue, name, "--to", "prod", *root)
        yield Step("to prod already?", (*prod, *at(HOUR)), "REL-006", status=1)
        staging = ("promote", self.catalogue, name, "--to", "staging", *root)
        yield Step("promote it to staging", (*staging, *signed, *at(25 * HOUR)), "")
        for person in ("mlsec", "product"):
            approve = ("approve", self.catalogue, name, "--environment", "prod", "--yes", *root)
            yield Step(f"{person} approves it", (*approve, "--key", self.key(person), *at(2 * HOUR)), digest)
        yield Step("promote it to prod", (*prod, *signed, *at(HOUR)), "")
        release = ("release", self.catalogue, name, "--environment", "prod", *root, *at(0))
        yield Step("announce it", (*release, "--event", f"file:{self.work / 'events.jsonl'}"), "")
        weights = ("weights", "verify", back, "--catalogue", self.catalogue, "--model", name, *root, *at(0))
        yield Step("compare what was pulled with what was packaged", (*weights, "--priority", "normal"), digest)

    def play(self, report: Report) -> None:
        """Run every command and print a table of them."""
        table = report.table("what", "weighbridge", "says", "")
        for step in self.steps():
            with report.working(step.does):
                result = self._run(step)
            said = result.stdout + result.stderr
            ok = result.returncode == step.status and step.says in said
            line = next((line for line in said.splitlines() if step.says and step.says in line), said)
            cells = (step.does, str(step.arguments[0]), brief(_DIGEST.sub(r"\1...", line), 110))
            report.row(table, *cells, ok=ok, what=f"weighbridge {step.arguments[0]}: {said}")
        report.show(table)

    def _run(self, step: Step) -> subprocess.CompletedProcess[str]:
        command = [str(COMMAND), *map(str, step.arguments)]
        # As in a pipe, whatever the demo's own terminal is.
        environment = {**os.environ, "NO_COLOR": "1"}
        return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
