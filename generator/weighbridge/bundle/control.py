"""What the control plane is given of a release: `control.tar.gz` (architecture: Control data).

Order of steps: take who may order what, and what the catalogue's own orders restrict, from the registry that the envoy
point is given; describe every version, refused ones too, with everybody whom its approval rests on and everything that
it was made from or evaluated on. It is a bundle only in form: no engine loads it. The control plane, agents and
`weighbridge orders` verify it as OPA verifies the others, and its content counts in the release's revision.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from weighbridge.catalogue.names import DIGEST_PATTERN

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from weighbridge.catalogue.catalogue import Catalogue, ModelVersion
    from weighbridge.registry.gate import Records
    from weighbridge.registry.records import Record
    from weighbridge.registry.waivers import Waiver

CONTROL = "control"
"""The folder that stands for it in the revision, and its name in the bundle's data."""
ROOTS = ("weighbridge/control",)
_DIGEST_INSIDE = re.compile(DIGEST_PATTERN.strip("^$"))

Document = dict[str, Any]


class ControlBuilder:
    """Makes the control data of one catalogue's environments; ancestors are looked up once for all of them.

    Args:
        catalogue: as it was read.
        records: as the gate judged them, of every environment.
        waivers: those of the catalogue, verified.
        at_ns: `--at`.
    """

    def __init__(self, catalogue: Catalogue, records: Records, waivers: Iterable[Waiver], at_ns: int) -> None:
        self._catalogue = catalogue
        self._records = records
        self._ancestry = _Ancestry(catalogue.versions)
        self._waiving: dict[tuple[str, str], set[str]] = {}
        for waiver in waivers:
            artifact = waiver.predicate.scope.artifact
            if artifact is not None and waiver.state(at_ns) == "current":
                self._waiving.setdefault((waiver.predicate.environment, artifact), set()).add(waiver.signer)

    def document(self, environment: str, registry: Mapping[str, Any]) -> Document:
        """`data.weighbridge.control` of one environment.

        Args:
            environment: its name.
            registry: the registry document of its point `envoy`.
        """
        configuration = self._catalogue.configuration
        configured = configuration.environments[environment]
        tenants = self._catalogue.tenants.tenants if self._catalogue.tenants else {}
        entitled = {
            name: tenant.environments[environment]
            for name, tenant in tenants.items()
            if environment in tenant.environments
        }
        return {
            "environment": environment,
            "authority": registry["authority"],
            "routes": {
                alias: {"models": list(route.models), "active": route.active}
                for alias, route in configured.routes.items()
            },
            "versions": {
                name: self._version(record, served=name in configured.upstreams)
                for name, record in self._records[environment].items()
            },
            "tenants": sorted(entitled),
            "tenant_keys": sorted({key.id for tenant in entitled.values() for key in tenant.keys}),
            "orders": registry["orders"],
            "live": {
                "not_after": configured.live.not_after,
                "clusters_not_after": configured.live.clusters_not_after,
            },
            "clusters": {
                "on_revoked": configured.workloads.on_revoked,
                "labels": [configuration.labels.model_id, configuration.labels.model_version],
                "support_images": sorted(configuration.support_images),
                "exempt_namespaces": sorted(configuration.exempt_namespaces),
            },
        }

    def _version(self, record: Record, *, served: bool) -> Document:
        version = self._catalogue.versions[record.name]
        rests_on = self._behind(record) if record.approved else []
        return {
            "digest": record.digest,
            "approved": record.approved,
            "served": served,
            "since": record.since_ns,
            "not_after": record.not_after,
            "images": sorted({image.digest for image in version.card.images}),
            "signers": sorted(set().union(*(self._signers(each) for each in rests_on))),
            "lineage": sorted(self._ancestry.of(version).union(*(each.datasets for each in rests_on))),
        }

    def _behind(self, record: Record) -> list[Record]:
        """The approvals that an approval rests on: its own, and those in the environments that it came through."""
        before = self._catalogue.configuration.environments[record.environment].promotes_from
        return [record, *(self._behind(self._records[before][record.name]) if before else [])]

    def _signers(self, record: Record) -> set[str]:
        """Whom one approval rests on."""
        found = set(record.approvers).union(*(held.signers for held in record.attestations.values()))
        return found | (self._waiving.get((record.environment, record.digest), set()) if record.waived else set())


class _Ancestry:
    """What versions were made from, through those ancestors that lie in the same catalogue."""

    def __init__(self, versions: Mapping[str, ModelVersion]) -> None:
        self._versions = versions
        self._named: dict[str, str] = {}
        for name, version in versions.items():
            for alias in (name, version.artifact_digest, *version.card.sources):
                self._named.setdefault(alias, name)

    def of(self, version: ModelVersion) -> set[str]:
        """Names, addresses and digests; without the version itself."""
        found: set[str] = set()
        waiting = _named_by(version)
        while waiting:
            text = waiting.pop()
            if text in found:
                continue
            found.add(text)
            waiting |= set(_DIGEST_INSIDE.findall(text))
            ancestor = self._versions.get(self._named.get(text, ""))
            if ancestor is not None and ancestor.name != version.name:
                waiting |= {ancestor.name, ancestor.artifact_digest} | _named_by(ancestor)
        return found


def _named_by(version: ModelVersion) -> set[str]:
    """What a version's own card names: base models, datasets, the run and the code that it came from."""
    given = [version.front_matter.get(name) for name in ("base_model", "datasets")]
    texts = [text for value in given for text in (value if isinstance(value, list) else [value])]
    lineage = version.card.lineage
    if lineage is not None:
        texts += [lineage.parent_run_id, lineage.code, *lineage.training_data]
    return {text for text in texts if isinstance(text, str) and text}
