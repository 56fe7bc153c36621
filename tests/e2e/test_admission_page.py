"""`docs/how-to/admission-with-gatekeeper.md`: what the page names is what compiling writes.

Its commands need a cluster; `tests/e2e/cluster` applies the same files, in the same order, to a real API server.
"""

import re
from pathlib import Path

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import ec

from weighbridge.bundle.compile import CompileOptions, compile_catalogue
from weighbridge.catalogue.names import parse_time_ns
from weighbridge.points.gatekeeper.names import ADMINISTRATORS, ENVIRONMENT_LABEL, IGNORE_LABEL
from weighbridge.points.gatekeeper.webhook import exempt
from weighbridge.points.rules import rules

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = REPOSITORY / "docs" / "how-to" / "admission-with-gatekeeper.md"
AT = parse_time_ns("2026-01-15T00:00:00Z")

pytestmark = pytest.mark.engines


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compiled") / "out"
    release, live = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    compile_catalogue(
        REPOSITORY / "examples" / "catalogue",
        CompileOptions(folder, release, AT, live_key=live, allow_example_keys=True),
    )
    return folder


def test_the_files_that_it_names_are_written(output: Path) -> None:
    page = PAGE.read_text(encoding="utf-8")
    for path in re.findall(r"DIR/([a-z/.<>-]+)", page):
        assert (output / path.replace("<environment>", "prod")).exists(), path
    for name in ("livestate.yaml", "approvals", "constraints.yaml", "unbound.yaml"):
        assert name in page
        assert (output / "prod" / "gatekeeper" / name).exists()


def test_the_codes_that_it_explains_are_documented() -> None:
    known = {rule.code for rule in rules()}
    assert set(re.findall(r"`([A-Z]{3}-[0-9]{3})`", PAGE.read_text(encoding="utf-8"))) <= known


def test_names_of_labels_groups_and_exempt_namespaces() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for name in (ENVIRONMENT_LABEL, IGNORE_LABEL, ADMINISTRATORS, *exempt([])):
        assert name in page


def test_every_file_can_be_read(output: Path) -> None:
    for path in output.rglob("gatekeeper/**/*.yaml"):
        assert list(yaml.load_all(path.read_bytes(), yaml.CSafeLoader)), path
