"""What scanners really wrote, through command, signature and rule: with a critical finding it fails, clean it holds."""

import base64
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives import serialization

from weighbridge.catalogue.names import parse_time_ns
from weighbridge.cli.attest import command
from weighbridge.errors import InputError
from weighbridge.evidence.convert import SCANNERS
from weighbridge.evidence.convert.formats import FORMATS
from weighbridge.evidence.dsse import BUNDLE_TYPE

SAMPLES = Path(__file__).resolve().parents[2] / "documents" / "scanners"
VULNS = "https://in-toto.io/attestation/vulns/v0.2"
SERVING = "sha256:e292067fa9c3dae5143d72e16f77495e5e3716f6d84c779ff518b632afc3f1b3"
CLEAN = "sha256:e6190db902a7816a4b6715d54aca6b167d8ffe985a1793125c47f661a2ea225a"
AT = parse_time_ns("2026-11-24T00:00:00Z")
SCANNED = ("--scanned-at", "2026-11-23T18:50:00Z")


@pytest.fixture
def convert(tmp_path, kit):
    """Runs `attest --scanner` on a sample or on bytes; returns the bundle and what was said."""
    pem = kit.key_of("scan").private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "scan.pem").write_bytes(pem)

    def run(report, *options, digest=SERVING, scanner="auto"):
        source = SAMPLES / report if isinstance(report, str) else tmp_path / "report.json"
        if isinstance(report, bytes):
            source.write_bytes(report)
        output = tmp_path / "out.json"
        output.unlink(missing_ok=True)
        arguments = ["--key", str(tmp_path / "scan.pem"), "--scanner", scanner, "--from", str(source)]
        result = CliRunner().invoke(command, [*arguments, "--digest", digest, "-o", str(output), *options])
        if result.exception:
            assert not output.exists()
            raise result.exception
        return output.read_bytes(), result.output

    return run


@pytest.fixture
def judged(workshop):
    """The state of the attestation when a bundle is the evidence about an image."""

    def run(bundle, image=SERVING, **parameters):
        workshop.packaged()
        workshop.attestation(
            "clean", VULNS, "vulnerabilities", "scan", about="images", **{"with": {"max_severity": "low", **parameters}}
        )
        workshop.serving = [image]
        workshop.images.clear()
        workshop.add(bundle, image=image)
        return workshop.attest(at_ns=AT).attestations["clean"]

    return run


def reasons(state):
    assert not state.held
    return "; ".join(reason for verdict in state.verdicts for reason in verdict.reasons)


FAILING = {
    "grype.json": ((), "GHSA-x84v-xcm2-53pg is critical"),
    "grype-ignored.json": ((), "GHSA-x84v-xcm2-53pg is suppressed by grype, which is not accepted here"),
    "grype.sarif": ((*SCANNED, "--exit-code", "0"), "GHSA-x84v-xcm2-53pg-requests is critical"),
    "osv-scanner.json": ((*SCANNED, "--exit-code", "1"), "PYSEC-2018-28 is of unknown severity"),
    "osv-scanner.sarif": ((*SCANNED, "--exit-code", "1"), "CVE-2019-10906 is high"),
    "pip-audit.json": (SCANNED, "PYSEC-2019-217 is of unknown severity"),
    "pip-audit-skipped.json": (SCANNED, "not-scanned:jinja2 is of unknown severity"),
    "trivy.json": ((), "CVE-2019-14806 is high"),
}
PASSING = {
    "grype-clean.json": (),
    "grype-clean.sarif": (*SCANNED, "--exit-code", "0"),
    "osv-scanner-clean.json": (*SCANNED, "--exit-code", "0"),
    "pip-audit-clean.json": SCANNED,
}


@pytest.mark.parametrize("sample", FAILING)
def test_findings_fail_the_rule(convert, judged, sample):
    options, expected = FAILING[sample]
    bundle, _ = convert(sample, *options)
    assert json.loads(bundle)["mediaType"] == BUNDLE_TYPE
    assert expected in reasons(judged(bundle))


