"""Values that are made by the dozen for every request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as record
else:

    def record(*, frozen: bool, slots: bool) -> Callable[[type[Any]], type[Any]]:
        """A dataclass that only the type checker keeps frozen: when running, that costs a call per field each time."""
        return dataclass(slots=slots, unsafe_hash=frozen)


__all__ = ["record"]
