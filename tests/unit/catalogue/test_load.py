"""A whole catalogue: what loading yields, and that problems of all its parts come together."""

from __future__ import annotations

import hashlib
import pickle
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from weighbridge.canonical import canonical, digest
from weighbridge.catalogue.load import load_catalogue
from weighbridge.catalogue.versions import list_versions, load_version
from weighbridge.errors import InputError, Problem
from weighbridge.keys import fingerprint, public_pem

if TYPE_CHECKING:
    from .conftest import Tree

CONTRACTED = Path(__file__).resolve().parents[2] / "documents" / "weighbridge.yaml"
CONTRACTS = Path(__file__).resolve().parents[4] / "shared" / "CONTRACTS.md"


def test_a_catalogue_is_read(tree: Tree) -> None:
    tree.write("images/" + "c" * 64 + "/evidence/sbom.json", "{}")
    tree.write("orders/revoke.json", "{}")
    tree.write("orders/revoke.acceptance.json", "{}")
    tree.write("policies/mine.rego", "package weighbridge.user.evidence.mine\n")
    catalogue = tree.load()
    assert list(catalogue.versions) == ["kb-qa-001@2025.03.15"]
    version = catalogue.versions["kb-qa-001@2025.03.15"]
    assert version.card.lineage is not None
    assert version.card.lineage.parent_run_id == "run-7"
    assert version.front_matter["no"] == "a key that is no boolean"
    assert version.card_sha256 == digest(tree.path("models/kb-qa-001/2025.03.15/README.md").read_bytes())
    assert version.artifact_digest == version.manifest.artifact_digest
    assert [file.path for file in version.evidence] == ["models/kb-qa-001/2025.03.15/evidence/package.json"]
    assert list(catalogue.images) == ["sha256:" + "c" * 64]
    assert [file.path for file in catalogue.orders] == ["orders/revoke.json"]
    assert [file.path for file in catalogue.acceptance] == ["orders/revoke.acceptance.json"]
    assert [policy.path for policy in catalogue.policies] == ["policies/mine.rego"]
    assert catalogue.signers["ci"].fingerprint == fingerprint(tree.keys["ci"].public_key())
    assert catalogue.signers["auditor"].key is None


def test_trusted_files_are_hashed_as_they_were_read(tree: Tree) -> None:
    catalogue = tree.load()
    expected = ["keys/ci.pub", "keys/mlsec.pub", "tenants.yaml", "weighbridge.yaml"]
    assert catalogue.trusted == {name: hashlib.sha256(tree.path(name).read_bytes()).hexdigest() for name in expected}
    assert catalogue.trust_sha256 == digest(canonical([list(item) for item in catalogue.trusted.items()]))


def test_the_manifest_hash_is_canonical(tree: Tree) -> None:
    before = tree.load().versions["kb-qa-001@2025.03.15"].manifest_sha256
    path = tree.path("models/kb-qa-001/2025.03.15/manifest.json")
    tree.write("models/kb-qa-001/2025.03.15/manifest.json", path.read_text().replace(",", " ,\n "))
    assert tree.load().versions["kb-qa-001@2025.03.15"].manifest_sha256 == before


def test_problems_of_all_parts_come_at_once(tree: Tree) -> None:
    tree.edit(
        "weighbridge.yaml", "about: model\n    signers: [ci]\n    rule: package", "abuot: model\n    signers: [ci]"
    )
    tree.edit("weighbridge.yaml", "promotes_from: dev", "promotes_from: qa")
    tree.edit("tenants.yaml", "max_tokens: 4096", "max_tokens: 0")
    tree.edit("tenants.yaml", "id: k7m2p9qb", "id: k7m2p9qa")
    tree.edit("models/kb-qa-001/2025.03.15/README.md", "parent_run_id", "parent_run")
    tree.write("models/kb-qa-001/2025.03.15/artifact.json", "[]")
    tree.write("orders/notes.txt", "")
    tree.write("images/latest/evidence/x.json", "")
    tree.write("policies/x.py", "")
    tree.path("keys/ci.pub").unlink()
    text = "\n".join(tree.problems())
    for expected in (
        "weighbridge.yaml:5:15: trust.signers.ci.key: `keys/ci.pub` is missing",
        "weighbridge.yaml:9:3: attestations.packaged.about: is missing",
        "weighbridge.yaml:9:3: attestations.packaged.rule: is missing",
        "weighbridge.yaml:11:5: attestations.packaged.abuot: is not known here. Did you mean `about`?",
        "environments.prod.promotes_from: names the environment `qa`, which is not defined",
        "tenants.yaml:8:30: tenants.acme.environments.prod.limits.max_tokens: is the number 0, at least 1 is expected",
        "tenants.yaml:11:16: tenants.acme.environments.prod.keys[1].id: gives a key id",
        "README.md:6:13: weighbridge.lineage.parent_run: is not known here. Did you mean `parent_run_id`?",
        "README.md:6:3: weighbridge.lineage.parent_run_id: is missing",
        "artifact.json: has the digest",
        "orders/notes.txt: is no `.json` file",
        "images/latest: is not named after a digest",
        "policies/x.py: is no Rego",
    ):
        assert expected in text, f"{expected}\nnot in\n{text}"
    assert len(text.splitlines()) == 13, text


