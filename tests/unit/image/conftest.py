"""What the tests of images share: layers applied in memory, and a profile of them."""

from __future__ import annotations

import io
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from tests.image_builder import LayerBuilder, configuration, digest, layer_bytes

from weighbridge.image.layers import apply_layers
from weighbridge.image.limits import LIMITS
from weighbridge.image.profile import profile_image
from weighbridge.image.source import Image, Layer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from weighbridge.evidence.image_profile import ImageProfile
    from weighbridge.image.layers import Contents


def in_memory(blob: bytes, diff_id: str = "", name: str = "layer") -> Layer:
    """A layer whose blob lies in memory; without a diff_id, that of the blob as it is."""

    @contextmanager
    def opened() -> Iterator[io.BytesIO]:
        yield io.BytesIO(blob)

    return Layer(name, "", diff_id or digest(blob), opened)


class Kit:
    """Functions that test files need and cannot import from here."""

    Layer = LayerBuilder
    in_memory = staticmethod(in_memory)

    @staticmethod
    def apply(*layers: LayerBuilder | bytes, limits: Any = LIMITS) -> Contents:
        return apply_layers([in_memory(layer_bytes(layer)) for layer in layers], limits)

    @classmethod
    def paths(cls, *layers: LayerBuilder | bytes) -> list[str]:
        return [path for path, _ in cls.apply(*layers).tree.walk()]

    @staticmethod
    def profile(*layers: LayerBuilder | bytes, **config: Any) -> ImageProfile:
        data = [layer_bytes(layer) for layer in layers]
        document = configuration(data, **config)
        found = tuple(in_memory(layer) for layer in data)
        return profile_image(Image("image", None, "sha256:" + "0" * 64, document, found))


@pytest.fixture
def kit() -> type[Kit]:
    return Kit
