"""What the API server answers, and what of it is a verdict."""

import pytest

from weighbridge.engines.cluster.client import ApiError
from weighbridge.engines.cluster.cluster import Admission, admission
from weighbridge.errors import EngineError
from weighbridge.harness.gatekeeper_point import _ask, _judgement

DENIED = 'admission webhook "validation.gatekeeper.sh" denied the request: '


class Answering:
    """A cluster that gives one answer."""

    def __init__(self, reason, message):
        self.error = ApiError(403, reason, message)

    def ask(self, obj):
        return admission(self.error)


def test_codes_are_those_of_the_webhook_at_the_start_of_its_lines():
    text = f"{DENIED}[deny-bound-prod] MOD-001 Pod/a: says [x] MOD-999 in its name\n[deny-bound-prod] POD-004 Pod/a: b"
    said = admission(ApiError(403, "Forbidden", text))
    assert (said.by, said.codes) == ("gatekeeper", ("MOD-001", "POD-004"))
    assert admission(ApiError(422, "Invalid", f"spec: {text}")).by == "kubernetes"


@pytest.mark.parametrize("reason", ["InternalError", "Timeout", "ServiceUnavailable", "TooManyRequests", ""])
def test_no_answer_in_time_is_no_verdict(reason):
    with pytest.raises(EngineError, match="no verdict"):
        _ask(Answering(reason, 'failed calling webhook "validation.gatekeeper.sh"'), {})
    assert _ask(Answering("Invalid", "spec.containers: Required value"), {}).by == "kubernetes"


def test_a_denial_that_names_no_requirement_never_looks_like_one_by_kubernetes():
    nameless = Admission(False, "gatekeeper", (), "[deny-bound-prod] admission: something went wrong")
    assert _judgement([nameless]).codes == (nameless.message,)
    assert _judgement([Admission(False, "kubernetes", (), "Invalid: x")]).codes == ()
    assert _judgement([Admission(True), Admission(True)]).allowed
    assert not _judgement([Admission(True), nameless]).allowed
