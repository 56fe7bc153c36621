"""A pickle read as an unpickler would, with names where it has objects: nothing is imported, nothing is called.

The virtual machine of `pickle` has a stack and a memo. Here they hold texts, numbers, tuples, names of globals and,
for everything else, one opaque value. So the two texts that STACK_GLOBAL takes are those that an unpickler takes,
however they came to lie there; where they are not known, the name is `UNKNOWN`. PyTorch's tensors are told apart, so
that a checkpoint says how many parameters it has.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from weighbridge.packaging.formats.header import elements
from weighbridge.packaging.formats.opcodes import opcodes
from weighbridge.packaging.view import FormatError, LimitError

if TYPE_CHECKING:
    from weighbridge.packaging.formats.opcodes import Bytes, Opcode

UNKNOWN = "?"
"""Stands for a module or a name that only running the pickle would tell."""
MAX_STACK = 1_000_000
"""Most values that are held: a deeper stack or a larger memo is refused."""
MAX_GLOBALS = 10_000
"""Most names of one pickle."""
_NOTHING: Any = None


class Global(NamedTuple):
    """What a pickle imports."""

    module: str
    name: str


class Storage(NamedTuple):
    """PyTorch's storage of a tensor, as a persistent id names it."""

    dtype: str
    key: str


@dataclass
class Pickled:
    """What one pickle does."""

    globals: set[Global] = field(default_factory=set)
    tensors: list[tuple[str, tuple[int, ...]]] = field(default_factory=list)
    """Data type and shape."""
    result: Any = None
    """What it stands for, if that is a text, a number or a tuple of these."""
    end: int = 0
    """Offset behind it."""


class _Mark:
    pass


