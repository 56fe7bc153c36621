"""Whatever bytes a layer is, and whatever its entries are: the right answer, or one of our errors."""

from __future__ import annotations

import gzip
import io
import tarfile
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import zstandard
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.image_builder import LayerBuilder, configuration, digest

from weighbridge.errors import InputError
from weighbridge.image.layers import apply_layers
from weighbridge.image.limits import LIMITS
from weighbridge.image.profile import profile_image
from weighbridge.image.rpm import rpm_packages
from weighbridge.image.secrets import secrets_in_file
from weighbridge.image.source import Image, Layer

if TYPE_CHECKING:
    from collections.abc import Iterator

SMALL = replace(LIMITS, image_bytes=4 * 1024**2, entries=2000, kept_bytes=1024**2)
QUICK = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def layer(blob: bytes, plain: bytes) -> Layer:
    @contextmanager
    def opened() -> Iterator[io.BytesIO]:
        yield io.BytesIO(blob)

    return Layer("layer", "", digest(plain), opened)


def profiled(blob: bytes, plain: bytes) -> None:
    """An InputError is an answer; anything else is not."""
    image = Image("i", None, digest(b""), configuration([plain], User="app"), (layer(blob, plain),))
    with suppress(InputError):
        profile_image(image, SMALL)


def valid() -> bytes:
    builder = LayerBuilder(tarfile.GNU_FORMAT).folder("etc").file("etc/passwd", "app:x:5:5::\n")
    builder.file("etc/os-release", "ID=wolfi\n").symlink("bin", "usr/bin").program("usr/bin/sh", b"\x7fELF" + b"x" * 99)
    return builder.link("usr/bin/ash", "usr/bin/sh").file("d" * 150 + "/x").whiteout("gone").opaque("o").bytes()


VALID = valid()


@QUICK
@given(st.binary(max_size=3000))
@example(b"")
@example(b"\x1f\x8b")
@example(b"\x28\xb5\x2f\xfd")
@example(b"PK\x03\x04" + b"\0" * 508)
def test_any_bytes(data: bytes) -> None:
    profiled(data, data)


@QUICK
@given(
    st.lists(st.tuples(st.integers(0, len(VALID) - 1), st.binary(min_size=1, max_size=12)), min_size=1, max_size=6),
    st.sampled_from(["plain", "sums", "gzip", "zstd"]),
)
def test_a_mutated_layer(changes: list[tuple[int, bytes]], how: str) -> None:
    data = bytearray(VALID)
    for place, new in changes:
        data[place : place + len(new)] = new
    plain = bytes(data)
    if how == "sums":
        plain = with_checksums(plain)
    blob = {"gzip": gzip.compress, "zstd": zstandard.compress}.get(how, bytes)(plain)
    profiled(blob, plain)


def with_checksums(data: bytes) -> bytes:
    """Every block given the checksum of a header, so that mutations get past it."""
    blocks = []
    for start in range(0, len(data), 512):
        block = data[start : start + 512]
        if len(block) == 512 and block[257:262] == b"ustar":
            blank = block[:148] + b" " * 8 + block[156:]
            block = block[:148] + b"%06o\0 " % sum(blank) + block[156:]
        blocks.append(block)
    return b"".join(blocks)


@QUICK
@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=8), st.sampled_from([gzip, zstandard]))
def test_a_mutated_stream(changes: list[tuple[int, int]], module: object) -> None:
    blob = bytearray(module.compress(VALID))  # type: ignore[attr-defined]
    for place, value in changes:
        blob[place % len(blob)] = value
    profiled(bytes(blob), VALID)


NAMES = st.sampled_from(["a", "b", "a/x", "a/y", "a/x/1", "a/x/2", "b/x", "c"])
ENTRIES = st.lists(st.tuples(st.sampled_from(["file", "folder", "whiteout", "opaque"]), NAMES), max_size=8)


@QUICK
@given(st.lists(ENTRIES, max_size=4))
def test_layers_make_what_the_specification_says(layers: list[list[tuple[str, str]]]) -> None:
    """Against a model that holds nothing but a mapping of paths."""
    blobs = []
    for entries in layers:
        builder = LayerBuilder()
        for kind, name in entries:
            getattr(builder, kind)(name)
        blobs.append(builder.bytes())
    try:
        found = apply_layers([layer(blob, blob) for blob in blobs])
    except InputError:
        return  # what runtimes would understand differently; tests/unit/image says what that is
    assert {path[1:]: node.kind for path, node in found.tree.walk()} == model(layers)


def model(layers: list[list[tuple[str, str]]]) -> dict[str, str]:
    merged: dict[str, str] = {}
    for entries in layers:
        own: dict[str, str] = {}
        # A file takes the place of a folder for good, even if the layer makes a folder of it again.
        files = {name for kind, name in entries if kind == "file"}
        for kind, name in entries:
            if kind == "opaque":
                merged = {path: what for path, what in merged.items() if not path.startswith(f"{name}/")}
            elif kind == "whiteout":
                merged = {path: what for path, what in merged.items() if not f"{path}/".startswith(f"{name}/")}
        for kind, name in entries:
            if kind == "whiteout":
                continue
            parts = name.split("/")
            for length in range(1, len(parts)):
                own["/".join(parts[:length])] = "folder"
            if kind == "file":
                own = {path: what for path, what in own.items() if not path.startswith(f"{name}/")}
            own[name] = "file" if kind == "file" else "folder"
        replaced = files | {path for path in own if merged.get(path) == "file"}
        merged = {
            path: what
            for path, what in merged.items()
            if not any(f"{path}/".startswith(f"{gone}/") for gone in replaced)
        }
        merged |= own
    return merged


@QUICK
@given(st.binary(max_size=2000))
@example(b"SQLite format 3\0" + bytes(600))
def test_rpm_databases(data: bytes) -> None:
    with suppress(ValueError):
        rpm_packages(data)


@QUICK
@given(
    st.binary(max_size=2000), st.sampled_from(["root/.netrc", "app/.env", "etc/shadow", "x/.docker/config.json", "a"])
)
def test_secrets(data: bytes, path: str) -> None:
    secrets_in_file(path, data)