@pytest.mark.parametrize("sample", PASSING)
def test_a_clean_report_holds(convert, judged, sample):
    bundle, _ = convert(sample, *PASSING[sample], digest=CLEAN)
    assert judged(bundle, CLEAN).held


def test_a_repaired_report_holds(convert, judged):
    report = json.loads((SAMPLES / "trivy.json").read_bytes())
    report["Results"][0]["Vulnerabilities"] = None
    bundle, _ = convert(json.dumps(report).encode())
    assert judged(bundle).held


def test_every_format_is_named_and_recognised(convert):
    assert set(SCANNERS) == {"auto", *FORMATS}
    for scanner, sample in {"grype": "grype-clean.json", "pip-audit": "pip-audit-clean.json"}.items():
        named, _ = convert(sample, *PASSING[sample], digest=CLEAN, scanner=scanner)
        payload = json.loads(named)["dsseEnvelope"]["payload"]
        assert json.loads(convert(sample, *PASSING[sample], digest=CLEAN)[0])["dsseEnvelope"]["payload"] == payload


def test_the_predicate_says_what_scanned_what_when_with_which_database(convert, workshop):
    bundle, _ = convert("grype.json")
    predicate = _predicate(bundle)
    scanner = {name: value for name, value in predicate["scanner"].items() if name != "result"}
    assert scanner == {
        "uri": "https://github.com/anchore/grype",
        "version": "0.121.2",
        "db": {"version": "v6.1.10", "lastUpdate": "2026-11-23T18:41:07Z"},
    }
    assert predicate["metadata"]["scanFinishedOn"].startswith("2026-11-23T18:45:4")
    assert predicate["scanner"]["result"][3] == {
        "id": "GHSA-x84v-xcm2-53pg",
        "severity": [{"method": "grype", "score": "Critical"}],
        "annotations": [
            {
                "aliases": ["CVE-2018-18074"],
                "fixed": "2.20.0",
                "namespace": "github:language:python",
                "package": "requests",
                "purl": "pkg:pypi/requests@2.19.0",
                "version": "2.19.0",
            }
        ],
    }


def _predicate(bundle):
    return json.loads(base64.b64decode(json.loads(bundle)["dsseEnvelope"]["payload"]))["predicate"]


def test_what_is_not_carried_is_said(convert):
    report = json.loads((SAMPLES / "trivy.json").read_bytes())
    report["Results"].append({"Target": "x", "Class": "secret", "Secrets": [{"RuleID": "aws"}, {"RuleID": "github"}]})
    misconfigured = [{"Status": "PASS"}, {"Status": "FAIL"}]
    report["Results"].append({"Target": "x", "Class": "config", "Misconfigurations": misconfigured})
    _, said = convert(json.dumps(report).encode())
    assert "2 secrets are not carried" in said
    assert "1 misconfigurations are not carried" in said
    _, said = convert("pip-audit-skipped.json", *SCANNED, "--format", "json")
    assert json.loads(said)["notes"] == ["2 packages were skipped; each is a finding of unknown severity"]


def test_a_tools_own_suppressions_count_only_where_they_are_accepted(convert, judged):
    report = json.loads((SAMPLES / "trivy.json").read_bytes())
    result = report["Results"][0]
    modified = [
        {
            "Type": "vulnerability",
            "Status": "ignored",
            "Statement": "no PIN",
            "Source": ".trivyignore",
            "Finding": found,
        }
        for found in result["Vulnerabilities"]
    ]
    result["Vulnerabilities"] = []
    result["ExperimentalModifiedFindings"] = modified
    bundle, _ = convert(json.dumps(report).encode())
    assert "suppressed by trivy, which is not accepted here" in reasons(judged(bundle))
    state = judged(bundle, accept_suppressed_by=["trivy"])
    assert state.held
    assert state.verdicts[0].claims["suppressed"][0]["justification"] == "no PIN"
    modified[0]["Statement"] = ""
    bundle, _ = convert(json.dumps(report).encode())
    assert not judged(bundle, accept_suppressed_by=["trivy"]).held


