"""What compiling writes, with which keys, and where it refuses to write."""

import io
import json
import re
import tarfile
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from weighbridge.bundle.revision import release_revision
from weighbridge.catalogue.trust import sign_trust
from weighbridge.engines.opa import opa_check, opa_command
from weighbridge.errors import InputError, OutputError
from weighbridge.keys import fingerprint, key_folder, public_pem

pytestmark = pytest.mark.engines
Workshop = Any
NAME = "qa@1.0.0"


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def unpacked(archive: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return {entry.name: tar.extractfile(entry).read() for entry in tar}  # type: ignore[union-attr]


def registry(bundle: bytes) -> dict[str, Any]:
    return dict(json.loads(unpacked(bundle)["data.json"])["weighbridge"]["registry"])


def test_everything_contracted_is_there(workshop: Workshop) -> None:
    result = workshop.compile(live_key=workshop.key("live"))
    written = files(workshop.folder / "out")
    index = json.loads(written.pop("index.json"))
    assert set(index["files"]) == set(written)
    for environment in ("dev", "staging", "prod"):
        bundles = ("control.tar.gz", "envoy/release.tar.gz", "workload/release.tar.gz")
        for path in (*bundles, "guard/.manifest", "envoy/envoy.yaml"):
            assert f"{environment}/{path}" in written
        for path in ("conftest/data/data.json", "conftest/policy/points/conftest/main.rego", "live.tar.gz"):
            assert f"{environment}/{path}" in written
        assert f"{environment}/livestate.jws" in written
        for path in ("constraints.yaml", "livestate.yaml", "approvals/0000.yaml", "kustomization.yaml"):
            assert f"{environment}/gatekeeper/{path}" in written
    assert "gatekeeper/template.yaml" in written
    assert index["trust"] == "unsigned"
    assert index["clock"] == "real"
    assert index["at"] == "2026-01-15T00:00:00Z"
    assert index["keys"]["release"] == fingerprint(workshop.key("release").public_key())
    assert {name: part["revision"] for name, part in index["environments"].items()} == result.revisions


def test_without_a_live_key_there_is_no_live_bundle(workshop: Workshop) -> None:
    workshop.compile()
    written = files(workshop.folder / "out")
    assert not any(path.endswith(("live.tar.gz", "livestate.jws")) for path in written)
    # Nothing could be admitted by it.
    assert not any("gatekeeper" in path.split("/") for path in written)


def test_the_revision_names_what_all_points_are_given(workshop: Workshop) -> None:
    revision = workshop.compile().revisions["prod"]
    written = files(workshop.folder / "out/prod")
    points = {
        f"{point}/{name}": data
        for point in ("envoy", "workload")
        for name, data in unpacked(written[f"{point}/release.tar.gz"]).items()
    }
    points |= {f"control/{name}": data for name, data in unpacked(written["control.tar.gz"]).items()}
    for path, data in written.items():
        if path.startswith(("conftest/policy/", "conftest/data/")):
            points[re.sub("^conftest/(policy|data)/", "conftest/", path)] = data
    assert release_revision(points) == revision
    for point in ("envoy", "workload"):
        manifest = json.loads(unpacked(written[f"{point}/release.tar.gz"])[".manifest"])
        assert manifest["revision"] == revision
        assert manifest["roots"] == ["lib/weighbridge", f"weighbridge/points/{point}", "weighbridge/registry"]
    workshop.evaluation("models/qa/1.0.0", workshop.judge().catalogue.versions[NAME].artifact_digest, 0.1)
    assert workshop.compile().revisions["prod"] != revision


def test_the_registries_say_what_was_decided(workshop: Workshop) -> None:
    workshop.version("qa@2.0.0", weights=b"better", image="b" * 64)
    (workshop.root / f"images/{'b' * 64}/evidence/scan.json").unlink()
    workshop.order("freeze", NAME, "oncall")
    workshop.order("revoke-key", "k7m2p9qa", "oncall")
    workshop.compile()
    written = files(workshop.folder / "out/prod")
    envoy = registry(written["envoy/release.tar.gz"])
    version = workshop.judge().catalogue.versions[NAME]
    assert envoy["records"][NAME] == {
        "model": "qa",
        "version": "1.0.0",
        "approved": True,
        "digest": version.artifact_digest,
        "not_after": 1768953600 * 10**9,
        "clear": False,
        "served": True,
    }
    refused = envoy["records"]["qa@2.0.0"]
    assert refused["approved"] is False
    assert [reason["code"] for reason in refused["reasons"]] == ["REL-002"]
    assert envoy["models"] == {"qa": {"versions": {NAME: True}, "aliases": {"qa-now": True}}}
    (grant,) = envoy["grants"].values()
    assert grant["tenant"] == "acme"
    assert grant["clear"] is False
    assert grant["max_tokens"] == 4096
    assert envoy["authority"]["restore"]["threshold"] == 2
    assert set(envoy["authority"]["revoke"]["keys"]) == {"mlsec", "oncall"}
    workload = registry(written["workload/release.tar.gz"])
    assert workload["records"]["qa@2.0.0"]["missing"] == ["scanned"]
    assert workload["records"]["qa@2.0.0"]["images"] == {}
    assert set(workload["records"][NAME]["images"]) == {"sha256:" + "a" * 64}
    parts = [json.loads(data) for path, data in sorted(written.items()) if path.startswith("conftest/data/")]
    conftest, *shards = [part["weighbridge"]["registry"] for part in parts]
    records = {name: record for shard in shards for name, record in shard["records"].items()}
    assert {**conftest, "point": "workload", "records": records} == workload
    assert conftest["records"] == {}
    assert {"pod_security": "restricted", "user_namespaces": False}.items() <= workload["limits"].items()


def test_what_an_environment_demands_of_pods_reaches_the_points_that_judge_them(workshop: Workshop) -> None:
    demanded = {"pod_security": "baseline", "user_namespaces": True}
    workshop.configure({"environments.prod.workloads": demanded})
    workshop.compile()
    written = files(workshop.folder / "out")
    assert demanded.items() <= registry(written["prod/workload/release.tar.gz"])["limits"].items()
    assert registry(written["staging/workload/release.tar.gz"])["limits"]["pod_security"] == "restricted"


def test_authority_leaves_out_keys_that_do_not_count(workshop: Workshop) -> None:
    workshop.configure(
        {
            "trust.signers.oncall.compromised_from": "2026-01-10T00:00:00Z",
            "trust.signers.product.not_after": "2026-01-10T00:00:00Z",
        }
    )
    workshop.compile()
    authority = registry((workshop.folder / "out/prod/envoy/release.tar.gz").read_bytes())["authority"]
    assert set(authority["revoke"]["keys"]) == {"mlsec"}
    assert "restore" not in authority


def test_one_environment_is_written_and_all_are_judged(workshop: Workshop) -> None:
    result = workshop.compile(environments=["prod"])
    assert set(result.revisions) == {"prod"}
    assert {path.split("/")[0] for path in files(workshop.folder / "out")} == {"prod", "index.json"}
    assert registry((workshop.folder / "out/prod/envoy/release.tar.gz").read_bytes())["records"][NAME]["approved"]
    with pytest.raises(InputError, match="nowhere"):
        workshop.compile(environments=["nowhere"])


@pytest.mark.parametrize("point", ["envoy", "workload"])
def test_opa_loads_what_was_signed_and_checks_it_strictly(workshop: Workshop, point: str) -> None:
    workshop.compile()
    bundle = workshop.folder / f"out/prod/{point}/release.tar.gz"
    key = workshop.folder / "release.pub"
    key.write_text(public_pem(workshop.key("release").public_key()))
    # `opa build` verifies what it reads, as `opa run` does; `opa eval` and `opa check` do not.
    options = ["--verification-key", key, "--verification-key-id", "release", "--scope", "prod-release"]
    options += ["--signing-alg", "ES256"]
    opa_command("build", "--bundle", bundle, *options, "--output", workshop.folder / "built.tar.gz")
    for name, data in unpacked(bundle.read_bytes()).items():
        if name.endswith(".rego"):
            target = workshop.folder / "loaded" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
    opa_check([workshop.folder / "loaded"])


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP384R1()),
        rsa.generate_private_key(public_exponent=65537, key_size=2048),
    ],
)
def test_other_kinds_of_release_keys(workshop: Workshop, key: Any) -> None:
    workshop.compile(release_key=key)
    first = files(workshop.folder / "out")
    workshop.compile("again", release_key=key)
    assert files(workshop.folder / "again") == first


