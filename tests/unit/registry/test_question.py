import copy
from typing import Any

import pytest

from weighbridge.catalogue.configuration import Configuration
from weighbridge.errors import InputError
from weighbridge.registry.question import package_attestation, promotion_order

PACKAGED = {
    "predicate": "https://weighbridge.dev/package/v1",
    "about": "model",
    "signers": ["ci"],
    "rule": "package",
}
DOCUMENT: dict[str, Any] = {
    "apiVersion": "weighbridge.dev/v1",
    "kind": "Catalogue",
    "trust": {"signers": {"ci": {"key": "keys/ci.pub"}}},
    "attestations": {"packaged": PACKAGED},
    "environments": {"prod": {}},
}


def configuration(**changes: Any) -> Configuration:
    return Configuration.model_validate({**copy.deepcopy(DOCUMENT), **changes})


def environments(**promotes_from: str | None) -> Configuration:
    promotions = {"signers": ["ci"]}
    documents = {
        name: {} if source is None else {"promotes_from": source, "promotions": promotions}
        for name, source in promotes_from.items()
    }
    return configuration(environments=documents)


def test_each_environment_comes_behind_the_one_it_promotes_from() -> None:
    assert promotion_order(environments(a="b", b="c", c=None, d=None, e="d")) == ["c", "d", "b", "e", "a"]
    assert promotion_order(environments(z=None, a="z")) == ["z", "a"]


@pytest.mark.parametrize(
    "loop", [{"a": "a"}, {"a": "b", "b": "a"}, {"dev": None, "a": "c", "b": "a", "c": "b"}, {"a": "nowhere"}]
)
def test_a_loop_is_refused(loop: dict[str, str | None]) -> None:
    with pytest.raises(InputError, match="promote"):
        promotion_order(environments(**loop))


def test_exactly_one_attestation_is_about_packaging() -> None:
    assert package_attestation(configuration()) == "packaged"
    other = {**PACKAGED, "predicate": "https://example.com/other/v1"}
    for attestations in ({"a": PACKAGED, "b": PACKAGED}, {"a": other}):
        with pytest.raises(InputError, match="exactly one attestation"):
            package_attestation(configuration(attestations=attestations))
