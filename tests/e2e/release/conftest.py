"""A copy of the example catalogue in which one version is documented in full and stands before staging.

What was published with the example's keys stays as it is; the version's card and manifest are written anew, its
package statement signed anew, and its promotions and approvals are gone: they are for the commands to make.
"""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from weighbridge import resources
from weighbridge.canonical import canonical, digest
from weighbridge.catalogue.names import format_time, parse_time_ns
from weighbridge.engines.opa import OpaServer
from weighbridge.evidence.predicates import APPROVAL, PACKAGE, PROMOTION
from weighbridge.evidence.write import write_attestation
from weighbridge.keys import PrivateKey, load_private_key
from weighbridge.registry.judgement import Judged, JudgingOptions, judge_catalogue
from weighbridge.release.approve import approve, consider
from weighbridge.release.evidence_file import write_evidence
from weighbridge.release.promote import outlook, promote

REPOSITORY = Path(__file__).resolve().parents[3]
NAME = "kb-qa-001@2025.03.15"
FOLDER = "models/kb-qa-001/2025.03.15"
AT = "2026-01-15T00:00:00Z"
AT_NS = parse_time_ns(AT)
DAY_NS = 86_400 * 10**9
CYCLONEDX = "https://cyclonedx.org/bom"
JUDGED_BY = ["evidence", "gate", "release"]
"""The folders of rules that one OPA has when a catalogue is judged."""
Json = dict[str, Any]

CARD = """---
license: apache-2.0
base_model: []
datasets: [example/kb-questions]
metrics: [exact_match]
weighbridge:
  images:
  - digest: sha256:618e1c0e9d8cde7ef91d0c69a50758ad02fc68ec26c4b5f1318c3edc287ef3ab
  lineage: {parent_run_id: run-2025.03.15}
  environment_variables: [KB_INDEX]
---

# kb-qa-001

## Intended use

Answers questions of employees about the handbook; nothing else.

## Threat model

Whoever can ask may try to copy the model; quotas stand against it. Answers are taken from the list word for word.

## Dependency list

```
onnxruntime 1.20
```

## Required environment variables

`KB_INDEX`: the folder with the index.
"""


def key_file(name: str) -> str:
    return str(REPOSITORY / "examples" / "keys" / f"example-only-{name}.pem")


def key(name: str) -> PrivateKey:
    return load_private_key(key_file(name))


@dataclass
class Shop:
    """The catalogue, and everybody's keys."""

    root: Path

    @property
    def folder(self) -> Path:
        return self.root / FOLDER

    @property
    def artifact(self) -> str:
        return digest((self.folder / "artifact.json").read_bytes())

    @property
    def manifest(self) -> str:
        return digest(canonical(json.loads((self.folder / "manifest.json").read_bytes())))

    def sign(self, file: str, kind: str, predicate: Json, signer: str, subject: str = "") -> Path:
        """Put signed evidence into the version's folder, as anybody with a key and write access can."""
        target = self.folder / "evidence" / file
        target.write_bytes(write_attestation(kind, predicate, ("x", subject or self.artifact), [key(signer)], file))
        return target

    def package(self, card: str = CARD, *, licenses: tuple[str, ...] = ("Apache-2.0",), at: str = "2025-12-26") -> None:
        """Write card and manifest, and sign the statement that binds them."""
        (self.folder / "README.md").write_text(card)
        manifest = json.loads((self.folder / "manifest.json").read_bytes())
        manifest |= {"licenses": list(licenses), "card_sha256": digest(card.encode())}
        (self.folder / "manifest.json").write_text(json.dumps(manifest))
        predicate = {"manifest_sha256": self.manifest, "card_sha256": digest(card.encode()), "at": f"{at}T00:00:00Z"}
        self.sign("package.sigstore.json", PACKAGE, predicate, "ci")

    def configure(self, change: Callable[[str], str]) -> None:
        file = self.root / "weighbridge.yaml"
        before = file.read_text()
        after = change(before)
        assert after != before
        file.write_text(after)

    def judge(self, at_ns: int = AT_NS, *, siblings: bool = False) -> Judged:
        options = JudgingOptions(at_ns=at_ns, allow_example_keys=True, only=NAME, siblings=siblings)
        return judge_catalogue(self.root, options)

    def codes(self, environment: str, at_ns: int = AT_NS) -> set[str]:
        """Why the gate refuses the version; empty if it approves it."""
        return {reason.code for reason in self.judge(at_ns).records[environment][NAME].reasons}

    def promote(self, target: str, at_ns: int = AT_NS, signer: str = "ci") -> list[str]:
        """Promote as the command does, all but its check of who signs; the files that were written."""
        judged = self.judge(at_ns)
        files = promote(judged, outlook(judged, NAME, target), key(signer), key(signer), at_ns)
        write_evidence(self.root, files)
        return [file.path for file in files]

    def approve(self, signer: str, at_ns: int = AT_NS) -> str:
        judged = self.judge(at_ns, siblings=True)
        found = consider(judged, NAME, "prod", key(signer).public_key(), at_ns)
        file = approve(judged, found, key(signer), at_ns)
        write_evidence(self.root, [file])
        return file.path

    def bring_to_prod(self) -> None:
        """Signed by hand, as nobody needs to be asked to set a stage: in staging for ten days, approved, in prod."""
        for signer in ("mlsec", "product"):
            approval = {"environment": "prod", "manifest_sha256": self.manifest, "at": "2026-01-14T00:00:00Z"}
            self.sign(f"approval-{signer}.json", APPROVAL, approval, signer)
        self.promotion("dev", "staging", AT_NS - 10 * DAY_NS)
        self.promotion("staging", "prod", AT_NS - DAY_NS)

    def promotion(self, source: str, target: str, at_ns: int, signer: str = "ci", subject: str = "") -> Path:
        predicate = {"from": source, "to": target, "at": format_time(at_ns), "record_sha256": digest(b"")}
        return self.sign(f"promotion-{target}.json", PROMOTION, predicate, signer, subject)


@pytest.fixture(scope="session")
def engine() -> Iterator[OpaServer]:
    """One OPA with the shipped rules for all tests here: starting one takes longer than all that it is asked."""
    with OpaServer([resources.policies() / step for step in JUDGED_BY]) as server:
        yield server


@pytest.fixture
def shop(tmp_path: Path, engine: OpaServer, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """The version in dev, with all evidence that does not come from promoting and approving."""

    def kept(paths: list[Path], modules: dict[str, str]) -> AbstractContextManager[OpaServer]:
        assert ([path.name for path in paths], modules) == (JUDGED_BY, {})
        return nullcontext(engine)

    monkeypatch.setattr("weighbridge.registry.judgement.OpaServer", kept)
    root = tmp_path / "catalogue"
    shutil.copytree(REPOSITORY / "examples" / "catalogue", root)
    made = Shop(root)
    for file in [*made.folder.glob("evidence/approval-*"), *made.folder.glob("evidence/promotion-*")]:
        file.unlink()
    # The gate leaves the bill of materials to the release.
    made.configure(lambda text: text.replace("bill-of-materials, ", "").replace("bill-of-materials", "sbom"))
    (made.folder / "evidence" / "sbom.sigstore.json").unlink()
    made.package()
    bom = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "metadata": {"timestamp": "2025-12-26T00:00:00Z"},
        "components": [{"type": "data", "name": "answers.json"}],
    }
    made.sign("sbom.json", CYCLONEDX, bom, "ci")
    return made
