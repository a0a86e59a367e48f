"""Durations and sizes as people write them: ``25h``, ``5 min``, ``64 MB``, ``1 GiB``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from difflib import get_close_matches
from fractions import Fraction

_PART = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-zµ]+)\s*", re.ASCII)
_BARE = re.compile(r"\s*\d+(?:\.\d+)?\s*", re.ASCII)

_MILLISECOND = Fraction(1, 1000)
DURATIONS: Mapping[str, Fraction] = {
    **dict.fromkeys(("ms", "millisecond", "milliseconds"), _MILLISECOND),
    **dict.fromkeys(("s", "sec", "second", "seconds"), Fraction(1)),
    **dict.fromkeys(("m", "min", "minute", "minutes"), Fraction(60)),
    **dict.fromkeys(("h", "hour", "hours"), Fraction(3600)),
    **dict.fromkeys(("d", "day", "days"), Fraction(86_400)),
    **dict.fromkeys(("w", "week", "weeks"), Fraction(604_800)),
    **dict.fromkeys(("y", "year", "years"), Fraction(31_536_000)),
}
"""Unit to seconds; a year is 365 days, as CloudFront's 31,536,000 is."""

SIZES: Mapping[str, Fraction] = {
    **dict.fromkeys(("b", "byte", "bytes"), Fraction(1)),
    **{name: Fraction(1000**power) for power, name in enumerate(("kb", "mb", "gb", "tb"), 1)},
    **{name: Fraction(1024**power) for power, name in enumerate(("kib", "mib", "gib", "tib"), 1)},
}
"""Unit to bytes, without case: kB is 1000 bytes, KiB is 1024."""

_DURATION_EXAMPLES = 'seconds, or a duration such as "10 s", "5 min", "1h30m" or "1 day"'
_SIZE_EXAMPLES = 'bytes, or a size such as "64 MB" or "1 GiB"'
_SIZE_NAMES = {"kb": "kB", "mb": "MB", "gb": "GB", "tb": "TB", "kib": "KiB", "mib": "MiB", "gib": "GiB", "tib": "TiB"}


class UnitError(ValueError):
    """A quantity nobody can read: ``expected`` says what would do, ``hint`` names the nearest unit."""

    def __init__(self, found: object, expected: str, hint: str = "") -> None:
        super().__init__(f"{found!r} is not {expected}. {hint}".rstrip())
        self.found = found
        self.expected = expected
        self.hint = hint


def parse_duration(value: object) -> float:
    """Seconds; raises ``UnitError``."""
    return float(_total(value, DURATIONS, _DURATION_EXAMPLES))


def parse_size(value: object) -> int:
    """Bytes, a whole number of them; raises ``UnitError``."""
    total = _total(value, SIZES, _SIZE_EXAMPLES)
    if total.denominator != 1:
        raise UnitError(value, _SIZE_EXAMPLES, "Bytes come whole")
    return int(total)


def format_duration(seconds: float) -> str:
    """The shortest exact wording: ``parse_duration`` gives the same seconds back."""
    if seconds != int(seconds):
        return f"{Decimal(repr(seconds)):f} s"
    rest, words = int(seconds), []
    for size, singular, plural in ((86_400, " day", " days"), (3600, "h", "h"), (60, " min", " min"), (1, " s", " s")):
        count, rest = divmod(rest, size)
        if count:
            words.append(f"{count}{singular if count == 1 else plural}")
    return " ".join(words) or "0 s"


def format_size(size: int) -> str:
    """The largest unit that divides the size: ``parse_size`` gives the same bytes back."""
    for unit, factor in sorted(SIZES.items(), key=lambda item: -item[1]):
        if unit in _SIZE_NAMES and size and size % factor == 0:
            return f"{size // int(factor)} {_SIZE_NAMES[unit]}"
    return f"{size} bytes"


def _total(value: object, units: Mapping[str, Fraction], expected: str) -> Fraction:
    """A number, or the sum of number-and-unit pairs."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise UnitError(value, expected)
    if not isinstance(value, str):
        if not 0 <= value < float("inf"):  # false for NaN as well
            raise UnitError(value, expected, "It cannot be negative" if value < 0 else "")
        return Fraction(str(value))
    if _BARE.fullmatch(value):
        return Fraction(value.strip())
    total, end = Fraction(0), 0
    while end < len(value):
        part = _PART.match(value, end)
        if part is None:
            raise UnitError(value, expected, "It cannot be negative" if value.lstrip().startswith("-") else "")
        total += Fraction(part[1]) * _factor(value, part[2], units, expected)
        end = part.end()
    if not value.strip():
        raise UnitError(value, expected)
    return total


def _factor(value: str, unit: str, units: Mapping[str, Fraction], expected: str) -> Fraction:
    factor = units.get(unit.lower())
    if factor is not None:
        return factor
    near = get_close_matches(unit.lower(), units, 1, 0.1) or [next(iter(units))]
    raise UnitError(value, expected, f'There is no unit "{unit}"; did you mean "{_SIZE_NAMES.get(near[0], near[0])}"?')
