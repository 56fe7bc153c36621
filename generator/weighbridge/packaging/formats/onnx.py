"""ONNX: a Protocol Buffer, of which the tensors' descriptions are read and their data is stepped over.

Format: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto and, for data in files of its own,
https://github.com/onnx/onnx/blob/main/docs/ExternalData.md. Every subgraph and function is walked, too: an operator of
a foreign domain anywhere needs a library that ONNX does not define.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from weighbridge.packaging.formats.header import MAX_DIMENSIONS, External, Header, elements
from weighbridge.packaging.formats.protobuf import Field, Message
from weighbridge.packaging.view import FormatError

if TYPE_CHECKING:
    from weighbridge.packaging.view import FileView

DTYPES = dict(
    enumerate(
        (
            "FLOAT",
            "UINT8",
            "INT8",
            "UINT16",
            "INT16",
            "INT32",
            "INT64",
            "STRING",
            "BOOL",
            "FLOAT16",
            "DOUBLE",
            "UINT32",
            "UINT64",
            "COMPLEX64",
            "COMPLEX128",
            "BFLOAT16",
            "FLOAT8E4M3FN",
            "FLOAT8E4M3FNUZ",
            "FLOAT8E5M2",
            "FLOAT8E5M2FNUZ",
            "UINT4",
            "INT4",
            "FLOAT4E2M1",
            "FLOAT8E8M0",
            "UINT2",
            "INT2",
        ),
        start=1,
    )
)
"""`TensorProto.DataType` by number."""
STANDARD_DOMAINS = frozenset(
    {"", "ai.onnx", "ai.onnx.ml", "ai.onnx.training", "ai.onnx.preview.training", "com.microsoft"}
)
"""Domains whose operators a runtime brings itself: ONNX's own, and those built into ONNX Runtime."""
_MAX_DEPTH = 16
_MAX_OPERATORS = 10_000
_GRAPH_NODE, _GRAPH_TENSOR, _GRAPH_SPARSE = 1, 5, 15


def read_onnx(view: FileView) -> Header:
    """What the model says of itself.

    Raises:
        FormatError: no Protocol Buffer, no graph in it, or more than is stepped through.
    """
    header = Header("onnx", counted=True)
    reader = _Reader(header, Message(view))
    graphs = 0
    for field in reader.message.fields(0, view.size):
        if field.number == 1 and field.wire == 0:
            header.version = str(field.value)
        elif field.number == 7 and field.wire == 2:
            graphs += 1
            reader.graph(field, 0)
        elif field.number == 25 and field.wire == 2:
            reader.function(field)
        elif field.number == 20 and field.wire == 2:
            reader.training(field)
        elif field.number == 14 and field.wire == 2:
            reader.property(field)
    if header.version is None or graphs != 1:
        raise FormatError("is no ONNX model: it has no IR version, or not exactly one graph")
    header.executable += [("graph-operator", f"needs a library for {name}") for name in reader.foreign()]
    return header


class _Reader:
    """Walks the parts of a model."""

    def __init__(self, header: Header, message: Message) -> None:
        self.header, self.message = header, message
        self._operators: set[str] = set()
        self._functions: set[str] = set()

    def foreign(self) -> list[str]:
        """Operators that neither a runtime nor the model itself defines, as `domain::name`."""
        return sorted(self._operators - self._functions)[:32]

    def graph(self, graph: Field, depth: int) -> None:
        if depth > _MAX_DEPTH:
            raise FormatError(f"has graphs nested more than {_MAX_DEPTH} deep")
        for field in self.message.fields(graph.begin, graph.end):
            if field.wire != 2:
                continue
            if field.number == _GRAPH_NODE:
                self.node(field, depth)
            elif field.number == _GRAPH_TENSOR:
                self.tensor(field)
            elif field.number == _GRAPH_SPARSE:
                self.sparse(field)

    def function(self, function: Field) -> None:
        name, domain = "", ""
        for field in self.message.fields(function.begin, function.end):
            if field.wire != 2:
                continue
            if field.number == 1:
                name = self.message.text(field)
            elif field.number == 10:
                domain = self.message.text(field)
            elif field.number == 7:
                self.node(field, 0)
        self._functions.add(_qualified(domain, name))

    def training(self, training: Field) -> None:
        for field in self.message.fields(training.begin, training.end):
            if field.number in {1, 2} and field.wire == 2:
                self.graph(field, 0)

    def property(self, entry: Field) -> None:
        key, value = self._entry(entry)
        if key.lower() in {"license", "licence"}:
            self.header.license = value or None

    def node(self, node: Field, depth: int) -> None:
        operator, domain = "", ""
        for field in self.message.fields(node.begin, node.end):
            if field.wire != 2:
                continue
            if field.number == 4:
                operator = self.message.text(field)
            elif field.number == 7:
                domain = self.message.text(field)
            elif field.number == 5:
                self.attribute(field, depth)
        if domain not in STANDARD_DOMAINS:
            self._operators.add(_qualified(domain, operator))
            if len(self._operators) > _MAX_OPERATORS:
                raise FormatError(f"uses more than {_MAX_OPERATORS:,} operators that ONNX does not define")

    def attribute(self, attribute: Field, depth: int) -> None:
        for field in self.message.fields(attribute.begin, attribute.end):
            if field.wire != 2:
                continue
            if field.number in {6, 11}:
                self.graph(field, depth + 1)
            elif field.number in {5, 10}:
                self.tensor(field)
            elif field.number in {22, 23}:
                self.sparse(field)

    def sparse(self, sparse: Field) -> None:
        for field in self.message.fields(sparse.begin, sparse.end):
            if field.number in {1, 2} and field.wire == 2:
                self.tensor(field)

    def tensor(self, tensor: Field) -> None:
        shape: list[int] = []
        dtype, location, entries = 0, 0, {}
        for field in self.message.fields(tensor.begin, tensor.end):
            if field.number == 1:
                shape += self.message.integers(field, MAX_DIMENSIONS)
            elif field.number == 2:
                dtype = field.value
            elif field.number == 14:
                location = field.value
            elif field.number == 13 and field.wire == 2:
                key, value = self._entry(field)
                entries[key] = value
        if dtype not in DTYPES:
            raise FormatError(f"has a tensor in a data type that is not known: {dtype}")
        elements(shape)
        self.header.add_tensor(DTYPES[dtype], shape)
        # Runtimes differ in which of the two they look at, so either counts.
        if location == 1 or entries:
            self.header.external.append(_external(entries))

    def _entry(self, entry: Field) -> tuple[str, str]:
        parts = {1: "", 2: ""}
        for field in self.message.fields(entry.begin, entry.end):
            if field.number in parts and field.wire == 2:
                parts[field.number] = self.message.text(field)
        return parts[1], parts[2]


def _qualified(domain: str, operator: str) -> str:
    return f"{domain[:200]}::{operator[:200]}"


def _external(entries: dict[str, str]) -> External:
    numbers = []
    for key in ("offset", "length"):
        text = entries.get(key, "")
        if text and not (text.isascii() and text.isdigit() and len(text) < 20):
            raise FormatError(f"has external data whose {key} is {text[:40]!r}")
        numbers.append(int(text) if text else None)
    return External(entries.get("location", ""), numbers[0] or 0, numbers[1])
