"""Any range of any body is the slice it should be, from a whole object, from parts, and while it arrives."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from edgesim.core.answers import BOUNDARY, BrokenOff, entry_answer
from edgesim.core.bodies import Body
from edgesim.core.delivery import (
    NotModified,
    Slice,
    Slices,
    Unsatisfiable,
    Whole,
    select,
    select_arriving,
)
from edgesim.core.failures import Failure, FailureKind
from edgesim.core.freshness import Lifetime
from edgesim.core.keys import Key
from edgesim.core.messages import Request
from edgesim.core.ranges import Parts, content_range, parse_range, resolve
from edgesim.core.reasons import LifetimeRule
from edgesim.core.store import Entry

bodies = st.binary(min_size=1, max_size=50)
asked_ranges = st.one_of(
    st.tuples(st.integers(0, 60), st.one_of(st.none(), st.integers(0, 60))).filter(
        lambda r: r[1] is None or r[1] >= r[0]
    ),
    st.tuples(st.none(), st.integers(0, 60)),
)


def entry(body: Body, *, status: int = 200, total: int | None = None, **headers: str) -> Entry:
    fields = CIMultiDict({name.replace("_", "-"): value for name, value in headers.items()})
    return Entry(Key("k", "/", "E1"), status, "", fields, body, 0.0, Lifetime(9, LifetimeRule.MAX_AGE), total=total)


def request(span: str | None = None, method: str = "GET", **headers: str) -> Request:
    fields = CIMultiDict({name.replace("_", "-"): value for name, value in headers.items()})
    if span is not None:
        fields["Range"] = span
    return Request(method, "/", fields)


def written(asked: tuple[int | None, int | None]) -> str:
    first, last = asked
    return f"bytes={'' if first is None else first}-{'' if last is None else last}"


def read(answered: object) -> bytes:
    return b"".join(piece for piece in answered.pieces() if isinstance(piece, bytes))  # type: ignore[attr-defined]


@given(bodies, asked_ranges)
def test_one_range_of_a_whole_object(data: bytes, asked: tuple[int | None, int | None]) -> None:
    stored = entry(Body(data), total=len(data))
    selection = select(stored, request(written(asked)), [asked])
    interval = resolve(asked, len(data))
    if interval is None:
        assert selection == Unsatisfiable(len(data))
        return
    assert selection == Slice(interval, len(data))
    answered = entry_answer(stored, [("Content-Length", str(len(data)))], selection)
    assert answered.status == 206
    assert read(answered) == data[interval[0] : interval[1] + 1]
    assert ("Content-Range", content_range(interval, len(data))) in answered.headers


@given(bodies, asked_ranges, st.lists(st.integers(1, 20), max_size=5))
def test_one_range_while_the_object_arrives(data: bytes, asked: tuple[int | None, int | None], cuts: list[int]) -> None:
    body = Body()
    stored = entry(body, total=len(data))
    selection = select(stored, request(written(asked)), [asked])
    assert selection is not None
    answered = entry_answer(stored, [], selection)
    if isinstance(selection, Unsatisfiable):
        assert answered.status == 416
        return
    pieces, found, at = answered.pieces(), b"", 0
    for cut in [*cuts, len(data)]:
        body.append(data[at : at + cut])
        at += cut
        for piece in pieces:
            if not isinstance(piece, bytes):
                break
            found += piece
    body.finish()
    found += b"".join(piece for piece in pieces if isinstance(piece, bytes))
    interval = resolve(asked, len(data))
    assert interval is not None
    assert found == data[interval[0] : interval[1] + 1]


@given(bodies, st.integers(0, 49), st.integers(1, 50), asked_ranges)
def test_one_range_of_parts(data: bytes, start: int, size: int, asked: tuple[int | None, int | None]) -> None:
    parts = Parts(len(data))
    known = data[start : start + size]
    if known:
        parts.add(start, known)
    stored = entry(Body(b""), total=len(data))
    stored.parts = parts
    interval = resolve(asked, len(data))
    selection = select(stored, request(written(asked)), [asked])
    if interval is None:
        assert selection == Unsatisfiable(len(data))
    elif start <= interval[0] and interval[1] < start + len(known):
        assert selection == Slice(interval, len(data))
        assert read(entry_answer(stored, [], selection)) == data[interval[0] : interval[1] + 1]
    else:
        assert selection is None
    assert select(stored, request(), None) is None


@given(bodies, st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=2, max_size=4))
def test_several_ranges(data: bytes, spans: list[tuple[int, int]]) -> None:
    asked = parse_range("bytes=" + ",".join(f"{first}-{last}" for first, last in spans))
    stored = entry(Body(data), total=len(data))
    selection = select(stored, request(), asked)
    if asked is None or selection == Whole():
        return
    if isinstance(selection, Unsatisfiable):
        assert all(first >= len(data) for first, _ in spans)
        return
    assert isinstance(selection, Slices)
    answered = entry_answer(stored, [("Content-Type", "text/plain"), ("Content-Length", "9")], selection)
    sections = read(answered).split(f"\r\n--{BOUNDARY}".encode())
    assert sections[-1] == b"--\r\n"
    for (first, last), section in zip(selection.intervals, sections[1:-1], strict=True):
        head, _, content = section.partition(b"\r\n\r\n")
        assert f"Content-Range: bytes {first}-{last}/{len(data)}".encode() in head
        assert content == data[first : last + 1]
    assert dict(answered.headers)["Content-Length"] == str(len(read(answered)))


def test_several_ranges_of_what_still_arrives_come_whole() -> None:
    body = Body()
    answered = entry_answer(entry(body, total=9), [], Slices(((0, 1), (3, 4)), 9))
    assert answered.status == 200
    assert answered.body is body


def test_conditions_come_first() -> None:
    stored = entry(Body(b"x"), total=1, ETag='"1"')
    assert select(stored, request(If_None_Match='"1"', span="bytes=0-0"), [(0, 0)]) == NotModified()
    assert select(stored, request(method="POST", If_None_Match='"1"'), None) == Whole()
    assert select(entry(Body(b"x"), status=404, ETag='"1"'), request(If_None_Match='"1"'), None) == Whole()
    assert entry_answer(stored, [("Content-Type", "x"), ("ETag", '"1"')], NotModified()).headers == [("ETag", '"1"')]


@pytest.mark.parametrize(("held", "part"), [('"1"', True), ('"2"', False), ('W/"1"', False), ("soon", False)])
def test_if_range(held: str, part: bool) -> None:
    stored = entry(Body(b"0123"), total=4, ETag='"1"')
    assert select(stored, request("bytes=0-1", If_Range=held), [(0, 1)]) == (Slice((0, 1), 4) if part else Whole())


def test_no_range_of_what_has_no_length_or_no_body() -> None:
    assert select(entry(Body()), request(), [(0, 1)]) == Whole()
    assert select(entry(Body(b"gone"), status=404, total=4), request(), [(0, 1)]) == Whole()


@pytest.mark.parametrize(
    ("place", "asked", "selection"),
    [
        ("bytes 10-19/30", (12, 14), Slice((12, 14), 30, 10)),
        ("bytes 10-19/*", (12, 14), Slice((12, 14), None, 10)),
        ("bytes 20-29/30", (None, 5), Slice((25, 29), 30, 20)),
        ("bytes 10-19/30", (5, 14), None),
        ("bytes 10-19/30", (12, 24), None),
        ("bytes 0-9/10", (50, None), Unsatisfiable(10)),
        ("nonsense", (12, 14), None),
    ],
)
def test_a_part_as_it_arrives(place: str, asked: tuple[int | None, int | None], selection: object) -> None:
    arriving = entry(Body(), status=206, Content_Range=place)
    assert select(arriving, request(), [asked]) == selection
    assert select_arriving(arriving, request(), [asked]) == (selection or Whole())


def test_whoever_asked_for_a_part_gets_what_the_origin_sent() -> None:
    assert select_arriving(entry(Body(), total=9), request(), [(0, 1)]) == Whole()
    assert select_arriving(entry(Body(), status=206), request(), None) == Whole()
    several = entry(Body(), status=206, Content_Range="bytes 0-1/9")
    assert select_arriving(several, request(), [(0, 1), (3, 4)]) == Whole()


def test_a_body_that_breaks_off() -> None:
    body = Body()
    answered = entry_answer(entry(body, total=9), [], Whole())
    pieces = answered.pieces()
    body.append(b"half")
    assert next(pieces) == b"half"
    assert next(pieces) is body
    body.fail(Failure(FailureKind.TRUNCATED))
    with pytest.raises(BrokenOff):
        next(pieces)
    answered.close()
    assert not body.readers
