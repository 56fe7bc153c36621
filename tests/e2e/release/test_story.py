"""A version goes from dev to prod and is announced, by the commands alone; the compile afterwards approves it."""

import base64
import hashlib
import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from weighbridge.canonical import canonical, digest
from weighbridge.points.compiled import CompiledFolder
from weighbridge.registry.records import record_document

from .conftest import AT, FOLDER, NAME, Shop, key_file

pytestmark = pytest.mark.engines
LATER = "2026-01-15T06:00:00Z"


def weighbridge(*arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "weighbridge", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, **options)


def ask(shop: Shop, command: str, *options: str | Path, at: str = AT) -> tuple[int, Any]:
    """A command about the version; its exit status, and what it printed as JSON."""
    result = weighbridge(command, shop.root, NAME, *options, "--at", at, "--allow-example-keys", "--format", "json")
    assert "Traceback" not in result.stderr, result.stderr
    return result.returncode, json.loads(result.stdout) if result.stdout.startswith("{") else result.stderr


def statement(file: Path) -> Any:
    return json.loads(base64.b64decode(json.loads(file.read_bytes())["dsseEnvelope"]["payload"]))


def test_dev_to_prod(shop: Shop, tmp_path: Path) -> None:
    ci = key_file("ci")
    # Not yet in staging, so prod is far away, and nothing is announced or signed.
    before = sorted(path.name for path in shop.folder.glob("evidence/*"))
    status, denied = ask(shop, "promote", "--to", "prod", "--key", ci, at=AT)
    assert (status, {reason["code"] for reason in denied["missing"]}) == (1, {"REL-006", "REL-007"})
    assert sorted(path.name for path in shop.folder.glob("evidence/*")) == before

    status, promoted = ask(shop, "promote", "--to", "staging", "--key", ci, at=AT)
    assert (status, promoted["promoted"]) == (0, True)
    assert promoted["written"] == [
        f"{FOLDER}/evidence/promotion-staging.sigstore.json",
        f"{FOLDER}/evidence/verification-summary-staging.sigstore.json",
    ]

    # People approve; then it is the 24 hours in staging that are missing, and the command says until when.
    for person in ("mlsec", "product"):
        status, approved = ask(shop, "approve", "--environment", "prod", "--key", key_file(person), "--yes", at=AT)
        assert (status, approved["approved"]) == (0, True)
        assert approved["written"] == f"{FOLDER}/evidence/approval-prod-{person}.sigstore.json"
    status, early = ask(shop, "promote", "--to", "prod", "--key", ci, at=LATER)
    assert (status, [reason["code"] for reason in early["missing"]]) == (1, ["REL-009"])
    assert early["possible_from"] == "2026-01-16T00:00:00Z"
    assert early["written"] == []

    at = early["possible_from"]
    status, ready = ask(shop, "promote", "--to", "prod", at=at)
    assert (status, ready["missing"], ready["promoted"], ready["written"]) == (0, [], False, [])
    assert ask(shop, "promote", "--to", "prod", "--key", ci, at=at)[1]["promoted"] is True
    status, again = ask(shop, "promote", "--to", "prod", "--key", ci, at=at)
    assert (status, again["promoted"], again["written"]) == (0, True, [])

    # Announced: with what holds, to a file; and the compile approves.
    events = tmp_path / "events.jsonl"
    status, report = ask(
        shop, "release", "--environment", "prod", "--event", f"file:{events}", "--sbom-uri", "s3://b/bom.json", at=at
    )
    assert status == 0, report
    event = json.loads(events.read_text())
    assert event == report["event"]
    assert event["resource"]["model_release"] == {
        "model_id": "kb-qa-001",
        "version": "2025.03.15",
        "artifact_digest": shop.artifact,
        "sbom_uri": "s3://b/bom.json",
        "attestations": [
            "eval-passed",
            "image-components",
            "image-profiled",
            "model-signed",
            "packaged",
            "published",
            "sbom",
            "slsa-level2",
            "vuln-scan-clean",
        ],
        "parent_run_id": "run-2025.03.15",
    }
    assert event["decision"]["applied_policies"] == sorted(f"REL-{n:03}" for n in range(11, 21))
    assert event["context"]["labels"]["approved_by"] == "mlsec,product"
    compiled = weighbridge(
        "compile", shop.root, "--environment", "prod", "--release-key", key_file("release"), "--at", at,
        "--allow-example-keys", "--output", tmp_path / "out",
    )  # fmt: skip
    assert compiled.returncode == 0, compiled.stderr
    [record] = CompiledFolder(tmp_path / "out", "prod").records([NAME]).values()
    assert (record["approved"], record["digest"]) == (True, shop.artifact)


