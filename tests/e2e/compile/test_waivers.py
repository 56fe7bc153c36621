"""Waivers in the catalogue: who may sign them, what they are about, and that nothing else is waived by one."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from weighbridge.canonical import canonical, digest
from weighbridge.catalogue.load import load_catalogue
from weighbridge.catalogue.names import format_time, parse_time_ns
from weighbridge.cli.main import cli
from weighbridge.errors import InputError
from weighbridge.evidence.dsse import PAYLOAD_TYPE, envelope_json, sign_envelope
from weighbridge.evidence.predicates import ORDER, WAIVER
from weighbridge.evidence.statement import statement_json
from weighbridge.registry.waivers import point_waivers, read_waivers

Workshop = Any
AT = "2026-01-15T00:00:00Z"
AT_NS = parse_time_ns(AT)
DAY_NS = 86_400 * 10**9
NAME = "qa@1.0.0"
ARTIFACT = "sha256:" + "e" * 64
WORKLOAD = {"namespace": "models", "kind": "Deployment", "name": "qa", "images": ["sha256:" + "a" * 64]}


@pytest.fixture
def workshop(workshop: Workshop) -> Workshop:
    """`mlsec` may waive what can be waived; `product` a part of it."""
    signers = workshop.configuration["trust"]["signers"]
    signers["mlsec"]["waives"] = ["POD-021", "POD-022", "MOD-004", "REL-004", "REL-005", "REL-009", "ACM-001"]
    signers["product"]["waives"] = ["POD-022"]
    workshop.configure()
    return workshop


def waiver(**changes: Any) -> dict[str, Any]:
    given = {
        "codes": ["POD-022"],
        "environment": "prod",
        "scope": {"artifact": ARTIFACT},
        "reason": "until the next release",
        "not_before": AT,
        "not_after": "2026-02-14T00:00:00Z",
        **changes,
    }
    return {name: value for name, value in given.items() if value is not None}


def write(workshop: Workshop, *signers: str, name: str = "a", subject: Any = None, **changes: Any) -> Path:
    """A signed waiver in the catalogue; each part of it can be another than it should be."""
    predicate = waiver(**changes)
    own = subject or [(WAIVER, digest(canonical(predicate)))]
    payload = statement_json(WAIVER, predicate, own)
    keys = [workshop.key(signer) for signer in signers or ("mlsec",)]
    return Path(workshop.write(f"waivers/{name}.json", envelope_json(sign_envelope(PAYLOAD_TYPE, payload, keys))))


def read(workshop: Workshop, at_ns: int = AT_NS) -> Any:
    return read_waivers(load_catalogue(workshop.root), at_ns)


def problem(workshop: Workshop, at_ns: int = AT_NS) -> str:
    with pytest.raises(InputError) as caught:
        read(workshop, at_ns)
    (found,) = caught.value.problems
    return str(found)


def test_none(workshop: Workshop) -> None:
    assert read(workshop) == ()


def test_what_points_are_given(workshop: Workshop) -> None:
    write(workshop, codes=["POD-022", "MOD-004"])
    write(workshop, name="b", scope=WORKLOAD, not_before="2026-01-20T00:00:00Z")
    waivers = read(workshop)
    assert [each.file for each in waivers] == ["waivers/a.json", "waivers/b.json"]
    first = {
        "file": "waivers/a.json",
        "signer": "mlsec",
        "not_before": AT_NS,
        "not_after": AT_NS + 30 * DAY_NS,
        "scope": {"artifact": ARTIFACT},
    }
    second = {**first, "file": "waivers/b.json", "not_before": AT_NS + 5 * DAY_NS, "scope": WORKLOAD}
    assert point_waivers(waivers, "prod", AT_NS) == {"MOD-004": [first], "POD-022": [first, second]}
    assert point_waivers(waivers, "staging", AT_NS) == {}
    assert point_waivers(waivers, "prod", AT_NS + 30 * DAY_NS - 1) != {}
    assert point_waivers(waivers, "prod", AT_NS + 30 * DAY_NS) == {}


def test_it_is_compiled_in(workshop: Workshop) -> None:
    write(workshop)
    workshop.compile()
    for environment, codes in (("prod", ["POD-022"]), ("dev", [])):
        data = workshop.folder / "out" / environment / "conftest" / "data" / "data.json"
        assert list(json.loads(data.read_text("utf-8"))["weighbridge"]["registry"]["waivers"]) == codes


@pytest.mark.parametrize(
    ("signers", "changes", "expected"),
    [
        (("oncall",), {}, "oncall may not waive POD-022"),
        (("product",), {"codes": ["POD-022", "POD-021"]}, "product may not waive POD-021"),
        (("product",), {"codes": ["POD-021"]}, "product may not waive POD-021"),
        (("stranger",), {}, "no key that trust.signers names has signed it"),
        # Two who together may waive both codes: one signer has to name every one.
        (
            ("product", "oncall"),
            {"codes": ["POD-022", "POD-021"]},
            "product may not waive POD-021",
        ),
        ((), {"codes": ["MOD-006"]}, "codes[0]: MOD-006 can neither be waived nor set below `enforce`"),
        ((), {"codes": ["MOD-*"]}, "codes[0]: is 'MOD-*', which has not the form expected"),
        ((), {"codes": ["*"]}, "codes[0]: is '*', which has not the form expected"),
        ((), {"codes": []}, "codes: is empty"),
        ((), {"codes": ["POD-022", "POD-022"]}, "codes[1]: names POD-022 twice"),
        ((), {"codes": ["POD-099"]}, "codes[0]: there is no requirement POD-099"),
        ((), {"codes": ["REL-004"], "scope": WORKLOAD}, "REL-004 is the gate's and waived for an artifact only"),
        ((), {"environment": "prd"}, "environment: there is no environment prd"),
        ((), {"environment": "*"}, "environment: is '*', which has not the form expected"),
        ((), {"environment": None}, "environment: is missing"),
        ((), {"scope": {"artifact": "sha256:" + "e" * 63}}, "artifact: is 'sha256:eee"),
        ((), {"scope": {"artifact": ARTIFACT, **WORKLOAD}}, "has both an artifact and a workload"),
        ((), {"scope": {}}, "needs `artifact`, or `namespace`"),
        ((), {"scope": {**WORKLOAD, "name": ""}}, "scope.name: is empty"),
        ((), {"scope": {**WORKLOAD, "images": ["qa:latest"]}}, "images[0]: is 'qa:latest'"),
        ((), {"scope": {**WORKLOAD, "labels": {}}}, "scope.labels: is not known here"),
        ((), {"reason": ""}, "reason: is empty"),
        ((), {"reason": None}, "reason: is missing"),
        ((), {"not_after": None}, "not_after: is missing"),
        ((), {"not_after": "2026-04-15T00:00:01Z"}, "at most 90 days later"),
        ((), {"not_after": AT}, "must lie after `not_before`"),
        ((), {"not_after": "9999-01-01T00:00:00Z"}, "must lie between 1970 and 2262"),
        ((), {"not_after": 1789000000}, "must be an RFC 3339 time"),
        ((), {"forever": True}, "forever: is not known here"),
        ((), {"subject": [("qa", ARTIFACT)]}, "must have one subject, named https://weighbridge.dev/waiver/v1"),
        ((), {"subject": [(WAIVER, ARTIFACT)]}, "must have one subject"),
    ],
)
def test_one_that_does_not_count_fails(
    workshop: Workshop, signers: tuple[str, ...], changes: dict[str, Any], expected: str
) -> None:
    write(workshop, *signers, **changes)
    found = problem(workshop)
    assert found.startswith("waivers/a.json: ")
    assert expected in found
    with pytest.raises(InputError, match=r"waivers/a\.json"):
        workshop.compile()
    assert not (workshop.folder / "out").exists()


def test_ninety_days_and_not_a_second_more(workshop: Workshop) -> None:
    write(workshop, not_after="2026-04-15T00:00:00Z")
    assert len(read(workshop)) == 1


def test_tampered_after_it_was_signed(workshop: Workshop) -> None:
    path = write(workshop, codes=["POD-021"])
    envelope = json.loads(path.read_bytes())
    predicate = waiver()
    other = statement_json(WAIVER, predicate, [(WAIVER, digest(canonical(predicate)))])
    signature = envelope["signatures"]
    stolen = {**json.loads(envelope_json(sign_envelope(PAYLOAD_TYPE, other, [workshop.key("stranger")])))}
    path.write_text(json.dumps({**stolen, "signatures": signature}), "utf-8")
    assert "no key that trust.signers names has signed it" in problem(workshop)
    path.write_text(json.dumps({**envelope, "signatures": []}), "utf-8")
    assert "waivers/a.json" in problem(workshop)


def test_what_is_no_waiver(workshop: Workshop) -> None:
    predicate = waiver()
    payload = statement_json(ORDER, predicate, [(ORDER, digest(canonical(predicate)))])
    workshop.write("waivers/a.json", envelope_json(sign_envelope(PAYLOAD_TYPE, payload, [workshop.key("mlsec")])))
    assert "not https://weighbridge.dev/waiver/v1. Only waivers belong into waivers/" in problem(workshop)
    workshop.write("waivers/a.json", "{}")
    assert "waivers/a.json" in problem(workshop)


def test_every_problem_of_every_file(workshop: Workshop) -> None:
    write(workshop, "oncall", codes=["MOD-006", "POD-022"], environment="prd")
    write(workshop, name="b", codes=["MOD-007"])
    with pytest.raises(InputError) as caught:
        read(workshop)
    assert [(each.file, each.field) for each in caught.value.problems] == [
        ("waivers/a.json", "codes[0]"),
        ("waivers/a.json", "environment"),
        ("waivers/a.json", "signatures"),
        ("waivers/b.json", "codes[0]"),
    ]


def test_a_signer_counts_now_or_not_at_all(workshop: Workshop) -> None:
    write(workshop)
    workshop.configure({"trust.signers.mlsec.not_after": "2026-02-01T00:00:00Z"})
    (found,) = read(workshop)
    assert format_time(found.not_after) == "2026-02-01T00:00:00Z"
    assert point_waivers([found], "prod", AT_NS)["POD-022"][0]["not_after"] == parse_time_ns("2026-02-01T00:00:00Z")
    assert "signed by mlsec, whose key does not count at --at" in problem(
        workshop, parse_time_ns("2026-02-01T00:00:00Z")
    )
    workshop.configure(
        {"trust.signers.mlsec.not_after": None, "trust.signers.mlsec.not_before": "2026-01-16T00:00:00Z"}
    )
    assert "whose key does not count" in problem(workshop)


def test_a_compromised_signer(workshop: Workshop) -> None:
    write(workshop)
    workshop.configure({"trust.signers.mlsec.compromised_from": "2026-06-01T00:00:00Z"})
    assert "signed by mlsec, whose key is compromised" in problem(workshop)


def test_one_that_has_ended_is_told_and_does_nothing(workshop: Workshop) -> None:
    write(workshop, not_before="2025-12-01T00:00:00Z", not_after=AT)
    write(workshop, name="b", not_after="2026-01-20T00:00:00Z")
    write(workshop, name="c")
    result = workshop.compile()
    assert [warning for warning in result.warnings if "waivers/" in warning] == [
        f"waivers/a.json: the waiver of POD-022 ended at {AT}; remove the file",
        "waivers/b.json: the waiver of POD-022 in prod ends in 5 days",
        f"waivers/b.json: waives POD-022 for {ARTIFACT}, which is not in the catalogue",
        f"waivers/c.json: waives POD-022 for {ARTIFACT}, which is not in the catalogue",
    ]
    entries = point_waivers(result.judged.waivers, "prod", AT_NS)["POD-022"]
    assert [entry["file"] for entry in entries] == ["waivers/b.json", "waivers/c.json"]


def artifact(workshop: Workshop) -> str:
    return str(load_catalogue(workshop.root).versions[NAME].artifact_digest)


def old_scan(workshop: Workshop) -> None:
    """A scan of eight days ago, where seven are allowed."""
    workshop.scan(at="2026-01-07T00:00:00Z")
    assert workshop.codes() == {"REL-004"}


def test_the_gate_takes_a_waiver_for_what_is_too_old(workshop: Workshop) -> None:
    old_scan(workshop)
    write(workshop, codes=["REL-004"], scope={"artifact": artifact(workshop)})
    record = workshop.record()
    assert record.approved
    assert [reason.code for reason in record.waived] == ["REL-004"]
    assert record.not_after == AT_NS + 30 * DAY_NS
    assert workshop.codes(at_ns=AT_NS + 30 * DAY_NS - 1) == set()
    assert workshop.codes(at_ns=AT_NS + 30 * DAY_NS) == {"REL-004"}
    assert workshop.codes(at_ns=AT_NS - 1) != set()


@pytest.mark.parametrize(
    "changes",
    [
        {"environment": "staging"},
        {"scope": {"artifact": ARTIFACT}},
        {"codes": ["REL-005"]},
        {"codes": ["POD-022"]},
        {"not_before": "2026-01-15T00:00:01Z"},
    ],
)
def test_the_gate_takes_no_other(workshop: Workshop, changes: dict[str, Any]) -> None:
    old_scan(workshop)
    write(workshop, **{"codes": ["REL-004"], "scope": {"artifact": artifact(workshop)}, **changes})
    assert workshop.codes() == {"REL-004"}


def test_no_judgement_is_kept_of_what_is_waived(workshop: Workshop, tmp_path: Path) -> None:
    old_scan(workshop)

    def approved(at_ns: int = AT_NS) -> bool:
        output = f"out-{len(list(workshop.folder.iterdir()))}"
        result = workshop.compile(output, cache=tmp_path / "cache", at_ns=at_ns)
        return bool(result.judged.records["prod"][NAME].approved)

    assert not approved()
    path = write(workshop, codes=["REL-004"], scope={"artifact": artifact(workshop)})
    assert approved()
    assert approved()
    assert not approved(AT_NS + 30 * DAY_NS)
    path.unlink()
    assert not approved()


def run(*arguments: str) -> Any:
    return CliRunner().invoke(cli, list(arguments))


def test_waive_writes_what_counts(workshop: Workshop, tmp_path: Path) -> None:
    key = tmp_path / "mlsec.pem"
    key.write_bytes(workshop.pem("mlsec"))
    common = ("waive", str(workshop.root), "--environment=prod", "--reason=soon mended", f"--key={key}", f"--at={AT}")
    made = run(*common, "POD-022", "POD-021", f"--model={NAME}", "--for=30d", "--format=json")
    assert made.exit_code == 0, made.output
    document = json.loads(made.stdout)
    assert document["versions"] == [NAME]
    assert (document["state"], document["days_left"], document["signer"]) == ("current", 30, "mlsec")
    image = "registry.example.com/qa:1@sha256:" + "a" * 64
    workload = (*common, "POD-022", "--workload=models/Deployment/qa", f"--image={image}")
    assert run(*workload, "--until=2026-01-20T00:00:00Z").exit_code == 0
    assert len(read(workshop)) == 2
    listed = json.loads(run("waivers", str(workshop.root), f"--at={AT}", "--format=json").stdout)["waivers"]
    assert [(each["left"], each["codes"]) for each in listed] == [
        ("5 days", ["POD-022"]),
        ("30 days", ["POD-022", "POD-021"]),
    ]
    assert listed[0]["scope"] == WORKLOAD
    later = run("waivers", str(workshop.root), "--at=2026-01-20T00:00:00Z").stdout
    assert "expired" in later
    assert "25 days" in later
    assert run("waivers", str(workshop.root), "--environment=dev", f"--at={AT}").stdout == "no waivers\n"
    explained = run("explain", str(workshop.root), NAME, "--environment=prod", f"--at={AT}").stdout
    assert "current waiver of POD-022, POD-021 by mlsec until 2026-02-14T00:00:00Z (30 days): soon mended" in explained


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("POD-022", "--model=qa@1.0.0"), "--for: needs --for or --until"),
        (("POD-022", "--model=qa@1.0.0", "--for=91d"), "at most 90 days later"),
        (("POD-022", "--model=qa@1.0.0", "--for=soon"), "--for: 'soon' must be a duration"),
        (("POD-022", "--model=qa@1.0.1", "--for=1d"), "--model: names the version `qa@1.0.1`, which is not defined"),
        (("POD-022", "--for=1d"), "--model: needs --model or --workload"),
        (("POD-022", "--workload=models/qa", "--for=1d"), "--workload: is 'models/qa', which names no workload"),
        (("POD-022", "--workload=models/Pod/qa", "--for=1d"), "--image: is missing: a Pod runs images"),
        (("POD-022", "--workload=models/Pod/qa", "--image=qa:latest", "--for=1d"), "which names no digest"),
        (("POD-022", "--model=qa@1.0.0", "--image=qa", "--for=1d"), "--image: belongs to --workload"),
        (("MOD-006", "--model=qa@1.0.0", "--for=1d"), "codes[0]: MOD-006 can neither be waived"),
        (("TLS-001", "--model=qa@1.0.0", "--for=1d"), "mlsec may not waive TLS-001. Sign with a key that counts"),
        (("POD-022", "--model=qa@1.0.0", "--from=2026-01-01T00:00:00Z", "--for=1d"), "would have ended before"),
    ],
)
def test_waive_refuses_what_would_not_count(
    workshop: Workshop, tmp_path: Path, arguments: tuple[str, ...], expected: str
) -> None:
    key = tmp_path / "mlsec.pem"
    key.write_bytes(workshop.pem("mlsec"))
    common = ("waive", str(workshop.root), "--environment=prod", "--reason=soon mended", f"--key={key}", f"--at={AT}")
    with pytest.raises(InputError) as caught:
        CliRunner().invoke(cli, [*common, *arguments], catch_exceptions=False)
    assert expected in "\n".join(map(str, caught.value.problems))
    assert not (workshop.root / "waivers").exists()
