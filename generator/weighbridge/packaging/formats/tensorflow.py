"""TensorFlow: the graphs of a SavedModel or of a frozen graph, walked for operators that do more than compute.

Formats: tensorflow/core/protobuf/saved_model.proto, meta_graph.proto, core/framework/graph.proto, function.proto.
The variables lie in a table of their own (`variables/`), which is not read: tensors are not counted.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from weighbridge.packaging.formats.header import Header
from weighbridge.packaging.formats.keras import executable_in, json_objects
from weighbridge.packaging.formats.protobuf import Field, Message
from weighbridge.packaging.view import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from weighbridge.packaging.view import FileView

DOES_MORE = frozenset(
    {
        "PyFunc",
        "PyFuncStateless",
        "EagerPyFunc",
        "ReadFile",
        "WriteFile",
        "WholeFileReader",
        "WholeFileReaderV2",
        "MatchingFiles",
        "PrintV2",
        "LoadLibrary",
        "DebugIdentity",
        "DebugIdentityV2",
        "DebugIdentityV3",
        "RpcCall",
        "RpcClient",
        "RpcServer",
        "RegisterDataset",
        "RegisterDatasetV2",
        "DataServiceDataset",
        "DataServiceDatasetV2",
        "DataServiceDatasetV3",
        "DataServiceDatasetV4",
        "GeneratorDataset",
        "ImmutableConst",
        "FixedLengthRecordReaderV2",
        "TFRecordReaderV2",
        "TextLineReaderV2",
    }
)
"""Operators that run Python, touch files or reach the network (TensorFlow's SECURITY.md warns of such graphs).
`SaveV2` and `RestoreV2` are in every SavedModel and are not named."""


def read_saved_model(view: FileView) -> Header:
    """What `saved_model.pb` says.

    Raises:
        FormatError: no SavedModel, or more than is stepped through.
    """
    header, message = Header("tensorflow"), Message(view)
    operators: set[str] = set()
    graphs = 0
    for field in message.fields(0, view.size):
        if field.number == 1 and field.wire == 0:
            header.version = str(field.value)
        elif field.number == 2 and field.wire == 2:
            for part in message.fields(field.begin, field.end):
                if part.number == 2 and part.wire == 2:
                    graphs += 1
                    operators.update(_graph(message, part))
    if not graphs:
        raise FormatError("is no SavedModel: it holds no graph")
    return _told(header, operators)


def read_frozen_graph(view: FileView) -> Header:
    """What a graph alone, as `.pb`, says.

    Raises:
        FormatError: no graph, or more than is stepped through.
    """
    message = Message(view)
    operators = set(_graph(message, Field(0, 2, 0, 0, view.size)))
    if not operators:
        raise FormatError("is no graph of TensorFlow: it has no node")
    return _told(Header("tensorflow"), operators)


def read_text(view: FileView) -> Header | None:
    """What of a graph as text (`.pbtxt`) does more than compute; None if nothing does, as in a server's configuration.

    Raises:
        FormatError: larger than is read, or text with escapes, which could spell any name.
    """
    text = view.at(0, view.size)
    operators = {word.decode() for word in re.findall(rb"\w{1,100}", text)}
    if re.search(rb"\bop\s*:", text) and b"\\" in text:
        raise FormatError("is a graph as text that spells something with escapes")
    return _told(Header("tensorflow"), operators) if DOES_MORE & operators else None


def read_unread(_: FileView) -> Header:
    """Other forms of a SavedModel that TensorFlow loads. Raises FormatError, always: they are not taken apart."""
    raise FormatError("is a SavedModel in a form that is not read; save it as saved_model.pb")


def read_keras_metadata(view: FileView) -> Header:
    """What `keras_metadata.pb`, the architecture beside a SavedModel, says. Raises what `json_objects` raises."""
    header = Header("keras")
    found = {item for value in json_objects(view) for item in executable_in(value)}
    header.executable = sorted(found)
    return header


def _told(header: Header, operators: Iterable[str]) -> Header:
    header.executable = [("graph-operator", name) for name in sorted(DOES_MORE.intersection(operators))]
    return header


def _graph(message: Message, graph: Field) -> Iterable[str]:
    """Names of the operators of a GraphDef, its functions among them."""
    for field in message.fields(graph.begin, graph.end):
        if field.number == 1 and field.wire == 2:
            yield from _node(message, field)
        elif field.number == 2 and field.wire == 2:
            for function in message.fields(field.begin, field.end):
                if function.number == 1 and function.wire == 2:
                    for part in message.fields(function.begin, function.end):
                        if part.number == 3 and part.wire == 2:
                            yield from _node(message, part)


def _node(message: Message, node: Field) -> Iterable[str]:
    for field in message.fields(node.begin, node.end):
        if field.number == 2 and field.wire == 2:
            yield message.text(field)
