"""What is compiled for Gatekeeper: no bundle, but resources of a cluster (CONTRACTS: Clusters).

The rules are those of the point `gatekeeper`; the record of each version becomes an approval that is signed by itself.
None of it is part of the release's revision, which the approvals themselves name.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weighbridge.bundle.policies import GATEKEEPER, declared_point, point_policies, requirements_of
from weighbridge.bundle.release import with_clock
from weighbridge.engines.opa import opa_parse
from weighbridge.errors import InputError, Problem
from weighbridge.keys import bundle_algorithm
from weighbridge.points.gatekeeper.constraints import verification
from weighbridge.points.gatekeeper.files import cluster_files, environment_files
from weighbridge.points.gatekeeper.names import approval_name
from weighbridge.points.gatekeeper.template import inline_references

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from weighbridge.bundle.release import Release
    from weighbridge.catalogue.catalogue import Catalogue
    from weighbridge.keys import PrivateKey


class GatekeeperBuilder:
    """Makes the files for Gatekeeper of one catalogue.

    Args:
        catalogue: whose own requirements are compiled in beside ours.
        release_keys: the first signs approvals; those by any of them count.
        live_keys: sign live state; without one no workload that serves could ever be admitted, so nothing is written.
        pss: sign with PS256 instead of RS256.
        fixed_ns: a clock that stands still, for the harness's own bundles only.

    Raises:
        InputError: two approvals would have one name; a user's requirement refers to `data` otherwise than by imports.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        release_keys: Sequence[PrivateKey],
        live_keys: Sequence[PrivateKey],
        *,
        pss: bool = False,
        fixed_ns: int | None = None,
    ) -> None:
        _check_names(catalogue.configuration.environments, catalogue.versions)
        _check_references(catalogue)
        self._catalogue = catalogue
        self._release_key = release_keys[0]
        self._pss = pss
        self._fixed_ns = fixed_ns
        self._keys: dict[str, Any] = {}
        for name, given in (("release", release_keys), ("live", live_keys)):
            told = [verification(key.public_key(), bundle_algorithm(key, f"the {name} key", pss=pss)) for key in given]
            self._keys |= {name: told[0], **({f"further_{name}": told[1:]} if told[1:] else {})}

    def cluster(self) -> dict[str, bytes]:
        """What a cluster needs once, by path below the output folder."""
        modules = point_policies(declared_point(GATEKEEPER), self._catalogue.policies)
        return cluster_files(self._catalogue.configuration, with_clock(modules, self._fixed_ns))

    def environment(self, release: Release, registry: Mapping[str, Any], livestate: str) -> dict[str, bytes]:
        """What one environment adds, by path below the output folder.

        Args:
            release: of the environment.
            registry: the registry document of its point `workload`.
            livestate: its signed live state.
        """
        return environment_files(
            self._catalogue.configuration,
            registry,
            release.revision,
            release_key=self._release_key,
            known_keys=self._keys,
            livestate=livestate,
            pss=self._pss,
        )


def _check_names(environments: Iterable[str], versions: Iterable[str]) -> None:
    """`a.b` with model `c` and `a` with model `b.c` would be one approval in a cluster that serves both."""
    seen: dict[str, str] = {}
    problems = []
    for environment in environments:
        for version in versions:
            model, _, number = version.partition("@")
            name = approval_name(environment, model, number)
            this = f"{version} in {environment}"
            other = seen.setdefault(name, this)
            if other != this:
                message = f"{this} and {other} are both named {name} in a cluster"
                problems.append(
                    Problem("weighbridge.yaml", message=message, fix="Rename the environment or the model.")
                )
    if problems:
        raise InputError(problems)


def _check_references(catalogue: Catalogue) -> None:
    """A reference that Gatekeeper does not rewrite is undefined there, and the requirement with it."""
    problems = [
        Problem(
            policy.path,
            line,
            message=f"refers to {text} in a rule, and Gatekeeper resolves imports alone",
            fix="Import it at the top of the file: `import data.lib.weighbridge.request`.",
        )
        for policy in requirements_of(catalogue.policies)
        for line, text in inline_references(_tree(policy.text))
    ]
    if problems:
        raise InputError(problems)


def _tree(text: str) -> Any:
    with tempfile.TemporaryDirectory(prefix="weighbridge-") as folder:
        path = Path(folder) / "policy.rego"
        path.write_text(text, encoding="utf-8")
        return opa_parse(path)
