"""OPA, asked from Python: a server for many questions, single commands for the few others.

The engine that judges at compile time gets an empty environment, so that no rule can read the user's secrets, and
listens on a Unix socket in a folder of our own, so that nobody else on the machine can put a policy into it.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import httpx

from weighbridge.engines import process
from weighbridge.engines.locate import require
from weighbridge.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

START_SECONDS = 30.0
"""How long OPA may take to load its policies."""
QUERY_SECONDS = 120.0
"""How long one query may take."""
COMMAND_SECONDS = 120.0
_CONNECTIONS = 16


class UndefinedResultError(EngineError):
    """OPA answered, but the document asked for is undefined. It never means "allowed"."""


class OpaServer:
    """An `opa run --server` of our own, for as long as the `with` block lasts. Any thread may call `query`.

    Args:
        paths: policy and data files or folders; folders are loaded recursively, without `*_test.rego` and dot files.
        modules: further Rego modules, by the name that OPA's errors call them.
        data: a document merged into `data`.
        binary: another OPA than the one that `weighbridge.engines` finds.
    """

    def __init__(
        self,
        paths: Sequence[Path] = (),
        *,
        modules: Mapping[str, str] | None = None,
        data: Mapping[str, Any] | None = None,
        binary: Path | None = None,
    ) -> None:
        self._paths = list(paths)
        self._modules = dict(modules or {})
        self._data = data
        self._binary = binary
        self._folder: Path | None = None
        self._process: process.EngineProcess | None = None
        self._client: httpx.Client | None = None

    def __enter__(self) -> Self:
        binary = self._binary or require("opa").path
        folder = self._folder = Path(tempfile.mkdtemp(prefix="wb-opa-", dir=_short_folder()))
        try:
            self._start(binary, folder)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _start(self, binary: Path, folder: Path) -> None:
        loaded = [path.resolve().as_uri() for path in (*self._paths, *self._written(folder))]
        socket = folder / "s"
        options = [f"--addr=unix://{socket}", "--log-level=error", "--skip-version-check"]
        ignored = ["--ignore=*_test.rego", "--ignore=.*"]
        self._process = process.EngineProcess("opa", [binary, "run", "--server", *options, *ignored, *loaded])
        transport = httpx.HTTPTransport(uds=str(socket), limits=httpx.Limits(max_connections=_CONNECTIONS))
        client = httpx.Client(transport=transport, base_url="http://opa", timeout=QUERY_SECONDS, trust_env=False)
        self._client = client
        self._process.wait_until(lambda: _healthy(client), timeout=START_SECONDS)

    def _written(self, folder: Path) -> list[Path]:
        written = []
        for number, (name, text) in enumerate(sorted(self._modules.items())):
            path = folder / "modules" / str(number) / f"{Path(name).stem}.rego"
            path.parent.mkdir(parents=True)
            path.write_text(text, encoding="utf-8")
            written.append(path)
        if self._data is not None:
            path = folder / "data.json"
            path.write_text(json.dumps(self._data), encoding="utf-8")
            written.append(path)
        return written

    def query(self, path: str, document: Any) -> Any:
        """The value of `data.<path>` for one input.

        Args:
            path: with `/` between its parts, such as `weighbridge/evidence/batch/verdicts`.
            document: the input, anything that JSON can hold.

        Raises:
            UndefinedResultError: the document is undefined for this input.
            EngineError: OPA failed, did not answer in time, or the evaluation ended in an error.
        """
        try:
            encoded = json.dumps(document, separators=(",", ":"), allow_nan=False).encode()
        except (ValueError, TypeError) as error:
            raise EngineError(f"the input for data.{path.replace('/', '.')} is not JSON: {error}") from error
        return self.query_json(path, encoded)

    def query_json(self, path: str, document: bytes) -> Any:
        """As `query`, for an input that is JSON already: encoding a large batch twice costs as much as judging it.

        Raises:
            UndefinedResultError: the document is undefined for this input.
            EngineError: OPA failed, did not answer in time, or the evaluation ended in an error.
        """
        if self._client is None or self._process is None:
            raise EngineError("opa is not running: use OpaServer in a `with` block")
        try:
            response = self._client.post(
                f"/v1/data/{path.strip('/')}",
                content=b'{"input":' + document + b"}",
                headers={"Content-Type": "application/json"},
            )
        except httpx.HTTPError as error:
            raise EngineError(
                f"opa gave no answer for data.{path.replace('/', '.')}: {error}", self._process.output()
            ) from error
        return _result(response, path)

    def close(self) -> None:
        """Stop OPA and remove its folder; may be called twice."""
        if self._client is not None:
            self._client.close()
            self._client = None
        if self._process is not None:
            self._process.stop()
            self._process = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None


def _short_folder() -> str | None:
    # A socket's path is limited to 108 bytes, which a long TMPDIR would break.
    short = "/tmp"  # noqa: S108 -- mkdtemp makes a folder there that is ours alone
    return short if Path(short).is_dir() else None


def _healthy(client: httpx.Client) -> bool:
    try:
        return client.get("/health").status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def _result(response: httpx.Response, path: str) -> Any:
    name = f"data.{path.strip('/').replace('/', '.')}"
    try:
        body = response.json()
    except ValueError as error:
        raise EngineError(f"opa's answer for {name} is not JSON", response.text[:2000]) from error
    if response.status_code != httpx.codes.OK:
        raise EngineError(
            f"opa could not evaluate {name}: {body.get('message', response.status_code)}",
            json.dumps(body.get("errors", []), indent=1),
        )
    if "result" not in body:
        raise UndefinedResultError(f"{name} is undefined for this input")
    return body["result"]


def opa_command(*arguments: str | Path, stdin: bytes = b"", binary: Path | None = None) -> bytes:
    """Run one `opa` command with an empty environment and return what it printed.

    Raises:
        EngineError: it failed; `detail` holds both its outputs.
    """
    result = process.run([binary or require("opa").path, *arguments], timeout=COMMAND_SECONDS, stdin=stdin)
    if result.returncode != 0:
        detail = (result.stderr + result.stdout).decode("utf-8", "replace").strip()
        raise EngineError(f"opa {arguments[0]} failed with status {result.returncode}", detail)
    return result.stdout


def opa_parse(path: Path) -> Any:
    """The AST of one Rego file, with locations, as `opa parse --format json` prints it.

    Raises:
        EngineError: the file does not parse; `detail` says where.
    """
    return json.loads(opa_command("parse", "--format=json", "--json-include=locations", path.resolve().as_uri()))


def opa_check(
    paths: Sequence[Path], *, capabilities: Path | None = None, schema: Path | None = None, bundle: bool = False
) -> None:
    """`opa check --strict` over files or folders.

    Raises:
        EngineError: they do not compile together; `detail` says where.
    """
    options = ["--strict"]
    options += [f"--capabilities={capabilities}"] if capabilities else []
    options += [f"--schema={schema}"] if schema else []
    options += ["--bundle"] if bundle else []
    opa_command("check", *options, *(path if bundle else path.resolve().as_uri() for path in paths))


def opa_eval(query: str, paths: Sequence[Path], *, document: Any = None, capabilities: Path | None = None) -> Any:
    """The value of one query's first expression, its input given on standard input.

    Raises:
        UndefinedResultError: the query is undefined.
        EngineError: loading or evaluating failed.
    """
    options = ["--format=json", "--fail=false", "--stdin-input"]
    options += [f"--capabilities={capabilities}"] if capabilities else []
    for path in paths:
        options += ["--data", path.resolve().as_uri()]
    answer = json.loads(opa_command("eval", *options, query, stdin=json.dumps(document).encode()))
    results = answer.get("result") or []
    if not results:
        raise UndefinedResultError(f"{query} is undefined for this input")
    return results[0]["expressions"][0]["value"]
