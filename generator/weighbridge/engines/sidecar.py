"""OPA as a sidecar: the shipped `opa-config.yaml`, the guard, signed bundles from a service, Envoy's questions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self

import httpx

from weighbridge import resources
from weighbridge.engines.host import LocalHost
from weighbridge.engines.process import free_port
from weighbridge.keys import bundle_algorithm, key_folder, public_pem

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from weighbridge.engines.host import Host, Running
    from weighbridge.keys import PublicKey

START_SECONDS = 30.0
GOGC = "400"
"""Go collects garbage less often: p99 fell from 3.8 to 2.5 ms on 100,000 versions, for more memory."""


@dataclass(frozen=True)
class SidecarSettings:
    """What `opa-config.yaml` takes from the environment."""

    environment: str
    service_url: str
    """Where bundles are served and logs are taken."""
    token_file: Path
    """The bearer token for it."""
    release_key: PublicKey
    live_key: PublicKey
    grpc_address: str
    """`host:port` or `unix:///path` at which Envoy asks."""
    state: Path
    """Existing folder for the last good bundles."""
    point: Literal["envoy", "workload"] = "envoy"
    pss: bool = False
    """RSA keys sign with PS256 instead of RS256."""
    by_key: bool = False
    """Ask for bundles at these keys' own paths: needed while keys are replaced, harmless afterwards."""

    def variables(self) -> dict[str, str]:
        """Exactly the variables that `opa-config.yaml` names.

        Raises:
            InputError: a key of a kind that OPA does not verify.
        """
        return {
            "WEIGHBRIDGE_ENVIRONMENT": self.environment,
            "WEIGHBRIDGE_POINT": self.point,
            "WEIGHBRIDGE_SERVICE_URL": self.service_url,
            "WEIGHBRIDGE_SERVICE_TOKEN_FILE": str(self.token_file),
            "WEIGHBRIDGE_RELEASE_KEY": one_line(public_pem(self.release_key)),
            "WEIGHBRIDGE_RELEASE_ALGORITHM": bundle_algorithm(self.release_key, "the release key", pss=self.pss),
            "WEIGHBRIDGE_LIVE_KEY": one_line(public_pem(self.live_key)),
            "WEIGHBRIDGE_LIVE_ALGORITHM": bundle_algorithm(self.live_key, "the live key", pss=self.pss),
            "WEIGHBRIDGE_GRPC_ADDRESS": self.grpc_address,
            "WEIGHBRIDGE_STATE": str(self.state),
            "WEIGHBRIDGE_RELEASE_VARIANT": f"{key_folder(self.release_key)}/" if self.by_key else "",
            "WEIGHBRIDGE_LIVE_VARIANT": f"{key_folder(self.live_key)}/" if self.by_key else "",
        }


def one_line(pem: str) -> str:
    r"""A PEM block with `\n` written out, as it must stand in a variable.

    OPA puts variables into the text of its configuration before reading it as YAML, where the line breaks of a
    double-quoted string fold into spaces; the escape survives.
    """
    return pem.strip().replace("\n", "\\n")


class Sidecar:
    """OPA with guard and configuration, running inside a `with` block; its API is on loopback, behind `system.authz`.

    It answers as soon as it runs, and denies until both bundles are active.

    Args:
        settings: what differs between sites.
        guard: the folder of the guard bundle.
        folder: existing folder for its log.
        config: another configuration than the shipped one.
        host: what starts OPA.

    Attributes:
        api_port: the loopback port of OPA's API.
    """

    def __init__(
        self,
        settings: SidecarSettings,
        guard: Path,
        *,
        folder: Path,
        config: Path | None = None,
        host: Host | None = None,
    ) -> None:
        self._settings = settings
        self._guard = guard
        self._folder = folder
        self._config = config or resources.opa_config()
        self._host = host or LocalHost()
        self._process: Running | None = None
        self.api_port = 0

    def __enter__(self) -> Self:
        self.api_port = free_port()
        options = [f"--config-file={self._config}", f"--addr=127.0.0.1:{self.api_port}", "--authorization=basic"]
        quiet = ["--skip-version-check", "--log-level=error"]
        arguments = ["run", "--server", *options, *quiet, "--bundle", str(self._guard)]
        environment = {**self._settings.variables(), "GOGC": GOGC}
        log = self._folder / f"opa-{self._settings.point}.log"
        self._process = self._host.start("opa", arguments, environment=environment, log=log)
        try:
            with httpx.Client(base_url=self.api_url, trust_env=False) as client:
                self._process.wait_until(lambda: _answers(client), timeout=START_SECONDS)
        except BaseException:
            self._process.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End it before the block does; Envoy then refuses every call."""
        if self._process is not None:
            self._process.stop()

    @property
    def api_url(self) -> str:
        """OPA's REST API."""
        return f"http://127.0.0.1:{self.api_port}"

    @property
    def running(self) -> bool:
        """Whether it still runs."""
        return self._process is not None and self._process.running

    def output(self) -> str:
        """What it printed."""
        return self._process.output() if self._process else ""


def _answers(client: httpx.Client) -> bool:
    # The guard may well refuse /health: whoever refuses is up.
    try:
        client.get("/health")
    except httpx.HTTPError:
        return False
    return True