_MARK = _Mark()
_PUSH_NOTHING = frozenset({"NONE", "NEWTRUE", "NEWFALSE", "EMPTY_LIST", "EMPTY_DICT", "EMPTY_SET", "NEXT_BUFFER"})
_TEXTS = frozenset({"STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE"})
_VALUES = frozenset({"BININT", "BININT1", "BININT2", "LONG1", "LONG4"}) | _TEXTS | {"BINUNICODE8"}
_OPAQUE = frozenset({"FLOAT", "BINFLOAT", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"})
_POPS = {"APPEND": 1, "SETITEM": 2, "BUILD": 1, "POP": 1}
_TUPLES = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_EXTENSIONS = frozenset({"EXT1", "EXT2", "EXT4"})


def read_pickle(data: Bytes, begin: int, pickled: Pickled) -> None:
    """Read one pickle, up to its STOP.

    Args:
        data: where it lies.
        begin: its offset.
        pickled: is filled, also with what was found before an error.

    Raises:
        FormatError: it is none, is cut off, or holds more than is read.
    """
    machine = _Machine(pickled)
    for opcode in opcodes(data, begin):
        pickled.end = opcode.end
        machine.step(opcode)
    pickled.result = machine.pop()


class _Machine:
    def __init__(self, pickled: Pickled) -> None:
        self._pickled = pickled
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def step(self, opcode: Opcode) -> None:
        name = opcode.name
        if name in _VALUES:
            self._stack.append(_literal(name, opcode.argument))
        elif name in _PUSH_NOTHING or name in _OPAQUE:
            self._stack.append(_NOTHING)
        elif name in _POPS:
            for _ in range(_POPS[name]):
                self.pop()
        elif name in _TUPLES:
            items = [self.pop() for _ in range(_TUPLES[name])]
            self._stack.append(tuple(reversed(items)))
        elif name in _EXTENSIONS:
            self._stack.append(self._import(UNKNOWN, UNKNOWN))  # a number in `copyreg`'s registry
        else:
            self._special(name, opcode.argument)
        if len(self._stack) > MAX_STACK:
            raise LimitError(f"is a pickle that needs a stack of more than {MAX_STACK:,} values")

    def pop(self) -> Any:
        if not self._stack:
            raise FormatError("is a pickle that takes more from its stack than it put there")
        return self._stack.pop()

    def _special(self, name: str, argument: Any) -> None:
        method = getattr(self, f"_{name.lower()}", None)
        if method is not None:
            method(argument)
        elif name in {"APPENDS", "SETITEMS", "ADDITEMS", "POP_MARK"}:
            self._to_mark()
        elif name in {"LIST", "DICT", "FROZENSET"}:
            self._to_mark()
            self._stack.append(_NOTHING)

    def _mark(self, _: Any) -> None:
        self._stack.append(_MARK)

    def _to_mark(self) -> list[Any]:
        items: list[Any] = []
        while (item := self.pop()) is not _MARK:
            items.append(item)
        return items[::-1]

    def _dup(self, _: Any) -> None:
        self._stack.append(self.pop())
        self._stack.append(self._stack[-1])

    def _tuple(self, _: Any) -> None:
        items = self._to_mark()
        self._stack.append(tuple(items) if len(items) <= 1000 else _NOTHING)

    def _int(self, argument: Any) -> None:
        self._stack.append(_whole(argument))

    def _long(self, argument: Any) -> None:
        self._stack.append(_whole(str(argument).removesuffix("L")))

    def _put(self, argument: Any) -> None:
        key = _whole(argument)
        if key is None or not self._stack:
            raise LimitError("is a pickle with a memo that cannot be followed")
        self._remember(key)

    def _binput(self, argument: Any) -> None:
        self._put(argument)

    def _long_binput(self, argument: Any) -> None:
        self._put(argument)

    def _memoize(self, _: Any) -> None:
        self._put(len(self._memo))

    def _remember(self, key: int) -> None:
        self._memo[key] = self._stack[-1]
        if len(self._memo) > MAX_STACK:
            raise LimitError(f"is a pickle that needs a memo of more than {MAX_STACK:,} values")

    def _get(self, argument: Any) -> None:
        key = _whole(argument)
        if key is None or key not in self._memo:
            raise FormatError("is a pickle that gets from its memo what it never put there")
        self._stack.append(self._memo[key])

    def _binget(self, argument: Any) -> None:
        self._get(argument)

    def _long_binget(self, argument: Any) -> None:
        self._get(argument)

    def _global(self, argument: Any) -> None:
        self._stack.append(self._import(*_pair(argument)))

    def _stack_global(self, _: Any) -> None:
        name, module = self.pop(), self.pop()
        known = isinstance(name, str) and isinstance(module, str)
        self._stack.append(self._import(module if known else UNKNOWN, name if known else UNKNOWN))

    def _inst(self, argument: Any) -> None:
        self._to_mark()
        self._import(*_pair(argument))
        self._stack.append(_NOTHING)

    def _obj(self, _: Any) -> None:
        self._to_mark()
        self._stack.append(_NOTHING)

    def _newobj(self, _: Any) -> None:
        self.pop(), self.pop()
        self._stack.append(_NOTHING)

    def _newobj_ex(self, _: Any) -> None:
        self.pop()
        self._newobj(_)

    def _persid(self, _: Any) -> None:
        self._stack.append(_NOTHING)

    def _binpersid(self, _: Any) -> None:
        self._stack.append(_storage(self.pop()))

    def _reduce(self, _: Any) -> None:
        arguments, called = self.pop(), self.pop()
        self._stack.append(_NOTHING)
        # Only names are looked up: the hash of a deep tuple would overflow the interpreter's own stack.
        rebuilds = isinstance(called, Global) and called in _REBUILD
        if rebuilds and isinstance(arguments, tuple) and len(arguments) > 2:
            storage, shape = arguments[0], arguments[2]
            if isinstance(storage, Storage) and _is_shape(shape):
                elements(shape)
                self._pickled.tensors.append((storage.dtype, shape))
                if len(self._pickled.tensors) > MAX_STACK:
                    raise LimitError(f"has more than {MAX_STACK:,} tensors")

    def _import(self, module: str, name: str) -> Global:
        found = Global(module, name)
        self._pickled.globals.add(found)
        if len(self._pickled.globals) > MAX_GLOBALS:
            raise LimitError(f"is a pickle that imports more than {MAX_GLOBALS:,} names")
        return found


_REBUILD = frozenset({Global("torch._utils", "_rebuild_tensor_v2"), Global("torch._utils", "_rebuild_tensor")})


def _pair(argument: Any) -> tuple[str, str]:
    module, separator, name = argument.partition(" ") if isinstance(argument, str) else ("", "", "")
    return (module, name) if separator else (UNKNOWN, UNKNOWN)


def _literal(name: str, argument: Any) -> Any:
    if name == "STRING":
        # Written as a Python literal; with an escape in it, it is not taken for a known text.
        text = str(argument)
        plain = len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" and "\\" not in text
        return text[1:-1] if plain else _NOTHING
    if name == "UNICODE":
        return argument if "\\" not in str(argument) else _NOTHING
    if isinstance(argument, int) and argument.bit_length() > 128:
        return _NOTHING
    return argument


def _whole(value: Any) -> int | None:
    try:
        return int(str(value)[:40])
    except ValueError:
        return None


def _storage(identifier: Any) -> Storage | None:
    """PyTorch's persistent id: `('storage', class, key, location, elements)`."""
    if not isinstance(identifier, tuple) or len(identifier) < 5 or identifier[0] != "storage":
        return None
    kind, key = identifier[1], identifier[2]
    if not isinstance(kind, Global) or not isinstance(key, str):
        return None
    dtype = kind.name.removesuffix("Storage").lower()
    return Storage(dtype if dtype.isascii() and dtype.isalnum() and len(dtype) <= 32 else "unknown", key)


def _is_shape(value: Any) -> bool:
    return isinstance(value, tuple) and all(isinstance(item, int) and item >= 0 for item in value)
