"""The errors commands are refused with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import TypeVar

from edgesim.errors import ControlError

V = TypeVar("V")


def invalid(message: str, status: int = 400) -> ControlError:
    """The error for an argument that cannot be."""
    return ControlError("InvalidArgument", message, status)


def unknown(code: str, what: str, name: str, names: Iterable[str]) -> ControlError:
    """The error for a name that leads nowhere, with the nearest that leads somewhere."""
    near = get_close_matches(name, list(names), 1, 0.5)
    return ControlError(code, f"there is no {what} {name}" + (f"; did you mean {near[0]}?" if near else ""), 404)


def without(mapping: Mapping[str, V], key: str) -> dict[str, V]:
    """The mapping without one key."""
    return {name: value for name, value in mapping.items() if name != key}