def test_an_operating_system_out_of_support_is_a_finding(convert, judged):
    report = json.loads((SAMPLES / "trivy.json").read_bytes())
    report["Results"][0] = {"Target": "alpine", "Class": "os-pkgs", "Type": "alpine"}
    report["Metadata"] = {"OS": {"Family": "alpine", "Name": "3.10.2", "EOSL": True}}
    bundle, _ = convert(json.dumps(report).encode())
    assert "end-of-life:alpine-3.10.2 is of unknown severity" in reasons(judged(bundle))
    report = json.loads((SAMPLES / "grype-clean.json").read_bytes())
    package = report["matches"][0]["artifact"]
    report["alertsByPackage"] = [{"package": package, "alerts": [{"type": "distro-eol", "message": "over"}]}]
    bundle, _ = convert(json.dumps(report).encode(), digest=CLEAN)
    assert "distro-eol is of unknown severity" in reasons(judged(bundle, CLEAN))


@pytest.mark.parametrize("sample", ["grype.json", "trivy.json"])
def test_a_report_about_another_image_is_refused(convert, sample):
    report = json.loads((SAMPLES / sample).read_bytes())
    if sample == "trivy.json":
        report["Metadata"] = {"ImageID": "sha256:" + "7" * 64, "RepoDigests": [f"registry/serving@{SERVING}"]}
    convert(json.dumps(report).encode())
    with pytest.raises(InputError, match="is a report about sha256:"):
        convert(json.dumps(report).encode(), digest=CLEAN)


@pytest.mark.parametrize(
    ("sample", "options", "expected"),
    [
        ("osv-scanner-no-database.json", (*SCANNED, "--exit-code", "127"), "wrote when it failed"),
        ("osv-scanner-no-database.json", SCANNED, "does not tell whether the program succeeded"),
        ("osv-scanner-no-database.json", (*SCANNED, "--exit-code", "1"), "no findings, and its exit status was 1"),
        ("osv-scanner-clean.json", ("--exit-code", "0"), "does not say when the scan took place"),
        ("grype-clean.sarif", SCANNED, "does not tell whether the program succeeded"),
        ("pip-audit.json", (), "does not say when the scan took place"),
        ("grype.json", SCANNED, "Leave --scanned-at out"),
        ("grype.json", ("--metric", "a=b"), "--metric: is for evaluations"),
        ("grype.json", ("--dataset-uri", "https://x/y", "--dataset-digest", SERVING), "is for evaluations"),
        ("grype.json", ("--scanned-at", "yesterday"), "--scanned-at"),
        ("grype.json", ("--predicate-type", "https://example.com/p"), "grype becomes"),
        ("openvex.json", SCANNED, "--scanned-at: is for scans"),
        ("slsa-v1.statement.json", ("--exit-code", "0"), "--exit-code: is for scans"),
    ],
)
def test_what_is_missing_or_without_effect_is_refused(convert, sample, options, expected):
    with pytest.raises(InputError, match=expected):
        convert(sample, *options)


def test_options_of_a_conversion_need_a_scanner(tmp_path, convert):
    convert("grype.json")  # writes the key
    arguments = ["--key", str(tmp_path / "scan.pem"), "--from", str(SAMPLES / "grype.json"), "--digest", SERVING]
    arguments += ["-o", str(tmp_path / "other.json")]
    for options, expected in {
        ("--scanned-at", "2026-01-01T00:00:00Z"): "--scanned-at: is for reports",
        ("--exit-code", "0"): "--exit-code: is for reports",
        (): "--predicate-type: is missing",
    }.items():
        result = CliRunner().invoke(command, [*arguments, *options])
        assert expected in str(result.exception)
