"""A published log: verified by anybody, a database made anew from it, orders exported: `recover-the-log.md`."""

import asyncio
import json

import pytest
from click.testing import CliRunner
from tests.control_plane import (
    Release,
    control_document,
    key,
    order,
    plane,
    predicate_of,
    revoke,
    until,
    version,
    version_digest,
)

from weighbridge.bundle.archive import bundle_archive
from weighbridge.bundle.live import KEYID, ROOTS, live_bundle
from weighbridge.bundle.signing import DATA, MANIFEST, data_file, live_scope, manifest, sign_bundle
from weighbridge.bundle.verify import verify_bundle
from weighbridge.cli.main import cli
from weighbridge.control.control_data import read_control
from weighbridge.control.entry import EMPTY, Accepted, Announced, log_line, sign_entry, verify_log
from weighbridge.keys import fingerprint, public_pem

ONE, TWO = version_digest("qa@1.0.0"), version_digest("qa@2.0.0")
LIVE = key("live").public_key()


def run(*arguments):
    result = CliRunner().invoke(cli, ["orders", *map(str, arguments)])
    return result.exit_code, result.output, result.exception


def live_of(data):
    return verify_bundle(data, [LIVE], keyid=KEYID, scope=live_scope("prod"), roots=ROOTS)


class Published:
    """What lies beside a server that had two releases and some orders."""

    def __init__(self, folder, database):
        self.folder = folder
        self.release = Release(folder / "out").write()
        self.first = Release(folder / "first").write()
        self.database = database
        self.pub = folder / "live.pub"
        self.pub.write_text(public_pem(LIVE))
        self.release_pub = folder / "release.pub"
        self.release_pub.write_text(public_pem(key("release").public_key()))
        self.log, self.live = folder / "prod.jsonl", folder / "live.tar.gz"

    def fill(self):
        async def work():
            async with plane(self.database, self.release.folder) as running:
                bad = revoke()
                for data in (bad, revoke("qa@1.0.0"), order("suspend", "acme")):
                    [result] = await running.submit(data)
                    assert result.outcome == "accepted"
                lifting = order("restore", TWO, undoes=predicate_of(bad)["id"], signers=("mlsec", "product"))
                [result] = await running.submit(lifting)
                assert result.outcome == "accepted"
                versions = control_document()["versions"] | {"qa@3.0.0": version("qa@3.0.0", lineage=[ONE])}
                self.release.write(control_document(versions=versions))
                await running.announce(self.release.folder)
                [result] = await running.submit(order("freeze", "qa@3.0.0"))
                assert result.outcome == "accepted"
                entries = len(running.bundle("prod/log.jsonl").data.splitlines())
                await until(lambda: promised(running) >= entries)
                self.live.write_bytes(running.bundle("prod/live.tar.gz").data)
                self.log.write_bytes(running.bundle("prod/log.jsonl").data)

        asyncio.run(work())
        return self

    @property
    def options(self):
        known = ("--live-key", self.pub, "--release-key", self.release_pub)
        return (*known, "--bundles", self.release.folder, "--bundles", self.first.folder)

    def lines(self):
        return self.log.read_text().splitlines()


def promised(running):
    return live_of(running.bundle("prod/live.tar.gz").data).manifest["metadata"]["log"]["entries"]


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    folder = tmp_path_factory.mktemp("published")
    return Published(folder, folder / "control.sqlite").fill()


def verified(published, *arguments, log=None):
    status, output, _ = run("verify", log or published.log, *published.options, *arguments, "--format", "json")
    return status, json.loads(output)


def test_a_log_and_what_follows_from_it(published):
    status, told = verified(published, "--live", published.live)
    assert (status, told["verified"], told["differences"], told["unchecked"]) == (0, True, [], [])
    assert (told["orders"], told["judged"], len(told["releases"])) == (5, 5, 2)
    status, text, _ = run("verify", published.log, *published.options, "--live", published.live)
    assert "5 of 5 orders judged anew" in text
    assert "follows from them" in text


