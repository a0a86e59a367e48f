"""Verdicts as JSON, between the processes of one world: what one of them saw, another can explain.

The shapes follow the dataclasses themselves, so a field that is added there travels without a word here. A dataclass
whose fields all lack defaults is a row (a list); any other is an object that leaves defaults out. Enum members go by
name, header fields as pairs in order. The edges that could have answered are the same for many requests, so a batch
keeps each list of them once, and refers to it by number.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Sequence
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from enum import Enum
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from multidict import CIMultiDict, CIMultiDictProxy

from edgesim.core.routing import Choice
from edgesim.core.verdict import Verdict
from edgesim.errors import EdgesimError

T = TypeVar("T")

_PLAIN = (str, int, float, bool, type(None))
_MULTIDICTS = (CIMultiDict, CIMultiDictProxy)


class NotAVerdict(EdgesimError):
    """What came is not of the shape that was expected."""


class Table:
    """The choices of one batch, each once."""

    def __init__(self, rows: Sequence[Any] = ()) -> None:
        self.rows: list[Any] = list(rows)
        self._numbers: dict[int, int] = {}
        self._kept: list[Choice] = []
        self._decoded: dict[int, Choice] = {}

    def number(self, choice: Choice) -> int:
        """The number of a choice; routes remember theirs, so the same one is mostly the same object."""
        known = self._numbers.get(id(choice))
        if known is None:
            known = self._numbers[id(choice)] = len(self.rows)
            self._kept.append(choice)  # or its id could be another's
            self.rows.append(_codec(Choice, tabled=False).encode(choice, self))
        return known

    def choice(self, number: int) -> Choice:
        """The choice with a number."""
        known = self._decoded.get(number)
        if known is None:
            known = self._decoded[number] = _codec(Choice, tabled=False).decode(self.rows[number], self)
        return known


@dataclass(frozen=True, slots=True)
class _Codec:
    encode: Callable[[Any, Table], Any]
    decode: Callable[[Any, Table], Any]


def encode_verdicts(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """A batch, for ``json.dumps``."""
    table = Table()
    encode = _codec(Verdict).encode
    rows = [encode(verdict, table) for verdict in verdicts]
    return {"choices": table.rows, "verdicts": rows}


def decode_verdicts(batch: Any) -> list[Verdict]:
    """The verdicts of a batch from ``json.loads``; raises NotAVerdict."""
    try:
        table = Table(batch["choices"])
        decode = _codec(Verdict).decode
        return [decode(row, table) for row in batch["verdicts"]]
    except (TypeError, KeyError, ValueError, IndexError, AttributeError) as error:
        raise NotAVerdict(f"not a batch of verdicts: {type(error).__name__}: {error}") from None


def encode_value(kind: type[T], value: T) -> Any:
    """Any frozen value made of what verdicts are made of."""
    return _codec(kind, tabled=False).encode(value, Table())


def decode_value(kind: type[T], data: Any) -> T:
    """The value again; raises NotAVerdict."""
    try:
        return cast(T, _codec(kind, tabled=False).decode(data, Table()))
    except (TypeError, KeyError, ValueError, IndexError, AttributeError) as error:
        raise NotAVerdict(f"not a {kind.__name__}: {type(error).__name__}: {error}") from None


def _same(value: Any, _: Table) -> Any:
    return value


def _codec(kind: Any, tabled: bool = True) -> _Codec:
    """How values of an annotated type travel. Raises TypeError for a type that verdicts have not been made of yet."""
    known = _CODECS.get((kind, tabled))
    if known is None:
        known = _CODECS[kind, tabled] = _make(kind, tabled)
    return known


_CODECS: dict[tuple[Any, bool], _Codec] = {}


def _make(kind: Any, tabled: bool) -> _Codec:
    origin = get_origin(kind)
    if kind in _PLAIN:
        return _Codec(_same, _checked(kind))
    if kind is Choice and tabled:
        return _Codec(lambda value, table: table.number(value), lambda data, table: table.choice(data))
    if origin in (Union, types.UnionType):
        return _union(get_args(kind), tabled)
    if origin in _MULTIDICTS:
        return _Codec(
            lambda value, _: [list(pair) for pair in value.items()],
            lambda data, _: CIMultiDict((name, value) for name, value in data),
        )
    if origin is tuple:
        return _tuple(get_args(kind), tabled)
    if origin is frozenset:
        inner = _codec(get_args(kind)[0], tabled)
        return _Codec(
            lambda value, table: sorted((inner.encode(one, table) for one in value), key=str),
            lambda data, table: frozenset(inner.decode(one, table) for one in data),
        )
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _Codec(lambda value, _: value.name, lambda data, _: kind[data])
    if is_dataclass(kind):
        return _record(kind, tabled)
    raise TypeError(f"no way to send a {kind}")


def _checked(kind: type) -> Callable[[Any, Table], Any]:
    accepted = (int, float) if kind is float else kind

    def decode(data: Any, _: Table) -> Any:
        if not isinstance(data, accepted):
            raise TypeError(f"{type(data).__name__} where {kind.__name__} should be")
        return data

    return decode


def _union(members: tuple[Any, ...], tabled: bool) -> _Codec:
    if all(get_origin(member) in _MULTIDICTS for member in members):
        return _codec(members[0], tabled)
    some = [member for member in members if member is not type(None)]
    if len(some) == 1 and len(some) < len(members):
        return _optional(some[0], tabled)
    if all(member in _PLAIN for member in members):
        return _Codec(_same, _same)
    raise TypeError(f"no way to tell the members of {members} apart")


def _optional(kind: Any, tabled: bool) -> _Codec:
    # looked up when it is needed: a verdict has a verdict inside
    def encode(value: Any, table: Table) -> Any:
        return None if value is None else _codec(kind, tabled).encode(value, table)

    def decode(data: Any, table: Table) -> Any:
        return None if data is None else _codec(kind, tabled).decode(data, table)

    return _Codec(encode, decode)


def _tuple(members: tuple[Any, ...], tabled: bool) -> _Codec:
    if len(members) == 2 and members[1] is Ellipsis:
        inner = _codec(members[0], tabled)
        return _Codec(
            lambda value, table: [inner.encode(one, table) for one in value],
            lambda data, table: tuple(inner.decode(one, table) for one in data),
        )
    codecs = [_codec(member, tabled) for member in members]
    return _Codec(
        lambda value, table: [codec.encode(one, table) for codec, one in zip(codecs, value, strict=True)],
        lambda data, table: tuple(codec.decode(one, table) for codec, one in zip(codecs, data, strict=True)),
    )


def _record(kind: Any, tabled: bool) -> _Codec:
    hints = get_type_hints(kind)
    own = [field for field in fields(kind) if field.init]
    codecs = [(field.name, _codec(hints[field.name], tabled)) for field in own]
    if all(_default(field) is MISSING for field in own):
        return _row(kind, codecs)
    defaults = [_default(field) for field in own]

    def encode(value: Any, table: Table) -> Any:
        found = {}
        for (name, codec), default in zip(codecs, defaults, strict=True):
            held = getattr(value, name)
            if held is not default and (default is MISSING or held != default or type(held) is not type(default)):
                found[name] = codec.encode(held, table)
        return found

    known = dict(codecs)

    def decode(data: Any, table: Table) -> Any:
        return kind(**{name: known[name].decode(held, table) for name, held in data.items()})

    return _Codec(encode, decode)


def _row(kind: Any, codecs: list[tuple[str, _Codec]]) -> _Codec:
    def encode(value: Any, table: Table) -> Any:
        return [codec.encode(getattr(value, name), table) for name, codec in codecs]

    def decode(data: Any, table: Table) -> Any:
        return kind(*(codec.decode(held, table) for (_, codec), held in zip(codecs, data, strict=True)))

    return _Codec(encode, decode)


def _default(field: Field[Any]) -> Any:
    """What a field is when nothing is said, MISSING when something must be."""
    if field.default is not MISSING:
        return field.default
    return field.default_factory() if field.default_factory is not MISSING else MISSING
