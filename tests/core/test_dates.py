"""HTTP dates, against the standard library's own reader and writer."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.core.dates import format_date, parse_date

seconds = st.integers(0, 250_000_000_000)  # to the year 9892
RFC_EXAMPLE = 784_111_777.0


@given(seconds)
def test_written_as_the_library_writes_and_read_back(second: int) -> None:
    moment = datetime.fromtimestamp(second, UTC)
    assert format_date(second) == format_datetime(moment, usegmt=True)
    assert parse_date(format_date(second)) == second
    assert parsedate_to_datetime(format_date(second)) == moment


@given(seconds)
def test_asctime_is_read(second: int) -> None:
    moment = datetime.fromtimestamp(second, UTC)
    text = f"{moment:%a %b} {moment.day:2} {moment:%H:%M:%S} {moment.year:04}"
    assert parse_date(text) == second


@given(st.integers(0, 4_000_000_000), st.integers(1990, 2090))
def test_two_digit_years_are_within_fifty_years_ahead(second: int, this_year: int) -> None:
    moment = datetime.fromtimestamp(second, UTC)
    found = parse_date(f"{moment:%A, %d-%b-%y %H:%M:%S} GMT", this_year)
    if found is None:
        assert (moment.month, moment.day) == (2, 29)  # no such day in the century it would be in
        return
    year = datetime.fromtimestamp(found, UTC).year
    assert year % 100 == moment.year % 100
    assert this_year - 100 <= year <= this_year + 50


@pytest.mark.parametrize(
    "text",
    [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        " Sun, 06 Nov 1994 08:49:37 GMT\t",
    ],
)
def test_the_three_formats(text: str) -> None:
    assert parse_date(text) == RFC_EXAMPLE


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "0",
        "-1",
        "soon",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 +0000",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "sun, 06 nov 1994 08:49:37 gmt",
        "Sun, 31 Nov 1994 08:49:37 GMT",
        "Tue, 29 Feb 1994 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 06 Nov 0000 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT, Mon, 07 Nov 1994 08:49:37 GMT",
        "Sun, ０６ Nov 1994 08:49:37 GMT",
    ],
)
def test_anything_else_is_no_date(text: str | None) -> None:
    assert parse_date(text) is None


def test_a_leap_second_is_a_date() -> None:
    assert parse_date("Sat, 31 Dec 2016 23:59:60 GMT") == parse_date("Sun, 01 Jan 2017 00:00:00 GMT")


@given(st.text(max_size=40))
def test_no_text_is_too_odd(text: str) -> None:
    assert parse_date(text) is None or parse_date(text) is not None
