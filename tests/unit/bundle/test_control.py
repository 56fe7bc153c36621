"""What leads to a version: lineage through the catalogue, signers through environments and waivers."""

from types import SimpleNamespace
from typing import Any

import pytest

from weighbridge.bundle.control import ControlBuilder
from weighbridge.catalogue.configuration import Environment, Threshold
from weighbridge.registry.records import Held, Reason, Record

BASE = "sha256:" + "b" * 64
SET = "sha256:" + "5" * 64


def artifact(name: str) -> str:
    return "sha256:" + name.encode().hex().ljust(64, "0")


def version(name: str, *, sources: tuple[str, ...] = (), lineage: Any = None, **matter: Any) -> Any:
    card = SimpleNamespace(images=(SimpleNamespace(digest="sha256:" + "a" * 64),), sources=sources, lineage=lineage)
    return SimpleNamespace(name=name, artifact_digest=artifact(name), card=card, front_matter=matter)


def came(run: str = "run-1", code: str | None = None, training_data: tuple[str, ...] = ()) -> Any:
    return SimpleNamespace(parent_run_id=run, code=code, training_data=training_data)


def record(name: str, environment: str = "prod", *, approved: bool = True, **changes: Any) -> Record:
    fields: dict[str, Any] = {"not_after": 9 if approved else 0, "required": (), **changes}
    return Record(environment, name, *name.split("@"), approved=approved, digest=artifact(name), **fields)


def written(
    versions: list[Any], records: dict[str, list[Record]], environments: dict[str, Any], waivers: Any = ()
) -> dict[str, Any]:
    configured = {
        name: Environment.model_construct(**(Environment().__dict__ | given)) for name, given in environments.items()
    }
    catalogue: Any = SimpleNamespace(
        configuration=SimpleNamespace(
            environments=configured,
            labels=SimpleNamespace(model_id="model_id", model_version="model_version"),
            support_images=(),
            exempt_namespaces=(),
        ),
        tenants=None,
        versions={each.name: each for each in versions},
    )
    judged = {name: {each.name: each for each in given} for name, given in records.items()}
    builder = ControlBuilder(catalogue, judged, waivers, 5)
    return builder.document("prod", {"authority": {}, "orders": {}})["versions"]


def lineage(*versions: Any) -> dict[str, set[str]]:
    found = written(list(versions), {"prod": [record(each.name) for each in versions]}, {"prod": {}})
    return {name: set(document["lineage"]) for name, document in found.items()}


def test_what_a_card_names() -> None:
    given = came("run-1", "https://example.com/code.git", (f"oci://data/set@{SET}",))
    found = lineage(version("a@1", lineage=given, base_model=["org/base", "org/other"], datasets="squad"))
    assert found == {
        "a@1": {"org/base", "org/other", "squad", "run-1", "https://example.com/code.git", f"oci://data/set@{SET}", SET}
    }


def test_ancestors_in_the_catalogue_bring_their_own() -> None:
    source = "hf://org/base@" + "0" * 40
    found = lineage(
        version("base@1", sources=(source,), datasets=["squad"]),
        version("mid@1", base_model=source),
        version("top@1", base_model="mid@1"),
        version("by-digest@1", base_model=artifact("mid@1")),
        version("other@1", base_model=BASE),
    )
    of_mid = {source, "base@1", artifact("base@1"), "squad"}
    assert found["base@1"] == {"squad"}
    assert found["mid@1"] == of_mid
    assert found["top@1"] == of_mid | {"mid@1", artifact("mid@1")}
    assert found["by-digest@1"] == of_mid | {"mid@1", artifact("mid@1")}
    assert found["other@1"] == {BASE}


def test_versions_that_name_each_other_or_themselves() -> None:
    found = lineage(
        version("a@1", base_model="b@1"), version("b@1", base_model="a@1"), version("c@1", base_model="c@1")
    )
    assert found["a@1"] >= {"b@1", artifact("b@1")}
    assert found["b@1"] >= {"a@1", artifact("a@1")}
    assert found["c@1"] == {"c@1"}


@pytest.mark.parametrize("odd", [None, 7, {"a": 1}, [7, None, ""], ""])
def test_what_is_no_name(odd: Any) -> None:
    assert lineage(version("a@1", base_model=odd)) == {"a@1": set()}


def test_a_refused_version_has_lineage_and_images_and_rests_on_nobody() -> None:
    one = record("a@1", approved=False, approvers=("x",))
    found = written([version("a@1", base_model=BASE)], {"prod": [one]}, {"prod": {}})["a@1"]
    assert found == {
        "digest": artifact("a@1"), "approved": False, "served": False, "since": None, "not_after": 0,
        "images": ["sha256:" + "a" * 64], "signers": [], "lineage": [BASE],
    }  # fmt: skip


def test_signers_of_evidence_approvals_and_the_environments_before() -> None:
    held = {"packaged": Held(("ci",), (), 9), "scanned": Held(("scanner", "ci"), (), 9)}
    records = {
        "dev": [record("a@1", "dev", attestations={"packaged": Held(("dev-ci",), (), 9)})],
        "prod": [record("a@1", attestations=held, approvers=("mlsec",), since_ns=3)],
    }
    environments = {"dev": {}, "prod": {"promotes_from": "dev", "approvals": Threshold(signers=("mlsec",))}}
    found = written([version("a@1")], records, environments)["a@1"]
    assert found["signers"] == ["ci", "dev-ci", "mlsec", "scanner"]
    assert found["since"] == 3


def test_what_it_was_evaluated_on_where_an_approval_rests_on_that() -> None:
    records = {
        "dev": [record(name, "dev", datasets=(BASE,)) for name in ("a@1", "b@1")],
        "prod": [record("a@1", datasets=(SET,)), record("b@1", approved=False, datasets=(SET,))],
    }
    found = written([version("a@1"), version("b@1")], records, {"dev": {}, "prod": {"promotes_from": "dev"}})
    assert (found["a@1"]["lineage"], found["b@1"]["lineage"]) == ([SET, BASE], [])


def test_a_waiver_that_let_something_pass_is_what_an_approval_rests_on() -> None:
    def waiver(signer: str, state: str = "current", artifact_: str | None = None) -> Any:
        scope = SimpleNamespace(artifact=artifact_ or artifact("a@1"))
        predicate = SimpleNamespace(scope=scope, environment="prod")
        return SimpleNamespace(predicate=predicate, signer=signer, state=lambda _: state)

    waivers = [waiver("lenient"), waiver("late", "expired"), waiver("elsewhere", artifact_=BASE)]
    waived = record("a@1", waived=(Reason("REL-001", "x", "m"),))
    versions = [version("a@1"), version("b@1")]
    found = written(versions, {"prod": [waived, record("b@1")]}, {"prod": {}}, waivers)
    assert (found["a@1"]["signers"], found["b@1"]["signers"]) == (["lenient"], [])
