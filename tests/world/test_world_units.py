"""Durations and sizes: read as written, and back."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.world.units import UnitError, format_duration, format_size, parse_duration, parse_size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (10, 10),
        (0.25, 0.25),
        ("10", 10),
        ("10 s", 10),
        ("5 min", 300),
        ("5m", 300),
        ("25h", 90_000),
        ("1 day", 86_400),
        ("1h30m", 5_400),
        ("1 day 2 hours", 93_600),
        ("250 ms", 0.25),
        ("1 year", 31_536_000),
        ("0.5h", 1_800),
    ],
)
def test_durations(text: object, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "size"),
    [
        (1000, 1000),
        ("1000", 1000),
        ("64 MB", 64_000_000),
        ("64mb", 64_000_000),
        ("1 GiB", 1_073_741_824),
        ("1.5 kB", 1500),
        ("0", 0),
    ],
)
def test_sizes(text: object, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "wrong", ["", " ", "ten", "10 s 5", "-1 s", -1, True, None, [], "1,5 s", "1 s,", float("nan"), "²s"]
)
def test_nonsense_is_refused(wrong: object) -> None:
    with pytest.raises(UnitError):
        parse_duration(wrong)
    with pytest.raises(UnitError):
        parse_size(wrong)


@pytest.mark.parametrize(
    ("parse", "text", "hint"),
    [
        (parse_duration, "10 sek", '"sec"'),
        (parse_duration, "3 dys", '"days"'),
        (parse_duration, "2 horas", '"hours"'),
        (parse_size, "64 MBit", '"MB"'),
        (parse_size, "64 M", '"MB"'),
        (parse_size, "0.5 B", "whole"),
    ],
)
def test_the_nearest_unit_is_named(parse: object, text: str, hint: str) -> None:
    assert callable(parse)
    with pytest.raises(UnitError) as caught:
        parse(text)
    assert hint in caught.value.hint


@given(st.integers(0, 10**10) | st.floats(0, 1e9, allow_nan=False))
def test_durations_come_back(seconds: float) -> None:
    assert parse_duration(format_duration(seconds)) == seconds
    assert parse_duration(seconds) == seconds


@given(st.integers(0, 2**60))
def test_sizes_come_back(size: int) -> None:
    assert parse_size(format_size(size)) == size


@given(st.text(max_size=30))
def test_any_text_is_a_quantity_or_a_unit_error(text: str) -> None:
    for parse in (parse_duration, parse_size):
        with contextlib.suppress(UnitError):
            assert parse(text) >= 0
