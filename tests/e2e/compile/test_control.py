"""What the control plane is given: every version, whom its approval rests on, what it was made from."""

from pathlib import Path
from typing import Any

import pytest

from weighbridge.control.control_data import ControlData, read_control
from weighbridge.errors import InputError

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