def test_what_cannot_be_checked_is_said(published):
    status, told = verified(published)
    assert status == 0
    assert "cut off" in told["unchecked"][0]
    status, output, _ = run("verify", published.log, "--live-key", published.pub, "--format", "json")
    told = json.loads(output)
    assert (status, told["judged"]) == (0, 0)
    assert any("control data" in each for each in told["unchecked"])


def test_a_log_that_was_cut_off(published, tmp_path):
    short = tmp_path / "short.jsonl"
    short.write_text("\n".join(published.lines()[:-1]) + "\n")
    assert verified(published, log=short)[0] == 0
    status, told = verified(published, "--live", published.live, log=short)
    assert status == 1
    assert "cut off" in told["differences"][0]


def test_an_order_that_nobody_signed(published, tmp_path):
    """Whoever holds the live key can put entries into a log, and no signatures below orders."""
    entries = verify_log(published.lines(), {fingerprint(LIVE): LIVE})
    content = next(entry.content for entry in reversed(entries) if hasattr(entry.content, "envelope"))
    forged = order("revoke", ONE, signers=("stranger",))
    made = type(content)(json.loads(forged), predicate_of(forged)["id"], content.trust, ("oncall",), "revoke")
    entry = sign_entry(made, key("live"), environment="prod", head=entries[-1].head, at_ns=entries[-1].at_ns)
    longer = tmp_path / "longer.jsonl"
    longer.write_bytes(published.log.read_bytes() + log_line(entry.text))
    status, told = verified(published, log=longer)
    assert status == 1
    assert "could not be taken" in told["differences"][0]


def test_a_release_that_only_the_live_key_knows(published, tmp_path):
    """Whoever holds the live key can announce a release of his own, in which he may order: no release key signed it."""
    entries = verify_log(published.lines(), {fingerprint(LIVE): LIVE})
    authority = {"revoke": {"keys": {"oncall": public_pem(key("stranger").public_key())}, "threshold": 1}}
    own = Release(tmp_path / "own", keys=("stranger",)).write(control_document(authority=authority))
    control = read_control((own.folder / "prod/control.tar.gz").read_bytes(), [key("stranger").public_key()])
    head, until_ns = entries[-1].head, entries[-1].at_ns + 10**9
    lines = published.log.read_bytes()
    forged = order("revoke", ONE, signers=("stranger",))
    for content in (
        Announced(control.revision, control.sha256, {}, until_ns),
        Accepted(json.loads(forged), predicate_of(forged)["id"], control.revision, ("oncall",), "revoke"),
    ):
        entry = sign_entry(content, key("live"), environment="prod", head=head, at_ns=until_ns)
        head, lines = entry.head, lines + log_line(entry.text)
    longer = tmp_path / "longer.jsonl"
    longer.write_bytes(lines)
    status, told = verified(published, "--bundles", own.folder, log=longer)
    assert status == 1
    assert "no release key given here signed" in told["differences"][0]
    believed = [each for each in published.options if each not in ("--release-key", published.release_pub)]
    status, output, _ = run("verify", longer, *believed, "--bundles", own.folder, "--format", "json")
    assert "who signed the releases" in "".join(json.loads(output)["unchecked"])


def test_what_was_not_compared_is_not_said_to_follow(published, tmp_path):
    _, text, _ = run("verify", published.log, "--live-key", published.pub, "--live", published.live)
    assert "follows" not in text
    first = live_bundle(live_of(published.live.read_bytes()).data()["weighbridge"]["live"], key("live"))
    compiled = tmp_path / "live.tar.gz"
    compiled.write_bytes(first)
    _, text, _ = run("verify", published.log, *published.options, "--live", compiled)
    assert "follows" not in text


@pytest.mark.parametrize("document", [[], {"live": []}, {"live": {"sequence": 1, "issued_at": 10**30}}])
def test_a_live_bundle_of_no_form(published, tmp_path, document):
    head = verify_log(published.lines(), {fingerprint(LIVE): LIVE})[-1].head
    log = {"log": {"entries": head.number, "sha256": head.sha256}}
    files = {MANIFEST: manifest("x", ROOTS, log), DATA: data_file({"weighbridge": document})}
    odd = tmp_path / "odd.tar.gz"
    signed = sign_bundle(files, key("live"), algorithm="ES256", keyid=KEYID, scope=live_scope("prod"))
    odd.write_bytes(bundle_archive(signed))
    status, told = verified(published, "--live", odd)
    assert (status, len(told["differences"])) == (1, 1)


