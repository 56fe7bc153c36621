"""The real OPA: asked as a server and by single commands."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from weighbridge.engines.opa import OpaServer, UndefinedResultError, opa_check, opa_command, opa_eval, opa_parse
from weighbridge.errors import EngineError

pytestmark = pytest.mark.engines

MODULE = """package example
value := input.a
environment := opa.runtime().env
number := to_number(input.text)
conflict := 1 if input.conflict
conflict := 2 if input.conflict
"""


@pytest.fixture(scope="module")
def server():
    with OpaServer(modules={"example.rego": MODULE}, data={"base": {"n": 9007199254740993}}) as running:
        yield running


def test_answers_rules_and_data(server):
    assert server.query("example/value", {"a": ["ü", None, 1.5]}) == ["ü", None, 1.5]
    assert server.query("base/n", None) == 9007199254740993
    assert server.query("example/value", {"a": False}) is False


@pytest.mark.parametrize(
    ("path", "document"), [("example/value", {}), ("example/number", {"text": "no"}), ("missing", {})]
)
def test_undefined_is_an_error_of_its_own(server, path, document):
    with pytest.raises(UndefinedResultError, match="undefined"):
        server.query(path, document)


def test_a_failed_evaluation_is_an_error_with_its_reason(server):
    with pytest.raises(EngineError, match="conflict") as caught:
        server.query("example/conflict", {"conflict": True})
    assert not isinstance(caught.value, UndefinedResultError)


def test_the_engine_sees_no_environment(server, monkeypatch):
    assert server.query("example/environment", {}) == {}
    monkeypatch.setenv("WEIGHBRIDGE_SECRET", "x")
    assert opa_eval("opa.runtime().env", []) == {}


def test_an_input_that_is_no_json_is_our_error(server):
    with pytest.raises(EngineError):
        server.query("example/value", {"a": {1, 2}})
    with pytest.raises(EngineError):
        server.query("example/value", {"a": float("nan")})


def test_many_threads_get_their_own_answers(server):
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: server.query("example/value", {"a": n}), range(200)))
    assert answers == list(range(200))


def test_a_rule_that_does_not_compile_is_told_with_its_place():
    with (
        pytest.raises(EngineError, match="ended with status") as caught,
        OpaServer(modules={"broken.rego": "package x\nv := if"}),
    ):
        pass
    assert "broken.rego:2" in caught.value.detail


def test_paths_with_colons_and_percent_signs_load(tmp_path):
    folder = tmp_path / "a:b%2Fc ü"
    folder.mkdir()
    (folder / "x.rego").write_text("package x\nv := 1\n")
    (folder / "x_test.rego").write_text("package x_test\nv := 1\n")
    with OpaServer([folder]) as running:
        assert running.query("x/v", {}) == 1
        with pytest.raises(UndefinedResultError):
            running.query("x_test/v", {})
    assert opa_eval("data.x.v", [folder]) == 1
    assert opa_parse(folder / "x.rego")["package"]["path"][1]["value"] == "x"


def test_survives_the_thread_that_started_it_and_ends_with_the_block():
    running = OpaServer(modules={"x.rego": "package x\nv := 1\n"})
    starter = threading.Thread(target=running.__enter__)
    starter.start()
    starter.join()
    try:
        # The kernel would deliver the parent-death signal as soon as the starting thread is gone.
        assert running.query("x/v", {}) == 1
        pid, folder = running._process.pid, running._folder
    finally:
        running.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert not folder.exists()
    with pytest.raises(EngineError, match="not running"):
        running.query("x/v", {})


def test_an_engine_that_died_is_no_answer():
    with OpaServer(modules={"x.rego": "package x\nv := 1\n"}) as running:
        running._process.stop()
        with pytest.raises(EngineError, match="no answer"):
            running.query("x/v", {})


def test_commands_fail_with_what_opa_says(tmp_path):
    broken = tmp_path / "broken.rego"
    broken.write_text("package x\nv := missing\n")
    with pytest.raises(EngineError) as caught:
        opa_check([broken])
    assert "broken.rego:2" in caught.value.detail
    with pytest.raises(EngineError):
        opa_parse(Path(tmp_path / "nothing.rego"))
    with pytest.raises(UndefinedResultError):
        opa_eval("data.nothing", [])
    with pytest.raises(EngineError, match="no-such-command"):
        opa_command("no-such-command")
    with pytest.raises(EngineError, match="could not be started"):
        opa_command("version", binary=tmp_path / "opa")


def test_capabilities_are_obeyed(tmp_path):
    rule = tmp_path / "x.rego"
    rule.write_text("package x\nv := time.now_ns()\n")
    capabilities = tmp_path / "capabilities.json"
    capabilities.write_text('{"builtins": []}')
    with pytest.raises(EngineError):
        opa_check([rule], capabilities=capabilities)
    opa_check([rule])