def test_pss_is_random_in_its_signatures_only(workshop: Workshop) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    workshop.compile("one", release_key=key, pss=True)
    workshop.compile("two", release_key=key, pss=True)
    one, two = files(workshop.folder / "one"), files(workshop.folder / "two")
    changed = {path for path in one if one[path] != two[path]}
    assert {path.rsplit("/", 1)[-1] for path in changed} == {"release.tar.gz", "control.tar.gz", "index.json"}
    for path in changed - {"index.json"}:
        before, after = unpacked(one[path]), unpacked(two[path])
        assert {name for name in before if before[name] != after[name]} == {".signatures.json"}


def test_what_two_keys_sign_is_the_same(workshop: Workshop) -> None:
    old, new = workshop.key("release"), workshop.key("release-2")
    alone = workshop.compile("alone", release_key=old, live_key=workshop.key("live"))
    both = workshop.compile(
        "both",
        release_key=old,
        further_release_keys=[new],
        live_key=workshop.key("live"),
        further_live_keys=[workshop.key("live-2")],
    )
    assert both.revisions == alone.revisions
    one, two = files(workshop.folder / "alone"), files(workshop.folder / "both")
    prod = {path: data for path, data in two.items() if path.startswith("prod/") and "gatekeeper" not in path}
    assert {path for path in one if path.startswith("prod/") and "gatekeeper" not in path} <= set(prod)
    variants = {path for path in prod if "/keys/" in path}
    assert len(variants) == 2 * 5
    for path in variants:
        folder, name = path.rsplit("/", 1)
        plain = f"{folder.partition('/keys/')[0]}/{name}"
        assert one[plain] == prod[plain]
        if name.endswith(".tar.gz"):
            same, other = unpacked(prod[plain]), unpacked(prod[path])
            assert {entry for entry in same if same[entry] != other[entry]} <= {".signatures.json"}
    by_new = {path for path in variants if key_folder(new.public_key()) in path}
    assert {path.rsplit("/", 1)[-1] for path in by_new} == {"control.tar.gz", "release.tar.gz"}
    constraint = (workshop.folder / "both/prod/gatekeeper/constraints.yaml").read_text()
    assert "further_release" in constraint
    assert "further_live" in constraint