def test_a_log_that_begins_without_a_release(published, tmp_path):
    data = order("revoke", ONE)
    content = Accepted(json.loads(data), predicate_of(data)["id"], "sha256:0", ("oncall",), "revoke")
    entry = sign_entry(content, key("live"), environment="prod", head=EMPTY, at_ns=1)
    log, live = tmp_path / "log.jsonl", tmp_path / "live.tar.gz"
    log.write_bytes(log_line(entry.text))
    told = live_of(published.live.read_bytes()).data()["weighbridge"]["live"]
    live.write_bytes(live_bundle(told, key("live"), metadata={"log": {"entries": 1, "sha256": entry.sha256}}))
    status, told = verified(published, "--live", live, log=log)
    assert status == 1
    assert "was not current" in told["differences"][0]
    assert "names none" in told["differences"][1]


def test_a_live_bundle_that_does_not_follow(published, tmp_path):
    lines = published.lines()
    entries = verify_log(lines, {fingerprint(LIVE): LIVE})
    other = Published(tmp_path, tmp_path / "other.sqlite")
    other.fill()
    status, told = verified(published, "--live", other.live)
    assert status == 1
    assert told["differences"]
    assert entries


def test_bad_input(published, tmp_path):
    assert run("verify", tmp_path / "none", *published.options)[0] != 0
    assert run("verify", published.log, "--live-key", published.log)[0] != 0
    assert run("verify", published.log, "--live-key", published.pub, "--bundles", tmp_path)[0] != 0


def test_a_lost_database(published, database, tmp_path):
    before = live_of(published.live.read_bytes()).data()["weighbridge"]["live"]
    status, output, error = run("rebuild", published.log, *published.options, "--database", database)
    assert status == 0, (output, error)

    async def work():
        async with plane(database, published.release.folder) as running:
            await until(lambda: running.bundle("prod/live.tar.gz"))
            after = live_of(running.bundle("prod/live.tar.gz").data).data()["weighbridge"]["live"]
            assert after["sequence"] > before["sequence"]
            for part in ("revoked", "frozen", "suspended", "keys", "active"):
                assert after[part] == before[part]
            assert running.bundle("prod/log.jsonl").data.startswith(published.log.read_bytes())
            [result] = await running.submit(revoke("qa@2.0.0"))
            assert result.outcome == "accepted"

    asyncio.run(work())
    again = run("rebuild", published.log, *published.options, "--database", database)
    assert again[0] != 0
    assert "holds a log of prod already" in str(again[2])


def test_nothing_is_rebuilt_without_control_data(published, tmp_path):
    status, _, error = run(
        "rebuild", published.log, "--live-key", published.pub, "--bundles", published.first.folder,
        "--database", tmp_path / "new.sqlite",
    )  # fmt: skip
    assert status != 0
    assert "control data of release" in str(error)


def test_orders_are_exported_once(published, tmp_path):
    target = tmp_path / "orders"
    status, output, error = run("export", published.log, "--live-key", published.pub, "--output", target)
    assert status == 0, (output, error)
    names = {path.name for path in target.iterdir()}
    assert len(names) == 10
    ids = {name.removesuffix(".json") for name in names if not name.endswith(".acceptance.json")}
    for order_id in ids:
        assert predicate_of((target / f"{order_id}.json").read_bytes())["id"] == order_id
        assert len(json.loads((target / f"{order_id}.acceptance.json").read_bytes())["entries"]) == 1
    again = run("export", published.log, "--live-key", published.pub, "--output", target)
    assert "0 files written, 10 there already" in again[1]
    for other in ("{}", "{", "\x00"):
        (target / f"{min(ids)}.json").write_text(other)
        status, _, error = run("export", published.log, "--live-key", published.pub, "--output", target)
        assert status != 0
        assert "says something else" in str(error)
    assert "--key: is missing" in str(run("export", "--live-key", published.pub, "--output", target)[2])
