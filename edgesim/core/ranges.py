"""Byte ranges: reading Range, choosing what to send, and keeping parts of objects (RFC 9110 §14; spec §4.2).

Offsets are bytes; an interval is ``(first, last)``, both inclusive, as on the wire.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable

Interval = tuple[int, int]

_RANGE = re.compile(r"\s*bytes\s*=\s*(.*)", re.IGNORECASE | re.ASCII)
_SPEC = re.compile(r"\s*(\d{0,18})\s*-\s*(\d{0,18})\s*", re.ASCII)
_CONTENT_RANGE = re.compile(r"\s*bytes\s+(\d{1,18})-(\d{1,18})/(\d{1,18}|\*)\s*", re.IGNORECASE | re.ASCII)

MAX_RANGES = 100
"""More ranges than this in one request are an attack and are ignored (RFC 9110 §17.15)."""

Asked = tuple[int | None, int | None]
"""One range as asked for: (first, last); (None, n) is the last n bytes; (n, None) from n to the end."""


def parse_range(value: str | None) -> list[Asked] | None:
    """The ranges of a Range field; ``None`` when there is none or it is not valid, which means: ignore it."""
    match = _RANGE.fullmatch(value) if value is not None else None
    if match is None:
        return None
    asked: list[Asked] = []
    for part in match[1].split(","):
        spec = _SPEC.fullmatch(part)
        if spec is None or len(asked) >= MAX_RANGES:
            return None
        first = int(spec[1]) if spec[1] else None
        last = int(spec[2]) if spec[2] else None
        if (first is None and last is None) or (first is not None and last is not None and first > last):
            return None
        asked.append((first, last))
    return asked


def resolve(asked: Asked, total: int) -> Interval | None:
    """The interval of an object of ``total`` bytes that was asked for; ``None`` when it lies outside."""
    first, last = asked
    if first is None:
        return (max(0, total - (last or 0)), total - 1) if last and total else None
    if first >= total:
        return None
    return first, total - 1 if last is None else min(last, total - 1)


def in_order(asked: Iterable[Asked]) -> bool:
    """True when several ranges name both their ends (the last may be open), rise and do not overlap (spec §4.2)."""
    end: int | None = -1
    for first, last in asked:
        if first is None or end is None or first <= end:
            return False
        end = last
    return True


def enlarged(asked: Asked, block: int) -> str:
    """The Range to send up: the asked one, widened to whole blocks where it has a first byte (spec §4.2 [sim])."""
    first, last = asked
    if first is None:
        return f"bytes=-{last}"
    if not block:
        return f"bytes={first}-" if last is None else f"bytes={first}-{last}"
    start = first // block * block
    return f"bytes={start}-" if last is None else f"bytes={start}-{(last // block + 1) * block - 1}"


def parse_content_range(value: str | None) -> tuple[int, int, int | None] | None:
    """(first, last, total) of a Content-Range, total ``None`` when unknown; ``None`` when the field is not valid."""
    match = _CONTENT_RANGE.fullmatch(value) if value is not None else None
    if match is None:
        return None
    first, last = int(match[1]), int(match[2])
    total = None if match[3] == "*" else int(match[3])
    if first > last or (total is not None and last >= total):
        return None
    return first, last, total


def content_range(interval: Interval, total: int | None) -> str:
    """The Content-Range of a 206."""
    return f"bytes {interval[0]}-{interval[1]}/{'*' if total is None else total}"


class Parts:
    """What is known of an object's bytes: separate runs, kept in order, joined where they meet."""

    __slots__ = ("_runs", "_starts", "total")

    def __init__(self, total: int) -> None:
        self.total = total
        self._starts: list[int] = []
        self._runs: list[bytes] = []

    @property
    def size(self) -> int:
        """Bytes held."""
        return sum(map(len, self._runs))

    @property
    def complete(self) -> bool:
        """True when every byte of the object is there."""
        return len(self._runs) == 1 and len(self._runs[0]) == self.total

    def add(self, start: int, data: bytes) -> None:
        """Put ``data`` at ``start``; bytes already known are kept as they were."""
        end = start + len(data)
        low = bisect_left(self._starts, start)
        if low and self._starts[low - 1] + len(self._runs[low - 1]) >= start:
            low -= 1
        high = low
        while high < len(self._starts) and self._starts[high] <= end:
            high += 1
        pieces, at = [], start
        for known_start, known in zip(self._starts[low:high], self._runs[low:high], strict=True):
            if known_start < at:
                pieces, at = [known], known_start + len(known)
                start = known_start
            else:
                pieces += [data[at - (end - len(data)) : known_start - (end - len(data))], known]
                at = known_start + len(known)
        if at < end:
            pieces.append(data[at - (end - len(data)) :])
        self._starts[low:high] = [start]
        self._runs[low:high] = [b"".join(pieces)]

    def get(self, interval: Interval) -> bytes | None:
        """The bytes of an interval, ``None`` when some are missing."""
        first, last = interval
        index = bisect_left(self._starts, first + 1) - 1
        if index < 0 or self._starts[index] + len(self._runs[index]) <= last:
            return None
        offset = first - self._starts[index]
        return self._runs[index][offset : offset + last - first + 1]
