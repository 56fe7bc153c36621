"""`weighbridge agent`: bring a control plane's live state to a cluster, and act on what already runs."""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from weighbridge.cli import options
from weighbridge.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from weighbridge.control.agent.agent import Agent
    from weighbridge.control.agent.receipts import Receipt
    from weighbridge.keys import PublicKey

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command("agent", context_settings=options.HELP)
@click.option("--server", "servers", multiple=True, required=True, metavar="URL", help="Control plane; one a replica.")
@click.option("--environment", "environments", multiple=True, required=True, metavar="E", help="What is followed.")
@click.option("--cluster", required=True, metavar="NAME", help="This cluster's name, as in `clients.yaml`.")
@click.option(
    "--release-key", "release_keys", multiple=True, required=True, type=_FILE, metavar="PUB", help="Of approvals."
)
@click.option("--live-key", "live_keys", multiple=True, required=True, type=_FILE, metavar="PUB", help="Of live state.")
@click.option(
    "--token-file", "token_files", multiple=True, type=_FILE, metavar="FILE", help="One, or one an environment."
)
@click.option("--certificate", type=_FILE, metavar="FILE", help="Client certificate with its chain, PEM.")
@click.option("--key", type=_FILE, metavar="FILE", help="The certificate's key, PEM.")
@click.option("--ca", type=_FILE, metavar="FILE", help="Authority of the control plane's certificate, PEM.")
@click.option("--plain-http", is_flag=True, help="Speak HTTP without TLS to other machines, too.")
@click.option("--kubeconfig", type=_FILE, metavar="FILE", help="Without it, the service account of this pod.")
@click.option("--context", metavar="NAME", help="Of the kubeconfig; without it, its current one.")
@click.option("--namespace", default="weighbridge-system", show_default=True, metavar="N", help="The agent's own.")
@click.option(
    "--rate", default=50.0, show_default=True, type=click.FloatRange(1, 1000), help="Writes a second, at most."
)
@click.option("--once", is_flag=True, help="Bring everything one time, and end.")
@click.option("--log-format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(**given: Any) -> None:
    """Bring live state and approvals to a Kubernetes cluster, send receipts, and act on revoked workloads.

    Everything is verified by the keys given here before it is written; the agent can forge none of it. Of several
    agents beside one cluster the one that holds the lease acts. `weighbridge generate agent` writes its rights and
    Deployment.
    """
    log = _log(given["form"])
    agent = _agent(given, log)
    if given["once"]:
        _report(agent.once(), given["form"])
        return
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    agent.start()
    ended.wait()
    agent.stop()


def _agent(given: dict[str, Any], log: Callable[[str], None]) -> Agent:
    from weighbridge.control.agent.agent import Agent, Followed  # noqa: PLC0415 -- the help should not wait for it
    from weighbridge.control.agent.follow import Trust  # noqa: PLC0415 -- the same
    from weighbridge.control.agent.kube import Kube  # noqa: PLC0415 -- the same
    from weighbridge.control.agent.place import Place  # noqa: PLC0415 -- the same
    from weighbridge.control.agent.talk import Credentials, Talk  # noqa: PLC0415 -- the same

    environments = list(dict.fromkeys(given["environments"]))
    release_keys, live_keys = _keys(given["release_keys"]), _keys(given["live_keys"])
    followed = []
    for environment, token_file in zip(environments, _tokens(given, environments), strict=True):
        credentials = Credentials(token_file, given["certificate"], given["key"], given["ca"])
        talk = Talk(given["servers"], environment, credentials, plain_http=given["plain_http"])
        followed.append(Followed(talk, Trust(environment, release_keys, live_keys)))
    kube = Kube(given["kubeconfig"], given["context"])
    place = Place(given["cluster"], given["namespace"])
    return Agent(kube, place, followed, log, writes_per_second=given["rate"])


def _keys(files: tuple[Path, ...]) -> list[PublicKey]:
    from weighbridge.keys import load_public_key  # noqa: PLC0415 -- as above

    return [load_public_key(file.read_bytes(), str(file)) for file in files]


def _tokens(given: dict[str, Any], environments: list[str]) -> list[Path | None]:
    """The token's file of each environment: a token is bound to one."""
    files = list(given["token_files"])
    if not files and given["certificate"] is None:
        raise InputError.single("", "is missing", "Give a token or a client certificate.", field="--token-file")
    if len(files) <= 1:
        return (files or [None]) * len(environments)
    if len(files) != len(environments):
        fix = "Give one for all, or one for each --environment, in the same order."
        raise InputError.single("", f"is given {len(files)} times", fix, field="--token-file")
    return files


def _log(form: str) -> Callable[[str], None]:
    from weighbridge.catalogue.names import format_time  # noqa: PLC0415 -- as above

    def write(text: str) -> None:
        at = format_time(time.time_ns())
        shown = json.dumps({"at": at, "message": text}) if form == "json" else f"{at} {options.printable(text)}"
        click.echo(shown, err=True)

    return write


def _report(receipts: list[Receipt], form: str) -> None:
    for receipt in receipts:
        if form == "json":
            click.echo(json.dumps(receipt.document(time.time_ns())))
            continue
        proven = {"gatekeeper": "Gatekeeper has it", "api-server": "the API server has it"}.get(receipt.proof, "no")
        click.echo(f"{receipt.environment}  live state {receipt.sequence}, {proven}")
        for line in (*receipt.workloads, *receipt.problems):
            click.echo(f"  {options.printable(line)}")
    if any(receipt.problems for receipt in receipts):
        sys.exit(1)
