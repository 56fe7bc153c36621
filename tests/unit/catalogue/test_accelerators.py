"""What an environment says of accelerators: strict when it is read, and what rules are given."""

import pytest
from pydantic import ValidationError

from weighbridge.catalogue.accelerators import Accelerators

DIGEST = "sha256:" + "1" * 64
FULL = {
    "isolation": [{"device": "partition", "boundary": "sandbox"}, {"device": "exclusive"}],
    "resources": {"nvidia.com/mig-*": "partition", "nvidia.com/gpu": "shared", "rdma/hca_shared_devices_a": "none"},
    "device_classes": {"gpu.nvidia.com": "exclusive"},
    "claim_templates": {"mig-1g-10gb": "partition"},
    "runtime_classes": {"kata-qemu-nvidia-gpu": "vm"},
    "caches": {"per_tenant": True, "without": [DIGEST]},
}


def test_nothing_said_describes_nothing() -> None:
    said = Accelerators().model_dump(mode="json")
    assert said == {
        "isolation": [{"device": "partition", "boundary": "container"}],
        "resources": {},
        "device_classes": {},
        "claim_templates": {},
        "runtime_classes": {},
        "caches": {"per_tenant": False, "without": []},
    }


def test_what_is_said_is_handed_on() -> None:
    said = Accelerators.model_validate(FULL).model_dump(mode="json")
    assert said["isolation"][1] == {"device": "exclusive", "boundary": "container"}
    assert {key: value for key, value in said.items() if key != "isolation"} == {
        key: value for key, value in FULL.items() if key != "isolation"
    }


@pytest.mark.parametrize(
    "said",
    [
        {"isolation": []},
        {"isolation": [{"device": "shared"}]},
        {"isolation": [{"boundary": "vm"}]},
        {"isolation": [{"device": "exclusive", "boundary": "machine"}]},
        {"resources": {"gpu": "exclusive"}},
        {"resources": {"*": "exclusive"}},
        {"resources": {"nvidia.com/*": "exclusive"}},
        {"resources": {"nvidia.com/g*": "exclusive"}},
        {"resources": {"nvidia.com/mig-*gb": "partition"}},
        {"resources": {"*.com/gpu": "exclusive"}},
        {"resources": {"nvidia.com/gpu": "Exclusive"}},
        {"resources": {"nvidia.com/gpu": True}},
        {"device_classes": {"gpu.nvidia.com/x": "exclusive"}},
        {"claim_templates": {"MIG": "partition"}},
        {"runtime_classes": {"kata": "exclusive"}},
        {"runtime_classes": {"": "vm"}},
        {"caches": {"per_tenant": "true"}},
        {"caches": {"without": ["latest"]}},
        {"caches": {"salted": True}},
        {"sharing": "none"},
    ],
)
def test_what_is_not_understood_is_refused(said: object) -> None:
    with pytest.raises(ValidationError):
        Accelerators.model_validate(said)
