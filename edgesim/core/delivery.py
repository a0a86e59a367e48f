"""Which part of an answer a request gets: all of it, a range, or just the news that its copy is still good."""

from __future__ import annotations

from dataclasses import dataclass

from edgesim.core.messages import Request
from edgesim.core.ranges import Asked, Interval, in_order, parse_content_range, resolve
from edgesim.core.store import Entry
from edgesim.core.validation import Precondition, if_range_holds, viewer_condition
from edgesim.core.values import record


@record(frozen=True, slots=True)
class Whole:
    """The answer as it is."""


@record(frozen=True, slots=True)
class NotModified:
    """304: the viewer's own copy is good."""


@record(frozen=True, slots=True)
class Slice:
    """206 with one range. ``offset`` is where the entry's body begins in the object."""

    interval: Interval
    total: int | None
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Slices:
    """206 with several ranges as multipart/byteranges."""

    intervals: tuple[Interval, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Unsatisfiable:
    """416: the range lies outside the object."""

    total: int


Selection = Whole | NotModified | Slice | Slices | Unsatisfiable


def select(entry: Entry, request: Request, asked: list[Asked] | None) -> Selection | None:
    """What a stored or arriving entry gives this request; ``None`` when it lacks bytes that were asked for."""
    if 200 <= entry.status < 300 and request.method in ("GET", "HEAD"):
        condition = viewer_condition(request.headers, entry.headers, entry.received)
        if condition is Precondition.NOT_MODIFIED:
            return NotModified()
    if asked is None or entry.status not in (200, 206) or not _range_allowed(entry, request):
        return _without_range(entry)
    if entry.status == 206:
        return _from_arriving(entry, asked)
    if entry.total is None:
        return Whole()
    return _from_object(entry, asked, entry.total)


def _range_allowed(entry: Entry, request: Request) -> bool:
    return if_range_holds(request.headers.get("If-Range"), entry.headers)


def _without_range(entry: Entry) -> Selection | None:
    return None if entry.parts is not None or entry.status == 206 else Whole()


def _from_object(entry: Entry, asked: list[Asked], total: int) -> Selection | None:
    found = [interval for one in asked if (interval := resolve(one, total)) is not None]
    if not found:
        return Unsatisfiable(total)
    if entry.parts is not None and any(entry.parts.get(interval) is None for interval in found):
        return None
    if len(asked) == 1:
        return Slice(found[0], total)
    if len(found) < len(asked) or not in_order(asked):
        return _without_range(entry)  # CloudFront's rule: rising, apart, all valid, or else the whole object
    return Slices(tuple(found), total)


def _from_arriving(entry: Entry, asked: list[Asked]) -> Selection | None:
    place = parse_content_range(entry.headers.get("Content-Range"))
    if place is None or len(asked) != 1:
        return None
    first, last, total = place
    wanted = resolve(asked[0], total if total is not None else last + 1)
    if wanted is None:
        return Unsatisfiable(total if total is not None else last + 1)
    if wanted[0] < first or wanted[1] > last:
        return None
    return Slice(wanted, total, first)


def select_arriving(entry: Entry, request: Request, asked: list[Asked] | None) -> Selection:
    """What the viewer who caused a fetch gets of its answer. A 200 to a range request goes out whole (spec §4.2)."""
    if entry.status == 206:
        return (select(entry, request, asked) if asked is not None else None) or Whole()
    return select(entry, request, None) or Whole()
