"""The example's workloads: one that is admitted in prod, and one for each way to be refused.

The first line of each says which codes it is denied with; the demo compares.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template

from builder.cards import image_digest
from builder.catalogue import source
from builder.versions import IMAGES
from weighbridge.packaging.package import Package

_TEMPLATE = Path(__file__).with_name("deployment.yaml.template")


@dataclass(frozen=True)
class Pod:
    """A deployment of a version, and what is wrong with it."""

    file: str
    shows: str
    codes: tuple[str, ...] = ()
    """Codes of the denial in prod; none: admitted."""
    version: str = "magika@3.3.0"
    digest_of: str = ""
    """The version whose digest is annotated; by default its own."""
    image: str = "current"
    """Nickname of the serving image; `tag`: by tag instead of digest."""
    labelled: bool = True
    device: str = ""
    """The extended resource that it asks for, one of it."""


PODS = (
    Pod("admitted.yaml", "an approved version, hardened, its image and weights pinned by digest"),
    Pod("admitted-mig.yaml", "a part of a GPU that no other tenant computes on", device="nvidia.com/mig-1g.10gb"),
    Pod("time-sliced.yaml", "a GPU that other tenants compute on, too", ("GPU-002",), device="nvidia.com/gpu"),
    Pod("refused.yaml", "its version lacks an attestation", ("MOD-003",), "magika@3.3.1", image="unscanned"),
    Pod("candidate.yaml", "approved in staging only", ("MOD-003",), "kb-qa-001@2025.04.01", image="unscanned"),
    Pod("revoked.yaml", "its version was revoked", ("MOD-006",), "magika@3.1.0"),
    Pod("frozen.yaml", "its version is frozen: no new pods", ("MOD-007",), "magika@3.2.1"),
    Pod("unknown.yaml", "a version that nobody catalogued", ("MOD-002",), "magika@9.9.9", digest_of="magika@3.3.0"),
    Pod("other-digest.yaml", "annotated with another version's digest", ("MOD-005",), digest_of="magika@3.1.0"),
    Pod("image-by-tag.yaml", "a tag can be moved to another image", ("MOD-008",), image="tag"),
    Pod("unlabelled.yaml", "serves something, and does not say what", ("MOD-001",), labelled=False),
)


def write_pods(folder: Path, packages: Mapping[str, Package]) -> None:
    """Write the example's workloads into a new folder; their digests do not depend on keys or times."""
    folder.mkdir()
    sources = {name: source(packaged) for name, packaged in packages.items()}
    digests = {nickname: image_digest(nickname) for nickname in IMAGES}
    for pod in PODS:
        (folder / pod.file).write_text(_yaml(pod, packages, sources, digests), "utf-8")


def _yaml(pod: Pod, packages: Mapping[str, Package], sources: Mapping[str, str], digests: Mapping[str, str]) -> str:
    """One workload.

    Args:
        pod: which.
        packages: the packaged versions, by name.
        sources: where each version's weights lie, `oci://...`.
        digests: of the serving images, by nickname.
    """
    model, version = pod.version.split("@")
    weighed = pod.version if pod.version in packages else "magika@3.3.0"
    name, _, tag = IMAGES["current" if pod.image == "tag" else pod.image].name.rpartition(":")
    image = f"{name}:{tag}" if pod.image == "tag" else f"{name}@{digests[pod.image]}"
    # Quoted, as YAML would read a version such as 3.3 as a number.
    labels = f'{{app: {model}, model_id: {model}, model_version: "{version}"}}' if pod.labelled else f"{{app: {model}}}"
    return Template(_TEMPLATE.read_text("utf-8")).substitute(
        expect=" ".join(pod.codes) or "admitted",
        shows=pod.shows,
        model=model,
        labels=labels,
        digest=packages[pod.digest_of or weighed].digest,
        image=image,
        devices=f', {pod.device}: "1"' if pod.device else "",
        weights=sources[weighed].removeprefix("oci://"),
    )
