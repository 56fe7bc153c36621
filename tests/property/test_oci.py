"""Whatever bytes a registry gives: a verified stream gives the right ones or an error, and parsers raise that alone."""

import contextlib
import io
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from weighbridge.errors import InputError
from weighbridge.oci.challenge import parse_challenges
from weighbridge.oci.documents import MANIFEST, described, parse_manifest
from weighbridge.oci.layout import split_location
from weighbridge.oci.modelpack import param_size
from weighbridge.oci.pull import layers_by_path
from weighbridge.oci.reference import parse_reference
from weighbridge.oci.store import Descriptor, VerifiedReader, parse_descriptor

SHA = "sha256:" + "0" * 64
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from([MANIFEST, SHA, 2]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "mediaType",
                    "digest",
                    "size",
                    "config",
                    "layers",
                    "manifests",
                    "subject",
                    "schemaVersion",
                    "annotations",
                ]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=20,
)


class Dribble(io.BytesIO):
    """Gives what was asked for in pieces of odd sizes."""

    def __init__(self, data: bytes, most: int) -> None:
        super().__init__(data)
        self.most = most

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(size or 0, self.most))


@given(right=st.binary(max_size=200), sent=st.binary(max_size=220), most=st.integers(1, 50), piece=st.integers(1, 60))
def test_a_verified_stream_gives_the_right_bytes_or_an_error(right: bytes, sent: bytes, most: int, piece: int) -> None:
    for data in (right, sent):
        try:
            reader = VerifiedReader(Dribble(data, most).read, described(right, "x/x"), "blob")
            got = b""
            while part := reader.read(piece):
                got += part
        except InputError:
            assert data != right
        else:
            assert got == right


@given(values)
def test_a_manifest_is_read_or_refused(value: Any) -> None:
    data = json.dumps(value).encode()
    try:
        parse_manifest(data, described(data, MANIFEST), "x")
    except InputError as error:
        assert error.problems


@given(values)
def test_a_descriptor_is_read_or_refused_and_written_as_it_was(value: Any) -> None:
    try:
        descriptor = parse_descriptor(value, "x", "")
    except InputError:
        return
    assert parse_descriptor(descriptor.document(), "x", "") == descriptor


@given(st.text(max_size=60), st.sampled_from(["oci://", "oci-layout:", "oci://h/", ""]))
def test_a_location_is_read_or_refused(text: str, prefix: str) -> None:
    try:
        named = parse_reference(prefix + text)
    except InputError:
        pass
    else:
        assert parse_reference(str(named)) == named
    with contextlib.suppress(InputError):
        split_location(prefix + text)


@given(st.lists(st.text(max_size=80), max_size=3))
def test_challenges_are_read_whatever_they_say(headers: list[str]) -> None:
    parse_challenges(headers)


paths = st.lists(
    st.sampled_from(["a", "A", "b", "ä", "a\u0308", "..", "", "evidence", "README.md"]), min_size=1, max_size=3
).map("/".join)


@given(st.lists(paths, max_size=6))
def test_paths_that_are_accepted_lie_side_by_side_on_any_file_system(given_paths: list[str]) -> None:
    everything = [*given_paths, "README.md", "manifest.json", "artifact.json"]
    layers = tuple(Descriptor("x/x", SHA, 0, {"org.cncf.model.filepath": path}) for path in everything)
    pack = parse_manifest(
        json.dumps(
            {"schemaVersion": 2, "config": layers[-1].document(), "layers": [x.document() for x in layers]}
        ).encode(),
        Descriptor(MANIFEST, SHA, 0),
        "x",
    )
    try:
        found = layers_by_path(pack, "x")
    except InputError:
        return
    folded = [path.casefold() for path in found]
    assert len(set(folded)) == len(everything)
    for path in folded:
        assert not any(other.startswith(path + "/") for other in folded)
        assert not {"..", "", "evidence"} & {path.split("/")[0]}
        assert ".." not in path.split("/")


@given(st.integers(1, 10**18 - 1))
def test_a_number_of_parameters_is_rounded_down_to_one_decimal(count: int) -> None:
    text = param_size(count)
    scale = {"k": 3, "m": 6, "b": 9, "t": 12, "q": 15}.get(text[-1], 0)
    tenths = round(float(text.rstrip("kmbtq")) * 10)
    assert tenths * 10**scale <= count * 10 < (tenths + 1) * 10**scale or scale == 0
