"""One environment's release: what each point is given, and the revision that names all of it.

Order of steps: take each point's Rego as it is shipped, with the user's own requirements beside it; add the point's
registry; name everything by one revision; sign what OPA loads as bundles. Rule text is copied, never written: only the
one line that reads the clock is replaced, for bundles with a fixed clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from weighbridge.bundle.archive import bundle_archive
from weighbridge.bundle.control import CONTROL
from weighbridge.bundle.control import ROOTS as CONTROL_ROOTS
from weighbridge.bundle.guard import fix_clock, guard_files
from weighbridge.bundle.policies import CONFTEST, ENVOY, POINTS, WORKLOAD, declared_point, point_policies
from weighbridge.bundle.revision import release_revision
from weighbridge.bundle.shards import sharded
from weighbridge.bundle.signing import DATA, MANIFEST, data_file, manifest, release_scope, sign_bundle
from weighbridge.keys import bundle_algorithm, key_folder
from weighbridge.points.envoy import envoy_bootstrap

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from weighbridge.catalogue.catalogue import Catalogue
    from weighbridge.keys import PrivateKey

KEYID = "release"
"""The name by which points know the release key."""
Registries = dict[str, dict[str, Any]]
"""Registry document by point."""


@dataclass(frozen=True)
class Release:
    """Everything that is written for one environment, the live bundle apart."""

    environment: str
    revision: str
    files: Mapping[str, bytes]
    """By path below the environment's folder."""


class ReleaseBuilder:
    """Makes the releases of one catalogue; the Rego is read once for all of them."""

    def __init__(
        self,
        catalogue: Catalogue,
        key: PrivateKey,
        *,
        further: Sequence[PrivateKey] = (),
        pss: bool = False,
        fixed_ns: int | None = None,
    ) -> None:
        """Read the points' Rego.

        Args:
            catalogue: whose own requirements are compiled in beside ours.
            key: the release key.
            further: keys by which the same is signed once more, while one of them replaces another.
            pss: sign with PS256 instead of RS256.
            fixed_ns: a clock that stands still, for the harness's own bundles only.

        Raises:
            InputError: a key of a kind that OPA does not verify.
        """
        self._catalogue = catalogue
        self._keys = (key, *further)
        self._pss = pss
        for each in self._keys:
            bundle_algorithm(each, "the release key", pss=pss)
        self._fixed_ns = fixed_ns
        self.points = {name: declared_point(name) for name in POINTS}
        self._policies = {
            name: with_clock(point_policies(point, catalogue.policies), fixed_ns) for name, point in self.points.items()
        }

    def build(self, environment: str, registries: Registries, control: Mapping[str, Any]) -> Release:
        """The release of one environment.

        Args:
            environment: its name.
            registries: the registry documents of its points.
            control: what the control plane is given, see `bundle.control`.
        """
        points = {point: {**self._policies[point], **_data(point, registries[point])} for point in POINTS}
        points[CONTROL] = {DATA: data_file({"weighbridge": {"control": control}})}
        revision = release_revision(
            {f"{point}/{path}": data for point, files in points.items() for path, data in files.items()}
        )
        files = self._signed(environment, "control.tar.gz", points[CONTROL], CONTROL_ROOTS, revision)
        for point in (ENVOY, WORKLOAD):
            roots = self.points[point].roots
            files |= self._signed(environment, f"{point}/release.tar.gz", points[point], roots, revision)
        for path, data in self._policies[CONFTEST].items():
            files[f"{CONFTEST}/policy/{path}"] = data
        for path in sharded(registries[CONFTEST]):
            files[f"{CONFTEST}/data/{path}"] = points[CONFTEST][path]
        configured = self._catalogue.configuration.environments[environment]
        files["envoy/envoy.yaml"] = envoy_bootstrap(environment, configured).encode()
        for path, data in guard_files(environment, fixed_ns=self._fixed_ns).items():
            files[f"guard/{path}"] = data
        return Release(environment, revision, files)

    def _signed(
        self, environment: str, path: str, files: Mapping[str, bytes], roots: Sequence[str], revision: str
    ) -> dict[str, bytes]:
        """The bundle by the release key; where there are several, by each of them at a path of its own as well."""
        named, scope = {**files, MANIFEST: manifest(revision, roots)}, release_scope(environment)
        signed = [
            bundle_archive(
                sign_bundle(
                    named,
                    key,
                    algorithm=bundle_algorithm(key, "the release key", pss=self._pss),
                    keyid=KEYID,
                    scope=scope,
                )
            )
            for key in self._keys
        ]
        return at_each_key(path, dict(zip(self._keys, signed, strict=True)))


def _data(point: str, registry: dict[str, Any]) -> dict[str, bytes]:
    """A point's registry as files; a bundle is loaded whole, conftest's folder may be read in parts."""
    if point == CONFTEST:
        return {path: data_file(document) for path, document in sharded(registry).items()}
    return {DATA: data_file({"weighbridge": {"registry": registry}})}


def at_each_key(path: str, signed: Mapping[PrivateKey, bytes]) -> dict[str, bytes]:
    """Where a file lies that several keys have signed: the first's at its path, all of them below `keys/<fp16>/`.

    Args:
        path: `live.tar.gz`, say, or `envoy/release.tar.gz`.
        signed: by key, the main one first.
    """
    files = {path: next(iter(signed.values()))}
    folder, _, name = path.rpartition("/")
    prefix = f"{folder}/" if folder else ""
    if len(signed) > 1:
        files |= {f"{prefix}{key_folder(key.public_key())}/{name}": data for key, data in signed.items()}
    return files


def with_clock(policies: Mapping[str, str], fixed_ns: int | None) -> dict[str, bytes]:
    """The modules as bytes; with a fixed clock, `request.rego` is the one that says the time."""
    if fixed_ns is None:
        return {path: text.encode() for path, text in policies.items()}
    return {
        path: (fix_clock(text, fixed_ns) if path.rsplit("/", 1)[-1] == "request.rego" else text).encode()
        for path, text in policies.items()
    }
