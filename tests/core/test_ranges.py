"""Byte ranges, and parts of an object against a naive array of bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.core.ranges import (
    MAX_RANGES,
    Parts,
    content_range,
    enlarged,
    in_order,
    parse_content_range,
    parse_range,
    resolve,
)

SIZE = 60
WHOLE = bytes(range(SIZE))
spans = st.tuples(st.integers(0, SIZE - 1), st.integers(1, SIZE)).map(
    lambda span: (span[0], min(span[0] + span[1], SIZE))
)


@given(st.lists(spans, max_size=12), st.lists(spans, min_size=1, max_size=8))
def test_parts_are_what_an_array_would_be(added: list[tuple[int, int]], asked: list[tuple[int, int]]) -> None:
    parts, known = Parts(SIZE), [False] * SIZE
    for start, end in added:
        parts.add(start, WHOLE[start:end])
        known[start:end] = [True] * (end - start)
    assert parts.size == sum(known)
    assert parts.complete is all(known)
    for start, end in asked:
        expected = WHOLE[start:end] if all(known[start:end]) else None
        assert parts.get((start, end - 1)) == expected


@given(st.lists(st.tuples(spans, st.binary(min_size=SIZE, max_size=SIZE)), max_size=8))
def test_bytes_known_first_stay(added: list[tuple[tuple[int, int], bytes]]) -> None:
    parts, naive = Parts(SIZE), [None] * SIZE
    for (start, end), data in added:
        parts.add(start, data[start:end])
        for at in range(start, end):
            naive[at] = data[at] if naive[at] is None else naive[at]
    for at, byte in enumerate(naive):
        assert parts.get((at, at)) == (None if byte is None else bytes([byte]))


@given(st.integers(0, 80), st.integers(0, 80), st.integers(0, 50))
def test_resolved_as_a_slice_would_be(first: int, last: int, total: int) -> None:
    whole = bytes(total)
    interval = resolve((first, last), total) if first <= last else None
    if interval is not None:
        assert whole[interval[0] : interval[1] + 1] == whole[first : last + 1]
        assert interval[1] < total
    else:
        assert first > last or not whole[first : last + 1]
    suffix = resolve((None, last), total)
    assert (suffix is None) is (not last or not total)
    if suffix is not None:
        assert suffix == (max(0, total - last), total - 1)


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("bytes=0-4", [(0, 4)]),
        ("Bytes = 5- ", [(5, None)]),
        ("bytes=-3", [(None, 3)]),
        ("bytes=0-1, 4-5,-2", [(0, 1), (4, 5), (None, 2)]),
        (None, None),
        ("bytes=", None),
        ("bytes=-", None),
        ("bytes=4-2", None),
        ("bytes=a-b", None),
        ("bytes=0-1,", None),
        ("items=0-1", None),
        ("bytes=１-2", None),
        ("bytes=" + ",".join(["0-1"] * MAX_RANGES), [(0, 1)] * MAX_RANGES),
        ("bytes=" + ",".join(["0-1"] * (MAX_RANGES + 1)), None),
        ("bytes=9999999999999999999-", None),
    ],
)
def test_range_read(text: str | None, asked: list[tuple[int | None, int | None]] | None) -> None:
    assert parse_range(text) == asked


@pytest.mark.parametrize(
    ("asked", "ordered"),
    [
        ([(0, 1), (2, 3)], True),
        ([(0, 1), (5, None)], True),
        ([(0, None), (5, 6)], False),
        ([(2, 3), (0, 1)], False),
        ([(0, 4), (4, 5)], False),
        ([(0, 1), (None, 5)], False),
    ],
)
def test_order(asked: list[tuple[int | None, int | None]], ordered: bool) -> None:
    assert in_order(asked) is ordered


@given(st.integers(0, 10**6), st.one_of(st.none(), st.integers(0, 10**6)), st.integers(0, 5000))
def test_enlarged_covers_what_was_asked_in_whole_blocks(first: int, length: int | None, block: int) -> None:
    last = None if length is None else first + length
    found = parse_range(enlarged((first, last), block))
    assert found is not None
    start, end = found[0]
    assert start is not None
    assert start <= first
    if last is None or end is None:
        assert end is last is None
    else:
        assert end >= last
        assert not block or (end + 1) % block == 0
    assert not block or start % block == 0
    if not block:
        assert (start, end) == (first, last)


def test_a_suffix_is_not_enlarged() -> None:
    assert enlarged((None, 5), 100) == "bytes=-5"


@given(spans, st.one_of(st.none(), st.just(SIZE)))
def test_content_range_read_back(span: tuple[int, int], total: int | None) -> None:
    assert parse_content_range(content_range((span[0], span[1] - 1), total)) == (span[0], span[1] - 1, total)


@pytest.mark.parametrize(
    "text", [None, "", "bytes */10", "bytes 5-4/10", "bytes 0-10/10", "items 0-1/2", "bytes 0-1", "bytes 0-1/x"]
)
def test_content_range_refused(text: str | None) -> None:
    assert parse_content_range(text) is None
