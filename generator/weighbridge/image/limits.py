"""How much of an image is read before it is refused. Real serving images stay far below."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Bounds on foreign bytes; each is checked before, or while, they are read."""

    image_bytes: int = 64 * 1024**3
    """All layers together, uncompressed."""
    layers: int = 512
    """Layers of one image; runtimes stop near 128."""
    entries: int = 1_000_000
    """Entries of all layers together, folders that are only implied by a path among them."""
    path_bytes: int = 4096
    """One path, as Linux bounds it."""
    name_bytes: int = 255
    """One part of a path, as Linux bounds it."""
    depth: int = 256
    """Parts of one path."""
    ratio: int = 200
    """Uncompressed bytes for one compressed byte, of a layer larger than `ratio_from`: real layers reach 20."""
    ratio_from: int = 256 * 1024**2
    """Below this size no ratio is looked at: a small layer may well consist of zeros."""
    zstd_window: int = 128 * 1024**2
    """Memory that a zstd frame may ask for."""
    header_bytes: int = 1024 * 1024
    """One extended header, or one sparse map: what Go's archive/tar reads, too."""
    kept_bytes: int = 256 * 1024**2
    """Contents that are kept in memory, all together: package databases and their like."""
    documents: int = 8 * 1024**2
    """A manifest, an index or a configuration."""


LIMITS = Limits()
"""The limits in use."""
