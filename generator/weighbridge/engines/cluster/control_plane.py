"""etcd and kube-apiserver, started and ready inside a `with` block: all of Kubernetes that admission needs."""

from __future__ import annotations

import secrets
import ssl
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Self

from weighbridge.engines.cluster.certificates import make_certificates
from weighbridge.engines.cluster.client import KubeClient
from weighbridge.engines.locate import require
from weighbridge.engines.process import EngineProcess, free_port
from weighbridge.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

_START_SECONDS = 90.0
ADMIN = "admin"
_USERS = {ADMIN: ("system:masters",)}
# No controllers run here, so nobody makes the accounts, classes and priorities that these would look for.
_NO_ADMISSION = "ServiceAccount,RuntimeClass,Priority,StorageObjectInUseProtection"


class ControlPlane:
    """A Kubernetes API on 127.0.0.1, empty at first.

    Args:
        users: group names by user; each gets a token. `admin` is always there, and may do everything.

    Attributes:
        certificates: the authority that vouches for the API server, and its server certificate.
        url: of the API server.
    """

    def __init__(self, users: Mapping[str, Sequence[str]] | None = None) -> None:
        self._users = {**_USERS, **(users or {})}
        self._tokens = {user: secrets.token_hex(16) for user in self._users}
        self._stack = ExitStack()
        self._clients: dict[str, KubeClient] = {}

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _start(self) -> None:
        # etcd waits for the disk at each write; memory does not keep it waiting.
        memory = Path("/dev/shm")  # noqa: S108 -- a folder of our own is made in it, readable by us alone
        place = memory if memory.is_dir() else None
        self.folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="wb-cluster-", dir=place)))
        self.certificates = make_certificates(self.folder)
        self._trusted = ssl.create_default_context(cafile=str(self.certificates.authority))
        store = self._start_etcd()
        port = free_port()
        self.url = f"https://127.0.0.1:{port}"
        tokens = self.folder / "tokens.csv"
        lines = [f'{self._tokens[user]},{user},{user},"{",".join(groups)}"' for user, groups in self._users.items()]
        tokens.write_text("\n".join(lines) + "\n", encoding="utf-8")
        tokens.chmod(0o600)
        self._command = [*self._arguments(port, tokens), f"--etcd-servers={store}"]
        self._serve()

    def _serve(self) -> None:
        self._server = self.run("kube-apiserver", self._command)
        admin = self.client(ADMIN)
        self._server.wait_until(lambda: _ready(admin), timeout=_START_SECONDS)

    def stop_server(self) -> None:
        """End the API server; what etcd holds stays."""
        self._server.stop()

    def start_server(self) -> None:
        """Start the API server again, at the same address, and wait until it is ready."""
        self._serve()

    def _start_etcd(self) -> str:
        client, peer = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
        arguments = [
            f"--data-dir={self.folder / 'etcd'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
        ]
        self.run("etcd", arguments)
        return client

    def _arguments(self, port: int, tokens: Path) -> list[str]:
        files = self.certificates
        return [
            f"--service-account-issuer={self.url}",
            f"--service-account-key-file={files.key}",
            f"--service-account-signing-key-file={files.key}",
            f"--cert-dir={self.folder}",
            f"--tls-cert-file={files.certificate}",
            f"--tls-private-key-file={files.key}",
            f"--secure-port={port}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            "--endpoint-reconciler-type=none",
            f"--token-auth-file={tokens}",
            "--authorization-mode=RBAC",
            "--allow-privileged=true",
            "--service-cluster-ip-range=10.96.0.0/24",
            f"--disable-admission-plugins={_NO_ADMISSION}",
        ]

    def run(self, engine: str, arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> EngineProcess:
        """Start an engine that ends with this block."""
        log = self.folder / f"{engine}-{secrets.token_hex(4)}.log"
        process = EngineProcess(engine, [require(engine).path, *arguments], environment=environment, log=log)
        self._stack.callback(process.stop)
        return process

    def client(self, user: str = ADMIN) -> KubeClient:
        """The API as this user sees it."""
        if user not in self._clients:
            self._clients[user] = KubeClient(self.url, self._tokens[user], self._trusted)
            self._stack.callback(self._clients[user].close)
        return self._clients[user]

    def token(self, user: str) -> str:
        """What a user authenticates with."""
        return self._tokens[user]


def _ready(admin: KubeClient) -> bool:
    try:
        admin.request("GET", "/readyz")
        # Not waited for by `readyz`, and nothing can be created before.
        return admin.get("v1", "Namespace", "default") is not None
    except EngineError:
        return False
