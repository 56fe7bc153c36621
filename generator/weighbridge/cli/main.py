"""The `weighbridge` command: finds its subcommands late, turns our errors into an exit status."""

from __future__ import annotations

import errno
import io
import os
import sys

import click

from weighbridge import __version__
from weighbridge.cli.late_group import LateGroup
from weighbridge.errors import InputError, WeighbridgeError

COMMANDS = {
    "agent": "Bring live state to a cluster, and act on what runs there.",
    "approve": "Sign a person's consent to a version in an environment.",
    "attest": "Sign an in-toto statement about an artifact or an image.",
    "card": "Write and check a model card's sections.",
    "check": "Judge workload manifests by what `compile` wrote.",
    "compile": "Compile a catalogue into signed bundles.",
    "conftest": "Run conftest with what `compile` wrote.",
    "distrust": "Order that nothing counts that rests on a signer.",
    "engines": "Show, or build, the engines that enforce.",
    "explain": "Show why a version is approved, or why not.",
    "fleet": "Show which sidecars and clusters have activated what.",
    "freeze": "Order that a version takes no new calls.",
    "generate": "Write what runs elsewhere: a CronJob that verifies weights, a hardened workload, an agent.",
    "image": "Profile a serving image without running it, and fetch its evidence.",
    "impact": "Tell what would be denied among what runs now.",
    "init": "Write a catalogue to start from.",
    "lint": "Check Rego of your own with OPA and Regal.",
    "orders": "Sign, list, prove and keep orders.",
    "package": "Package a model folder: manifest, artifact digest, package statement.",
    "promote": "Move a version into the next environment, by evidence alone.",
    "public-key": "Print the public half of a key, also of one in an HSM or KMS.",
    "pull": "Fetch a packaged model from an OCI registry, and verify it.",
    "push": "Push a packaged model and its evidence to an OCI registry.",
    "push-policy": "Push policy and data to an OCI registry, for `conftest pull`.",
    "release": "Check what a release must document, and announce it.",
    "restore": "Order that a revocation is taken back.",
    "resume": "Order that a suspended tenant is served again.",
    "revoke": "Order that nothing answers with a version any more.",
    "revoke-key": "Order that a tenant's key is not accepted any more.",
    "route": "Order where an alias points.",
    "run": "Run OPA and Envoy locally with what `compile` wrote.",
    "sbom": "Write a model's bill of materials.",
    "serve": "Run the control plane: bundles, orders, receipts.",
    "sign": "Sign a model folder in the OpenSSF model-signing format.",
    "suspend": "Order that a tenant is not served.",
    "tenant": "Make keys for tenants.",
    "test": "Run fixtures through every enforcement point.",
    "thaw": "Order that a frozen version takes calls again.",
    "trust": "Sign and show the trust of a catalogue.",
    "verify": "Check a catalogue and all its evidence; writes nothing.",
    "verify-signature": "Compare a model folder with an OpenSSF model signature.",
    "waive": "Sign that requirements need not hold for one thing, for a while.",
    "waivers": "List what is waived, for what, by whom, and how much longer.",
    "weights": "Compare running weights with what was packaged.",
}
"""Subcommand to its one-line help. `weighbridge.cli.<name>:command` is imported late, so that start-up stays fast; `-`
in a name is `_` in its module's."""

_OPTIONAL = {
    **dict.fromkeys(("docker", "opa_client", "starlette", "uvicorn"), "harness"),
    **dict.fromkeys(("aiosqlite", "asyncpg", "httptools", "prometheus_client", "sqlalchemy", "uvloop"), "control"),
    "boto3": "object-store",
    "kubernetes": "cluster",
}
"""Modules that few commands need, with the extra that brings each."""


_EPILOG = 'Completion in bash: eval "$(_WEIGHBRIDGE_COMPLETE=bash_source weighbridge)"; zsh and fish alike.'


@click.group(
    cls=LateGroup,
    lines=COMMANDS,
    prefix="weighbridge.cli.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=_EPILOG,
)
@click.version_option(__version__, prog_name="weighbridge")
def cli() -> None:
    """The policy gate for machine-learning deployments: nothing runs, and nothing answers, that has not been weighed.

    Exit status: 0 all well, 1 denied or failed, 2 wrong usage or unreadable input.
    """


def _bear_any_encoding() -> None:
    for stream in (sys.stdout, sys.stderr):
        # What a terminal without Unicode cannot show it shows as `?`: no verdict fails for a tick.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _tell_unwritable(error: OSError) -> None:
    """Say that standard output cannot be written; any other error of the system is raised again."""
    if error.errno not in {errno.ENOSPC, errno.EIO, errno.EDQUOT} or error.filename is not None:
        raise error
    # What it still holds is given up, or Python would try again when it ends.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    click.echo(f"error: the output cannot be written: {error.strerror}. Make room, or send it elsewhere.", err=True)


def main() -> None:
    """Entry point of the console script."""
    _bear_any_encoding()
    try:
        cli(prog_name="weighbridge")
    except InputError as error:
        count = len(error.problems)
        for problem in error.problems:
            click.echo(f"error: {problem}", err=True)
        if count > 1:
            click.echo(f"{count} problems.", err=True)
        sys.exit(error.exit_status)
    except WeighbridgeError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_status)
    except ModuleNotFoundError as error:
        missing = (error.name or "").split(".")[0]
        if missing not in _OPTIONAL:
            raise
        extra = _OPTIONAL[missing]
        click.echo(f"error: {missing} is not installed. Install `weighbridge[{extra}]`: this needs it.", err=True)
        sys.exit(2)
    except BrokenPipeError:
        # The reader (`head`, a closed pager) has gone; there is nobody left to tell.
        sys.stderr.close()
        sys.exit(1)
    except OSError as error:
        _tell_unwritable(error)
        sys.exit(2)