@pytest.mark.parametrize("option", ["release", "live"])
def test_a_key_that_is_given_twice(workshop: Workshop, option: str) -> None:
    key = workshop.key(option)
    with pytest.raises(InputError, match="given twice"):
        workshop.compile(live_key=workshop.key("live"), **{f"further_{option}_keys": [key]})
    with pytest.raises(InputError, match="the live key"):
        workshop.compile(live_key=workshop.key("live"), further_live_keys=[workshop.key("release")])


def test_a_key_that_opa_cannot_verify(workshop: Workshop) -> None:
    with pytest.raises(InputError, match="EdDSA"):
        workshop.compile(release_key=ed25519.Ed25519PrivateKey.generate())


@pytest.mark.parametrize("twin", ["release", "oncall", "mlsec"])
def test_the_live_key_is_nobody_elses(workshop: Workshop, twin: str) -> None:
    with pytest.raises(InputError, match="the live key"):
        workshop.compile(live_key=workshop.key(twin))
    assert not (workshop.folder / "out").exists()


def test_a_release_key_that_states_evidence_is_said_aloud(workshop: Workshop) -> None:
    assert "signer ci" in workshop.compile(release_key=workshop.key("ci")).warnings[0]
    assert workshop.compile().warnings == ()


def test_an_environment_that_says_nothing_of_mutual_tls_is_said_aloud(workshop: Workshop) -> None:
    workshop.configure({"environments.prod.workloads": {}})
    (warning,) = workshop.compile().warnings
    assert "environment prod says nothing about mutual TLS" in warning


