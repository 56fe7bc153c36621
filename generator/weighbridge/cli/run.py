"""`weighbridge run`: OPA and Envoy on this machine, with what `compile` wrote."""

from __future__ import annotations

import signal
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click

from weighbridge.cli import options
from weighbridge.errors import EngineError, InputError
from weighbridge.example_keys import refuse_example_keys
from weighbridge.keys import load_private_key, load_public_key

if TYPE_CHECKING:
    from weighbridge.harness.gateway import GatewayKeys

_REFRESH_SECONDS = 1.0


@click.command(context_settings=options.HELP)
@click.argument("bundles", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--environment", metavar="E", required=True, help="Which environment is enforced.")
@click.option(
    "--release-key", metavar="PUB", required=True, type=click.Path(path_type=Path), help="Public release key."
)
@click.option(
    "--live-key",
    metavar="K",
    required=True,
    help=f"Public live key; the private one keeps live data fresh as well: {options.PRIVATE_KEY}.",
)
@click.option("--listen", metavar="HOST:PORT", help="Where calls arrive; by default loopback and any free port.")
@click.option(
    "--logs",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Folder for logs and state; by default a temporary one.",
)
@options.example_option
def command(
    bundles: Path,
    environment: str,
    release_key: Path,
    live_key: str,
    listen: str | None,
    logs: Path | None,
    *,
    allow_example_keys: bool,
) -> None:
    """Run OPA and Envoy locally with what `compile` wrote to DIR, until Ctrl-C.

    What is compiled into DIR meanwhile is taken over. Live data expires after the time that the catalogue gives it,
    unless --live-key is the private key.
    """
    from weighbridge.harness.gateway import Gateway  # noqa: PLC0415 -- servers, for which the help should not wait

    keys = _keys(release_key, live_key)
    if not allow_example_keys:
        refuse_example_keys({"--release-key": keys.release, "--live-key": keys.live})
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with tempfile.TemporaryDirectory(prefix="weighbridge-run-") as temporary:
        folder = (logs or Path(temporary)).resolve()
        # It will hold the token, the state and the logs: nobody else's to read.
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with Gateway(bundles, environment, keys, folder=folder, listen=listen) as gateway:
            click.echo(f"calls:      {gateway.url}")
            click.echo(f"OPA's API:  {gateway.sidecar.api_url}")
            click.echo(f"access log: {gateway.access_log}")
            while not ended.wait(_REFRESH_SECONDS):
                gateway.refresh()
                if not gateway.running:
                    raise EngineError("an engine ended by itself", gateway.sidecar.output())


def _keys(release: Path, live: str) -> GatewayKeys:
    from weighbridge.harness.gateway import GatewayKeys  # noqa: PLC0415 -- the same

    try:
        release_key = load_public_key(release.read_bytes(), str(release))
    except OSError as error:
        raise InputError.single(str(release), f"cannot be read: {error.strerror}", "Name a PEM file.") from error
    path = Path(live)
    if not live.startswith("env:") and path.is_file() and b"PUBLIC KEY" in path.read_bytes():
        return GatewayKeys(release_key, load_public_key(path.read_bytes(), live))
    private = load_private_key(live)
    return GatewayKeys(release_key, private.public_key(), private)
