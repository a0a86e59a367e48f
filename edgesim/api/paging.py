"""Lists in pages, as CloudFront gives them: Marker, MaxItems, IsTruncated, Quantity, Items."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from edgesim.api.faults import fault

DEFAULT_MAX_ITEMS = 100
_MOST = 2**31 - 1

T = TypeVar("T")


def page(items: Sequence[T], params: Mapping[str, Any], key: Callable[[T], str] | None = None) -> dict[str, Any]:
    """The page that ``Marker`` and ``MaxItems`` of a call ask for, as members of a list structure.

    ``items`` are the summaries in order; ``key`` gives what a marker calls an item (its ``Id`` unless told). The page
    begins after the marker; ``NextMarker`` is there only when more follows, ``Items`` only when there are some. Raises
    ControlError InvalidArgument for a MaxItems that is no positive number and for a marker that names nothing.
    """
    marker, most = str(params.get("Marker") or ""), _most(params.get("MaxItems"))
    names = [key(item) if key else str(item["Id"]) for item in items]  # type: ignore[index]
    if marker and marker not in names:
        raise fault("InvalidArgument", f"The parameter Marker names nothing that is listed: {marker[:100]}")
    start = names.index(marker) + 1 if marker else 0
    shown = list(items[start : start + most])
    more = start + len(shown) < len(items)
    result: dict[str, Any] = {"Marker": marker, "MaxItems": most, "IsTruncated": more, "Quantity": len(shown)}
    if shown:
        result["Items"] = shown
    if more:
        result["NextMarker"] = names[start + len(shown) - 1]
    return result


def _most(given: Any) -> int:
    """MaxItems, which some operations have as a string."""
    if given is None:
        return DEFAULT_MAX_ITEMS
    text = str(given)
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and 1 <= int(text) <= _MOST):
        raise fault("InvalidArgument", f"The parameter MaxItems must be a number from 1: {text[:40]}")
    return int(text)