def test_trust(workshop: Workshop) -> None:
    root = workshop.folder / "root.pub"
    root.write_text(public_pem(workshop.key("root").public_key()))
    with pytest.raises(InputError, match="no root key was given"):
        workshop.compile(require_signed_trust=True)
    with pytest.raises(InputError):
        workshop.compile(root_key=root)
    sign_trust(workshop.root, workshop.key("root"))
    workshop.compile(root_key=root, require_signed_trust=True)
    index = json.loads((workshop.folder / "out/index.json").read_text())
    assert index["trust"] == fingerprint(workshop.key("root").public_key())
    assert "the root key" in workshop.compile("as-root", root_key=root, release_key=workshop.key("root")).warnings[0]
    with pytest.raises(InputError, match="is the root key"):
        workshop.compile("as-root", root_key=root, live_key=workshop.key("root"))
    workshop.configure({"environments.prod.approvals": None})
    with pytest.raises(InputError):
        workshop.compile(root_key=root)
    assert json.loads((workshop.folder / "out/index.json").read_text()) == index


def test_a_fixed_clock_is_in_every_point_and_in_the_index(workshop: Workshop) -> None:
    workshop.compile(fixed_clock_ns=1234)
    written = files(workshop.folder / "out")
    assert json.loads(written["index.json"])["clock"] == "fixed"
    prod = {path: data for path, data in written.items() if path.startswith("prod/")}
    for point in ("envoy", "workload"):
        for name, data in unpacked(prod[f"prod/{point}/release.tar.gz"]).items():
            prod[f"prod/{point}/{name}"] = data
    rego = {path: data for path, data in prod.items() if path.endswith(".rego")}
    assert sum(b"now_ns := 1234" in data for data in rego.values()) == 4
    assert not any(b"time.now_ns" in data for data in rego.values())


def test_output_inside_the_catalogue(workshop: Workshop) -> None:
    for inside in ("models", "models/qa", "policies/compiled", "orders", "keys/x", "images/x", "."):
        with pytest.raises(InputError, match="the catalogue"):
            workshop.compile(f"catalogue/{inside}")
    with pytest.raises(InputError, match="the catalogue"):
        workshop.compile(".")


def test_output_that_is_a_link_or_somebody_elses(workshop: Workshop) -> None:
    elsewhere = workshop.folder / "elsewhere"
    elsewhere.mkdir()
    (workshop.folder / "link").symlink_to(elsewhere)
    with pytest.raises(OutputError):
        workshop.compile("link")
    (elsewhere / "precious").write_text("keep")
    with pytest.raises(OutputError):
        workshop.compile("elsewhere")
    (workshop.folder / "sneaky").symlink_to(workshop.root / "models")
    with pytest.raises((InputError, OutputError)):
        workshop.compile("sneaky/x")
    (workshop.folder / "round").symlink_to("round")
    with pytest.raises(OutputError):
        workshop.compile("round/out")
    assert (elsewhere / "precious").read_text() == "keep"
    assert [file.name for file in elsewhere.iterdir()] == ["precious"]


def test_a_second_compile_replaces_the_first_as_a_whole(workshop: Workshop) -> None:
    workshop.compile(live_key=workshop.key("live"))
    workshop.compile(environments=["dev"])
    assert {path.split("/")[0] for path in files(workshop.folder / "out")} == {"dev", "index.json"}


def test_what_cannot_be_read_leaves_the_last_output_alone(workshop: Workshop) -> None:
    workshop.compile()
    before = files(workshop.folder / "out")
    workshop.order("freeze", NAME, "stranger")
    with pytest.raises(InputError):
        workshop.compile()
    assert files(workshop.folder / "out") == before


def test_orders_that_restrict_nothing_known_are_warned_of(workshop: Workshop) -> None:
    workshop.order("freeze", "qa@7.7.7", "oncall")
    assert "not in the catalogue" in workshop.compile().warnings[0]
