"""Rules of documents as data: rows that say which values are refused, and how."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from edgesim.api.faults import fault

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """Values at ``path`` for which ``holds`` is false are refused with ``code``.

    A path goes through members, and with ``Items[]`` through every item of a list; what is absent is not looked at.
    ``{value}`` in the message stands for the value; without a message the service model's own words are said.
    """

    path: str
    holds: Callable[[Any], bool]
    code: str
    message: str = ""


def check_rows(document: Document, rows: Iterable[Row]) -> None:
    """Refuse a document for the first row it breaks. Raises ControlError."""
    for row in rows:
        for value in values(document, row.path):
            if not row.holds(value):
                raise fault(row.code, row.message.replace("{value}", str(value)))


def values(document: Any, path: str) -> Iterator[Any]:
    """Every value that a path leads to."""
    name, _, rest = path.partition(".")
    many = name.endswith("[]")
    found = document.get(name.removesuffix("[]")) if isinstance(document, Mapping) else None
    if found is None:
        return
    for one in found if many else (found,):
        if rest:
            yield from values(one, rest)
        else:
            yield one


def items(document: Document, name: str) -> list[Any]:
    """The ``Items`` of a member such as ``Aliases``; an empty list where there are none."""
    return list((document.get(name) or {}).get("Items") or ())


def between(least: float, most: float) -> Callable[[Any], bool]:
    """True for numbers from ``least`` to ``most``."""
    return lambda value: least <= value <= most


def at_most(most: int) -> Callable[[Any], bool]:
    """True for texts and lists no longer than this."""
    return lambda value: len(value) <= most


def one_of(allowed: Collection[Any]) -> Callable[[Any], bool]:
    """True for these values."""
    return lambda value: value in allowed
