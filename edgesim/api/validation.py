"""What the model demands of values, and the words in which AWS refuses them.

All violations of a request are told at once: ``2 validation errors detected: Value 'x' at
'distributionConfig.priceClass' failed to satisfy constraint: Member must satisfy enum value set: [...]; ...``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from botocore.model import Shape

_LONGEST_SHOWN = 200
_MOST_TOLD = 100
_SEPARATORS = " \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_CLASSES = ((r"\p{L}", r"\w"), (r"\p{N}", r"\w"), (r"\p{Z}", _SEPARATORS))
"""Unicode classes of the models' patterns, for ``re``. (``\\w`` has the underscore too; so have those patterns.)"""


def member_path(path: str, name: str) -> str:
    """The path of a member: ``distributionConfig.priceClass``."""
    name = name[:1].lower() + name[1:]
    return f"{path}.{name}" if path else name


def item_path(path: str, number: int) -> str:
    """The path of an item, counted from 1."""
    return f"{path}.{number}.member"


def violation(shape: Shape, value: Any, path: str, constraint: str) -> str:
    """A violation in AWS's words; values of sensitive members are not shown."""
    shown = "" if shape.metadata.get("sensitive") else f" '{_show(value)}'"
    return f"Value{shown} at '{path}' failed to satisfy constraint: {constraint}"


def _show(value: Any) -> str:
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    shown = str(value).lower() if isinstance(value, bool) else str(value)
    return shown if len(shown) <= _LONGEST_SHOWN else shown[:_LONGEST_SHOWN] + "..."


def summary(violations: list[str]) -> str:
    """All violations as one message; of a great many, the first hundred."""
    plural = "" if len(violations) == 1 else "s"
    return f"{len(violations)} validation error{plural} detected: {'; '.join(violations[:_MOST_TOLD])}"


def check(shape: Any, value: Any, path: str = "") -> Iterator[str]:
    """The violations in a value of a shape. None stands for a value that was refused already."""
    if value is None:
        return
    match shape.type_name:
        case "structure":
            yield from _check_structure(shape, value, path)
        case "list":
            yield from _check_length(shape, value, path)
            for number, item in enumerate(value, 1):
                yield from check(shape.member, item, item_path(path, number))
        case "map":
            for key, item in value.items():
                yield from check(shape.key, key, member_path(path, key))
                yield from check(shape.value, item, member_path(path, key))
        case "string":
            yield from _check_string(shape, value, path)
        case "blob":
            yield from _check_length(shape, value, path)
        case "integer" | "long" | "float" | "double":
            yield from _check_number(shape, value, path)


def _check_structure(shape: Any, value: Mapping[str, Any], path: str) -> Iterator[str]:
    for name, member in shape.members.items():
        at = member_path(path, name)
        if name in value:
            yield from check(member, value[name], at)
        elif name in shape.required_members:
            yield f"Value null at '{at}' failed to satisfy constraint: Member must not be null"


def _check_string(shape: Any, value: str, path: str) -> Iterator[str]:
    if shape.enum and value not in shape.enum:
        yield violation(shape, value, path, f"Member must satisfy enum value set: [{', '.join(shape.enum)}]")
    yield from _check_length(shape, value, path)
    pattern = shape.metadata.get("pattern")
    if pattern is not None and len(value) <= shape.metadata.get("max", 10_000) and not _compiled(pattern)(value):
        yield violation(shape, value, path, f"Member must satisfy regular expression pattern: {pattern}")


def _check_length(shape: Shape, value: Any, path: str) -> Iterator[str]:
    least, most = shape.metadata.get("min", 0), shape.metadata.get("max")
    if len(value) < least:
        yield violation(shape, value, path, f"Member must have length greater than or equal to {least}")
    if most is not None and len(value) > most:
        yield violation(shape, value, path, f"Member must have length less than or equal to {most}")


def _check_number(shape: Shape, value: float, path: str) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and value < least:
        yield violation(shape, value, path, f"Member must have value greater than or equal to {least:g}")
    if most is not None and value > most:
        yield violation(shape, value, path, f"Member must have value less than or equal to {most:g}")


@cache
def _compiled(pattern: str) -> Any:
    """Whether a whole string matches, as in Java."""
    for unicode, ours in _CLASSES:
        pattern = pattern.replace(unicode, ours)
    return re.compile(pattern).fullmatch


def miscounted(shape: Any, value: Any, path: str = "", *, repair: bool = False) -> Iterator[str]:
    """Where ``Quantity`` is not the number of ``Items``, a sentence each. ``repair`` makes it so."""
    if shape.type_name == "list" and value:
        for number, item in enumerate(value, 1):
            yield from miscounted(shape.member, item, item_path(path, number), repair=repair)
    if shape.type_name != "structure" or value is None:
        return
    if "Quantity" in shape.members and "Items" in shape.members:
        yield from _counted(value, path, repair)
    for name, member in shape.members.items():
        if name in value:
            yield from miscounted(member, value[name], member_path(path, name), repair=repair)


def _counted(value: dict[str, Any], path: str, repair: bool) -> Iterator[str]:
    said, there = value.get("Quantity"), len(value.get("Items") or ())
    if said == there or (said is None and not repair):  # the model requires it where it has to be there
        return
    if repair:
        value["Quantity"] = there
    yield f"{path}: Quantity is {'missing' if said is None else said}, Items has {there}"
