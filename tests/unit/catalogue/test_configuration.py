"""Every way in which weighbridge.yaml and tenants.yaml can be wrong, with the exact place and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Tree

W = "weighbridge.yaml"
SHAPES = [
    (
        "apiVersion: weighbridge.dev/v1",
        "apiVersion: v2",
        "1:13: apiVersion: is 'v2'. Allowed: `weighbridge.dev/v1`.",
    ),
    (
        "kind: Catalogue\n",
        "kind: catalogue\n",
        "2:7: kind: is 'catalogue'. Allowed: `Catalogue`.",
    ),
    (
        "kind: Catalogue\n",
        "",
        "1:1: kind: is missing. Add `kind`.",
    ),
    (
        "{key: keys/mlsec.pub}",
        "{key: keys/mlsec.pub, sigstore: {issuer: 'https://x', identity: a}}",
        "6:5: trust.signers.mlsec: needs exactly one of `key` and `sigstore`. Correct the value.",
    ),
    (
        "{key: keys/mlsec.pub}",
        "{}",
        "6:5: trust.signers.mlsec: needs exactly one of `key` and `sigstore`. Correct the value.",
    ),
    (
        "{key: keys/mlsec.pub}",
        "{key: keys/mlsec.pub, not_before: 2026-01-01T00:00:00Z, not_after: 2026-01-01T00:00:00Z}",
        "6:5: trust.signers.mlsec: `not_before` must lie before `not_after`. Correct the value.",
    ),
    (
        "{key: keys/mlsec.pub}",
        "{key: keys/mlsec.pub, not_after: 2026-01-01}",
        (
            "6:45: trust.signers.mlsec.not_after: is '2026-01-01', must be an RFC 3339 time such as "
            "2026-01-15T00:00:00Z. Correct the value."
        ),
    ),
    (
        "{key: keys/mlsec.pub}",
        "{key: keys/mlsec.pub, not_after: 5}",
        (
            "6:45: trust.signers.mlsec.not_after: is the number 5, must be an RFC 3339 time such as "
            "2026-01-15T00:00:00Z. Correct the value."
        ),
    ),
    (
        "{key: keys/mlsec.pub}",
        "{key: keys/mlsec.pub, waives: [pod-7]}",
        (
            "6:43: trust.signers.mlsec.waives[0]: is 'pod-7', which has not the form expected. Write a "
            "code such as POD-007."
        ),
    ),
    (
        "max_age: 7d",
        "max_age: 7 days",
        (
            "19:14: attestations.slsa-level2.max_age: is '7 days', must be a duration such as 90s, "
            "30m, 24h or 7d. Correct the value."
        ),
    ),
    (
        "max_age: 7d",
        "max_age: 999999d",
        (
            "19:14: attestations.slsa-level2.max_age: is '999999d', must be at most 100 years, or no "
            "clock can add it to a time. Correct the value."
        ),
    ),
    (
        "rule: slsa_provenance",
        "rule: slsa-provenance",
        (
            "18:11: attestations.slsa-level2.rule: is 'slsa-provenance', which has not the form "
            "expected. Use 1 to 63 lower-case letters, digits and underscores; begin with a letter: it "
            "is part of a Rego package."
        ),
    ),
    (
        "threshold: 2",
        "threshold: two",
        (
            "27:50: environments.prod.approvals.threshold: is 'two', expected a whole number. Write "
            "the number in decimal digits, without quotes."
        ),
    ),
    (
        "threshold: 2",
        "threshold: yes",
        (
            "27:50: environments.prod.approvals.threshold: is 'yes', expected a whole number. Write "
            "the number in decimal digits, without quotes."
        ),
    ),
    (
        "requires: [slsa-level2]",
        "requires: slsa-level2",
        "24:15: environments.prod.requires: is 'slsa-level2', expected a list. Correct the value.",
    ),
    (
        "requires: [slsa-level2]",
        "requires: [slsa-level2]\n    multi_tenant: yes",
        (
            "25:19: environments.prod.multi_tenant: is 'yes', expected `true` or `false`. Write `true` "
            "or `false`, without quotes."
        ),
    ),
    (
        "requires: [slsa-level2]",
        "requires: [slsa-level2]\n    workloads: {pod_security: Restricted}",
        (
            "25:31: environments.prod.workloads.pod_security: is 'Restricted'. Allowed: `restricted`, `baseline` or "
            "`privileged`."
        ),
    ),
    (
        "requires: [slsa-level2]",
        "requires: [slsa-level2]\n    workloads: {pod_security: null}",
        "25:31: environments.prod.workloads.pod_security: is empty. Allowed: `restricted`, `baseline` or `privileged`.",
    ),
    (
        "requires: [slsa-level2]",
        'requires: [slsa-level2]\n    workloads: {user_namespaces: "true"}',
        (
            "25:34: environments.prod.workloads.user_namespaces: is 'true', expected `true` or `false`. Write `true` "
            "or `false`, without quotes."
        ),
    ),
    (
        "requires: [slsa-level2]",
        "requires: [slsa-level2]\n    workloads: {podSecurity: baseline}",
        "25:17: environments.prod.workloads.podSecurity: is not known here. Did you mean `pod_security`?",
    ),
    (
        "requires: [slsa-level2]",
        "requires: [slsa-level2]\n    metrics: {exact_match: {}}",
        "25:15: environments.prod.metrics.exact_match: needs `min`, `max` or both. Correct the value.",
    ),
    (
        "requires: [slsa-level2]",
        'requires: [slsa-level2]\n    metrics: {exact_match: {min: "0.7"}}',
        (
            "25:34: environments.prod.metrics.exact_match.min: is '0.7', expected a number. Write the "
            "number in decimal digits, without quotes."
        ),
    ),
    (
        "requires: [slsa-level2]",
        "requires: [slsa-level2]\n    metrics: {exact_match: {min: true}}",
        "25:34: environments.prod.metrics.exact_match.min: is `true`, expected a number. Correct the value.",
    ),
    (
        "revoke: {signers: [mlsec]}",
        "revok: {signers: [mlsec]}",
        (
            "29:7: environments.prod.orders.revok: is 'revok'. Allowed: `revoke`, `restore`, `freeze`, "
            "`thaw`, `suspend`, `resume`, `revoke-key`, `route` or `distrust`."
        ),
    ),
    (
        "http://kb-qa-0315.models:8000",
        "http://kb-qa-0315.models:8000/v1",
        (
            "33:29: environments.prod.upstreams.kb-qa-001@2025.03.15: is "
            "'http://kb-qa-0315.models:8000/v1', which has not the form expected. Write scheme, host "
            "and port without a path, such as http://model.namespace:8000."
        ),
    ),
    (
        "http://kb-qa-0315.models:8000",
        "http://kb-qa-0315.models:80000",
        (
            "33:29: environments.prod.upstreams.kb-qa-001@2025.03.15: is "
            "'http://kb-qa-0315.models:80000', whose port is none. Use a port from 1 to 65535."
        ),
    ),
    (
        "promotions: {signers: [ci], min_time: 24h}",
        "multi_tenant: false",
        "23:3: environments.prod: `promotes_from` and `promotions` go together. Give both, or neither.",
    ),
    (
        "requires: [slsa-level2]",
        "requires: [slsa-level2]\n    calls: {body_limit: 8MB}",
        (
            "25:25: environments.prod.calls.body_limit: is '8MB', must be a size such as 512KiB or "
            "8MiB. Correct the value."
        ),
    ),
    (
        "requires: [slsa-level2]",
        "requires: [slsa-level2]\n    calls: {paths: {/v1/x: {model: body}}}",
        (
            "25:21: environments.prod.calls.paths.'/v1/x': is '/v1/x', which has not the form "
            "expected. Write a method, a space and a path, such as POST /v1/chat/completions."
        ),
    ),
    (
        "requires: [slsa-level2]",
        'requires: [slsa-level2]\n    calls: {paths: {"GET /v1/x": {model: body, answer: entitlements}}}',
        (
            "25:21: environments.prod.calls.paths.'GET /v1/x': needs exactly one of `model: body` and "
            "`answer: entitlements`. Correct the value."
        ),
    ),
]


@pytest.mark.parametrize(("old", "new", "expected"), SHAPES)
def test_shapes(tree: Tree, old: str, new: str, expected: str) -> None:
    tree.edit(W, old, new)
    assert tree.problem() == f"{W}:{expected}"


def test_an_optional_key_without_value_is_as_if_absent(tree: Tree) -> None:
    tree.edit(W, "max_age: 7d", "max_age:")
    assert tree.load().configuration.attestations["slsa-level2"].max_age is None


def test_a_misspelt_section(tree: Tree) -> None:
    tree.edit(W, "trust:\n", "turst:\n")
    problems = tree.problems()
    assert f"{W}:3:1: turst: is not known here. Did you mean `trust`?" in problems
    assert f"{W}:1:1: trust: is missing. Add `trust`." in problems


@pytest.mark.parametrize("name", ["Dev", "d_v", "-dev", "dev.", "d..v", "d.-v", "d" * 64, "d\u0435v", "dev\\n", ""])
def test_names_outside_the_contract(tree: Tree, name: str) -> None:
    tree.edit(W, "  dev:\n", f'  "{name}":\n')
    assert any(problem.startswith(f"{W}:21:3: environments.") for problem in tree.problems())


@pytest.mark.parametrize(
    "time",
    [
        "2026-01-01T00:00:00Z\\n",
        "2026-01-01T00:00:00",
        "2026-13-01T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:00:60Z",
        "2026-01-01T00:00:00+25:00",
        "1969-12-31T23:59:59Z",
        "2262-04-12T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "\u0662026-01-01T00:00:00Z",
        "2026-01-01 00:00:00Z",
    ],
)
def test_times_that_are_none(tree: Tree, time: str) -> None:
    tree.edit(W, "{key: keys/mlsec.pub}", f'{{key: keys/mlsec.pub, not_after: "{time}"}}')
    assert tree.problem().startswith(f"{W}:6:45: trust.signers.mlsec.not_after: is ")


def test_messages_carry_no_jargon(tree: Tree) -> None:
    tree.write(W, "apiVersion: 1\nkind: []\ntrust: x\nattestations: {a: b, C: {}}\nenvironments: {}\nlabels: 3\n")
    text = "\n".join(tree.problems())
    assert "pydantic" not in text.lower()
    assert "http" not in text
    assert "Input should" not in text
    assert f"{W}:2:7: kind: is a list. Allowed: `Catalogue`." in text
    assert f"{W}:5:15: environments: is empty. Give at least one" in text


REFERENCES = [
    (
        (
            "attestations:\n  packaged:\n    predicate: https://weighbridge.dev/package/v1\n    about: "
            "model\n    signers: [ci]"
        ),
        (
            "attestations:\n  packaged:\n    predicate: https://weighbridge.dev/package/v1\n    about: "
            "model\n    signers: [cii]"
        ),
        ("12:15: attestations.packaged.signers[0]: names the signer `cii`, which is not defined. Did you mean `ci`?"),
    ),
    (
        "rule: slsa_provenance",
        "rule: slsa_provnance",
        (
            "18:11: attestations.slsa-level2.rule: names the rule `slsa_provnance`, which is not "
            "defined. Did you mean `slsa_provenance`?"
        ),
    ),
    (
        "requires: [slsa-level2]",
        "requires: [slsa-level3]",
        (
            "24:16: environments.prod.requires[0]: names the attestation `slsa-level3`, which is not "
            "defined. Did you mean `slsa-level2`?"
        ),
    ),
    (
        "requires: [slsa-level2]",
        "requires: [slsa-level2, slsa-level2]",
        "24:29: environments.prod.requires[1]: names `slsa-level2` twice. Name it once.",
    ),
    (
        "promotes_from: dev",
        "promotes_from: prod",
        "25:20: environments.prod.promotes_from: promotes from itself. Name the environment before it.",
    ),
    (
        "promotions: {signers: [ci], min_time: 24h}",
        "promotions: {signers: [nobody]}",
        (
            "26:28: environments.prod.promotions.signers[0]: names the signer `nobody`, which is not "
            "defined. Define it, or use one of: auditor, ci, mlsec."
        ),
    ),
    (
        "revoke: {signers: [mlsec]}",
        "revoke: {signers: [oncall]}",
        (
            "29:26: environments.prod.orders.revoke.signers[0]: names the signer `oncall`, which is "
            "not defined. Define it, or use one of: auditor, ci, mlsec."
        ),
    ),
    (
        "revoke: {signers: [mlsec]}",
        "revoke: {signers: [mlsec], threshold: 2}",
        (
            "29:15: environments.prod.orders.revoke: needs 2 keys, but its signers have 1. Lower the "
            "threshold, or name more signers."
        ),
    ),
    (
        "models: [kb-qa-001], active: kb-qa-001@2025.03.15",
        "models: [kb-qa-001], active: other@2025.03.15",
        (
            "31:44: environments.prod.routes.kb-qa.active: is other@2025.03.15, whose model is not "
            "among the route's models. Add `other` to `models`, or choose another version."
        ),
    ),
    (
        "models: [kb-qa-001], active: kb-qa-001@2025.03.15",
        "models: [kb-qa-001], active: kb-qa-001@2025.03.16",
        (
            "31:44: environments.prod.routes.kb-qa.active: names the version `kb-qa-001@2025.03.16`, "
            "which is not defined. Did you mean `kb-qa-001@2025.03.15`?"
        ),
    ),
    (
        "models: [kb-qa-001], active: kb-qa-001@2025.03.15",
        "models: [kb-qa-001, kb-qa-002]",
        (
            "31:35: environments.prod.routes.kb-qa.models[1]: names the model `kb-qa-002`, which is "
            "not defined. Did you mean `kb-qa-001`?"
        ),
    ),
    (
        "kb-qa-001@2025.03.15: http",
        "kb-qa-001@2025.03.16: http",
        (
            "33:29: environments.prod.upstreams.kb-qa-001@2025.03.16: names the version "
            "`kb-qa-001@2025.03.16`, which is not defined. Did you mean `kb-qa-001@2025.03.15`?"
        ),
    ),
    (
        "requires: [slsa-level2]",
        "requires: [slsa-level2]\n    enforcement: {MOD-006: {mode: dry-run}}",
        (
            "25:28: environments.prod.enforcement.MOD-006: can neither be waived nor set below `enforce`. "
            "Remove the entry, or write `enforce`."
        ),
    ),
    (
        "kind: Catalogue\n",
        "kind: Catalogue\nlabels: {model_version: model_id}\n",
        "3:9: labels: gives both labels one name. Name them differently.",
    ),
    (
        "predicate: https://weighbridge.dev/package/v1",
        "predicate: https://weighbridge.dev/package/v2",
        (
            "9:3: attestations: has no attestation with the predicate "
            "https://weighbridge.dev/package/v1, which every environment needs. Add `packaged: "
            "{predicate: https://weighbridge.dev/package/v1, about: model, signers: [...], rule: "
            "package}`."
        ),
    ),
]


@pytest.mark.parametrize(("old", "new", "expected"), REFERENCES)
def test_references(tree: Tree, old: str, new: str, expected: str) -> None:
    tree.edit(W, old, new)
    assert tree.problem() == f"{W}:{expected}"


def test_two_package_attestations(tree: Tree) -> None:
    tree.edit(W, "predicate: https://slsa.dev/provenance/v1", "predicate: https://weighbridge.dev/package/v1")
    tree.edit(W, "rule: slsa_provenance", "rule: package")
    assert tree.problem().startswith(
        f"{W}:15:16: attestations.slsa-level2.predicate: has 2 attestations with the predicate"
    )


def test_a_package_is_about_a_model_and_judged_as_one(tree: Tree) -> None:
    tree.edit(
        W, "about: model\n    signers: [ci]\n    rule: package", "about: images\n    signers: [ci]\n    rule: sbom"
    )
    assert [problem.split(": ")[1] for problem in tree.problems()] == [
        "attestations.packaged.about",
        "attestations.packaged.rule",
    ]


def test_a_rule_of_the_users_own_is_known(tree: Tree) -> None:
    tree.edit(W, "rule: slsa_provenance", "rule: mine")
    tree.write("policies/mine.rego", "# a rule\npackage weighbridge.user.evidence.mine # ours\n")
    assert tree.load().configuration.attestations["slsa-level2"].rule == "mine"


@pytest.mark.parametrize("helper", ["batch", "parameters"])
def test_what_only_helps_rules_is_no_rule(tree: Tree, helper: str) -> None:
    tree.edit(W, "rule: slsa_provenance", f"rule: {helper}")
    assert "which is not defined" in tree.problem()


def test_promotions_in_a_circle(tree: Tree) -> None:
    tree.edit(W, "  dev:\n    requires: []", "  dev:\n    promotes_from: prod\n    promotions: {signers: [ci]}")
    assert tree.problems() == [
        (
            f"{W}:22:20: environments.dev.promotes_from: promotes in a circle: dev from prod from dev. Let the first "
            "environment promote from nothing."
        ),
        (
            f"{W}:26:20: environments.prod.promotes_from: promotes in a circle: prod from dev from prod. Let the first "
            "environment promote from nothing."
        ),
    ]


def test_who_only_leads_into_a_circle_is_not_blamed(tree: Tree) -> None:
    tree.edit(W, "  dev:\n    requires: []", "  dev:\n    promotes_from: prod\n    promotions: {signers: [ci]}")
    text = tree.path(W).read_text() + "  last:\n    promotes_from: prod\n    promotions: {signers: [ci]}\n"
    tree.write(W, text)
    assert len(tree.problems()) == 2


def test_one_key_under_two_names_fools_no_threshold(tree: Tree) -> None:
    tree.write("keys/mlsec.pub", tree.path("keys/ci.pub").read_bytes())
    assert tree.problems() == [
        (
            f"{W}:27:16: environments.prod.approvals: needs 2 keys, but its signers have 1. Lower the "
            "threshold, or name more signers."
        ),
        (
            f"{W}:27:26: environments.prod.approvals.signers: names `ci` and `mlsec`, which have the same key; it "
            "counts once. Give each signer a key of its own."
        ),
    ]


def test_a_compromised_key_counts_under_no_other_name(tree: Tree) -> None:
    tree.edit(W, "approvals: {signers: [ci, mlsec], threshold: 2}", "approvals: {signers: [ci]}")
    tree.write("keys/mlsec.pub", tree.path("keys/ci.pub").read_bytes())
    assert tree.load()
    tree.edit(W, "{key: keys/mlsec.pub}", "{key: keys/mlsec.pub, compromised_from: 2026-01-01T00:00:00Z}")
    assert tree.problem() == (
        f"{W}:5:15: trust.signers.ci.key: is also the key of `mlsec`, which says that it is compromised. Replace the "
        "key, or say the same of both."
    )


def test_thresholds_of_attestations_are_checked_too(tree: Tree) -> None:
    tree.edit(W, "max_age: 7d", "threshold: 2")
    assert tree.problem().startswith(f"{W}:15:5: attestations.slsa-level2: needs 2 keys, but its signers have 1")


KEY_FILES = [
    ("../ci.pub", "has an empty, `.` or `..` part"),
    ("keys/../keys/ci.pub", "has an empty, `.` or `..` part"),
    ("keys//ci.pub", "has an empty, `.` or `..` part"),
    ("keys", "is a folder, where a file is expected"),
    ("keys/none.pub", "is missing"),
    ("keys/ci.pub/x", "is missing"),
    ("README.md", "is no PEM public key"),
    ("keys/private.pem", "holds a private key"),
    ("keys/big.pub", "is larger than 65536 bytes"),
]


@pytest.mark.parametrize(("path", "message"), KEY_FILES)
def test_key_files(tree: Tree, path: str, message: str) -> None:
    tree.write("README.md", "# no key\n")
    tree.write("keys/private.pem", "-----BEGIN PRIVATE KEY-----\n")
    tree.write("keys/big.pub", "x" * 70_000)
    tree.edit(W, "{key: keys/mlsec.pub}", f"{{key: {path}}}")
    problem = tree.problem()
    assert problem.startswith(f"{W}:6:18: trust.signers.mlsec.key: `{path}` ")
    assert message in problem


@pytest.mark.parametrize("path", ["/etc/passwd", "keys\\\\ci.pub", "keys/ci.pub\\n", "keys/\\0.pub"])
def test_key_paths_outside_the_form(tree: Tree, path: str) -> None:
    tree.edit(W, "{key: keys/mlsec.pub}", f'{{key: "{path}"}}')
    assert "has not the form expected. Write a path relative to the catalogue" in tree.problem()


TENANT_PROBLEMS = [
    (
        "prod:",
        "prd:",
        ("7:9: tenants.acme.environments.prd: names the environment `prd`, which is not defined. Did you mean `prod`?"),
    ),
    (
        "        models: [kb-qa-001]\n        limits",
        "        models: [kb-qa-001, other]\n        limits",
        (
            "7:29: tenants.acme.environments.prod.models[1]: names the model `other`, which is not "
            "defined. Define it, or use one of: kb-qa-001."
        ),
    ),
    (
        "id: k7m2p9qb",
        "id: k7m2p9qa",
        (
            "11:16: tenants.acme.environments.prod.keys[1].id: gives a key id that "
            "tenants.acme.environments.prod.keys[0].id gives already: who revokes one would revoke "
            "both. Make a new key with `weighbridge tenant key`."
        ),
    ),
    (
        "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        (
            "11:34: tenants.acme.environments.prod.keys[1].sha256: gives a key that "
            "tenants.acme.environments.prod.keys[0].sha256 gives already: who revokes one would revoke "
            "both. Make a new key with `weighbridge tenant key`."
        ),
    ),
    (
        "models: [kb-qa-001]}",
        "models: [kb-qa-002]}",
        (
            "11:151: tenants.acme.environments.prod.keys[1].models[0]: names the model `kb-qa-002`, to "
            "which the tenant itself is not entitled. Add it to the tenant's models, or remove it."
        ),
    ),
    (
        "id: k7m2p9qb",
        "id: 12345678",
        ("11:16: tenants.acme.environments.prod.keys[1].id: is the number 12345678, expected text. Put it in quotes."),
    ),
    (
        "id: k7m2p9qb",
        "id: K7M2P9QB",
        (
            "11:16: tenants.acme.environments.prod.keys[1].id: is 'K7M2P9QB', which has not the form "
            "expected. Use 8 lower-case letters and digits, as `weighbridge tenant key` does."
        ),
    ),
    (
        "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
        "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
        (
            "11:34: tenants.acme.environments.prod.keys[1].sha256: is "
            "'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb', which has not the "
            "form expected. Write `sha256:` and 64 lower-case hexadecimal digits."
        ),
    ),
]


@pytest.mark.parametrize(("old", "new", "expected"), TENANT_PROBLEMS)
def test_tenants(tree: Tree, old: str, new: str, expected: str) -> None:
    tree.edit("tenants.yaml", old, new)
    assert tree.problem() == f"tenants.yaml:{expected}"


def test_a_catalogue_without_tenants(tree: Tree) -> None:
    tree.path("tenants.yaml").unlink()
    assert tree.load().tenants is None


@pytest.mark.parametrize(("text", "message"), [("", "is empty"), ("# only\n", "is empty"), ("- a\n", "is no mapping")])
def test_documents_that_are_no_mapping(tree: Tree, text: str, message: str) -> None:
    tree.write("tenants.yaml", text)
    assert tree.problem().startswith(f"tenants.yaml:1:1: {message}")
