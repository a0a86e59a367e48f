"""Parts put together, and what a HEAD answer says about a stored GET."""

from __future__ import annotations

import pytest
from multidict import CIMultiDict
from test_delivery import entry

from edgesim.core.bodies import Body
from edgesim.core.combining import combined, head_contradicts, same_representation
from edgesim.core.messages import Response
from edgesim.core.reasons import NotStored
from edgesim.core.store import Entry

WHOLE = b"0123456789"


def part(first: int, last: int, tag: str | None = '"1"', place: str | None = None) -> Entry:
    made = entry(Body(WHOLE[first : last + 1]), status=206, Content_Range=place or f"bytes {first}-{last}/10")
    if tag is not None:
        made.headers = CIMultiDict([*made.headers.items(), ("ETag", tag)])
    return made


def test_parts_grow_into_the_whole() -> None:
    one = combined(part(0, 3), None)
    assert isinstance(one, Entry)
    assert (one.status, one.total, one.headers["Content-Length"]) == (200, 10, "10")
    assert "Content-Range" not in one.headers
    assert one.parts is not None
    two = combined(part(6, 9), one)
    assert isinstance(two, Entry)
    assert two.parts is not None
    assert two.parts.get((6, 9)) == b"6789"
    assert two.parts.get((0, 9)) is None
    three = combined(part(2, 7), two)
    assert isinstance(three, Entry)
    assert three.parts is None
    assert three.body.data == WHOLE


@pytest.mark.parametrize("tag", ['"2"', 'W/"1"', None])
def test_parts_of_something_else_begin_anew(tag: str | None) -> None:
    one = combined(part(0, 3), None)
    assert isinstance(one, Entry)
    two = combined(part(4, 9, tag), one)
    assert isinstance(two, Entry)
    assert two.parts is not None
    assert two.parts.get((0, 3)) is None


@pytest.mark.parametrize("place", ["bytes 0-3/*", "bytes 0-4/10", "nonsense"])
def test_a_part_that_does_not_say_where_it_belongs(place: str) -> None:
    assert combined(part(0, 3, place=place), None) is NotStored.RANGE_UNUSABLE


def test_a_part_of_what_is_there_already() -> None:
    known = entry(Body(WHOLE), total=10, ETag='"1"')
    assert combined(part(0, 3), known) is NotStored.ALREADY_WHOLE
    known.status = 203
    assert combined(part(0, 3), known) is NotStored.RANGE_UNUSABLE


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"ETag": '"1"'}, {"ETag": '"1"'}, True),
        ({"ETag": 'W/"1"'}, {"ETag": 'W/"1"'}, False),
        ({"ETag": '"1"', "Last-Modified": "x"}, {"Last-Modified": "x"}, False),
        ({"Last-Modified": "x"}, {"Last-Modified": "x"}, True),
        ({"Last-Modified": "x"}, {"Last-Modified": "y"}, False),
        ({}, {}, False),
    ],
)
def test_the_same_bytes(one: dict[str, str], other: dict[str, str], same: bool) -> None:
    assert same_representation(CIMultiDict(one), CIMultiDict(other)) is same


def test_contradictions() -> None:
    stored = entry(Body(WHOLE), total=10, ETag='"1"', Content_Length="10")
    assert not head_contradicts(stored, Response(200, CIMultiDict(ETag='"1"')))
    assert not head_contradicts(stored, Response(200, CIMultiDict()))
    assert head_contradicts(stored, Response(200, CIMultiDict(ETag='"2"')))
    assert head_contradicts(stored, Response(200, CIMultiDict({"Content-Length": "11"})))
    assert head_contradicts(stored, Response(200, CIMultiDict({"Last-Modified": "new"})))
