"""Which evidence about an image is heard, and what comes of several statements."""

from typing import Any

import pytest

from weighbridge.catalogue.configuration import Configuration
from weighbridge.evidence.state import AttestationState, Verdict
from weighbridge.registry.image_facts import image_facts

IMAGE = "sha256:" + "1" * 64
OTHER = "sha256:" + "2" * 64
CLEAN = {"bases": ["wolfi"], "users": ["other"], "found": {}, "cuda": ["12.4"], "cudnn": []}
BAD = {"bases": ["debian"], "users": ["root"], "found": {"shells": ["/bin/sh"]}, "cuda": ["11.8"], "cudnn": []}


def configuration(requires: list[str], **attestations: dict[str, Any]) -> Configuration:
    defined = {
        name: {"predicate": "https://example.com/p", "about": "images", "signers": ["ci"], **given}
        for name, given in attestations.items()
    }
    return Configuration.model_validate(
        {
            "apiVersion": "weighbridge.dev/v1",
            "kind": "Catalogue",
            "trust": {"signers": {"ci": {"key": "keys/ci.pub"}}},
            "attestations": defined,
            "environments": {"prod": {"requires": requires}},
        }
    )


def verdict(facts: dict[str, Any], key: str = "a", expires: int = 100, subject: str = IMAGE) -> Verdict:
    return Verdict("f", "ci", key, "sha256:0", 1, False, ("no",), expires, {}, subject, facts)


def state(name: str, *verdicts: Verdict) -> AttestationState:
    return AttestationState(name, False, 0, verdicts, ())


def known(config: Configuration, **states: list[Verdict]) -> dict[str, Any]:
    return image_facts(config, "prod", IMAGE, {name: state(name, *given) for name, given in states.items()})


MINIMAL = {"minimal": {"rule": "image_profile"}}


def test_a_profile_that_its_rule_refuses_is_known() -> None:
    assert known(configuration([], **MINIMAL), minimal=[verdict(BAD)]) == {"profile": BAD | {"not_after": 100}}


@pytest.mark.parametrize("verdicts", [[], [verdict({})], [verdict(CLEAN, subject=OTHER)]])
def test_what_nobody_tells_is_not_known(verdicts: list[Verdict]) -> None:
    assert known(configuration([], **MINIMAL), minimal=verdicts) == {}
    assert image_facts(configuration([], **MINIMAL), "prod", IMAGE, {}) == {}


def test_the_word_of_a_rule_that_is_none_of_these_is_not_heard() -> None:
    assert known(configuration([], own={"rule": "mine"}), own=[verdict(CLEAN)]) == {}
    about_models = configuration([], boms={"rule": "sbom", "about": "model"})
    assert known(about_models, boms=[verdict({"components": 3})]) == {}


def test_of_several_keys_the_worst_holds() -> None:
    facts = known(configuration([], **MINIMAL), minimal=[verdict(CLEAN), verdict(BAD, key="b", expires=50)])["profile"]
    assert facts["bases"] == ["debian", "wolfi"]
    assert facts["users"] == ["other", "root"]
    assert facts["found"] == {"shells": ["/bin/sh"]}
    assert facts["cuda"] == ["11.8", "12.4"]
    assert facts["not_after"] == 100
    scans = {"clean": {"rule": "vulnerabilities"}}
    both = [verdict({"open": {"high": 1, "low": 2}}), verdict({"open": {"low": 3}}, key="b")]
    assert known(configuration([], **scans), clean=both)["vulnerabilities"]["open"] == {"high": 1, "low": 3}


def test_as_many_keys_must_tell_as_the_attestation_asks_for() -> None:
    two = configuration([], minimal={"rule": "image_profile", "threshold": 2})
    assert known(two, minimal=[verdict(CLEAN), verdict(CLEAN)]) == {}
    facts = known(two, minimal=[verdict(CLEAN, expires=70), verdict(CLEAN, key="b", expires=50)])
    assert facts["profile"]["not_after"] == 50


def test_facts_end_when_what_they_rest_on_does() -> None:
    scans = configuration([], clean={"rule": "vulnerabilities"})
    facts = known(scans, clean=[verdict({"open": {}, "not_after": 40}, expires=90)])
    assert facts["vulnerabilities"] == {"open": {}, "not_after": 40}


def test_what_the_environment_requires_is_heard_alone() -> None:
    rules = {"strict": {"rule": "image_profile"}, "lax": {"rule": "image_profile"}}
    facts = known(configuration(["lax"], **rules), strict=[verdict(BAD)], lax=[verdict(CLEAN)])
    assert facts["profile"]["bases"] == ["wolfi"]
    either = known(configuration([], **rules), strict=[verdict(BAD)], lax=[verdict(CLEAN, expires=20)])
    assert either["profile"]["bases"] == ["debian", "wolfi"]
    assert either["profile"]["not_after"] == 20
    assert known(configuration(["lax", "strict"], **rules), lax=[verdict(CLEAN)]) == {}
    assert known(configuration(["lax"], **rules), strict=[verdict(CLEAN)]) == {}