def test_what_was_taken_out_is_not_called_undefined(tree: Tree) -> None:
    tree.edit("weighbridge.yaml", "ci: {key: keys/ci.pub}", "ci: {key: keys/ci.pub, since: 3}")
    assert tree.problem().startswith("weighbridge.yaml:5:28: trust.signers.ci.since: is not known here")


def test_versions_map_over_processes(tree: Tree) -> None:
    for number in range(120):
        tree.version("model", f"1.{number}")
    tree.write("models/model/1.7/README.md", "---\n")
    seen: list[tuple[int, int]] = []
    with pytest.raises(InputError) as caught:
        tree.load(jobs=2, progress=lambda done, total: seen.append((done, total)))
    assert [problem.file for problem in caught.value.problems] == ["models/model/1.7/README.md"]
    assert seen[-1] == (121, 121)
    tree.version("model", "1.7")
    parallel, serial = tree.load(jobs=2), tree.load()
    assert parallel.versions == serial.versions
    assert list(parallel.versions) == sorted(parallel.versions)


def test_one_version_can_be_read_alone_and_pickled(tree: Tree) -> None:
    assert list_versions(tree.root) == [("kb-qa-001", "2025.03.15")]
    version = load_version(tree.root, "kb-qa-001", "2025.03.15")
    assert pickle.loads(pickle.dumps(version)) == version == tree.load().versions[version.name]


def test_an_input_error_keeps_its_problems_between_processes() -> None:
    error = InputError([Problem("a", 1, 2, "f", "is wrong", "Fix."), Problem("b")])
    assert pickle.loads(pickle.dumps(error)).problems == error.problems


@pytest.mark.parametrize("name", ["missing", "weighbridge.yaml", "with\0nul"])
def test_a_root_that_is_no_folder(tree: Tree, name: str) -> None:
    with pytest.raises(InputError, match="Name the folder that holds"):
        load_catalogue(tree.root / name)


def test_an_empty_folder_lacks_its_configuration(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"weighbridge\.yaml: is missing"):
        load_catalogue(tmp_path)


@pytest.mark.skipif(not CONTRACTS.exists(), reason=f"the contracts are not beside the checkout ({CONTRACTS})")
def test_the_contracted_configuration_is_word_for_word_the_one_in_the_contracts() -> None:
    contracted = CONTRACTS.read_text("utf-8").split("```yaml\n")[1].split("```")[0]
    assert CONTRACTED.read_text("utf-8") == contracted


def test_the_contracted_configuration_loads(tree: Tree) -> None:
    """Word for word, but for its placeholder of a digest."""
    text = CONTRACTED.read_text("utf-8")
    tree.write("weighbridge.yaml", text)
    for name in re.findall(r"keys/(\w+)\.pub", text):
        tree.key(name)
    problems = tree.problems()
    assert [re.sub(r":\d+:\d+", "", problem)[:80] for problem in problems] == [
        "weighbridge.yaml: support_images[0]: is 'sha256:...', which has not the form exp",
    ]
    tree.edit("weighbridge.yaml", "[sha256:...]", f'["sha256:{"d" * 64}"]')
    configuration = tree.load().configuration
    assert configuration.environments["prod"].orders["restore"].threshold == 2
    assert configuration.environments["prod"].calls.body_limit == 8 * 1024**2
    assert configuration.attestations["vuln-scan-clean"].max_age == 7 * 86400 * 10**9
    assert configuration.trust.signers["old"].compromised_from == 1772323200 * 10**9


def test_a_key_may_be_of_any_accepted_kind(tree: Tree) -> None:
    tree.write("keys/ci.pub", public_pem(ec.generate_private_key(ec.SECP384R1()).public_key()))
    assert tree.load().signers["ci"].key is not None
