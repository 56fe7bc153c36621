"""The components of a packaged version, as CycloneDX writes them: files, dependencies, platform, data, ancestors.

Each function takes what the manifest or the card says and returns plain JSON, sorted, with a `bom-ref` of our own form:
`file:PATH`, `dependency:PURL`, `platform:NAME`, `data:NAME`, `ancestor:NAME`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from weighbridge.errors import InputError, Problem
from weighbridge.sbom.licenses import license_choice

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from weighbridge.packaging.manifest import Manifest, ManifestFile, WeightsHeader
    from weighbridge.sbom.described import Described

Component = dict[str, Any]
HUB = "https://huggingface.co"
_MEDIA_TYPE = re.compile(r"[-+a-z0-9.]+/[-+a-z0-9.]+")
_HUB_NAME = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*/)?[A-Za-z0-9][A-Za-z0-9._-]*")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+")
_NUMBERED = re.compile(r"[0-9]+(\.[0-9]+)*")
_CUDA_RUNTIME = re.compile(r"nvidia-(cuda-runtime|cudnn)(-cu[0-9]+)?")
_PLATFORM = {
    "cuda": ("CUDA", "framework", "cuda_toolkit"),
    "cudnn": ("cuDNN", "framework", "cudnn"),
    "driver": ("NVIDIA driver", "device-driver", None),
}
"""Manifest field to name, component type, and product in NVD's dictionary of CPE names."""


def properties(values: Iterable[tuple[str, Any]]) -> list[dict[str, str]]:
    """`properties` in Weighbridge's namespace: texts, sorted, without those that are None or empty."""
    given = [(name, str(value)) for name, value in values if value is not None and value != ""]
    return [{"name": f"weighbridge:{name}", "value": value} for name, value in sorted(given)]


def with_properties(component: Component, values: Iterable[tuple[str, Any]]) -> Component:
    """The component with properties, if there are any."""
    listed = properties(values)
    return {**component, "properties": listed} if listed else component


def sha256(hexadecimal: str) -> list[dict[str, str]]:
    """A `hashes` of one SHA-256."""
    return [{"alg": "SHA-256", "content": hexadecimal}]


def file_components(manifest: Manifest) -> list[Component]:
    """One component a packaged file; licenses are what the file's own header declares, else what the model declares."""
    headers = {header.path: header for header in manifest.weights}
    return [_file(file, headers.get(file.path), manifest) for file in sorted(manifest.files, key=lambda one: one.path)]


def _file(file: ManifestFile, header: WeightsHeader | None, manifest: Manifest) -> Component:
    component: Component = {"type": "file", "bom-ref": f"file:{file.path}", "name": file.path}
    if file.media_type and _MEDIA_TYPE.fullmatch(file.media_type):
        component["mime-type"] = file.media_type
    component["hashes"] = sha256(file.sha256)
    licenses = [header.license] if header is not None and header.license else manifest.licenses
    if licenses:
        component["licenses"] = license_choice(licenses)
    values: list[tuple[str, Any]] = [("file:size", file.size), ("file:role", file.role)]
    if header is not None:
        names = ("format", "version", "tensors", "parameters")
        values += [(f"weights:{name}", getattr(header, name)) for name in names]
        values += [(f"weights:dtype:{name}", count) for name, count in header.dtypes.items()]
    values += [("executable:" + found.kind, found.detail) for found in manifest.executable if found.path == file.path]
    return with_properties(component, values)


def dependency_components(manifest: Manifest) -> list[Component]:
    """One component a dependency of the manifest; NVIDIA's runtime libraries are frameworks, all others libraries.

    Raises:
        InputError: what should be a package URL is none.
    """
    from packageurl import PackageURL  # noqa: PLC0415 -- only where an SBOM is written

    components, problems = [], []
    for text in sorted(set(manifest.dependencies)):
        try:
            purl = PackageURL.from_string(text)
        except ValueError as error:
            fix = "Package the model again: `package` writes package URLs."
            problems.append(Problem("manifest.json", field="dependencies", message=f"{text!r:.200}: {error}", fix=fix))
            continue
        kind = "framework" if _CUDA_RUNTIME.fullmatch(purl.name) else "library"
        component: Component = {"type": kind, "bom-ref": f"dependency:{text}"}
        if purl.namespace:
            component["group"] = purl.namespace
        component["name"] = purl.name
        if purl.version:
            component["version"] = purl.version
        components.append({**component, "purl": text})
    if problems:
        raise InputError(problems)
    return components


