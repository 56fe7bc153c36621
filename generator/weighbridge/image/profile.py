"""An image's profile: layers read, then every question asked of what they make together.

Order: `weighbridge.image.source` finds the image, `layers` reads it, `view` opens what matters, and the modules named
after what they tell (`base`, `user`, `programs`, `packages`, `cuda`, `entrypoint`) answer. Nothing is judged here: that
is for the rules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weighbridge import __version__
from weighbridge.evidence.image_profile import (
    ImageProfile,
    ImageProfilePredicate,
    LayerRead,
    Secret,
    Tool,
    Unread,
    Weights,
)
from weighbridge.image.base import image_base
from weighbridge.image.cuda import Accelerators
from weighbridge.image.entrypoint import MOST_WORDS, environment, harmless_values, shell_reasons
from weighbridge.image.layers import Contents, apply_layers
from weighbridge.image.limits import LIMITS, Limits
from weighbridge.image.names import printable
from weighbridge.image.packages import Packages
from weighbridge.image.programs import MOST, find_programs, writable_path
from weighbridge.image.secrets import secrets_in
from weighbridge.image.user import image_user
from weighbridge.image.view import View

if TYPE_CHECKING:
    from collections.abc import Mapping

    from weighbridge.image.layers import Progress
    from weighbridge.image.source import Image, Subject

_MAX_NAMES = 2000


def profile_subject(
    subject: Subject, name: str, at_ns: int, limits: Limits = LIMITS, progress: Progress | None = None
) -> ImageProfilePredicate:
    """The predicate about a manifest, or about an index and every image in it.

    Args:
        subject: as `weighbridge.image.source` and its neighbours open it.
        name: the image as the user named it.
        at_ns: the statement's time.
        limits: bounds of what is read.
        progress: told how far the layers are read.

    Raises:
        InputError: an image that cannot be read, or that means different things to different runtimes.
    """
    return ImageProfilePredicate.model_construct(
        at=at_ns,
        tool=Tool(name="weighbridge", version=__version__),
        name=printable(name),
        digest=subject.digest,
        index=subject.index,
        images=tuple(profile_image(image, limits, progress) for image in subject.images),
    )


def profile_image(image: Image, limits: Limits = LIMITS, progress: Progress | None = None) -> ImageProfile:
    """One image for one platform.

    Raises:
        InputError: as `profile_subject`.
    """
    contents = apply_layers(image.layers, limits, progress)
    view = View(contents, image.layers, limits)
    env = environment(image.config)
    packages = Packages(view)
    programs = find_programs(view)
    accelerators = Accelerators(view, packages, env)
    weights, secrets = _weights(contents), [*_secrets(contents), *config_secrets(image.config)]
    unread = [*packages.unread, *accelerators.unread, *_partial(view)]
    if programs.cut or max(len(weights), len(secrets), len(env)) > MOST:
        unread.append(Unread(path="/", reason=f"more than {MOST:,} findings of one kind: the rest is left out"))
    if len(_started(image)) > MOST_WORDS:
        unread.append(Unread(path="config", reason=f"starts with more than {MOST_WORDS} words"))
    tools: dict[str, Any] = {kind: tuple(found) for kind, found in programs.kinds.items()}
    return ImageProfile(
        digest=image.digest,
        config_digest=image.config_digest,
        platform=printable(image.platform),
        created=printable(str(image.config.get("created") or "")),
        layers=tuple(
            LayerRead(digest=layer.digest or None, diff_id=layer.diff_id, size=size, entries=count)
            for layer, size, count in zip(image.layers, contents.sizes, contents.counts, strict=True)
        ),
        base=image_base(view, packages),
        minimal=not any(programs.kinds.values()) and not unread,
        **_configured(image, view, env),
        **tools,
        setuid=tuple(programs.privileged),
        cuda=accelerators.cuda,
        cudnn=accelerators.cudnn,
        os_packages=packages.os,
        python_packages=packages.python,
        weights=tuple(weights[:MOST]),
        secrets=tuple(secrets[:MOST]),
        unread=tuple(unread[:MOST]),
    )


def _configured(image: Image, view: View, env: dict[str, str]) -> dict[str, Any]:
    """What follows from the configuration: who runs what, with which variables."""
    inner: Mapping[str, Any] = image.config.get("config") or {}
    return {
        "user": image_user(inner.get("User") or "", view),
        "entrypoint": _words(inner.get("Entrypoint")),
        "cmd": _words(inner.get("Cmd")),
        "entrypoint_shell": tuple(shell_reasons(image.config, view)),
        "env": tuple(sorted({printable(name) for name in env}))[:MOST],
        "env_values": harmless_values(env),
        "ports": tuple(sorted(printable(port) for port in inner.get("ExposedPorts") or ()))[:_MAX_NAMES],
        "writable_path": tuple(writable_path(env, view)),
    }


def _started(image: Image) -> list[str]:
    inner: Mapping[str, Any] = image.config.get("config") or {}
    return [*(inner.get("Entrypoint") or []), *(inner.get("Cmd") or [])]


def _words(given: list[str] | None) -> tuple[str, ...]:
    return tuple(printable(word) for word in (given or [])[:MOST_WORDS])


def _partial(view: View) -> list[Unread]:
    return [
        Unread(path=printable(path), reason="is too large to be read as a whole") for path in sorted(set(view.partial))
    ]


def _weights(contents: Contents) -> list[Weights]:
    visible = _visible(contents)
    return [
        Weights(path=printable(f.path), format=f.facts.weights, layer=f.layer, hidden=id(f.facts) not in visible)
        for f in contents.found
        if f.facts.weights
    ]


def _secrets(contents: Contents) -> list[Secret]:
    visible = _visible(contents)
    return [
        Secret(path=printable(f.path), kind=kind, layer=f.layer, hidden=id(f.facts) not in visible)
        for f in contents.found
        for kind in f.facts.secrets
    ]


def _visible(contents: Contents) -> set[int]:
    # A file is hidden when no name leads to it any more; what is found is kept alive by `contents.found`.
    return {id(node.facts) for _, node in contents.tree.walk() if node.facts is not None}


def config_secrets(config: Mapping[str, Any]) -> list[Secret]:
    """Likely secrets in the configuration: variables, commands, labels, and the history that `docker history` shows."""
    inner: Mapping[str, Any] = config.get("config") or {}
    places: list[tuple[str, str]] = [
        (f"config: variable {entry.partition('=')[0]}", entry) for entry in inner.get("Env") or []
    ]
    places += [(f"config: {key}", word) for key in ("Entrypoint", "Cmd") for word in inner.get(key) or []]
    labels = inner.get("Labels")
    places += [
        (f"config: label {key}", str(value)) for key, value in (labels if isinstance(labels, dict) else {}).items()
    ]
    history = config.get("history")
    for number, step in enumerate(history if isinstance(history, list) else []):
        if isinstance(step, dict):
            texts = " ".join(str(step.get(key) or "") for key in ("created_by", "comment", "author"))
            places.append((f"config: history {number}", texts))
    return [
        Secret(path=printable(place), kind=kind, hidden=False)
        for place, value in places
        for kind in sorted(secrets_in(value.encode("utf-8", "surrogatepass")))
    ]
