"""Keyless signers in weighbridge.yaml: patterns that are safe, roots that trust signs, and all that is neither."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from tests.private_sigstore.instance import Instance

from weighbridge.catalogue.keyless import MAX_IDENTITY, Keyless, may_be_one
from weighbridge.evidence.trusted_root import shipped_root
from weighbridge.registry.cache_key import context_of_judgements

if TYPE_CHECKING:
    from .conftest import Tree

W = "weighbridge.yaml"
ISSUER = "https://token.actions.githubusercontent.com"
WORKFLOW = r"https://github\.com/acme/[^/@]+/\.github/workflows/release\.yml@refs/tags/v[0-9.]+"
AUDITOR = "{issuer: https://accounts.example.com, identity: auditor@example.com}"


def pattern(text: str) -> Keyless:
    return Keyless.model_validate({"issuer": ISSUER, "identity_pattern": text})


@pytest.mark.parametrize(
    ("text", "matches", "others"),
    [
        (
            WORKFLOW,
            ["https://github.com/acme/models/.github/workflows/release.yml@refs/tags/v1.2"],
            [
                "https://github.com/acme/models/.github/workflows/release.yml@refs/tags/v1.2-evil",
                "https://github.com/acme/a/b/.github/workflows/release.yml@refs/tags/v1",
                "https://github.com/acme-evil/models/.github/workflows/release.yml@refs/tags/v1",
                "https://githubXcom/acme/models/.github/workflows/release.yml@refs/tags/v1",
                "xhttps://github.com/acme/models/.github/workflows/release.yml@refs/tags/v1",
                "https://github.com/acme/models/.github/workflows/release.yml@refs/tags/v1\n",
                "https://github.com/acme/" + "m" * MAX_IDENTITY,
            ],
        ),
        (
            r"[a-z.]+@example\.com",
            ["anna.b@example.com"],
            ["anna@example.com.evil", "anna@example-com", "https://x/y@example.com", "@example.com", "a@b@example.com"],
        ),
        (r"(anna|bert)@example\.com", ["anna@example.com"], ["carl@example.com", "annabert@example.com"]),
        (r"https://github\.com/acme/m@refs/(heads/main|tags/v1)", ["https://github.com/acme/m@refs/tags/v1"], []),
        (r"spiffe://prod\.example\.com/ns/[a-z]{1,9}", ["spiffe://prod.example.com/ns/ci"], []),
    ],
)
def test_a_pattern_matches_whole_identities(text, matches, others):
    signer = pattern(text)
    assert all(signer.names(identity) for identity in matches)
    assert not any(signer.names(identity) for identity in others)


@pytest.mark.parametrize(
    "text",
    [
        ".*",
        ".+",
        r"[^x]+",
        r"https://.*",
        r"https://github.com/acme/x",
        r"https://github\.com/",
        r"https://github\.com/[^/]+/x",
        r"https://github\.com/acme",
        r"https://github\.com/acme/?evil",
        r"https://github\.com/acme/*x/y",
        r"https://[a-z]+\.com/acme/x",
        r"https://git(hub|lab)\.com/acme/x",
        r"^https://github\.com/acme/x$",
        r"https://github\.com/acme/(a+)+",
        r"https://github\.com/acme/(a|b)+",
        r"https://github\.com/acme/a++",
        r"https://github\.com/acme/a+?b",
        r"https://github\.com/acme/[a-z]+/[a-z]+/[a-z]+",
        r"https://github\.com/acme/\w",
        r"https://github\.com/acme/(?i)x",
        r"https://github\.com/acme/(?=x)",
        r"https://github\.com/acme/[]",
        r"https://github\.com/acme/[z-a]",
        r"https://github\.com/acme/a{3,1}",
        r"https://github\.com/acme/[[a]]",
        r"https://github\.com/acme/x|.*",
        r"a@example\.com|[a-z]+",
        r"[a-z]+@example.com",
        r"[a-z]+@com",
        r"[a-z]+@[a-z]+\.com",
        r"[a-z]+@example\.co[a-z]+",
        r"[a-z]+@example\.com?",
        "anna",
        "https://github\\.com/acme/" + "x" * 600,
        "https://github\\.com/acme/\\",
    ],
)
def test_a_pattern_that_leaves_open_too_much_is_refused(text):
    with pytest.raises(ValidationError, match="identity_pattern"):
        pattern(text)


@given(st.text(max_size=60))
def test_no_text_crashes_and_what_is_accepted_compiles(text):
    for prefix in ("", r"https://github\.com/acme/"):
        try:
            signer = pattern(prefix + text)
        except ValidationError:
            continue
        assert re.compile(signer.identity_pattern)
        assert not signer.names("https://github.com/evil/x")
        assert not signer.names("mallory@evil.example")


def test_the_worst_pattern_ends():
    signer = pattern(r"https://github\.com/acme/[a-z]*[a-z]*x")
    identity = "https://github.com/acme/" + "a" * (MAX_IDENTITY - 24)
    before = time.process_time()
    assert not signer.names(identity)
    assert time.process_time() - before < 30  # a backtracking that explodes would take for ever


def test_who_may_be_one():
    exact = [Keyless(issuer=ISSUER, identity=f"{name}@example.com") for name in ("anna", "bert")]
    everybody, others = pattern(r"[a-z]+@example\.com"), pattern(r"[a-z]+@example\.org")
    assert may_be_one(exact[0], everybody)
    assert may_be_one(everybody, exact[0])
    assert may_be_one(everybody, others)
    assert not may_be_one(*exact)
    assert not may_be_one(exact[0], others)
    assert not may_be_one(exact[0], Keyless(issuer=ISSUER + "/x", identity="anna@example.com"))
    assert len({signer.fingerprint for signer in (*exact, everybody, others)}) == 4


def test_the_root_that_vouches_makes_no_other_signer():
    first = Keyless(issuer=ISSUER, identity="a@example.com")
    assert first.fingerprint == Keyless(issuer=ISSUER, identity="a@example.com", root="private").fingerprint


# In a catalogue


@pytest.mark.parametrize(
    ("signer", "message"),
    [
        (
            "{issuer: https://a.example.com}",
            "7:15: trust.signers.auditor.sigstore: needs exactly one of `identity` and `identity_pattern`",
        ),
        (
            "{issuer: https://a.example.com, identity: a, identity_pattern: 'a@b\\.c'}",
            "7:15: trust.signers.auditor.sigstore: needs exactly one of `identity` and `identity_pattern`",
        ),
        ("{issuer: x, identity: a}", "trust.signers.auditor.sigstore.issuer"),
        ("{issuer: https://a.example.com, identity: a, claims: {ref: x}}", "trust.signers.auditor.sigstore.claims"),
        ("{issuer: https://a.example.com, identity_pattern: '.*'}", "is a pattern that is not accepted from '.*' on"),
        (
            "{issuer: https://a.example.com, identity_pattern: '[a-z]+'}",
            "trust.signers.auditor.sigstore.identity_pattern: is '[a-z]+', leaves open whose identities match",
        ),
        (
            "{issuer: https://a.example.com, identity: a, root: privat}",
            "trust.signers.auditor.sigstore.root: names the trusted root `privat`, which is not defined",
        ),
    ],
)
def test_a_wrong_keyless_signer_is_told_with_its_place(tree: Tree, signer, message):
    tree.edit(W, f"auditor: {{sigstore: {AUDITOR}}}", f"auditor: {{sigstore: {signer}}}")
    assert message in "\n".join(map(str, tree.problems()))


def test_a_threshold_that_one_identity_could_reach_is_refused(tree: Tree):
    tree.edit(
        W,
        f"    auditor: {{sigstore: {AUDITOR}}}",
        f"    auditor: {{sigstore: {AUDITOR}}}\n    again: {{sigstore: {AUDITOR}}}\n"
        "    all: {sigstore: {issuer: https://accounts.example.com, identity_pattern: '[a-z]+@example\\.com'}}",
    )
    tree.edit(W, "approvals: {signers: [ci, mlsec]", "approvals: {signers: [auditor, again, all]")
    told = "\n".join(map(str, tree.problems()))
    assert "names `auditor` and `again`, which have the same identity; it counts once" in told
    assert "names `auditor` and `all`, whom one identity could be at once" in told


def private(tree: Tree, content: str | bytes = "") -> None:
    tree.write("trust/private.json", content or json.dumps(Instance().trusted_root()))
    tree.edit(W, "trust:\n", "trust:\n  sigstore: {private: trust/private.json}\n")
    tree.edit(W, AUDITOR, AUDITOR[:-1] + ", root: private}")


def test_a_private_root_is_read_and_part_of_what_trust_signs(tree: Tree):
    private(tree)
    catalogue = tree.load()
    assert catalogue.roots == {
        "private": tree.path("trust/private.json").read_bytes(),
        "public": shipped_root(),
    }
    assert "trust/private.json" in catalogue.trusted
    assert catalogue.signers["auditor"].fingerprint.startswith("sha256:")
    before = context_of_judgements(catalogue)
    tree.write("trust/private.json", json.dumps(Instance().trusted_root()))
    assert tree.load().trust_sha256 != catalogue.trust_sha256
    assert context_of_judgements(tree.load()) != before


def test_a_pinned_public_root_replaces_the_shipped_one(tree: Tree):
    pinned = shipped_root() + b"\n"
    tree.write("trust/public.json", pinned)
    tree.edit(W, "trust:\n", "trust:\n  sigstore: {public: trust/public.json}\n")
    assert tree.load().roots == {"public": pinned}


ROOT = Instance().trusted_root()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is not JSON"),
        ("[]", "is no trusted root"),
        (json.dumps(ROOT | {"mediaType": "x"}), "is no trusted root: its mediaType is not"),
        (json.dumps(ROOT | {"tlogs": []}), "names no transparency log"),
        (json.dumps(ROOT | {"ctlogs": []}), "names no certificate transparency log"),
        (json.dumps(ROOT | {"certificateAuthorities": []}), "names no certificate authority"),
        (json.dumps(ROOT | {"certificateAuthorities": [{}]}), "does not say from when to when it counts"),
        (json.dumps(ROOT | {"timestampAuthorities": 5}), "names no timestamp authority"),
        (json.dumps(ROOT).replace('"rawBytes": "M', '"rawBytes": "'), "is a trusted root that cannot be used"),
        (" " * (1024 * 1024 + 1), "is larger than 1048576 bytes"),
    ],
)
def test_a_root_that_cannot_be_used_is_told_where_it_is_named(tree: Tree, content, message):
    private(tree, content)
    (problem,) = tree.problems()
    assert str(problem).startswith(f"{W}:4:23: trust.sigstore.private: `trust/private.json` ")
    assert message in str(problem)


@pytest.mark.parametrize("path", ["../private.json", "trust/missing.json", "trust"])
def test_a_root_outside_or_missing_is_refused(tree: Tree, path):
    private(tree)
    tree.edit(W, "private: trust/private.json", f"private: {path}")
    (problem,) = tree.problems()
    assert str(problem).startswith(f"{W}:4:23: trust.sigstore.private: `{path}` ")


@pytest.mark.parametrize("tail", ["x\n", "x\u2215y", "\u0430cme", "x\x1b[2J"])
def test_a_class_takes_no_line_break_and_no_letter_that_only_looks_alike(tail):
    signer = Keyless(issuer="https://issuer.example", identity_pattern=r"https://github\.com/acme/[^/]+")
    assert signer.names("https://github.com/acme/x")
    assert not signer.names(f"https://github.com/acme/{tail}")