def platform_components(manifest: Manifest) -> list[Component]:
    """CUDA, cuDNN and the driver that the model needs, where the manifest names them."""
    found = []
    for name, (title, kind, product) in _PLATFORM.items():
        version = getattr(manifest, name)
        if version is None:
            continue
        component: Component = {"type": kind, "bom-ref": f"platform:{name}", "publisher": "NVIDIA", "name": title}
        if name == "driver":
            # A floor is no version; CycloneDX 1.6 has no field for one.
            found.append(with_properties(component, [("driver:minimum", version)]))
            continue
        component["version"] = version
        if _NUMBERED.fullmatch(version):
            component["cpe"] = f"cpe:2.3:a:nvidia:{product}:{version}:*:*:*:*:*:*:*"
        found.append(with_properties(component, [(f"{name}:version", version)]))
    return found


def data_components(described: Described) -> list[Component]:
    """One component a dataset, with what the version has to do with it: trained on it, or evaluated on it."""
    matter = described.version.front_matter
    lineage = described.version.card.lineage
    roles: dict[str, set[str]] = {}
    for name in [*texts(matter.get("datasets")), *(lineage.training_data if lineage else ())]:
        roles.setdefault(name, set()).add("training")
    for result in results(matter):
        dataset = result.get("dataset", {})
        name = dataset.get("type") or dataset.get("name")
        if isinstance(name, str) and name:
            roles.setdefault(name, set()).add("evaluation")
    return [_data(name, sorted(roles[name]), described) for name in sorted(roles)]


def _data(name: str, roles: Iterable[str], described: Described) -> Component:
    data: dict[str, Any] = {"type": "dataset", "name": name}
    url = _location(name, "datasets/")
    if url:
        data["contents"] = {"url": url}
    lineage = described.version.card.lineage
    values: list[tuple[str, Any]] = [("lineage:role", role) for role in roles]
    if lineage is not None and "training" in roles:
        values.append(("lineage:parent_run_id", lineage.parent_run_id))
    return with_properties({"type": "data", "bom-ref": f"data:{name}", "name": name, "data": [data]}, values)


def ancestors(matter: Mapping[str, Any]) -> list[Component]:
    """The models that this one was made from (`base_model`), for its pedigree."""
    found = []
    for name in sorted(set(texts(matter.get("base_model")))):
        component: Component = {"type": "machine-learning-model", "bom-ref": f"ancestor:{name}", "name": name}
        purl = hub_purl(name)
        if purl:
            component["purl"] = purl
        url = _location(name, "")
        if url:
            component["externalReferences"] = [{"type": "distribution", "url": url}]
        found.append(component)
    return found


def hub_purl(name: str, revision: str | None = None) -> str:
    """The package URL of a model on the Hugging Face hub; "" for what is no name there."""
    from packageurl import PackageURL  # noqa: PLC0415 -- only where an SBOM is written

    if not _HUB_NAME.fullmatch(name):
        return ""
    namespace, _, model = name.rpartition("/")
    return PackageURL("huggingface", namespace or None, model, revision).to_string()


def _location(name: str, folder: str) -> str:
    if _URL.fullmatch(name):
        return name
    return f"{HUB}/{folder}{quote(name)}" if _HUB_NAME.fullmatch(name) else ""


def texts(value: Any) -> list[str]:
    """What the hub lets be a text or a list of texts, as a list; nothing where there is none."""
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, str) and item]


def results(matter: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """All evaluation results in a card's `model-index`, whose shape was checked when the card was read."""
    return [result for model in matter.get("model-index") or [] for result in model.get("results") or []]