def test_what_is_signed(shop: Shop) -> None:
    """The promotion as contracted, and a VSA whose inputs are the files that it names."""
    before = shop.judge().records["dev"][NAME]
    promotion, summary = (shop.root / path for path in shop.promote("staging"))
    promoted = statement(promotion)
    assert promoted["predicate"] == {
        "from": "dev",
        "to": "staging",
        "at": AT,
        "record_sha256": digest(canonical(record_document(before))),
    }
    assert promoted["subject"] == [{"name": NAME, "digest": {"sha256": shop.artifact.removeprefix("sha256:")}}]
    vsa = statement(summary)
    assert vsa["predicateType"] == "https://slsa.dev/verification_summary/v1"
    assert vsa["subject"] == promoted["subject"]
    predicate = vsa["predicate"]
    assert predicate["verificationResult"] == "PASSED"
    assert predicate["verifiedLevels"] == ["SLSA_BUILD_LEVEL_UNEVALUATED", "WEIGHBRIDGE_STAGING"]
    assert predicate["timeVerified"] == AT
    assert predicate["resourceUri"] == "pkg:generic/kb-qa-001@2025.03.15"
    assert predicate["policy"]["digest"]["sha256"] == shop.judge().catalogue.trust_sha256.removeprefix("sha256:")
    inputs = {
        given["uri"].removeprefix("weighbridge:"): given["digest"]["sha256"] for given in predicate["inputAttestations"]
    }
    assert inputs == {path: hashlib.sha256((shop.root / path).read_bytes()).hexdigest() for path in inputs}
    assert {Path(path).name for path in inputs} == {
        "model-signature.sigstore.json",
        "package.sigstore.json",
        "promotion-staging.sigstore.json",
        "provenance.sigstore.json",
        "publication.sigstore.json",
    }


def test_a_known_build_level_is_told(shop: Shop) -> None:
    plain = 'with: {builders: ["https://github.com/actions/runner"]}'
    levelled = "with: {builders: [{id: https://github.com/actions/runner, level: 2}]}"
    shop.configure(lambda text: text.replace(plain, levelled))
    _, summary = shop.promote("staging")
    assert "SLSA_BUILD_LEVEL_2" in statement(shop.root / summary)["predicate"]["verifiedLevels"]


def test_a_summary_leaves_verify_clean(shop: Shop) -> None:
    """Nobody uses it here, and nothing is wrong with it."""
    before = shop.judge().evidence[NAME].refused
    shop.promote("staging")
    assert shop.judge().evidence[NAME].refused == before == ()


def test_text_reports(shop: Shop) -> None:
    """What people read: everything missing, each with what to do, and nothing signed."""
    common = ("--at", AT, "--allow-example-keys")
    promoted = weighbridge("promote", shop.root, NAME, "--to", "prod", *common)
    assert promoted.returncode == 1
    assert "not promoted, nothing signed: 2 missing" in promoted.stdout
    released = weighbridge("release", shop.root, NAME, "--environment", "prod", *common)
    assert released.returncode == 1
    assert "not announced: 2 not met" in released.stdout
    assert '"event_id"' not in released.stdout
    unasked = weighbridge("approve", shop.root, NAME, "--environment", "prod", "--key", key_file("mlsec"), *common)
    assert (unasked.returncode, "Add --yes" in unasked.stderr) == (2, True)
    assert shop.manifest in unasked.stdout
    assert not list(shop.folder.glob("evidence/approval-*"))


def test_where_events_go(shop: Shop, tmp_path: Path) -> None:
    """Without a sink to standard output, alone; where one sink fails, the others get the event all the same."""
    shop.bring_to_prod()
    arguments = ("release", shop.root, NAME, "--environment", "prod", "--at", AT, "--allow-example-keys")
    alone = weighbridge(*arguments)
    assert alone.returncode == 0, alone.stderr
    event = json.loads(alone.stdout)
    assert "every requirement is met" in alone.stderr
    events = tmp_path / "events.jsonl"
    half = weighbridge(*arguments, "--asb", "--event", f"file:{tmp_path / 'no' / 'x'}", "--event", f"file:{events}")
    assert half.returncode == 1
    assert "the event could not be written" in half.stderr
    told = json.loads(events.read_text())
    assert (told["schema_version"], told["operation"]["category"]) == ("asb-sec-0.1", "admin")
    assert told["event_id"] == event["event_id"]
    assert weighbridge(*arguments, "--event", "events.jsonl").returncode == 2


@pytest.mark.parametrize(("answer", "status"), [(b"y\n", 0), (b"n\n", 1), (b"\n", 1)])
def test_somebody_is_asked_on_a_terminal(shop: Shop, answer: bytes, status: int) -> None:
    ours, theirs = pty.openpty()
    arguments = ["approve", shop.root, NAME, "--environment", "prod", "--key", key_file("mlsec")]
    command = [sys.executable, "-m", "weighbridge", *arguments, "--at", AT, "--allow-example-keys"]
    process = subprocess.Popen(command, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    os.close(theirs)
    os.write(ours, answer)
    stdout, stderr = process.communicate(timeout=120)
    os.close(ours)
    assert b"Approve this?" in stderr
    assert process.returncode == status, stdout + stderr
    assert len(list(shop.folder.glob("evidence/approval-*"))) == (status == 0)
