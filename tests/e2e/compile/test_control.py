"""What the control plane is given: every version, whom its approval rests on, what it was made from."""

from pathlib import Path
from typing import Any

import pytest

from weighbridge.control.control_data import ControlData, read_control
from weighbridge.errors import InputError
from weighbridge.keys import public_pem

pytestmark = pytest.mark.engines
Workshop = Any
NAME = "qa@1.0.0"


def control(workshop: Workshop, environment: str = "prod") -> ControlData:
    data = (Path(workshop.folder) / f"out/{environment}/control.tar.gz").read_bytes()
    return read_control(data, [workshop.key("release").public_key()], environment=environment)


def test_what_is_approved(workshop: Workshop) -> None:
    result = workshop.compile()
    read = control(workshop)
    record = result.judged.records["prod"][NAME]
    version = read.versions[NAME]
    assert (read.environment, read.revision) == ("prod", result.revisions["prod"])
    assert (version.digest, version.approved, version.since) == (record.digest, True, record.since_ns)
    assert version.not_after == record.not_after
    assert version.images == record.images
    # Evidence, approvals and promotions, here and in the environments before.
    assert set(version.signers) == {"ci", "eval", "scanner", "mlsec", "product"}
    assert set(control(workshop, "dev").versions[NAME].signers) < set(version.signers)
    # By the digest that its evaluation's statement carries.
    assert set(record.datasets) <= set(version.lineage)
    assert record.datasets
    assert control(workshop, "dev").versions[NAME].lineage == ()


def test_another_environment_or_key_is_refused(workshop: Workshop) -> None:
    workshop.compile()
    data = (Path(workshop.folder) / "out/prod/control.tar.gz").read_bytes()
    with pytest.raises(InputError, match="it is of 'prod'"):
        read_control(data, [workshop.key("release").public_key()], environment="staging")
    with pytest.raises(InputError, match="none of the keys signed"):
        read_control(data, [workshop.key("live").public_key()])


def test_what_agents_do_is_the_catalogues_choice(workshop: Workshop) -> None:
    workshop.configure({"environments.prod.workloads": {"on_revoked": "rollback"}})
    workshop.compile()
    assert (control(workshop).on_revoked, control(workshop, "dev").on_revoked) == ("rollback", "report")
    workshop.configure({"environments.prod.workloads": {"on_revoked": "delete"}})
    with pytest.raises(InputError) as refused:
        workshop.compile()
    (problem,) = refused.value.problems
    assert (problem.file, problem.field) == ("weighbridge.yaml", "environments.prod.workloads.on_revoked")
    assert problem.line
    assert "rollback" in str(problem)


def test_an_operators_key_is_replaced_with_both_names_for_a_while(workshop: Workshop) -> None:
    def ordering() -> set[str]:
        workshop.compile()
        return set(control(workshop).authority["revoke"].keys)

    workshop.write("keys/oncall-2.pub", public_pem(workshop.key("oncall-2").public_key()))
    orders = workshop.configuration["environments"]["prod"]["orders"]
    workshop.configure({
        "trust.signers.oncall-2": {"key": "keys/oncall-2.pub"},
        "environments.prod.orders.revoke": {**orders["revoke"], "signers": ["oncall", "oncall-2", "mlsec"]},
    })  # fmt: skip
    digest = workshop.judge().records["prod"][NAME].digest
    for signer in ("oncall", "oncall-2"):
        identity = workshop.order("revoke", digest, signer)
        assert ordering() == {"oncall", "oncall-2", "mlsec"}
        assert control(workshop).orders.revoked[digest]["id"] == identity
    # Its end: whoever has the old key orders nothing more, and what it ordered stands.
    ended = {"key": "keys/oncall.pub", "not_after": "2026-01-14T12:00:00Z"}
    workshop.configure({"trust.signers.oncall": ended})
    assert ordering() == {"oncall-2", "mlsec"}
    assert digest in control(workshop).orders.revoked
