"""HTTP dates to and from seconds since the epoch (RFC 9110 §5.6.7): the three formats, read strictly.

A date that is not exactly one of them is no date: for ``Expires`` that means *already expired* (RFC 9111 §5.3).
"""

from __future__ import annotations

import calendar
import re
from functools import lru_cache

_DAYS = "Mon|Tue|Wed|Thu|Fri|Sat|Sun"
_LONG_DAYS = "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday"
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH = "|".join(_MONTHS)
_TIME = r"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)"

_IMF_FIXDATE = re.compile(rf"(?:{_DAYS}), (?P<day>\d\d) (?P<month>{_MONTH}) (?P<year>\d{{4}}) {_TIME} GMT", re.ASCII)
_RFC_850 = re.compile(rf"(?:{_LONG_DAYS}), (?P<day>\d\d)-(?P<month>{_MONTH})-(?P<year>\d\d) {_TIME} GMT", re.ASCII)
_ASCTIME = re.compile(rf"(?:{_DAYS}) (?P<month>{_MONTH}) (?P<day>[ \d]\d) {_TIME} (?P<year>\d{{4}})", re.ASCII)

_WEEKDAYS = _DAYS.split("|")
_HALF_CENTURY = 50


@lru_cache(maxsize=4096)
def parse_date(text: str | None, this_year: int = 2026) -> float | None:
    """Seconds since the epoch, or ``None`` when ``text`` is not a valid HTTP date.

    ``this_year`` settles the century of an RFC 850 date: never more than fifty years ahead.
    """
    if text is None:
        return None
    text = text.strip(" \t")
    match = _IMF_FIXDATE.fullmatch(text) or _ASCTIME.fullmatch(text)
    short = None if match else _RFC_850.fullmatch(text)
    found = match or short
    if found is None:
        return None
    year = int(found["year"])
    if short is not None:
        year += this_year // 100 * 100
        if year > this_year + _HALF_CENTURY:
            year -= 100
    return _epoch(year, _MONTHS.index(found["month"]) + 1, found)


def _epoch(year: int, month: int, found: re.Match[str]) -> float | None:
    day, hour, minute, second = (int(found[part]) for part in ("day", "hour", "minute", "second"))
    if year < 1 or not 1 <= day <= calendar.monthrange(year, month)[1] or hour > 23 or minute > 59 or second > 60:
        return None
    return float(calendar.timegm((year, month, day, hour, minute, second, 0, 0, 0)))


@lru_cache(maxsize=64)
def format_date(second: int) -> str:
    """An IMF-fixdate such as ``Sun, 06 Nov 1994 08:49:37 GMT`` for a whole second since the epoch."""
    days, rest = divmod(second, 86_400)
    year, month, day = civil(days)
    weekday = _WEEKDAYS[(days + 3) % 7]
    return (
        f"{weekday}, {day:02} {_MONTHS[month - 1]} {year:04} {rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02} GMT"
    )


def civil(days: int) -> tuple[int, int, int]:
    """Year, month and day of a count of days since 1970-01-01, by the Gregorian calendar's 400-year cycle."""
    era, day_of_era = divmod(days + 719_468, 146_097)
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * day_of_year + 2) // 153
    month = shifted + 3 if shifted < 10 else shifted - 9
    return year_of_era + era * 400 + (month <= 2), month, day_of_year - (153 * shifted + 2) // 5 + 1
